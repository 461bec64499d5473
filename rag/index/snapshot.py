"""An index folder: immutable snapshots and a pointer to the one in use.

    current.json              which snapshot is in use, where the articles are, which snapshots are kept, newest first
    snapshots/NAME/           manifest.json, passages.sqlite, passages/, sentences/, lexical/, states/
    build.lock                held while a build writes

A snapshot is named for the SHA-256 of its manifest, which has the SHA-256 of every file: the same articles, settings
and encoder give the same name and the same bytes. It appears whole, by a rename, before the pointer is switched to it
by another. Whoever has one open holds a shared lock on its manifest, and a build removes none that is held. Nothing
here depends on the clock but the order of snapshots whose pointer was lost.
"""

import fcntl
import hashlib
import json
import logging
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rag.documents import CURRENT, LOCK, SNAPSHOTS
from rag.errors import SnapshotError

log = logging.getLogger(__name__)

SCHEMA = 2
MANIFEST, STORE = "manifest.json", "passages.sqlite"
PASSAGES, SENTENCES, LEXICAL, STATES = "passages", "sentences", "lexical", "states"
_REQUIRED = frozenset(
    [
        STORE,
        *(f"{folder}/{name}" for folder in (PASSAGES, SENTENCES) for name in ("passages.npy", "vectors.faiss")),
        *(f"{LEXICAL}/{name}.csc.index.npy" for name in ("data", "indices", "indptr")),
        *(f"{LEXICAL}/{name}" for name in ("counts.npy", "params.index.json", "vocab.index.json")),
    ]
)
_STATES_FILE = re.compile(rf"{STATES}/[0-9a-f]{{64}}\.safetensors")
_SNAPSHOT, _DRAFT = re.compile("[0-9a-f]{16}"), "tmp"  # the names of a snapshot, and of one being written or removed
_REBUILD = "build it again with `rag build ARTICLES --index DIR`"
KEPT = 3  # snapshots: the one built last and two to go back to


Files = Mapping[str, Mapping[str, Any]]  # size and SHA-256 of files by their paths in a snapshot


