"""After any changes the index is what a build from scratch makes; engines follow; two may build, one may die."""

import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from test_index import files, snapshot
from withstand import ask_while_building, fuzz

import rag
from rag.encoder import load_encoder
from rag.index import Index, build_index
from rag.index.following import follow
from rag.index.snapshot import orphans

NAMES = st.sampled_from(["a.txt", "b.txt", "below/c.txt", "below/d.TXT"])
PARAGRAPHS = st.sampled_from(
    ["钱塘区有14所高校。师生超过25万。", "常住人口79.3万。", "滨江区有企业65家。", "西湖区產龍井茶。", "Binjiang."]
)
TEXTS = st.tuples(st.sampled_from(["", "杭州的开发区\n\n"]), st.lists(PARAGRAPHS, max_size=3))


class Syncing(RuleBasedStateMachine):
    """A folder that is edited and an index that follows it."""

    @initialize()
    def begin(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="sync"))
        self.articles = self.home / "articles"
        (self.articles / "below").mkdir(parents=True)
        (self.articles / "always.txt").write_text("杭州\n\n杭州是一座城市。\n", encoding="utf-8")
        rag.build(self.articles, self.home / "index")

    @rule(name=NAMES, text=TEXTS)
    def write(self, name: str, text: tuple[str, list[str]]) -> None:
        title, paragraphs = text
        (self.articles / name).write_text(title + "\n\n".join(paragraphs) + "\n", encoding="utf-8")

    @precondition(lambda self: any(self.found()))
    @rule(data=st.data(), name=NAMES)
    def rename(self, data: st.DataObject, name: str) -> None:
        data.draw(st.sampled_from(self.found())).rename(self.articles / name)

    @precondition(lambda self: any(self.found()))
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.found())).unlink()

    @rule()
    def sync(self) -> None:
        report = rag.build(self.articles, self.home / "index")
        scratch = self.home / "scratch"
        again = rag.build(self.articles, scratch)
        assert files(snapshot(self.home / "index")) == files(snapshot(scratch))
        assert (report.snapshot, report.documents, report.warnings, report.skipped) == (
            again.snapshot, again.documents, again.warnings, again.skipped,
        )  # fmt: skip
        shutil.rmtree(scratch)

    def found(self) -> list[Path]:
        return sorted(p for p in self.articles.rglob("*.*") if p.is_file() and p.name != "always.txt")

    def teardown(self) -> None:
        self.sync()
        shutil.rmtree(self.home)


TestSyncing = Syncing.TestCase
TestSyncing.settings = settings(
    max_examples=6,
    stateful_step_count=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "a.txt").write_text("钱塘区的高校\n\n钱塘区有14所高校。\n", encoding="utf-8")
    (folder / "b.txt").write_text("滨江区的企业\n\n滨江区培育上市企业65家。\n", encoding="utf-8")
    return folder


