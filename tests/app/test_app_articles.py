"""The tab of the articles, in a real Chromium over a real server and index; and what stands behind it."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from browser import Page
from filelock import FileLock
from selenium.webdriver.common.keys import Keys
from served import ARTICLES, ASKED, SENTENCE, collect, serving

import rag
from rag.app import Collection
from rag.app.collection import MAX_FILE_BYTES, MAX_FILES, MAX_UPLOAD, Change, named, public
from rag.app.texts import TEXTS, say
from rag.errors import DocumentError, QuestionError, RagError, SnapshotError
from rag.evaluate import read_questions
from rag.index.snapshot import roll_back

BRIDGE = "白鹭大桥\n\n白鹭大桥全长2450米,2019年5月建成通车。\n"


def unseen(what: str, done: int, of: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """A collection that the tests of this module change, one after the other."""
    return collect(tmp_path_factory.mktemp("mine"), ARTICLES)


@pytest.fixture(scope="module")
def my_url(mine: Collection) -> Iterator[str]:
    with serving(mine) as address:
        yield address


@pytest.fixture
def tab(browsers: Callable[[str], Page], my_url: str) -> Page:
    """The tab, open."""
    page = browsers("zh-CN,zh;q=0.9,en;q=0.8")
    page.open(my_url, "你的问题")
    page.tab("articles")
    page.until(lambda: page.all("#collection tbody tr"))
    return page


def rows(page: Page) -> list[list[str]]:
    """The table, cell by cell."""
    return [
        [cell.get_property("textContent").strip() for cell in row.find_elements("css selector", "th, td")]
        for row in page.all("#collection tbody tr")
    ]


def upload(page: Page, *paths: Path) -> None:
    page.one("#upload input[type=file]").send_keys("\n".join(map(str, paths)))


# ------------------------------------------------------------------------------------------------- In the browser


def test_the_table_lists_title_date_passages_and_warnings(tab: Page) -> None:
    assert rows(tab) == [
        ["安全测试<script>window.hurt=1</script>hostile.txt", "—", "1", "无"],
        ["青山图书馆的开放时间library.txt", "—", "2", "无"],
    ]
    assert tab.all("#collection script") == []


def test_one_bad_file_does_not_stop_the_others(tab: Page, mine: Collection, tmp_path: Path) -> None:
    before = mine.opened.snapshot
    files = {"bridge.txt": BRIDGE.encode(), "empty.txt": b"", "scan.txt": b"%PDF-1.7 not text"}
    files["damaged.txt"] = "镇志\n\n本镇有\ufffd千户人家,多以养蚕为生。\n".encode()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    upload(tab, *(tmp_path / name for name in files))
    tab.until(lambda: len(rows(tab)) == 4)
    said = [line.get_property("textContent") for line in tab.all("#change li")]
    assert said[0] == "bridge.txt: 已加入"
    for name in ("empty.txt", "scan.txt"):
        assert f"{name}: 没有加入{TEXTS['zh']['error_unreadable']}" in said
    assert any(line.startswith("damaged.txt: 已加入damaged.txt: characters ") for line in said)
    assert [row[0] for row in rows(tab)] == [
        "白鹭大桥bridge.txt",
        "镇志damaged.txt",
        "安全测试<script>window.hurt=1</script>hostile.txt",
        "青山图书馆的开放时间library.txt",
    ]
    assert mine.opened.snapshot != before
    assert f"现在是版本 {mine.opened.snapshot}" in tab.text("#change")


def test_files_keep_their_names_or_are_refused_by_them(
    browsers: Callable[[str], Page], own: Collection, tmp_path: Path
) -> None:
    """Also names that Gradio cuts or takes characters out of, and two files of one name."""
    long = (
        "杭州市钱塘区某某街道某某社区养老服务中心建设项目可行性研究报告及环境影响评价公众参与情况说明第某某号文件附录"
    )
    names = [f"{long}{'续' * 20}{part}.txt" for part in "上下"]
    names += ["h&t.txt", "h&t<b>.txt", "scan.pdf", "12.txt", "x/12.txt"]
    (tmp_path / "x").mkdir()
    for name in names:
        (tmp_path / name).write_text(f"{name}\n\n{name}在此。\n", encoding="utf-8")
    page = browsers("zh-CN,zh;q=0.9,en;q=0.8")
    with serving(own) as url:
        page.open(url, "你的问题")
        page.tab("articles")
        page.until(lambda: page.all("#collection tbody tr"))
        upload(page, *(tmp_path / name for name in names))
        page.until(lambda: len(page.all("#change .change > ul > li")) == len(names))
        said = [line.get_property("textContent") for line in page.all("#change .change > ul > li")]
    assert said == [
        *(f"{name}: 已加入" for name in names[:3]),
        f"h&t<b>.txt: 没有加入{TEXTS['zh']['error_file_name'].format(limit=80, bytes=240)}",
        f"scan.pdf: 没有加入{TEXTS['zh']['error_no_text_file']}",
        "12.txt: 已加入",
        f"12.txt: 没有加入{TEXTS['zh']['error_same_name']}",
    ]
    assert {path.name for path in own.folder.iterdir()} == {*ARTICLES, *names[:3], "12.txt"}
    for name in (*names[:3], "12.txt"):
        assert (own.folder / name).read_bytes() == (tmp_path / name).read_bytes()


def test_files_too_large_together_are_told_so(tab: Page, mine: Collection, tmp_path: Path) -> None:
    before = mine.opened.snapshot
    paths = [tmp_path / f"{number}.txt" for number in range(13)]
    for path in paths:
        path.write_bytes(b"a" * MAX_FILE_BYTES)
    upload(tab, *paths)
    assert tab.shown("#too-much").text == "这些文件加起来超过 64 MiB，没有上传。请分几次上传。 没有改动文章库。"
    tab.all("#language label")[1].click()
    tab.until(lambda: tab.text("#too-much").startswith("Together these files have more than 64 MiB and were not"))
    (tmp_path / "empty.txt").write_bytes(b"")
    upload(tab, tmp_path / "empty.txt")
    tab.until(lambda: "empty.txt: not added" in tab.text("#change"))
    assert not tab.one("#too-much").is_displayed()
    assert mine.opened.snapshot == before


def test_the_label_has_the_limits() -> None:
    for language in ("zh", "en"):
        numbers = re.findall(r"\d+", TEXTS[language]["upload"])
        assert numbers == [str(n) for n in (MAX_FILE_BYTES // 2**20, MAX_FILES, MAX_UPLOAD // 2**20)]


def test_asking_goes_on_while_indexing_from_the_version_before(tab: Page, mine: Collection) -> None:
    before = mine.opened.snapshot
    with FileLock(mine.index / "build.lock"):  # a build waits for it, so it takes as long as this block
        tab.one("#paste button").click()
        tab.shown("#paste-title input, #paste-title textarea").send_keys("石桥镇")
        tab.one("#paste-text textarea").send_keys("石桥镇有居民三万二千人。")
        tab.one("#paste-add").click()
        tab.until(lambda: "正在建索引" in tab.one("#change").text)
        assert tab.all("#change .progress-bar, #change .progress-level")
        tab.tab("ask")
        tab.box.send_keys(ASKED, Keys.ENTER)
        tab.answered(ASKED)
        assert SENTENCE in tab.text("#result .citations blockquote")
        assert tab.text("#result .from code") == before
    tab.until(lambda: mine.opened.snapshot != before)
    tab.box.clear()
    tab.box.send_keys("石桥镇有多少居民？", Keys.ENTER)
    tab.answered("石桥镇有多少居民？")
    assert tab.text("#result .citations blockquote") == "石桥镇有居民三万二千人。"
    assert tab.text("#result .from code") == mine.opened.snapshot
    tab.tab("articles")
    tab.until(lambda: "已完成" in tab.text("#change"))
    assert re.fullmatch(r"石桥镇-[0-9a-f]{8}\.txt: 已加入", tab.text("#change li"))


@pytest.mark.parametrize("width", [360, 1920])
def test_an_upload_can_be_read_while_it_goes_on(
    browsers: Callable[[str], Page], own: Collection, tmp_path: Path, width: int
) -> None:
    """The names whole, and how far it has come over nothing else and without a word in another language."""
    page = browsers("zh-CN,zh;q=0.9,en;q=0.8")
    path = tmp_path / "关于钱塘区产城融合发展的若干意见.txt"
    path.write_text(BRIDGE, encoding="utf-8")
    with serving(own) as url, page.wide(width):
        page.open(url, "你的问题")
        page.tab("articles")
        page.until(lambda: page.all("#collection tbody tr"))
        with FileLock(own.index / "build.lock"):
            upload(page, path)
            page.until(lambda: "正在建索引" in page.text("#change"))
            name = page.shown("#upload .filename .stem")
            assert name.text.replace("\n", "") == path.stem
            assert name.get_property("scrollWidth") <= name.get_property("clientWidth")
            assert name.size["width"] >= 100
            done = page.one("#change [data-testid=status-tracker]").rect
            assert done["height"] > 0
            assert done["y"] + done["height"] <= page.one("#collection section > p:last-of-type").rect["y"]
            assert "steps" not in page.text("#change")
            assert page.overflow == 0
        page.until(lambda: "已完成" in page.text("#change"))


def test_a_file_is_removed_and_kept_aside(tab: Page, mine: Collection) -> None:
    tab.one("#remove button").click()
    tab.shown("#remove-choose input").send_keys("bridge", Keys.ENTER)
    tab.one("#remove-do").click()
    tab.until(lambda: "bridge.txt: 已移除" in tab.text("#change"))
    assert "bridge.txt" not in {file.source for file in mine.files()}
    assert not (mine.folder / "bridge.txt").exists()
    (kept,) = (mine.index / "removed").glob("*-bridge.txt")
    assert kept.read_text(encoding="utf-8") == BRIDGE


def test_an_answer_is_marked_by_selecting_text(tab: Page, mine: Collection) -> None:
    question = "青山图书馆最多借阅几本？"
    tab.tab("ask")
    tab.box.send_keys(question, Keys.ENTER)
    tab.answered(question)
    tab.shown("#judge-here").click()
    tab.driver.switch_to.frame(tab.until(lambda: tab.all("dialog[open] iframe"))[0])
    tab.until(lambda: tab.all("#marking"))
    tab.one("#marking button").click()
    tab.until(lambda: tab.text("#marking output") == "还没有选中文字。")
    text = ARTICLES["library.txt"]
    tab.select("main p:last-of-type", "每次最多借阅十本")
    tab.one("#marking button").click()
    tab.until(lambda: tab.text("#marking output") == "已记下这个答案：每次最多借阅十本")
    tab.driver.switch_to.default_content()
    tab.one("dialog[open] button").click()
    line = review(mine)[-1]
    assert line["id"].startswith("here-")
    start = text.index("每次最多借阅十本")
    assert {
        name: line[name] for name in ("question", "answers", "source", "evidence", "kind", "lang", "start", "end")
    } == {
        "question": question,
        "answers": ["每次最多借阅十本"],
        "source": "library.txt",
        "evidence": "读者可以凭身份证办理借书证,每次最多借阅十本。",
        "kind": "definition",
        "lang": "zh-Hans",
        "start": start,
        "end": start + 8,
    }


def test_an_article_of_the_table_is_opened_with_the_question_asked_last(tab: Page) -> None:
    tab.tab("ask")
    tab.box.send_keys(ASKED, Keys.ENTER)
    tab.answered(ASKED)
    tab.tab("articles")
    tab.until(lambda: tab.all("#collection a.open"))[0].click()
    tab.driver.switch_to.frame(tab.until(lambda: tab.all("dialog[open] iframe"))[0])
    tab.until(lambda: tab.all("#marking bdi"))
    assert tab.text("#marking bdi") == ASKED
    tab.driver.switch_to.default_content()
    tab.one("dialog[open] button").click()


def test_an_answer_in_an_article_that_was_changed_meanwhile_is_not_noted(tab: Page, mine: Collection) -> None:
    tab.tab("ask")
    tab.box.send_keys(ASKED, Keys.ENTER)
    tab.answered(ASKED)
    tab.shown("#judge-here").click()
    tab.driver.switch_to.frame(tab.until(lambda: tab.all("dialog[open] iframe"))[0])
    tab.until(lambda: tab.all("#marking"))
    noted = review(mine)
    mine.add([("library.txt", f"新的一行。\n\n{ARTICLES['library.txt']}".encode())], unseen)
    tab.select("main p:last-of-type", "每次最多借阅十本")
    tab.one("#marking button").click()
    tab.until(lambda: tab.text("#marking output").startswith("这篇文章刚才变了，没有记下。"))
    tab.driver.switch_to.default_content()
    tab.one("dialog[open] button").click()
    assert review(mine) == noted
    mine.add([("library.txt", ARTICLES["library.txt"].encode())], unseen)


def test_right_and_wrong_are_noted(tab: Page, mine: Collection) -> None:
    tab.tab("ask")
    tab.box.send_keys(ASKED, Keys.ENTER)
    tab.answered(ASKED)
    tab.shown("#judge-right").click()
    tab.until(lambda: tab.text("#judged") == "已记下：答案正确。")
    tab.one("#judge-wrong").click()
    tab.until(lambda: tab.text("#judged") == "已记下：答案不正确。")
    right, wrong = review(mine)[-2:]
    told = mine.engine.answer(ASKED)
    assert right["answers"] == [told.text]
    assert right["evidence"] == told.citations[0].passage
    assert (right["start"], right["end"]) == (told.citations[0].start, told.citations[0].end)
    assert (wrong["question"], wrong["answers"], wrong["id"][:6]) == (ASKED, [], "wrong-")
    assert len(read_questions(mine.index / "review.jsonl")) == len(review(mine))


# ------------------------------------------------------------------------------------------------------ Behind it


def review(collection: Collection) -> list[dict[str, object]]:
    """The lines of the review file."""
    path = collection.index / "review.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def test_a_change_that_fails_leaves_the_folder_as_it_was(collection: Collection) -> None:
    before = {path.name: path.read_bytes() for path in collection.folder.iterdir()}
    with pytest.raises(DocumentError, match="nothing would be left: expected articles as text files"):
        collection.remove(list(ARTICLES), unseen)
    assert {path.name: path.read_bytes() for path in collection.folder.iterdir()} == before


class CutShortError(BaseException):
    """What is no error of any kind that is expected, as an interrupt is none."""


@pytest.mark.parametrize("error", [CutShortError, MemoryError, OSError])
def test_what_is_replaced_or_removed_is_kept_before_anything_is_written(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    before = {path.name: path.read_bytes() for path in collection.folder.iterdir()}
    kept: list[bytes] = []

    def cut_short(*_: object) -> None:
        kept.extend(path.read_bytes() for path in (collection.index / "removed").glob("*-library.txt"))
        assert {path.name: path.read_bytes() for path in collection.folder.iterdir()} != before
        raise error

    monkeypatch.setattr("rag.app.collection.build", cut_short)
    changes: list[Callable[[], object]] = [
        lambda: collection.add([("library.txt", BRIDGE.encode()), ("new.txt", BRIDGE.encode())], unseen),
        lambda: collection.remove(["library.txt"], unseen),
    ]
    for change in changes:
        with pytest.raises(error):
            change()
        assert {path.name: path.read_bytes() for path in collection.folder.iterdir()} == before
    assert kept == [before["library.txt"]] * 2


def test_a_change_keeps_linked_articles(tmp_path: Path) -> None:
    for name in ("articles", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "elsewhere" / "library.txt").write_text(ARTICLES["library.txt"], encoding="utf-8")
    (tmp_path / "articles" / "linked").symlink_to(tmp_path / "elsewhere")
    rag.build(tmp_path / "articles", tmp_path / "index", follow_symlinks=True)
    collection = Collection(tmp_path / "index")
    assert collection.add([("bridge.txt", BRIDGE.encode())], unseen).changed
    assert list(collection.opened.sources) == ["bridge.txt", "linked/library.txt"]


@pytest.fixture
def own(tmp_path: Path) -> Collection:
    """A collection that one test changes."""
    return collect(tmp_path, ARTICLES)


def told(change: Change) -> list[tuple[str, str]]:
    return [(file.source, file.outcome) for file in change.files]


def kept(collection: Collection) -> dict[str, bytes]:
    """What is in `removed/`, links left out."""
    return {p.name: p.read_bytes() for p in (collection.index / "removed").iterdir() if not p.is_symlink()}


@pytest.mark.parametrize("names", [("12.txt", "12.txt"), ("caf\u00e9.txt", "cafe\u0301.txt")])
def test_of_two_files_of_one_name_in_one_upload_the_second_is_refused(own: Collection, names: tuple[str, str]) -> None:
    change = own.add([(names[0], BRIDGE.encode()), (names[1], "石桥镇\n\n石桥镇有居民三万人。".encode())], unseen)
    assert told(change) == [(names[0], "added"), (names[1], "refused")]
    assert str(change.files[1].refusal).startswith(f"another file came with the name {names[0]}, and was taken: ")
    assert (own.folder / names[0]).read_text(encoding="utf-8") == BRIDGE


def test_a_name_as_long_as_may_be_is_added_replaced_and_removed(own: Collection) -> None:
    name = "桥" * 76 + ".txt"
    assert told(own.add([(name, BRIDGE.encode()), ("桥" * 77 + ".txt", b"a")], unseen))[0] == (name, "added")
    assert told(own.add([(name, b"bridge\n\nIt was built in 1990.")], unseen)) == [(name, "replaced")]
    assert told(own.remove([name], unseen)) == [(name, "removed")]
    assert sorted(kept(own).values()) == [b"bridge\n\nIt was built in 1990.", BRIDGE.encode()]
    assert all(found.endswith(f"-{name}") for found in kept(own))


def test_an_article_with_a_name_as_long_as_the_file_system_takes_is_removed(
    own: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "桥" * 83 + ".txt"
    (own.folder / name).write_text(BRIDGE, encoding="utf-8")
    rag.build(own.folder, own.index)
    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr("rag.app.collection.build", Mock(side_effect=MemoryError))
        own.remove([name], unseen)
    assert (own.folder / name).read_text(encoding="utf-8") == BRIDGE
    assert told(own.remove([name], unseen)) == [(name, "removed")]
    ((found, data),) = kept(own).items()
    assert (found[8:], data) == (f"-{'桥' * 78}.txt", BRIDGE.encode())


def test_a_rollback_is_not_undone_by_a_change(own: Collection) -> None:
    before = own.opened.snapshot
    own.remove(["hostile.txt"], unseen)
    roll_back(own.index)
    assert own.opened.snapshot == before
    for change in (
        lambda: own.add([("bridge.txt", BRIDGE.encode())], unseen),
        lambda: own.remove(["library.txt"], unseen),
    ):
        with pytest.raises(
            RagError, match=r"^the index was rolled back to an earlier version, .* `rag build`"
        ) as error:
            change()
        assert public(error.value) is error.value
        assert "rag build" in say(error.value, "zh")
        assert "rag build" in say(error.value, "en")
    assert own.opened.snapshot == before
    assert [path.name for path in own.folder.iterdir()] == ["library.txt"]
    rag.build(own.folder, own.index)
    assert told(own.add([("bridge.txt", BRIDGE.encode())], unseen)) == [("bridge.txt", "added")]


def test_what_had_gone_from_the_folder_is_told(own: Collection) -> None:
    own.add([("bridge.txt", BRIDGE.encode()), ("town.txt", "石桥镇\n\n石桥镇有居民三万人。".encode())], unseen)
    for name in ("bridge.txt", "hostile.txt"):
        (own.folder / name).unlink()
    assert told(own.remove(["bridge.txt", "nothing.txt"], unseen)) == [
        ("bridge.txt", "gone"),
        ("nothing.txt", "refused"),
        ("hostile.txt", "gone"),
    ]
    assert list(own.opened.sources) == ["library.txt", "town.txt"]


def test_links_are_told_without_where_they_lead_and_removed_themselves(own: Collection, tmp_path: Path) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text(BRIDGE, encoding="utf-8")
    (tmp_path / "more").mkdir()
    targets = {"broken.txt": Path("nowhere.txt"), "folder": tmp_path / "more", "outward.txt": outside}
    for name, target in targets.items():
        (own.folder / name).symlink_to(target)
    rag.build(own.folder, own.index)
    warnings = {file.source: file.warnings for file in own.files()}
    assert warnings["broken.txt"] == (
        "broken.txt cannot be read (No such file or directory): check that it may be opened",
    )
    for name in ("folder", "outward.txt"):
        assert warnings[name] == (
            f"{name} is a link out of the articles folder: expected a file in it; put a copy there",
        )
    assert told(own.remove(targets, unseen)) == [(name, "removed") for name in targets]
    assert list(own.opened.sources) == list(ARTICLES)[::-1]
    assert outside.read_text(encoding="utf-8") == BRIDGE
    assert kept(own) == {}
    found = {path.name[9:]: path.readlink() for path in (own.index / "removed").iterdir()}
    assert found == targets


def test_a_folder_stands_in_the_way_of_a_file(own: Collection) -> None:
    (own.folder / "bridge.txt").mkdir()
    change = own.add([("bridge.txt", BRIDGE.encode()), ("town.txt", "石桥镇有居民三万人。".encode())], unseen)
    assert told(change) == [("bridge.txt", "refused"), ("town.txt", "added")]
    assert str(change.files[0].refusal).startswith("bridge.txt is a folder: expected a file")


def test_too_many_files_are_refused_together(collection: Collection) -> None:
    with pytest.raises(DocumentError, match=rf"^{MAX_FILES + 1} files came: expected at most {MAX_FILES} at once"):
        collection.add([("a.txt", b"a")] * (MAX_FILES + 1), unseen)


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("long.txt", b"a" * (MAX_FILE_BYTES + 1), f"expected at most {MAX_FILE_BYTES}; split it"),
        ("a.pdf", b"text", "a.pdf is no .txt file: expected plain text"),
        ("../../a.txt", "文章。".encode(), "the file name 'a.txt' cannot be used"),
        ("😀" * 61 + ".txt", "文章。".encode(), "expected at most 80 characters and 240 bytes, without"),
        (".hidden.txt", "文章。".encode(), "the file name '.hidden.txt' cannot be used"),
        ("\u202egpj.txt", b"\n", "gpj.txt"),
        ("blank.txt", b" \n\n ", "blank.txt is empty"),
    ],
)
def test_a_bad_file_is_refused_with_a_reason(collection: Collection, name: str, data: bytes, why: str) -> None:
    before = collection.opened.snapshot
    change = collection.add([(name, data)], unseen)
    assert not change.changed
    (file,) = change.files
    assert file.outcome == "refused"
    assert why in str(file.refusal)
    assert file.to_dict()["notes"] == [str(file.refusal)]
    assert "/" not in file.source
    assert collection.opened.snapshot == before


def test_a_pasted_text_becomes_a_file_with_its_title_first() -> None:
    name, data = named(" 石桥/镇 ", "正文。")
    assert re.fullmatch(r"石桥-镇-[0-9a-f]{8}\.txt", name)
    assert data.decode() == "石桥/镇\n\n正文。"
    assert named("", "！！")[0].startswith("pasted-")
    with pytest.raises(DocumentError, match=r"^the text is empty: expected an article"):
        named("石桥镇", " \n")


def test_no_message_shows_a_path_of_the_server() -> None:
    error = QuestionError("the question is empty: ask something")
    assert public(error) is error
    for hidden in (
        SnapshotError("/srv/index is damaged"),
        DocumentError("/srv/articles holds no paragraph"),
        OSError(28, "No space left on device", "/srv/x"),
    ):
        assert str(public(hidden)) == "this cannot be done now; the log of the server says why"
        assert public(hidden).key == "hidden"
