"""The passages and raw texts of a snapshot, in SQLite."""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import accumulate
from pathlib import Path
from typing import Any

from rag.errors import SnapshotError
from rag.types import Alignment, Article, Passage

_SCHEMA = """
CREATE TABLE article (
    source TEXT PRIMARY KEY,
    encoding TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    documents INTEGER NOT NULL,
    warnings TEXT NOT NULL,
    raw TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE passage (
    number INTEGER PRIMARY KEY,
    digest TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL REFERENCES article (source),
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    section TEXT NOT NULL,
    date TEXT,
    publisher TEXT,
    paragraph INTEGER NOT NULL,
    text TEXT NOT NULL,
    alignment TEXT NOT NULL
);
"""
_FIELDS = [field.name for field in fields(Passage)]
_COLUMNS = ", ".join(_FIELDS)


def digest(passage: Passage) -> str:
    """SHA-256 of all that is encoded of a passage."""
    return hashlib.sha256(json.dumps([passage.title, passage.section, passage.text]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """What goes into the index of one article: read just now, or taken over as it stands in another store."""

    source: str
    sha256: str
    documents: int
    warnings: tuple[str, ...]
    digests: tuple[str, ...]  # of its passages, in their order
    first: int = 0  # number of its first passage in the store that it is taken over from
    read: tuple[Article, tuple[Passage, ...]] | None = None  # None: it is taken over

    @classmethod
    def of(cls, article: Article, passages: tuple[Passage, ...]) -> "Entry":
        """The entry of an article that was read."""
        digests = tuple(map(digest, passages))
        read = (article, passages)
        return cls(article.source, article.sha256, len(article.documents), article.warnings, digests, read=read)


def write_store(path: Path, entries: Iterable[Entry], before: Path | None) -> None:
    """Writes a new store; the same content gives the same bytes, whether it was read or is taken over from `before`.

    Raises:
        OSError: the disk is full or fails.
    """
    connection = sqlite3.connect(path.resolve().as_uri(), uri=True, isolation_level=None)
    try:
        # No journal: the file is new and counts only once its snapshot is switched to.
        connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_SCHEMA}")
        if before is not None:
            connection.execute("ATTACH ? AS before", (_read_only(before),))
        connection.execute("BEGIN")
        number = 0
        for entry in entries:
            _insert(connection, entry, number)
            number += len(entry.digests)
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise OSError(f"{path.name}: {error}") from error
    finally:
        connection.close()


def _insert(connection: sqlite3.Connection, entry: Entry, number: int) -> None:
    """Writes an article and its passages, which count from `number`."""
    columns = f"digest, {_COLUMNS}"
    if entry.read is None:
        connection.execute("INSERT INTO article SELECT * FROM before.article WHERE source = ?", (entry.source,))
        connection.execute(
            f"INSERT INTO passage (number, {columns}) SELECT number + ?, {columns} FROM before.passage "
            "WHERE number >= ? AND number < ? ORDER BY number",
            (number - entry.first, entry.first, entry.first + len(entry.digests)),
        )
        return
    article, passages = entry.read
    warnings = json.dumps(entry.warnings, ensure_ascii=False)
    connection.execute(
        "INSERT INTO article VALUES (?, ?, ?, ?, ?, ?)",
        (article.source, article.encoding, article.sha256, entry.documents, warnings, article.raw),
    )
    connection.executemany(
        f"INSERT INTO passage (number, {columns}) VALUES ({', '.join('?' * (2 + len(_FIELDS)))})",
        [(number + i, key, *_row(p)) for i, (key, p) in enumerate(zip(entry.digests, passages, strict=True))],
    )


class Store:
    """An open store, read only. Threads may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = sqlite3.connect(_read_only(path), uri=True, check_same_thread=False)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        ((count,),) = self._select("SELECT count(*) FROM passage")
        return int(count)

    def passages(self, numbers: Sequence[int]) -> list[Passage]:
        """The passages with these numbers, in this order."""
        marks = ", ".join("?" * len(numbers))
        rows = self._select(f"SELECT number, {_COLUMNS} FROM passage WHERE number IN ({marks})", *numbers)
        with self._sound():
            found = {number: _passage(row) for number, *row in rows}
            return [found[number] for number in numbers]

    def passages_of(self, source: str) -> list[Passage]:
        """The passages of a file, in its order; none of a file that is not there."""
        rows = self._select(f"SELECT {_COLUMNS} FROM passage WHERE source = ? ORDER BY number", source)
        with self._sound():
            return [_passage(row) for row in rows]

    def entries(self, rows: bool = False) -> list[Entry]:
        """Every article, to be taken over, with the digests of its passages; in the order of their numbers.

        The tables are checked first, and with `rows` also that every passage is what was read in its article.
        """
        self._check_tables()
        if rows:
            self._check_passages()
        found = self._select("SELECT source, digest FROM passage ORDER BY number")
        passages: dict[str, list[str]] = {}
        for source, key in found:
            passages.setdefault(source, []).append(key)
        articles = self._select("SELECT source, sha256, documents, warnings FROM article ORDER BY source")
        first = accumulate((len(passages.get(row[0], ())) for row in articles), initial=0)
        with self._sound():
            if found != sorted(found, key=lambda row: row[0]):
                raise ValueError("its passages are not in the order of its articles")
            return [
                Entry(source, sha256, int(documents), tuple(json.loads(warnings)), tuple(passages.get(source, ())), n)
                for n, (source, sha256, documents, warnings) in zip(first, articles, strict=False)
            ]

    def _check_tables(self) -> None:
        tables = self._select("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        faults = self._select("PRAGMA integrity_check")
        numbers = self._select("SELECT count(*), min(number), max(number) FROM passage")
        with self._sound():
            if [sql for (sql,) in tables] != [part.strip() for part in _SCHEMA.split(";")[:-1]] or faults != [("ok",)]:
                raise ValueError("its tables are not those that a build writes")
            ((count, least, greatest),) = numbers
            if count and (least, greatest) != (0, count - 1):
                raise ValueError("its passages are not numbered from 0")

    def _check_passages(self) -> None:
        rows = self._select(f"SELECT digest, {_COLUMNS} FROM passage ORDER BY number")
        with self._sound():
            for key, *row in rows:
                passage = _passage(row)
                raw = self.raw(passage.source)
                if raw is None or passage.alignment.apply(raw) != passage.text or digest(passage) != key:
                    raise ValueError(f"passage {passage.id!r} is not what was read")

    def raw(self, source: str) -> str | None:
        """The raw text of a file; None for one that is not there."""
        rows = self._select("SELECT raw FROM article WHERE source = ?", source)
        return str(rows[0][0]) if rows else None

    def _select(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._sound(), self._lock:
            return self._connection.execute(statement, values).fetchall()

    @contextmanager
    def _sound(self) -> Iterator[None]:
        """Makes an error of ours of what damage raises."""
        try:
            yield
        except (sqlite3.Error, LookupError, TypeError, ValueError) as error:
            raise SnapshotError(f"{self._path} is damaged ({error!r}): build the index again") from error

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()


def _read_only(path: Path) -> str:
    return f"{path.resolve().as_uri()}?immutable=1"


def _row(passage: Passage) -> list[object]:
    values = [getattr(passage, name) for name in _FIELDS]
    return [json.dumps(value.ranges) if isinstance(value, Alignment) else value for value in values]


def _passage(row: Sequence[Any]) -> Passage:
    """Raises `ValueError`, `TypeError` or `LookupError` where the row is not what `_row` made."""
    *values, ranges = row
    alignment = Alignment(tuple((int(start), int(end)) for start, end in json.loads(ranges)))
    passage = Passage(**dict(zip(_FIELDS, [*values, alignment], strict=True)))
    bounds = [bound for places in alignment.ranges for bound in places]
    texts = (passage.id, passage.source, passage.kind, passage.title, passage.section, passage.text)
    optional = (passage.date, passage.publisher)
    source, _, place = passage.id.rpartition("#")
    if not (
        all(isinstance(text, str) for text in texts)
        and all(text is None or isinstance(text, str) for text in optional)
        and isinstance(passage.paragraph, int)
        and source == passage.source
        and place.isdecimal()
        and len(alignment) == len(passage.text)
        and bounds == sorted(bounds)
    ):
        raise ValueError(f"passage {passage.id!r} is not what was written")
    return passage
