"""The collection that the app serves: what is in it, and adding and removing articles while questions are answered."""

import hashlib
import logging
import os
import re
import threading
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rag.documents import REMOVED, SUFFIX, article_paths, parse, read_article, source_of
from rag.documents.structure import structure
from rag.engine import DEFAULT_ARTICLES, Engine, build, open
from rag.errors import DocumentError, RagError, SnapshotError
from rag.index import Index
from rag.index.snapshot import read_pointer
from rag.passages import passages_of
from rag.types import Article

log = logging.getLogger(__name__)

# A whole book in Chinese has about a million characters, three bytes each; much more takes minutes to index.
MAX_FILE_BYTES = 5 * 2**20
MAX_FILES = 100  # in one upload
MAX_UPLOAD = 64 * 2**20  # bytes of all files in one upload
_MAX_NAME = 80  # characters of a file name
_MAX_NAME_BYTES = 240  # of a file name; a file system takes 255, and what is removed has a hash before its name

Progress = Callable[[str, int, int], None]  # what is being done, a key of the texts; how many are done; of how many
Outcome = Literal["added", "replaced", "removed", "gone", "refused"]  # gone: no longer in the articles folder


@dataclass(frozen=True, slots=True)
class Held:
    """One file of the collection."""

    source: str
    title: str  # of its first document; "" without
    date: str | None  # of its first document that has one, ISO 8601
    documents: int
    passages: int
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self) | {"warnings": list(self.warnings)}


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file that was to be added or removed."""

    source: str
    outcome: Outcome
    warnings: tuple[str, ...] = ()
    refusal: RagError | None = None  # why it was refused

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; the notes are warnings, or why it was refused."""
        notes = [str(self.refusal)] if self.refusal else list(self.warnings)
        return {"source": self.source, "outcome": self.outcome, "notes": notes}


@dataclass(frozen=True, slots=True)
class Change:
    """What adding or removing did, file by file."""

    snapshot: str  # the one now served
    files: tuple[FileOutcome, ...]

    @property
    def changed(self) -> bool:
        """Whether anything was added or removed."""
        return any(file.outcome != "refused" for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "snapshot": self.snapshot,
            "changed": self.changed,
            "files": [file.to_dict() for file in self.files],
        }


@dataclass(frozen=True, slots=True)
class Opened:
    """One snapshot, which never changes."""

    index: Index

    @property
    def snapshot(self) -> str:
        """Its name."""
        return self.index.manifest.name

    @property
    def sources(self) -> Mapping[str, str]:
        """SHA-256 of every file by its source, also of those that could not be read."""
        return self.index.manifest.articles

    def article(self, source: str) -> Article | None:
        """The article as it was indexed, None when the collection has no such file or could not read it."""
        raw = self.index.store.raw(source)
        if raw is None:
            return None
        return Article(source, "", self.sources[source], raw, *structure(raw, source))


