#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Saves the queries, keys and values of a Hugging Face model's attention for Attnscope.

    from capture_qkv import capture
    capture(model, tokenizer, "some text", layers=[0, 3], out="qkv.safetensors")

or, for a folder or a name that transformers can load:

    python3 capture_qkv.py MODEL TEXTFILE qkv.safetensors --layers 0,3

Works with causal and encoder models whose attention goes through transformers' attention interface (4.48 and later: GPT-2, Llama,
Mistral, Qwen, Gemma, BERT and most others), whatever implementation they run (eager, sdpa, flash). What is saved is what enters the
softmax: q after rotary embedding and norms, k and v before grouped heads are repeated. Each layer L becomes the tensors layers.L.q
[H, N, D], layers.L.k and layers.L.v [Hkv, N, D]; the metadata say causal, scale, mask, tokens and model.

Needs torch, transformers and safetensors.
"""
import argparse
import contextlib
import json
import os
import sys

import torch
from safetensors.torch import save_file

EXTRAS = {"softcap": "a soft cap on logits", "position_bias": "a position bias", "s_aux": "learned attention sinks"}


class CaptureError(RuntimeError):
    """Says in one sentence why q, k and v can't be captured."""


def modeling_modules(model):
    """The Python modules that define the parts of a model."""
    return {sys.modules[type(part).__module__] for part in model.modules()}


@contextlib.contextmanager
def patched_attention(model, record):
    """While it lasts, every attention function that the model may call tells `record` its arguments first."""

    def recording(original):
        def attention(module, query, key, value, attention_mask, *args, **kwargs):
            record(module, query, key, value, attention_mask, kwargs)
            return original(module, query, key, value, attention_mask, *args, **kwargs)

        return attention

    undo = []
    try:
        from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
    except ImportError as missing:
        raise CaptureError("This version of transformers has no attention interface; install 4.48 or later.") from missing
    modules = modeling_modules(model)
    tables = {id(t): t for t in [ALL_ATTENTION_FUNCTIONS, *(getattr(m, "ALL_ATTENTION_FUNCTIONS", None) for m in modules)] if t is not None}
    try:
        for table in tables.values():
            for name in list(table):
                undo.append((table.__setitem__, name, table[name]))
                table[name] = recording(table[name])
        for module in modules:  # "eager" is no entry of the table but a function beside the model
            if hasattr(module, "eager_attention_forward"):
                undo.append((lambda name, old, m=module: setattr(m, name, old), "eager_attention_forward", module.eager_attention_forward))
                module.eager_attention_forward = recording(module.eager_attention_forward)
        yield
    finally:
        for restore, name, original in reversed(undo):
            restore(name, original)


def mask_kind(module, mask, length, kwargs):
    """("causal", "bidirectional", "sliding window W" or "other"; whether it is causal)."""
    if mask is None:  # the implementation builds the mask itself
        causal = kwargs.get("is_causal")
        causal = getattr(module, "is_causal", True) if causal is None else causal
        window = kwargs.get("sliding_window")
        if window and window < length:
            return f"sliding window {window}", bool(causal)
        return ("causal" if causal else "bidirectional"), bool(causal)
    if mask.dim() < 2 or mask.shape[-2:] != (length, length):
        return ("bidirectional", False) if mask.dim() == 2 and bool((mask != 0).all()) else ("other", False)
    mask = mask.reshape(-1, length, length)[0]
    allowed = mask if mask.dtype == torch.bool else mask > -1.0
    row = torch.arange(length, device=mask.device)
    distance = row[:, None] - row[None, :]
    if bool(allowed.all()) and length > 1:
        return "bidirectional", False
    if torch.equal(allowed, distance >= 0):
        return "causal", True
    window = int(allowed[-1].sum())
    if torch.equal(allowed, (distance >= 0) & (distance < window)):
        return f"sliding window {window}", True
    if torch.equal(allowed, distance.abs() <= window - 1):
        return f"sliding window {window} on each side", False
    return "other", not bool((allowed & (distance < 0)).any())


