# SPDX-License-Identifier: GPL-3.0-or-later
# Trains one small tokenizer of each family with the `tokenizers` library and writes what it makes of multilingual.txt.
# Needs tokenizers 0.23, sentencepiece and numpy. Run: python make_golden.py (in this folder). The text is the same every time; training
# breaks ties by chance, so that the vocabularies differ a little from run to run: commit all files together.
import json
import pathlib
import tempfile

import numpy as np
import sentencepiece
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers as norm, pre_tokenizers as pre, processors as post,
                        trainers)

from make_text import make_lines

HERE = pathlib.Path(__file__).parent
LINES = make_lines(1200, seed=20)
FULL = 60  # lines of which all ids are kept; of the others only hashes

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def train_bpe(tokenizer, size, specials, alphabet=()):
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=specials, initial_alphabet=list(alphabet), limit_alphabet=400, show_progress=False)
    tokenizer.train_from_iterator(LINES, trainer)
    return tokenizer


def byte_bpe(size, specials, pre_tokenizer, normalizer=None):
    tokenizer = Tokenizer(models.BPE())
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    train_bpe(tokenizer, size, specials, pre.ByteLevel.alphabet())
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def gpt2():
    tokenizer = byte_bpe(700, ["<|endoftext|>"], pre.ByteLevel(add_prefix_space=False))
    tokenizer.post_processor = post.ByteLevel(trim_offsets=False)
    return tokenizer


def roberta():
    tokenizer = byte_bpe(600, ["<s>", "<pad>", "</s>", "<unk>"], pre.ByteLevel(add_prefix_space=True))
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.add_tokens([AddedToken("Attnscope", single_word=True, rstrip=True)])
    tokenizer.post_processor = post.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=True)
    return tokenizer


def llama3():
    tokenizer = byte_bpe(700, [], pre.Sequence([pre.Split(Regex(LLAMA3), "isolated"), pre.ByteLevel(add_prefix_space=False, use_regex=False)]))
    edit = json.loads(tokenizer.to_str())
    edit["model"]["ignore_merges"] = True
    edit["model"]["vocab"]["Ġriverbank"] = len(edit["model"]["vocab"])  # a word that no merges make
    tokenizer = Tokenizer.from_str(json.dumps(edit))
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|im_start|>", "<|im_end|>"])
    begin = tokenizer.token_to_id("<|begin_of_text|>")
    tokenizer.post_processor = post.Sequence([post.ByteLevel(trim_offsets=False), post.TemplateProcessing("<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", begin)])])
    return tokenizer


def qwen2():
    tokenizer = byte_bpe(650, [], pre.Sequence([pre.Split(Regex(QWEN2), "isolated"), pre.ByteLevel(add_prefix_space=False, use_regex=False)]), norm.NFC())
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tokenizer.add_tokens([AddedToken("<tool_call>", normalized=False)])
    tokenizer.post_processor = post.ByteLevel(trim_offsets=False)
    return tokenizer


def o200k():
    return byte_bpe(600, ["<|endoftext|>"], pre.Sequence([pre.Split(Regex(O200K), "removed", invert=True), pre.ByteLevel(add_prefix_space=False, use_regex=False)]))


def smollm2():
    return byte_bpe(600, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], pre.Sequence([pre.Digits(individual_digits=True), pre.ByteLevel(add_prefix_space=False)]))


def sentencepiece_bpe(size):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre.Metaspace()
    return train_bpe(tokenizer, size, ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(256)])


def special_bytes_off(tokenizer):
    edit = json.loads(tokenizer.to_str())
    edit["added_tokens"] = [t for t in edit["added_tokens"] if not t["content"].startswith("<0x")]
    return edit


