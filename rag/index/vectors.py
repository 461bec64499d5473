"""The dense side: exact inner-product search (FAISS) over unit vectors, so that a score is a cosine."""

from pathlib import Path
from typing import Self

import faiss
import numpy as np
from numpy.typing import NDArray

# Beyond this many times the passages wanted, further sentences hardly bring passages that are not there yet.
_SENTENCES_A_PASSAGE = 8


class VectorIndex:
    """Unit vectors, each of one passage; passages count from 0, in the order of their vectors.

    One index holds a vector a passage, another one a vector a sentence: a sentence says one thing and is found by it,
    where the vector of its whole passage says a little of everything.
    """

    def __init__(self, flat: faiss.Index, owners: NDArray[np.int32]) -> None:
        self._flat = flat
        self._owners = owners  # the passage of each vector, ascending

    @classmethod
    def build(cls, vectors: list[NDArray[np.float32]]) -> Self:
        """An index over the vectors of each passage, shape `(vectors, dimension)` a passage."""
        flat = faiss.IndexFlatIP(vectors[0].shape[1])
        flat.add(np.concatenate(vectors))
        return cls(flat, np.repeat(np.arange(len(vectors), dtype=np.int32), [len(rows) for rows in vectors]))

    @classmethod
    def load(cls, folder: Path, dimension: int) -> Self:
        """The index that `save` wrote to `folder`. Raises `ValueError` when it is none of vectors of this dimension."""
        flat = faiss.deserialize_index(np.fromfile(folder / "vectors.faiss", np.uint8))
        owners = np.load(folder / "passages.npy", allow_pickle=False)
        if not isinstance(flat, faiss.IndexFlatIP) or (flat.d, flat.ntotal) != (dimension, len(owners)):
            raise ValueError(f"{folder.name}: expected {len(owners)} vectors of {dimension} dimensions")
        steps = np.diff(owners, prepend=-1)
        if owners.dtype != np.int32 or owners.ndim != 1 or not ((steps == 0) | (steps == 1)).all() or steps[0] != 1:
            raise ValueError(f"{folder.name}: its passages are not numbered from 0")
        return cls(flat, owners)

    def save(self, folder: Path) -> None:
        """Writes the index to a new folder."""
        folder.mkdir()
        (folder / "vectors.faiss").write_bytes(bytes(faiss.serialize_index(self._flat)))  # FAISS's errors name no cause
        np.save(folder / "passages.npy", self._owners, allow_pickle=False)

    def __len__(self) -> int:
        """How many passages it holds."""
        return int(self._owners[-1]) + 1

    def search(self, vector: NDArray[np.float32], count: int) -> list[tuple[int, float]]:
        """The `count` passages whose best vector is nearest to `vector`, shape `(dimension,)`, with that cosine, -1
        to 1; best first, ties by number."""
        wanted = count if self._flat.ntotal == len(self) else count * _SENTENCES_A_PASSAGE
        scores, rows = self._flat.search(vector[None], min(wanted, self._flat.ntotal))
        best: dict[int, float] = {}
        for row, score in zip(rows[0], scores[0], strict=True):
            best.setdefault(int(self._owners[row]), float(score))
        return sorted(best.items(), key=lambda found: (-found[1], found[0]))[:count]

    def similarity(self, number: int, vector: NDArray[np.float32]) -> float:
        """The cosine of the best vector of one passage with `vector`, shape `(dimension,)`, -1 to 1."""
        return float((self.vectors(number) @ vector).max())

    def by_passage(self) -> list[NDArray[np.float32]]:
        """The vectors of every passage, shape `(vectors, dimension)` each."""
        rows = np.asarray(self._flat.reconstruct_n(0, self._flat.ntotal), np.float32)
        return np.split(rows, np.searchsorted(self._owners, np.arange(1, len(self))))

    def vectors(self, number: int) -> NDArray[np.float32]:
        """The vectors of one passage, shape `(vectors, dimension)`."""
        first, last = np.searchsorted(self._owners, [number, number + 1])
        return np.asarray(self._flat.reconstruct_n(int(first), int(last - first)), np.float32)
