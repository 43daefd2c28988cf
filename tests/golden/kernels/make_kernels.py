# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the golden values of this folder: kernel attention by other people's code, evaluated in float64.

    pip install torch numpy einops && pip install --no-deps performer-pytorch==1.1.4 local-attention axial-positional-embedding
    python make_kernels.py SOURCES

SOURCES is a folder with what is no package, as published:
    fast_transformers/         idiap/fast-transformers 2ad36b9 (the folder of that name; its Python files are enough)
    cosformer.py               OpenNLPLab/cosFormer 8e12da1
    based_linear_attention.py  HazyResearch/based 32c1bd4, based/models/mixers/linear_attention.py
    rfa_utils.py               jungokasai/T2R 5e64a3a, fairseq/random_feature_attention/utils.py
    kernel_attention.py        tf-models-official 2.16.0, official/nlp/modeling/layers/kernel_attention.py (FAVOR++)

One file a suite: q, k, v, the frequencies w, and an output a method. Inputs are rounded to float32 before they are used.
"""
import ast
import pathlib
import sys
import types
import typing

import numpy as np
import torch

FOLDER = pathlib.Path(__file__).parent
SOURCES = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(SOURCES))
torch.set_default_dtype(torch.float64)

from fast_transformers.feature_maps import Favor, elu_feature_map  # noqa: E402
from performer_pytorch.performer_pytorch import (  # noqa: E402
    causal_linear_attention_noncuda,
    gaussian_orthogonal_random_matrix,
    generalized_kernel,
    linear_attention,
    softmax_kernel,
)
import cosformer  # noqa: E402

FEATURES = 40


def rounded(x):
    return torch.as_tensor(x).to(torch.float32).to(torch.float64)


def suites():
    rng = np.random.default_rng(30)
    normal = rng.standard_normal

    def smooth(n, d):
        t = np.arange(n)[:, None] / n
        base = np.sqrt(2) * np.cos(2 * np.pi * (rng.uniform(1, 40, d) * t + rng.uniform(0, 1, d)))
        return base + 0.3 * normal((n, d)), base + 0.3 * normal((n, d))

    def clusters(n, d):
        centres = 1.3 * normal((16, d))[rng.integers(0, 16, n)]
        return centres + 0.3 * normal((n, d)), centres + 0.3 * normal((n, d))

    makers = {
        "s1": (96, 16, lambda n, d: (normal((n, d)), normal((n, d)))),
        "s2": (96, 16, lambda n, d: (0.5 * normal((n, d)), 0.5 * normal((n, d)))),
        "s3": (96, 16, smooth),
        "s4": (96, 16, clusters),
        "odd": (77, 13, lambda n, d: (normal((n, d)), normal((n, d)))),
    }
    for name, (n, d, make) in makers.items():
        q, k = make(n, d)
        yield name, *(rounded(x) for x in (q, k, normal((n, d))))


def extracted(file, names, namespace):
    """Runs the named functions and classes of a file alone, without its imports."""
    tree = ast.parse((SOURCES / file).read_text())
    tree.body = [node for node in tree.body if getattr(node, "name", None) in names]
    exec(compile(tree, file, "exec"), namespace)
    return namespace


def normalised(phi_q, phi_k, v, causal=False):
    weights = phi_q @ phi_k.T
    weights = weights.tril() if causal else weights
    return weights @ v / weights.sum(-1, keepdim=True)


def performer(out, q, k, v, w):
    def features(x, is_query):
        return softmax_kernel(x[None, None], projection_matrix=w, is_query=is_query, eps=1e-6)

    out["performer_eps"] = linear_attention(features(q, True), features(k, False), v[None, None])[0, 0]
    causal = causal_linear_attention_noncuda(features(q, True), features(k, False), v[None, None], eps=0.0)[0, 0]
    # The official JAX code divides by R + 2e-6 where R <= 1e-6, as happens in the first rows; this package does not.
    sums = (features(q, True)[0, 0] * features(k, False)[0, 0].cumsum(0)).sum(-1, keepdim=True)
    out["performer_eps_causal"] = causal * sums / torch.where(sums <= 1e-6, sums + 2e-6, sums)
    for name, matrix, normalize in (("relu_lucidrains", w, True), ("relu_deterministic", None, False)):
        phi = (generalized_kernel(x[None, None], projection_matrix=matrix, normalize_data=normalize)[0, 0] for x in (q, k))
        out[name] = normalised(*phi, v)
    favor = Favor(q.shape[1], n_dims=2 * FEATURES)
    favor.omega = w.T.clone()
    out["performer_hyperbolic"] = normalised(favor(q), favor(k), v)
    out["performer_hyperbolic_causal"] = normalised(favor(q), favor(k), v, True)


def favor_plus_plus(out, q, k, v, w):
    """The published function with numpy in place of tensorflow, and without its numerical stabilizer."""
    reduced = {name: (lambda f: lambda x, axis=None, keepdims=False: f(x, axis=axis, keepdims=keepdims))(getattr(np, f"{name[7:]}"))
               for name in ("reduce_sum", "reduce_max")}
    math = types.SimpleNamespace(sqrt=np.sqrt, square=np.square, pow=np.power, exp=np.exp, maximum=np.maximum, **reduced)
    tf = types.SimpleNamespace(math=math, cast=lambda x, dtype: x, dtypes=types.SimpleNamespace(cast=lambda x, dtype: float(x)), einsum=np.einsum,
                               expand_dims=np.expand_dims, stop_gradient=lambda x: x, float32=None, **reduced)
    namespace = {"tf": tf, "tf_utils": types.SimpleNamespace(get_shape_list=np.shape),
                 "tf_keras": types.SimpleNamespace(backend=types.SimpleNamespace(ndim=np.ndim))}
    expplus = extracted("kernel_attention.py", {"expplus"}, namespace)["expplus"]
    rows = [x.numpy()[None, :, None] for x in (q, k)]
    phi = [torch.from_numpy(expplus(rows[s], rows[1 - s], s == 0, w.numpy(), numerical_stabilizer=0.0)[0, :, 0]) for s in (0, 1)]
    out["performer_oprf"] = normalised(*phi, v)


def cos_former(out, q, k, v):
    width = q.shape[1]
    for causal in (False, True):
        layer = cosformer.CosformerAttention(width, 1, causal=causal, has_outproj=False)
        with torch.no_grad():
            for projection in (layer.q_proj, layer.k_proj, layer.v_proj):
                projection.weight.copy_(torch.eye(width))
                projection.bias.zero_()
        out["cosformer_causal" if causal else "cosformer"] = layer(q[:, None], k[:, None], v[:, None])[:, 0]


def based(out, q, k, v):
    from einops import rearrange
    import math

    namespace = {"torch": torch, "nn": torch.nn, "math": math, "rearrange": rearrange, "InferenceParams": object}
    code = extracted("based_linear_attention.py", {"FeatureMap", "TaylorExp", "LinearAttention"}, namespace)
    width = q.shape[1]
    layer = code["LinearAttention"](width, feature_map=code["TaylorExp"](width), feature_dim=width, num_heads=1)
    layer.out_proj = torch.nn.Identity()
    layer.is_inference = False
    out["taylor_causal"] = layer.parallel_forward(v[None], q[None, None], k[None, None], v[None, None])[0]


def rfa(out, q, k, v, w):
    code = extracted("rfa_utils.py", {"random_project", "_normalize", "normalize_attn_weights"},
                     {"torch": torch, "Tensor": torch.Tensor, "Optional": typing.Optional, "Text": str, "Tuple": tuple, "SCALE": 1e-2, "EPS": 1e-2})
    phi = [code["random_project"](x=x[:, None, None], random_matrices=w[None], tau=torch.ones(1))[:, 0, 0] for x in (q, k)]
    weights = phi[0] @ phi[1].T
    assert weights.sum(-1).min() > 1e-2, "the published code would clamp this sum"
    out["rfa"] = code["normalize_attn_weights"](weights, dtype=torch.float64) @ v


def main():
    torch.manual_seed(31)
    for name, q, k, v in suites():
        out = {"q": q, "k": k, "v": v}
        w = out["w"] = rounded(gaussian_orthogonal_random_matrix(FEATURES, q.shape[1]))
        performer(out, q, k, v, w)
        favor_plus_plus(out, q, k, v, w)
        out["linear_elu"] = normalised(elu_feature_map(1)(q), elu_feature_map(1)(k), v)
        cos_former(out, q, k, v)
        based(out, q, k, v)
        rfa(out, q, k, v, w)
        np.savez(FOLDER / f"{name}.npz", **{key: x.detach().numpy().astype(np.float32) for key, x in out.items()})


main()
