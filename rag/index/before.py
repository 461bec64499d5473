"""What a build takes over from the snapshot in use: whatever reading and encoding it again would give."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rag.documents import article_paths, read_bytes, source_of
from rag.encoder import Encoder
from rag.errors import DocumentError, SnapshotError
from rag.index.lexical import LexicalIndex
from rag.index.snapshot import (
    LEXICAL,
    PASSAGES,
    SENTENCES,
    STATES,
    STORE,
    Files,
    Manifest,
    damaged_files,
    incomplete_files,
    is_states,
    parse_manifest,
    read_pointer,
)
from rag.index.states import KeptStates, States
from rag.index.store import Entry, Store
from rag.index.vectors import VectorIndex

log = logging.getLogger(__name__)

# What they make of a text is written into the index.
_LIBRARIES = ("bm25s", "jieba", "opencc")

UNREAD = "unread"  # instead of the SHA-256 of a file that cannot be opened, or a link that is not followed


@dataclass(frozen=True, slots=True)
class Vectors:
    """What is encoded of one passage."""

    passage: NDArray[np.float32]  # with its context, shape (1, dimension)
    sentences: NDArray[np.float32]  # without, shape (sentences, dimension)


@dataclass(frozen=True, slots=True)
class Before:
    """What a snapshot offers to be taken over; nothing when it is another encoder's, other code has made it, or it is
    not sound."""

    store: Path | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)  # of passages, by digest
    vectors: Sequence[Vectors] = ()  # by number
    entries: Mapping[str, Entry] = field(default_factory=dict)  # by source
    lexical: LexicalIndex | None = None
    states: KeptStates | None = None
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict)  # of states, by digest of their passage
    files: Files = field(default_factory=dict)  # the sound ones

    @classmethod
    def open(cls, folder: Path, found: Mapping[str, str], encoder: Encoder) -> Self:
        """What the snapshot in use in `folder` offers, after a look at every byte of it but the states.

        `found` are the articles there are now, by source. States are large and check themselves when they are read.
        They, and every row of the store, are looked at where no article was changed: a build that has nothing else to
        do mends them. A file of states that is damaged is not offered, and no reason to offer nothing.
        """
        try:
            pointer = read_pointer(folder)
            if pointer is None:
                return cls()
            manifest = parse_manifest(pointer.snapshot)
            made_by = manifest.encoder, manifest.encoder_sha256, manifest.code
            if made_by != (encoder.name, encoder.fingerprint, code_fingerprint()):
                return cls()
            unchanged = manifest.articles == found
            damaged = {
                *incomplete_files(pointer.snapshot, manifest),
                *damaged_files(pointer.snapshot, manifest, states=unchanged),
            }
            if needed := sorted(name for name in damaged if not is_states(name)):
                raise SnapshotError(f"{pointer.snapshot} is damaged ({', '.join(needed)})")
            if damaged:
                log.warning("computing again what is damaged: %s", ", ".join(sorted(damaged)))
            sound = {name: file for name, file in manifest.files.items() if name not in damaged}
            return cls._load(pointer.snapshot, manifest, sound, unchanged)
        except SnapshotError as error:
            log.warning("building from scratch: %s", error)
            return cls()

    @classmethod
    def _load(cls, snapshot: Path, manifest: Manifest, sound: Files, rows: bool) -> Self:
        """Raises `SnapshotError` where the files, as they were recorded, do not make an index."""
        try:
            with closing(Store(snapshot / STORE)) as store:
                entries = store.entries(rows)
            numbers = {key: entry.first + i for entry in entries for i, key in enumerate(entry.digests)}
            wholes = VectorIndex.load(snapshot / PASSAGES, manifest.dimension).by_passage()
            parts = VectorIndex.load(snapshot / SENTENCES, manifest.dimension).by_passage()
            lexical = LexicalIndex.load(snapshot / LEXICAL)
            counts = {manifest.passages, sum(len(e.digests) for e in entries), len(wholes), len(parts), len(lexical)}
            if len(counts) != 1:
                raise ValueError(f"its parts count {sorted(counts)} passages")
            if any(manifest.articles.get(entry.source) != entry.sha256 for entry in entries):
                raise ValueError("its articles are not those of its manifest")
        except Exception as error:
            raise SnapshotError(f"{snapshot} is damaged ({error})") from error
        return cls(
            snapshot / STORE,
            numbers,
            [Vectors(whole, part) for whole, part in zip(wholes, parts, strict=True)],
            {entry.source: entry for entry in entries},
            lexical,
            KeptStates(snapshot / STATES),
            {key: (entry.sha256, i) for entry in entries for i, key in enumerate(entry.digests)},
            sound,
        )

    def states_file(self, article_sha256: str) -> Mapping[str, Any] | None:
        """Size and SHA-256 of the file with an article's states, None when there is none."""
        return self.files.get(f"{STATES}/{KeptStates.file_name(article_sha256)}")

    def known_states(self, digest: str) -> States | None:
        """The states of a passage by its digest; None when there are none that are sound."""
        if self.states is None or digest not in self.places:
            return None
        article_sha256, place = self.places[digest]
        return self.states.read(article_sha256, place, digest) if self.states_file(article_sha256) else None


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
    """The SHA-256 of every article file in `folder` by its source, `UNREAD` for one that cannot be read."""
    return {source_of(path, folder): sha256 for path, sha256 in found_files(folder, follow_symlinks).items()}


def found_files(folder: Path, follow_symlinks: bool) -> dict[Path, str]:
    """As `found_articles`, by path."""
    return {path: _file_sha256(path, folder, follow_symlinks) for path in article_paths(folder, follow_symlinks)}


def _file_sha256(path: Path, folder: Path, follow_symlinks: bool) -> str:
    try:
        return hashlib.sha256(read_bytes(path, folder, follow_symlinks)).hexdigest()
    except DocumentError as error:
        log.info("%s", error)  # a build reports it
        return UNREAD
