"""How the app looks and whom it lets use it: axe-core finds nothing serious, nothing is cut off, keys are enough."""

from collections.abc import Callable, Iterator

import pytest
from browser import Page
from selenium.webdriver.common.keys import Keys
from served import ASKED, collect, serving

import rag

TABS = ("ask", "articles", "quality")


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browsers: Callable[[str], Page], url: str) -> Page:
    page = browsers("zh-CN,zh;q=0.9,en;q=0.8")
    page.open(f"{url}/?__theme={request.param}", "你的问题")
    return page


def test_axe_finds_nothing_serious(themed: Page) -> None:
    themed.box.send_keys(ASKED, Keys.ENTER)
    themed.answered(ASKED)
    themed.shown("#judging")
    for details in themed.all("#result summary"):
        details.click()
    assert themed.findings() == []
    themed.all("#result .citations a.open")[0].click()
    themed.driver.switch_to.frame(themed.until(lambda: themed.all("dialog[open] iframe"))[0])
    themed.until(lambda: themed.all("main mark"))
    assert themed.findings() == []
    themed.driver.switch_to.default_content()
    themed.one("dialog[open] button").click()


def test_axe_finds_nothing_serious_with_the_articles(themed: Page) -> None:
    themed.tab("articles")
    themed.until(lambda: themed.all("#collection tbody tr"))
    for closed in themed.all("#paste > button, #remove > button"):
        closed.click()
    themed.shown("#remove-choose input")
    assert themed.findings() == []


@pytest.mark.parametrize("width", [360, 1920])
def test_nothing_is_wider_than_the_page(page: Page, width: int) -> None:
    with page.wide(width):
        page.box.send_keys(ASKED, Keys.ENTER)
        page.answered(ASKED)
        for details in page.all("#result summary"):
            details.click()
        for tab in TABS:
            page.tab(tab)
            page.shown(f"#tab-{tab}")
            assert page.overflow == 0


@pytest.mark.parametrize(
    ("languages", "label"), [("zh-CN,zh;q=0.9,en;q=0.8", "你的问题"), ("en-GB,en;q=0.9", "Your question")]
)
def test_axe_finds_nothing_serious_on_a_narrow_screen(
    browsers: Callable[[str], Page], url: str, languages: str, label: str
) -> None:
    """An answer, an abstention and an error."""
    page = browsers(languages)
    page.open(url, label)
    with page.wide(360):
        for question in (ASKED, "火星上有多少颗卫星？"):
            page.box.clear()
            page.box.send_keys(question, Keys.ENTER)
            page.answered(question)
            page.shown("#judging")
            for details in page.all("#result summary"):
                details.click()
            assert page.findings() == []
        page.box.clear()
        page.box.send_keys("长" * 1001, Keys.ENTER)
        page.until(lambda: page.all("#result .message"))
        assert page.findings() == []


# What a page has to bear with: an override that is never closed, and a line without a place to break it.
ODD = {
    "override.txt": "石桥镇\n\n石桥镇有居民\u202e三万二千人。\n",
    "line.txt": f"青山水库\n\n青山水库的编号是{'A1' * 3000}。\n",
}


@pytest.fixture(scope="module")
def odd_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(collect(tmp_path_factory.mktemp("odd"), ODD)) as address:
        yield address


@pytest.mark.parametrize("question", ["青山水库的编号是什么？", "石桥镇有多少\u202e居民？"])
def test_odd_text_breaks_no_page(browsers: Callable[[str], Page], odd_url: str, question: str) -> None:
    """In an answer and in its article: nothing is wider than the page, and what follows runs from left to right."""
    page = browsers("zh-CN,zh;q=0.9,en;q=0.8")
    page.open(odd_url, "你的问题")
    with page.wide(360):
        page.box.send_keys(question, Keys.ENTER)
        page.answered(question)
        for details in page.all("#result summary"):
            details.click()
        assert page.overflow == 0
        for words in page.all("#result dt, #result .actions button, #result .from > span, #history .note"):
            assert page.runs_right(words)
        page.all("#result a.open")[0].click()
        page.driver.switch_to.frame(page.until(lambda: page.all("dialog[open] iframe"))[0])
        page.until(lambda: page.all("#marking"))
        assert "\u202e" not in page.text("main")
        assert page.overflow == 0
        for words in page.all("#marking .note, #marking button"):
            assert page.runs_right(words)
        page.driver.switch_to.default_content()
        page.one("dialog[open] button").click()


def test_keys_are_enough(page: Page, told: rag.Answer) -> None:
    """From the question box, which has the focus, to the article and back, with Tab, Enter and Escape."""
    active = page.driver.switch_to
    active.active_element.send_keys(ASKED, Keys.ENTER)
    page.answered(ASKED)
    assert page.text("#result .verdict .answer") == told.text
    for _ in range(10):
        active.active_element.send_keys(Keys.TAB)
        if active.active_element.get_attribute("class") == "small open":
            break
    active.active_element.send_keys(Keys.ENTER)
    page.until(lambda: page.all("dialog[open]"))
    active.active_element.send_keys(Keys.ESCAPE)
    page.until(lambda: page.all("dialog") == [])
    assert active.active_element.get_attribute("class") == "small open"
