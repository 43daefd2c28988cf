# SPDX-License-Identifier: GPL-3.0-or-later
# Measures bits per byte of a model folder on text files, in fp32, with xz -9e on the same files beside it.
#
#   python3 measure_bits.py MODEL_FOLDER FILE...
#
# Sliding protocol: windows of <|bos|> + 2,047 tokens that move on by 1,024; each window scores the tokens that no
# earlier window scored, so every token but the first ones has at least 1,023 tokens of context.

import argparse
import lzma
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

BOS = 0


@torch.no_grad()
def nats(model, ids, window, stride):
    """Negative log-likelihood of the token list ids, summed, in nats."""
    total, scored, start = 0.0, 0, 0
    while scored < len(ids):
        end = min(start + window, len(ids))
        piece = torch.tensor([[BOS] + ids[start:end]], device=model.device)
        fresh = end - scored
        logits = model(piece).logits[0, -fresh - 1:-1].float()
        total += float(F.cross_entropy(logits, piece[0, -fresh:], reduction="sum"))
        scored, start = end, start + stride
    return total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--window", type=int, default=2047, help="tokens after <|bos|>")
    parser.add_argument("--stride", type=int, default=1024)
    options = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(options.folder)
    model = AutoModelForCausalLM.from_pretrained(options.folder, dtype=torch.float32).eval()
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    sums = [0.0, 0, 0, 0]
    everything = b""
    print(f"{'file':34s} {'bytes':>9s} {'tokens':>8s} {'bits/byte':>10s} {'xz -9e':>8s}")
    for name in options.files:
        with open(name, "rb") as file:
            data = file.read()
        ids = tokenizer(data.decode("utf-8"), add_special_tokens=False)["input_ids"]
        bits = nats(model, ids, options.window, options.stride) / math.log(2)
        packed = len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
        print(f"{name.split('/')[-1]:34s} {len(data):9d} {len(ids):8d} {bits / len(data):10.4f} "
              f"{8 * packed / len(data):8.4f}", flush=True)
        sums = [a + b for a, b in zip(sums, (bits, len(data), len(ids), packed))]
        everything += data
    together = 8 * len(lzma.compress(everything, preset=9 | lzma.PRESET_EXTREME)) / len(everything)
    print(f"{'all (xz: one file)':34s} {sums[1]:9d} {sums[2]:8d} {sums[0] / sums[1]:10.4f} {together:8.4f}")


if __name__ == "__main__":
    main()
