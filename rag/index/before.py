"""What a build takes over from the snapshot in use: whatever reading and encoding it again would give."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rag.documents import article_paths, leads_out
from rag.encoder import Encoder
from rag.errors import SnapshotError
from rag.index.lexical import LexicalIndex
from rag.index.snapshot import (
    LEXICAL,
    PASSAGES,
    SENTENCES,
    STATES,
    STORE,
    Manifest,
    damaged_files,
    read_manifest,
    read_pointer,
)
from rag.index.states import KeptStates, States
from rag.index.store import Entry, Store
from rag.index.vectors import VectorIndex

log = logging.getLogger(__name__)

# What they make of a text is written into the index.
_LIBRARIES = ("bm25s", "jieba", "opencc")


@dataclass(frozen=True, slots=True)
class Vectors:
    """What is encoded of one passage."""

    passage: NDArray[np.float32]  # with its context, shape (1, dimension)
    sentences: NDArray[np.float32]  # without, shape (sentences, dimension)


@dataclass(frozen=True, slots=True)
class Before:
    """What a snapshot offers to be taken over; nothing when it is another encoder's, or not sound.

    Vectors are taken over from the same encoder; what else there is, only where the same code has made it.
    """

    store: Path | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)  # of passages, by digest
    vectors: Sequence[Vectors] = ()  # by number
    entries: Mapping[str, Entry] = field(default_factory=dict)  # by source
    lexical: LexicalIndex | None = None
    states: KeptStates | None = None
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict)  # of states, by digest of their passage
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # size and SHA-256 of each, by name

    @classmethod
    def open(cls, folder: Path, found: Mapping[str, str], encoder: Encoder) -> Self:
        """What the snapshot in use in `folder` offers, after a look at every byte of it but the states.

        `found` are the articles there are now, by source. States are large and check themselves when they are read.
        They are looked at where no article was changed: a build that has nothing else to do mends them.
        """
        try:
            pointer = read_pointer(folder)
            if pointer is None:
                return cls()
            manifest = read_manifest(pointer.snapshot)
            if (manifest.encoder, manifest.encoder_sha256) != (encoder.name, encoder.fingerprint):
                return cls()
            unchanged = manifest.articles == found
            if damaged := damaged_files(pointer.snapshot, manifest, states=unchanged):
                raise SnapshotError(f"{pointer.snapshot} is damaged ({', '.join(damaged)})")
        except SnapshotError as error:
            log.warning("building from scratch: %s", error)
            return cls()
        return cls._load(pointer.snapshot, manifest)

    @classmethod
    def _load(cls, snapshot: Path, manifest: Manifest) -> Self:
        store = Store(snapshot / STORE)
        try:
            entries = store.entries()
        finally:
            store.close()
        wholes = VectorIndex.load(snapshot / PASSAGES, manifest.dimension).by_passage()
        parts = VectorIndex.load(snapshot / SENTENCES, manifest.dimension).by_passage()
        numbers = {key: entry.first + i for entry in entries for i, key in enumerate(entry.digests)}
        vectors = [Vectors(whole, part) for whole, part in zip(wholes, parts, strict=True)]
        if manifest.code != code_fingerprint():
            return cls(numbers=numbers, vectors=vectors)
        return cls(
            snapshot / STORE,
            numbers,
            vectors,
            {entry.source: entry for entry in entries},
            LexicalIndex.load(snapshot / LEXICAL),
            KeptStates(snapshot / STATES),
            {key: (entry.sha256, i) for entry in entries for i, key in enumerate(entry.digests)},
            manifest.files,
        )

    def states_file(self, article_sha256: str) -> Mapping[str, Any] | None:
        """Size and SHA-256 of the file with an article's states, None when there is none."""
        return self.files.get(f"{STATES}/{KeptStates.file_name(article_sha256)}")

    def known_states(self, digest: str) -> States | None:
        """The states of a passage by its digest; None when there are none that are sound."""
        if self.states is None or digest not in self.places:
            return None
        return self.states.read(*self.places[digest], digest)


@cache
def code_fingerprint() -> str:
    """SHA-256 of the modules and library versions that an index is made by: one made by others is stale."""
    package = Path(__file__).parents[1]
    modules = [
        package / "types.py",
        package / "fold.py",
        package / "passages.py",
        package / "reader" / "states.py",
        package / "reader" / "tokens.py",
        *sorted((package / "documents").glob("*.py")),
        *sorted((package / "encoder").glob("*.py")),
        *sorted((package / "index").glob("*.py")),
    ]
    parts = [module.read_bytes() for module in modules] + [version(library).encode() for library in _LIBRARIES]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def found_articles(folder: Path, follow_symlinks: bool) -> dict[str, str]:
    """The SHA-256 of every article file in `folder` by its source; what it is instead where it is not read."""
    paths = article_paths(folder, follow_symlinks)
    return {source_of(path, folder): file_sha256(path, folder, follow_symlinks) for path in paths}


def file_sha256(path: Path, folder: Path, follow_symlinks: bool) -> str:
    """The SHA-256 of a file below `folder`; "link" for a link that leads out of it and is not followed, "unreadable"
    for a file that cannot be opened."""
    if not follow_symlinks and leads_out(path, folder):
        return "link"
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        log.warning("%s cannot be read: %s", path, error.strerror)
        return "unreadable"


def source_of(path: Path, folder: Path) -> str:
    """The path of an article below its folder; bytes of its name that are no text are escaped."""
    return path.relative_to(folder).as_posix().encode(errors="backslashreplace").decode()
