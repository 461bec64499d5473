"""The index: passages, vectors and words of a collection, built into snapshots and opened from them."""

import logging
import os
import weakref
from collections.abc import Sized
from pathlib import Path

from rag.encoder import DEFAULT_ENCODER, load_encoder
from rag.errors import SnapshotError
from rag.index.before import code_fingerprint, found_articles
from rag.index.bridge import Bridge
from rag.index.building import build_index
from rag.index.lexical import LexicalIndex
from rag.index.snapshot import (
    LEXICAL,
    PASSAGES,
    SENTENCES,
    STATES,
    STORE,
    damaged_files,
    hold_current,
    parse_manifest,
    read_manifest,
    read_pointer,
)
from rag.index.states import KeptStates, States, StatesOf
from rag.index.store import Store, digest
from rag.index.vectors import VectorIndex
from rag.types import BuildReport, Passage

__all__ = ["Index", "build_index", "is_stale", "refresh_index"]

log = logging.getLogger(__name__)


class Index:
    """One snapshot, open. It never changes, threads may share it, and no build removes it while it is open.

    Every file but the states, which check themselves, is read through once and compared with its SHA-256, so that
    damage is an error and never a wrong answer.

    Raises:
        SnapshotError: there is none in the folder, it is damaged or of another version, or was built with an
            encoder that has other weights now.
        EncoderError: its encoder is not on this machine.
    """

    def __init__(self, folder: Path) -> None:
        pointer, self.manifest, descriptor = hold_current(folder)
        weakref.finalize(self, os.close, descriptor)  # whoever answers from a snapshot keeps it
        snapshot = pointer.snapshot
        self.name = snapshot.name
        self.encoder = load_encoder(self.manifest.encoder)
        if self.encoder.fingerprint != self.manifest.encoder_sha256:
            raise SnapshotError(
                f"{snapshot} was built with the encoder {self.manifest.encoder!r} of SHA-256 "
                f"{self.manifest.encoder_sha256[:12]}…, but it has {self.encoder.fingerprint[:12]}… now; "
                f"build the index again"
            )
        if damaged := damaged_files(snapshot, self.manifest, states=False):
            files = ", ".join(str(snapshot / name) for name in damaged)
            raise SnapshotError(
                f"{files}: SHA-256 is not the recorded one, or cannot be read: the index is damaged; build it again "
                f"with `rag build ARTICLES --index {folder}`"
            )
        try:
            self.store = Store(snapshot / STORE)
            weakref.finalize(self, self.store.close)
            self.passages = VectorIndex.load(snapshot / PASSAGES, self.manifest.dimension)
            self.sentences = VectorIndex.load(snapshot / SENTENCES, self.manifest.dimension)
            self.lexical = LexicalIndex.load(snapshot / LEXICAL)
            self.bridge = Bridge(self.lexical)
            self._states = KeptStates(snapshot / STATES)
            parts: tuple[Sized, ...] = (self.store, self.passages, self.sentences, self.lexical)
            counts = {self.manifest.passages, *(len(part) for part in parts)}
        except Exception as error:
            raise SnapshotError(f"{snapshot} is damaged ({error}): build the index again") from error
        if len(counts) != 1:
            raise SnapshotError(f"{snapshot} is damaged: its parts count {sorted(counts)} passages; build it again")

    def lower_states(self, passage: Passage) -> States | None:
        """The lower states kept of a passage, for the reader; None where there are none that are sound."""
        place = int(passage.id.rpartition("#")[2]) - 1
        sha256 = self.manifest.articles.get(passage.source)
        if sha256 is None:
            raise SnapshotError(
                f"the manifest of {self.name} lacks {passage.source}: it is damaged, build the index again"
            )
        return self._states.read(sha256, place, digest(passage))


def is_stale(folder: Path) -> bool:
    """Whether the index in `folder` no longer is what a build of its articles folder would make.

    Without its articles folder an index cannot be compared and is taken as it is, as is one that was rolled back.

    Raises:
        SnapshotError: the pointer is damaged, or missing although there are snapshots.
    """
    pointer = read_pointer(folder)
    if pointer is None:
        return True
    if pointer.pinned or pointer.articles is None:
        return False
    try:
        manifest = read_manifest(pointer.snapshot)
    except SnapshotError as error:
        log.warning("%s", error)
        return True
    if not pointer.articles.is_dir():
        return False
    return (
        manifest.code != code_fingerprint()
        or found_articles(pointer.articles, pointer.follow_symlinks) != manifest.articles
    )


def refresh_index(folder: Path, articles: Path, states_of: StatesOf) -> BuildReport | None:
    """Builds the index in `folder` where that is due: there is none, or it is stale.

    A first build reads `articles`; a later one the folder that the index was built from, with its encoder.

    Raises:
        SnapshotError: the pointer is damaged, or missing although there are snapshots, or nothing can be written.
        DocumentError: there is nothing to build from.
    """
    if not is_stale(folder):
        return None
    pointer = read_pointer(folder)
    if pointer is None:
        return build_index(articles, folder, load_encoder(), states_of)
    try:
        encoder = parse_manifest(pointer.snapshot).encoder
    except SnapshotError as error:
        log.warning("%s", error)
        encoder = DEFAULT_ENCODER
    return build_index(pointer.articles or articles, folder, load_encoder(encoder), states_of, pointer.follow_symlinks)
