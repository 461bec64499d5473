"""Serving the app to others: who comes in, how much, and what is told."""

import asyncio
import base64
import hashlib
import json
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest
from gradio_client import Client
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from served import ARTICLES, ASKED, SENTENCE, serving

import rag
from rag.app import Collection, main
from rag.app.api import Service
from rag.app.ask import asked
from rag.app.desk import Desk, Turnstile, questions_log
from rag.app.passwords import Passwords, hash_password
from rag.app.serving import HASHES_WAITING, MAX_BODY
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


def test_scripts_and_tools_bring_the_password(guarded: str) -> None:
    """As the README says."""
    people = ("李雷", "芝麻:开门")
    client = Client(guarded, httpx_kwargs={"auth": people}, verbose=False)
    answer = client.predict(ASKED, api_name="/ask")
    assert answer["citations"][0]["source"] == "library.txt"

    async def talk() -> str:
        async with (
            httpx.AsyncClient(auth=people) as http,
            streamable_http_client(guarded + "/mcp", http_client=http) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return (await session.call_tool("ask", {"question": ASKED})).content[0].text

    assert json.loads(asyncio.run(talk())) == answer


def test_health_is_open_to_all_and_tells_no_more(guarded: str) -> None:
    assert httpx.get(guarded + "/healthz").json() == {"status": "ok"}


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


def test_guessing_keeps_nobody_out_who_is_in(collection: Collection, tmp_path: Path) -> None:
    path = tmp_path / "people.txt"
    path.write_text(hash_password("mei", "secret") + "\n", encoding="utf-8")
    go = threading.Event()

    class Slow(Passwords):
        def match(self, name: str, password: str) -> bool:
            return (password != "guess" or go.wait(60)) and super().match(name, password)

    with serving(collection, passwords=Slow(path)) as url, ThreadPoolExecutor(HASHES_WAITING + 2) as guessing:

        def status(credentials: tuple[str, str] | None) -> int:
            return httpx.get(url + "/metrics", headers=_authorization(credentials), timeout=60).status_code

        assert status(("mei", "secret")) == 200
        guesses = [guessing.submit(status, ("mei", "guess")) for _ in range(HASHES_WAITING + 2)]
        try:
            (turned_away,) = wait(guesses, return_when=FIRST_COMPLETED).done
            assert turned_away.result() == 429
            assert [status(("mei", "secret")), status(None), status(("", ""))] == [200, 401, 401]
        finally:
            go.set()
        assert sorted(guess.result() for guess in guesses) == [401] * (HASHES_WAITING + 1) + [429]


# -------------------------------------------------------------------------------------------- Pages of other sites

ASKING = ("/gradio_api/call/ask", {"data": [ASKED, 5, None]})
MARK = {"question": ASKED, "source": "library.txt", "document": 0, "start": 0, "end": 2}
MARK |= {"sha256": hashlib.sha256(ARTICLES["library.txt"].encode()).hexdigest()}
MARKING = ("/mark", MARK | {"question": " "})
LISTING = ("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"})


@pytest.mark.parametrize(("call", "status"), [(ASKING, 200), (MARKING, 400), (LISTING, 200)])
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_pages_of_other_sites_are_refused(url: str, call: tuple[str, object], status: int, kind: str) -> None:
    def post(**headers: str) -> int:
        sent = {"Content-Type": kind, "Accept": "application/json, text/event-stream", **headers}
        return httpx.post(url + call[0], content=json.dumps(call[1]), headers=sent).status_code

    for origin in ("https://elsewhere.example", "http://127.0.0.1:1", "http://127.0.0.1", "null", ""):
        assert post(Origin=origin) == 403
    assert post(Host="elsewhere.example", Origin="http://elsewhere.example") == 403
    assert post(Host="elsewhere.example") == 403
    if kind == "application/json":
        assert [post(), post(Origin=url), post(Host="localhost", Origin="http://localhost")] == [status] * 3


def test_a_proxy_may_pass_its_own_name_on_where_passwords_guard(guarded: str) -> None:
    """A proxy that speaks HTTPS passes on the name that the browser asked for."""

    def ask(origin: str) -> httpx.Response:
        headers = {"Host": "yinju.example", "Origin": origin} | _authorization(("李雷", "芝麻:开门"))
        return httpx.post(guarded + ASKING[0], json=ASKING[1], headers=headers)

    assert ask("https://yinju.example").status_code == 200
    assert ask("https://elsewhere.example").status_code == 403


