"""An index folder: immutable snapshots and a pointer to the one in use.

    current.json              {"snapshot": NAME, "articles": path of the articles folder, seen from here}
    snapshots/NAME/           manifest.json, passages.sqlite, passages/, sentences/, lexical/, states/
    build.lock                held while a build writes

A snapshot is named for the SHA-256 of its manifest, which has the SHA-256 of every file: the same articles, settings
and encoder give the same name and the same bytes. It appears whole, by a rename, before the pointer is switched to it
by another.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from rag.errors import SnapshotError

log = logging.getLogger(__name__)

SCHEMA = 2
MANIFEST, STORE = "manifest.json", "passages.sqlite"
PASSAGES, SENTENCES, LEXICAL, STATES = "passages", "sentences", "lexical", "states"
_CURRENT, _SNAPSHOTS, _LOCK = "current.json", "snapshots", "build.lock"
_REBUILD = "build it again with `rag build ARTICLES --index DIR`"


Files = Mapping[str, Mapping[str, Any]]  # size and SHA-256 of files by their paths in a snapshot


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a snapshot was made from and what it consists of."""

    schema: int
    code: str  # SHA-256 of the modules whose behaviour an index is made by
    encoder: str
    encoder_sha256: str
    dimension: int
    passages: int
    articles: Mapping[str, str]  # SHA-256 of every file by its source
    files: Files  # every file of the snapshot

    def to_json(self) -> str:
        """The file's text; the same manifest gives the same text."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1, sort_keys=True)

    @property
    def name(self) -> str:
        """The name of the snapshot."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which snapshot an index folder serves and where its articles are."""

    snapshot: Path
    articles: Path


def read_pointer(index: Path) -> Pointer | None:
    """What `index` points to, None when nothing was built there.

    Raises:
        SnapshotError: the pointer is damaged.
    """
    try:
        current = json.loads((index / _CURRENT).read_text(encoding="utf-8"))
        name, articles = str(current["snapshot"]), str(current["articles"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise SnapshotError(f"{index / _CURRENT} is damaged: expected what a build writes; {_REBUILD}") from error
    if Path(name).name != name or name in ("", ".", ".."):
        raise SnapshotError(f"{index / _CURRENT} names the snapshot {name!r}: expected a plain name; {_REBUILD}")
    return Pointer(index / _SNAPSHOTS / name, Path(os.path.normpath(index / articles)))


def read_manifest(snapshot: Path) -> Manifest:
    """The manifest of a snapshot, every file of which is there with its size.

    Raises:
        SnapshotError: it is missing, damaged, or of another version of Yinju.
    """
    path = snapshot / MANIFEST
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields.get("schema") != SCHEMA:
            raise SnapshotError(
                f"{snapshot} has index version {fields.get('schema')!r}, this Yinju reads version {SCHEMA}; {_REBUILD}"
            )
        manifest = Manifest(**fields)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SnapshotError(f"{path} is missing: the index is incomplete; {_REBUILD}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise SnapshotError(f"{path} is damaged ({error}); {_REBUILD}") from error
    if manifest.name != snapshot.name:
        raise SnapshotError(
            f"{path} is not the manifest that {snapshot.name} was named for: it was changed; {_REBUILD}"
        )
    for name, recorded in manifest.files.items():
        file = snapshot / name
        size = file.stat().st_size if file.is_file() else None
        if size != recorded["size"]:
            found = "is missing" if size is None else f"has {size} bytes, expected {recorded['size']}"
            raise SnapshotError(f"{file} {found}: the index is damaged; {_REBUILD}")
    return manifest


@contextmanager
def building(index: Path) -> Iterator[None]:
    """Holds the lock of an index folder, which is made if need be; another build waits until this one is done.

    Raises:
        SnapshotError: the folder cannot be written, also when that turns out while building.
    """
    try:
        (index / _SNAPSHOTS).mkdir(parents=True, exist_ok=True)
        with FileLock(index / _LOCK):
            for left_behind in (index / _SNAPSHOTS).glob("tmp*"):
                shutil.rmtree(left_behind)
            yield
    except OSError as error:
        raise SnapshotError(
            f"the index {index} cannot be written ({error.strerror or error}): expected a folder that may be written "
            f"and room in it; what was built there before is unchanged"
        ) from error


def commit(
    index: Path, articles: Path, write: Callable[[Path], Files], describe: Callable[[Files], Manifest]
) -> Manifest:
    """Makes a new snapshot the one in use; call it while `building`.

    `write` fills the folder it is given and returns what is known already of files that were there before, by a hard
    link, and need not be read again; `describe` makes the manifest of all files. The snapshot in use
    before stays beside it, older ones are removed.
    """
    snapshots = index / _SNAPSHOTS
    before = _pointer_before(index)
    draft = Path(tempfile.mkdtemp(prefix="tmp", dir=snapshots))
    try:
        known = write(draft)
        manifest = describe({name: known.get(name) or _describe_file(draft / name) for name in _files(draft)})
        (draft / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
        for name in _files(draft):
            if name not in known:
                _sync(draft / name)
        draft.chmod(0o755)
        target = snapshots / manifest.name
        if target.exists() and not is_whole(target):
            shutil.rmtree(target)
        if not target.exists():
            draft.replace(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _sync(snapshots)
    _point(index, manifest.name, articles)
    kept = {manifest.name, before.snapshot.name if before else None}
    for old in snapshots.iterdir():
        if old.name not in kept:
            shutil.rmtree(old)
    return manifest


def is_whole(snapshot: Path) -> bool:
    """Whether a snapshot is as it was written, every file by its SHA-256."""
    try:
        return not damaged_files(snapshot, read_manifest(snapshot))
    except SnapshotError:
        return False


def damaged_files(snapshot: Path, manifest: Manifest, states: bool = True) -> tuple[str, ...]:
    """The files of a snapshot whose SHA-256 is not that of the manifest; without `states`, which check themselves, only
    the others are read."""
    return tuple(
        name
        for name, recorded in manifest.files.items()
        if (states or not name.startswith(f"{STATES}/"))
        and not ((snapshot / name).is_file() and _describe_file(snapshot / name) == recorded)
    )


def _pointer_before(index: Path) -> Pointer | None:
    """What `index` points to before a build, which mends a damaged pointer."""
    try:
        return read_pointer(index)
    except SnapshotError as error:
        log.warning("%s", error)
        return None


def _point(index: Path, name: str, articles: Path) -> None:
    current = {"snapshot": name, "articles": os.path.relpath(articles.resolve(), index.resolve())}
    draft = index / f"{_CURRENT}.tmp"
    draft.write_text(json.dumps(current, ensure_ascii=False, indent=1), encoding="utf-8")
    _sync(draft)
    draft.replace(index / _CURRENT)
    _sync(index)


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _describe_file(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _sync(path: Path) -> None:
    """Has a file or folder written to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
