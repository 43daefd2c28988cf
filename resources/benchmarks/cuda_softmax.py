#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times attnscope's exact float32 CUDA attention beside PyTorch's best on the same card, and checks both against float64.

    python3 cuda_softmax.py path/to/attnscope-cli > cuda_softmax.json
"""
import datetime
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

HEADS = 8
LENGTHS = [1024, 4096, 16384]
CASES = [(64, False), (64, True), (128, False), (128, True)]


def attnscope_times(cli, dim, causal):
    command = [cli, "sweep", "--backend", "cuda", "--methods", "softmax", "--lengths", ",".join(map(str, LENGTHS)),
               "--dim", str(dim), "--heads", str(HEADS), "--json"] + (["--causal"] if causal else [])
    document = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {sample["n"]: sample["medianMs"] for sample in document["samples"]}


def torch_time(dim, n, causal):
    q, k, v = (torch.randn(1, HEADS, n, dim, device="cuda") for _ in range(3))
    best = {}
    for name, backend in (("efficient", SDPBackend.EFFICIENT_ATTENTION), ("math", SDPBackend.MATH)):
        if name == "math" and n > 8192:
            continue  # stores n x n
        with sdpa_kernel(backend):
            def run():
                return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
            for _ in range(3):
                run()
            times = []
            for _ in range(9):
                start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
                start.record(); run(); end.record(); torch.cuda.synchronize()
                times.append(start.elapsed_time(end))
        best[name] = float(np.median(times))
    name = min(best, key=best.get)
    return name, best[name]


def residual(cli, dim, causal, n=1000):
    rng = np.random.default_rng()
    q, k, v = (rng.standard_normal((2, n, dim)).astype(np.float32) for _ in range(3))
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder, "qkv.npz"), q=q, k=k, v=v)
        out = Path(folder, "o.npy")
        subprocess.run([cli, "run", "--input", str(Path(folder, "qkv.npz")), "--layout", "HND", "--method", "softmax", "--backend", "cuda",
                        "--out", str(out)] + (["--causal"] if causal else []), check=True, capture_output=True)
        ours = np.load(out)
    s = np.einsum("hid,hjd->hij", q.astype(np.float64), k.astype(np.float64)) / np.sqrt(dim)
    if causal:
        s = np.where(np.tril(np.ones((n, n), bool)), s, -np.inf)
    p = np.exp(s - s.max(-1, keepdims=True))
    o = (p / p.sum(-1, keepdims=True)) @ v.astype(np.float64)
    return float(np.abs(ours - o).max() / np.abs(o).max())


def main(cli):
    rows = []
    for dim, causal in CASES:
        ours = attnscope_times(cli, dim, causal)
        error = residual(cli, dim, causal)
        for n in LENGTHS:
            name, theirs = torch_time(dim, n, causal)
            flops = 4.0 * n * n * dim * HEADS * (0.5 if causal else 1.0)
            rows.append({"method": "softmax", "dtype": "f32", "causal": causal, "heads": HEADS, "dim": dim, "n": n, "ms": ours[n],
                         "tflops": flops / ours[n] / 1e9, "peer": f"PyTorch SDPA {name}", "peerMs": theirs, "ratio": theirs / ours[n],
                         "residualFloat64": error})
            print(rows[-1], file=sys.stderr)
    print(json.dumps({"date": datetime.date.today().isoformat(), "card": torch.cuda.get_device_name(), "pytorch": torch.__version__,
                      "cuda": torch.version.cuda, "timing": "CUDA events, median of 9 after warm-up, inputs in place", "rows": rows}, indent=1))


if __name__ == "__main__":
    main(sys.argv[1])
