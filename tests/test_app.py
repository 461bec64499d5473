"""The app: its words and HTML as pure functions; the page in a real Chromium over a real server and index."""

import os
import re
import socket
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from string import Formatter
from typing import Any
from urllib.parse import urlsplit

import pytest
from browser import DRIVER, Page
from gradio_client import Client
from gradio_client.exceptions import AppError
from selenium.webdriver.common.keys import Keys

import app
import rag

QUOTE = "青山图书馆每天早上8点开门,晚上9点关门。"
ARTICLES = {
    "library.txt": (
        f"青山图书馆的开放时间\n\n{QUOTE}周一上午闭馆整理图书。\n\n读者可以凭身份证办理借书证,每次最多借阅十本。\n"
    ),
    "hostile.txt": (
        "安全测试<script>window.hurt=1</script>\n\n"
        "红河大桥<img src=x onerror=window.hurt=2>的长度是1280米,${window.hurt=3}{{hurt}}由<b>第三工程局</b>建造。\n"
    ),
}
ASKED = "青山图书馆几点开门？"
HOSTILE = "红河大桥的长度是多少米？<script>window.hurt=4</script><img src=x onerror=window.hurt=5>"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> rag.Engine:
    """An engine over two small articles."""
    articles, index = tmp_path_factory.mktemp("articles"), tmp_path_factory.mktemp("index")
    for name, text in ARTICLES.items():
        (articles / name).write_text(text, encoding="utf-8")
    rag.build(articles, index)
    return rag.open(index)


@pytest.fixture(scope="module")
def contacts() -> Iterator[set[str]]:
    """The hosts that this process, in which the server runs, looks up or connects to."""
    hosts: set[str] = set()
    listening = True

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if listening and event == "socket.getaddrinfo":
            hosts.add(str(arguments[0]))
        elif listening and event == "socket.connect" and isinstance(arguments[1], tuple):
            hosts.add(str(arguments[1][0]))

    sys.addaudithook(hear)  # cannot be taken away again
    yield hosts
    listening = False


@pytest.fixture(scope="module")
def url(engine: rag.Engine, contacts: set[str]) -> Iterator[str]:
    """The app, served."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    page = app.serve(engine, "127.0.0.1", port, wait=False)
    yield f"http://127.0.0.1:{port}"
    page.close()


@pytest.fixture(scope="module")
def browsers(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Page]]:
    """Browsers by the languages their people like, each started once."""
    if DRIVER is None and "CI" not in os.environ:
        pytest.skip("chromedriver is not here: on Debian, install chromium and chromium-driver")
    started: dict[str, Page] = {}

    def browser(languages: str) -> Page:
        if languages not in started:
            started[languages] = Page(url, tmp_path_factory.mktemp("profile"), languages)
        return started[languages]

    yield browser
    for page in started.values():
        page.close()


@pytest.fixture
def page(browsers: Callable[[str], Page]) -> Page:
    """The page as someone who reads Chinese opens it."""
    page = browsers("zh-CN,zh;q=0.9,en;q=0.8")
    page.open("你的问题")
    return page


def citation(**changes: object) -> rag.Citation:
    fields = {
        "source": "a.txt",
        "title": "标题",
        "section": "小节一",
        "date": "2024-09-26",
        "publisher": "某报",
        "paragraph": 3,
        "passage": "省会是杭州市。",
        "quote_start": 3,
        "quote_end": 5,
        "start": 120,
        "end": 122,
        "score": 0.9,
    }
    return rag.Citation(**(fields | changes))


def answered(*citations: rag.Citation, question: str = "省会？", confidence: float = 0.95) -> rag.Answer:
    return rag.Answer(question, citations[0].quote, confidence, None, citations, ())


class Seen(HTMLParser):
    """What a browser would make of HTML: the names of its elements, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


# ------------------------------------------------------------------------------------------------- Words and HTML


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-TW", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("en;q=0.2,zh;q=0.7", "zh"),
        ("fr-FR,fr;q=0.9,zh;q=0.5,en;q=0.4", "zh"),
        ("fr-FR,fr;q=0.9", "en"),
        ("en;q=nonsense,zh;q=0.1", "zh"),
        ("zh;q=0,en;q=0.5", "en"),
        ("", "zh"),
    ],
)
def test_interface_language_follows_the_browser(header: str, language: str) -> None:
    assert app.preferred_language(header) == language


