"""What an index withstands, tried in full; the tests try less of it.

python tests/withstand.py kill 200           builds killed at random moments
python tests/withstand.py ask 2000           questions of 16 threads while builds go on
python tests/withstand.py fuzz 600           seconds of damage to manifest, pointer and passage store
python tests/withstand.py sync 20000         a one-file edit in a collection of so many passages, and opening its index
"""

import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import rag
from rag.doctor import examine
from rag.documents import article_paths, read_article
from rag.encoder import OnnxEncoder, load_encoder
from rag.index import Index, build_index
from rag.index.lexical import words
from rag.index.snapshot import KEPT, kept_snapshots, orphans, read_pointer
from rag.passages import passages_of
from rag.reader import passage_states

DISTRICTS = ("钱塘区", "滨江区", "西湖区", "拱墅区", "临平区", "萧山区", "余杭区", "上城区")
ASKED = ("{}有多少所高校?", "{}有多少家企业?", "How many universities are in {}?")
QUESTIONS = [
    *(asked.format(district) for district in DISTRICTS for asked in ASKED),
    "月球上有什么?",
    "高校",
    "杭州的人",
]


def write_articles(folder: Path, edition: int) -> None:
    """Articles whose numbers tell of which edition they are."""
    folder.mkdir(exist_ok=True)
    for place, district in enumerate(DISTRICTS):
        first, second = 100 * edition + place, 1000 * edition + place
        text = f"{district}概况\n\n{district}有{first}所高校。\n\n{district}有{second}家企业，都很好。\n"
        (folder / f"{place}.txt").write_text(text, encoding="utf-8")


def in_child(work: Callable[[], object]) -> int:
    """The process id of a copy of this process that does `work`. Nothing may run on other threads here by then."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 a child must not go on with what its parent does
            os.write(2, f"{error!r}\n".encode())
            os._exit(1)
    return child


@dataclass(frozen=True)
class Killed:
    """What came of builds that were killed."""

    moments: int
    killed: int  # the others were done before


def kill_builds(home: Path, moments: int, seed: int) -> Killed:
    """Kills builds (SIGKILL) at random moments. After each, the index must open and hold one whole edition; the next
    build must succeed, leave nothing behind and have the bytes of one from scratch.
    """
    passage_states(load_encoder(), words("先装好")[0])  # loaded once, for all children; starts no thread
    articles, index, chance = home / "articles", home / "index", random.Random(seed)
    seconds, killed = 1.0, 0
    for moment in range(moments + 1):
        write_articles(articles, moment + 1)
        started = time.monotonic()
        child = in_child(lambda: rag.build(articles, index))
        if moment:
            time.sleep(chance.uniform(0, seconds))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not moment:
            assert status == 0
            seconds = time.monotonic() - started
            continue
        killed += os.WIFSIGNALED(status)
        assert edition(Index(index)) in (moment, moment + 1)
        _, status = os.waitpid(in_child(lambda: rag.build(articles, index)), 0)
        assert status == 0
        assert edition(Index(index)) == moment + 1
        assert orphans(index) == ()
        left = {path.name for path in index.iterdir()}
        assert left <= {"current.json", "snapshots", "build.lock"}, left
        assert len(list((index / "snapshots").iterdir())) <= KEPT
    _, status = os.waitpid(in_child(lambda: rag.build(articles, home / "scratch")), 0)
    assert status == 0
    assert contents(index) == contents(home / "scratch")
    return Killed(moments, killed)


def edition(index: Index) -> int:
    """The edition of the articles that all passages are of."""
    passages = index.store.passages(range(0, len(index.store), 2))
    (found,) = {int(passage.text.partition("有")[2].partition("所")[0]) // 100 for passage in passages}
    assert len(passages) == len(DISTRICTS)
    return found


def contents(index: Path) -> dict[str, bytes]:
    """Every file of the snapshot in use."""
    pointer = read_pointer(index)
    assert pointer is not None
    folder = pointer.snapshot
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@dataclass(frozen=True)
class Asked:
    """What came of questions during builds."""

    questions: int
    builds: int
    snapshots_seen: int
    wrong: tuple[str, ...]  # questions whose answer was of no snapshot, or not the single-threaded one
    growth: float  # of the resident memory after a quarter of the questions


def ask_while_building(home: Path, questions: int, threads: int) -> Asked:
    """Asks one engine from many threads while two editions are built in turn. Every answer must be, as a whole, that of
    one thread to one of the two."""
    articles, index = home / "articles", home / "index"
    expected: list[dict[str, rag.Answer]] = []
    for number in (1, 2):
        write_articles(articles, number)
        rag.build(articles, index)
        engine = rag.open(index)
        expected.append({question: engine.answer(question, min_confidence=0) for question in QUESTIONS})
    stop, builds = threading.Event(), 0

    def build() -> None:
        nonlocal builds
        while not stop.is_set():
            write_articles(articles, 1 + builds % 2)
            rag.build(articles, index)
            builds += 1

    asked = random.Random(5).choices(QUESTIONS, k=questions)
    engine, building = rag.open(index), threading.Thread(target=build)
    building.start()
    try:
        with ThreadPoolExecutor(threads) as pool:
            quarter = questions // 4
            answers = list(pool.map(lambda q: engine.answer(q, min_confidence=0), asked[:quarter]))
            before = resident()
            answers += pool.map(lambda q: engine.answer(q, min_confidence=0), asked[quarter:])
            growth = resident() / before - 1
    finally:
        stop.set()
        building.join()
    both = list(zip(asked, answers, strict=True))
    seen = {number for question, answer in both for number in (0, 1) if expected[number][question] == answer}
    wrong = tuple(question for question, answer in both if answer not in (expected[0][question], expected[1][question]))
    return Asked(questions, builds, len(seen), wrong, growth)


def resident() -> int:
    """The memory of this process that is in use, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Fuzzed:
    """What came of damage."""

    tried: int
    refused: int  # with an error of ours; the others opened and answered


