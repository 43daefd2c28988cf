# SPDX-License-Identifier: GPL-3.0-or-later
# The Llama-like network in plain PyTorch, with the parameter names and the arithmetic of transformers' LlamaForCausalLM.

import dataclasses
import json

import torch
import torch.nn.functional as F
from torch import nn


@dataclasses.dataclass
class Shape:
    """Sizes of the network; the defaults are those of attnscope-mini."""
    vocabulary: int = 6144
    width: int = 384
    hidden: int = 672
    layers: int = 8
    heads: int = 6
    keyHeads: int = 2
    headWidth: int = 64
    context: int = 20480
    ropeTheta: float = 100000.0
    epsilon: float = 1e-5

    def config(self):
        """config.json as transformers reads it."""
        return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": self.vocabulary,
                "hidden_size": self.width, "intermediate_size": self.hidden, "num_hidden_layers": self.layers,
                "num_attention_heads": self.heads, "num_key_value_heads": self.keyHeads, "head_dim": self.headWidth,
                "hidden_act": "silu", "max_position_embeddings": self.context, "rope_theta": self.ropeTheta,
                "rms_norm_eps": self.epsilon, "tie_word_embeddings": True, "attention_bias": False,
                "mlp_bias": False, "bos_token_id": 0, "eos_token_id": 1, "torch_dtype": "float16",
                "initializer_range": 0.02, "use_cache": True}


def rotate(x, cos, sin):
    """Rotary position embedding in the half-split form; x [B, H, T, D], cos and sin [T, D]."""
    half = x.shape[-1] // 2
    turned = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
    return x * cos + turned * sin


class Attention(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        inner, keys = shape.heads * shape.headWidth, shape.keyHeads * shape.headWidth
        self.q_proj = nn.Linear(shape.width, inner, bias=False)
        self.k_proj = nn.Linear(shape.width, keys, bias=False)
        self.v_proj = nn.Linear(shape.width, keys, bias=False)
        self.o_proj = nn.Linear(inner, shape.width, bias=False)

    def forward(self, x, cos, sin):
        batch, length, _ = x.shape
        q, k, v = (proj(x).view(batch, length, -1, self.shape.headWidth).transpose(1, 2)
                   for proj in (self.q_proj, self.k_proj, self.v_proj))
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        group = self.shape.heads // self.shape.keyHeads
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, -1))


class GatedMlp(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.hidden, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.hidden, bias=False)
        self.down_proj = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.input_layernorm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        self.mlp = GatedMlp(shape)

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class MiniLlama(nn.Module):
    """Causal language model with tied input and output embeddings."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.model.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.model.norm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        frequency = shape.ropeTheta ** (-torch.arange(0, shape.headWidth, 2, dtype=torch.float64) / shape.headWidth)
        angle = torch.outer(torch.arange(shape.context, dtype=torch.float64), frequency)
        angle = torch.cat((angle, angle), dim=-1)
        self.register_buffer("cos", angle.cos().float(), persistent=False)
        self.register_buffer("sin", angle.sin().float(), persistent=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                deep = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(parameter, std=0.02 / ((2 * shape.layers) ** 0.5 if deep else 1.0))

    def forward(self, ids, targets=None):
        """Logits [B, T, vocabulary]; with targets (-100: ignored) the summed loss in nats and the number scored."""
        x = self.model.embed_tokens(ids)
        cos, sin = self.cos[:ids.shape[1]], self.sin[:ids.shape[1]]
        for layer in self.model.layers:
            x = layer(x, cos, sin)
        logits = F.linear(self.model.norm(x), self.model.embed_tokens.weight)
        if targets is None:
            return logits
        loss = F.cross_entropy(logits.float().view(-1, logits.shape[-1]), targets.reshape(-1),
                               ignore_index=-100, reduction="sum")
        return loss, (targets != -100).sum()


def saveFolder(network, folder):
    """Writes config.json, generation_config.json and fp16 model.safetensors; the weights appear whole or not at all."""
    import os
    from safetensors.torch import save_file
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(network.shape.config(), file, indent=2)
        file.write("\n")
    with open(os.path.join(folder, "generation_config.json"), "w") as file:
        json.dump({"bos_token_id": 0, "eos_token_id": 1}, file, indent=2)
        file.write("\n")
    tensors = {name: value.detach().to("cpu", torch.float16).contiguous()
               for name, value in network.state_dict().items()}
    path = os.path.join(folder, "model.safetensors")
    save_file(tensors, path + ".part", metadata={"format": "pt"})
    os.replace(path + ".part", path)
