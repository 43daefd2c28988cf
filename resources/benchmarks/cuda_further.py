# SPDX-License-Identifier: GPL-3.0-or-later
"""What cuda_linear.py asks about random feature attention, the Gaussian kernel and lucidrains' attention: peers, definitions and work."""
import numpy as np
import torch

METHODS = ["rfa", "kernelized", "lucidrains-linear"]
SIZES = [{"heads": 8, "dim": 64, "n": 65536, "causal": causal} for causal in (False, True)]
FEATURES, CHUNK = 256, 128
LEAST_SUM = 1e-3


def supports(method, size):
    return not (size["causal"] and method == "kernelized")


def chunks(x):
    return x.unflatten(-2, (-1, CHUNK))


def sums(fq, fk, v, causal):
    """Numerators with the sums beside them, [B, H, N, Dv + 1]; causal by chunks, with the states before them summed in float32."""
    v = torch.cat([v, torch.ones_like(v[..., :1])], -1)
    if not causal:
        return fq @ (fk.transpose(-1, -2) @ v)
    q, k, v = chunks(fq), chunks(fk), chunks(v)
    added = (k.transpose(-1, -2) @ v).float()
    before = (added.cumsum(-3) - added).to(v.dtype)
    return (q @ before + torch.tril(q @ k.transpose(-1, -2)) @ v).flatten(-3, -2)


def rfa(w, causal):
    def run(q, k, v):
        tau = q.shape[-1] ** -0.5 * q.float().norm(dim=-1).mean(-1) * k.float().norm(dim=-1).mean(-1)

        def features(x):
            p = (x.float() * (tau.sqrt()[..., None, None] / x.float().norm(dim=-1, keepdim=True))).to(x.dtype) @ w.T
            return torch.cat([p.cos(), p.sin()], -1)
        o = sums(features(q), features(k), v, causal)
        return o[..., :-1] / o[..., -1:]
    return run


def lucidrains(causal):
    def run(q, k, v):
        if not causal:
            return torch.softmax(q, -1) @ (torch.softmax(k, -2).transpose(-1, -2) @ v) * q.shape[-1] ** -0.5
        o = sums(torch.softmax(q, -1), k.exp(), v, True)
        return o[..., :-1] / o[..., -1:].clamp_min(LEAST_SUM * q.shape[-1] ** 0.5)
    return run


def kernelized_peer(size, timed, sets):
    """FlexAttention with |k|^2 in its logits, and its rows times their sums; eager PyTorch has no room for the matrix."""
    from torch.nn.attention.flex_attention import flex_attention
    scale = size["dim"] ** -0.5

    def run(q, k, v):
        half = 0.5 * scale * (k.float() ** 2).sum(-1)
        o, lse = flex_attention(q, k, v, score_mod=lambda s, b, h, i, j: s - half[b, h, j], scale=scale, return_lse=True)
        return o * (lse - 0.5 * scale * (q.float() ** 2).sum(-1)).exp().unsqueeze(-1).to(o.dtype)
    with torch.no_grad():
        return {"PyTorch FlexAttention": timed(torch.compile(run), sets)}


def peers(method, size, timed):
    sets = [tuple(torch.randn(1, size["heads"], size["n"], size["dim"], device="cuda", dtype=torch.bfloat16) for _ in range(3))
            for _ in range(2)]
    if method == "kernelized":
        return kernelized_peer(size, timed, sets)
    w = torch.randn(FEATURES // 2, size["dim"], device="cuda", dtype=torch.bfloat16)
    run = rfa(w, size["causal"]) if method == "rfa" else lucidrains(size["causal"])
    with torch.no_grad():
        return {"PyTorch eager": timed(run, sets), "torch.compile": timed(torch.compile(run), sets)}


def float64(method, q, k, v, causal):
    scale = q.shape[-1] ** -0.5
    if method == "kernelized":
        square = lambda x: (x * x).sum(-1)
        return np.exp(scale * (q @ k.swapaxes(-1, -2) - 0.5 * square(q)[..., None] - 0.5 * square(k)[..., None, :])) @ v
    softmax = lambda x, axis: np.exp(x - x.max(axis, keepdims=True)) / np.exp(x - x.max(axis, keepdims=True)).sum(axis, keepdims=True)
    if not causal:
        return scale * softmax(q, -1) @ (softmax(k, -2).swapaxes(-1, -2) @ v)
    weights = np.tril(softmax(q, -1) @ np.exp(k).swapaxes(-1, -2))
    return weights @ v / np.maximum(weights.sum(-1, keepdims=True), LEAST_SUM / scale)


def flop(method, size):
    rows, dim = size["heads"] * size["n"], size["dim"]
    if method == "kernelized":
        return 4 * rows * size["n"] * dim
    return 4 * rows * dim * FEATURES + 4 * rows * FEATURES // 2 * dim if method == "rfa" else 4 * rows * dim * dim
