# SPDX-License-Identifier: GPL-3.0-or-later
# Draws training rows on the device: blocks of the corpus, rows with a repeated passage, rows of repeated random tokens.

import random

import torch

BOS = 0
FIRST_ORDINARY = 2
IGNORED = -100


class Batches:
    """Endless seeded batches of (ids, targets), each [rows, length]; every row starts with <|bos|>.

    A share `repeats` of the rows has a passage of real text copied to a later place, and a share `noise` is a
    sequence of random tokens repeated until the row is full, scored from the second copy on. These teach the
    network to copy, which is what induction heads do."""

    def __init__(self, stream, vocabulary, seed, repeats=0.04, noise=0.05):
        self.stream, self.vocabulary = stream, vocabulary
        self.repeats, self.noise = repeats, noise
        self.generator = torch.Generator(device=stream.device).manual_seed(seed)
        self.dice = random.Random(seed)
        self.starts, self.length = None, 0

    def integers(self, low, high, size):
        return torch.randint(low, high, size, generator=self.generator, device=self.stream.device)

    def atRandom(self, expected):
        """A whole number whose mean is `expected`."""
        return int(expected + self.dice.random())

    def nextStarts(self, rows, length):
        """Every block of the corpus once an epoch, in random order, from a random phase."""
        if self.starts is None or self.length != length or len(self.starts) < rows:
            phase = int(self.integers(0, length, (1,)))
            count = (len(self.stream) - phase - 1) // length
            order = torch.randperm(count, generator=self.generator, device=self.stream.device)
            self.starts, self.length = phase + order * length, length
        taken, self.starts = self.starts[:rows], self.starts[rows:]
        return taken

    def next(self, rows, length):
        device = self.stream.device
        place = torch.arange(length, device=device)
        text = self.stream[self.nextStarts(rows, length)[:, None] + place].long()
        copied, noisy = self.atRandom(rows * self.repeats), self.atRandom(rows * self.noise)

        if copied:
            size = self.integers(24, length // 3, (copied, 1))
            source = (self.integers(0, 1 << 30, (copied, 1)) % (length - 2 * size)).clamp(min=0)
            target = source + size + self.integers(0, 1 << 30, (copied, 1)) % (length - source - 2 * size + 1)
            inside = (place >= target) & (place < target + size)
            text[:copied] = text[:copied].gather(1, torch.where(inside, place - target + source, place))
        targets = text.clone()
        if noisy:
            size = self.integers(16, min(length // 2, 2048), (noisy, 1))
            drawn = self.integers(FIRST_ORDINARY, self.vocabulary, (noisy, length))
            text[-noisy:] = drawn.gather(1, place.expand(noisy, -1) % size)
            targets[-noisy:] = torch.where(place < size, IGNORED, text[-noisy:])
        ids = torch.cat((torch.full((rows, 1), BOS, device=device), text[:, :-1]), dim=1)
        return ids, targets
