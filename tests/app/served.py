"""A small collection, and the app served over one."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rag
from rag.app import Collection, serve

SENTENCE = "青山图书馆每天早上8点开门,晚上9点关门。"
ASKED = "青山图书馆几点开门？"
ARTICLES = {
    "library.txt": (
        f"青山图书馆的开放时间\n\n{SENTENCE}周一上午闭馆整理图书。\n\n读者可以凭身份证办理借书证,每次最多借阅十本。\n"
    ),
    "hostile.txt": (
        "安全测试<script>window.hurt=1</script>\n\n"
        "红河大桥<img src=x onerror=window.hurt=2>的长度是1280米,${window.hurt=3}{{hurt}}由<b>第三工程局</b>建造。\n"
    ),
}


@contextmanager
def serving(collection: Collection, **options: Any) -> Iterator[str]:
    """The address at which the app serves `collection`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    page = serve(collection, "127.0.0.1", port, **options)
    yield f"http://127.0.0.1:{port}"
    page.close()


def collect(folder: Path, articles: dict[str, str]) -> Collection:
    """A collection in `folder`, of the articles given."""
    (folder / "articles").mkdir()
    for name, text in articles.items():
        (folder / "articles" / name).write_text(text, encoding="utf-8")
    rag.build(folder / "articles", folder / "index")
    return Collection(folder / "index")
