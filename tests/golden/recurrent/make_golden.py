# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the golden values of this folder: recurrent mixers by the naive references of their official code.

    git clone https://github.com/fla-org/flash-linear-attention && git clone https://github.com/state-spaces/mamba
    pip install torch numpy einops transformers
    python make_golden.py flash-linear-attention mamba

One file per input suite: q, k, v [heads, tokens, width], gates drawn around them, and what the official functions return. Inputs
are rounded to float32 first; float32 casts inside the official code are lifted to float64, so that values carry its algorithm
and not its rounding. Values are stored as float32.
"""
import ast
import math
import pathlib
import re
import sys
from types import SimpleNamespace
from typing import Optional, Tuple

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from transformers.models.minimax.modeling_minimax import MiniMaxLightningAttention

FOLDER = pathlib.Path(__file__).parent
SUITES = {"s1": (96, 16, 4), "s2": (96, 16, 4), "s3": (96, 16, 4), "s4": (96, 16, 4), "odd": (77, 6, 3)}
HEADS = 2


def rounded(x):
    return x.to(torch.float32).to(torch.float64)


def functions(path):
    """The functions of a file whose imports need a GPU, their casts to float32 lifted."""
    text = pathlib.Path(path).read_text()
    text = re.sub(r"torch\.float(32)?\b", "torch.float64", text.replace(".float()", ".double()"))
    scope = {"torch": torch, "F": F, "math": math, "rearrange": rearrange, "repeat": repeat, "Optional": Optional, "Tuple": Tuple}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
            exec(ast.unparse(node), scope)  # noqa: S102
    return SimpleNamespace(**scope)


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


def draw_gates(n, d):
    uniform = torch.rand(HEADS, n, 3 * d + 5, dtype=torch.float64)
    return {
        "gk": rounded(F.logsigmoid(3 * torch.randn(HEADS, n, d, dtype=torch.float64)) / 16),
        "g": rounded(-0.3 * uniform[..., 0]),
        "beta": rounded(uniform[..., 1]),
        "dt": rounded(F.softplus(torch.randn(HEADS, n, dtype=torch.float64))),
        "trap": rounded(uniform[..., 2]),
        "theta": rounded(math.pi * (2 * uniform[..., 5 : 5 + d // 4] - 1)),
        "a": rounded(uniform[..., 5 + d : 5 + 2 * d]),
        "kappa": rounded(uniform[..., 5 + 2 * d : 5 + 3 * d] - 0.5),
        "u": rounded(torch.randn(HEADS, d, dtype=torch.float64)),
        "D": rounded(torch.randn(HEADS, dtype=torch.float64)),
    }


def gated(fla, q, k, v, gates, out):
    """Linear attention with fixed, scalar and channel decays; q, k, v [1, heads, n, ...]."""
    out["retention"] = functions(f"{fla}/fla/ops/retention/naive.py").naive_retention(q, k, v)
    gla = functions(f"{fla}/fla/ops/gla/naive.py").naive_recurrent_gla
    gk = gates["gk"][None]
    out["gla"] = gla(*(x.transpose(1, 2) for x in (q, k, v, gk)))[0].transpose(1, 2)
    out["hgrn2"] = gla(*(x.transpose(1, 2) for x in (q, 1 - gk.exp(), v, gk)))[0].transpose(1, 2)
    rwkv6 = functions(f"{fla}/fla/ops/rwkv6/recurrent_naive.py").naive_recurrent_rwkv6
    out["rwkv6"] = rwkv6(q, k, v, gk, gates["u"], scale=1.0)[0]
    dplr = functions(f"{fla}/fla/ops/generalized_delta_rule/dplr/naive.py").dplr_recurrence
    kappa = F.normalize(gates["kappa"], dim=-1)[None]
    out["rwkv7"] = dplr(q * q.shape[-1] ** 0.5, k, v, -kappa, kappa * gates["a"], gk)[0]


def lightning(fla, q, k, v, out):
    """Decays of layer 3 of 10: of transformers' MiniMax layer, and the schedule of fla/ops/lightning_attn/chunk.py."""
    simple = functions(f"{fla}/fla/ops/simple_gla/naive.py").naive_recurrent_simple_gla
    config = SimpleNamespace(hidden_act="silu", num_attention_heads=HEADS, num_hidden_layers=10, block_size=64, hidden_size=8 * HEADS, head_dim=8, layer_types=["linear_attention"] * 10)
    rates = MiniMaxLightningAttention(config, 3).slope_rate.double().reshape(-1)
    heads = torch.arange(HEADS, dtype=torch.float64)
    for name, g in (("lightning_minimax", -rates), ("lightning_fla", -(8 / HEADS * (1 - 3 / 10)) * heads)):
        gates = g[None, None].expand(1, q.shape[2], HEADS)
        y = simple(*(x.transpose(1, 2) for x in (q, k, v)), gates, scale=1.0)
        out[name] = (y[0] if isinstance(y, tuple) else y).transpose(1, 2)