class Recorder:
    """Keeps the first call of each chosen layer."""

    def __init__(self, layers):
        self.layers = None if layers is None else set(layers)
        self.seen = []
        self.kept = {}

    def __call__(self, module, query, key, value, mask, kwargs):
        number = getattr(module, "layer_idx", None)
        number = len(self.seen) if number is None else int(number)
        if query.shape[-2] != key.shape[-2]:
            raise CaptureError("The model has cross-attention, or kept keys of an earlier call: only self-attention can be captured.")
        if number in self.seen:
            raise CaptureError(f"Two attention parts call themselves layer {number}: pass the language model alone.")
        self.seen.append(number)
        if self.layers is not None and number not in self.layers:
            return
        kind, causal = mask_kind(module, mask, query.shape[-2], kwargs)
        extras = [text for name, text in EXTRAS.items() if kwargs.get(name) is not None]
        scale = kwargs.get("scaling")
        self.kept[number] = {
            "q": query, "k": key, "v": value,
            "scale": float(query.shape[-1] ** -0.5 if scale is None else scale),
            "causal": causal,
            "mask": ", and ".join([kind, *extras]),
        }  # fmt: skip


def labels(tokenizer, ids):
    """One readable label per token: leading space, line ends and tabs are shown."""
    texts = []
    for number in ids:
        text = tokenizer.decode([number])
        if not text or "\ufffd" in text:
            text = tokenizer.convert_ids_to_tokens(number) or f"#{number}"
        text = ("␣" + text[1:]) if text.startswith(" ") else text
        texts.append(text.replace("\r", "").replace("\n", "↵").replace("\t", "→"))
    return texts


def describe(kept, tokens, name):
    """The metadata of the file."""
    numbers = sorted(kept)
    first = kept[numbers[0]]
    if any(kept[n]["causal"] != first["causal"] for n in numbers):
        raise CaptureError("Some of the chosen layers are causal and some are not: save them in files of their own.")
    metadata = {
        "causal": "true" if first["causal"] else "false",
        "scale": repr(first["scale"]),
        "mask": first["mask"],
        "tokens": json.dumps(tokens),
        "model": name,
    }
    metadata.update({f"layers.{n}.scale": repr(kept[n]["scale"]) for n in numbers if kept[n]["scale"] != first["scale"]})
    metadata.update({f"layers.{n}.mask": kept[n]["mask"] for n in numbers if kept[n]["mask"] != first["mask"]})
    return metadata


def capture(model, tokenizer, text, layers=None, out="qkv.safetensors"):
    """Runs `text` once and writes q, k, v of `layers` (all where None) to `out`, whole or not at all. Returns the metadata."""
    if getattr(model.config, "is_encoder_decoder", False):
        raise CaptureError("Encoder-decoder models can't be captured: pass the encoder alone, for example model.get_encoder().")
    encoded = tokenizer(text, return_tensors="pt")
    ids = encoded["input_ids"]
    if ids.shape[-1] == 0:
        raise CaptureError("The text is empty.")
    recorder = Recorder(layers)
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), patched_attention(model, recorder):
            arguments = {key: tensor.to(model.device) for key, tensor in encoded.items()}
            if getattr(model.config, "use_cache", False):
                arguments["use_cache"] = False
            model(**arguments)
    finally:
        model.train(training)
    if not recorder.seen:
        raise CaptureError(f"{type(model).__name__} does not use transformers' attention interface, so its q, k and v can't be captured.")
    missing = sorted((recorder.layers or set()) - set(recorder.seen))
    if missing:
        raise CaptureError(f"There is no layer {missing[0]}: the model has layers {min(recorder.seen)} to {max(recorder.seen)}.")

    metadata = describe(recorder.kept, labels(tokenizer, ids[0].tolist()), str(getattr(model.config, "_name_or_path", "")))
    tensors = {}
    for number, layer in sorted(recorder.kept.items()):
        for part in ("q", "k", "v"):
            tensors[f"layers.{number}.{part}"] = layer[part][0].to(torch.float32).cpu().contiguous().clone()
    temporary = f"{out}.{os.getpid()}.tmp"
    try:
        save_file(tensors, temporary, metadata)
        os.replace(temporary, out)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
    return metadata


def main():
    parser = argparse.ArgumentParser(description="Saves q, k, v of a Hugging Face model for Attnscope.")
    parser.add_argument("model")
    parser.add_argument("text", help="UTF-8 text file")
    parser.add_argument("out")
    parser.add_argument("--layers", help="comma-separated, from 0; all by default")
    chosen = parser.parse_args()
    from transformers import AutoModel, AutoTokenizer

    with open(chosen.text, encoding="utf-8") as file:
        text = file.read()
    numbers = None if chosen.layers is None else [int(number) for number in chosen.layers.split(",")]
    try:
        capture(AutoModel.from_pretrained(chosen.model), AutoTokenizer.from_pretrained(chosen.model), text, numbers, chosen.out)
    except CaptureError as error:
        sys.exit(f"capture_qkv: {error}")


if __name__ == "__main__":
    main()