def fuzz(home: Path, seconds: float, tries: int = sys.maxsize, seed: int = 0) -> Fuzzed:
    """Damages manifest, pointer and passage store, named and recorded so that no checksum tells, and asks the index.

    Whatever is not an answer must be a `rag.RagError`. Every tenth is examined and built again, which must succeed and
    give the index of before.
    """
    articles, index = home / "articles", home / "index"
    write_articles(articles, 1)
    rag.build(articles, index)
    sound = contents(index)
    chance, until, tried, refused = random.Random(seed), time.monotonic() + seconds, 0, 0
    while tried < tries and time.monotonic() < until:
        tried += 1
        target = home / "damaged"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(index, target)
        _damage(target, chance)
        try:
            rag.open(target).answer("钱塘区有多少所高校?", min_confidence=0)
        except rag.RagError:
            refused += 1
        with suppress(rag.RagError):
            kept_snapshots(target)
        if tried % 10 == 0:
            examine(target)
            rag.build(articles, target)
            assert contents(target) == sound
            rag.open(target).answer("钱塘区有多少所高校?", min_confidence=0)
    return Fuzzed(tried, refused)


def _damage(index: Path, chance: random.Random) -> None:
    """Damages one file; a store gets a manifest with its new size and SHA-256."""
    pointer = read_pointer(index)
    assert pointer is not None
    snapshot = pointer.snapshot
    manifest = json.loads((snapshot / "manifest.json").read_text(encoding="utf-8"))
    kind = chance.choice(["pointer", "manifest", "field", "store"])
    if kind == "pointer":
        mutate(index / "current.json", chance)
        return
    if kind == "store":
        mutate(snapshot / "passages.sqlite", chance)
        data = (snapshot / "passages.sqlite").read_bytes()
        manifest["files"]["passages.sqlite"] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    elif kind == "field":
        odd: list[object] = [None, -1, 2**70, 0.5, "", "../x", [], {}, {"a": None}, {"../x": {"size": 1, "sha256": ""}}]
        manifest[chance.choice(sorted(manifest))] = chance.choice(odd)
    text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True)
    (snapshot / "manifest.json").write_text(text, encoding="utf-8")
    if kind == "manifest":
        mutate(snapshot / "manifest.json", chance)
    data = (snapshot / "manifest.json").read_bytes()
    renamed = snapshot.with_name(hashlib.sha256(data).hexdigest()[:16])
    snapshot.rename(renamed)
    (index / "current.json").write_text(json.dumps({"snapshot": renamed.name, "articles": "../articles"}))


