# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes reformer_*.npy and routing_*.npy: outputs of the packages' attention, in float64, with what was drawn at random.

    pip install torch numpy einops && pip install --no-deps reformer-pytorch==1.4.4 routing-transformer==1.6.1 local-attention \
        hyper-connections torch-einops-utils axial-positional-embedding product-key-memory colt5-attention mixture-of-experts
    python make_sparse_golden.py

Inputs are rounded to float32 before they are used. Clusters' means are ones at which no two tokens are equally near.
"""
import pathlib

import numpy as np
import torch
from reformer_pytorch.reformer_pytorch import LSHAttention
from routing_transformer.routing_transformer import KmeansAttention

FOLDER = pathlib.Path(__file__).parent
LENGTH, DIM, BUCKET, ROUNDS, CLUSTERS = 96, 16, 12, 3, 6


def rounded(*shape, scale=1.0):
    return (scale * torch.randn(*shape, dtype=torch.float64)).to(torch.float32).to(torch.float64)


def save(name, x, dtype=np.float64):
    np.save(FOLDER / f"{name}.npy", x.detach().numpy().astype(dtype))


def reformer():
    """The rotations are replayed: the layer draws them with torch.randn right after it is seeded."""
    shared, v = rounded(1, LENGTH, DIM), rounded(1, LENGTH, DIM)
    save("reformer_qk", shared[0], np.float32)
    save("reformer_v", v[0], np.float32)
    for name, causal in (("reformer", False), ("reformer_causal", True)):
        torch.manual_seed(5)
        out = LSHAttention(bucket_size=BUCKET, n_hashes=ROUNDS, causal=causal)(shared, v)[0]
        save(name, out[0])
    torch.manual_seed(5)
    rotations = torch.randn((1, DIM, ROUNDS, LENGTH // BUCKET // 2), dtype=torch.float64)
    save("reformer_rotations", rotations[0].permute(1, 0, 2), np.float32)


def routing():
    q, k, v = (rounded(1, 1, LENGTH, DIM) for _ in range(3))
    layer = KmeansAttention(CLUSTERS, LENGTH // CLUSTERS, 1, DIM).double().eval()
    with torch.no_grad():
        out, _ = layer(q, k, v)
        counts = torch.zeros(LENGTH, dtype=torch.float64)
        from routing_transformer.routing_transformer import distribution, split_at_index

        distances, _ = layer.kmeans(torch.cat((q, k), dim=2))
        indices = distribution(split_at_index(2, LENGTH, distances)[0], LENGTH // CLUSTERS)
        counts.scatter_add_(0, indices.reshape(-1), torch.ones(indices.numel(), dtype=torch.float64))
        # The package divides by the number of clusters + 1e-5; undone, so that only the mean remains.
        out = out * ((counts + 1e-5) / counts.clamp(min=1)).reshape(1, 1, -1, 1)
    for name, x in (("q", q), ("k", k), ("v", v)):
        save(f"routing_{name}", x[0, 0], np.float32)
    save("routing_means", layer.kmeans.means[0], np.float32)
    save("routing", out[0, 0])


if __name__ == "__main__":
    torch.manual_seed(0)
    reformer()
    routing()
