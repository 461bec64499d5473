"""The passage store, where its rows are not what was written."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from rag.errors import SnapshotError
from rag.index.store import Store


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE passage SET id = 'x#1' WHERE number = 0",
        "UPDATE passage SET id = source || '#one' WHERE number = 0",
        "UPDATE passage SET text = text || '。' WHERE number = 0",
        "UPDATE passage SET text = x'00' WHERE number = 0",
        "UPDATE passage SET alignment = '[[5, 1]]' WHERE number = 0",
        "UPDATE passage SET alignment = '{' WHERE number = 0",
        "UPDATE passage SET number = 5000 WHERE number = 0",
        "DROP TABLE passage",
    ],
)
def test_a_row_that_is_not_what_was_written_is_damage(seeds_index: Path, tmp_path: Path, damage: str) -> None:
    (path,) = seeds_index.glob("snapshots/*/passages.sqlite")
    assert len(Store(path).passages([0])) == 1
    copy = tmp_path / "passages.sqlite"
    shutil.copy(path, copy)
    with sqlite3.connect(copy) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(damage)
    connection.close()
    with pytest.raises(SnapshotError, match=r"passages\.sqlite is damaged"):
        Store(copy).passages([0])
