# SPDX-License-Identifier: GPL-3.0-or-later
# Trains attnscope-mini on one GPU within a time limit: Muon for matrices, Adam for the rest, a flat-then-falling rate.
#
#   python3 train_model.py --data DIR --out DIR --seconds 520
#
# DIR holds tokens.bin and heldout.json as train_tokenizer.py writes them. The last part runs on long rows, so that
# the network knows positions up to its whole context. Logs one JSON object a line to OUT/log.jsonl.

import argparse
import json
import math
import os
import time

import numpy
import torch

from mini_llama import MiniLlama, Shape, saveFolder
from muon import Muon
from train_batches import BOS, Batches

WARM_STEPS, FLAT_SHARE, LONG_SHARE = 150, 0.55, 0.16


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seconds", type=float, default=520, help="training time after compilation")
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--length", type=int, default=2048)
    parser.add_argument("--muon-rate", type=float, default=0.02)
    parser.add_argument("--adam-rate", type=float, default=0.002)
    parser.add_argument("--shape", default="{}", help="JSON changes to the network's sizes, for small trials")
    parser.add_argument("--save-every", type=float, default=60, help="seconds between checkpoints")
    parser.add_argument("--no-compile", action="store_true")
    return parser.parse_args()


def rateAt(done, step):
    """Factor on the learning rates; done is the share of the time spent."""
    falling = 1.0 if done < FLAT_SHARE else max(0.0, (1.0 - done) / (1.0 - FLAT_SHARE))
    return min(1.0, (step + 1) / WARM_STEPS) * (0.02 + 0.98 * falling)


@torch.no_grad()
def heldOutBits(network, heldOut, device, length=2048):
    """Bits per byte by document, in separate blocks of `length` tokens, each after <|bos|>; cheaper than sliding."""
    results, nats, size = {}, 0.0, 0
    length = min(length, network.shape.context)
    for name, document in heldOut.items():
        ids = torch.tensor(document["ids"], device=device)
        loss = 0.0
        for start in range(0, len(ids), length):
            targets = ids[start:start + length]
            inputs = torch.cat((torch.tensor([BOS], device=device), targets[:-1]))
            loss += float(network(inputs[None], targets[None])[0])
        results[name] = loss / math.log(2) / document["bytes"]
        nats, size = nats + loss, size + document["bytes"]
    results["all"] = nats / math.log(2) / size
    return results


class Trainer:
    def __init__(self, options):
        self.options = options
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(options.seed)
        torch.set_float32_matmul_precision("high")
        self.network = MiniLlama(Shape(**json.loads(options.shape))).to(self.device)
        self.forward = self.network if options.no_compile else torch.compile(self.network, dynamic=False)
        matrices = [p for n, p in self.network.named_parameters() if p.dim() == 2 and "embed" not in n]
        others = [p for n, p in self.network.named_parameters() if p.dim() < 2 or "embed" in n]
        self.optimisers = [Muon(matrices, rate=options.muon_rate),
                           torch.optim.Adam(others, lr=options.adam_rate, betas=(0.9, 0.95), eps=1e-10,
                                            fused=self.device == "cuda")]
        self.rates = [options.muon_rate, options.adam_rate]
        stream = numpy.fromfile(os.path.join(options.data, "tokens.bin"), dtype=numpy.uint16).astype(numpy.int32)
        self.batches = Batches(torch.from_numpy(stream).to(self.device), self.network.shape.vocabulary, options.seed)
        with open(os.path.join(options.data, "heldout.json")) as file:
            self.heldOut = json.load(file)
        self.log = open(os.path.join(options.out, "log.jsonl"), "w", buffering=1)
        self.tokens = 0

    def note(self, **values):
        line = json.dumps(values)
        self.log.write(line + "\n")
        print(line, flush=True)

    def step(self, rows, length, factor):
        ids, targets = self.batches.next(rows, length)
        with torch.autocast(self.device, dtype=torch.bfloat16):
            loss, count = self.forward(ids, targets)
        (loss / count).backward()
        for optimiser, rate in zip(self.optimisers, self.rates):
            for group in optimiser.param_groups:
                group["lr"] = rate * factor
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return (loss / count).detach()

    def measure(self):
        self.network.eval()
        with torch.autocast(self.device, dtype=torch.bfloat16):
            bits = heldOutBits(self.network, self.heldOut, self.device)
        self.network.train()
        return {name: round(value, 4) for name, value in bits.items()}

    def prepare(self, sizes):
        """Compiles for both row lengths before the clock starts; the rate is zero, so nothing is learned yet."""
        began = time.time()
        for rows, length in sizes:
            self.step(rows, length, 0.0)
        if self.device == "cuda":
            torch.cuda.synchronize()
        self.note(event="compiled", seconds=round(time.time() - began, 1),
                  parameters=sum(p.numel() for p in self.network.parameters()))

    def run(self):
        options, shape = self.options, self.network.shape
        short = (options.rows, options.length)
        long = (max(1, options.rows * options.length // shape.context), shape.context)
        self.prepare((short, long))
        began = saved = time.time()
        step = 0
        while True:
            done = (time.time() - began) / options.seconds
            if done >= 1.0:
                break
            rows, length = long if done > 1.0 - LONG_SHARE else short
            loss = self.step(rows, length, rateAt(done, step))
            self.tokens += rows * length
            step += 1
            if step % 100 == 0:
                loss = float(loss)  # waits for the device, which keeps the clock honest
                self.note(step=step, seconds=round(time.time() - began, 1), loss=round(loss, 4), length=length,
                          tokens=self.tokens, memory=torch.cuda.max_memory_allocated() if self.device == "cuda" else 0)
                if not math.isfinite(loss):
                    raise FloatingPointError("the loss is not finite")
            if time.time() - saved > options.save_every:
                saved = time.time()
                saveFolder(self.network, options.out)
                self.note(step=step, heldOut=self.measure())
        saveFolder(self.network, options.out)
        self.note(event="done", step=step, tokens=self.tokens, seconds=round(time.time() - began, 1),
                  heldOut=self.measure(), gpu=torch.cuda.get_device_name() if self.device == "cuda" else "cpu")


def main():
    options = arguments()
    os.makedirs(options.out, exist_ok=True)
    Trainer(options).run()


if __name__ == "__main__":
    main()
