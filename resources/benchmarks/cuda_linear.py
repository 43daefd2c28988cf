#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times attnscope's linear-time CUDA methods in bfloat16 beside PyTorch (eager and compiled) and, where it is installed,
flash-linear-attention on the same card, and checks them against float64 (Performer and Skyformer:
against the CPU in float32).

    python3 cuda_linear.py path/to/attnscope-cli [methods, or method:causal; all if none is named] > cuda_linear.json
"""
import datetime
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

import cuda_further
import cuda_landmark
import cuda_sparse

LONG = {"heads": 8, "dim": 64, "n": 262144, "causal": False}
CHUNKED = {"heads": 16, "dim": 128, "n": 16384, "causal": True}
RANDOM = ["performer", "skyformer", "rfa"]  # their draws are their own: checked against the CPU
LOG_DECAY, BETA, FEATURES = -0.0433, 0.5, 256
DELTAS = ("gated-deltanet", "kda")


def ours(cli, methods, size):
    command = [cli, "sweep", "--backend", "cuda", "--dtype", "bf16", "--methods", ";".join(methods), "--lengths", str(size["n"]), "--dim",
               str(size["dim"]), "--heads", str(size["heads"]), "--repeats", "20", "--time-cap", "60", "--json"] + (["--causal"] if size["causal"] else [])
    document = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return dict(zip(methods, document["samples"], strict=True))


def timed(run, sets):
    """Median milliseconds by CUDA events after warm-up, with two sets of inputs in turn."""
    times = []
    for i in range(18):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record(); run(*sets[i % 2]); end.record(); torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    return float(np.median(times[4:]))


def normalised(q, k, v):
    return (q @ (k.transpose(-1, -2) @ v)) / (q @ k.sum(-2).unsqueeze(-1))


def elu(q, k, v):
    return normalised(torch.nn.functional.elu(q) + 1, torch.nn.functional.elu(k) + 1, v)


def efficient(q, k, v):
    return torch.softmax(q, -1) @ (torch.softmax(k, -2).transpose(-1, -2) @ v)


def random_features(w):
    def features(x, axes):
        x = x * w.shape[1] ** -0.25
        p = x @ w.T
        return torch.exp(p - 0.5 * (x * x).sum(-1, keepdim=True) - p.amax(axes, keepdim=True)) + 1e-6
    return features


def performer(w):
    features = random_features(w)
    return lambda q, k, v: normalised(features(q, -1), features(k, (-1, -2)), v)


def chunked(features_q, features_k, v, size=128):
    """Causal linear attention by chunks, with the states before them summed in float32."""
    split = lambda x: x.unflatten(-2, (-1, size))
    q, k, v = split(features_q), split(features_k), split(torch.cat([v, torch.ones_like(v[..., :1])], -1))
    added = (k.transpose(-1, -2) @ v).float()
    before = (added.cumsum(-3) - added).to(v.dtype)
    o = q @ before + torch.tril(q @ k.transpose(-1, -2)) @ v
    return (o[..., :-1] / o[..., -1:]).flatten(-3, -2)


def elu_chunked(q, k, v):
    return chunked(torch.nn.functional.elu(q) + 1, torch.nn.functional.elu(k) + 1, v)


def performer_chunked(w):
    features = random_features(w)
    return lambda q, k, v: chunked(features(q, -1), features(k, (-1, -2)), v)


def causal_peers(method):
    heads, dim, n = CHUNKED["heads"], CHUNKED["dim"], CHUNKED["n"]
    sets = [tuple(torch.randn(1, heads, n, dim, device="cuda", dtype=torch.bfloat16) for _ in range(3)) for _ in range(2)]
    run = elu_chunked if method == "linear-elu" else performer_chunked(torch.randn(FEATURES, dim, device="cuda", dtype=torch.bfloat16))
    return {"PyTorch eager": timed(run, sets), "torch.compile": timed(torch.compile(run), sets)}


def long_peers(method):
    heads, dim, n = LONG["heads"], LONG["dim"], LONG["n"]
    sets = [tuple(torch.randn(1, heads, n, dim, device="cuda", dtype=torch.bfloat16) for _ in range(3)) for _ in range(2)]
    run = {"linear-elu": elu, "efficient": efficient,
           "performer": performer(torch.randn(FEATURES, dim, device="cuda", dtype=torch.bfloat16))}[method]
    return {"PyTorch eager": timed(run, sets), "torch.compile": timed(torch.compile(run), sets)}


def chunked_peers(method):
    try:
        from fla.ops.gated_delta_rule import chunk_gated_delta_rule
        from fla.ops.gla import chunk_gla
        from fla.ops.kda import chunk_kda
        from fla.ops.retention import chunk_retention
        from fla.ops.simple_gla import chunk_simple_gla
    except ImportError:
        return {}
    heads, dim, n = CHUNKED["heads"], CHUNKED["dim"], CHUNKED["n"]
    sets = [[torch.randn(1, n, heads, dim, device="cuda", dtype=torch.bfloat16) for _ in range(3)] for _ in range(2)]
    gate = torch.full((1, n, heads), LOG_DECAY, device="cuda")
    gates = torch.full((1, n, heads, dim), LOG_DECAY, device="cuda")
    beta = torch.full((1, n, heads), BETA, device="cuda", dtype=torch.bfloat16)
    if method in DELTAS:  # which take keys of length 1
        sets = [[q, torch.nn.functional.normalize(k.float(), dim=-1).to(k.dtype), v] for q, k, v in sets]
    run = {"retention": chunk_retention, "mamba2": lambda q, k, v: chunk_simple_gla(q, k, v, gate),
           "gated-deltanet": lambda q, k, v: chunk_gated_delta_rule(q, k, v, gate, beta), "gla": lambda q, k, v: chunk_gla(q, k, v, gates),
           "kda": lambda q, k, v: chunk_kda(q, k, v, gates, beta)}[method]
    with torch.no_grad():
        return {"flash-linear-attention": timed(run, sets)}


def recurrence(method, q, k, v):
    heads, n, dim = q.shape
    if method in DELTAS:
        k = k / np.linalg.norm(k, axis=-1, keepdims=True)
    out = np.empty_like(v)
    for h in range(heads):
        state = np.zeros((dim, v.shape[-1]))
        decay = 1 - 2.0 ** (-5 - h) if method == "retention" else np.exp(LOG_DECAY)
        for t in range(n):
            state *= decay
            write = BETA * (v[h, t] - k[h, t] @ state) if method in DELTAS else v[h, t]
            state += np.outer(k[h, t], write)
            out[h, t] = q[h, t] @ state * (1.0 if method == "mamba2" else dim ** -0.5)
    return out


def float64(method, q, k, v, causal):
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    softmax = lambda x, axis: np.exp(x - x.max(axis, keepdims=True)) / np.exp(x - x.max(axis, keepdims=True)).sum(axis, keepdims=True)
    if method == "linear-elu":
        q, k = (np.where(x > 0, x + 1, np.exp(np.minimum(x, 0))) for x in (q, k))
        weights = np.tril(q @ k.swapaxes(-1, -2)) if causal else q @ k.swapaxes(-1, -2)
        return weights @ v / weights.sum(-1, keepdims=True)
    if method in cuda_sparse.METHODS:
        return cuda_sparse.float64(q, k, v)
    if method in cuda_landmark.METHODS:
        return cuda_landmark.float64(method, q, k, v)
    if method in cuda_further.METHODS:
        return cuda_further.float64(method, q, k, v, causal)
    if method == "efficient":
        return softmax(q, -1) @ (softmax(k, -2).swapaxes(-1, -2) @ v)
    return recurrence(method, q, k, v)


def residuals(cli, method, size, n=1000):
    """Max and 99.9th percentile of |o - reference| over max |reference|, on fresh inputs that bfloat16 holds exactly."""
    q, k, v = (torch.randn(2, n, size["dim"]).to(torch.bfloat16).float().numpy() for _ in range(3))
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder, "qkv.npz"), q=q, k=k, v=v)

        def run(*options):
            out = Path(folder, "o.npy")
            subprocess.run([cli, "run", "--input", str(Path(folder, "qkv.npz")), "--layout", "HND", "--method", method, "--out", str(out),
                            *options] + (["--causal"] if size["causal"] else []), check=True, capture_output=True)
            return np.load(out).reshape(q.shape).astype(np.float64)

        got = run("--backend", "cuda", "--dtype", "bf16")
        expected = run() if method in RANDOM else float64(method, q, k, v, size["causal"])
    gaps = np.abs(got - expected) / np.abs(expected).max()
    return float(gaps.max()), float(np.quantile(gaps, 0.999))


def copy_rate():
    a = torch.empty(1 << 30, device="cuda", dtype=torch.uint8)
    b = torch.empty_like(a)
    return 2 * a.numel() / timed(lambda: b.copy_(a), [(), ()]) * 1e3


def matrix_rate():
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    return 2 * 8192 ** 3 / timed(lambda: a @ b, [(), ()]) * 1e3


def work(method, size):
    """The least bytes and the FLOP of the method."""
    rows = size["heads"] * size["n"]
    d = size["dim"]
    if method in cuda_sparse.METHODS:
        return 4 * 2 * rows * d, cuda_sparse.flop(size)
    if method in cuda_landmark.METHODS:
        return 4 * 2 * rows * d, cuda_landmark.flop(method, size)
    if method in cuda_further.METHODS:
        return 4 * 2 * rows * d, cuda_further.flop(method, size)
    flop = {"performer": 8 * rows * FEATURES * d, "linear-elu": 4 * rows * d * d, "efficient": 4 * rows * d * d}
    return 4 * 2 * rows * d, flop.get(method, 4 * rows * d * d + (2 * rows * d * d if method in DELTAS else 0))


def row(cli, method, size, sample, others, bytes_rate, flop_rate):
    worst, most = residuals(cli, method, size)
    moved, flop = work(method, size)
    ms = sample["medianMs"]
    floor = 1e3 * max(moved / bytes_rate, flop / flop_rate)
    return {"method": method, "dtype": "bf16", **size, "ms": ms, "q1Ms": sample["q1Ms"], "q3Ms": sample["q3Ms"],
            "bytesPerSecond": moved / ms * 1e3, "flopPerSecond": flop / ms * 1e3, "fractionOfRoofline": floor / ms, "peersMs": others,
            "ratios": {name: other / ms for name, other in others.items()}, "residualMax": worst, "residual999": most,
            "residualAgainst": "CPU float32" if method in RANDOM else "float64"}


def main(cli, *only):
    bytes_rate, flop_rate = copy_rate(), matrix_rate()
    rows = []
    cases = [(LONG, long_peers, ["linear-elu", "efficient", "performer"]), (CHUNKED, causal_peers, ["linear-elu", "performer"]),
             (CHUNKED, chunked_peers, ["retention", "mamba2", "gated-deltanet", "gla", "kda"])]
    cases += [(size, lambda method, size=size: cuda_sparse.peers(size, timed), cuda_sparse.METHODS) for size in cuda_sparse.SIZES]
    cases += [(size, lambda method, size=size: cuda_landmark.peers(method, size, timed), cuda_landmark.METHODS) for size in cuda_landmark.SIZES]
    cases += [(size, lambda method, size=size: cuda_further.peers(method, size, timed),
               [m for m in cuda_further.METHODS if cuda_further.supports(m, size)]) for size in cuda_further.SIZES]
    for size, peers, methods in cases:
        methods = [m for m in methods if not only or m in only or (size["causal"] and m + ":causal" in only)]
        if not methods:
            continue
        samples = ours(cli, methods, size)
        for method in methods:
            rows.append(row(cli, method, size, samples[method], peers(method), bytes_rate, flop_rate))
            print(rows[-1], file=sys.stderr, flush=True)
    versions = {"pytorch": torch.__version__, "cuda": torch.version.cuda}
    try:
        import fla
        versions["flash-linear-attention"] = fla.__version__
    except ImportError:
        pass
    print(json.dumps({"date": datetime.date.today().isoformat(), "card": torch.cuda.get_device_name(), **versions,
                      "copyBytesPerSecond": bytes_rate, "matrixFlopPerSecond": flop_rate,
                      "timing": "CUDA events, medians after warm-up, inputs rotated", "rows": rows}, indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
