"""The app for scripts and tools, against the real server."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from served import ARTICLES, ASKED, SENTENCE, collect, serving

from rag.app import Collection

ROOT = Path(__file__).parents[2]
NAMES = ["ask", "search", "articles", "article", "add_article", "remove_article", "judge"]


@pytest.fixture(scope="module")
def client(url: str) -> Client:
    return Client(url, verbose=False)


def call_tools(url: str, *calls: tuple[str, dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    """The tools that the server lists, and the results of the calls."""

    async def talk() -> tuple[list[Any], list[Any]]:
        async with streamable_http_client(f"{url}/mcp") as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            listed = (await session.list_tools()).tools
            return listed, [await session.call_tool(name, arguments) for name, arguments in calls]

    return asyncio.run(talk())


def test_ask_returns_the_answer_as_json(client: Client, collection: Collection) -> None:
    opened = collection.opened
    expected = collection.engine.answer(ASKED).to_dict() | {"snapshot": opened.snapshot}
    assert client.predict(ASKED, api_name="/ask") == expected
    assert client.predict(ASKED, 1, 1.0, api_name="/ask")["reason"] == "low_confidence"


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("ask", [" "], "the question is empty: ask something"),
        ("ask", ["长" * 1001], "the question has 1001 characters: expected at most 1000; shorten it"),
        ("ask", [ASKED, 51], "top_k is 51: expected a number from 1 to 50"),
        ("ask", [ASKED, 5, 2.0], "the least confidence is 2.0: expected a probability from 0 to 1"),
        ("ask", [ASKED, "abc"], 'top_k is "abc": expected a whole number'),
        ("ask", [ASKED, 2.5], "top_k is 2.5: expected a whole number"),
        ("ask", [ASKED, 5, "0.5"], 'min_confidence is "0.5": expected a number or null'),
        ("ask", [None], "question is null: expected a text"),
        ("search", [ASKED, True], "k is true: expected a whole number"),
        ("article", [None], "source is null: expected a text"),
        ("add_article", [None, "正文。"], "title is null: expected a text"),
        ("add_article", ["标题", " "], "the text is empty: expected an article; put its text in it"),
        ("remove_article", [["library.txt"]], 'source is ["library.txt"]: expected a text'),
        ("judge", [ASKED, "maybe"], 'right is "maybe": expected true or false'),
        ("judge", [ASKED, None], "right is null: expected true or false"),
        ("judge", [ASKED, 1], "right is 1: expected true or false"),
    ],
)
def test_a_wrong_call_is_told_why(
    client: Client, collection: Collection, name: str, values: list[Any], message: str
) -> None:
    before = collection.opened.snapshot
    with pytest.raises(AppError, match=f"^{re.escape(message)}$"):
        client.predict(*values, api_name=f"/{name}")
    assert collection.opened.snapshot == before
    assert not (collection.index / "review.jsonl").exists()


def test_search_returns_passages_with_ranks_and_places(client: Client) -> None:
    found = client.predict(ASKED, 2, api_name="/search")
    assert len(found) == 2
    assert found[0]["dense_rank"] == found[0]["sentence_rank"] == found[0]["lexical_rank"] == 1
    passage = found[0]["passage"]
    raw = client.predict("library.txt", api_name="/article")["raw"]
    assert raw == ARTICLES["library.txt"]
    assert raw[passage["start"] : passage["end"]] == passage["text"] == SENTENCE + "周一上午闭馆整理图书。"


def test_endpoints_are_named_and_typed(client: Client) -> None:
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert list(endpoints) == [f"/{name}" for name in NAMES]
    parameters = {p["parameter_name"]: p["python_type"]["type"] for p in endpoints["/ask"]["parameters"]}
    assert parameters == {"question": "str", "top_k": "int", "min_confidence": "None | float"}


def test_tools_are_the_same_functions_with_json_results(url: str, client: Client) -> None:
    listed, (answered, found, refused) = call_tools(
        url, ("ask", {"question": ASKED}), ("search", {"question": ASKED, "k": 1}), ("ask", {"question": ""})
    )
    assert [tool.name for tool in listed] == NAMES
    assert listed[0].inputSchema["properties"]["question"] == {"title": "Question", "type": "string"}
    assert listed[0].description.startswith("Answers a question in the exact words of the articles")
    assert json.loads(answered.content[0].text) == client.predict(ASKED, api_name="/ask")
    assert json.loads(found.content[0].text)["passage"]["source"] == "library.txt"
    assert refused.isError
    assert "the question is empty: ask something" in refused.content[0].text


def test_a_script_adds_removes_and_judges(tmp_path: Path) -> None:
    collection = collect(tmp_path, ARTICLES)
    with serving(collection) as url:
        client = Client(url, verbose=False)
        change = client.predict("石桥镇", "石桥镇有居民三万二千人。", api_name="/add_article")
        (file,) = change["files"]
        assert file["outcome"] == "added"
        answer = client.predict("石桥镇有多少居民？", api_name="/ask")
        assert answer["snapshot"] == change["snapshot"]
        assert answer["citations"][0]["passage"] == "石桥镇有居民三万二千人。"
        assert client.predict("石桥镇有多少居民？", True, api_name="/judge")["answers"] == [answer["text"]]
        assert client.predict(file["source"], api_name="/remove_article")["files"][0]["outcome"] == "removed"
        assert [held["source"] for held in client.predict(api_name="/articles")] == ["hostile.txt", "library.txt"]
        with pytest.raises(AppError, match=r"^the collection has no file 'secret.txt': expected one that"):
            client.predict("../secret.txt", api_name="/article")


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
def test_the_scripts_of_the_readme_run(url: str, readme: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")
    scripts = re.findall(r"^```py\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(scripts) == 2
    for script in scripts:
        assert "http://127.0.0.1:7860" in script
        exec(script.replace("http://127.0.0.1:7860", url), {"__name__": "__main__"})
    printed = capsys.readouterr().out
    assert str(NAMES) in printed
    assert '"snapshot": ' in printed
