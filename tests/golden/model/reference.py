# SPDX-License-Identifier: GPL-3.0-or-later
# What PyTorch transformers computes for one model and one text: hidden states, logits, q, k, v and attention, eager, float32.
"""Needs torch, transformers and safetensors; used by make_golden.py and check_real_models.py."""
import torch
from safetensors.torch import save_file
from transformers import AttentionInterface, AutoModel, AutoModelForCausalLM
from transformers.masking_utils import AttentionMaskInterface, eager_mask

captured = []


def capture(module, query, key, value, attention_mask, scaling=None, **_):
    """Eager attention that also keeps what it was given."""
    captured.append((query, key, value, scaling))
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    logits = query @ key.transpose(2, 3) * scaling
    if attention_mask is not None:
        logits = logits + attention_mask
    weights = logits.softmax(-1)
    return (weights @ value).transpose(1, 2).contiguous(), weights


AttentionInterface.register("capture", capture)
AttentionMaskInterface.register("capture", eager_mask)


def load(folder, attention, dtype=torch.float32):
    import json
    import pathlib

    kind = json.loads((pathlib.Path(folder) / "config.json").read_text())["model_type"]
    loader = AutoModel if kind == "bert" else AutoModelForCausalLM
    options = {"add_pooling_layer": False} if kind == "bert" else {}
    return loader.from_pretrained(folder, attn_implementation=attention, dtype=dtype, **options).eval()


def layers_of(model):
    base = getattr(model, model.base_model_prefix, model)
    return base.layers if hasattr(base, "layers") else base.h if hasattr(base, "h") else base.encoder.layer


@torch.no_grad()
def reference(folder, ids, dtype=torch.float32, attention_maps=True):
    """Tensors by name: ids, hidden.0 ..., last, logits, q.L, k.L, v.L, scale.L, attention.L."""
    ids = torch.as_tensor(ids).reshape(1, -1)
    model = load(folder, "eager", dtype)
    outputs = []
    hooks = [
        layer.register_forward_hook(lambda m, a, o: outputs.append(o[0] if isinstance(o, tuple) else o)) for layer in layers_of(model)
    ]
    eager = model(ids, output_hidden_states=True, output_attentions=attention_maps, use_cache=False)
    for hook in hooks:
        hook.remove()
    made = {"ids": ids[0].float(), "hidden.0": eager.hidden_states[0][0]}
    for i, hidden in enumerate(outputs):
        made[f"hidden.{i + 1}"] = hidden[0]
    made["last"] = eager.hidden_states[-1][0]
    if hasattr(eager, "logits"):
        made["logits"] = eager.logits[0]
    for i, weights in enumerate(eager.attentions or []):
        made[f"attention.{i}"] = weights[0]
    captured.clear()
    again = load(folder, "capture", dtype)(ids, output_hidden_states=True, use_cache=False)
    assert (again.hidden_states[-1] - eager.hidden_states[-1]).abs().max() < 1e-3
    for i, (q, k, v, scale) in enumerate(captured):
        made |= {f"q.{i}": q[0], f"k.{i}": k[0], f"v.{i}": v[0], f"scale.{i}": torch.tensor([float(scale)])}
    return {name: value.contiguous().clone() for name, value in made.items()}


def save(tensors, path):
    save_file({name: value.float() for name, value in tensors.items()}, path)
