# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the golden values of this folder: outputs of the published code of four methods on the suites S1 to S4 and an odd shape.

    pip install torch numpy einops && pip install --no-deps linear-attention-transformer==0.19.1 local-attention==1.11.2 \
        linformer axial-positional-embedding product-key-memory
    python make_golden.py EFFICIENT_ATTENTION AGF LOLCATS

The arguments are checkouts of cmsflash/efficient-attention (46a5f9e), hyowonwi/AGF (25e8424) and HazyResearch/lolcats (375df84). Inputs
and weights are rounded to float32 before they are used, all else is float64; outputs are rounded to float32 when they are written.
"""
import ast
import importlib.util
import pathlib
import sys

import numpy as np
import torch
from linear_attention_transformer.linear_attention_transformer import SelfAttention, causal_linear_attn, linear_attn

FOLDER = pathlib.Path(__file__).parent
HEADS = 2
SUITES = {"s1": (64, 16), "s2": (64, 16), "s3": (64, 16), "s4": (64, 16), "odd": (75, 19)}
BUCKET = {64: 8, 75: 5}
WINDOW = {64: 16, 75: 25}
POLYNOMIALS = {"jacobi": (2.0, -1.0), "legendre": (0.0, 0.0), "chebyshev": (0.0, 0.0), "monomial": (0.0, 0.0)}


def module(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def rounded(x):
    return x.to(torch.float32).to(torch.float64)


def suite(name, n, d):
    """q, k, v [1, H, N, D]: iid, iid scaled by a half, smooth in the positions, clustered."""
    noise = [torch.randn(1, HEADS, n, d) for _ in range(3)]
    if name == "s2":
        noise[:2] = [0.5 * x for x in noise[:2]]
    elif name == "s3":
        places = torch.arange(n)[:, None] / n
        base = 2**0.5 * torch.cos(2 * torch.pi * (1 + 39 * torch.rand(HEADS, 1, d)) * places + 2 * torch.pi * torch.rand(HEADS, 1, d))
        noise[:2] = [base + 0.3 * x for x in noise[:2]]
    elif name == "s4":
        centres = 1.3 * torch.randn(16, d)
        base = centres[torch.randint(16, (HEADS, n))]
        noise[:2] = [base + 0.3 * x for x in noise[:2]]
    return [rounded(x) for x in noise]


def efficient(code, q, k, v):
    """The layer's 1 x 1 convolutions pick q, k and v out of its input; the input that it adds is taken off again."""
    n, width = q.shape[2], HEADS * q.shape[3]
    layer = code.EfficientAttention(3 * width, width, HEADS, width).double()
    with torch.no_grad():
        for at, conv in enumerate((layer.queries, layer.keys, layer.values)):
            conv.weight.zero_()
            conv.weight[:, at * width : (at + 1) * width, 0, 0] = torch.eye(width)
            conv.bias.zero_()
        layer.reprojection.weight.zero_()
        layer.reprojection.weight[:width, :, 0, 0] = torch.eye(width)
        layer.reprojection.bias.zero_()
    x = torch.cat([t[0].transpose(1, 2).reshape(width, n) for t in (q, k, v)])[None, :, :, None]
    return (layer(x) - x)[0, :width, :, 0].reshape(HEADS, -1, n).transpose(1, 2)


def lucidrains(q, k, v):
    n, d = q.shape[2:]
    out = {
        "lucidrains": linear_attn(q.clone(), k.clone(), v.clone()),
        "lucidrains_causal": causal_linear_attn(q.clone(), k.clone(), v.clone(), bucket_size=1),
        "lucidrains_bucket": causal_linear_attn(q.clone(), k.clone(), v.clone(), bucket_size=BUCKET[n]),
        "lucidrains_clamped": causal_linear_attn(q.clone(), k - 8, v.clone(), bucket_size=1),
    }
    for causal in (False, True):
        layer = SelfAttention(
            HEADS * d, HEADS, causal, blindspot_size=BUCKET[n], n_local_attn_heads=1, local_attn_window_size=WINDOW[n], receives_context=True
        ).double()
        with torch.no_grad():
            for linear in (layer.to_q, layer.to_k, layer.to_out):
                linear.weight.copy_(torch.eye(HEADS * d))
            layer.to_v.weight.zero_()
            layer.to_out.bias.zero_()
        layer.to_v = Given(v)
        layer.to_k = Given(k)
        out["lucidrains_local_causal" if causal else "lucidrains_local"] = layer(tokens(q), context=tokens(k)).reshape(
            1, n, HEADS, d
        ).transpose(1, 2)
    return {name: x[0] for name, x in out.items()}


