#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks resources/capture/capture_qkv.py on small random models: against the models' own attention maps, and against the program.

    python3 check_capture.py [--cli build/release/bin/attnscope-cli]      (needs torch, transformers, tokenizers, safetensors)

For each family it captures q, k, v with eager and sdpa attention, recomputes softmax(q k^T scale) and compares it with the maps that
transformers returns. With --cli the same folder and text go through `attnscope-cli extract`, and every tensor is compared.
"""
import argparse
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers
from safetensors import safe_open

HERE = pathlib.Path(__file__).resolve().parent
SCRIPT = HERE.parents[2] / "resources" / "capture" / "capture_qkv.py"
TEXT = "The grey cat sat on the mat, and the grey dog sat on the log.\nThen the cat and the dog ate."

specification = importlib.util.spec_from_file_location("capture_qkv", SCRIPT)
capture_qkv = importlib.util.module_from_spec(specification)
specification.loader.exec_module(capture_qkv)


def tokenizer(bert):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    if bert:
        built = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        built.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        built.train_from_iterator([TEXT] * 3, trainers.WordPieceTrainer(vocab_size=90, special_tokens=["[UNK]", "[CLS]", "[SEP]"]))
        built.decoder = decoders.WordPiece()
        built.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    else:
        built = Tokenizer(models.BPE())
        built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        built.decoder = decoders.ByteLevel()
        built.train_from_iterator([TEXT] * 3, trainers.BpeTrainer(vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=built)


def families():
    small = {"vocab_size": 320, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 48}
    grouped = {**small, "num_key_value_heads": 2, "initializer_range": 0.3}
    yield "gpt2", transformers.GPT2Config(vocab_size=320, n_embd=32, n_layer=3, n_head=4, n_positions=256, initializer_range=0.3)
    yield "gpt2-scaled", transformers.GPT2Config(vocab_size=320, n_embd=32, n_layer=3, n_head=4, n_positions=256, initializer_range=0.3,
                                                 scale_attn_by_inverse_layer_idx=True)  # fmt: skip
    yield "llama", transformers.LlamaConfig(**grouped)
    yield "mistral-window", transformers.MistralConfig(**grouped, sliding_window=8)
    yield "qwen3", transformers.Qwen3Config(**grouped, head_dim=16)
    yield "bert", transformers.BertConfig(**small, initializer_range=0.3)


def allowed(mask, length):
    row = torch.arange(length)
    distance = row[:, None] - row[None, :]
    if mask == "bidirectional":
        return torch.ones(length, length, dtype=torch.bool)
    window = int(mask.rsplit(" ", 1)[1]) if mask.startswith("sliding window") else length
    return (distance >= 0) & (distance < window)


def map_residual(path, maps):
    """The largest difference between the maps recomputed from the file and those of the model."""
    worst = 0.0
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        for layer, expected in enumerate(maps):
            q, k = (file.get_tensor(f"layers.{layer}.{part}").double() for part in "qk")
            k = k.repeat_interleave(q.shape[0] // k.shape[0], 0)
            scale = float(metadata.get(f"layers.{layer}.scale", metadata["scale"]))
            logits = q @ k.transpose(-1, -2) * scale
            logits = logits.masked_fill(~allowed(metadata["mask"], q.shape[1]), -torch.inf)
            worst = max(worst, float((logits.softmax(-1) - expected[0].double()).abs().max()))
    return worst, metadata


def extraction_residual(cli, folder, text, path):
    """The largest difference between the captured tensors and those of attnscope-cli extract."""
    own = folder / "extracted.safetensors"
    subprocess.run([cli, "extract", "--model", folder, "--text", text, "--out", own], check=True, stdout=subprocess.DEVNULL)
    with safe_open(path, "pt") as a, safe_open(own, "pt") as b:
        if set(a.keys()) != set(b.keys()):
            sys.exit(f"other tensors: {sorted(a.keys())} and {sorted(b.keys())}")
        theirs, ours = a.metadata(), b.metadata()
        masks = [[m.get(f"layers.{layer}.mask", m["mask"]) for layer in range(3)] for m in (theirs, ours)]
        if masks[0] != masks[1] or theirs["causal"] != ours["causal"] or json.loads(theirs["tokens"]) != json.loads(ours["tokens"]):
            sys.exit(f"mask or tokens differ: {theirs} and {ours}")
        for layer in range(3):
            scales = [float(m.get(f"layers.{layer}.scale", m["scale"])) for m in (theirs, ours)]
            if abs(scales[0] - scales[1]) > 1e-6:
                sys.exit(f"the scales of layer {layer} differ: {scales}")
        return max(float((a.get_tensor(key) - b.get_tensor(key)).abs().max()) for key in a.keys())


def refusals(model, words, out):
    """What must fail with one sentence and leave no file."""
    two_sided = transformers.T5Model(transformers.T5Config(vocab_size=320, d_model=32, d_kv=8, d_ff=48, num_layers=1, num_heads=4))
    for refused, layers in ((model, [7]), (two_sided, None)):
        try:
            capture_qkv.capture(refused, words, TEXT, layers, out)
        except capture_qkv.CaptureError as error:
            print("refused:", error)
        else:
            sys.exit("should have been refused")
    if list(out.parent.glob(out.name + "*")):
        sys.exit("a refused capture left a file")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cli")
    cli = parser.parse_args().cli
    torch.manual_seed(1)
    worst = 0.0
    for name, config in families():
        folder = pathlib.Path(tempfile.mkdtemp())
        words = tokenizer(name == "bert")
        model = transformers.AutoModel.from_config(config).eval()
        model.save_pretrained(folder)
        words.save_pretrained(folder)
        (folder / "text.txt").write_text(TEXT, encoding="utf-8")
        for implementation in ("eager", "sdpa"):
            model.set_attn_implementation("eager")
            with torch.no_grad():
                maps = model(**words(TEXT, return_tensors="pt"), output_attentions=True).attentions
            model.set_attn_implementation(implementation)
            path = folder / f"{implementation}.safetensors"
            capture_qkv.capture(model, words, TEXT, None, path)
            residual, metadata = map_residual(path, maps)
            worst = max(worst, residual)
            print(f"{name:15} {implementation:6} mask {metadata['mask']:20} scale {metadata['scale']:20} map residual {residual:.2e}")
        if cli:
            residual = extraction_residual(cli, folder, folder / "text.txt", folder / "eager.safetensors")
            worst = max(worst, residual)
            print(f"{name:15} against attnscope-cli extract: {residual:.2e}")
    refusals(model, words, folder / "refused.safetensors")
    if not worst < 1e-4:
        sys.exit(f"FAILED: {worst:.2e}")
    print(f"passed: largest residual {worst:.2e}")


main()