class Collection:
    """The collection in an index folder and the articles folder it is built from. Threads may share it.

    A snapshot that is built elsewhere is taken up by itself.

    Raises:
        RagError: the index cannot be opened, see `rag.open`.
    """

    def __init__(self, index: Path) -> None:
        self.index = index
        self.engine: Engine = open(index)
        self._changing = threading.Lock()
        self._held: dict[tuple[str, str], Held] = {}

    @property
    def opened(self) -> Opened:
        """The snapshot in use. Take it once for all that has to fit together."""
        return Opened(self.engine.index)

    @property
    def folder(self) -> Path:
        """The articles folder."""
        return self._source[0]

    @property
    def holds_seeds(self) -> bool:
        """Whether it is built from the articles that come with Yinju, which the examples ask about."""
        pointer = read_pointer(self.index)
        return (
            pointer is not None
            and pointer.articles is not None
            and pointer.articles.resolve() == DEFAULT_ARTICLES.resolve()
        )

    @property
    def _source(self) -> tuple[Path, bool]:
        """The articles folder, and whether links that lead out of it are read."""
        pointer = read_pointer(self.index)
        if pointer is None or pointer.articles is None:
            raise SnapshotError(f"it is not known which articles {self.index} is of: build it again")
        return pointer.articles, pointer.follow_symlinks

    def files(self) -> tuple[Held, ...]:
        """Every file of the snapshot in use, in the order of their names, also those that could not be read."""
        opened = self.opened
        return tuple(self._describe(opened, source) for source in sorted(opened.sources))

    def _describe(self, opened: Opened, source: str) -> Held:
        key = source, opened.sources[source]
        if key not in self._held:
            article = opened.article(source)
            self._held[key] = _held(article) if article else Held(source, "", None, 0, 0, (self._fault(source),))
        return self._held[key]

    def _fault(self, source: str) -> str:
        """Why a file could not be read."""
        folder, follow_symlinks = self._source
        try:
            read_article(folder / source, folder, follow_symlinks)
        except DocumentError as error:
            told = public(error)
            if told.key == "hidden" and (folder / source).is_symlink():  # where it leads is not for visitors
                return f"{source} is a link out of the articles folder: expected a file in it; put a copy there"
            return str(told)
        return f"{source}: it was changed since the index was built; build the index again"

    def add(self, files: Sequence[tuple[str, bytes]], progress: Progress) -> Change:
        """Adds articles, each a file name and its bytes, to the articles folder, and indexes them.

        A file that cannot be read is refused and named; the others are added. One with the name of an article takes
        its place; of several that come with one name the first is taken. Should the build fail, the folder is as
        before.

        Raises:
            DocumentError: there are too many files, or the articles folder is gone.
            RagError: the index was rolled back, or could not be built.
        """
        if len(files) > MAX_FILES:
            raise DocumentError(
                f"{len(files)} files came: expected at most {MAX_FILES} at once; add them in parts",
                "too_many",
                count=len(files),
                limit=MAX_FILES,
            )
        with self._changing:
            outcomes: list[FileOutcome] = []
            wanted: dict[Path, bytes] = {}
            for number, (name, data) in enumerate(files):
                progress("reading", number, len(files))
                try:
                    article = _checked(name, data)
                    path = _free(self.folder / article.source, wanted)
                except DocumentError as error:
                    outcomes.append(FileOutcome(plain_name(name), "refused", refusal=public(error)))
                    continue
                known = os.path.lexists(path)
                wanted[path] = data
                outcomes.append(FileOutcome(article.source, "replaced" if known else "added", article.warnings))
            return self._apply(wanted, outcomes, progress)

    def remove(self, sources: Iterable[str], progress: Progress) -> Change:
        """Removes articles from the collection; their files are kept in `removed/` in the index folder.

        Of a link the link is removed and kept, not what it leads to.

        Raises:
            DocumentError: nothing would be left, or the articles folder is gone.
            RagError: the index was rolled back, or could not be built.
        """
        with self._changing:
            known = self.opened.sources
            folder, follow_symlinks = self._source
            _check_there(folder)
            paths = {source_of(path, folder): path for path in article_paths(folder, follow_symlinks)}
            outcomes = [_removal(source, known, paths) for source in dict.fromkeys(sources)]
            leaving = {file.source for file in outcomes if file.outcome != "refused"}
            if leaving and not known.keys() - leaving:
                raise DocumentError(
                    "nothing would be left: expected articles as text files; add another one first", "nothing_left"
                )
            return self._apply({paths[source]: None for source in leaving & paths.keys()}, outcomes, progress)

    def _apply(
        self, wanted: Mapping[Path, bytes | None], outcomes: Sequence[FileOutcome], progress: Progress
    ) -> Change:
        """Has every path hold what is wanted of it, None for nothing, and builds.

        Whatever goes wrong, the folder is put back as it was. What is to be removed or replaced is kept first, so that
        it is there even if the process dies meanwhile. Articles that the build leaves out as their files had gone from
        the folder before are told too.
        """
        if all(file.outcome == "refused" for file in outcomes):
            return Change(self.opened.snapshot, tuple(outcomes))
        folder, follow_symlinks = self._source
        _check_there(folder)
        self._check_not_rolled_back()
        progress("indexing", 0, 1)
        held = self.opened.sources
        before = {path: _content(path) for path in wanted}
        for path, content in before.items():
            if content is not None:
                self._keep(path, content)
        try:
            for path, data in wanted.items():
                _write(path, data)
            report = build(folder, self.index, self.opened.index.manifest.encoder, follow_symlinks)
        except BaseException:
            for path, content in before.items():
                _write(path, content)
            raise
        progress("indexing", 1, 1)
        log.info("the collection is now at %s", report.snapshot)
        opened = self.opened
        gone = sorted(held.keys() - opened.sources.keys() - {file.source for file in outcomes})
        return Change(opened.snapshot, (*outcomes, *(FileOutcome(source, "gone") for source in gone)))

    def _check_not_rolled_back(self) -> None:
        """A build takes the articles folder as it stands, and would undo a rollback unasked."""
        pointer = read_pointer(self.index)
        if pointer is not None and pointer.pinned:
            raise RagError(
                "the index was rolled back to an earlier version, and a change would undo that: expected one that "
                "follows its articles; have `rag build` run first",
                "rolled_back",
            )

    def _keep(self, path: Path, content: bytes | Path) -> None:
        """Keeps a file or link that is to be removed or replaced, named for its content."""
        removed = self.index / REMOVED
        removed.mkdir(exist_ok=True)
        data = os.fsencode(content) if isinstance(content, Path) else content
        name = path.name
        if len(os.fsencode(name)) > _MAX_NAME_BYTES:
            name = os.fsencode(name)[: _MAX_NAME_BYTES - len(SUFFIX)].decode(errors="ignore") + SUFFIX
        _write(removed / f"{hashlib.sha256(data).hexdigest()[:8]}-{name}", content)


def named(title: str, text: str) -> tuple[str, bytes]:
    """The file for a pasted text: its name and its bytes. The title, if there is one, becomes its first line.

    Raises:
        DocumentError: the text is empty.
    """
    if not text.strip():
        raise DocumentError("the text is empty: expected an article; put its text in it", "no_text")
    whole = f"{title.strip()}\n\n{text}" if title.strip() else text
    data = whole.encode("utf-8", errors="replace")
    stem = re.sub(r"[^\w-]+", "-", title.strip() or text.strip()[:20]).strip("-_")[:40]
    return f"{stem or 'pasted'}-{hashlib.sha256(data).hexdigest()[:8]}{SUFFIX}", data


