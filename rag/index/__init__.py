"""The index: passages, vectors and words of a collection, built into snapshots and opened from them."""

import hashlib
import logging
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.documents import article_paths, read_article
from rag.encoder import DEFAULT_ENCODER, Encoder, load_encoder
from rag.errors import DocumentError, SnapshotError
from rag.index.bridge import Bridge
from rag.index.lexical import LexicalIndex
from rag.index.snapshot import (
    LEXICAL,
    PASSAGES,
    SCHEMA,
    SENTENCES,
    STORE,
    Manifest,
    building,
    commit,
    damaged_files,
    read_manifest,
    read_pointer,
)
from rag.index.store import Store, digest, write_store
from rag.index.vectors import VectorIndex
from rag.passages import passages_of, sentences
from rag.types import Article, BuildReport, Passage

__all__ = ["Index", "build_index", "is_stale", "refresh_index"]

log = logging.getLogger(__name__)

# What they make of a text is written into the index.
_LIBRARIES = ("bm25s", "jieba", "opencc")


class Index:
    """One snapshot, open. It never changes, and threads may share it.

    Raises:
        SnapshotError: there is none in the folder, it is damaged or of another version, or was built with an
            encoder that has other weights now.
        EncoderError: its encoder is not on this machine.
    """

    def __init__(self, folder: Path) -> None:
        pointer = read_pointer(folder)
        if pointer is None:
            raise SnapshotError(f"{folder} holds no index: build one with `rag build ARTICLES --index {folder}`")
        snapshot = pointer.snapshot
        self.manifest = read_manifest(snapshot)
        self.encoder = load_encoder(self.manifest.encoder)
        if self.encoder.fingerprint != self.manifest.encoder_sha256:
            raise SnapshotError(
                f"{snapshot} was built with the encoder {self.manifest.encoder!r} of SHA-256 "
                f"{self.manifest.encoder_sha256[:12]}…, but it has {self.encoder.fingerprint[:12]}… now; "
                f"build the index again"
            )
        try:
            self.store = Store(snapshot / STORE)
            self.passages = VectorIndex.load(snapshot / PASSAGES)
            self.sentences = VectorIndex.load(snapshot / SENTENCES)
            self.lexical = LexicalIndex.load(snapshot / LEXICAL)
            self.bridge = Bridge(self.lexical)
            parts: tuple[Sized, ...] = (self.store, self.passages, self.sentences, self.lexical)
            counts = {self.manifest.passages, *(len(part) for part in parts)}
        except Exception as error:
            raise SnapshotError(f"{snapshot} is damaged ({error}): build the index again") from error
        if len(counts) != 1:
            raise SnapshotError(f"{snapshot} is damaged: its parts count {sorted(counts)} passages; build it again")


def build_index(articles: Path, folder: Path, encoder_name: str = DEFAULT_ENCODER) -> BuildReport:
    """Reads the articles and makes their index the one that `folder` serves; see `rag.build`."""
    encoder = load_encoder(encoder_name)
    read, skipped = _read_articles(articles)
    passages = [passage for article in read for passage in passages_of(article)]
    if not passages:
        raise DocumentError(
            f"{articles} holds no paragraph of text: expected at least one article that can be read; "
            + ("; ".join(reason for _, _, reason in skipped) or "put one there")
        )
    with building(folder):
        known = _known_vectors(folder, encoder)
        missing = [passage for passage in passages if digest(passage) not in known]
        known |= dict(zip(map(digest, missing), _encode(encoder, missing), strict=True))
        found = [known[digest(passage)] for passage in passages]

        def write(snapshot: Path) -> None:
            write_store(snapshot / STORE, read, passages)
            VectorIndex.build([vectors.passage for vectors in found]).save(snapshot / PASSAGES)
            VectorIndex.build([vectors.sentences for vectors in found]).save(snapshot / SENTENCES)
            LexicalIndex.build(p.searchable for p in passages).save(snapshot / LEXICAL)

        manifest = commit(
            folder,
            articles,
            write,
            lambda files: Manifest(
                schema=SCHEMA,
                code=code_fingerprint(),
                encoder=encoder.name,
                encoder_sha256=encoder.fingerprint,
                dimension=encoder.dimension,
                passages=len(passages),
                articles={a.source: a.sha256 for a in read} | {source: sha256 for source, sha256, _ in skipped},
                files=files,
            ),
        )
    return BuildReport(
        snapshot=manifest.name,
        articles=len(read),
        documents=sum(len(article.documents) for article in read),
        passages=len(passages),
        encoded=len(missing),
        warnings=tuple(warning for article in read for warning in article.warnings),
        skipped=tuple(reason for _, _, reason in skipped),
    )


