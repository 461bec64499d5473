"""The tab of quality, in a real Chromium over a real server and index."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import Page
from served import ARTICLES, ASKED, SENTENCE, collect, serving

from rag.app import Collection
from rag.app.desk import Desk
from rag.app.quality import examine
from rag.app.review import Review, right_line, wrong_line
from rag.app.texts import TEXTS
from rag.evaluate import read_questions, with_known_answer

HELD = {"source": "library.txt", "evidence": SENTENCE, "lang": "zh-Hans"}
LINES = [
    HELD | {"id": "right", "question": "青山图书馆晚上几点关门？", "answers": ["晚上9点"], "kind": "number"},
    HELD | {"id": "lost", "question": "青山图书馆几点关门？", "answers": ["<b>没有的词</b>"], "kind": "number"},
]


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """A collection with a review file: a question that is answered, one that cannot be, and one judged wrong."""
    collection = collect(tmp_path_factory.mktemp("reviewed"), ARTICLES)
    review = Review(collection.index)
    for line in LINES:
        review.append(line)
    review.append(wrong_line(collection.engine.answer("红河大桥的长度是多少米？")))
    return collection


@pytest.fixture(scope="module")
def reviewed_url(reviewed: Collection) -> Iterator[str]:
    with serving(reviewed) as address:
        yield address


def test_a_set_is_run_and_shows_measures_curve_and_misses(
    browsers: Callable[[str], Page], reviewed: Collection, reviewed_url: str
) -> None:
    page = browsers("zh-CN,zh;q=0.9,en;q=0.8")
    page.open(reviewed_url, "你的问题")
    page.tab("quality")
    page.shown("#question-set label:nth-of-type(2)").click()
    page.one("#run").click()
    page.until(lambda: page.all("#quality table"))
    expected = examine(Desk(reviewed), with_known_answer(read_questions(reviewed.index / "review.jsonl")))
    cells = [cell.text for cell in page.all("#quality .measures tbody tr:first-child > *")]
    assert cells[:2] == ["全部", "2"]
    recall = expected.groups["all"].measures["recall_at_5"]
    assert cells[2] == f"{recall.value * 100:.0f}% {recall.low * 100:.0f}–{recall.high * 100:.0f}"
    assert page.text("#quality .note code") == reviewed.opened.snapshot
    points = page.one("#quality svg polyline").get_dom_attribute("points").split()
    assert len(points) == 2
    rows = page.all("#quality .misses tbody tr")
    assert len(rows) == len(expected.misses)
    miss = rows[-1]
    question, given = expected.misses[-1]
    assert miss.find_element("css selector", "th").text == f"{question.question}\nlost"
    found = [cell.text.split("\n")[0] for cell in miss.find_elements("css selector", "td")]
    assert found == ["<b>没有的词</b>", given.text or "—", "没有找到：读过的段落里没有答案"]
    groups = [row.text for row in page.all("#quality .measures tbody th")]
    assert groups == ["全部", "有答案的", "数字", "简体中文"]
    assert page.findings() == []
    with page.wide(360):
        assert page.findings() == []
        assert page.overflow == 0
    page.all("#language label")[1].click()
    page.until(lambda: page.all("#quality .measures tbody th")[3].text == "Simplified Chinese")
    assert page.findings() == []


def test_judgements_that_only_say_wrong_are_no_set(browsers: Callable[[str], Page], tmp_path: Path) -> None:
    collection = collect(tmp_path, ARTICLES)
    Review(collection.index).append(wrong_line(collection.engine.answer(ASKED)))
    page = browsers("zh-CN,zh;q=0.9,en;q=0.8")
    with serving(collection) as url:
        page.open(url, "你的问题")
        page.tab("quality")
        page.shown("#question-set label:nth-of-type(2)").click()
        page.one("#run").click()
        page.until(lambda: page.text("#quality") == TEXTS["zh"]["error_only_wrong"])
        page.driver.get("about:blank")


def test_without_a_set_it_says_so(browsers: Callable[[str], Page], url: str) -> None:
    page = browsers("zh-CN,zh;q=0.9,en;q=0.8")
    page.open(url, "你的问题")
    page.tab("quality")
    page.shown("#question-set label:nth-of-type(2)").click()
    page.one("#run").click()
    page.until(lambda: page.text("#quality") == "这里没有这个问题集。")


def test_a_judgement_comes_back_as_it_was_noted(tmp_path: Path) -> None:
    question = "图书馆\u2028几点\u2029开门\x85？\U00020000"
    Review(tmp_path).append(HELD | {"id": "odd", "question": question, "answers": ["8点\u2028"], "kind": "number"})
    assert (tmp_path / "review.jsonl").read_bytes().isascii()
    (read,) = read_questions(tmp_path / "review.jsonl")
    assert (read.question, read.answers) == (question, ("8点\u2028",))
    text = json.dumps(HELD | {"id": "odd", "question": question, "answers": [], "kind": "number"}, ensure_ascii=False)
    (tmp_path / "by-hand.jsonl").write_text(text + "\r\n", encoding="utf-8")
    assert read_questions(tmp_path / "by-hand.jsonl")[0].question == question


def test_a_judgement_can_be_measured(reviewed: Collection, tmp_path: Path) -> None:
    answer = reviewed.engine.answer(ASKED)
    path = tmp_path / "review.jsonl"
    path.write_text(json.dumps(right_line(answer), ensure_ascii=False) + "\n", encoding="utf-8")
    examined = examine(Desk(reviewed), read_questions(path))
    assert [outcome.loss for outcome in examined.outcomes] == [None]
    assert examined.questions[0].start == answer.citations[0].start
    assert examined.curve == ((1.0, 0.0),)
    assert examined.misses == ()
