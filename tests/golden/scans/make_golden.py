# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the golden values of this folder: per-channel scans, log-linear attention and Mamba-3 MIMO by their official code, in float64.

    git clone https://github.com/fla-org/flash-linear-attention && git clone https://github.com/state-spaces/mamba
    pip install torch numpy einops transformers
    python make_golden.py flash-linear-attention mamba

One file per input suite: q, k, v [heads, tokens, width], gates drawn around them, and what the official functions return. Inputs
are rounded to float32 first; float32 casts inside the official code are lifted to float64, so that values carry its algorithm
and not its rounding.
"""
import ast
import math
import pathlib
import re
import sys
from typing import Optional, Tuple

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from transformers.models.recurrent_gemma import modeling_recurrent_gemma

FOLDER = pathlib.Path(__file__).parent
SUITES = {"s1": (96, 16, 6), "s2": (96, 16, 6), "s3": (96, 16, 6), "s4": (96, 16, 6), "odd": (77, 5, 3)}
HEADS = 2


def rounded(x):
    return x.to(torch.float32).to(torch.float64)


def function(path, name):
    """One pure function of a file whose other imports need a GPU, its casts to float32 lifted."""
    text = pathlib.Path(path).read_text()
    found = next(node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name == name)
    body = ast.get_source_segment(text, found)
    scope = {"torch": torch, "F": F, "math": math, "rearrange": rearrange, "repeat": repeat, "Optional": Optional, "Tuple": Tuple, "Tensor": torch.Tensor}
    body = re.sub(r"torch\.float(32)?\b", "torch.float64", body.replace(".float()", ".double()"))
    exec(body, scope)  # noqa: S102
    return scope[name]


def suite(name, n, d):
    """Queries and keys of the four input suites of Attnscope's tests, [heads, n, d]."""
    q, k = torch.randn(2, HEADS, n, d, dtype=torch.float64)
    if name == "s2":
        q, k = 0.5 * q, 0.5 * k
    if name == "s3":
        frequency, phase = 1 + 39 * torch.rand(HEADS, 1, d, dtype=torch.float64), 2 * math.pi * torch.rand(HEADS, 1, d, dtype=torch.float64)
        place = torch.arange(n, dtype=torch.float64)[None, :, None] / n
        base = math.sqrt(2) * torch.cos(2 * math.pi * frequency * place + phase)
        q, k = base + 0.3 * q, base + 0.3 * k
    if name == "s4":
        centres = 1.3 * torch.randn(16, d, dtype=torch.float64)
        base = centres[torch.randint(0, 16, (HEADS, n))]
        q, k = base + 0.3 * q, base + 0.3 * k
    return rounded(q), rounded(k)


def log_linear(repository, q, k, v, out):
    """fla/ops/log_linear_attn/naive.py with [B, T, H, ...] arrays; keys and queries of each head by its own call."""
    path = f"{repository}/fla/ops/log_linear_attn/naive.py"
    scope = {}
    exec(pathlib.Path(path).read_text(), scope)  # noqa: S102
    n = q.shape[1]
    levels = math.ceil(math.log2(n)) + 1
    g = rounded(-0.2 * torch.rand(HEADS, n, dtype=torch.float64))
    scales = rounded(F.softplus(torch.randn(HEADS, n, levels, dtype=torch.float64)))
    heads = [
        scope["naive_log_linear_attn"](q[h][None, :, None], k[h][None, :, None], v[h][None, :, None], g[h][None, :, None], scales[h][None, :, None])
        for h in range(HEADS)
    ]
    out.update(log_linear_g=g, log_linear_lambda=scales, log_linear=torch.stack([x[0, :, 0] for x in heads]))


def mamba1(repository, q, k, v, out):
    """mamba_ssm/ops/selective_scan_interface.py: heads are groups of channels that share B and C."""
    scan = function(f"{repository}/mamba_ssm/ops/selective_scan_interface.py", "selective_scan_ref")
    channels, n, states = v.shape[2], q.shape[1], q.shape[2]
    dt = rounded(F.softplus(torch.randn(HEADS, n, channels, dtype=torch.float64) - 2))
    a = rounded(-torch.exp(torch.randn(HEADS, channels, states, dtype=torch.float64)))
    skip = rounded(torch.randn(HEADS, channels, dtype=torch.float64))

    def flat(x):
        return x.transpose(1, 2).reshape(1, HEADS * channels, n)

    y = scan(flat(v), flat(dt), a.reshape(-1, states), k.transpose(1, 2)[None], q.transpose(1, 2)[None], skip.reshape(-1))
    out.update(mamba1_dt=dt, mamba1_A=a.reshape(HEADS, 1, -1), mamba1_D=skip[:, None])
    out["mamba1"] = y.reshape(HEADS, channels, n).transpose(1, 2)


