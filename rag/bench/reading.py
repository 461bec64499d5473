"""`rag bench read`: how fast the reader reads, and how much of what the machine can compute it uses."""

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from rag.encoder import load_encoder
from rag.engine import DEFAULT_INDEX
from rag.index import Index
from rag.reader import load_reader
from rag.reader.span import PassageStates
from rag.reader.weights import PAIR_WIDTH, ReaderShape

_PASSAGES = 100  # read in one measurement
_REPEATS = 3  # of each measurement; the best counts
_MATRIX = 1536  # rows and columns of the matrices that the machine is measured with
_QUESTION = "这里的人口有多少？"


@dataclass(frozen=True, slots=True)
class ReadResult:
    """Speeds, higher is better."""

    passages: int
    tokens: int  # of all their windows, special tokens included
    cores: int
    matrix_gflops: float  # float32 matrix products of numpy, all cores busy
    kept_passages_per_second: float  # the upper layers alone, lower states kept
    computed_passages_per_second: float  # lower states computed too: all the layers
    kept_gflops: float  # of the upper layers at work
    share_of_matrix_rate: float  # kept_gflops of matrix_gflops
    times_faster_kept: float  # than all the layers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `rag bench read`."""
    parser.add_argument("--index", type=Path, default=DEFAULT_INDEX, metavar="DIR", help="whose passages are read")
    parser.add_argument("--passages", type=int, default=_PASSAGES, help=f"how many (default: {_PASSAGES})")
    parser.add_argument("--json", action="store_true", help="print the measures as JSON")


def run(options: argparse.Namespace) -> str:
    """Measures, and returns what is to be printed."""
    result = bench_read(options.index, options.passages)
    if options.json:
        return json.dumps(asdict(result), indent=1)
    return "\n".join(f"{name:30}{value:>12.4g}" for name, value in asdict(result).items())


def bench_read(folder: Path, count: int = _PASSAGES) -> ReadResult:
    """Reads the first `count` passages of an index under their headings for one question, with their lower states kept
    and without.

    Raises:
        SnapshotError: there is no index in `folder`.
    """
    index, reader, encoder = Index(folder), load_reader(), load_encoder()
    passages = tuple(index.store.passages(range(min(count, len(index.store)))))
    texts, headings = [passage.text for passage in passages], [passage.heading for passage in passages]
    question = encoder.encode_question(_QUESTION)
    states = reader.question_states(_QUESTION)
    kept = [reader.passage_states(text, heading=heading) for text, heading in zip(texts, headings, strict=True)]
    upper = _seconds(lambda: reader.read_states(states, kept))
    whole = _seconds(lambda: reader.read(question, texts, None, headings))
    operations = sum(_operations(reader.weights.shape, len(states), window) for window in _windows(kept))
    rate = matrix_rate()
    return ReadResult(
        passages=len(texts),
        tokens=sum(_windows(kept)),
        cores=os.cpu_count() or 1,
        matrix_gflops=rate / 1e9,
        kept_passages_per_second=len(texts) / upper,
        computed_passages_per_second=len(texts) / whole,
        kept_gflops=operations / upper / 1e9,
        share_of_matrix_rate=operations / upper / rate,
        times_faster_kept=whole / upper,
    )


def matrix_rate() -> float:
    """Operations a second of float32 matrix products in numpy, all cores busy."""
    left, right = (np.random.default_rng(n).random((_MATRIX, _MATRIX), np.float32) for n in (0, 1))
    seconds = _seconds(lambda: [left @ right for _ in range(4)])
    return 4 * 2 * _MATRIX**3 / seconds


def _windows(passages: list[PassageStates]) -> list[int]:
    """The length of every window in tokens, its heading included."""
    return [len(passage.heading) + len(window) for passage in passages for window in passage.states]


def _operations(shape: ReaderShape, question: int, window: int) -> int:
    """Floating-point operations of one window: a product of matrices (n, k) and (k, m) takes 2 n k m."""
    length, width = question + window, shape.width
    layer = 2 * length * (4 * width**2 + 2 * width * shape.feed_forward) + 4 * length**2 * width
    return shape.layers * layer + 2 * window * width * 2 * PAIR_WIDTH + 2 * window**2 * PAIR_WIDTH


def _seconds(work: Callable[[], object]) -> float:
    """The least time that `work` takes, after one run that is not counted."""
    work()
    found = []
    for _ in range(_REPEATS):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return min(found)
