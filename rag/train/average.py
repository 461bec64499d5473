"""Weights of several trainings made one: `python -m rag.train.average OUT WEIGHTS WEIGHTS…`.

The mean of weights that were trained from the same beginning reads better than each of them (Wortsman et al. 2022,
arXiv:2203.05482, "Model soups").
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rag.errors import TrainingError
from rag.reader.weights import ReaderWeights, load_weights, save_weights


def average(parts: Sequence[ReaderWeights]) -> ReaderWeights:
    """The mean of each tensor.

    Raises:
        TrainingError: there are none, or they differ in shape, windows or encoder.
    """
    kinds = {(one.shape, one.encoder_sha256, one.window, one.stride) for one in parts}
    if len(kinds) != 1:
        raise TrainingError(f"weights of {len(kinds)} kinds: expected one shape, encoder and window size for all")
    stacked = {name: [one.tensors[name] for one in parts] for name in parts[0].tensors}
    return replace(parts[0], tensors={name: np.mean(values, axis=0) for name, values in stacked.items()})


def main(arguments: Sequence[str]) -> None:
    """Writes the mean of the weights files named after the first argument to the first."""
    out, *files = map(Path, arguments)
    save_weights(average([load_weights(file) for file in files]), out)


if __name__ == "__main__":
    main(sys.argv[1:])
