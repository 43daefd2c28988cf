# SPDX-License-Identifier: GPL-3.0-or-later
# Compares the forward pass of Attnscope with PyTorch transformers on a real model folder, through the test program.
"""python3 check_real_models.py FOLDER [--tests build/release/bin/attnscope-core-tests] [--tokens 160] [--text FILE] [--float64]

Needs torch, transformers, tokenizers and safetensors. Exits with the test's status."""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import torch
from tokenizers import Tokenizer

import reference

HERE = pathlib.Path(__file__).resolve().parent
DEFAULT_TEXT = (HERE.parents[2] / "README.md").read_text() if (HERE.parents[2] / "README.md").exists() else __doc__ * 20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--tests", default=str(HERE.parents[2] / "build/release/bin/attnscope-core-tests"))
    parser.add_argument("--tokens", type=int, default=160)
    parser.add_argument("--text")
    parser.add_argument("--float64", action="store_true", help="compare with a float64 pass: shows whose rounding a difference is")
    args = parser.parse_args()
    text = pathlib.Path(args.text).read_text() if args.text else DEFAULT_TEXT
    tokenizer = Tokenizer.from_file(str(pathlib.Path(args.folder) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    ids = tokenizer.encode(text).ids[: args.tokens]
    torch.set_num_threads(2)
    expected = reference.reference(args.folder, ids, torch.float64 if args.float64 else torch.float32)
    if args.float64:
        single = reference.reference(args.folder, ids)
        worst = {}
        for name, value in single.items():
            kind = name.split(".")[0]
            worst[kind] = max(worst.get(kind, 0.0), (value.double() - expected[name]).abs().max().item())
        print("PyTorch float32 against float64:", {kind: f"{value:.2e}" for kind, value in worst.items()})
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch) / "expected.safetensors"
        reference.save(expected, path)
        environment = dict(os.environ, ATTNSCOPE_CHECK_MODEL=args.folder, ATTNSCOPE_CHECK_EXPECTED=str(path), QT_QPA_PLATFORM="offscreen")
        return subprocess.run([args.tests, "--only", "test_real_model"], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