def is_stale(folder: Path) -> bool:
    """Whether the index in `folder` no longer is what a build of its articles folder would make.

    Without its articles folder an index cannot be compared and is taken as it is.
    """
    pointer = read_pointer(folder)
    if pointer is None:
        return True
    try:
        manifest = read_manifest(pointer.snapshot)
    except SnapshotError as error:
        log.warning("%s", error)
        return True
    if not pointer.articles.is_dir():
        return False
    found = {
        path.relative_to(pointer.articles).as_posix().encode(errors="backslashreplace").decode(): _sha256(path)
        for path in article_paths(pointer.articles)
    }
    return manifest.code != code_fingerprint() or found != manifest.articles


def refresh_index(folder: Path, articles: Path) -> BuildReport | None:
    """Builds the index in `folder` where that is due: there is none, or it is stale.

    A first build reads `articles`; a later one the folder that the index was built from, with its encoder.
    """
    if not is_stale(folder):
        return None
    pointer = read_pointer(folder)
    if pointer is None:
        return build_index(articles, folder)
    try:
        encoder = read_manifest(pointer.snapshot).encoder
    except SnapshotError as error:
        log.warning("%s", error)
        encoder = DEFAULT_ENCODER
    return build_index(pointer.articles, folder, encoder)


@cache
def code_fingerprint() -> str:
    """SHA-256 of the modules and library versions that an index is made by: one made by others is stale."""
    package = Path(__file__).parents[1]
    modules = [
        package / "types.py",
        package / "fold.py",
        package / "passages.py",
        *sorted((package / "documents").glob("*.py")),
        *sorted((package / "encoder").glob("*.py")),
        *sorted((package / "index").glob("*.py")),
    ]
    parts = [module.read_bytes() for module in modules] + [version(library).encode() for library in _LIBRARIES]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _read_articles(folder: Path) -> tuple[list[Article], list[tuple[str, str, str]]]:
    """The articles of a folder, and source, SHA-256 and reason of each file that could not be read."""
    read: list[Article] = []
    skipped: list[tuple[str, str, str]] = []
    for path in article_paths(folder):
        source = path.relative_to(folder).as_posix()
        try:
            if not _is_text(source):
                raise DocumentError(f"the file name {source!r} is no valid text: rename it")
            read.append(read_article(path, folder))
        except DocumentError as error:
            skipped.append((source.encode(errors="backslashreplace").decode(), _sha256(path), str(error)))
    return read, skipped


def _is_text(name: str) -> bool:
    """Whether a file's name could be decoded; bytes that could not are lone surrogates in it."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _sha256(path: Path) -> str:
    """The SHA-256 of a file; of one that cannot be opened, "unreadable"."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        log.warning("%s cannot be read: %s", path, error.strerror)
        return "unreadable"


@dataclass(frozen=True, slots=True)
class _Vectors:
    """What is encoded of one passage."""

    passage: NDArray[np.float32]  # with its context, shape (1, dimension)
    sentences: NDArray[np.float32]  # without, shape (sentences, dimension)


def _encode(encoder: Encoder, passages: Sequence[Passage]) -> Iterator[_Vectors]:
    texts = [[passage.text[start:end] for start, end in sentences(passage.text)] for passage in passages]
    wholes = encoder.encode_passages([passage.searchable for passage in passages])
    parts = encoder.encode_passages([text for sentence_texts in texts for text in sentence_texts])
    last = 0
    for whole, sentence_texts in zip(wholes, texts, strict=True):
        first, last = last, last + len(sentence_texts)
        yield _Vectors(whole[None], parts[first:last])


def _known_vectors(folder: Path, encoder: Encoder) -> dict[str, _Vectors]:
    """What the snapshot in use has encoded, by digest, when it comes from this very encoder and is whole."""
    try:
        pointer = read_pointer(folder)
        if pointer is None:
            return {}
        manifest = read_manifest(pointer.snapshot)
        if (manifest.encoder, manifest.encoder_sha256) != (encoder.name, encoder.fingerprint):
            return {}
        if damaged := damaged_files(pointer.snapshot, manifest):
            raise SnapshotError(f"{pointer.snapshot} is damaged ({', '.join(damaged)})")
        index = Index(folder)
    except SnapshotError as error:
        log.warning("building from scratch: %s", error)
        return {}
    known = {
        key: _Vectors(index.passages.vectors(number), index.sentences.vectors(number))
        for number, key in enumerate(index.store.digests())
    }
    index.store.close()
    return known