@dataclass(frozen=True)
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
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True)

    @cached_property
    def name(self) -> str:
        """The name of the snapshot."""
        return _name(self.to_json().encode())


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which snapshot an index folder serves and where its articles are."""

    snapshot: Path
    articles: Path | None  # None when that was lost with a pointer before this
    built: tuple[str, ...]  # names of the snapshots kept, that built last first
    follow_symlinks: bool = False  # whether links in the articles folder may lead out of it
    pinned: bool = False  # whether the index was rolled back, and stays so until the next build


def read_pointer(index: Path) -> Pointer | None:
    """What `index` points to, None when nothing was built there.

    Raises:
        SnapshotError: the pointer is damaged, or missing although there are snapshots.
    """
    try:
        current = json.loads((index / CURRENT).read_text(encoding="utf-8"))
        name, articles = str(current["snapshot"]), current["articles"]
        built = tuple(map(str, current.get("built", [name])))
        articles_folder = None if articles is None else Path(os.path.normpath(index / str(articles)))
        flags = [current.get(flag, False) is True for flag in ("follow_symlinks", "pinned")]
    except (FileNotFoundError, NotADirectoryError) as error:
        if not _found(index):
            return None
        raise SnapshotError(f"{index / CURRENT} is missing; {_mend(index)}") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise SnapshotError(f"{index / CURRENT} is damaged: expected what a build writes; {_mend(index)}") from error
    for other in (name, *built):
        if Path(other).name != other or other in ("", ".", "..") or "\0" in other:
            raise SnapshotError(
                f"{index / CURRENT} names the snapshot {other!r}: expected a plain name; {_mend(index)}"
            )
    return Pointer(index / SNAPSHOTS / name, articles_folder, built, *flags)


def _found(index: Path) -> list[str]:
    """The names of the snapshots that stand in `index`, whether or not they are kept, that written last first."""
    folders = [path for path in (index / SNAPSHOTS).glob("*") if path.is_dir() and _SNAPSHOT.fullmatch(path.name)]
    return [folder.name for folder in sorted(folders, key=lambda folder: (-folder.stat().st_mtime_ns, folder.name))]


def _mend(index: Path) -> str:
    """What to do without a pointer."""
    found = ", ".join(_found(index))
    return f"go back to a snapshot with `rag rollback NAME --index DIR` ({found}), or {_REBUILD}" if found else _REBUILD


def read_manifest(snapshot: Path) -> Manifest:
    """The manifest of a snapshot, every file of which is there with its size.

    Raises:
        SnapshotError: it is missing, damaged, or of another version of Yinju, or so is a file.
    """
    manifest = parse_manifest(snapshot)
    for name in incomplete_files(snapshot, manifest):
        size, expected = _size(f"{snapshot}/{name}"), manifest.files[name]["size"]
        wrong = "is missing" if size is None else f"has {size} bytes, expected {expected}"
        raise SnapshotError(f"{snapshot / name} {wrong}: the index is damaged; {_REBUILD}")
    return manifest


def parse_manifest(snapshot: Path) -> Manifest:
    """The manifest of a snapshot, whatever became of the files.

    Raises:
        SnapshotError: it is missing, damaged, or of another version of Yinju.
    """
    path = snapshot / MANIFEST
    try:
        data = path.read_bytes()
        found = json.loads(data.decode())
        if found.get("schema") != SCHEMA:
            raise SnapshotError(
                f"{snapshot} has index version {found.get('schema')!r}, this Yinju reads version {SCHEMA}; {_REBUILD}"
            )
        manifest = _checked(found)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SnapshotError(f"{path} is missing: the index is incomplete; {_REBUILD}") from error
    except (OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise SnapshotError(f"{path} is damaged ({error}); {_REBUILD}") from error
    if _name(data) != snapshot.name:
        raise SnapshotError(
            f"{path} is not the manifest that {snapshot.name} was named for: it was changed; {_REBUILD}"
        )
    for folder in sorted({name.rpartition("/")[0] for name in manifest.files}):
        if (snapshot / folder).is_symlink():
            raise SnapshotError(f"{snapshot / folder} is a link: expected a folder; {_REBUILD}")
    return manifest


def _name(manifest: bytes) -> str:
    return hashlib.sha256(manifest).hexdigest()[:16]


def _checked(found: dict[str, Any]) -> Manifest:
    """The manifest of these fields. Raises `ValueError` when one is of another type, or the files are not those that
    a snapshot has."""
    kinds: dict[str, type] = {"schema": int, "dimension": int, "passages": int, "articles": dict, "files": dict}
    for field in fields(Manifest):
        kind = kinds.get(field.name, str)
        if type(found.get(field.name)) is not kind:
            raise ValueError(f"{field.name} is {found.get(field.name)!r:.50}: expected {kind.__name__}")
    required = {name for name in found["files"] if not _STATES_FILE.fullmatch(name)}
    for name in sorted(required ^ _REQUIRED):
        raise ValueError(f"{name!r:.50} is " + ("missing" if name in _REQUIRED else "no file of a snapshot"))
    for name, recorded in found["files"].items():
        if type(recorded["size"]) is not int or type(recorded["sha256"]) is not str or len(recorded) != 2:
            raise ValueError(f"the record of {name!r:.50} is {recorded!r:.50}: expected size and SHA-256")
    if not all(type(sha256) is str for sha256 in found["articles"].values()):
        raise ValueError("articles: expected the SHA-256 of each")
    return Manifest(**found)


def _size(path: str) -> int | None:
    """The size of a file; None when there is none, or something else, a link say."""
    try:
        found = os.lstat(path)  # there are thousands
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def hold_current(index: Path) -> tuple[Pointer, Manifest, int]:
    """The snapshot in use with its manifest, and the descriptor that holds it: until that is closed no build removes
    the snapshot.

    Raises:
        SnapshotError: there is none, or it is damaged.
    """
    pointer = read_pointer(index)
    while pointer is not None:
        try:
            return pointer, *_hold(pointer.snapshot)
        except SnapshotError:
            again = read_pointer(index)  # a build may have switched, and removed what was read before
            if again == pointer:
                raise
            pointer = again
    raise no_index(index)


def no_index(index: Path) -> SnapshotError:
    """What is wrong with a folder in which nothing was built."""
    return SnapshotError(f"{index} holds no index: build one with `rag build ARTICLES --index {index}`")


def _hold(snapshot: Path) -> tuple[Manifest, int]:
    path = snapshot / MANIFEST
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SnapshotError(f"{path} is missing: the index is incomplete; {_REBUILD}") from error
    except (OSError, ValueError) as error:
        raise SnapshotError(f"{path} cannot be read ({error}): check that it may be opened, or {_REBUILD}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return read_manifest(snapshot), descriptor
    except OSError as error:
        os.close(descriptor)
        raise SnapshotError(f"{path} cannot be held ({error}): expected a file system with locks") from error
    except BaseException:
        os.close(descriptor)
        raise


def signature(index: Path) -> tuple[int, int, int] | None:
    """What changes whenever `index` is pointed to another snapshot; None when it points to nothing."""
    try:
        found = (index / CURRENT).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


@contextmanager
def building(index: Path) -> Iterator[None]:
    """Holds the lock of an index folder, which is made if need be; another build waits until this one is done.

    Raises:
        SnapshotError: the folder cannot be written, also when that turns out while building.
    """
    try:
        (index / SNAPSHOTS).mkdir(parents=True, exist_ok=True)
        lock = FileLock(index / LOCK)  # the system's: it goes with the process that holds it
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.warning("another process builds %s: waiting until it is done", index)
            lock.acquire()
        try:
            for left_behind in (index / SNAPSHOTS).glob(f"{_DRAFT}*"):
                if _is_of_a_build(left_behind):
                    shutil.rmtree(left_behind)
            yield
        finally:
            lock.release()
    except OSError as error:
        raise SnapshotError(
            f"the index {index} cannot be written ({error.strerror or error}): expected a folder that may be written "
            f"and room in it; what was built there before is unchanged"
        ) from error


def commit(
    index: Path,
    articles: Path,
    write: Callable[[Path], Files],
    describe: Callable[[Files], Manifest],
    follow_symlinks: bool = False,
) -> Manifest:
    """Makes a new snapshot the one in use; call it while `building`.

    `write` fills the folder it is given and returns what is known already of files that were there before, by a hard
    link, and need not be read again; `describe` makes the manifest of all files. The last `KEPT` snapshots are kept,
    and older ones that someone has open. One that is damaged is not; what only reading it through would tell is seen
    where nothing changed, or the pointer was lost. Without a pointer, the last are those written last.
    """
    snapshots = index / SNAPSHOTS
    before = _pointer_before(index)
    draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=snapshots))
    try:
        known = write(draft)
        files = _files(draft)
        manifest = describe({name: known.get(name) or _describe_file(draft / name) for name in files})
        (draft / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
        for name in (*files, MANIFEST):
            if name not in known:
                sync(draft / name)
        for folder in [draft, *(path for path in draft.rglob("*") if path.is_dir())]:
            sync(folder)
        draft.chmod(0o755)
        target = snapshots / manifest.name
        unchanged = before is not None and before.snapshot == target  # such a build mends states too
        if os.path.lexists(target) and not _is_whole(target, states=unchanged):
            _remove(target)
        if not target.exists():
            draft.replace(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    sync(snapshots)
    sound = partial(_is_whole, states=False) if unchanged or before is None else _is_complete
    earlier = [name for name in (before.built if before else _found(index)) if name != manifest.name]
    for name in [name for name in earlier if not sound(snapshots / name)]:
        log.warning("%s is damaged: it is kept no longer", snapshots / name)
        earlier.remove(name)
    built = (manifest.name, *earlier[: KEPT - 1])
    _point(index, Pointer(target, articles, built, follow_symlinks))
    for old in orphans(index):
        _remove_unless_held(old)
    return manifest


@dataclass(frozen=True, slots=True)
class Kept:
    """A snapshot that is kept."""

    name: str
    manifest: Manifest | None  # None when it is damaged
    written: datetime  # by the clock of the time; nothing depends on it
    in_use: bool

    @property
    def size(self) -> int:
        """Bytes of its files; those of states may be shared with other snapshots."""
        return sum(int(file["size"]) for file in self.manifest.files.values()) if self.manifest else 0


def kept_snapshots(index: Path) -> tuple[Kept, ...]:
    """The snapshots that can be gone back to and the one in use, that built last first.

    Raises:
        SnapshotError: there is no index, or the pointer is damaged.
    """
    pointer = read_pointer(index)
    if pointer is None:
        raise no_index(index)
    folders = [index / SNAPSHOTS / name for name in pointer.built]
    return tuple(
        Kept(
            folder.name,
            _manifest_of(folder),
            datetime.fromtimestamp(folder.stat().st_mtime),
            folder == pointer.snapshot,
        )
        for folder in folders
        if folder.is_dir()
    )


def _manifest_of(snapshot: Path) -> Manifest | None:
    """Its manifest; None, and a warning, when it is damaged."""
    try:
        return read_manifest(snapshot)
    except SnapshotError as error:
        log.warning("%s", error)
        return None


def roll_back(index: Path, name: str | None = None) -> str:
    """Makes the kept snapshot `name` the one in use, or the one built before that in use; returns its name.

    It stays in use until the next build. Where the pointer was lost, any snapshot that is there can be named. Unsound
    states are no hindrance: they are computed again.

    Raises:
        SnapshotError: there is no index or no such snapshot, it is damaged, or the folder cannot be written.
    """
    if signature(index) is None and not _found(index):
        raise no_index(index)
    with building(index):
        pointer = _pointer_before(index)
        built = pointer.built if pointer else tuple(_found(index))
        if name is None and pointer is not None:
            place = built.index(pointer.snapshot.name) if pointer.snapshot.name in built else 0
            name = built[place + 1] if place + 1 < len(built) else None
        if name not in built:
            wanted = "an earlier snapshot" if name is None else f"the snapshot {name}"
            raise SnapshotError(
                f"{index} does not keep {wanted}: expected one of {', '.join(built) or 'none'}; see `rag snapshots`"
            )
        target = index / SNAPSHOTS / name
        if damaged := damaged_files(target, read_manifest(target), states=False):
            raise SnapshotError(f"{target} is damaged ({', '.join(damaged)}): go back to another, or build again")
        before = pointer or Pointer(target, None, built)
        _point(index, replace(before, snapshot=target, pinned=True))
    return name


def orphans(index: Path) -> tuple[Path, ...]:
    """What a build that was cut short or an open engine left behind: the next build removes it."""
    pointer = read_pointer(index)
    kept = set(pointer.built) if pointer else set()
    return tuple(path for path in _beside(index) if path.name not in kept and _is_of_a_build(path))


def strangers(index: Path) -> tuple[Path, ...]:
    """What stands among the snapshots and no build has put there: none touches it."""
    return tuple(path for path in _beside(index) if not _is_of_a_build(path))


def _beside(index: Path) -> list[Path]:
    folder = index / SNAPSHOTS
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_of_a_build(path: Path) -> bool:
    """Whether this, among the snapshots, is a snapshot, or one that was being written or removed."""
    named = _SNAPSHOT.fullmatch(path.name) is not None or path.name.startswith(_DRAFT)
    return named and path.is_dir() and not path.is_symlink()


def _is_complete(snapshot: Path) -> bool:
    """Whether every file of a snapshot is there with its size."""
    try:
        return bool(read_manifest(snapshot))
    except SnapshotError:
        return False


def _is_whole(snapshot: Path, states: bool) -> bool:
    """Whether a snapshot is as it was written, every file by its SHA-256; `states` as in `damaged_files`."""
    try:
        return not damaged_files(snapshot, read_manifest(snapshot), states)
    except SnapshotError:
        return False


def damaged_files(snapshot: Path, manifest: Manifest, states: bool = True) -> tuple[str, ...]:
    """The files of a snapshot that cannot be read or whose SHA-256 is not that of the manifest; without `states`, which
    check themselves, only the others are read."""
    return tuple(
        name
        for name, recorded in manifest.files.items()
        if (states or not is_states(name)) and not _is_as_recorded(snapshot / name, recorded)
    )


def incomplete_files(snapshot: Path, manifest: Manifest) -> tuple[str, ...]:
    """The files of a snapshot that are missing or have another size than that of the manifest."""
    return tuple(name for name, file in manifest.files.items() if _size(f"{snapshot}/{name}") != file["size"])


def is_states(name: str) -> bool:
    """Whether a file of a snapshot is one of states."""
    return name.startswith(f"{STATES}/")


def _is_as_recorded(path: Path, recorded: Mapping[str, Any]) -> bool:
    try:
        return path.is_file() and _describe_file(path) == recorded
    except OSError as error:
        log.warning("%s cannot be read: %s", path, error.strerror)
        return False


def _pointer_before(index: Path) -> Pointer | None:
    """What `index` points to before a build, which mends a damaged pointer."""
    try:
        return read_pointer(index)
    except SnapshotError as error:
        log.warning("%s", error)
        return None


def _point(index: Path, pointer: Pointer) -> None:
    current = {
        "snapshot": pointer.snapshot.name,
        "articles": pointer.articles and os.path.relpath(pointer.articles.resolve(), index.resolve()),
        "built": pointer.built,
        "follow_symlinks": pointer.follow_symlinks,
        "pinned": pointer.pinned,
    }
    draft = index / f"{CURRENT}.tmp"
    draft.write_text(json.dumps(current, ensure_ascii=False, indent=1), encoding="utf-8")
    sync(draft)
    draft.replace(index / CURRENT)
    sync(index)


def _remove_unless_held(snapshot: Path) -> None:
    """Removes a snapshot that no one has open."""
    try:
        descriptor = os.open(snapshot / MANIFEST, os.O_RDONLY)
    except FileNotFoundError:
        _remove(snapshot)
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(snapshot)
    except BlockingIOError:
        log.info("%s is open: it is kept for now", snapshot)
    finally:
        os.close(descriptor)


def _remove(snapshot: Path) -> None:
    """Removes a snapshot, which is never seen in part: it is renamed first."""
    gone = snapshot.with_name(f"tmp-{snapshot.name}")
    snapshot.replace(gone)
    if gone.is_dir() and not gone.is_symlink():
        shutil.rmtree(gone)
    else:  # what stood in its place
        gone.unlink()


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _describe_file(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def sync(path: Path) -> None:
    """Has a file or folder written to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
