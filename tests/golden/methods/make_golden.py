# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the golden values of this folder: attention outputs of other people's code, evaluated in float64.

    pip install torch numpy einops && pip install --no-deps performer-pytorch==1.1.4 linformer==0.2.3 \
        local-attention axial-positional-embedding hyper-connections
    python make_golden.py

performer-pytorch adds eps to its features (1e-4 by default) and to causal denominators (1e-6); both are set to 0 here, as in
Attnscope, which needs neither. Inputs are rounded to float32 before they are used, outputs stay float64.
"""
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from linformer.linformer import LinformerSelfAttention
from performer_pytorch.performer_pytorch import (
    causal_linear_attention_noncuda,
    gaussian_orthogonal_random_matrix,
    generalized_kernel,
    linear_attention,
    softmax_kernel,
)

FOLDER = pathlib.Path(__file__).parent
HEADS, LENGTH, DIM, VALUE_DIM, FEATURES, RANK = 2, 150, 16, 6, 40, 12


def rounded(x):
    return x.to(torch.float32).to(torch.float64)


def save(name, x, dtype=np.float64):
    np.save(FOLDER / f"{name}.npy", x.detach().numpy().astype(dtype))


def performer(q, k, v, w):
    def features(x, is_query):
        return softmax_kernel(x, projection_matrix=w, is_query=is_query, eps=0.0)

    save("performer_positive", linear_attention(features(q, True), features(k, False), v)[0])
    save("performer_positive_causal", causal_linear_attention_noncuda(features(q, True), features(k, False), v, eps=0.0)[0])
    relu_q, relu_k = (generalized_kernel(x, projection_matrix=w) for x in (q, k))
    save("performer_relu", linear_attention(relu_q, relu_k, v)[0])
    save("performer_relu_causal", causal_linear_attention_noncuda(relu_q, relu_k, v, eps=0.0)[0])


def linear_elu(q, k, v):
    """Katharopoulos et al. 2020, eq. 5 to 9, as quadratic attention without the eps of the published code."""
    weights = torch.einsum("bhid,bhjd->bhij", F.elu(q) + 1, F.elu(k) + 1)
    for name, kernel in (("linear_elu", weights), ("linear_elu_causal", weights.tril())):
        save(name, (kernel @ v / kernel.sum(-1, keepdim=True))[0])


def linformer():
    """The layer's own projections of x make q, k and v; its output projection is the identity."""
    width = HEADS * DIM
    layer = LinformerSelfAttention(width, LENGTH, k=RANK, heads=HEADS).double()
    with torch.no_grad():
        for parameter in (layer.to_q.weight, layer.to_k.weight, layer.to_v.weight):
            parameter.copy_(torch.eye(width))
        for parameter in (layer.proj_k, layer.proj_v):
            parameter.copy_(rounded(parameter))
        layer.to_out.weight.copy_(torch.eye(width))
        layer.to_out.bias.zero_()
    x, context = (rounded(torch.randn(1, LENGTH, width, dtype=torch.float64)) for _ in range(2))

    def heads(t):
        return t.reshape(LENGTH, HEADS, DIM).transpose(0, 1)

    save("linformer_q", heads(x[0]), np.float32)
    save("linformer_kv", heads(context[0]), np.float32)
    save("linformer_e", layer.proj_k.T, np.float32)
    save("linformer_f", layer.proj_v.T, np.float32)
    save("linformer", heads(layer(x, context=context)[0]))


def main():
    torch.manual_seed(20)
    q, k = (rounded(0.8 * torch.randn(1, HEADS, LENGTH, DIM, dtype=torch.float64)) for _ in range(2))
    v = rounded(torch.randn(1, HEADS, LENGTH, VALUE_DIM, dtype=torch.float64))
    w = rounded(gaussian_orthogonal_random_matrix(FEATURES, DIM))
    for name, x in (("q", q[0]), ("k", k[0]), ("v", v[0]), ("w", w)):
        save(name, x, np.float32)
    performer(q, k, v, w)
    linear_elu(q, k, v)
    linformer()


main()
