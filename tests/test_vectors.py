"""Exact search over unit vectors, several of them a passage."""

from pathlib import Path

import numpy as np
import pytest

from rag.index.vectors import VectorIndex


def unit(*degrees: float) -> np.ndarray:
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_a_passage_counts_by_its_nearest_vector() -> None:
    index = VectorIndex.build([unit(0, 80), unit(45), unit(90, 170, 180)])
    found = index.search(unit(85)[0], 3)
    assert [number for number, _ in found] == [0, 2, 1]
    assert [score for _, score in found] == pytest.approx(np.cos(np.radians([5, 5, 40])), abs=1e-6)


def test_ties_break_by_number() -> None:
    index = VectorIndex.build([unit(30)] * 6)
    assert [number for number, _ in index.search(unit(0)[0], 4)] == [0, 1, 2, 3]


def test_fewer_than_asked_for() -> None:
    index = VectorIndex.build([unit(10), unit(20)])
    assert len(index) == 2
    assert [number for number, _ in index.search(unit(0)[0], 50)] == [0, 1]


def test_vectors_of_a_passage() -> None:
    parts = [unit(0, 80), unit(45), unit(90, 170, 180)]
    index = VectorIndex.build(parts)
    for number, part in enumerate(parts):
        assert np.array_equal(index.vectors(number), part)


def test_similarity_is_that_of_the_best_vector() -> None:
    index = VectorIndex.build([unit(0, 80), unit(45)])
    assert index.similarity(0, unit(85)[0]) == pytest.approx(np.cos(np.radians(5)), abs=1e-6)
    assert index.similarity(1, unit(85)[0]) == pytest.approx(np.cos(np.radians(40)), abs=1e-6)


def test_saved_and_loaded(tmp_path: Path) -> None:
    built = VectorIndex.build([unit(0, 80), unit(45)])
    built.save(tmp_path / "one")
    loaded = VectorIndex.load(tmp_path / "one", 2)
    assert loaded.search(unit(60)[0], 2) == built.search(unit(60)[0], 2)
