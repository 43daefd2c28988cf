#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Captures q, k, v of golden models with resources/capture/capture_qkv.py, for comparison with the program's own extraction.

    python3 make_golden.py      (needs torch, transformers, tokenizers, safetensors; after ../model/make_golden.py)
"""
import pathlib
import sys

import transformers

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "resources" / "capture"))
from capture_qkv import capture  # noqa: E402

TEXT = "The whale swam, and the whale sang; the sea was calm."

for family in ("llama", "bert"):
    folder = HERE.parent / "model" / family
    model = transformers.AutoModel.from_pretrained(folder)
    model.config._name_or_path = family
    words = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    print(family, capture(model, words, TEXT, None, HERE / f"{family}.safetensors"))
