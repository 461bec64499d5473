"""Batches of examples of similar length, in an order that depends on (seed, pass) alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rag.train.examples import Example
from rag.train.model import PADDING, PASSAGE, QUESTION, Gold
from rag.train.states import StateStore

SORTED_TOGETHER = 48  # batches' worth of examples sorted by length at once: padding below 3 %, order still random


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """States (batch, length, width), segments and content (batch, length), and where the answers stand."""

    states: Tensor
    segments: Tensor
    content: Tensor
    gold: Gold

    @property
    def token_count(self) -> int:
        """Tokens without padding."""
        return int((self.segments != PADDING).sum())


def batch_examples(
    examples: Sequence[Example], store: StateStore, tokens: int, seed: int, number: int
) -> list[list[Example]]:
    """Batches of at most `tokens` tokens, padding included, in the order of pass `number`."""
    random = np.random.default_rng([seed, number, 1])
    shuffled = [examples[place] for place in random.permutation(len(examples))]
    mean = sum(example_length(example, store) for example in shuffled) / max(1, len(shuffled))
    block = max(1, int(SORTED_TOGETHER * tokens / max(1.0, mean)))
    batches: list[list[Example]] = []
    for begin in range(0, len(shuffled), block):
        together = _cut(shuffled[begin : begin + block], store, tokens)
        batches.extend(together[place] for place in random.permutation(len(together)))
    return batches


def example_length(example: Example, store: StateStore) -> int:
    """Tokens of question, heading and window together."""
    return before_window(example, store) + store.length(example.window)


def before_window(example: Example, store: StateStore) -> int:
    """Tokens of question and heading."""
    return store.length(example.question) + (0 if example.heading is None else store.length(example.heading))


def _cut(examples: list[Example], store: StateStore, tokens: int) -> list[list[Example]]:
    """Sort by length, longest first, and cut so that each batch, padded to its first, keeps within `tokens`."""
    batches: list[list[Example]] = []
    room = 0
    for example in sorted(examples, key=lambda example: -example_length(example, store)):
        if room == 0:
            batches.append([])
            room = max(1, tokens // example_length(example, store))
        batches[-1].append(example)
        room -= 1
    return batches


def collate(examples: Sequence[Example], store: StateStore, contents: dict[int, np.ndarray]) -> Batch:
    """Question, heading and window of each example side by side, padded to the longest; `contents`:
    `SequencePool.contents`."""
    length = max(example_length(example, store) for example in examples)
    width = store[examples[0].window].shape[1]
    states = np.zeros((len(examples), length, width), np.float32)
    segments = np.full((len(examples), length), PADDING, np.int64)
    content = np.zeros((len(examples), length), bool)
    gold = np.full((4, len(examples)), -1, np.int64)
    gold[2:] = 0
    for row, example in enumerate(examples):
        parts = [store[n] for n in (example.question, example.heading, example.window) if n is not None]
        question, split, end = len(parts[0]), before_window(example, store), example_length(example, store)
        states[row, :end] = np.concatenate(parts)
        segments[row, :question], segments[row, question:end] = QUESTION, PASSAGE
        content[row, split:end] = contents[example.window]
        if example.span is not None:
            span = example.span
            gold[:, row] = span.first + split, span.last + split, span.start_cut, span.end_cut
    places = Gold(*(torch.from_numpy(part) for part in gold))
    return Batch(torch.from_numpy(states), torch.from_numpy(segments), torch.from_numpy(content), places)


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch on another device."""
    gold = batch.gold
    moved = Gold(*(part.to(device) for part in (gold.start, gold.end, gold.start_cut, gold.end_cut)))
    return Batch(batch.states.to(device), batch.segments.to(device), batch.content.to(device), moved)
