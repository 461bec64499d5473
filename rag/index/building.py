"""Building an index: what changed is read and encoded, everything else is taken over from the snapshot in use.

Whatever is taken over is what reading it again would give, so an index that followed many changes has the same bytes as
one built from scratch.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from os import cpu_count
from pathlib import Path
from typing import Any, TypeVar

from rag.documents import article_paths, parse, plain_source, read_bytes, source_of
from rag.encoder import Encoder
from rag.errors import DocumentError
from rag.index.before import UNREAD, Before, Vectors, code_fingerprint, found_files
from rag.index.lexical import LexicalIndex
from rag.index.snapshot import (
    LEXICAL,
    PASSAGES,
    SCHEMA,
    SENTENCES,
    STATES,
    STORE,
    Manifest,
    building,
    commit,
    signature,
)
from rag.index.states import KeptStates, States, StatesOf
from rag.index.store import Entry, write_store
from rag.index.vectors import VectorIndex
from rag.passages import passages_of, sentences
from rag.types import BuildReport, Passage

_AHEAD = 64  # passages whose states, some 250 kB each, wait to be written

_T = TypeVar("_T")
_R = TypeVar("_R")


def build_index(
    articles: Path, folder: Path, encoder: Encoder, states_of: StatesOf, follow_symlinks: bool = False
) -> BuildReport:
    """Reads the articles and makes their index the one that `folder` serves; see `rag.build`.

    `states_of` computes the lower states of a passage, which are kept; where it gives None, none are.
    """
    try:
        return _build(articles, folder, encoder, states_of, follow_symlinks)
    except DocumentError as error:
        if signature(folder) is None:
            raise
        raise DocumentError(f"{error} (nothing was built: {folder} answers from what was there before)") from error


def _build(articles: Path, folder: Path, encoder: Encoder, states_of: StatesOf, follow_symlinks: bool) -> BuildReport:
    article_paths(articles, follow_symlinks)  # raises before anything is written
    with building(folder):
        found = found_files(articles, follow_symlinks)
        sources = {source_of(path, articles): sha256 for path, sha256 in found.items()}
        before = Before.open(folder, sources, encoder)
        keep_states = states_of(encoder, "") is not None
        entries, skipped = _read_articles(articles, found, before, keep_states, follow_symlinks)
        if not any(entry.digests for entry in entries):
            raise DocumentError(
                f"{articles} holds no paragraph of text: expected at least one article that can be read; "
                + ("; ".join(file.reason for file in skipped) or "put one there")
            )
        passages = {key: passage for entry in entries for key, passage in _passages(entry)}
        missing = {key: passage for key, passage in passages.items() if key not in before.numbers}
        encoded = dict(zip(missing, _encode(encoder, list(missing.values())), strict=True))

        def write(snapshot: Path) -> Mapping[str, Mapping[str, Any]]:
            write_store(snapshot / STORE, entries, before.store)
            _write_vectors(snapshot, entries, before, encoded)
            _lexical(entries, before, passages).save(snapshot / LEXICAL)
            return _write_states(snapshot, entries, before, partial(states_of, encoder)) if keep_states else {}

        read = {entry.source: entry.sha256 for entry in entries} | {file.source: file.sha256 for file in skipped}
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
                passages=sum(len(entry.digests) for entry in entries),
                articles=read,
                files=files,
            ),
            follow_symlinks,
        )
    return BuildReport(
        snapshot=manifest.name,
        articles=len(entries),
        documents=sum(entry.documents for entry in entries),
        passages=manifest.passages,
        encoded=len(missing),
        warnings=tuple(warning for entry in entries for warning in entry.warnings),
        skipped=tuple(file.reason for file in skipped),
    )


@dataclass(frozen=True, slots=True)
class _Skipped:
    """A file that is left out."""

    source: str
    sha256: str
    reason: str


def _read_articles(
    folder: Path, found: Mapping[Path, str], before: Before, keep_states: bool, follow_symlinks: bool
) -> tuple[list[Entry], list[_Skipped]]:
    """The articles of a folder, and the files that could not be read. One whose SHA-256 was `found` to be that of
    before is taken over."""
    entries: list[Entry] = []
    skipped: list[_Skipped] = []
    for path, found_sha256 in found.items():
        known = before.entries.get(path.relative_to(folder).as_posix())
        if known is not None and known.sha256 == found_sha256 and _has_states(known, before, keep_states):
            entries.append(known)
            continue
        sha256 = UNREAD
        try:
            data = read_bytes(path, folder, follow_symlinks)
            sha256 = hashlib.sha256(data).hexdigest()
            article = parse(data, plain_source(path, folder))
            entries.append(Entry.of(article, passages_of(article)))
        except DocumentError as error:
            skipped.append(_Skipped(source_of(path, folder), sha256, str(error)))
    return entries, skipped


def _has_states(entry: Entry, before: Before, keep_states: bool) -> bool:
    """Whether nothing has to be computed of an article that is taken over."""
    return not (keep_states and entry.digests) or before.states_file(entry.sha256) is not None


def _passages(entry: Entry) -> Iterator[tuple[str, Passage]]:
    """The passages of an article that was read, with their digests; none of one that is taken over."""
    return zip(entry.digests, entry.read[1], strict=True) if entry.read else iter(())


def _encode(encoder: Encoder, passages: Sequence[Passage]) -> Iterator[Vectors]:
    texts = [[passage.text[start:end] for start, end in sentences(passage.text)] for passage in passages]
    wholes = encoder.encode_passages([passage.searchable for passage in passages])
    parts = encoder.encode_passages([text for sentence_texts in texts for text in sentence_texts])
    last = 0
    for whole, sentence_texts in zip(wholes, texts, strict=True):
        first, last = last, last + len(sentence_texts)
        yield Vectors(whole[None], parts[first:last])


def _write_vectors(snapshot: Path, entries: Sequence[Entry], before: Before, encoded: Mapping[str, Vectors]) -> None:
    found = [
        encoded[key] if key in encoded else before.vectors[before.numbers[key]]
        for entry in entries
        for key in entry.digests
    ]
    VectorIndex.build([vectors.passage for vectors in found]).save(snapshot / PASSAGES)
    VectorIndex.build([vectors.sentences for vectors in found]).save(snapshot / SENTENCES)


def _lexical(entries: Sequence[Entry], before: Before, passages: Mapping[str, Passage]) -> LexicalIndex:
    texts: list[str | int] = []
    for entry in entries:
        for key in entry.digests:
            known = before.numbers.get(key)
            texts.append(passages[key].searchable if known is None else known)
    return LexicalIndex.build(texts, before.lexical)


def _write_states(
    snapshot: Path, entries: Sequence[Entry], before: Before, compute: Callable[[str], States | None]
) -> Mapping[str, Mapping[str, Any]]:
    """Keeps the states of every article; returns size and SHA-256 of the files that were taken over whole."""
    kept = KeptStates(snapshot / STATES)
    taken: dict[str, Mapping[str, Any]] = {}
    changed: list[Entry] = []
    for entry in {entry.sha256: entry for entry in entries if entry.digests}.values():  # articles may be the same
        file = before.states_file(entry.sha256)
        if file is not None and before.states is not None:
            kept.link(entry.sha256, before.states)
            taken[f"{STATES}/{KeptStates.file_name(entry.sha256)}"] = file
        else:
            changed.append(entry)

    def states(found: tuple[str, Passage]) -> States:
        digest, passage = found
        return before.known_states(digest) or compute(passage.text) or ()

    computed = _side_by_side(states, (found for entry in changed for found in _passages(entry)))
    for entry in changed:
        kept.write(entry.sha256, entry.digests, list(islice(computed, len(entry.digests))))
    return taken


def _side_by_side(function: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
    """What `function` gives for each item, in order, from one thread a core; few results wait in memory."""
    with ThreadPoolExecutor(cpu_count()) as pool:
        waiting: deque[Future[_R]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
