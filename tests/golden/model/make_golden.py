# SPDX-License-Identifier: GPL-3.0-or-later
# Small randomly initialised models of each family as Hugging Face folders, with what PyTorch transformers computes for them.
"""python3 make_golden.py: writes a folder per model beside this file (needs torch, transformers, tokenizers, safetensors)."""
import json
import pathlib
import shutil

import torch
import transformers as tf
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import reference

HERE = pathlib.Path(__file__).parent
LENGTH = 24
TEXT = "The whale swam, and the whale sang; the sea was calm."

LLAMA = dict(vocab_size=100, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=64, bos_token_id=0, eos_token_id=1, pad_token_id=None)


def rope(kind, theta=10000.0, **more):
    return {"rope_parameters": {"rope_type": kind, "rope_theta": theta, **more}}


def stretched(kind, positions=64, **more):
    return LLAMA | dict(num_hidden_layers=1, max_position_embeddings=positions, tie_word_embeddings=True) | rope(kind, **more)


# name: (config, dtype of the file, largest shard)
MODELS = {
    "gpt2": (tf.GPT2Config(vocab_size=100, n_positions=40, n_embd=36, n_layer=2, n_head=3, scale_attn_by_inverse_layer_idx=True,
                           bos_token_id=0, eos_token_id=1), torch.float16, "1GB"),
    "llama": (tf.LlamaConfig(**LLAMA | dict(head_dim=12, attention_bias=True, mlp_bias=True, tie_word_embeddings=True) | rope(
        "llama3", 500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)),
              torch.float32, "40KB"),
    "smollm2": (tf.LlamaConfig(**LLAMA | dict(num_hidden_layers=3, tie_word_embeddings=True) | rope("default", 100000.0)),
                torch.bfloat16, "1GB"),
    "mistral": (tf.MistralConfig(**LLAMA | dict(head_dim=12, sliding_window=7, tie_word_embeddings=False) | rope("default")),
                torch.float16, "1GB"),
    "qwen2": (tf.Qwen2Config(**LLAMA | dict(use_sliding_window=True, sliding_window=5, max_window_layers=1, num_hidden_layers=3,
                                            tie_word_embeddings=True) | rope("default", 1000000.0)), torch.bfloat16, "1GB"),
    "qwen3": (tf.Qwen3Config(**LLAMA | dict(head_dim=16, tie_word_embeddings=True) | rope("default", 1000000.0)), torch.bfloat16, "1GB"),
    "bert": (tf.BertConfig(vocab_size=100, hidden_size=36, num_hidden_layers=2, num_attention_heads=3, intermediate_size=50,
                           max_position_embeddings=40, pad_token_id=0), torch.float32, "1GB"),
    "rope_linear": (tf.LlamaConfig(**stretched("linear", factor=4.0)), torch.float16, "1GB"),
    "rope_dynamic": (tf.LlamaConfig(**stretched("dynamic", positions=16, factor=2.0)), torch.float16, "1GB"),
    "rope_yarn": (tf.LlamaConfig(**stretched("yarn", factor=4.0, original_max_position_embeddings=16)), torch.float16, "1GB"),
}


def randomise(model):
    """Weights large enough that attention is far from uniform; norms and biases away from 1 and 0."""
    for name, parameter in model.named_parameters():
        noise = torch.randn_like(parameter)
        norm = "norm" in name.lower() or "ln_" in name
        if parameter.ndim > 1:
            embedding = "embed" in name or "wte" in name or "wpe" in name
            parameter.data = noise * (1.0 if embedding else 1.6 / parameter.shape[-1] ** 0.5)
        else:
            parameter.data = 1.0 + 0.3 * noise if norm and name.endswith("weight") else 0.3 * noise


def old_rope_form(folder):
    """The keys that folders saved before transformers 5 have."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    scaling = config.pop("rope_parameters")
    config["rope_theta"] = scaling.pop("rope_theta")
    if scaling["rope_type"] != "default":
        config["rope_scaling"] = scaling
    path.write_text(json.dumps(config, indent=2) + "\n")


def byte_pairs():
    """Byte-level BPE over the letters of TEXT, with a beginning-of-sequence token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator([TEXT], trainers.BpeTrainer(vocab_size=60, special_tokens=["<s>"], show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return tokenizer


def word_pieces():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer.train_from_iterator([TEXT], trainers.WordPieceTrainer(vocab_size=60, special_tokens=special, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def make(name, config, dtype, shard):
    torch.manual_seed(sum(name.encode()))
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    cls = tf.BertModel if name == "bert" else tf.AutoModelForCausalLM
    model = tf.BertModel(config, add_pooling_layer=False) if name == "bert" else cls.from_config(config)
    randomise(model)
    model.to(dtype).save_pretrained(folder, max_shard_size=shard)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if name in ("smollm2", "llama", "rope_linear"):
        old_rope_form(folder)
    ids = torch.randint(0, 100, (LENGTH,)).tolist()
    if name in ("llama", "bert"):
        tokenizer = byte_pairs() if name == "llama" else word_pieces()
        tokenizer.save(str(folder / "tokenizer.json"))
        ids = tokenizer.encode(TEXT).ids
        print(name, len(ids), tokenizer.encode(TEXT).tokens)
    reference.save(reference.reference(folder, ids), folder / "expected.safetensors")


if __name__ == "__main__":
    for model_name, arguments in MODELS.items():
        make(model_name, *arguments)
    size = sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file())
    print(f"{size / 1e6:.2f} MB")
