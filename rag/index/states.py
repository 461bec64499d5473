"""The kept lower states of passages: one safetensors file an article, named for the SHA-256 of the article.

A collection's states are large (768 bytes a token) and hardly change, so a file is carried over from one snapshot to
the next by a hard link. That is also why they are not read through when an index is opened: each passage's states are
checked by their own SHA-256 when they are read. Nothing depends on them but time: where they cannot be used, they are
computed again, to the same bytes.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from rag.encoder import Encoder
from rag.index.snapshot import sync

log = logging.getLogger(__name__)

States = tuple[NDArray[np.float16], ...]  # of one passage: an array (tokens, width) for each window it is read in
StatesOf = Callable[[Encoder, str], States | None]  # computes them; None with an encoder that has none

_HEADER = "yinju"  # one key only: safetensors orders several at random


class KeptStates:
    """The states in a snapshot's folder. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @staticmethod
    def file_name(article_sha256: str) -> str:
        """The name of the file with the states of an article's passages."""
        return f"{article_sha256}.safetensors"

    def path(self, article_sha256: str) -> Path:
        """Where that file is."""
        return self._folder / self.file_name(article_sha256)

    def read(self, article_sha256: str, place: int, digest: str) -> States | None:
        """The states of the passage at `place` (from 0) in an article; None when they are not there or not sound."""
        path = self.path(article_sha256)
        try:
            with safe_open(path, "np") as file:
                header = _header(file)
                names = [f"{place}.{window}" for window in range(header["windows"][place])]
                states = tuple(file.get_tensor(name) for name in names)
            if (header["digests"][place], header["sha256"][place]) != (digest, _sha256(states)):
                raise ValueError(f"SHA-256 of the states at {place} is another one")
        except FileNotFoundError:
            return None
        except (SafetensorError, OSError, ValueError, LookupError, TypeError) as error:
            remedy = "its states are computed; `rag build` of unchanged articles mends it"
            log.warning("%s is damaged (%s): %s", path, error, remedy)
            return None
        return states

    def write(self, article_sha256: str, digests: Sequence[str], states: Sequence[States]) -> None:
        """Keeps the states of an article's passages, in their order; the same states give the same bytes.

        Raises:
            OSError: the disk is full or fails.
        """
        header = {
            "digests": list(digests),
            "sha256": [_sha256(windows) for windows in states],
            "windows": [len(windows) for windows in states],
        }
        tensors = {f"{i}.{j}": array for i, windows in enumerate(states) for j, array in enumerate(windows)}
        self._folder.mkdir(exist_ok=True)
        try:
            save_file(tensors, self.path(article_sha256), metadata={_HEADER: json.dumps(header, sort_keys=True)})
        except SafetensorError as error:
            raise OSError(f"{self.path(article_sha256).name}: {error}") from error

    def link(self, article_sha256: str, other: "KeptStates") -> None:
        """Takes over the file of an article from another snapshot, by a hard link where the file system has them."""
        self._folder.mkdir(exist_ok=True)
        try:
            os.link(other.path(article_sha256), self.path(article_sha256))
        except OSError:  # another disk, or a file system without them
            shutil.copyfile(other.path(article_sha256), self.path(article_sha256))
            sync(self.path(article_sha256))


def _header(file: Any) -> dict[str, Any]:
    header = json.loads((file.metadata() or {})[_HEADER])
    if not isinstance(header, dict):
        raise TypeError("no header of states")
    return header


def _sha256(states: Sequence[NDArray[np.float16]]) -> str:
    digest = hashlib.sha256()
    for array in states:
        digest.update(array.tobytes())
    return digest.hexdigest()
