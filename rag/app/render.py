"""From values to HTML, by templates that escape whatever stands in articles, questions and names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rag.app.collection import MAX_UPLOAD, Change, Held
from rag.app.desk import Reply
from rag.app.texts import TEXTS, Language, say
from rag.errors import RagError
from rag.evaluate import Group, Outcome, Question
from rag.measures import risk_coverage
from rag.types import Article, Citation, Document, Passage

HERE = Path(__file__).parent
Notice = Literal["start", "empty", "busy", "slow", "failed"]  # a key of the texts
Shown = Reply | RagError | Notice  # what the result area shows

MAX_ROWS = 500  # files in the table of articles; more make the page slow
MAX_ARTICLE = 300_000  # characters of an article on its page; more make a browser slow


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_sendable,
    )
    environment.filters["percent"] = percent
    environment.globals.update(address=article_address, level=level, say=say)
    return environment


def _sendable(value: Any) -> Any:
    """Text without lone surrogates, which no page can carry."""
    return value.encode("utf-8", "replace").decode() if type(value) is str else value


def _html(template: str, language: Language, **values: Any) -> str:
    return _environment().get_template(template).render(texts=TEXTS[language], **values)


# ------------------------------------------------------------------------------------------------------------ Asking


def render_header(language: Language) -> str:
    """The head of the page."""
    return _html("header.html", language)


def render(shown: Shown, language: Language) -> str:
    """The result area as one block of HTML.

    Its first element is always there and live, so that a screen reader speaks what changes in it.
    """
    reply = shown if isinstance(shown, Reply) else None
    error = shown if isinstance(shown, RagError) else None
    notice = shown if isinstance(shown, str) else ""
    return _html("answer.html", language, reply=reply, error=error, notice=notice, quoted=_quoted)


def render_history(history: Sequence[Reply], language: Language) -> str:
    """The questions of the session, the last one first; each can be asked again."""
    return _html("history.html", language, history=list(reversed(history)))


@dataclass(frozen=True, slots=True)
class _Source:
    """What a card shows: a citation with its quote, or a passage that is no answer."""

    place: Citation | Passage
    before: str
    quote: str
    after: str

    @property
    def text(self) -> str:
        """The passage."""
        return self.before + self.quote + self.after

    def line(self, language: Language) -> str:
        """The quote with its source, to be pasted into a text."""
        texts, place = TEXTS[language], self.place
        parts = (place.title, place.section, place.date, place.publisher, place.source)
        return texts["copy_line"].format(
            quote=self.quote or self.text,
            place=texts["copy_separator"].join(part for part in parts if part),
            start=place.start,
            end=place.end,
        )


def _quoted(place: Citation | Passage) -> _Source:
    if isinstance(place, Passage):
        return _Source(place, place.text, "", "")
    text = place.passage
    return _Source(place, text[: place.quote_start], place.quote, text[place.quote_end :])


def level(confidence: float) -> Literal["high", "middle", "low"]:
    """A confidence in words, as a key of the texts: right nine times in ten, more often than not, or less often."""
    return "high" if confidence >= 0.9 else "middle" if confidence >= 0.5 else "low"


def percent(confidence: float) -> str:
    """Rounded down, so that it never says more than the system knows; never 0 % and never 100 %."""
    whole = min(int(confidence * 100), 99)
    return f"{whole}%" if whole else "<1%"


# ---------------------------------------------------------------------------------------------------------- Articles


def article_address(place: Citation | Passage | Held, snapshot: str, question: str, language: str) -> str:
    """The address, relative to the page, at which an article is shown with the place marked."""
    start, end = (0, 0) if isinstance(place, Held) else (place.start, place.end)
    asked = {"source": place.source, "start": start, "end": end, "snapshot": snapshot, "q": question, "lang": language}
    return "article?" + urlencode({name: value for name, value in asked.items() if value != ""}, errors="replace")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of a block: `text`, within the marked range or not."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class _Block:
    """A block of an article as it is shown."""

    kind: str
    document: int  # its number in the file, from 0
    start: int  # where the shown text begins in the text of its document
    pieces: tuple[_Piece, ...]
    here: bool  # the first one of the page with a marked piece: where it is scrolled to


def render_article(
    article: Article, start: int, end: int, language: Language, *, question: str, snapshot: str, changed: bool
) -> str:
    """The page of an article, with the raw range `[start, end)` marked where it stands in the cleaned text.

    With a `question` an answer to it can be marked there. `changed` says that the place is one in another version.
    """
    blocks = list(_blocks(article.documents, start, end))
    shortened = sum(len(document.text) for document in article.documents) > MAX_ARTICLE
    title = next((document.title for document in article.documents if document.title), "")
    return _html(
        "article.html",
        language,
        article=article,
        title=title,
        blocks=blocks,
        question=question,
        snapshot=snapshot,
        changed=changed,
        shortened=shortened,
    )


def render_no_article(language: Language) -> str:
    """The page in place of an article that is not there."""
    return _html("no_article.html", language)


def text_range(document: Document, start: int, end: int) -> tuple[int, int]:
    """The range of a document's text whose characters stand in the raw range `[start, end)`, empty without any."""
    found_start = found_end = position = 0
    for raw_start, raw_end in document.alignment.ranges:
        if raw_start < start:
            found_start = position + min(start, raw_end) - raw_start
        if raw_start < end:
            found_end = position + min(end, raw_end) - raw_start
        position += raw_end - raw_start
    return found_start, max(found_start, found_end)


