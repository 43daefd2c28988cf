#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times attnscope's exact CUDA attention and its maps beside PyTorch's fastest on the same card, and checks them against float64.

    python3 cuda_bars.py path/to/attnscope-cli > cuda_bars.json
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
LENGTH = 16384
CASES = [(dtype, dim, causal) for dtype in ("bf16", "f16", "f32", "tf32") for dim in (64, 128) for causal in (False, True)]
PEERS = {"bf16": {"cudnn": SDPBackend.CUDNN_ATTENTION, "flash": SDPBackend.FLASH_ATTENTION},
         "f16": {"cudnn": SDPBackend.CUDNN_ATTENTION, "flash": SDPBackend.FLASH_ATTENTION},
         "f32": {"efficient": SDPBackend.EFFICIENT_ATTENTION}, "tf32": {"efficient": SDPBackend.EFFICIENT_ATTENTION}}
TORCH = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32, "tf32": torch.float32}
MAP_LENGTH = 131072


def ours(cli, dtype, dim, causal):
    command = [cli, "sweep", "--backend", "cuda", "--dtype", dtype, "--methods", "softmax", "--lengths", str(LENGTH), "--dim", str(dim),
               "--heads", str(HEADS), "--peaks", "--json"] + (["--causal"] if causal else [])
    document = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return document["samples"][0], document["machine"]["peaks"]


def peer_times(dtype, dim, causal):
    sets = [[torch.randn(1, HEADS, LENGTH, dim, device="cuda", dtype=TORCH[dtype]) for _ in range(3)] for _ in range(4)]
    found = {}
    for name, backend in PEERS[dtype].items():
        with sdpa_kernel(backend):
            times = []
            for i in range(12):
                start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
                start.record()
                torch.nn.functional.scaled_dot_product_attention(*sets[i % 4], is_causal=causal)
                end.record()
                torch.cuda.synchronize()
                times.append(start.elapsed_time(end))
        found[name] = float(np.median(times[3:]))
    return found


def softmax64(q, k, causal):
    s = torch.einsum("hid,hjd->hij", q.double(), k.double()) / q.shape[-1] ** 0.5
    if causal:
        s = s.masked_fill(~torch.ones(s.shape[-2:], dtype=torch.bool, device=s.device).tril(), float("-inf"))
    return torch.softmax(s, -1)


def residual(cli, dtype, dim, causal, n=2000):
    q, k, v = (torch.randn(2, n, dim, device="cuda").to(TORCH[dtype]).float() for _ in range(3))
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder, "qkv.npz"), q=q.cpu().numpy(), k=k.cpu().numpy(), v=v.cpu().numpy())
        out = Path(folder, "o.npy")
        subprocess.run([cli, "run", "--input", str(Path(folder, "qkv.npz")), "--layout", "HND", "--method", "softmax", "--backend", "cuda",
                        "--dtype", dtype, "--out", str(out)] + (["--causal"] if causal else []), check=True, capture_output=True)
        o = torch.from_numpy(np.load(out)).cuda().double()
    expected = softmax64(q, k, causal) @ v.double()
    gaps = (o - expected).abs().flatten() / expected.abs().max()
    return float(gaps.max()), float(torch.sort(gaps)[0][int(0.999 * (gaps.numel() - 1))])


def overview(cli, dtype, dim, method):
    """Milliseconds of the 1024 x 1024 overview, and its error against float64 in the first rows."""
    q, k, v = (torch.randn(1, MAP_LENGTH, dim) for _ in range(3))
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder, "qkv.npz"), q=q.numpy(), k=k.numpy(), v=v.numpy())
        out = Path(folder, "map.npy")
        difference = ["--method", method, "--against", "softmax"] if method else ["--method", "softmax"]
        text = subprocess.run([cli, "map", "--input", str(Path(folder, "qkv.npz")), "--layout", "HND", *difference, "--backend", "cuda",
                               "--dtype", dtype, "--level", "7", "--time", "--out", str(out)], check=True, capture_output=True, text=True).stdout
        cells = np.load(out)
    gap = None
    if not method:
        p = softmax64(q[:, :128].cuda(), k.cuda(), False)[0]
        best = p.reshape(128, -1, 128).amax((0, 2)).cpu().numpy()
        gap = float(np.abs(cells[0] - best).max() / best.max())
    return json.loads(text), gap


def main(cli):
    rows = []
    for dtype, dim, causal in CASES:
        sample, peaks = ours(cli, dtype, dim, causal)
        largest, most = residual(cli, dtype, dim, causal)
        peers = peer_times(dtype, dim, causal)
        flops = 4.0 * LENGTH**2 * dim * HEADS * (0.5 if causal else 1.0)
        row = {"work": "exact", "dtype": dtype, "dim": dim, "causal": causal, "heads": HEADS, "n": LENGTH, "ms": sample["medianMs"],
               "q1Ms": sample["q1Ms"], "q3Ms": sample["q3Ms"], "tflops": flops / sample["medianMs"] / 1e9, "peakBytes": sample["peakBytes"],
               "ofPeak": sample["ofPeak"], "peersMs": peers, "ratios": {name: ms / sample["medianMs"] for name, ms in peers.items()},
               "residualMax": largest, "residual999": most}
        rows.append(row)
        print(row, file=sys.stderr)
    for dtype, dim in (("f16", 64), ("f16", 128), ("f32", 64)):
        for method in (None, "linear-elu"):
            times, gap = overview(cli, dtype, dim, method)
            rows.append({"work": "overview of softmax" if not method else f"overview of {method} minus softmax", "dtype": dtype, "dim": dim,
                         "n": MAP_LENGTH, **times, "residualMax": gap})
            print(rows[-1], file=sys.stderr)
    print(json.dumps({"date": datetime.date.today().isoformat(), "card": torch.cuda.get_device_name(), "pytorch": torch.__version__,
                      "cuda": torch.version.cuda, "peaks": peaks,
                      "timing": "exact: CUDA events, medians after warm-up over rotated inputs; maps: madeMs from float32 inputs in the host's "
                                "memory with the upload and the rows' log-sum-exp, readMs with the copy back", "rows": rows}, indent=1))


if __name__ == "__main__":
    main(sys.argv[1])
