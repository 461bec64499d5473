"""How the app looks and whom it lets use it: axe-core finds nothing serious, nothing is cut off, keys are enough."""

from collections.abc import Callable

import pytest
from axe_core_python.selenium import Axe
from browser import Page
from selenium.webdriver.common.keys import Keys
from served import ASKED

import rag

TABS = ("ask", "articles", "quality")


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browsers: Callable[[str], Page], url: str) -> Page:
    page = browsers("zh-CN,zh;q=0.9,en;q=0.8")
    page.open(f"{url}/?__theme={request.param}", "你的问题")
    return page


def findings(page: Page) -> list[str]:
    """What axe-core calls serious or critical: the rule, and the elements."""
    violations = Axe().run(page.driver)["violations"]
    return [
        f"{violation['id']}: {', '.join(str(node['target']) for node in violation['nodes'])}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
    ]


def test_axe_finds_nothing_serious(themed: Page) -> None:
    themed.box.send_keys(ASKED, Keys.ENTER)
    themed.answered(ASKED)
    themed.shown("#judging")
    for details in themed.all("#result summary"):
        details.click()
    assert findings(themed) == []
    themed.all("#result .citations a.open")[0].click()
    themed.driver.switch_to.frame(themed.until(lambda: themed.all("dialog[open] iframe"))[0])
    themed.until(lambda: themed.all("main mark"))
    assert findings(themed) == []
    themed.driver.switch_to.default_content()
    themed.one("dialog[open] button").click()


def test_axe_finds_nothing_serious_with_the_articles(themed: Page) -> None:
    themed.tab("articles")
    themed.until(lambda: themed.all("#collection tbody tr"))
    for closed in themed.all("#paste > button, #remove > button"):
        closed.click()
    themed.shown("#remove-choose input")
    assert findings(themed) == []


@pytest.mark.parametrize("width", [360, 1920])
def test_nothing_is_wider_than_the_page(page: Page, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.box.send_keys(ASKED, Keys.ENTER)
        page.answered(ASKED)
        for details in page.all("#result summary"):
            details.click()
        for tab in TABS:
            page.tab(tab)
            page.shown(f"#tab-{tab}")
            measure = "const root = document.documentElement; return [root.scrollWidth, root.clientWidth]"
            wide, seen = page.driver.execute_script(measure)
            assert wide <= seen
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


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
