"""Asking, in a real Chromium over a real server and index."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from browser import Page
from selenium.webdriver.common.keys import Keys
from served import ASKED, SENTENCE, collect, serving

import rag
from rag.app import Collection
from rag.app.ask import EXAMPLES
from rag.app.desk import Turnstile
from rag.app.texts import TEXTS
from rag.errors import BusyError

HOSTILE = "红河大桥的长度是多少米？<script>window.hurt=4</script><img src=x onerror=window.hurt=5>"


HOURS = "白鹭大桥几点放行货车？"
REPORTS = {
    "report.txt": "白鹭镇年度报告\n\n2024-09-26 来源：白鹭日报\n\n一、桥梁建设\n\n"
    "白鹭大桥每天早上8点放行货车。\n\n二、道路建设\n\n镇内道路今年整修一新,行人和车辆分道通行。\n",
    "news.txt": "白鹭大桥通车\n\n2023-05-01 来源：白鹭日报\n\n白鹭大桥每天早上8点放行货车。\n",
}


def questions_asked(url: str) -> int:
    """How many questions the server has counted."""
    counts = re.findall(r"^yinju_questions_total\{.*\} (.*)$", httpx.get(url + "/metrics").text, re.MULTILINE)
    return sum(map(int, map(float, counts)))


def test_asking_shows_the_quote_in_its_passage_and_file(page: Page, told: rag.Answer) -> None:
    page.box.send_keys(ASKED)
    page.one("#ask").click()
    page.answered(ASKED)
    assert page.text("#result .verdict .answer") == told.text
    first = "#result .citations .citation:first-of-type "
    assert page.text(first + "mark") == told.text
    assert page.text(first + "blockquote") == f"{SENTENCE}周一上午闭馆整理图书。"
    facts = [element.text for element in page.all(first + "dd")]
    assert facts == ["library.txt", "第 1 段", f"[{told.citations[0].start}, {told.citations[0].end})"]
    assert page.text(first + "cite") == "青山图书馆的开放时间"


def test_equal_answers_are_one_with_their_sections_and_dates(browsers: Callable[[str], Page], tmp_path: Path) -> None:
    collection = collect(tmp_path, REPORTS)
    told = collection.engine.answer(HOURS)
    assert [(place.section, place.date) for place in told.citations] == [
        ("", "2023-05-01"),
        ("一、桥梁建设", "2024-09-26"),
    ]
    page = browsers("zh-CN,zh;q=0.9,en;q=0.8")
    with serving(collection) as url:
        page.open(url, "你的问题")
        page.box.send_keys(HOURS, Keys.ENTER)
        page.answered(HOURS)
        assert page.text("#result .verdict .answer") == told.text
        cards = page.all("#result .citations .citation")
        assert [card.find_element("css selector", "mark").text for card in cards] == [c.quote for c in told.citations]
        facts = [fact.text.replace("\n", "") for fact in page.all("#result .citations dl div")]
        assert [fact for fact in facts if fact.startswith(("小节", "日期"))] == [
            "日期2023-05-01",
            "小节一、桥梁建设",
            "日期2024-09-26",
        ]
        page.driver.get("about:blank")


def test_other_answers_stand_side_by_side_with_their_sources_folded(page: Page, collection: Collection) -> None:
    question = "红河大桥的长度是多少米？"
    told = collection.engine.answer(question)
    page.box.send_keys(question, Keys.ENTER)
    page.answered(question)
    others = [other.text for other in page.all("#result .beside > li > .answer")]
    assert others == [other.text for other in told.alternatives]
    assert len(others) >= 1
    first = "#result .beside > li:first-child "
    assert page.text(first + ".places") == told.alternatives[0].citations[0].title
    assert not page.all(first + "blockquote")[0].is_displayed()
    page.one(first + "summary").click()
    assert page.all(first + "blockquote mark")[0].text == others[0]


def test_enter_sends_and_shift_enter_breaks_the_line(page: Page, url: str) -> None:
    before = questions_asked(url)
    page.box.send_keys("青山图书馆", Keys.SHIFT, Keys.ENTER, Keys.NULL, "几点开门？")
    assert page.box.get_property("value") == "青山图书馆\n几点开门？"
    page.box.send_keys(Keys.ENTER)
    page.answered("青山图书馆 几点开门？")
    assert page.box.get_property("value") == "青山图书馆\n几点开门？"
    assert questions_asked(url) == before + 1


def test_enter_that_ends_a_composition_does_not_send(page: Page, url: str) -> None:
    """A composition by the browser's own input layer, with trusted key events; no real input method is at work.

    An input method keeps the keypress of that Enter to itself; here it comes through, so the page has to stop it. It
    comes once within the composition, and once after it as code 229, as some browsers report it.
    """
    before = questions_asked(url)
    page.box.click()
    page.driver.execute_cdp_cmd("Input.imeSetComposition", {"text": ASKED, "selectionStart": 10, "selectionEnd": 10})
    page.press("Enter", 13, "\r")
    page.driver.execute_cdp_cmd("Input.insertText", {"text": ASKED})
    page.press("Enter", 229, "\r")
    assert page.box.get_property("value") == ASKED
    page.box.send_keys("!", Keys.ENTER)
    page.answered(ASKED + "!")
    assert questions_asked(url) == before + 1


def test_the_language_switch_changes_labels_and_the_answer_without_asking_again(page: Page, told: rag.Answer) -> None:
    assert page.text("#ask") == "提问"
    page.until(lambda: page.one("html").get_attribute("lang") == "zh")
    page.box.send_keys(ASKED, Keys.ENTER)
    page.answered(ASKED)
    assert page.text("#result .citations h2") == "出处"
    page.all("#language label")[1].click()
    page.until(lambda: page.text("#ask") == "Ask")
    page.until(lambda: page.text("#result .citations h2") == "Sources")
    assert page.text("#question [data-testid=block-info]").strip() == "Your question"
    assert page.text("#result .verdict .answer") == told.text
    assert page.box.get_property("value") == ASKED
    page.until(lambda: page.one("html").get_attribute("lang") == "en")


def test_an_english_browser_gets_an_english_page(browsers: Callable[[str], Page], url: str) -> None:
    page = browsers("en-GB,en;q=0.9")
    page.open(url, "Your question")
    page.until(lambda: page.text("#ask") == "Ask")
    assert page.text("header.yinju p") == TEXTS["en"]["tagline"]


def test_markup_in_articles_and_questions_is_text(page: Page) -> None:
    page.box.send_keys(HOSTILE, Keys.ENTER)
    page.answered(HOSTILE)
    assert "红河大桥<img src=x onerror=window.hurt=2>的长度是1280米,${window.hurt=3}{{hurt}}" in page.text("#result")
    assert "安全测试<script>window.hurt=1</script>" in page.text("#result .citations .citation:first-of-type cite")
    assert page.all("#result script, #result img, #result b") == []
    assert page.driver.execute_script("return window.hurt") is None


def test_an_example_is_asked_at_a_click(
    browsers: Callable[[str], Page], collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.app.collection.DEFAULT_ARTICLES", collection.folder)
    page = browsers("zh-CN,zh;q=0.9,en;q=0.8")
    with serving(collection) as url:
        page.open(url, "你的问题")
        assert page.box.get_attribute("placeholder") == TEXTS["zh"]["placeholder"]
        assert page.text("#examples-label") == "试试这些问题"
        page.all("#examples button")[0].click()
        page.answered(EXAMPLES[0])
        assert page.box.get_property("value") == EXAMPLES[0]
        page.all("#language label")[1].click()
        page.until(lambda: page.text("#examples-label") == "Try one of these")


def test_other_articles_have_no_examples(page: Page) -> None:
    assert page.all("#examples, #examples-label") == []
    assert page.box.get_attribute("placeholder") == ""


@pytest.mark.parametrize("question", ["", "   "])
def test_an_empty_question_is_told_so(page: Page, question: str) -> None:
    page.box.send_keys(question)
    page.one("#ask").click()
    page.until(lambda: page.all("#result .message"))
    assert page.text("#result") == TEXTS["zh"]["empty"]


def test_an_error_is_a_plain_message(page: Page) -> None:
    page.box.send_keys("长" * 1001, Keys.ENTER)
    page.until(lambda: page.all("#result .message"))
    assert page.text("#result .message") == "这个问题没法处理。"
    assert page.text("#result .detail") == "问题有 1001 个字，最多 1000 个。请缩短。"
    page.all("#language label")[1].click()
    page.until(
        lambda: page.text("#result .detail") == "The question has 1001 characters, at most 1000 are taken. Shorten it."
    )


def test_whom_there_is_no_place_for_is_told_so(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def turn_away(self: Turnstile, work: object) -> None:
        raise BusyError("too many questions at once: expected fewer; try again in a moment", "busy")

    monkeypatch.setattr(Turnstile, "run", turn_away)
    page.box.send_keys(ASKED, Keys.ENTER)
    page.until(lambda: page.all("#result .message[data-notice=busy]"))
    assert page.text("#result") == TEXTS["zh"]["busy"]
    assert not any(button.is_displayed() for button in page.all("#judging"))


def test_an_abstention_marks_the_closest_passages(page: Page) -> None:
    page.box.send_keys("火星上有多少颗卫星？", Keys.ENTER)
    page.answered("火星上有多少颗卫星？")
    assert page.text("#result .abstained") == "没有找到答案"
    assert page.text("#result .reason").startswith("找到了相关的段落，但")
    assert page.text("#result .closest h2") == "最接近的段落，不是答案"
    assert [badge.text for badge in page.all("#result .closest figcaption .badge")] == ["不是答案"] * 3
    assert page.all("#result mark, #result .answer") == []


def test_a_citation_can_be_copied_and_a_link_reopens_the_question(page: Page, url: str, told: rag.Answer) -> None:
    page.box.send_keys(ASKED, Keys.ENTER)
    page.answered(ASKED)
    allow = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "origin": url}
    page.driver.execute_cdp_cmd("Browser.grantPermissions", allow)
    page.all("#result .citations .copy")[0].click()
    page.until(lambda: page.all("#result .citations .copy")[0].text == "已复制")
    place = told.citations[0]
    assert page.clipboard() == f"“{told.text}”——青山图书馆的开放时间，library.txt [{place.start}, {place.end})"
    page.one("#result .from .copy").click()
    page.until(lambda: page.clipboard().startswith("http"))
    link = page.clipboard()
    assert link == page.driver.current_url
    page.open(link, "你的问题")
    page.answered(ASKED)
    assert page.box.get_property("value") == ASKED
    assert page.text("#result .verdict .answer") == told.text


def test_a_copy_button_pressed_twice_says_what_it_does_again(page: Page) -> None:
    page.box.send_keys(ASKED, Keys.ENTER)
    page.answered(ASKED)
    button = page.all("#result .citations .copy")[0]
    page.driver.execute_script("arguments[0].click()", button)
    page.until(lambda: button.text == "已复制")
    page.driver.execute_script("arguments[0].click()", button)
    page.until(lambda: button.text == "复制引文")


def test_what_is_typed_while_the_page_loads_stays_and_is_not_asked(browsers: Callable[[str], Page], url: str) -> None:
    page, before = browsers("en-GB,en;q=0.9"), questions_asked(url)
    slow = {"offline": False, "latency": 300, "downloadThroughput": -1, "uploadThroughput": -1}
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow)
    try:
        page.driver.get(url)
        page.until(lambda: page.all("#question textarea"))
        page.box.send_keys(ASKED)
        page.until(lambda: page.one("html").get_attribute("lang") == "en")
        page.until(lambda: page.text("#ask") == "Ask")
        page.tab("articles")
        page.until(lambda: page.all("#collection tbody tr"))
    finally:
        page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow | {"latency": 0})
    assert page.box.get_property("value") == ASKED
    assert questions_asked(url) == before


def test_without_a_passage_there_is_no_article_to_mark_an_answer_in(page: Page) -> None:
    page.box.send_keys(ASKED, Keys.ENTER)
    page.answered(ASKED)
    page.shown("#judge-here")
    page.box.clear()
    page.box.send_keys("???", Keys.ENTER)
    page.answered("???")
    assert page.text("#result .reason") == TEXTS["zh"]["no_candidates"]
    assert page.all("#result a.open") == []
    page.until(lambda: not any(button.is_displayed() for button in page.all("#judge-here")))
    assert page.shown("#judge-right").is_displayed()


def test_the_article_opens_at_the_quote(page: Page, told: rag.Answer) -> None:
    page.box.send_keys(ASKED, Keys.ENTER)
    page.answered(ASKED)
    page.all("#result .citations a.open")[0].click()
    page.driver.switch_to.frame(page.until(lambda: page.all("dialog[open] iframe"))[0])
    (mark,) = page.until(lambda: page.all("main mark"))
    assert mark.text == told.text
    assert page.text("main h1") == "青山图书馆的开放时间"
    assert [p.text for p in page.all("main p")] == [
        SENTENCE + "周一上午闭馆整理图书。",
        "读者可以凭身份证办理借书证,每次最多借阅十本。",
    ]
    in_view = (
        "const r = document.querySelector('mark').getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight"
    )
    page.until(lambda: page.driver.execute_script(in_view))
    page.driver.switch_to.default_content()
    page.one("dialog[open] button").click()
    page.until(lambda: page.all("dialog") == [])


def test_why_shows_ranks_scores_and_shared_words(page: Page, collection: Collection) -> None:
    page.box.send_keys(ASKED, Keys.ENTER)
    page.answered(ASKED)
    page.one("#result .why summary").click()
    first = [cell.text for cell in page.all("#result .why tbody tr:first-child > *")]
    assert first[0] == "1"
    assert first[1] == f"青山图书馆的开放时间: {SENTENCE}周一上午闭馆整理图书。 答案出自"
    assert first[2] == "青山、图书、书馆、图书馆、开门"
    best = collection.engine.search(ASKED, 1)[0]
    assert first[3:] == [f"{best.score:.4f}", *(str(rank) for rank in best.ranks.values())]


def test_the_session_remembers_its_questions(page: Page, told: rag.Answer) -> None:
    page.box.send_keys(ASKED, Keys.ENTER)
    page.answered(ASKED)
    page.box.clear()
    page.box.send_keys("火星上有多少颗卫星？", Keys.ENTER)
    page.answered("火星上有多少颗卫星？")
    page.until(lambda: len(page.all("#history li")) == 2)
    assert [item.text for item in page.all("#history button")] == ["火星上有多少颗卫星？", ASKED]
    assert [item.text for item in page.all("#history .note")] == ["未答", told.text]
    page.all("#history button")[1].click()
    page.answered(ASKED)
    assert page.box.get_property("value") == ASKED


def test_no_request_leaves_this_machine(page: Page, url: str, contacts: set[str]) -> None:
    page.requests()
    page.open(url, "你的问题")
    page.box.send_keys(ASKED, Keys.ENTER)
    page.answered(ASKED)
    requests = page.requests()
    assert len(requests) > 10
    assert {urlsplit(url).hostname for url in requests} == {"127.0.0.1"}
    assert contacts <= {"127.0.0.1", "localhost", "::1"}
