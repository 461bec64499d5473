"""Documents to passages: a paragraph each, a long one split at sentence ends."""

import math
import re
from collections.abc import Iterator

from rag.documents.characters import CJK
from rag.types import Article, Block, Document, Passage

# The longest official's paragraph of the seeds has 263 characters, nearly all paragraphs of CMRC 2018 have less than
# 1,000. At 500 a Chinese passage with its title stays below the 512 tokens that the encoder sees.
MAX_PASSAGE = 500

_CLOSING = "[”’\"'」』)\uff09】》]"
# A mark that a comma or a small letter follows ends no sentence: it is quoted, or stands for a destroyed character.
_MARKS = r"[。!?\uff01\uff1f…]+(?![,\uff0c、;\uff1b:\uff1aa-zāáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜ])"
# A full stop or semicolon of an alphabet ends one before a space only.
_STOPS = rf"[.;](?={_CLOSING}*\s)"
# A line end inside a paragraph stands between words of an alphabet and ends no sentence; one next to a CJK character or
# to another white space ends a paragraph, in a text that was not cleaned.
_LINE_ENDS = rf"(?<=[{CJK}])\n|\n(?=[{CJK}\s])"
_SENTENCE_END = re.compile(rf"(?:{_MARKS}|{_STOPS}|{_LINE_ENDS}){_CLOSING}*\s*")
_CLAUSE_END = re.compile(r"[,\uff0c;\uff1b、:\uff1a]\s*|\s+")


def passages_of(article: Article) -> tuple[Passage, ...]:
    """All passages of a file in the order they stand there, with ids that number them from 1."""
    parts = [
        (document, title, section, paragraph, start, end)
        for document in article.documents
        for title in (document.title,)
        for section, paragraph, block in _paragraphs(document)
        for start, end in split(document.text, block.start, block.end)
    ]
    return tuple(
        Passage(
            id=f"{article.source}#{number}",
            source=article.source,
            kind=document.kind,
            title=title,
            section=section,
            date=document.date,
            publisher=document.publisher,
            paragraph=paragraph,
            text=document.text[start:end],
            alignment=document.alignment.slice(start, end),
        )
        for number, (document, title, section, paragraph, start, end) in enumerate(parts, start=1)
    )


def _paragraphs(document: Document) -> Iterator[tuple[str, int, Block]]:
    """Each paragraph with its section, the headings that stand above it, and its number from 1."""
    headings: list[str] = []
    number = 0
    after_paragraph = True
    for block in document.blocks:
        if block.kind == "heading":
            headings = [] if after_paragraph else headings
            headings.append(document.text[block.start : block.end])
        elif block.kind == "paragraph":
            number += 1
            yield " ".join(headings), number, block
        after_paragraph = block.kind == "paragraph"


def sentences(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """The ranges of the sentences of `text[start:end]`; they tile it, closing quotes and spaces with the sentence."""
    return _cut(text, start, len(text) if end is None else end, _SENTENCE_END)


def split(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Ranges that tile `text[start:end]`, each of at most `MAX_PASSAGE` characters, of about equal length.

    Cut at sentence ends; a longer sentence at clause ends, and what has not even these at the length itself.
    """
    if end - start <= MAX_PASSAGE:
        return [(start, end)]
    target = math.ceil((end - start) / math.ceil((end - start) / MAX_PASSAGE))
    pieces = [piece for sentence in sentences(text, start, end) for piece in _shorten(text, *sentence)]
    parts: list[tuple[int, int]] = []
    first, last = pieces[0]
    for piece_start, piece_end in pieces[1:]:
        # Closing a part early is allowed once it has reached its share; it must close before it grows too long.
        if piece_end - first > MAX_PASSAGE or last - first >= target:
            parts.append((first, last))
            first = piece_start
        last = piece_end
    return [*parts, (first, last)]


def _shorten(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """A sentence in pieces of at most `MAX_PASSAGE` characters."""
    if end - start <= MAX_PASSAGE:
        return [(start, end)]
    return [
        (first, min(first + MAX_PASSAGE, clause_end))
        for clause_start, clause_end in _cut(text, start, end, _CLAUSE_END)
        for first in range(clause_start, clause_end, MAX_PASSAGE)
    ]


def _cut(text: str, start: int, end: int, pattern: re.Pattern[str]) -> list[tuple[int, int]]:
    cuts = [match.end() for match in pattern.finditer(text, start, end) if match.end() < end]
    return list(zip([start, *cuts], [*cuts, end], strict=True))
