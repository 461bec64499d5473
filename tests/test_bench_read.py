"""The benchmark of reading."""

import json
from pathlib import Path

import pytest

from rag import cli
from rag.bench.reading import _operations
from rag.reader.weights import ReaderShape


def test_operations_by_hand() -> None:
    shape = ReaderShape(split=1, layers=2, width=4, heads=2, feed_forward=8)
    layer = 2 * 5 * (4 * 16 + 2 * 4 * 8) + 4 * 25 * 4
    assert _operations(shape, 2, 3) == 2 * layer + 2 * 3 * 4 * 128 + 2 * 9 * 64


def test_it_measures_the_passages_of_an_index(capsys: pytest.CaptureFixture[str], seeds_index: Path) -> None:
    with pytest.raises(SystemExit) as done:
        cli.main(["bench", "read", "--index", str(seeds_index), "--passages", "4", "--json"])
    assert done.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passages"] == 4
    assert found["share_of_matrix_rate"] == pytest.approx(found["kept_gflops"] / found["matrix_gflops"])
    ratio = found["kept_passages_per_second"] / found["computed_passages_per_second"]
    assert found["times_faster_kept"] == pytest.approx(ratio)
