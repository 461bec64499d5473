"""The collection that the app serves: what is in it, and adding and removing articles while questions are answered."""

import hashlib
import logging
import re
import threading
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rag.documents import SUFFIX, parse, read_article
from rag.documents.structure import structure
from rag.engine import Engine, build, open
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
_MAX_NAME = 80  # characters of a file name; all file systems take them, whatever the script

Progress = Callable[[str, int, int], None]  # what is being done, a key of the texts; how many are done; of how many
Outcome = Literal["added", "replaced", "removed", "refused"]


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
        try:
            folder, follow_symlinks = self._source
            read_article(folder / source, folder, follow_symlinks)
        except DocumentError as error:
            return str(public(error))
        return f"{source}: it was changed since the index was built; build the index again"

    def add(self, files: Sequence[tuple[str, bytes]], progress: Progress) -> Change:
        """Adds articles, each a file name and its bytes, to the articles folder, and indexes them.

        A file that cannot be read is refused and named; the others are added. One with the name of an article takes
        its place. Should the build fail, the folder is as before.

        Raises:
            DocumentError: there are too many files, or the articles folder is gone.
            RagError: the index could not be built.
        """
        if len(files) > MAX_FILES:
            raise DocumentError(
                f"{len(files)} files came: expected at most {MAX_FILES} at once; add them in parts",
                "too_many",
                count=len(files),
                limit=MAX_FILES,
            )
        with self._changing:
            outcomes, accepted = [], {}
            for number, (name, data) in enumerate(files):
                progress("reading", number, len(files))
                try:
                    article = _checked(name, data)
                except DocumentError as error:
                    outcomes.append(FileOutcome(plain_name(name), "refused", refusal=public(error)))
                    continue
                known = (self.folder / article.source).exists() or article.source in accepted
                accepted[article.source] = data
                outcomes.append(FileOutcome(article.source, "replaced" if known else "added", article.warnings))
            return self._apply(accepted, (), tuple(outcomes), progress)

    def remove(self, sources: Iterable[str], progress: Progress) -> Change:
        """Removes articles from the collection; their files are kept in `removed/` in the index folder.

        Raises:
            DocumentError: nothing would be left, or the articles folder is gone.
            RagError: the index could not be built.
        """
        with self._changing:
            known = self.opened.sources
            outcomes = [
                FileOutcome(source, "removed")
                if source in known and (self.folder / source).is_file()
                else FileOutcome(plain_name(source), "refused", refusal=_not_held())
                for source in dict.fromkeys(sources)
            ]
            removed = tuple(file.source for file in outcomes if file.outcome == "removed")
            if removed and not known.keys() - set(removed):
                raise DocumentError(
                    "nothing would be left: expected articles as text files; add another one first", "nothing_left"
                )
            return self._apply({}, removed, tuple(outcomes), progress)

    def _apply(
        self,
        accepted: dict[str, bytes],
        removed: tuple[str, ...],
        outcomes: tuple[FileOutcome, ...],
        progress: Progress,
    ) -> Change:
        """Changes the articles folder and builds; whatever goes wrong, the folder is put back as it was.

        What is to be removed or replaced is kept first, so that it is there even if the process dies meanwhile.
        """
        if not accepted and not removed:
            return Change(self.opened.snapshot, outcomes)
        folder, follow_symlinks = self._source
        if not folder.is_dir():
            raise DocumentError(
                "the articles folder is gone: expected the folder that the index was built from", "folder_gone"
            )
        progress("indexing", 0, 1)
        paths = [folder / source for source in (*accepted, *removed)]
        before = {path: path.read_bytes() if path.is_file() else None for path in paths}
        for path, data_before in before.items():
            if data_before is not None:
                self._keep(path, data_before)
        try:
            for source, data in accepted.items():
                _write(folder / source, data)
            for source in removed:
                (folder / source).unlink()
            report = build(folder, self.index, self.opened.index.manifest.encoder, follow_symlinks)
        except BaseException:
            for path, data_before in before.items():
                if data_before is None:
                    path.unlink(missing_ok=True)
                else:
                    _write(path, data_before)
            raise
        progress("indexing", 1, 1)
        log.info("the collection is now at %s", report.snapshot)
        return Change(self.opened.snapshot, outcomes)

    def _keep(self, path: Path, data: bytes) -> None:
        """Keeps a file that is to be removed or replaced, named for its content."""
        removed = self.index / "removed"
        removed.mkdir(exist_ok=True)
        _write(removed / f"{hashlib.sha256(data).hexdigest()[:8]}-{path.name}", data)


def named(title: str, text: str) -> tuple[str, bytes]:
    """The file for a pasted text: its name and its bytes. The title, if there is one, becomes its first line."""
    whole = f"{title.strip()}\n\n{text}" if title.strip() else text
    data = whole.encode("utf-8", errors="replace")
    stem = re.sub(r"[^\w-]+", "-", title.strip() or text.strip()[:20]).strip("-_")[:40]
    return f"{stem or 'pasted'}-{hashlib.sha256(data).hexdigest()[:8]}{SUFFIX}", data


def _not_held() -> RagError:
    return DocumentError("the collection has no such file: expected one that it lists", "not_held")


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
    ):
        raise DocumentError(
            f"the file name {plain_name(plain)!r} cannot be used: expected at most {_MAX_NAME} characters without "
            f'/ \\ : * ? " < > | # and not beginning with a dot; rename the file',
            "file_name",
            limit=_MAX_NAME,
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


def _write(path: Path, data: bytes) -> None:
    """Writes a file so that it is there whole or not at all."""
    draft = path.with_name(f"{path.name}.part")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
