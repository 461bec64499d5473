"""The dense side: exact inner-product search (FAISS) over unit vectors, so that a score is a cosine."""

from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray


class VectorIndex:
    """Unit vectors of passages numbered from 0. Higher scores are better, at most 1."""

    def __init__(self, flat: faiss.IndexFlatIP) -> None:
        self._flat = flat

    @classmethod
    def build(cls, vectors: NDArray[np.float32]) -> "VectorIndex":
        """An index over `vectors`, shape `(passages, dimension)`."""
        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(vectors)
        return cls(flat)

    @classmethod
    def load(cls, path: Path) -> "VectorIndex":
        """The index that `save` wrote to `path`."""
        return cls(faiss.read_index(str(path)))

    def save(self, path: Path) -> None:
        """Writes the index to the file `path`."""
        faiss.write_index(self._flat, str(path))

    def __len__(self) -> int:
        return int(self._flat.ntotal)

    def search(self, vector: NDArray[np.float32], count: int) -> list[tuple[int, float]]:
        """The `count` passages nearest to `vector`, shape `(dimension,)`, best first, ties by number."""
        scores, numbers = self._flat.search(vector[None], min(count, len(self)))
        return sorted(
            ((int(number), float(score)) for number, score in zip(numbers[0], scores[0], strict=True)),
            key=lambda found: (-found[1], found[0]),
        )

    def vector(self, number: int) -> NDArray[np.float32]:
        """The vector of one passage, shape `(dimension,)`."""
        vector: NDArray[np.float32] = self._flat.reconstruct(number)
        return vector
