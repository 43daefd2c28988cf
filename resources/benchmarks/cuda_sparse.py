# SPDX-License-Identifier: GPL-3.0-or-later
"""What cuda_linear.py asks about sliding windows: the peer, the definition and the work. A query sees itself and REACH keys before it."""
import numpy as np
import torch

METHODS = ["window"]
SIZES = [{"heads": 8, "dim": 64, "n": n, "causal": True} for n in (16384, 262144)]
REACH = 64  # the window's default


def peers(size, timed):
    """FlexAttention, compiled, with a block mask that is made beforehand."""
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    n = size["n"]
    band = lambda b, h, query, key: (query >= key) & (query - key <= REACH)
    mask = create_block_mask(band, None, None, n, n, device="cuda", _compile=True)
    run = torch.compile(flex_attention)
    sets = [tuple(torch.randn(1, size["heads"], n, size["dim"], device="cuda", dtype=torch.bfloat16) for _ in range(3)) for _ in range(2)]
    with torch.no_grad():
        return {"PyTorch FlexAttention": timed(lambda q, k, v: run(q, k, v, block_mask=mask), sets)}


def float64(q, k, v):
    away = np.arange(q.shape[1])[:, None] - np.arange(k.shape[1])[None, :]
    logits = np.where((away >= 0) & (away <= REACH), q @ k.swapaxes(-1, -2) * q.shape[-1] ** -0.5, -np.inf)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights @ v / weights.sum(-1, keepdims=True)


def flop(size):
    return 4 * size["heads"] * size["n"] * (REACH + 1) * size["dim"]