def mutate(path: Path, chance: random.Random) -> None:
    """Changes, cuts out or doubles some bytes of a file."""
    data = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 8)):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice([1, 1, 4, 100]))
        choice = chance.randrange(3)
        data[start:end] = (chance.randbytes(end - start), b"", data[start:end] * 2)[choice]
    path.write_bytes(data)


class HashEncoder(OnnxEncoder):
    """The default encoder by name, with vectors drawn from the hash of a text: a large collection in a minute."""

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        seeds = (int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") for text in texts)
        rows = [np.random.default_rng(seed).standard_normal(self.dimension, np.float32) for seed in seeds]
        return np.stack([row / np.linalg.norm(row) for row in rows])


def write_collection(folder: Path, passages: int) -> None:
    """The paragraphs of the seeds again and again, ten a file, each with a number of its own in front."""
    seeds = Path(__file__).parents[1] / "seeds"
    texts = [passage.text for path in article_paths(seeds) for passage in passages_of(read_article(path, seeds))]
    folder.mkdir(parents=True)
    for first in range(0, passages, 10):
        paragraphs = [f"第{number}号：{texts[number % len(texts)]}" for number in range(first, first + 10)]
        (folder / f"{first:06}.txt").write_text("\n\n".join([f"汇编第{first}号", *paragraphs]) + "\n", "utf-8")


def sync(home: Path, passages: int) -> None:
    """Times a one-file edit in a large collection, and opening its index. What was there before the edit has made-up
    vectors and hardly any states, which are taken over unread; what is edited is encoded in earnest."""
    articles, index = home / "articles", home / "index"
    write_collection(articles, passages)
    build_index(articles, index, HashEncoder(), lambda _encoder, _text: (np.zeros((4, 384), np.float16),))
    encoder, first = load_encoder(), min(articles.glob("*.txt"))
    before = first.read_text(encoding="utf-8")
    for text in (f"{before}\n\n这一段是后来加上的。\n", before, f"{before}\n\n这一段又是后来加上的。\n", before):
        first.write_text(text, encoding="utf-8")
        wall, cpu = time.monotonic(), time.process_time()
        report = rag.build(articles, index)
        took = f"{time.monotonic() - wall:.2f} s, {time.process_time() - cpu:.2f} s of processor"
        print(f"sync: {took}; {report.passages} passages, {report.encoded} encoded")  # noqa: T201
        wall, cpu = time.monotonic(), time.process_time()
        opened = Index(index)
        took = f"{time.monotonic() - wall:.2f} s, {time.process_time() - cpu:.2f} s of processor"
        print(f"open: {took}")  # noqa: T201
        assert (len(opened.store), opened.encoder) == (report.passages, encoder)


def main(command: str, *arguments: str) -> None:
    """Tries one of them and prints what came of it."""
    count = int(arguments[0])
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        outcome = {
            "kill": lambda: kill_builds(home, count, seed=0),
            "ask": lambda: ask_while_building(home, count, threads=16),
            "fuzz": lambda: fuzz(home, count),
            "sync": lambda: sync(home, count),
        }[command]()
    print(outcome)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
