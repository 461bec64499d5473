"""The app, served over a small collection, and browsers over it."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browser import DRIVER, Page
from served import ARTICLES, ASKED, SENTENCE, collect, serving

import rag
from rag.app import Collection


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """Two small articles, which no test changes."""
    return collect(tmp_path_factory.mktemp("collection"), ARTICLES)


@pytest.fixture(scope="session")
def told(collection: Collection) -> rag.Answer:
    """What the engine answers to `ASKED`, which the app is to show."""
    answer = collection.engine.answer(ASKED)
    assert answer.citations[0].passage == f"{SENTENCE}周一上午闭馆整理图书。"
    return answer


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def url(collection: Collection, contacts: set[str]) -> Iterator[str]:
    """The app over the two articles."""
    with serving(collection) as address:
        yield address


@pytest.fixture(scope="session")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Page]]:
    """Browsers by the languages their people like, each started once."""
    if DRIVER is None and "CI" not in os.environ:
        pytest.skip("chromedriver is not here: on Debian, install chromium and chromium-driver")
    started: dict[str, Page] = {}

    def browser(languages: str) -> Page:
        if languages not in started:
            started[languages] = Page(tmp_path_factory.mktemp("profile"), languages)
        return started[languages]

    yield browser
    for page in started.values():
        page.close()


@pytest.fixture
def page(browsers: Callable[[str], Page], url: str) -> Page:
    """The page as someone who reads Chinese opens it."""
    page = browsers("zh-CN,zh;q=0.9,en;q=0.8")
    page.open(url, "你的问题")
    return page