def tokens(x):
    return x.transpose(1, 2).reshape(1, x.shape[2], -1)


class Given(torch.nn.Module):
    """Stands for a projection whose result is known."""

    def __init__(self, x):
        super().__init__()
        self.x = tokens(x)

    def forward(self, _):
        return self.x


def agf(code, q, k, v, raw, entries):
    out = {}
    for name, (alpha, beta) in POLYNOMIALS.items():
        layer = code.SVDAttention({"poly_type": name, "K": len(raw) - 1, "alpha": alpha, "beta": beta, "fixI": True, "reg": 0.0}).double()
        with torch.no_grad():
            for theta, value in zip(layer.poly.thetas, raw):
                theta.copy_(value)
        out[f"agf_{name}"] = layer(q, entries, k, v, torch.ones(1, k.shape[2], dtype=torch.float64))[0][0]
    return out


def hedgehog(maps, attend, q, k, v, weights):
    out = {}
    for name, activation in (("softmax", "softmax_dim"), ("exp", "exp_dim")):
        sides = []
        for x, weight in zip((q, k), weights):
            mlp = maps.init_learned_kernel(
                "untied_head_einsum", num_heads=HEADS, head_dim=x.shape[3], feature_dim=x.shape[3], dtype=torch.float64, device="cpu"
            )
            with torch.no_grad():
                mlp.layer.copy_(weight)
            sides.append(maps.init_feature_map(activation, mlp=mlp)(x))
        for causal in (False, True):
            y, _, _ = attend(*sides, v, causal=causal)
            out[f"hedgehog_{name}" + ("_causal" if causal else "")] = y[0]
    return out


def quadratic_attention(path):
    """The one function of a file whose other imports are not needed."""
    tree = ast.parse(path.read_text())
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "quadratic_attention"]
    from typing import List, Optional, Tuple

    names = {"torch": torch, "Tuple": Tuple, "Optional": Optional, "List": List}
    exec(compile(ast.Module(found, []), str(path), "exec"), names)
    return names["quadratic_attention"]


def main(efficient_path, agf_path, lolcats_path):
    torch.manual_seed(21)
    torch.set_default_dtype(torch.float64)
    sys.path.insert(0, str(pathlib.Path(agf_path) / "AGF_LRA"))
    efficient_code = module(pathlib.Path(efficient_path) / "efficient_attention.py", "efficient_attention")
    agf_code = module(pathlib.Path(agf_path) / "AGF_LRA" / "attention_svd.py", "attention_svd")
    lolcats = pathlib.Path(lolcats_path) / "src" / "model"
    maps = module(lolcats / "feature_map.py", "feature_map")
    attend = quadratic_attention(lolcats / "linear_attention" / "linear_attention.py")
    for name, (n, d) in SUITES.items():
        q, k, v = suite(name, n, d)
        raw = rounded(torch.cat([torch.ones(1), torch.randn(5)]))
        entries = rounded(torch.randn(1, HEADS, n, d))
        weights = [rounded(torch.eye(d) + 0.3 * torch.randn(HEADS, d, d)) for _ in range(2)]
        arrays = {"q": q[0], "k": k[0], "v": v[0], "theta": raw[None], "sigma": entries[0], "wq": weights[0], "wk": weights[1]}
        with torch.no_grad():
            arrays["efficient"] = efficient(efficient_code, q, k, v)
            arrays |= lucidrains(q, k, v)
            arrays |= agf(agf_code, q, k, v, raw, entries)
            arrays |= hedgehog(maps, attend, q, k, v, weights)
        np.savez_compressed(FOLDER / f"{name}.npz", **{key: x.numpy().astype(np.float32) for key, x in arrays.items()})


main(*sys.argv[1:])