def rg_lru(v, out):
    """transformers' RecurrentGemmaRglru with weights drawn; its gates are recorded as it computes them."""
    channels, n = v.shape[2], v.shape[1]

    class Config:
        num_attention_heads = HEADS
        lru_width = HEADS * channels

    layer = modeling_recurrent_gemma.RecurrentGemmaRglru(Config()).double()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    gates = []
    sigmoid = torch.sigmoid
    scan = layer._rnn_scan
    layer._rnn_scan = lambda **inputs: scan(**inputs, acc_dtype=torch.float64)
    torch.sigmoid = lambda x: gates.append(sigmoid(x)) or gates[-1]
    with torch.no_grad():
        y = layer(v.transpose(0, 1).reshape(1, n, -1), torch.arange(n)[None])
    torch.sigmoid = sigmoid
    beta, r = (gate.detach().reshape(n, HEADS, channels).transpose(0, 1) for gate in gates)
    g = -8.0 * r * F.softplus(layer.recurrent_param.detach()).reshape(HEADS, 1, channels)
    out.update(rg_lru_g=g, rg_lru_beta=beta, rg_lru=y.reshape(n, HEADS, channels).transpose(0, 1))


def mamba3_mimo(repository, name, v, out):
    """tests/ops/tilelang/test_mamba3_mimo.py: by steps, which turns adjacent channels, and by chunks, which turns halves."""
    path = f"{repository}/tests/ops/tilelang/test_mamba3_mimo.py"
    ranks, width = 3, 6
    n, channels = v.shape[1:]
    reads, writes = suite(name, n, ranks * width)
    dt = rounded(F.softplus(torch.randn(HEADS, n, dtype=torch.float64)))
    g = rounded(-0.3 * torch.rand(HEADS, n, dtype=torch.float64))
    trap = torch.randn(HEADS, n, dtype=torch.float64)
    angles = torch.randn(HEADS, n, width // 2, dtype=torch.float64)
    skip = rounded(torch.randn(HEADS, dtype=torch.float64))
    x, o = rounded(torch.randn(2, HEADS, ranks, channels, dtype=torch.float64) / ranks)

    def by_rank(t):
        return t.reshape(HEADS, n, ranks, width).permute(1, 2, 0, 3)[None]

    none = torch.zeros(HEADS, ranks, width, dtype=torch.float64)
    step = function(path, "mamba3_MIMO_step_ref")
    rows = by_rank(reads), by_rank(writes), v.transpose(0, 1)[None]
    y, _ = step(*rows, g[None], dt[None], trap[None], none, none, angles.transpose(0, 1)[None], x, o, skip)
    chunk = 32 if n % 32 == 0 else n
    sums = g.reshape(HEADS, -1, chunk).cumsum(-1)
    rest = (sums[..., -1:] - sums).reshape(1, HEADS, n)
    turned = function(path, "apply_angle_dt_reference")(angles.transpose(0, 1)[None], dt.T[None])
    arguments = none, none, x, o, None, None, turned, sums.reshape(1, HEADS, n), rest, dt[None], trap[None], skip
    halves = function(path, "mamba3_MIMO_chunk_ref")(*rows, *arguments, chunk_size=chunk, rotary_dim_divisor=2, dtype=torch.float64)[0]
    out.update(mamba3_B=writes, mamba3_C=reads, mamba3_dt=dt, mamba3_g=g, mamba3_trap=trap.sigmoid(), mamba3_D=skip[:, None])
    out.update(mamba3_theta=math.pi * angles.tanh(), mamba3_mimo_x=x.reshape(HEADS, 1, -1), mamba3_mimo_o=o.reshape(HEADS, 1, -1))
    out.update(mamba3=y[0].transpose(0, 1), mamba3_halves=halves[0].transpose(0, 1))


def main():
    fla, mamba = sys.argv[1:3]
    for seed, (name, (n, d, dv)) in enumerate(SUITES.items()):
        torch.manual_seed(100 + seed)
        q, k = suite(name, n, d)
        v = rounded(torch.randn(HEADS, n, dv, dtype=torch.float64))
        out = {"q": q, "k": k, "v": v}
        log_linear(fla, q, k, v, out)
        mamba1(mamba, q, k, v, out)
        rg_lru(v, out)
        mamba3_mimo(mamba, name, v, out)
        outputs = ("log_linear", "mamba1", "rg_lru", "mamba3", "mamba3_halves")
        np.savez_compressed(
            FOLDER / f"{name}.npz", **{key: x.numpy().astype(np.float64 if key in outputs else np.float32) for key, x in out.items()}
        )


main()
