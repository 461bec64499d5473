"""What the doctor finds: one finding for each thing that is wrong, with its remedy."""

import errno
import os
import shutil
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest

import rag
from rag import doctor, reader
from rag.doctor import Finding, Severity, examine
from rag.encoder import load_encoder
from rag.index import build_index


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "a.txt").write_text("钱塘区的高校\n\n钱塘区有14所高校。\n", encoding="utf-8")
    return folder


@pytest.fixture
def index(tmp_path: Path, articles: Path) -> Path:
    rag.build(articles, tmp_path / "index")
    return tmp_path / "index"


def wrong(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity]


def test_nothing_is_wrong_with_what_was_just_built(index: Path) -> None:
    findings = examine(index)
    assert wrong(findings) == []
    shown = "\n".join(finding.text for finding in findings)
    assert f"\nreader reader.safetensors, SHA-256 {reader.load_reader().weights.sha256[:12]}…\n" in shown
    assert f"SHA-256 {load_encoder().fingerprint[:12]}…" in shown
    assert "\nstates of 1 articles, " in shown


def test_states_that_are_not_kept(articles: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    build_index(articles, index, load_encoder(), lambda encoder, text: None)
    (finding,) = wrong(examine(index))
    assert finding.severity == Severity.WARNING
    assert finding.text.startswith("no states are kept of 1 of 1 articles: their answers take longer; `rag build ARTIC")
    rag.build(articles, index)
    assert wrong(examine(index)) == []


def test_files_that_are_left_out(articles: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("滨江区培育上市企业65家。", encoding="utf-8")
    (articles / "empty.txt").touch()
    (articles / "link.txt").symlink_to(tmp_path / "secret.txt")
    (articles / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n")
    (articles / os.fsdecode(b"bad\xff.txt")).write_text("滨江区培育上市企业65家。", encoding="utf-8")
    report = rag.build(articles, tmp_path / "index")
    assert len(report.skipped) == 4
    findings = examine(tmp_path / "index")
    assert Finding(f"the index is up to date with {articles}") in findings
    assert wrong(findings) == [Finding(f"left out: {reason}", Severity.WARNING) for reason in report.skipped]
    rag.build(articles, tmp_path / "index", follow_symlinks=True)
    assert len(wrong(examine(tmp_path / "index"))) == 3


def test_an_index_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typo = tmp_path / "typo"
    remedy = f"{typo} holds no index: build one with `rag build ARTICLES --index {typo}`"
    assert wrong(examine(typo)) == [Finding(remedy, Severity.FAULT)]
    monkeypatch.setattr(doctor, "DEFAULT_INDEX", typo)
    assert examine(typo)[-1] == Finding(f"{typo} holds no index yet: the first question or `rag build` makes it")
    assert not typo.exists()


def version(library: str) -> str:
    found = {"yinju": "1", "numpy": "2.0", "jieba": "0.42.1"}
    if library not in found:
        raise PackageNotFoundError(library)
    return found[library]


def test_libraries_that_are_missing_or_old(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    required = ["numpy>=99", "no-such-library>=1,<2", "jieba>=0.42", 'no-such-tool; extra == "test"']
    monkeypatch.setattr(doctor, "requires", lambda name: required)
    monkeypatch.setattr(doctor, "version", version)
    findings = examine(index)
    assert Finding("jieba 0.42.1") in findings
    assert wrong(findings) == [
        Finding("numpy 2.0 is installed: expected numpy>=99; install Yinju again", Severity.WARNING),
        Finding(
            "no-such-library is not installed: expected no-such-library<2,>=1; install Yinju again", Severity.FAULT
        ),
    ]


def test_a_reader_that_is_damaged(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "reader.safetensors"
    data = bytearray(reader.WEIGHTS.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    monkeypatch.setattr(reader, "WEIGHTS", damaged)
    reader.load_reader.cache_clear()
    (finding,) = wrong(examine(index))
    reader.load_reader.cache_clear()
    assert finding.severity == Severity.FAULT
    assert finding.text.startswith(f"{damaged}: damaged: SHA-256 of its tensors is ")
    assert finding.text.endswith("; install it anew")


def test_what_is_on_the_disk_once_is_counted_once(articles: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (articles / "b.txt").write_text("滨江区的企业\n\n滨江区培育上市企业65家。\n", encoding="utf-8")
    rag.build(articles, index)
    files = [path.stat() for path in index.rglob("*") if path.is_file()]
    assert max(file.st_nlink for file in files) == 2
    needed = sum(file.st_size / file.st_nlink for file in files)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=needed))
    assert wrong(examine(index)) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=needed - 1))
    (finding,) = wrong(examine(index))
    assert finding.text.startswith(f"0.0 GB free for {index}: a build may need as much as is there now, ")


def test_what_the_system_refuses_is_a_finding(articles: Path, index: Path) -> None:
    *before, finding = examine(index / ("x" * 300))
    assert wrong(before) == []
    assert finding.severity == Severity.FAULT
    assert finding.text.startswith(f"[Errno {errno.ENAMETOOLONG}] File name too long: ")