def test_a_preflight_opens_nothing(guarded: str) -> None:
    """Gradio answers preflights by itself, and allows all; what would follow is refused."""
    headers = {"Host": "yinju.example", "Origin": "https://elsewhere.example"}
    preflight = headers | {"Access-Control-Request-Method": "POST"}
    assert httpx.options(guarded + ASKING[0], headers=preflight).status_code == 200
    assert httpx.post(guarded + ASKING[0], json=ASKING[1], headers=headers).status_code == 403


# ---------------------------------------------------------------------------------------------------------- Limits


def test_whom_there_is_no_place_for_is_told_at_once(collection: Collection, told: rag.Answer) -> None:
    turnstile = Turnstile(1, 0, 60)
    begun, go = threading.Event(), threading.Event()
    working = threading.Thread(target=lambda: turnstile.run(lambda: (begun.set(), go.wait())))
    working.start()
    begun.wait()
    desk = Desk(collection, turnstile=turnstile)
    with pytest.raises(BusyError, match=r"^too many questions at once: expected fewer; try again in a moment$"):
        desk.ask(ASKED)
    assert asked(desk, ASKED) == "busy"
    go.set()
    working.join()
    assert desk.ask(ASKED).answer == told
    counts = desk.metrics().decode()
    assert 'yinju_questions_total{outcome="busy"} 2.0' in counts
    assert 'yinju_questions_total{outcome="answered"} 1.0' in counts


def test_changes_are_few_at_a_time(collection: Collection) -> None:
    changes = Turnstile(1, 0, what="changes")
    begun, go = threading.Event(), threading.Event()
    working = threading.Thread(target=lambda: changes.run(lambda: (begun.set(), go.wait())))
    working.start()
    begun.wait()
    service = Service(Desk(collection, changes=changes))
    for change in (
        lambda: service.add_article("石桥镇", "有居民三万人。"),
        lambda: service.remove_article("library.txt"),
    ):
        with pytest.raises(BusyError, match=r"^too many changes at once: expected fewer; try again in a moment$"):
            change()
    go.set()
    working.join()


def test_tools_that_wait_hold_up_nothing_else(
    collection: Collection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many calls as the server has threads for its own addresses, all of them waiting."""
    begun, go = threading.Semaphore(0), threading.Event()
    monkeypatch.setattr(Collection, "files", lambda self: (begun.release(), go.wait(), ())[2])
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "articles", "arguments": {}}}
    headers = {"Accept": "application/json, text/event-stream"}
    with ThreadPoolExecutor(40) as calling:
        calls = [calling.submit(httpx.post, url + "/mcp", json=call, headers=headers, timeout=None) for _ in range(40)]
        try:
            for _ in calls:
                begun.acquire()
            assert httpx.get(url + "/healthz").json()["status"] == "ok"
            assert httpx.get(url + "/metrics").status_code == 200
        finally:
            go.set()
        assert {answer.result().status_code for answer in calls} == {200}


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
        (MARK | {"source": 7, "sha256": []}, 409),
        (MARK | {"source": "../x"}, 409),
        (MARK | {"sha256": "0" * 64}, 409),
        (MARK | {"document": 7}, 400),
        (MARK | {"start": 5, "end": 5}, 400),
        (MARK | {"question": " "}, 400),
    ],
)
def test_a_mark_that_makes_no_sense_is_refused(url: str, collection: Collection, body: object, status: int) -> None:
    assert httpx.post(url + "/mark", json=body).status_code == status
    assert not (collection.index / "review.jsonl").exists()


def test_a_mark_is_json(url: str) -> None:
    assert (
        httpx.post(url + "/mark", content=json.dumps(MARK), headers={"Content-Type": "text/plain"}).status_code == 415
    )


@pytest.mark.parametrize("path", ["/gradio_api/file=/etc/passwd", "/gradio_api/file=library.txt", "/yinju/../page.py"])
def test_no_file_of_the_server_is_served(url: str, path: str) -> None:
    assert httpx.get(url + path).status_code in (403, 404)


def test_no_file_of_the_server_passes_for_an_upload(url: str, collection: Collection, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("密道\n\n密道在后院的井边。\n", encoding="utf-8")
    listed = httpx.get(url + "/config").json()["dependencies"]
    (number,) = (one["id"] for one in listed if "upload" in [event for _, event in one["targets"]])
    sent = {"path": str(tmp_path / "secret.txt"), "orig_name": "a.txt", "meta": {"_type": "gradio.FileData"}}
    call = {"data": [[sent], "zh"], "fn_index": number, "session_hash": "forged"}
    assert httpx.post(url + "/gradio_api/queue/join", json=call).status_code == 200
    told = httpx.get(url + "/gradio_api/queue/data", params={"session_hash": "forged"}, timeout=60).text
    assert '"process_completed"' in told
    assert '"success":false' in told.replace(" ", "")
    assert sorted(collection.opened.sources) == sorted(ARTICLES)


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