def delta(fla, q, k, v, gates, out):
    unit = F.normalize(k, dim=-1)
    beta, g, gk = (gates[name][None] for name in ("beta", "g", "gk"))
    out["deltanet"] = functions(f"{fla}/fla/ops/delta_rule/naive.py").delta_rule_recurrence(q, unit, v, beta)[0]
    rule = functions(f"{fla}/fla/ops/gated_delta_rule/naive.py").naive_recurrent_gated_delta_rule
    out["gated_deltanet"] = rule(*(x.transpose(1, 2) for x in (q, unit, v, beta, g)))[0].transpose(1, 2)
    kda = functions(f"{fla}/fla/ops/kda/naive.py").naive_recurrent_kda
    out["kda"] = kda(*(x.transpose(1, 2) for x in (q, unit, v, gk, beta)))[0].transpose(1, 2)


def state_space(mamba, q, k, v, gates, out):
    dt, g, trap, theta, skip = (gates[name][None] for name in ("dt", "g", "trap", "theta", "D"))
    n = q.shape[2]
    ssd = functions(f"{mamba}/mamba_ssm/modules/ssd_minimal.py").ssd_minimal_discrete
    block = 16 if n % 16 == 0 else 7
    y = ssd((v * dt[..., None]).transpose(1, 2), g.transpose(1, 2), k.transpose(1, 2), q.transpose(1, 2), block)[0]
    out["mamba2"] = y.transpose(1, 2) + skip[..., None, None] * v
    siso = functions(f"{mamba}/tests/ops/triton/test_mamba3_siso.py").mamba3_siso_fwd_ref
    bias = torch.zeros(HEADS, q.shape[3], dtype=torch.float64)
    y = siso(
        *(x.transpose(1, 2) for x in (q, k, v)), g, dt, torch.logit(trap), bias, bias, torch.atanh(theta / math.pi).transpose(1, 2),
        D=skip[0], dtype=torch.float64
    )  # fmt: skip
    out["mamba3"] = y[0].transpose(1, 2)


def main():
    fla, mamba = sys.argv[1:3]
    for seed, (name, (n, d, dv)) in enumerate(SUITES.items()):
        torch.manual_seed(300 + seed)
        q, k = suite(name, n, d)
        v = rounded(torch.randn(HEADS, n, dv, dtype=torch.float64))
        gates = draw_gates(n, d)
        out = {}
        q4, k4, v4 = q[None], k[None], v[None]
        gated(fla, q4, k4, v4, gates, out)
        lightning(fla, q4, k4, v4, out)
        delta(fla, q4, k4, v4, gates, out)
        state_space(mamba, q4, k4, v4, gates, out)
        gates["u"], gates["D"] = gates["u"][:, None], gates["D"][:, None]
        arrays = {"q": q, "k": k, "v": v, **gates, **{key: x[0] for key, x in out.items()}}
        np.savez_compressed(FOLDER / f"{name}.npz", **{key: x.detach().numpy().astype(np.float32) for key, x in arrays.items()})


main()
