"""What scripts and tools can do: the same functions as endpoints of the page and as MCP tools. Results are JSON."""

import functools
import inspect
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args, get_type_hints

import anyio
import anyio.to_thread
import gradio as gr
from gradio.events import api
from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings

from rag.app.collection import named, plain_name, public
from rag.app.desk import READ, Desk
from rag.app.review import Review, right_line, wrong_line
from rag.errors import DocumentError, QuestionError, RagError
from rag.types import Candidate

F = TypeVar("F", bound=Callable[..., Any])

log = logging.getLogger(__name__)

_MOST = 50  # passages read or returned for one question; reading takes some 10 ms each
_KINDS: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}
_THREADS = 64  # for the tools; more than the desk has places, so that whom it turns away is told at once


class Service:
    """The functions. Each takes and returns plain JSON types, and raises `RagError`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._collection = desk.collection

    def ask(self, question: str, top_k: int = READ, min_confidence: float | None = None) -> dict[str, Any]:
        """Answers a question in the exact words of the articles, with citations, or abstains.

        Args:
            question: the question, at most 1000 characters, in Chinese or English.
            top_k: how many passages are read for it, 1 to 50.
            min_confidence: the confidence, 0 to 1, below which it abstains; null for the default.
        """
        return self._desk.ask(question, _within("top_k", top_k), min_confidence).to_dict()

    def search(self, question: str, k: int = 10) -> list[dict[str, Any]]:
        """Finds the passages that fit a question, best first, with their ranks, scores and places in the files.

        Args:
            question: what to look for, at most 1000 characters.
            k: how many passages, 1 to 50.
        """
        return [_candidate(found) for found in self._desk.search(question, _within("k", k))]

    def articles(self) -> list[dict[str, Any]]:
        """Lists the files of the collection with title, date, number of passages, and warnings."""
        return [file.to_dict() for file in self._collection.files()]

    def article(self, source: str) -> dict[str, Any]:
        """Returns one article: the raw text that offsets count in, and the cleaned documents found in it.

        Args:
            source: the file name, as citations have it.
        """
        opened = self._collection.opened
        article = opened.article(source)
        if article is None:
            raise DocumentError(
                f"the collection has no file {plain_name(source)!r}: expected one that `articles` lists"
            )
        documents = [
            {"kind": d.kind, "title": d.title, "date": d.date, "publisher": d.publisher, "text": d.text}
            for d in article.documents
        ]
        return {"source": source, "snapshot": opened.snapshot, "raw": article.raw, "documents": documents}

    def add_article(self, title: str, text: str) -> dict[str, Any]:
        """Adds an article to the collection and indexes it. Returns when it can be asked about.

        Args:
            title: its title, which becomes its first line; may be empty.
            text: its text.
        """
        return self._desk.add([named(title, text)], _unseen).to_dict()

    def remove_article(self, source: str) -> dict[str, Any]:
        """Removes a file from the collection; the file itself is kept in the index folder.

        Args:
            source: the file name, as `articles` lists it.
        """
        return self._desk.remove([source], _unseen).to_dict()

    def judge(self, question: str, right: bool) -> dict[str, Any]:
        """Asks a question and notes in the review file whether its answer is right. Returns the line noted.

        Args:
            question: the question.
            right: whether its answer, or its abstention, is right.
        """
        answer = self._desk.ask(question).answer
        line = right_line(answer) if right else wrong_line(answer)
        Review(self._collection.index).append(line)
        return line

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """All of them, by their names."""
        return (
            *(self.ask, self.search, self.articles, self.article),
            *(self.add_article, self.remove_article, self.judge),
        )


def register(service: Service) -> None:
    """Makes the functions endpoints of the page that is being laid out, each by its name."""
    for function in service.functions:
        api(_reporting(function, _gradio_error), api_name=function.__name__, concurrency_limit=None)


def tools(service: Service) -> FastMCP[Any]:
    """An MCP server with the functions as its tools, for streamable HTTP at `/mcp`.

    Gradio's own would give results as Python writes them, and list its tools to whoever asks. Pages of other sites
    are refused before a request comes here, see `rag.app.serving.Limits`.
    """
    server: FastMCP[Any] = FastMCP(
        "Yinju",
        instructions="Answers questions in the exact words of a collection of articles, with citations.",
        json_response=True,
        stateless_http=True,
        log_level="WARNING",
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    limiter = anyio.CapacityLimiter(_THREADS)
    for function in service.functions:
        server.add_tool(_in_thread(_reporting(function, ToolError), limiter))
    return server


def _gradio_error(message: str) -> gr.Error:
    return gr.Error(message, print_exception=False)


def _reporting(function: F, error_of: Callable[[str], Exception]) -> F:
    """`function`, its arguments checked, raising what its caller understands, with a message a visitor may read."""

    @functools.wraps(function)
    def call(*values: Any, **named_values: Any) -> Any:
        try:
            _check_kinds(function, inspect.signature(function).bind(*values, **named_values).arguments)
            return function(*values, **named_values)
        except RagError as error:
            raise error_of(str(public(error))) from error
        except Exception as error:
            log.exception("%s failed", function.__name__)
            raise error_of(str(public(error))) from error

    return call  # type: ignore[return-value]


def _check_kinds(function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Gradio hands on whatever JSON came."""
    hints = get_type_hints(function)
    for name, value in arguments.items():
        kinds = get_args(hints[name]) or (hints[name],)
        if type(value) not in kinds and not (type(value) is int and float in kinds):
            expected = " or ".join(_KINDS[kind] for kind in kinds)
            raise QuestionError(f"{name} is {json.dumps(value, ensure_ascii=False):.50}: expected {expected}")


def _in_thread(function: F, limiter: anyio.CapacityLimiter) -> Callable[..., Any]:
    """`function`, called without holding up the server, in threads that are none of its own."""

    @functools.wraps(function)
    async def call(**values: Any) -> Any:
        return await anyio.to_thread.run_sync(lambda: function(**values), limiter=limiter)

    return call


def _within(name: str, count: int) -> int:
    if not 1 <= count <= _MOST:
        raise QuestionError(f"{name} is {count}: expected a number from 1 to {_MOST}")
    return count


def _unseen(what: str, done: int, of: int) -> None:
    """Progress that nobody watches."""
    log.debug("%s: %d of %d", what, done, of)


def _candidate(found: Candidate) -> dict[str, Any]:
    return {"score": found.score, **found.ranks, "passage": found.passage.to_dict()}