def test_both_languages_say_the_same_things() -> None:
    def blanks(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert app.TEXTS["zh"].keys() == app.TEXTS["en"].keys()
    for name, text in app.TEXTS["zh"].items():
        assert blanks(text) == blanks(app.TEXTS["en"][name]), name


def test_two_characters_are_highlighted_in_place() -> None:
    html = app.render_answer(answered(citation()), "zh")
    assert '<blockquote lang="zh">省会是<mark>杭州</mark>市。</blockquote>' in html


def test_a_citation_says_where_it_stands() -> None:
    seen = Seen(app.render_citation(citation(), "zh")).text
    assert seen == "标题省会是杭州市。小节小节一日期2024-09-26来源某报文件a.txt段落第 3 段原文件位置[120, 122)"
    bare = citation(title="", section="", date=None, publisher=None)
    assert Seen(app.render_citation(bare, "en")).text == (
        "(no title)省会是杭州市。Filea.txtParagraphno. 3Place in file[120, 122)"
    )


@pytest.mark.parametrize(
    ("confidence", "said"),
    [
        (1.0, "very likely right (99%)"),
        (0.9, "very likely right (90%)"),
        (0.8999, "likely right; compare with the source (89%)"),
        (0.6999, "unsure; do compare with the source (69%)"),
        (0.004, "unsure; do compare with the source (<1%)"),
    ],
)
def test_confidence_never_says_more_than_is_known(confidence: float, said: str) -> None:
    html = app.render_answer(answered(citation(), confidence=confidence), "en")
    assert f"Confidence: {said}" in Seen(html).text


def test_everything_from_articles_and_questions_is_escaped() -> None:
    nasty = "<script>1</script><img src=x onerror=2>\"'&amp;"
    names = ("source", "title", "section", "date", "publisher")
    hostile = citation(**dict.fromkeys(names, nasty), passage=nasty * 3, quote_start=0, quote_end=len(nasty))
    other = rag.Alternative(nasty, 0.6, (hostile,))
    answer = rag.Answer(nasty, nasty, 0.9, None, (hostile,), (other,))
    abstained = rag.Answer(nasty, "", 0.1, "low_confidence", (), (other,))
    for shown in (answer, abstained, rag.RagError(nasty)):
        seen = Seen(app.render(shown, "en"))
        assert not seen.tags & {"script", "img"}
        assert "onerror" not in seen.attributes
        assert nasty in seen.text


def test_a_lone_surrogate_is_shown_as_a_question_mark() -> None:
    assert "<bdi>a?b</bdi>" in app.render(answered(citation(), question="a\ud800b"), "zh")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("reason", ["no_candidates", "no_span", "low_confidence"])
def test_an_abstention_says_why_and_highlights_nothing(reason: str, language: str) -> None:
    others = (rag.Alternative("杭州", 0.31, (citation(),)),) if reason == "low_confidence" else ()
    html = app.render(rag.Answer("省会？", "", 0.31, reason, (), others), language)
    seen = Seen(html)
    assert app.TEXTS[language]["abstained"] in seen.text
    assert app.TEXTS[language][reason].format(percent="31%") in seen.text
    assert "mark" not in seen.tags
    assert seen.text.count(app.TEXTS[language]["closest_badge"]) == 2 * len(others)


def test_help_names_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        app.main(["--help"])
    printed = capsys.readouterr().out
    assert re.search(r"--host HOST +address to listen on \(default: 127\.0\.0\.1", printed)
    assert re.search(r"--port PORT +port to listen on \(default: 7860\)", printed)


# ------------------------------------------------------------------------------------------------- In the browser


def test_asking_shows_the_quote_in_its_passage_and_file(page: Page) -> None:
    page.box.send_keys(ASKED)
    page.one("#ask").click()
    page.answered(ASKED)
    assert page.text("#result .verdict .answer") == QUOTE
    first = "#result .citations .citation:first-of-type "
    assert page.text(first + "mark") == QUOTE
    assert page.text(first + "blockquote") == QUOTE + "周一上午闭馆整理图书。"
    start = ARTICLES["library.txt"].index(QUOTE)
    facts = [element.text for element in page.all(first + "dd")]
    assert facts == ["library.txt", "第 1 段", f"[{start}, {start + len(QUOTE)})"]
    assert page.text(first + "cite") == "青山图书馆的开放时间"


def test_other_answers_are_folded_away(page: Page) -> None:
    page.box.send_keys(ASKED, Keys.ENTER)
    page.answered(ASKED)
    other = page.all("#result .alternatives .answer")[0]
    assert not other.is_displayed()
    page.one("#result summary").click()
    assert other.is_displayed()


def test_enter_sends_and_shift_enter_breaks_the_line(page: Page) -> None:
    page.requests()
    page.box.send_keys("青山图书馆", Keys.SHIFT, Keys.ENTER, Keys.NULL, "几点开门？")
    assert page.box.get_property("value") == "青山图书馆\n几点开门？"
    page.box.send_keys(Keys.ENTER)
    page.answered("青山图书馆 几点开门？")
    assert page.box.get_property("value") == "青山图书馆\n几点开门？"
    assert page.questions_sent() == 1


def test_enter_that_ends_a_composition_does_not_send(page: Page) -> None:
    """A composition by the browser's own input layer, with trusted key events; no real input method is at work.

    An input method keeps the keypress of that Enter to itself; here it comes through, so the page has to stop it. It
    comes once within the composition, and once after it as code 229, as some browsers report it.
    """
    page.requests()
    page.box.click()
    page.driver.execute_cdp_cmd("Input.imeSetComposition", {"text": ASKED, "selectionStart": 10, "selectionEnd": 10})
    page.press("Enter", 13, "\r")
    page.driver.execute_cdp_cmd("Input.insertText", {"text": ASKED})
    page.press("Enter", 229, "\r")
    assert page.box.get_property("value") == ASKED
    page.box.send_keys("!", Keys.ENTER)
    page.answered(ASKED + "!")
    assert page.questions_sent() == 1


def test_the_language_switch_changes_labels_and_the_answer_without_asking_again(page: Page) -> None:
    assert [page.text("#ask"), page.text("#examples-label")] == ["提问", "试试这些问题"]
    page.until(lambda: page.one("html").get_attribute("lang") == "zh")
    page.box.send_keys(ASKED, Keys.ENTER)
    page.answered(ASKED)
    assert page.text("#result .citations h2") == "出处"
    page.all("#language label")[1].click()
    page.until(lambda: page.text("#ask") == "Ask")
    page.until(lambda: page.text("#result .citations h2") == "Sources")
    assert page.text("#question [data-testid=block-info]").strip() == "Your question"
    assert page.text("#examples-label").strip() == "Try one of these"
    assert page.text("#result .verdict .answer") == QUOTE
    assert page.box.get_property("value") == ASKED
    page.until(lambda: page.one("html").get_attribute("lang") == "en")


def test_an_english_browser_gets_an_english_page(browsers: Callable[[str], Page]) -> None:
    page = browsers("en-GB,en;q=0.9")
    page.open("Your question")
    page.until(lambda: page.text("#ask") == "Ask")
    assert page.text("header.yinju p") == app.TEXTS["en"]["tagline"]


def test_markup_in_articles_and_questions_is_text(page: Page) -> None:
    page.box.send_keys(HOSTILE, Keys.ENTER)
    page.answered(HOSTILE)
    assert "红河大桥<img src=x onerror=window.hurt=2>的长度是1280米,${window.hurt=3}{{hurt}}" in page.text("#result")
    assert "安全测试<script>window.hurt=1</script>" in page.text("#result .citations .citation:first-of-type cite")
    assert page.all("#result script, #result img, #result b") == []
    assert page.driver.execute_script("return window.hurt") is None


def test_an_example_is_asked_at_a_click(page: Page) -> None:
    page.all("#examples button")[0].click()
    page.answered(app.EXAMPLES[0])
    assert page.box.get_property("value") == app.EXAMPLES[0]


@pytest.mark.parametrize("question", ["", "   "])
def test_an_empty_question_is_told_so(page: Page, question: str) -> None:
    page.box.send_keys(question)
    page.one("#ask").click()
    page.until(lambda: page.all("#result .message"))
    assert page.text("#result") == app.TEXTS["zh"]["empty"]


def test_an_error_is_a_plain_message(page: Page) -> None:
    page.box.send_keys("长" * 1001, Keys.ENTER)
    page.until(lambda: page.all("#result .message"))
    assert page.text("#result .message") == "这个问题没法处理。"
    assert page.text("#result .detail") == "the question has 1001 characters: expected at most 1000; shorten it"


def test_an_abstention_marks_the_closest_passages(page: Page) -> None:
    page.box.send_keys("火星上有多少颗卫星？", Keys.ENTER)
    page.answered("火星上有多少颗卫星？")
    assert page.text("#result .abstained") == "没有找到答案"
    assert page.text("#result .closest h2") == "最接近的段落，不是答案"
    assert {badge.text for badge in page.all("#result .closest figcaption .badge")} == {"不是答案"}
    assert page.all("#result mark, #result .answer") == []


def test_no_request_leaves_this_machine(page: Page, contacts: set[str]) -> None:
    page.requests()
    page.open("你的问题")
    page.box.send_keys(ASKED, Keys.ENTER)
    page.answered(ASKED)
    requests = page.requests()
    assert len(requests) > 10
    assert {urlsplit(url).hostname for url in requests} == {"127.0.0.1"}
    assert contacts <= {"127.0.0.1", "localhost", "::1"}


# ---------------------------------------------------------------------------------------------------- For scripts


def test_the_endpoint_returns_the_answer_as_json(url: str, engine: rag.Engine) -> None:
    client = Client(url, verbose=False)
    assert client.predict(ASKED, api_name="/ask") == engine.answer(ASKED).to_dict()
    with pytest.raises(AppError, match="the question is empty: ask something"):
        client.predict(" ", api_name="/ask")
    assert list(client.view_api(return_format="dict")["named_endpoints"]) == ["/ask"]
