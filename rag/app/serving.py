"""Serving the page: its addresses beside the page itself, who may come in, and how much may be sent."""

import argparse
import base64
import binascii
import json
import logging
import re
import sys
from collections.abc import Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import gradio as gr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.app.api import Service, tools
from rag.app.ask import EXAMPLES
from rag.app.collection import MAX_UPLOAD, Collection
from rag.app.desk import Desk, questions_log
from rag.app.page import build_app
from rag.app.passwords import Passwords
from rag.app.render import HERE, render_article, render_no_article
from rag.app.review import Review, here_line
from rag.app.texts import LANGUAGES, Language, preferred_language
from rag.app.theme import THEME
from rag.engine import DEFAULT_INDEX, checked_question, open
from rag.errors import RagError

log = logging.getLogger(__name__)

STATIC = HERE / "static"
MAX_BODY = MAX_UPLOAD + 2**20  # bytes of one request: the files, and what the form puts around them
_MAX_MARK = 2**14  # bytes of a mark in an article
HASHES_WAITING = 8  # passwords; each takes about 0.1 s
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LOOPBACK_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
_OPEN_TO_ALL = ("/healthz", "/gradio_api/startup-events")  # the second is what Gradio calls when it starts
_ARTICLE_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-ancestors 'self'"


class Guard:
    """Lets in only who has a password, by HTTP Basic: to the page, its endpoints, the tools and their list alike.

    Who has come in before passes at once; other passwords are hashed one at a time while a few wait, so that guessing
    takes neither the machine nor the place of those who are in.
    """

    def __init__(self, app: ASGIApp, passwords: Passwords) -> None:
        self._app, self._passwords = app, passwords
        self._hashing = anyio.CapacityLimiter(1)
        self._guesses = 0  # that are hashed or wait; the limiter counts those late that have just come

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers 401, or 429 where too many passwords wait to be hashed."""
        if scope["type"] == "lifespan" or scope["path"] in _OPEN_TO_ALL:
            return await self._app(scope, receive, send)
        refusal = await self._refusal(_credentials(dict(scope["headers"]).get(b"authorization", b"")))
        return await (refusal or self._app)(scope, receive, send)

    async def _refusal(self, credentials: tuple[str, str] | None) -> Response | None:
        if credentials and self._passwords.knows(*credentials):
            return None
        if credentials:
            if self._guesses > HASHES_WAITING:
                return PlainTextResponse("429: too many passwords at once; try again in a moment\n", 429)
            match = partial(self._passwords.match, *credentials)
            self._guesses += 1
            try:
                if await anyio.to_thread.run_sync(match, limiter=self._hashing):
                    return None
            finally:
                self._guesses -= 1
        asking = {"WWW-Authenticate": 'Basic realm="Yinju", charset="UTF-8"'}
        return PlainTextResponse("401: name and password, please\n", 401, asking)


def _credentials(header: bytes) -> tuple[str, str] | None:
    """Name and password of an Authorization header, None where there are none."""
    scheme, _, value = header.partition(b" ")
    try:
        name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if name and password and scheme.lower() == b"basic" else None


class Limits:
    """Refuses what comes from the pages of other sites, and requests with more than `MAX_BODY` bytes; sends what keeps
    a browser from guessing and framing.

    A browser names the site of a page that sends something in `Origin`; scripts send none. The host is compared, not
    the scheme, as a proxy may speak HTTPS before this server. With `local` the server is this machine's own: only
    requests for a loopback name are taken, so that no page from elsewhere reaches it by a name of its own that leads
    here.
    """

    def __init__(self, app: ASGIApp, local: bool) -> None:
        self._app, self._local = app, local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers 403 or 413."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        headers = dict(scope["headers"])
        host, origin = (headers.get(name, b"").decode("latin-1").lower() for name in (b"host", b"origin"))
        if self._local and not _LOOPBACK_HOST.fullmatch(host):
            return await PlainTextResponse("403: no name of this server\n", 403)(scope, receive, send)
        if b"origin" in headers and not origin.endswith(f"://{host}"):
            return await PlainTextResponse("403: from a page of another site\n", 403)(scope, receive, send)
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MAX_BODY:
            return await PlainTextResponse(f"413: at most {MAX_BODY} bytes\n", 413)(scope, receive, send)
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MAX_BODY:
                raise ClientDisconnect
            return message

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"x-frame-options", b"SAMEORIGIN"),
                    (b"referrer-policy", b"same-origin"),
                ]
            await send(message)

        return await self._app(scope, counted, guarded)


def routes(desk: Desk) -> list[BaseRoute]:
    """The addresses beside the page."""
    return [
        Route("/article", partial(_article, desk)),
        Route("/mark", partial(_mark, desk), methods=["POST"]),
        *(Route(f"/yinju/{name}", partial(_file, name)) for name in ("page.css", "article.js")),
        Route("/healthz", partial(_health, desk)),
        Route("/metrics", lambda _: Response(desk.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")),
    ]


def _file(name: str, request: Request) -> Response:
    return FileResponse(STATIC / name)


def _health(desk: Desk, request: Request) -> Response:
    """Whether questions can be answered; nothing else, as this is open to all."""
    try:
        _ = desk.collection.opened
    except RagError:
        log.exception("not healthy")
        return JSONResponse({"status": "failing"}, 503)
    return JSONResponse({"status": "ok"})


def _article(desk: Desk, request: Request) -> Response:
    """The page of an article, with the range of its file that is asked for marked."""
    wanted = request.query_params
    language: Language = next(
        (code for code in LANGUAGES if code == wanted.get("lang")),
        preferred_language(request.headers.get("accept-language", "")),
    )
    headers = {"Content-Security-Policy": _ARTICLE_POLICY}
    opened = desk.collection.opened
    article = opened.article(wanted.get("source", ""))
    if article is None:
        return HTMLResponse(render_no_article(language), 404, headers)
    start, end = (int(value) if value.isdecimal() else 0 for value in (wanted.get(n, "") for n in ("start", "end")))
    changed = wanted.get("snapshot", opened.snapshot) != opened.snapshot
    html = render_article(
        article, start, end, language, question=wanted.get("q", ""), snapshot=opened.snapshot, changed=changed
    )
    return HTMLResponse(html, headers=headers)


async def _mark(desk: Desk, request: Request) -> Response:
    """Notes an answer that was marked in an article. No page of another site can: `Limits` refuses what it sends."""
    if request.headers.get("content-type") != "application/json":
        return JSONResponse({"error": "expected application/json"}, 415)
    body = await request.body()
    if len(body) > _MAX_MARK:
        return JSONResponse({"error": f"expected at most {_MAX_MARK} bytes"}, 413)
    try:
        line = await anyio.to_thread.run_sync(_marked, desk, json.loads(body))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        log.warning("a mark was refused: %s", error)
        expected = "expected question, source, sha256, and document, start and end of a text in it"
        return JSONResponse({"error": expected}, 400)
    if line is None:
        return JSONResponse(
            {"error": "the article was changed meanwhile: open it again, and mark the answer there"}, 409
        )
    return JSONResponse(line)


def _marked(desk: Desk, mark: dict[str, Any]) -> dict[str, Any] | None:
    """The line noted; None when the article is no longer the one that was shown."""
    article = desk.collection.opened.article(str(mark["source"]))
    if article is None or article.sha256 != str(mark["sha256"]):
        return None
    place = (int(mark[name]) for name in ("document", "start", "end"))
    line = here_line(checked_question(mark["question"]), article, *place)
    Review(desk.collection.index).append(line)
    return line


def serve(
    collection: Collection,
    host: str,
    port: int,
    *,
    passwords: Passwords | None = None,
    log_questions: bool = False,
) -> gr.Blocks:
    """Serves the page until it is closed, from threads of its own. Nothing in it calls a host other than this one.

    Raises:
        OSError: the port is taken.
    """
    desk = Desk(collection, log_questions=log_questions)
    page = build_app(desk)
    server = tools(Service(desk))
    tool_routes = server.streamable_http_app().routes

    @asynccontextmanager
    async def lifespan(_: Starlette) -> Any:
        async with server.session_manager.run():
            yield

    # Who has to bring a password needs no loopback name: a proxy on this machine may pass its own name on.
    guards = [Middleware(Limits, local=host in _LOOPBACK and passwords is None)]
    guards += [Middleware(Guard, passwords=passwords)] if passwords else []
    page.launch(
        server_name=host,
        server_port=port,
        prevent_thread_lock=True,
        theme=THEME,
        css=(STATIC / "page.css").read_text(encoding="utf-8"),
        head=f"<script>{(STATIC / 'page.js').read_text(encoding='utf-8')}</script>",
        footer_links=["api"],
        share=False,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        max_threads=64,  # more than the desk has places, so that whom it turns away is told at once
        max_file_size=MAX_BODY,
        app_kwargs={
            "routes": [*routes(desk), *tool_routes],
            "middleware": guards,
            "lifespan": lifespan,
            "docs_url": None,
            "redoc_url": None,
            "openapi_url": None,
        },
        quiet=True,
    )
    return page


def main(arguments: Sequence[str] | None = None) -> None:
    """Opens an index, by default `index/`, built from `seeds/` first where that is due, and serves the page."""
    parser = argparse.ArgumentParser(description="Ask the articles in a browser.")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s, this computer only)"
    )
    parser.add_argument("--port", type=int, default=7860, help="port to listen on (default: %(default)s)")
    parser.add_argument("--index", metavar="DIR", type=Path, help="an index that was built (default: index/)")
    parser.add_argument(
        "--auth-file",
        metavar="FILE",
        type=Path,
        help="let in only the people of this file; `python -m rag.app.passwords NAME` prints a line for it",
    )
    parser.add_argument(
        "--log-questions", action="store_true", help="log the questions too, not only what became of them"
    )
    options = parser.parse_args(arguments)
    _log_to_stderr()
    try:
        passwords = Passwords(options.auth_file) if options.auth_file else None
        if options.index is None:
            open()  # builds the index where that is due
        collection = Collection(options.index or DEFAULT_INDEX)
        page = _listening(collection, options, passwords)
        sys.stdout.write(f"Yinju answers at {page.local_url} (Ctrl+C stops it)\n")
        sys.stdout.flush()
        collection.engine.answer(EXAMPLES[0])  # loads what is loaded late, while the first visitor looks around
    except RagError as error:
        sys.exit(f"app.py: {error}")
    page.block_thread()


def _listening(collection: Collection, options: argparse.Namespace, passwords: Passwords | None) -> gr.Blocks:
    try:
        return serve(collection, options.host, options.port, passwords=passwords, log_questions=options.log_questions)
    except (OSError, OverflowError):
        sys.exit(f"app.py: cannot listen on {options.host}, port {options.port}; choose another with --host or --port")


def _log_to_stderr() -> None:
    """Warnings as text, and one JSON object a line for every question."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    questions_log.addHandler(handler)
    questions_log.setLevel(logging.INFO)
    questions_log.propagate = False
