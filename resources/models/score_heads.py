# SPDX-License-Identifier: GPL-3.0-or-later
# Scores every attention head as previous-token, induction, duplicate-token and sink head (TransformerLens' definitions).
#
#   python3 score_heads.py MODEL_FOLDER [--text FILE] [--json FILE]
#
# The first three are means over sequences <|bos|> + r + r with r random tokens: the attention from position i to
# i - 1 (all i), from i in the second copy to the token after its first occurrence, and to that occurrence itself.
# The sink is the mean attention that goes to position 0 from later positions of a text, or of the same sequences.

import argparse
import json

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

BOS, FIRST_ORDINARY = 0, 2


@torch.no_grad()
def attention(model, ids):
    """[layers, batch, heads, T, T] in fp32."""
    return torch.stack(model(ids, output_attentions=True).attentions)


def repeatedRandom(model, length, batch, seed):
    generator = torch.Generator().manual_seed(seed)
    once = torch.randint(FIRST_ORDINARY, model.config.vocab_size, (batch, length), generator=generator)
    return torch.cat((torch.full((batch, 1), BOS), once, once), dim=1)


def stripe(maps, offset, first):
    """Mean over batch and over rows i >= first of maps[..., i, i - offset]: [layers, heads]."""
    size = maps.shape[-1]
    rows = torch.arange(max(first, offset), size)
    return maps[..., rows, rows - offset].mean(dim=(1, 3))


def scores(model, length=50, batch=10, seed=0, text=None):
    maps = attention(model, repeatedRandom(model, length, batch, seed))
    found = {"previous": stripe(maps, 1, 1),
             "induction": stripe(maps, length - 1, length + 1),
             "duplicate": stripe(maps, length, length + 1)}
    sinkMaps = maps if text is None else attention(model, text)
    found["sink"] = sinkMaps[..., 1:, 0].mean(dim=(1, 3))
    if text is not None:
        found["previous on text"] = stripe(sinkMaps, 1, 1)
    return found


def ranked(score, count=5):
    best = score.flatten().argsort(descending=True)[:count].tolist()
    heads = score.shape[1]
    return [(index // heads, index % heads, round(float(score.flatten()[index]), 3)) for index in best]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--length", type=int, default=50)
    parser.add_argument("--text")
    parser.add_argument("--json")
    options = parser.parse_args()
    model = AutoModelForCausalLM.from_pretrained(options.folder, dtype=torch.float32, attn_implementation="eager")
    model.eval()
    text = None
    if options.text:
        with open(options.text, encoding="utf-8") as file:
            ids = AutoTokenizer.from_pretrained(options.folder)(file.read())["input_ids"][:512]
        text = torch.tensor([ids])
    found = scores(model, options.length, text=text)
    for name, score in found.items():
        print(f"{name:18s}", "  ".join(f"L{layer}H{head} {value:.3f}" for layer, head, value in ranked(score)))
    if options.json:
        with open(options.json, "w") as file:
            json.dump({name: [[round(x, 4) for x in row] for row in score.tolist()]
                       for name, score in found.items()}, file)


if __name__ == "__main__":
    main()
