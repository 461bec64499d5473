"""Serving the app to others: who comes in, how much, and what is told."""

import base64
import json
import logging
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest
from served import ARTICLES, ASKED, SENTENCE, serving

import rag
from rag.app import Collection, main
from rag.app.ask import asked
from rag.app.desk import Desk, Turnstile, questions_log
from rag.app.passwords import Passwords, hash_password
from rag.app.serving import MAX_BODY
from rag.errors import BusyError, RagError, TimeLimitError


@pytest.fixture(scope="module")
def guarded(collection: Collection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with a password file."""
    path = tmp_path_factory.mktemp("people") / "people.txt"
    path.write_text(hash_password("李雷", "芝麻:开门") + "\n", encoding="utf-8")
    with serving(collection, passwords=Passwords(path)) as address:
        yield address


# ------------------------------------------------------------------------------------------------------- Passwords


@pytest.mark.parametrize(
    "path", ["/", "/config", "/gradio_api/info", "/gradio_api/queue/join", "/mcp", "/metrics", "/article", "/mark"]
)
@pytest.mark.parametrize("credentials", [None, ("李雷", "芝麻"), ("nobody", "芝麻:开门")])
def test_without_the_password_nothing_is_readable(guarded: str, path: str, credentials: tuple[str, str] | None) -> None:
    method = "POST" if path in ("/gradio_api/queue/join", "/mcp", "/mark") else "GET"
    answer = httpx.request(method, guarded + path, headers=_authorization(credentials))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert "ask" not in answer.text


def test_with_the_password_everything_is(guarded: str) -> None:
    headers = _authorization(("李雷", "芝麻:开门"))
    assert httpx.get(guarded, headers=headers).status_code == 200
    assert "yinju_questions" in httpx.get(guarded + "/metrics", headers=headers).text
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accept = {"Accept": "application/json, text/event-stream"}
    listed = httpx.post(guarded + "/mcp", json=call, headers=headers | accept).json()
    assert listed["result"]["tools"][0]["name"] == "ask"


def test_health_is_open_to_all(guarded: str, collection: Collection) -> None:
    assert httpx.get(guarded + "/healthz").json() == {
        "status": "ok",
        "snapshot": collection.opened.snapshot,
        "passages": 3,
    }


def _authorization(credentials: tuple[str, str] | None) -> dict[str, str]:
    if credentials is None:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(":".join(credentials).encode()).decode()}


def test_a_password_file_holds_no_password() -> None:
    line = hash_password("mei", "secret")
    name, salt, digest = line.split(":")
    assert name == "mei"
    assert "secret" not in line
    assert (len(base64.b64decode(salt)), len(base64.b64decode(digest))) == (16, 32)
    assert hash_password("mei", "secret") != line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has nobody in it"),
        ("mei:secret\n", "line 1 is no `name:salt:hash`"),
        ("mei:not base64:AAAA\n", "line 1 is no `name:salt:hash`"),
    ],
)
def test_a_bad_password_file_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "people.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RagError, match=message):
        Passwords(path)


# ---------------------------------------------------------------------------------------------------------- Limits


def test_whom_there_is_no_place_for_is_told_at_once(collection: Collection, told: rag.Answer) -> None:
    turnstile = Turnstile(1, 0, 60)
    begun, go = threading.Event(), threading.Event()
    working = threading.Thread(target=lambda: turnstile.run(lambda: (begun.set(), go.wait())))
    working.start()
    begun.wait()
    desk = Desk(collection, turnstile=turnstile)
    with pytest.raises(BusyError, match=r"^too many questions at once: expected fewer; ask again in a moment$"):
        desk.ask(ASKED)
    assert asked(desk, ASKED) == "busy"
    go.set()
    working.join()
    assert desk.ask(ASKED).answer == told
    counts = desk.metrics().decode()
    assert 'yinju_questions_total{outcome="busy"} 2.0' in counts
    assert 'yinju_questions_total{outcome="answered"} 1.0' in counts


def test_what_takes_too_long_is_given_up(collection: Collection) -> None:
    turnstile, go = Turnstile(1, 1, 0.05), threading.Event()
    with pytest.raises(TimeLimitError, match=r"^no answer within 0.05 seconds"):
        turnstile.run(go.wait)
    assert asked(Desk(collection, turnstile=turnstile), ASKED) == "slow"
    go.set()


def test_too_much_is_refused(url: str) -> None:
    connection = HTTPConnection(url.removeprefix("http://"))
    connection.putrequest("POST", "/gradio_api/upload")
    connection.putheader("Content-Length", str(MAX_BODY + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"question": ASKED, "source": "../x", "document": 0, "start": 0, "end": 2}, 400),
        ({"question": ASKED, "source": "library.txt", "document": 7, "start": 0, "end": 2}, 400),
        ({"question": ASKED, "source": "library.txt", "document": 0, "start": 5, "end": 5}, 400),
        ({"question": " ", "source": "library.txt", "document": 0, "start": 0, "end": 2}, 400),
    ],
)
def test_a_mark_that_makes_no_sense_is_refused(url: str, collection: Collection, body: object, status: int) -> None:
    assert httpx.post(url + "/mark", json=body).status_code == status
    assert not (collection.index / "review.jsonl").exists()


def test_a_mark_from_another_site_is_refused(url: str) -> None:
    body = json.dumps({"question": ASKED, "source": "library.txt", "document": 0, "start": 0, "end": 2})
    assert httpx.post(url + "/mark", content=body, headers={"Content-Type": "text/plain"}).status_code == 415


@pytest.mark.parametrize("path", ["/gradio_api/file=/etc/passwd", "/gradio_api/file=library.txt", "/yinju/../page.py"])
def test_no_file_of_the_server_is_served(url: str, path: str) -> None:
    assert httpx.get(url + path).status_code in (403, 404)


@pytest.mark.parametrize("source", ["../../../etc/passwd", "/etc/passwd", "", "nothing.txt"])
def test_an_article_that_is_not_there(url: str, source: str) -> None:
    answer = httpx.get(url + "/article", params={"source": source, "lang": "en"})
    assert answer.status_code == 404
    assert "The collection has no such file." in answer.text


def test_an_article_of_another_version_says_so(url: str, collection: Collection) -> None:
    start = ARTICLES["library.txt"].index(SENTENCE)
    place = {"source": "library.txt", "start": start, "end": start + len(SENTENCE), "lang": "en"}
    same = httpx.get(url + "/article", params=place | {"snapshot": collection.opened.snapshot})
    other = httpx.get(url + "/article", params=place | {"snapshot": "0" * 16})
    assert f"<mark>{SENTENCE}</mark>" in same.text
    assert "This article was changed" not in same.text
    assert "This article was changed" in other.text
    assert same.headers["content-security-policy"].startswith("default-src 'none'")


# ------------------------------------------------------------------------------------------------ Logs and options


def test_a_question_is_one_json_line_without_the_question(
    collection: Collection, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, questions_log.name):
        Desk(collection).ask(ASKED)
        Desk(collection, log_questions=True).ask("火星上有多少颗卫星？")
    first, second = (json.loads(record.message) for record in caplog.records if record.name == questions_log.name)
    assert first.keys() == {"time", "outcome", "snapshot", "milliseconds", "confidence", "abstained"}
    assert first["milliseconds"].keys() == {"wait", "retrieve", "read", "decide"}
    assert (first["outcome"], first["abstained"], first["snapshot"]) == ("answered", False, collection.opened.snapshot)
    assert (second["outcome"], second["question"]) == ("abstained", "火星上有多少颗卫星？")


def test_help_names_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["--help"])
    printed = " ".join(capsys.readouterr().out.split())
    assert "--host HOST address to listen on (default: 127.0.0.1" in printed
    assert "--port PORT port to listen on (default: 7860)" in printed
    for option in ("--index DIR", "--auth-file FILE", "--log-questions"):
        assert option in printed
