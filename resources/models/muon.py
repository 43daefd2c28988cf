# SPDX-License-Identifier: GPL-3.0-or-later
# The Muon optimiser (Jordan et al., 2024) for matrices, batched over matrices of one shape.

import torch


def orthogonalised(update, steps=5):
    """Nearest semi-orthogonal matrices by the quintic Newton-Schulz iteration; update [N, rows, columns]."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = update.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum, then orthogonalisation, with decoupled weight decay. Takes matrices only."""

    def __init__(self, parameters, rate=0.02, momentum=0.95, decay=0.05):
        byShape = {}
        for parameter in parameters:
            byShape.setdefault(tuple(parameter.shape), []).append(parameter)
        super().__init__([{"params": group} for group in byShape.values()],
                         {"lr": rate, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            parameters = group["params"]
            gradient = torch.stack([parameter.grad for parameter in parameters])
            state = self.state[parameters[0]]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(gradient)
            state["momentum"].lerp_(gradient, 1 - group["momentum"])
            update = orthogonalised(gradient.lerp(state["momentum"], group["momentum"]))
            rows, columns = update.shape[-2:]
            scale = group["lr"] * max(1.0, rows / columns) ** 0.5
            for parameter, direction in zip(parameters, update):
                parameter.mul_(1 - group["lr"] * group["decay"])
                parameter.add_(direction.to(parameter.dtype), alpha=-scale)