def _blocks(documents: Sequence[Document], start: int, end: int) -> Iterator[_Block]:
    """The blocks of all documents, one after the other; of a very long article those around the marked range."""
    marks = [text_range(document, start, end) for document in documents]
    bases = [0, *accumulate(len(document.text) for document in documents)]
    middle = next((base + first for base, (first, last) in zip(bases, marks, strict=False) if first < last), 0)
    begin = max(0, middle - MAX_ARTICLE // 2) if bases[-1] > MAX_ARTICLE else 0
    seen = False
    for number, (document, base, (first, last)) in enumerate(zip(documents, bases, marks, strict=False)):
        for block in document.blocks:
            shown = max(block.start, begin - base), min(block.end, begin + MAX_ARTICLE - base)
            if shown[0] >= shown[1]:
                continue
            cuts = sorted({*shown, *(cut for cut in (first, last) if shown[0] < cut < shown[1])})
            pieces = [
                _Piece(document.text[piece_start:piece_end], first <= piece_start and piece_end <= last)
                for piece_start, piece_end in pairwise(cuts)
            ]
            here = not seen and any(piece.marked for piece in pieces)
            seen = seen or here
            yield _Block(block.kind, number, shown[0], tuple(pieces), here)


def render_articles(files: Sequence[Held], snapshot: str, language: Language) -> str:
    """The collection as a table."""
    return _html(
        "articles.html",
        language,
        files=files[:MAX_ROWS],
        more=max(0, len(files) - MAX_ROWS),
        count=len(files),
        passages=sum(file.passages for file in files),
        snapshot=snapshot,
        most=MAX_UPLOAD,
    )


def render_change(change: Change | None, error: RagError | None, language: Language) -> str:
    """What adding or removing did, file by file; `error` is what kept it from being done."""
    return _html("change.html", language, change=change, error=error)


# ----------------------------------------------------------------------------------------------------------- Quality

COLUMNS = ("recall_at_5", "right", "settled", "answered_right", "exact_match", "f1", "abstention_recall")


@dataclass(frozen=True, slots=True)
class Examined:
    """A question set that was run over one version of the collection."""

    snapshot: str
    questions: tuple[Question, ...]
    outcomes: tuple[Outcome, ...]  # of the questions, in their order
    groups: Mapping[str, Group]  # the measures, of all questions and of each group

    @property
    def misses(self) -> tuple[tuple[Question, Outcome], ...]:
        """The questions that were not settled."""
        pairs = zip(self.questions, self.outcomes, strict=True)
        return tuple((question, outcome) for question, outcome in pairs if outcome.loss)

    @property
    def curve(self) -> tuple[tuple[float, float], ...]:
        """Coverage and risk, 0 to 1: the share of wrong answers among the most confident share of all questions."""
        risks = risk_coverage([o.confidence for o in self.outcomes], [o.found_right for o in self.outcomes])
        return tuple((number / len(risks), float(risk)) for number, risk in enumerate(risks, start=1))


def render_quality(examined: Examined | None, error: RagError | None, language: Language) -> str:
    """The measures, the risk-coverage curve, and the misses; `error` is what kept the set from being run."""
    return _html("quality.html", language, examined=examined, error=error, columns=COLUMNS)
