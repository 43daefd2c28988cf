# SPDX-License-Identifier: GPL-3.0-or-later
"""The landmark methods' part of cuda_linear.py: the same equations in PyTorch, and in float64."""
import numpy as np
import torch

METHODS = ["nystromformer", "linformer", "skyformer"]
SIZES = [{"heads": 8, "dim": 64, "n": n, "causal": False} for n in (16384, 262144)]
LANDMARKS, FEATURES, ITERATIONS = 64, 128, 6  # attnscope's defaults


def means(x):
    b, h, n, d = x.shape
    return x.reshape(b, h, LANDMARKS, n // LANDMARKS, d).mean(-2)


def inverse(a):
    """In float32: PyTorch's bfloat16 products would lose the result."""
    a = a.float()
    one = torch.eye(a.shape[-1], device=a.device)
    z = a.transpose(-1, -2) / a.sum(-2).amax(-1)[..., None, None]
    for _ in range(ITERATIONS):
        x = a @ z
        z = 0.25 * z @ (13 * one - x @ (15 * one - x @ (7 * one - x)))
    return z


def nystromformer(q, k, v):
    scale = q.shape[-1] ** -0.5
    queries, keys = means(q), means(k)
    back = torch.softmax(scale * queries @ k.transpose(-1, -2), -1) @ v
    z = inverse(torch.softmax(scale * queries.float() @ keys.float().transpose(-1, -2), -1))
    return torch.softmax(scale * q @ keys.transpose(-1, -2), -1) @ (z.to(v.dtype) @ back)


def linformer(q, k, v):
    return torch.softmax(q.shape[-1] ** -0.5 * q @ means(k).transpose(-1, -2), -1) @ means(v)


def linformer_sdpa(q, k, v):
    return torch.nn.functional.scaled_dot_product_attention(q, means(k), means(v))


def nystromformer_sdpa(q, k, v):
    attend = torch.nn.functional.scaled_dot_product_attention
    queries, keys = means(q), means(k)
    z = inverse(torch.softmax(q.shape[-1] ** -0.5 * queries.float() @ keys.float().transpose(-1, -2), -1))
    return attend(q, keys, z.to(v.dtype) @ attend(queries, k, v))


def skyformer(places):
    def run(q, k, v):
        scale = q.shape[-1] ** -0.5
        half = FEATURES // 2
        rows = torch.cat((q[:, :, places[:half]], k[:, :, places[half:]]), -2)
        kernel = lambda x, y: torch.exp(scale * (x @ y.transpose(-1, -2) - 0.5 * (x * x).sum(-1, keepdim=True)
                                                 - 0.5 * (y * y).sum(-1).unsqueeze(-2)))
        a = kernel(rows.float(), rows.float()) + 0.1 * torch.eye(FEATURES, device=q.device)
        root = a.sum(-1).rsqrt()
        z = inverse(root.unsqueeze(-1) * a * root.unsqueeze(-2)) * root.unsqueeze(-1) * root.unsqueeze(-2)
        return kernel(q, rows) @ (z.to(v.dtype) @ (kernel(rows, k) @ v))
    return run


def peers(method, size, timed):
    shape = (1, size["heads"], size["n"], size["dim"])
    sets = [tuple(torch.randn(shape, device="cuda", dtype=torch.bfloat16) for _ in range(3)) for _ in range(2)]
    run = {"nystromformer": nystromformer, "linformer": linformer,
           "skyformer": skyformer(torch.randint(size["n"], (FEATURES,), device="cuda"))}[method]
    with torch.no_grad():
        times = {"PyTorch eager": timed(run, sets), "torch.compile": timed(torch.compile(run), sets)}
        if method != "skyformer":
            attend = nystromformer_sdpa if method == "nystromformer" else linformer_sdpa
            times["torch.compile with SDPA"] = timed(torch.compile(attend), sets)
    torch._dynamo.reset()
    return times


def float64(method, q, k, v):
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    n = q.shape[1]
    scale = q.shape[-1] ** -0.5

    def softmax(x):
        weights = np.exp(x - x.max(-1, keepdims=True))
        return weights / weights.sum(-1, keepdims=True)

    def pool(x, starts):
        return np.stack([x[:, a:b].mean(1) for a, b in zip(starts, [*starts[1:], n], strict=True)], 1)

    turned = lambda x: x.swapaxes(-1, -2)
    if method == "linformer":
        starts = [r * n // LANDMARKS for r in range(LANDMARKS)]
        return softmax(scale * q @ turned(pool(k, starts))) @ pool(v, starts)
    short = LANDMARKS - n % LANDMARKS  # the first segments are one token shorter
    starts = [r * (n // LANDMARKS) + max(0, r - short) for r in range(LANDMARKS)]
    queries, keys = pool(q, starts), pool(k, starts)
    a = softmax(scale * queries @ turned(keys))
    z = turned(a) / a.sum(-2).max(-1)[:, None, None]
    one = np.eye(LANDMARKS)
    for _ in range(ITERATIONS):
        x = a @ z
        z = 0.25 * z @ (13 * one - x @ (15 * one - x @ (7 * one - x)))
    return softmax(scale * q @ turned(keys)) @ (z @ (softmax(scale * queries @ turned(k)) @ v))


def flop(method, size):
    """Of the products with all tokens."""
    count = {"linformer": 4 * LANDMARKS, "nystromformer": 8 * LANDMARKS, "skyformer": 8 * FEATURES}[method]
    return count * size["heads"] * size["n"] * size["dim"]