def test_an_engine_moves_on_and_deleted_text_never_answers(articles: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    rag.build(articles, index)
    engine = rag.open(index)
    assert engine.search("上市企业")[0].passage.source == "b.txt"
    (articles / "b.txt").unlink()
    rag.build(articles, index)
    assert {candidate.passage.source for candidate in engine.search("上市企业")} == {"a.txt"}
    (articles / "a.txt").write_text("钱塘区的高校\n\n钱塘区有15所高校。\n", encoding="utf-8")
    rag.build(articles, index)
    assert engine.answer("钱塘区有多少所高校?", min_confidence=0).citations[0].passage == "钱塘区有15所高校。"


def test_an_engine_serves_on_when_the_new_snapshot_cannot_be_opened(
    articles: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    index = tmp_path / "index"
    rag.build(articles, index)
    engine = rag.open(index)
    before = engine.search("高校")
    current = (index / "current.json").read_text(encoding="utf-8")
    (index / "current.json").write_text("{", encoding="utf-8")
    assert engine.search("高校") == before
    assert "the one before serves on" in caplog.text
    (articles / "a.txt").write_text("钱塘区的高校\n\n钱塘区有15所高校。\n", encoding="utf-8")
    (index / "current.json").write_text(current, encoding="utf-8")
    rag.build(articles, index)
    assert engine.search("高校")[0].passage.text == "钱塘区有15所高校。"


def test_a_folder_is_followed_one_sync_a_burst(articles: Path, tmp_path: Path) -> None:
    index, stop = tmp_path / "index", threading.Event()
    reports = follow(articles, lambda: rag.build(articles, index), False, stop)
    assert next(reports).passages == 2
    for number in range(5):
        (articles / f"{number}.txt").write_text(f"第{number}件\n\n这里写的是第{number}件事。\n", encoding="utf-8")
    found = [next(reports)]
    while found[-1].articles < 7:  # a burst may be cut where the disk is slow
        found.append(next(reports))
    assert found[-1].passages == 7
    assert sum(report.encoded for report in found) == 5
    (articles / "a.txt").unlink()
    assert next(reports).articles == 6
    stop.set()
    assert list(reports) == []


def test_following_ends_with_its_folder(articles: Path, tmp_path: Path) -> None:
    reports = follow(articles, lambda: rag.build(articles, tmp_path / "index"), False)
    next(reports)
    shutil.rmtree(articles)
    with pytest.raises(rag.DocumentError, match="articles is nothing: expected a folder"):
        next(reports)
    assert rag.open(tmp_path / "index").search("高校")


def test_articles_that_change_while_they_are_read(articles: Path, tmp_path: Path) -> None:
    index, stop = tmp_path / "index", threading.Event()

    def edit() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            (articles / "a.txt").write_text(f"钱塘区的高校\n\n钱塘区有{number}所高校。\n", encoding="utf-8")
            (articles / f"{number % 3}.txt").write_text(f"第{number}件\n\n这是第{number}件事。\n", encoding="utf-8")
            (articles / f"{(number + 1) % 3}.txt").unlink(missing_ok=True)

    editing = threading.Thread(target=edit)
    editing.start()
    try:
        for _ in range(5):
            rag.build(articles, index)
            opened = Index(index)
            for passage in opened.store.passages(range(len(opened.store))):
                raw = opened.store.raw(passage.source)
                assert raw is not None
                assert passage.alignment.apply(raw) == passage.text
    finally:
        stop.set()
        editing.join()
    rag.build(articles, index)
    rag.build(articles, tmp_path / "scratch")
    assert files(snapshot(index)) == files(snapshot(tmp_path / "scratch"))


def test_a_second_build_waits_and_says_so(articles: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    index = tmp_path / "index"
    rag.build(articles, index)
    code = "import filelock, sys, time; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print(flush=True); "
    code += "time.sleep(600)"
    holder = subprocess.Popen([sys.executable, "-c", code, index / "build.lock"], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    with caplog.at_level(logging.WARNING):
        waiting = threading.Thread(target=rag.build, args=(articles, index))
        waiting.start()
        while waiting.is_alive() and "another process builds" not in caplog.text:
            time.sleep(0.05)
        assert waiting.is_alive()
        holder.kill()  # the lock of a dead process is free
        waiting.join()
    holder.wait()
    holder.stdout.close()


def test_builds_that_are_killed_leave_an_index_that_serves() -> None:
    script = Path(__file__).with_name("withstand.py")  # a process of its own: copies of this one would lack its threads
    here = os.environ | {"PYTHONPATH": str(script.parents[1])}
    done = subprocess.run([sys.executable, script, "kill", "4"], capture_output=True, text=True, check=False, env=here)
    assert done.stderr == ""
    assert re.fullmatch(r"Killed\(moments=4, killed=[1-4]\)\n", done.stdout)


def test_questions_during_builds_are_answered_whole(tmp_path: Path) -> None:
    outcome = ask_while_building(tmp_path, questions=60, threads=4)
    assert outcome.wrong == ()
    assert outcome.snapshots_seen == 2
    assert outcome.growth < 0.05


def test_a_clock_that_is_set_back_changes_nothing(articles: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    rag.build(articles, index)
    engine = rag.open(index)
    engine.search("高校")
    (articles / "a.txt").write_text("钱塘区的高校\n\n钱塘区有15所高校。\n", encoding="utf-8")
    os.utime(articles / "a.txt", (0, 0))
    rag.build(articles, index)
    for path in (index / "current.json", snapshot(index)):
        os.utime(path, (0, 0))
    assert engine.search("高校")[0].passage.text == "钱塘区有15所高校。"
    assert orphans(index) == ()


def test_an_index_without_states_answers_the_same(articles: Path, tmp_path: Path) -> None:
    rag.build(articles, tmp_path / "with")
    build_index(articles, tmp_path / "without", load_encoder(), lambda encoder, text: None)
    assert not (snapshot(tmp_path / "without") / "states").exists()
    question = "钱塘区有多少所高校?"
    kept, computed = (rag.open(tmp_path / name).answer(question, min_confidence=0) for name in ("with", "without"))
    assert kept == computed
    rag.build(articles, tmp_path / "without")  # adds them
    assert files(snapshot(tmp_path / "without")) == files(snapshot(tmp_path / "with"))


def test_damage_is_an_error_of_ours(tmp_path: Path) -> None:
    assert fuzz(tmp_path, seconds=3600, tries=40, seed=3).refused >= 20