def llama2():
    edit = special_bytes_off(sentencepiece_bpe(950))
    edit["pre_tokenizer"] = None
    edit["model"]["merges"] = [" ".join(pair) for pair in edit["model"]["merges"]]  # the older spelling
    tokenizer = Tokenizer.from_str(json.dumps(edit))
    tokenizer.normalizer = norm.Sequence([norm.Prepend("▁"), norm.Replace(" ", "▁")])
    tokenizer.post_processor = post.TemplateProcessing("<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return tokenizer, edit["model"]["merges"]


def mistral():
    tokenizer = Tokenizer.from_str(json.dumps(special_bytes_off(sentencepiece_bpe(900))))
    tokenizer.pre_tokenizer = pre.Metaspace(prepend_scheme="first", split=False)
    tokenizer.post_processor = post.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    return tokenizer


def bert(lowercase):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = norm.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre.BertPreTokenizer()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(LINES, trainers.WordPieceTrainer(vocab_size=1500, special_tokens=specials, limit_alphabet=500, show_progress=False))
    tokenizer.post_processor = post.TemplateProcessing("[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def train_unigram(tokenizer, size, specials):
    trainer = trainers.UnigramTrainer(vocab_size=size, special_tokens=specials, unk_token="<unk>", show_progress=False, shrinking_factor=0.6)
    tokenizer.train_from_iterator(LINES[:80], trainer)
    return tokenizer


def unigram():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = norm.Sequence([norm.Nmt(), norm.NFKC(), norm.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre.Metaspace()
    train_unigram(tokenizer, 1000, ["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.post_processor = post.TemplateProcessing("$A </s>", special_tokens=[("</s>", 2)])
    return tokenizer


def rules_of_sentencepiece():
    """A small character map in sentencepiece's binary form, made by sentencepiece from rules of our own."""
    rules = {"ｱ": "ア", "ﬁ": "fi", "①": "1", "½": "1/2", "e\u0301": "é", "\u3000": " ", "\t": " ", "\r": " ", "\u200b": "", "A": "a", "™": "tm", "か\u3099": "が", "ß": "ss", "字": "[zi]"}
    with tempfile.TemporaryDirectory() as folder:
        table = pathlib.Path(folder, "rules.tsv")
        code = lambda text: " ".join("%X" % ord(c) for c in text)
        table.write_text("".join(code(a) + "\t" + code(b) + "\n" for a, b in rules.items()))
        corpus = pathlib.Path(folder, "corpus.txt")
        corpus.write_text("\n".join(LINES[:60]))
        sentencepiece.SentencePieceTrainer.train(input=str(corpus), model_prefix=str(pathlib.Path(folder, "m")), vocab_size=900, hard_vocab_limit=False,
                                                 normalization_rule_tsv=str(table), minloglevel=2)
        from sentencepiece import sentencepiece_model_pb2
        proto = sentencepiece_model_pb2.ModelProto()
        proto.ParseFromString(pathlib.Path(folder, "m.model").read_bytes())
        return proto.normalizer_spec.precompiled_charsmap


def xlm_roberta():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = norm.Sequence([norm.Precompiled(rules_of_sentencepiece()), norm.Strip(left=False, right=True), norm.Replace(Regex(" {2,}"), "▁")])
    tokenizer.pre_tokenizer = pre.Sequence([pre.WhitespaceSplit(), pre.Metaspace(prepend_scheme="always")])
    train_unigram(tokenizer, 900, ["<s>", "<pad>", "</s>", "<unk>"] + ["<0x%02X>" % b for b in range(256)])
    edit = special_bytes_off(tokenizer)
    edit["model"]["byte_fallback"] = True
    tokenizer = Tokenizer.from_str(json.dumps(edit))
    tokenizer.post_processor = post.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return tokenizer


def words():
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.normalizer = norm.Sequence([norm.NFD(), norm.StripAccents(), norm.Lowercase(), norm.Strip()])
    tokenizer.pre_tokenizer = pre.Sequence([pre.Whitespace(), pre.Punctuation("merged_with_previous"), pre.Digits(False)])
    tokenizer.train_from_iterator(LINES, trainers.WordLevelTrainer(vocab_size=400, special_tokens=["<unk>"], show_progress=False))
    tokenizer.add_tokens([AddedToken("ATTNSCOPE", normalized=True)])
    return tokenizer


def fnv(values):
    """FNV-1a, 32 bits, over little-endian 32-bit numbers."""
    state = 0x811C9DC5
    for value in values:
        for shift in (0, 8, 16, 24):
            state = ((state ^ ((value >> shift) & 0xFF)) * 0x01000193) & 0xFFFFFFFF
    return state


def byte_offsets(text, offsets):
    position = np.cumsum([0] + [len(c.encode()) for c in text]).tolist()
    return [position[edge] for pair in offsets for edge in pair]


def write(name, tokenizer, merges=None):
    text = tokenizer.to_str(pretty=False)
    if merges is not None:
        edit = json.loads(text)
        edit["model"]["merges"] = merges
        text = json.dumps(edit, ensure_ascii=False, separators=(",", ":"))
    (HERE / (name + ".json")).write_text(text)
    encodings = tokenizer.encode_batch(LINES)
    hashes = [[fnv(e.ids), fnv(byte_offsets(line, e.offsets))] for line, e in zip(LINES, encodings)]
    whole = tokenizer.encode("\n".join(LINES), add_special_tokens=False)
    hashes.append([fnv(whole.ids), fnv(byte_offsets("\n".join(LINES), whole.offsets))])
    np.save(HERE / (name + ".hashes.npy"), np.array(hashes, np.uint32))
    np.save(HERE / (name + ".ids.npy"), np.array([i for e in encodings[:FULL] for i in e.ids], np.uint16))
    print(name, tokenizer.get_vocab_size(), sum(len(e.ids) for e in encodings))


if __name__ == "__main__":
    (HERE / "multilingual.txt").write_bytes("\n".join(LINES).encode())
    for make in (gpt2, roberta, llama3, qwen2, o200k, smollm2, mistral, unigram, xlm_roberta, words):
        write(make.__name__, make())
    write("llama2", *llama2())
    write("bert", bert(True))
    write("bert_cased", bert(False))
