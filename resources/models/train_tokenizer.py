# SPDX-License-Identifier: GPL-3.0-or-later
# Trains the byte-level BPE tokenizer and packs the training and held-out text into token files.
#
#   python3 train_tokenizer.py --corpus DIR --out DIR [--vocabulary 6144]
#
# Writes OUT/tokenizer.json, tokenizer_config.json, tokens.bin (uint16, documents separated by <|eos|>) and
# heldout.json. Training uses a seeded sample of the documents; held-out text is never read before packing.

import argparse
import glob
import json
import os
import random

import numpy
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

SEED = 20261123
BOS, EOS = "<|bos|>", "<|eos|>"
CONTEXT = 20480


def readDocuments(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)["text"]


def trainTokenizer(texts, vocabulary):
    """GPT-2's pre-tokenization, bytes as the alphabet, <|bos|> put first by the post-processor."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=[BOS, EOS], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B",
                                                             special_tokens=[(BOS, 0)])
    assert tokenizer.token_to_id(BOS) == 0 and tokenizer.token_to_id(EOS) == 1
    return tokenizer


def writeConfig(folder):
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": BOS, "eos_token": EOS,
              "clean_up_tokenization_spaces": False, "model_max_length": CONTEXT}
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
        json.dump(config, file, indent=2)
        file.write("\n")


def pack(tokenizer, path, out):
    """All documents in a seeded order, each followed by <|eos|>, as one uint16 file."""
    documents = list(readDocuments(path))
    random.Random(SEED).shuffle(documents)
    eos = tokenizer.token_to_id(EOS)
    count = 0
    with open(out, "wb") as file:
        for start in range(0, len(documents), 500):
            for encoding in tokenizer.encode_batch(documents[start:start + 500], add_special_tokens=False):
                ids = numpy.array(encoding.ids + [eos], dtype=numpy.uint16)
                ids.tofile(file)
                count += len(ids)
    return count, sum(len(text.encode()) for text in documents)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--vocabulary", type=int, default=6144)
    parser.add_argument("--sample-mb", type=float, default=60)
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)
    path = os.path.join(options.corpus, "train.jsonl")

    keep = random.Random(SEED)
    share = options.sample_mb * 1e6 / os.path.getsize(path)
    tokenizer = trainTokenizer((text for text in readDocuments(path) if keep.random() < share), options.vocabulary)
    tokenizer.save(os.path.join(options.out, "tokenizer.json"))
    writeConfig(options.out)

    count, size = pack(tokenizer, path, os.path.join(options.out, "tokens.bin"))
    print(f"{count} tokens, {size} bytes, {size / count:.3f} bytes per token")
    heldOut = {}
    for name in sorted(glob.glob(os.path.join(options.corpus, "heldout", "*.txt"))):
        with open(name, encoding="utf-8") as file:
            text = file.read()
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        heldOut[os.path.basename(name)[:-4]] = {"bytes": len(text.encode()), "ids": ids}
        print(f"{os.path.basename(name)}: {len(ids)} tokens, {len(text.encode()) / len(ids):.3f} bytes per token")
    with open(os.path.join(options.out, "heldout.json"), "w") as file:
        json.dump(heldOut, file)


if __name__ == "__main__":
    main()
