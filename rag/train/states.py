"""The lower half's states of every text of a training, computed once and kept on disk.

The lower layers are frozen, so a window's states are the same in every pass: a training costs only the upper half.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from rag.train.backbone import TOKENS_AT_ONCE, Backbone

logger = logging.getLogger(__name__)


class StateStore:
    """States of a list of token sequences: `store[n]` is a float16 array (length of sequence n, width).

    One flat array of all tokens, memory-mapped; `bounds[n]:bounds[n + 1]` are the rows of sequence n.
    """

    def __init__(self, rows: np.ndarray, bounds: np.ndarray):
        self._rows = rows
        self._bounds = bounds

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def __getitem__(self, number: int) -> np.ndarray:
        return self._rows[self._bounds[number] : self._bounds[number + 1]]

    def length(self, number: int) -> int:
        """Tokens of one sequence."""
        return int(self._bounds[number + 1] - self._bounds[number])


def compute_states(
    backbone: Backbone, sequences: Sequence[np.ndarray], *, split: int, folder: Path, precision: torch.dtype
) -> StateStore:
    """The states of these sequences, from `folder` when they were computed before (same ids, encoder, split)."""
    bounds = np.concatenate([[0], np.cumsum([len(ids) for ids in sequences])]).astype(np.int64)
    key = hashlib.sha256(json.dumps([backbone.sha256, split, str(precision)]).encode())
    key.update(bounds.tobytes())
    key.update(np.concatenate(sequences).astype(np.int32).tobytes())
    target = folder / f"states-{key.hexdigest()[:20]}.npy"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        lower = partial(backbone.lower_states, split=split, precision=precision)
        _compute(lower, sequences, bounds, backbone.width, target)
    return StateStore(np.load(target, mmap_mode="r"), bounds)


def _compute(
    lower: Callable[[np.ndarray], np.ndarray],
    sequences: Sequence[np.ndarray],
    bounds: np.ndarray,
    width: int,
    target: Path,
) -> None:
    """Write beside the target and rename, so that a kill leaves no half-written file to be taken for a whole one."""
    written = target.with_suffix(".partial")
    rows = np.lib.format.open_memmap(written, "w+", np.float16, (int(bounds[-1]), width))
    by_length = sorted(range(len(sequences)), key=lambda number: len(sequences[number]))
    with tqdm(total=int(bounds[-1]), unit="tok", desc="lower half", mininterval=5) as bar:
        position = 0
        while position < len(by_length):
            length = len(sequences[by_length[position]])
            group = by_length[position : position + max(1, TOKENS_AT_ONCE // length)]
            group = [number for number in group if len(sequences[number]) == length]
            states = lower(np.stack([sequences[number] for number in group]))
            for number, state in zip(group, states, strict=True):
                rows[bounds[number] : bounds[number + 1]] = state
            position += len(group)
            bar.update(length * len(group))
    rows.flush()
    del rows
    written.replace(target)
    logger.info("lower half of %d sequences, %d tokens: %s", len(sequences), bounds[-1], target)