def _removal(source: str, known: Mapping[str, str], paths: Mapping[str, Path]) -> FileOutcome:
    """What is to become of a file that is to be removed: `known` are those of the collection, `paths` those there."""
    if source not in known:
        refusal = DocumentError("the collection has no such file: expected one that it lists", "not_held")
        return FileOutcome(plain_name(source), "refused", refusal=refusal)
    if source not in paths:
        return FileOutcome(source, "gone")
    if paths[source].is_dir() and not paths[source].is_symlink():
        return FileOutcome(source, "refused", refusal=_a_folder(source))
    return FileOutcome(source, "removed")


def _free(path: Path, taken: Mapping[Path, bytes]) -> Path:
    """`path`, where a file can be written that overwrites none of those that came with it."""
    if path in taken:
        raise DocumentError(
            f"another file came with the name {path.name}, and was taken: expected different names; rename this one, "
            f"or add it by itself to replace the other",
            "same_name",
        )
    if path.is_dir():
        raise _a_folder(path.name)
    return path


def _a_folder(source: str) -> DocumentError:
    return DocumentError(
        f"{source} is a folder: expected a file; see to it in the articles folder on the server", "a_folder"
    )


def _check_there(folder: Path) -> None:
    if not folder.is_dir():
        raise DocumentError(
            "the articles folder is gone: expected the folder that the index was built from", "folder_gone"
        )


def public(error: Exception) -> RagError:
    """What a visitor may read of an error: all of it for one about their own file or question; no path of this machine.

    The whole error goes to the log where it is not shown.
    """
    text = str(error)
    if (
        isinstance(error, RagError)
        and not isinstance(error, SnapshotError)
        and not re.search(r"(?<![\w<])[/\\]\w", text)
    ):
        return error
    log.error("not shown to the visitor: %s", text)
    return RagError("this cannot be done now; the log of the server says why", "hidden")


def _checked(name: str, data: bytes) -> Article:
    """The article in an uploaded file, whose name is a plain one."""
    plain = unicodedata.normalize("NFC", name)
    if not plain.lower().endswith(SUFFIX) or len(plain) <= len(SUFFIX):
        raise DocumentError(
            f"{plain_name(plain)} is no {SUFFIX} file: expected plain text; export it as {SUFFIX}", "no_text_file"
        )
    if (
        plain.startswith(".")
        or len(plain) > _MAX_NAME
        or not re.fullmatch(r"[^\x00-\x1f/\\:*?\"<>|#\ud800-\udfff]+", plain)
        or len(plain.encode()) > _MAX_NAME_BYTES
    ):
        raise DocumentError(
            f"the file name {plain_name(plain)!r} cannot be used: expected at most {_MAX_NAME} characters and "
            f'{_MAX_NAME_BYTES} bytes, without / \\ : * ? " < > | # and not beginning with a dot; rename the file',
            "file_name",
            limit=_MAX_NAME,
            bytes=_MAX_NAME_BYTES,
        )
    if len(data) > MAX_FILE_BYTES:
        raise DocumentError(
            f"{plain} has {len(data)} bytes: expected at most {MAX_FILE_BYTES}; split it into several articles",
            "file_large",
            limit=MAX_FILE_BYTES // 2**20,
        )
    try:
        article = parse(data, plain)
    except DocumentError as error:
        raise DocumentError(str(error), "unreadable") from error
    if not any(block.kind == "paragraph" for document in article.documents for block in document.blocks):
        raise DocumentError(f"{plain} holds no paragraph of text: expected an article; put text in it", "no_paragraph")
    return article


def plain_name(name: str) -> str:
    """A file name that came from outside, short and without its folders and control characters."""
    last = re.split(r"[/\\]", name)[-1]
    return "".join(c for c in last if unicodedata.category(c)[0] != "C")[:_MAX_NAME] or "?"


def _held(article: Article) -> Held:
    return Held(
        source=article.source,
        title=next((document.title for document in article.documents if document.title), ""),
        date=next((document.date for document in article.documents if document.date), None),
        documents=len(article.documents),
        passages=len(passages_of(article)),
        warnings=article.warnings,
    )


def _content(path: Path) -> bytes | Path | None:
    """What stands at a path: a file's bytes, where a link leads, or nothing."""
    if path.is_symlink():
        return path.readlink()
    return path.read_bytes() if path.is_file() else None


def _write(path: Path, content: bytes | Path | None) -> None:
    """Has a path hold a file or a link, so that it is there whole or not at all; or nothing."""
    if content is None:
        path.unlink(missing_ok=True)
        return
    draft = path.with_name(f"{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}.part")  # fits, whatever the name
    draft.unlink(missing_ok=True)
    try:
        if isinstance(content, Path):
            draft.symlink_to(content)
        else:
            draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
