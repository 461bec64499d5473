"""A real headless Chromium over a page, driven through Selenium; it leaves this machine alone."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from axe_core_python.selenium import Axe
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1280,1000",
)
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
T = TypeVar("T")
WAIT = 60  # seconds until something that should appear counts as missing


class Page:
    """The app in a browser: what a person can do on it, and see."""

    def __init__(self, profile: Path, languages: str) -> None:
        options = ChromeOptions()
        if BROWSER:  # else the driver looks for one where browsers are installed
            options.binary_location = BROWSER
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = Chrome(options=options, service=Service(DRIVER or "chromedriver"))
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {"Accept-Language": languages}})

    def open(self, url: str, label: str) -> None:
        """Opens the page anew, and waits until its question box bears `label`."""
        self.driver.get(url)
        self.until(lambda: [e for e in self.all("#question [data-testid=block-info]") if e.text == label])

    def until(self, seen: Callable[[], T]) -> T:
        """What `seen` returns as soon as it is true; an element that is not there yet, or no longer, is waited for."""
        passing = (NoSuchElementException, StaleElementReferenceException)
        return WebDriverWait(self.driver, WAIT, ignored_exceptions=passing).until(lambda _: seen())

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """The one such element."""
        found = self.all(selector)
        if len(found) != 1:
            raise NoSuchElementException(f"one element for {selector}, not {len(found)}")
        return found[0]

    def shown(self, selector: str) -> WebElement:
        """The first such element that can be seen, as soon as there is one."""
        return self.until(lambda: [element for element in self.all(selector) if element.is_displayed()])[0]

    def text(self, selector: str) -> str:
        """The text of the one such element as the page holds it, visible or not."""
        return self.one(selector).get_property("textContent").strip()

    @property
    def box(self) -> WebElement:
        return self.one("#question textarea")

    def answered(self, question: str) -> None:
        """Waits until the page shows what it has to say to `question`."""
        self.until(lambda: [e for e in self.all("#result .asked bdi") if e.get_property("textContent") == question])

    def tab(self, name: str) -> None:
        """Opens a tab of the page."""
        self.until(lambda: self.all(f"#tab-{name}-button"))[0].click()

    def select(self, selector: str, text: str) -> None:
        """Selects `text` in the one such element, as dragging over it does."""
        script = """
            const element = document.querySelector(arguments[0]);
            function place(offset) {  // marks cut the text into several nodes
                const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
                let node = walker.nextNode();
                for (; offset > node.length; node = walker.nextNode()) offset -= node.length;
                return [node, offset];
            }
            const start = element.textContent.indexOf(arguments[1]);
            getSelection().setBaseAndExtent(...place(start), ...place(start + arguments[1].length));
        """
        self.driver.execute_script(script, selector, text)

    def press(self, key: str, code: int, text: str) -> None:
        """Presses and releases a key as the browser's input layer does: trusted, unlike an event from JavaScript."""
        event = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.driver.execute_cdp_cmd("Input.dispatchKeyEvent", event | {"type": "keyDown", "text": text})
        self.driver.execute_cdp_cmd("Input.dispatchKeyEvent", event | {"type": "keyUp"})

    @contextmanager
    def wide(self, width: int) -> Iterator[None]:
        """A window of `width` pixels."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        try:
            yield
        finally:
            self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    @property
    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        measure = "const root = document.documentElement; return root.scrollWidth - root.clientWidth"
        return max(0, self.driver.execute_script(measure))

    def runs_right(self, element: WebElement) -> bool:
        """Whether the first two characters of the text of an element stand from left to right."""
        script = """
            const text = document.createTreeWalker(arguments[0], NodeFilter.SHOW_TEXT).nextNode();
            const range = document.createRange();
            const left = (at) => {
                range.setStart(text, at);
                range.setEnd(text, at + 1);
                return range.getBoundingClientRect().left;
            };
            return left(0) < left(1);
        """
        return self.driver.execute_script(script, element)

    def findings(self) -> list[str]:
        """What axe-core calls serious or critical once nothing fades in or out: the rule, and the elements."""
        fading = "return document.getAnimations().some(animation => animation instanceof CSSTransition)"
        self.until(lambda: not self.driver.execute_script(fading))
        return [
            f"{violation['id']}: {', '.join(str(node['target']) for node in violation['nodes'])}"
            for violation in Axe().run(self.driver)["violations"]
            if violation["impact"] in ("serious", "critical")
        ]

    def clipboard(self) -> str:
        """The text that was copied last."""
        return self.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")

    def requests(self) -> list[str]:
        """The address of every request since the last call, sockets included; the browser's own pages left out."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        urls += [m["params"]["url"] for m in messages if m["method"] == "Network.webSocketCreated"]
        return [url for url in urls if urlsplit(url).scheme in ("http", "https", "ws", "wss")]

    def close(self) -> None:
        self.driver.quit()
