#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes planted_pattern.safetensors: q, k, v whose exact attention map is known in closed form (see README.md).

Keys are rows of the 128 x 128 Hadamard matrix, so they are orthogonal: a query x * k_t has the logit x * sqrt(128) at key t and 0 at
every other key, and x can be chosen so that key t gets exactly the mass that we want. Nothing is random.

    python3 make_planted_pattern.py planted_pattern.safetensors        (needs numpy)
"""
import json
import math
import struct
import sys

import numpy

LENGTH = 128
VALUE_DIM = 16


def target(head, i):
    """(key, mass) that query i of a head looks at; mass 0 where it looks at all keys alike."""
    if i == 0:
        return 0, 0.0
    if head == 0:  # previous token
        return i - 1, 0.9
    if head == 1:  # sink
        return 0, 0.8
    if head == 2:  # one long-range pair, all else uniform
        return (LENGTH // 8, 0.7) if i == LENGTH * 7 // 8 else (0, 0.0)
    period = LENGTH // 2  # induction: the token after the previous occurrence of this one
    return (i - period + 1, 0.85) if i >= period else (0, 0.0)


def word(number):
    """A pronounceable label of two syllables for each number below 6400."""
    onsets = "b d f g k l m n p r s t v z sh ch".split()
    text = ""
    for _ in range(2):
        text += onsets[number % 80 // 5] + "aeiou"[number % 5]
        number //= 80
    return text


def save(path, tensors, metadata):
    """The safetensors form, written here because the library orders metadata differently in each run."""
    header, data = {"__metadata__": metadata}, b""
    for name, array in tensors.items():
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.astype("<f4").tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def main():
    index = numpy.arange(LENGTH)
    parity = numpy.array([[bin(a & b).count("1") % 2 for b in index] for a in index])
    codes = (1.0 - 2.0 * parity).astype(numpy.float32)
    q = numpy.zeros((4, LENGTH, LENGTH), numpy.float32)
    for head in range(4):
        for i in range(LENGTH):
            key, mass = target(head, i)
            if mass > 0.0:
                logit = math.log(mass * i / (1.0 - mass))  # i other keys are visible
                q[head, i] = numpy.float32(logit / math.sqrt(LENGTH)) * codes[key]
    v = numpy.cos(numpy.pi * (index[:, None] + 0.5) * numpy.arange(VALUE_DIM) / LENGTH).astype(numpy.float32)
    metadata = {
        "causal": "true",
        "scale": repr(float(numpy.float32(1.0 / math.sqrt(LENGTH)))),
        "tokens": json.dumps([word(i % (LENGTH // 2)) for i in range(LENGTH)]),
    }
    save(sys.argv[1], {"q": q, "k": codes[None], "v": v[None]}, metadata)


main()
