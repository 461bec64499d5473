"""Weights of several trainings made one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.errors import TrainingError
from rag.reader.weights import ReaderShape, ReaderWeights, load_weights, save_weights
from rag.train.average import average, main

SHAPE = ReaderShape(split=1, layers=1, width=8, heads=2, feed_forward=16)


def weights(value: float) -> ReaderWeights:
    tensors = {name: np.full(shape, value, np.float32) for name, shape in SHAPE.tensors().items()}
    return ReaderWeights(SHAPE, tensors, "encoder", 24, 12)


def test_the_mean_of_each_tensor(tmp_path: Path) -> None:
    for name, value in (("a", 1.0), ("b", 2.0), ("c", 6.0)):
        save_weights(weights(value), tmp_path / name)
    main([str(tmp_path / name) for name in ("out", "a", "b", "c")])
    found = load_weights(tmp_path / "out")
    assert {float(value) for tensor in found.tensors.values() for value in tensor.flat} == {3.0}
    assert (found.shape, found.encoder_sha256, found.window, found.stride) == (SHAPE, "encoder", 24, 12)


@pytest.mark.parametrize("other", [{"encoder_sha256": "other"}, {"window": 48}, {"stride": 6}])
def test_weights_that_do_not_belong_together(other: dict[str, object]) -> None:
    with pytest.raises(TrainingError, match="weights of 2 kinds"):
        average([weights(1.0), replace(weights(1.0), **other)])  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match="weights of 0 kinds"):
        average([])
