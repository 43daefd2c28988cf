#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times attnscope's CPU methods beside PyTorch's best on the same machine, with the same threads, round by round in turn.

    python3 cpu_peers.py path/to/attnscope-cli [--only NAME,..] [--rounds 7] [--out cpu_peers.json]
                         [--fast-transformers path/to/causal_product_cpu.cpp] [--model folder] [--merge]

With --fast-transformers (a file of that project's source package on PyPI) its compiled causal product, built as its setup.py does, is
the rival of the recurrent mixers and one more of causal linear attention. With --model (a Hugging Face folder of the Llama family)
the model's forward pass is timed beside transformers' on 1,024 tokens.

With --merge the rows that were measured take the place of those of the same case and length in the file named by --out, each with its
own date and ceilings; all others stay as they are.

A ratio above 1 says that attnscope is faster. Each round times both, one after the other; what is kept is the median of the rounds'
ratios. PyTorch's side is the fastest of the forms listed for a case (eager, torch.compile, SDPA, FlexAttention), picked before
the rounds. Both sides time runs with inputs in place, after warming up.
"""
import argparse
import datetime
import json
import math
import statistics
import subprocess
import sys
import time

import torch
import torch.nn.functional as F

CHUNK = 128


def phi_elu(x):
    return F.elu(x) + 1.0


def make_positive(w):
    scale = w.shape[1] ** -0.25

    def phi(x):
        x = x * scale
        p = x @ w.T - 0.5 * (x * x).sum(-1, keepdim=True)
        return torch.exp(p - p.amax(dim=(-2, -1), keepdim=True)) + 1e-6
    return phi


def linear(phi):
    def run(q, k, v):
        fq, fk = phi(q), phi(k)
        state = fk.transpose(-1, -2) @ v
        return (fq @ state) / (fq @ fk.sum(-2, keepdim=True).transpose(-1, -2))
    return run


def linear_causal(phi):
    """Chunks of 128 tokens, all at once: states by a cumulative sum, then the products within each chunk."""
    def run(q, k, v):
        b, h, n, d = q.shape
        fq, fk = (phi(x).reshape(b, h, n // CHUNK, CHUNK, -1) for x in (q, k))
        vc = v.reshape(b, h, n // CHUNK, CHUNK, d)
        states = (fk.transpose(-1, -2) @ vc).cumsum(2)
        states = F.pad(states, (0, 0, 0, 0, 1, 0))[:, :, :-1]
        weights = F.pad(fk.sum(-2).cumsum(2), (0, 0, 1, 0))[:, :, :-1]
        inner = (fq @ fk.transpose(-1, -2)).tril()
        out = fq @ states + inner @ vc
        norm = fq @ weights.unsqueeze(-1) + inner.sum(-1, keepdim=True)
        return (out / norm).reshape(b, h, n, d)
    return run


def efficient(q, k, v):
    scale = q.shape[-1] ** -0.25
    return torch.softmax(q * scale, -1) @ (torch.softmax(k * scale, -2).transpose(-1, -2) @ v)


def pooled(x, rank=64):
    b, h, n, d = x.shape
    return x.reshape(b, h, rank, n // rank, d).mean(3)


def linformer(q, k, v):
    return torch.softmax(q @ pooled(k).transpose(-1, -2) * q.shape[-1] ** -0.5, -1) @ pooled(v)


def linformer_sdpa(q, k, v):
    return F.scaled_dot_product_attention(q, pooled(k), pooled(v))


def make_window(n, side, causal):
    """Blocks of `side` queries against the blocks beside them, under a mask of the band."""
    blocks = n // side
    i = torch.arange(side)[:, None]
    j = torch.arange(-side, side if causal else 2 * side)[None]
    band = (j - i).abs() <= side
    if causal:
        band &= j <= i
    key = torch.arange(blocks)[:, None, None] * side + j
    mask = (band[None] & (key >= 0) & (key < n))[None, None]

    def near(x):
        b, h, _, d = x.shape
        padded = F.pad(x, (0, 0, side, 0 if causal else side)).reshape(b, h, -1, side, d)
        parts = [padded[:, :, p:p + blocks] for p in range(2 if causal else 3)]
        return torch.cat(parts, 3)

    def run(q, k, v):
        b, h, _, d = q.shape
        qb = q.reshape(b, h, blocks, side, d)
        s = (qb @ near(k).transpose(-1, -2)) * d ** -0.5
        return (torch.softmax(s.masked_fill(~mask, float("-inf")), -1) @ near(v)).reshape(b, h, n, d)

    def run_sdpa(q, k, v):
        b, h, _, d = q.shape
        qb = q.reshape(b * h, blocks, side, d)
        kb, vb = (near(x).reshape(b * h, blocks, -1, d) for x in (k, v))
        return F.scaled_dot_product_attention(qb, kb, vb, attn_mask=mask[0]).reshape(b, h, n, d)
    return run, run_sdpa


def flex_window(n, side, causal):
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    def band(b, h, i, j):
        near = (i - j).abs() <= side
        return near & (j <= i) if causal else near
    made = {}

    def run(q, k, v):
        if not made:
            made["mask"] = create_block_mask(band, None, None, n, n, device="cpu", _compile=True)
            made["flex"] = torch.compile(flex_attention)
        return made["flex"](q, k, v, block_mask=made["mask"])
    return run


def load_fast_transformers(source):
    from torch.utils.cpp_extension import load
    return load("causal_product_cpu", [source], extra_cflags=["-O3", "-fopenmp", "-ffast-math"]).causal_dot_product


def product_of(causal_dot_product):
    """The product alone, which runs one head a thread."""
    def run(q, k, v):
        out = torch.zeros(*q.shape[:-1], v.shape[-1])
        causal_dot_product(q, k, v, out)
        return out
    return run


def linear_by_product(causal_dot_product):
    product = product_of(causal_dot_product)

    def run(q, k, v):
        fq, fk = phi_elu(q), phi_elu(k)
        norm = torch.einsum("nhli,nhli->nhl", fq, fk.cumsum(2))
        return product(fq, fk, v) / norm.unsqueeze(-1)
    return run


def both(f):
    return {"eager": f, "compile": torch.compile(f, dynamic=False)}


def forms(case, n, causal_product):
    kind, causal, dim = case["method"], case["causal"], case["dim"]
    if case["heads"] > 1:
        return {"fast-transformers": product_of(causal_product)} if causal_product else {}
    if kind == "softmax":
        return {"sdpa": lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=causal)}
    if kind == "linear-elu":
        extra = {"fast-transformers": linear_by_product(causal_product)} if causal and causal_product else {}
        return both(linear_causal(phi_elu) if causal else linear(phi_elu)) | extra
    if kind == "performer":
        phi = make_positive(torch.randn(256, dim))
        return both(linear_causal(phi) if causal else linear(phi))
    if kind == "efficient":
        return both(efficient)
    if kind == "linformer":
        return {**both(linformer), "sdpa": linformer_sdpa}
    if kind == "window":
        eager, sdpa = make_window(n, 64, causal)
        return {**both(eager), "sdpa": sdpa, "flex": flex_window(n, 64, causal)}
    return {}


def cases():
    long = [16384, 65536]
    made = [{"method": "softmax", "causal": c, "dim": d, "lengths": [1024, 4096, 16384], "bar": 1.2} for c in (False, True) for d in (64, 128)]
    made += [{"method": m, "causal": False, "dim": 64, "lengths": long, "bar": 3.0}
             for m in ("linear-elu", "performer", "efficient", "linformer", "window")]
    made += [{"method": m, "causal": True, "dim": 64, "lengths": long, "bar": 5.0} for m in ("linear-elu", "performer")]
    made += [{"method": "window", "causal": True, "dim": 64, "lengths": long, "bar": 3.0}]
    made += [{"method": m, "causal": True, "dim": 64, "lengths": long, "bar": 1.0, "heads": 2}
             for m in ("retention", "lightning", "mamba2", "gla", "hgrn2", "rwkv6", "deltanet", "gated-deltanet", "kda", "rwkv7")]
    made += [{"method": "softmax", "causal": c, "dim": d, "lengths": [1024, 4096, 16384], "bar": 1.2, "dtype": "bf16"}
             for c in (False, True) for d in (64, 128)]
    for case in made:
        case.setdefault("heads", 1)
        case.setdefault("dtype", "f32")
        case["name"] = f"{case['method']}{'-causal' if case['causal'] else ''}-{case['dim']}" + ("-bf16" if case["dtype"] == "bf16" else "")
    return made


def clock(run, seconds=0.05, least=3):
    times = []
    begin = time.perf_counter()
    while len(times) < least or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
        if sum(times) > 10.0:
            break
    return 1e3 * statistics.median(times)


def attnscope(cli, case, n, threads):
    command = [cli, "sweep", "--methods", case["method"], "--lengths", str(n), "--dim", str(case["dim"]), "--heads", str(case["heads"]),
               "--dtype", case["dtype"], "--repeats", "3", "--threads", str(threads), "--time-cap", "60", "--json"] + (["--causal"] if case["causal"] else [])
    sample = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["samples"][0]
    if sample["status"] != "ok":
        raise RuntimeError(f"{case['name']} n={n}: {sample['status']}")
    return sample


def machine_of(cli, threads, dtype):
    """The machine and its ceilings in that number format, or None where the processor has no unit for it."""
    command = [cli, "sweep", "--methods", "softmax", "--lengths", "64", "--threads", str(threads), "--dtype", dtype, "--peaks", "--json"]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        print(run.stderr.strip(), file=sys.stderr)
        return None
    return json.loads(run.stdout)["machine"]


def peaks(cli, threads, with_bf16):
    machine = machine_of(cli, threads, "f32")
    bf16 = machine_of(cli, threads, "bf16") if with_bf16 else None
    if bf16:
        machine["peaks"]["bf16Flops"] = bf16["peaks"]["flops"]
    return machine


def fastest_form(case, n, qkv, causal_product):
    timed = {}
    for name, run in forms(case, n, causal_product).items():
        try:
            call = lambda run=run: run(*qkv)
            call()
            timed[name] = (clock(call), call)
        except Exception as error:  # a form that this PyTorch can't run is no rival
            print(f"    {name}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", file=sys.stderr)
        torch._dynamo.reset()
    name = min(timed, key=lambda key: timed[key][0]) if timed else None
    return name, timed[name][1] if name else None


def compare(cli, case, n, rounds, threads, causal_product):
    torch.manual_seed(0)
    dtype = torch.bfloat16 if case["dtype"] == "bf16" else torch.float32
    qkv = tuple(torch.randn(1, case["heads"], n, case["dim"], dtype=dtype) for _ in range(3))
    form, rival = fastest_form(case, n, qkv, causal_product)
    rows = []
    for _ in range(rounds):
        theirs = clock(rival) if rival else None
        rows.append((theirs, attnscope(cli, case, n, threads)))
    ours = [sample["medianMs"] for _, sample in rows]
    sample = rows[0][1]
    row = {"case": case["name"], "method": case["method"], "causal": case["causal"], "heads": case["heads"],
           "dim": case["dim"], "dtype": case["dtype"], "n": n,
           "attnscopeMs": statistics.median(ours), "attnscopeBestMs": min(ours), "flops": sample["flops"], "bytes": sample.get("bytes")}
    if rival:
        ratios = [theirs / s["medianMs"] for theirs, s in rows]
        row |= {"rival": form, "rivalMs": statistics.median(t for t, _ in rows), "ratio": statistics.median(ratios),
                "ratioLow": min(ratios), "ratioHigh": max(ratios), "bar": case["bar"], "met": statistics.median(ratios) >= case["bar"]}
    return row


def compare_model(cli, folder, n, rounds, threads):
    from transformers import AutoConfig, AutoModel
    config = AutoConfig.from_pretrained(folder)
    model = AutoModel.from_config(config, attn_implementation="sdpa", dtype=torch.float32).eval()
    ids = torch.randint(0, config.vocab_size, (1, n))
    rows = []
    clock(lambda: model(ids, use_cache=False), least=1)
    for _ in range(rounds):
        theirs = clock(lambda: model(ids, use_cache=False), least=2)
        command = [cli, "forward", "--model", folder, "--lengths", str(n), "--repeats", "2", "--threads", str(threads), "--json"]
        ours = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["samples"][0]["medianMs"]
        rows.append((theirs, ours))
    ratios = [theirs / ours for theirs, ours in rows]
    shape = {key: getattr(config, key) for key in ("model_type", "hidden_size", "intermediate_size", "num_hidden_layers",
                                                   "num_attention_heads", "num_key_value_heads")}
    return {"case": "forward", "model": shape, "n": n, "attnscopeMs": statistics.median(ours for _, ours in rows),
            "rival": "transformers, sdpa, eager", "rivalMs": statistics.median(theirs for theirs, _ in rows),
            "ratio": statistics.median(ratios), "ratioLow": min(ratios), "ratioHigh": max(ratios), "bar": 1.0,
            "met": statistics.median(ratios) >= 1.0}


def with_fractions(row, machine):
    """Of the ceilings: what the best round reached, since only that one may have had the machine to itself."""
    if "flops" not in row:
        return row
    seconds = 1e-3 * row["attnscopeBestMs"]
    ceiling = "bf16Flops" if row["dtype"] == "bf16" else "flops"
    flops = row["flops"] / seconds / machine["peaks"][ceiling]["all"]
    row["ofFlops"] = round(flops, 4)
    if row.get("bytes"):
        row["ofBytes"] = round(row["bytes"] / seconds / machine["peaks"]["bytes"]["all"], 4)
    return row


def merged(path, document):
    """The document at `path` with the rows of this one in their places."""
    with open(path, encoding="utf-8") as file:
        old = json.load(file)
    peaks = {name: ceiling["all"] for name, ceiling in document["machine"]["peaks"].items() if isinstance(ceiling, dict)}
    new = {(row["case"], row["n"]): row | {"date": document["date"], "rounds": document["rounds"], "peaks": peaks}
           for row in document["rows"]}
    old["rows"] = [new.pop((row["case"], row["n"]), row) for row in old["rows"]] + list(new.values())
    return old


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cli")
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out")
    parser.add_argument("--fast-transformers")
    parser.add_argument("--model")
    parser.add_argument("--merge", action="store_true")
    options = parser.parse_args()
    if options.merge and not options.out:
        parser.error("--merge needs --out, the file to merge into")
    threads = torch.get_num_threads()
    torch.set_grad_enabled(False)
    only = [name for name in options.only.split(",") if name]
    chosen = [case for case in cases() if not only or any(case["name"].startswith(name) for name in only)]
    with_bf16 = any(case["dtype"] == "bf16" for case in chosen)
    machine = peaks(options.cli, threads, with_bf16)
    product = load_fast_transformers(options.fast_transformers) if options.fast_transformers else None
    rows = []
    for case in chosen:
        if case["dtype"] == "bf16" and "bf16Flops" not in machine["peaks"]:
            continue
        for n in case["lengths"]:
            row = with_fractions(compare(options.cli, case, n, options.rounds, threads, product), machine)
            rows.append(row)
            ratio = f"{row['ratio']:6.2f}x ({row['ratioLow']:.2f} to {row['ratioHigh']:.2f}) of {row['rival']}" if "ratio" in row else ""
            print(f"{row['case']:24} {n:6} {row['attnscopeMs']:10.3f} ms  {100 * row['ofFlops']:5.1f} % of FMA  {ratio}", file=sys.stderr)
    if options.model:
        rows.append(compare_model(options.cli, options.model, 1024, options.rounds, threads))
        print(f"{'forward':24} {1024:6} {rows[-1]['attnscopeMs']:10.3f} ms  {rows[-1]['ratio']:6.2f}x", file=sys.stderr)
    after = peaks(options.cli, threads, with_bf16)
    for name, ceiling in machine["peaks"].items():
        if isinstance(ceiling, dict):
            for key in ceiling:
                ceiling[key] = max(ceiling[key], after["peaks"][name][key])
    document = {"date": datetime.date.today().isoformat(), "machine": machine, "torch": torch.__version__,
                "threads": threads, "rounds": options.rounds, "rows": [with_fractions(row, machine) for row in rows]}
    if options.merge:
        document = merged(options.out, document)
    text = json.dumps(document, indent=1) + "\n"
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            file.write(text)
    else:
        sys.stdout.write(text)
    return 0 if all(math.isfinite(row["attnscopeMs"]) for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
