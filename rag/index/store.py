"""The passages and raw texts of a snapshot, in SQLite."""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from rag.types import Alignment, Article, Passage

_SCHEMA = """
CREATE TABLE article (source TEXT PRIMARY KEY, encoding TEXT NOT NULL, sha256 TEXT NOT NULL, raw TEXT NOT NULL)
WITHOUT ROWID;
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
    """SHA-256 of all that a passage's vector depends on."""
    return hashlib.sha256(passage.searchable.encode()).hexdigest()


def write_store(path: Path, articles: Iterable[Article], passages: Sequence[Passage]) -> None:
    """Writes a new store; the same content gives the same bytes.

    Raises:
        OSError: the disk is full or fails.
    """
    connection = sqlite3.connect(path)
    try:
        # No journal: the file is new and counts only once its snapshot is switched to.
        connection.executescript(f"PRAGMA journal_mode = OFF; {_SCHEMA}")
        connection.executemany(
            "INSERT INTO article VALUES (?, ?, ?, ?)",
            [(article.source, article.encoding, article.sha256, article.raw) for article in articles],
        )
        connection.executemany(
            f"INSERT INTO passage (number, digest, {_COLUMNS}) VALUES ({', '.join('?' * (2 + len(_FIELDS)))})",
            [(number, digest(passage), *_row(passage)) for number, passage in enumerate(passages)],
        )
        connection.commit()
    except sqlite3.OperationalError as error:
        raise OSError(f"{path.name}: {error}") from error
    finally:
        connection.close()


class Store:
    """An open store, read only. Threads may share it."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True, check_same_thread=False)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        ((count,),) = self._select("SELECT count(*) FROM passage")
        return int(count)

    def passages(self, numbers: Sequence[int]) -> list[Passage]:
        """The passages with these numbers, in this order."""
        marks = ", ".join("?" * len(numbers))
        rows = self._select(f"SELECT number, {_COLUMNS} FROM passage WHERE number IN ({marks})", *numbers)
        found = {number: _passage(row) for number, *row in rows}
        return [found[number] for number in numbers]

    def passages_of(self, source: str) -> list[Passage]:
        """The passages of a file, in its order; none of a file that is not there."""
        rows = self._select(f"SELECT {_COLUMNS} FROM passage WHERE source = ? ORDER BY number", source)
        return [_passage(row) for row in rows]

    def digests(self) -> list[str]:
        """The digest of every passage by number."""
        return [row[0] for row in self._select("SELECT digest FROM passage ORDER BY number")]

    def raw(self, source: str) -> str:
        """The raw text of a file."""
        return str(self._select("SELECT raw FROM article WHERE source = ?", source)[0][0])

    def _select(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()


def _row(passage: Passage) -> list[object]:
    values = [getattr(passage, name) for name in _FIELDS]
    return [json.dumps(value.ranges) if isinstance(value, Alignment) else value for value in values]


def _passage(row: Sequence[Any]) -> Passage:
    *values, ranges = row
    alignment = Alignment(tuple((start, end) for start, end in json.loads(ranges)))
    return Passage(**dict(zip(_FIELDS, [*values, alignment], strict=True)))
