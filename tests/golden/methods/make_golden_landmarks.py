# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes landmarks_*.npz: outputs of the official code of the landmark methods on the input suites S1 to S4 and on an odd shape.

    pip install torch numpy einops
    python make_golden_landmarks.py FOLDER

FOLDER holds checkouts of mlpen/Nystromformer (5689313), HKUNLP/efficient-attention (531ff51), pkuzengqi/Skyformer (1a677cb) and
idiap/fast-transformers (2ad36b9, with its extensions for the CPU built in place). Everything is evaluated in float64 but clustered
attention, whose extensions know float32 alone. Layers get q, k, v as they are: their projections are replaced, and so are the learned
maps behind EVA's pooling (by the identity). Only the first columns of V and of the outputs are kept, as columns don't depend on each
other. Skyformer scales its inputs by 32^(-1/4) whatever their width; the scale is written beside its outputs, with the sampled rows.
Clustered attention's planes and first centres are written too.
"""
import importlib.util
import math
import pathlib
import sys
import types

import numpy as np
import torch

FOLDER = pathlib.Path(__file__).parent
SOURCES = pathlib.Path(sys.argv[1])
HEADS, LENGTH, DIM, KEPT = 2, 96, 16, 4


def suites():
    """S1 iid, S2 half as large, S3 smooth along the sequence, S4 in groups; and an odd shape."""
    draw = np.random.default_rng(31)
    shape = (HEADS, LENGTH, DIM)
    noise = [draw.standard_normal(shape) for _ in range(2)]
    yield "s1", noise[0], noise[1], 12
    yield "s2", 0.5 * noise[0], 0.5 * noise[1], 12
    t = np.arange(LENGTH)[None, :, None] / LENGTH
    base = math.sqrt(2) * np.cos(2 * np.pi * (draw.uniform(1, 40, (HEADS, 1, DIM)) * t + draw.uniform(0, 1, (HEADS, 1, DIM))))
    yield "s3", base + 0.3 * noise[0], base + 0.3 * noise[1], 12
    centres = 1.3 * draw.standard_normal((HEADS, 16, DIM))
    base = np.take_along_axis(centres, draw.integers(0, 16, (HEADS, LENGTH, 1)), axis=1)
    yield "s4", base + 0.3 * noise[0], base + 0.3 * noise[1], 12
    yield "odd", draw.standard_normal((3, 91, 20)), draw.standard_normal((3, 91, 20)), 13


def module(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def stub(name, **entries):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__dict__.update(entries)


def nystromformer(q, k, v, landmarks):
    official = module("attention_nystrom", SOURCES / "mlpen+Nystromformer/code/attention_nystrom.py")
    layer = official.NystromAttention({"head_dim": q.shape[-1], "num_head": q.shape[1], "num_landmarks": landmarks, "seq_len": q.shape[2]})
    mask = torch.ones(1, q.shape[2], dtype=q.dtype)
    result = {}
    for option in ("original", "exact"):
        layer.init_option = option
        result["nystrom_" + option] = layer(q, k, v, mask)
    return result


def as_layer(kind, q, k, v, **options):
    """A layer of HKUNLP/efficient-attention that takes q, k, v for its projections of x and returns its heads."""

    class Given(kind):
        def proj_and_split_heads(self, x):
            return [torch.nn.functional.pad(given, (0, 0, 0, x.shape[1] - given.shape[2])) for given in (q, k, v)]

    layer = Given(dim=q.shape[1] * q.shape[3], num_heads=q.shape[1], **options).double().eval()
    layer.proj = torch.nn.Identity()
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if name.startswith("adaptive_mu"):
                parameter.copy_(torch.eye(q.shape[3]) if parameter.dim() == 2 else torch.zeros(q.shape[3]))
    out = layer(torch.zeros(1, q.shape[2], q.shape[1] * q.shape[3], dtype=q.dtype))[:, : q.shape[2]]
    return out.reshape(1, q.shape[2], q.shape[1], q.shape[3]).transpose(1, 2)


def lara(q, k, v, landmarks):
    from efficient_attention.lara import LinearRA

    result = {}
    for name, mis in (("optimal", "mis-opt"), ("balanced", "mis-bh"), ("biased", "mis-biased")):
        result["lara_" + name] = as_layer(LinearRA, q, k, v, num_landmarks=landmarks - 1, proposal_gen="no-param-pool", mis_type=mis)
    return result


def eva(q, k, v, landmarks):
    from efficient_attention.eva import EVA

    options = {"adaptive_proj": "no-ln", "num_landmarks": landmarks, "attn_2d": False}
    result = {"eva": as_layer(EVA, q, k, v, window_size=q.shape[2] // landmarks * (2 if landmarks % 2 == 0 else 1), **options)}
    if q.shape[2] == 91:  # padded to 128 tokens: the 12th chunk of 8 has 3 of its own, the last 4 have none
        result["eva_padded"] = as_layer(EVA, q, k, v, window_size=64, **(options | {"num_landmarks": 16}))
    return result


def causal_eva(q, k, v, landmarks):
    from efficient_attention.causal_eva import CausalEVAttention

    width = q.shape[1] * q.shape[3]
    chunk = q.shape[2] // landmarks
    options = types.SimpleNamespace(adaptive_proj="no-ln", num_chunks=None, chunk_size=chunk, causal=True, use_t5_rpe=False,
                                    window_size=chunk * (2 if landmarks % 2 == 0 else 1), overlap_window=False)
    layer = CausalEVAttention(width, q.shape[1], attn_args=options).double().eval()

    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if name.startswith("adaptive_mu"):
                parameter.copy_(torch.eye(q.shape[3]) if parameter.dim() == 2 else torch.zeros(q.shape[3]))

    def flat(x):
        return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], width).transpose(0, 1)

    for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
        setattr(layer, name, torch.nn.Identity())
    out = layer(flat(q), flat(k), flat(v))[0]
    return {"eva_causal": out.transpose(0, 1).reshape(1, q.shape[2], q.shape[1], q.shape[3]).transpose(1, 2)}


def skyformer(q, k, v, _):
    stub("models")
    stub("models.attention", SoftmaxAttention=None)
    stub("config", Config=None)
    official = module("attention_skyformer", SOURCES / "pkuzengqi+Skyformer/src/models/attention_skyformer.py")
    result = {"skyformer_scale": torch.tensor([[32.0**-0.5]])}
    mask = torch.ones(1, q.shape[2], dtype=q.dtype)
    for accumulation in (1, 2):
        layer = official.Skyformer({"device": "cpu", "max_seq_len": q.shape[2], "accumulation": accumulation, "sampling_factor": 4,
                                    "nb_features": 14, "head_dim": q.shape[3], "sketched_kernel": "kernel_RS_RBF", "no_projection": False})
        draw = layer.uniform_sketching
        layer.uniform_sketching = lambda *given, draw=draw: [x if x.dtype == torch.long else x.double() for x in draw(*given)]
        result[f"skyformer_{accumulation}"] = layer(q, k, v, mask)
        result[f"skyformer_{accumulation}_sample"] = layer.sketching_matrix[0]
    return result


def kernelized(q, k, v, _):
    stub("torch.utils.checkpoint", checkpoint=None)
    official = module("skyformer_attention", SOURCES / "pkuzengqi+Skyformer/src/models/attention.py")
    layer = official.SoftmaxAttention_RBF({"attention_dropout": 0.0, "head_dim": q.shape[3]})
    return {"kernelized": layer(q, k, v, torch.ones(1, q.shape[2], dtype=q.dtype))}


def clustered(q, k, v, _):
    unused = {  # extensions that these layers import but never call
        "sparse_product.sparse_product_cpu": ("sparse_dot_product", "sparse_dot_backward", "sparse_weighted_average",
                                              "sparse_weighted_average_backward"),
        "causal_product.causal_product_cpu": ("causal_dot_product", "causal_dot_backward"),
        "local_product.local_product_cpu": ("local_dot_product", "local_dot_backward", "local_weighted_average",
                                            "local_weighted_average_backward"),
    }
    for extension, functions in unused.items():
        stub("fast_transformers." + extension, **dict.fromkeys(functions))
    from fast_transformers.attention import clustered_attention, improved_clustered_attention, improved_clustered_causal_attention
    from fast_transformers.masking import FullMask, LengthMask, TriangularCausalMask

    q, k, v = (x.transpose(1, 2).float() for x in (q, k, v))
    length, bits, clusters = q.shape[1], 63, 6
    lengths = LengthMask(torch.full((1,), length, dtype=torch.long))
    generator = torch.Generator().manual_seed(17)
    planes = torch.randn(bits, q.shape[3] + 1, generator=generator)
    first = np.random.default_rng(18).choice(length, size=[clusters], replace=False)
    result = {"clustered_planes": planes, "clustered_first": torch.from_numpy(first)[None]}
    choice = np.random.choice
    np.random.choice = lambda *_, **__: first
    full = FullMask(length)
    for name, official, kind, options, mask in (
            ("clustered", clustered_attention, "ClusteredAttention", {}, full),
            ("clustered_improved", improved_clustered_attention, "ImprovedClusteredAttention", {"topk": 9}, full),
            ("clustered_causal", improved_clustered_causal_attention, "ImprovedClusteredCausalAttention", {"topk": 9},
             TriangularCausalMask(length))):
        official.normal_ = lambda x: x.copy_(planes)
        layer = getattr(official, kind)(clusters, bits=bits, attention_dropout=0.0, **options).eval()
        result[name] = layer(q, k, v, mask, lengths, lengths).transpose(1, 2)
    np.random.choice = choice
    return result


def main():
    stub("timm")
    stub("timm.models")
    stub("timm.models.layers", trunc_normal_=torch.nn.init.trunc_normal_)
    sys.path[:0] = [str(SOURCES / "HKUNLP+efficient-attention/efficient-attention"), str(SOURCES / "idiap+fast-transformers")]
    torch.manual_seed(30)
    for name, q, k, landmarks in suites():
        q, k = (torch.from_numpy(x).float().double()[None] for x in (q, k))
        v = torch.randn(q.shape).double()
        arrays = {"q": q[0], "k": k[0], "v": v[0, :, :, :KEPT], "landmarks": torch.tensor([[float(landmarks)]])}
        with torch.no_grad():
            for method in (nystromformer, lara, eva, causal_eva, skyformer, kernelized, clustered):
                for key, value in method(q, k, v, landmarks).items():
                    arrays[key] = value[0, ..., :KEPT] if value.dim() == 4 else value
        np.savez(FOLDER / f"landmarks_{name}.npz", **{key: x.numpy().astype(np.float32) for key, x in arrays.items()})
        print(name, {key: tuple(x.shape) for key, x in arrays.items()})


if __name__ == "__main__":
    main()
