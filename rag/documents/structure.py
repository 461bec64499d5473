"""Lines to documents: head and foot cut off, items told apart, titles, headings and broken paragraphs found."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from rag.documents import furniture, metadata
from rag.documents.characters import Ranges, kept, line_end_after, lines, numbers_page, strip
from rag.documents.lines import Line, damaged
from rag.documents.wrapping import Margin, margin_of
from rag.types import Alignment, Block, BlockKind, Document, DocumentKind, Removed

# More heading-like lines than these in a row are a list, not headings: title and subtitle at the most.
_MAX_HEADINGS_IN_A_ROW = 2
# What stands above an article. Contacts and notices stand below; above, a title on such matters might be taken for one.
_HEAD_FURNITURE = ("separator", "navigation", "credit")


@dataclass(slots=True)
class _Draft:
    """A document while it is put together; its blocks are raw ranges."""

    kind: DocumentKind
    date: str | None = None
    publisher: str | None = None
    blocks: list[tuple[BlockKind, int, int]] = field(default_factory=list)

    def add(self, kind: BlockKind, line: Line) -> None:
        self.blocks.append((kind, line.start, line.end))

    def lengthen(self, line: Line) -> None:
        kind, start, _ = self.blocks[-1]
        self.blocks[-1] = (kind, start, line.end)


def structure(raw: str, source: str) -> tuple[tuple[Document, ...], tuple[Removed, ...]]:
    """The documents in the text of one file, in order, and what of the file belongs to none."""
    found, removed = _read_lines(raw)
    margin = margin_of(found)
    found = _without_foot(found, removed)
    found = _without_menus(found, removed)
    drafts: list[_Draft] = []
    while found:
        related = next((i for i, line in enumerate(found) if line.opens_related), len(found))
        removed += [Removed(line.start, line.end, "navigation") for line in found[related : related + 1]]
        main, rest = _without_foot(found[:related], removed), found[related + 1 :]
        drafts += [_article(item, margin, removed) for item in _items(main)]
        resumed = _resumption(rest)
        drafts += _teasers(rest[:resumed], removed)
        found = rest[resumed:]
    documents = tuple(_finish(raw, source, draft) for draft in drafts if draft.blocks)
    return documents, tuple(sorted(removed, key=lambda part: part.start))


def _read_lines(raw: str) -> tuple[list[Line], list[Removed]]:
    found: list[Line] = []
    removed: list[Removed] = []
    after_blank = False
    for line_start, line_end in lines(raw):
        start, end = strip(raw, line_start, line_end)
        if start < end and not numbers_page(raw, start, end):
            text = "".join(raw[a:b] for a, b in kept(raw, start, end))
            found.append(Line(start, end, text, raw[line_start:start], after_blank))
            after_blank = False
        else:
            after_blank = True
            removed += [Removed(start, end, "page number")] if start < end else []
    return found, removed


def _without_menus(found: list[Line], removed: list[Removed]) -> list[Line]:
    """`found` without what would open related articles but stands above the first paragraph: it is part of a menu."""
    first = next((i for i, line in enumerate(found) if line.is_paragraph), 0)
    removed += [Removed(line.start, line.end, "navigation") for line in found[:first] if line.opens_related]
    return [line for i, line in enumerate(found) if i >= first or not line.opens_related]


def _resumption(related: Sequence[Line]) -> int:
    """Where the page goes on below related articles: paragraphs follow one another, more than a teaser shows."""
    return next(
        (i for i, pair in enumerate(pairwise(related)) if all(line.is_paragraph for line in pair)), len(related)
    )


def _without_foot(found: list[Line], removed: list[Removed]) -> list[Line]:
    """`found` up to the last line that is no furniture; what stands among contact lines goes with them."""
    last = len(found)
    while last:
        line = found[last - 1]
        reason = line.furniture or _contact_beside(found, last - 1)
        if reason is None or (line.furniture == "contact" and _tells_contact(found[:last])):
            break
        removed.append(Removed(line.start, line.end, reason))
        last -= 1
    return found[:last]


def _tells_contact(found: Sequence[Line]) -> bool:
    """Whether the contact lines at the end are sentences of the article, which stand directly under its text."""
    above = next((line for line in reversed(found) if line.furniture != "contact" or not line.ends_sentence), None)
    return found[-1].ends_sentence and above is not None and above.furniture is None


def _contact_beside(found: Sequence[Line], i: int) -> furniture.Furniture | None:
    """Whether the line is furniture because of the contact lines directly beside it."""
    line = found[i]
    below = i + 1 < len(found) and not found[i + 1].after_blank and found[i + 1].furniture == "contact"
    above = i > 0 and not line.after_blank and found[i - 1].furniture == "contact"
    named = below and furniture.names_contact(line.folded)
    return "contact" if named or (above and below and furniture.invites_contact(line.folded)) else None


def _items(found: Sequence[Line]) -> Iterator[list[Line]]:
    """Several items on one page: a heading begins the next after the byline that ends one, or above a byline."""
    item: list[Line] = []
    has_body = False
    for i, line in enumerate(found):
        item.append(line)
        has_body = has_body or not (line.is_title or line.is_byline)
        following = found[i + 1] if i + 1 < len(found) else None
        if following is None or not has_body or not following.is_heading or following.is_enumerated:
            continue
        if line.is_byline or (line.is_closed and i + 2 < len(found) and found[i + 2].is_byline):
            yield item
            item, has_body = [], False
    if item:
        yield item


def _article(item: Sequence[Line], margin: Margin | None, removed: list[Removed]) -> _Draft:
    """One article: its head read and cut off, then headings and paragraphs."""
    draft = _Draft("article")
    body = _without_foot(_read_head(item, draft, removed), removed)
    goes_on = [_goes_on(line, following, margin) for line, following in pairwise(body)]
    headings = _headings(body, goes_on)
    title = min(headings) if headings and not draft.blocks and body[0].opens_editors_note else None
    for i, line in enumerate(body):
        if i in headings:
            draft.add("title" if i == title else "heading", line)
        elif i and goes_on[i - 1] and i - 1 not in headings:
            draft.lengthen(line)
        else:
            draft.add("paragraph", line)
    if not body:  # nothing but a title: then it is the text
        draft.blocks = [("paragraph", start, end) for _, start, end in draft.blocks]
    return draft


def _read_head(item: Sequence[Line], draft: _Draft, removed: list[Removed]) -> list[Line]:
    """Takes navigation, title and the line with date and publisher from the top; returns what follows.

    A byline below the title stays, also where the line with the date follows it.
    """
    speakers = {label for label, count in Counter(line.label for line in item).items() if label and count > 1}
    position = 0
    bylines: list[Line] = []
    for position, line in enumerate(item):
        titled = bool(draft.blocks)
        following = item[position + 1].folded if position + 1 < len(item) else ""
        dated = metadata.is_metadata(line.folded, titled) and not metadata.tells_event(line.folded, following)
        reason = "metadata" if dated or metadata.is_record(line.folded) else line.furniture
        if reason == "metadata" or reason in _HEAD_FURNITURE:
            removed.append(Removed(line.start, line.end, reason))
            draft.date = draft.date or line.date
            draft.publisher = draft.publisher or line.publisher
        elif titled and line.is_byline:
            bylines.append(line)
        elif not titled and line.is_title and line.label not in speakers and position + 1 < len(item):
            draft.add("title", line)
        else:
            return bylines + list(item[position:])
    return bylines


def _headings(body: Sequence[Line], goes_on: Sequence[bool]) -> set[int]:
    """Which lines are headings: short ones that stand alone, few together, above a paragraph, and are no list."""
    found: set[int] = set()
    run: list[int] = []
    for i, line in enumerate(body):
        joined = (i and goes_on[i - 1]) or (i < len(goes_on) and goes_on[i])
        if line.is_heading and not joined:
            run.append(i)
            continue
        if 0 < len(run) <= _MAX_HEADINGS_IN_A_ROW and not _lists(body[max(0, run[0] - 1) : i + 1], len(run)):
            found |= set(run)
        run = []
    return found


def _lists(lines: Sequence[Line], count: int) -> bool:
    """Whether the `count` short lines before the last of `lines` are items of a list, as the line above them may tell.

    They are below a line that announces them, next to each other or to that line with numbers of the same kind, or
    numbered without a paragraph below.
    """
    *above, last = lines
    items = above[-count:]
    return (
        (len(above) > count and above[0].announces)
        or any(a.enumeration and a.enumeration == b.enumeration for a, b in pairwise(above))
        or (any(item.is_enumerated for item in items) and not last.is_closed)
    )


def _goes_on(line: Line, following: Line, margin: Margin | None) -> bool:
    """Whether the paragraph of `line` goes on in `following`: both cut by the margin, or torn by a page break."""
    return (margin is not None and margin.cuts(line, following)) or line.breaks_off(following)


def _teasers(found: Sequence[Line], removed: list[Removed]) -> list[_Draft]:
    """Titles and beginnings of other articles, each once: a page often shows a title again as its picture's text."""
    drafts: list[_Draft] = []
    titles: set[str] = set()
    for line in found:
        if line.furniture is not None:
            removed.append(Removed(line.start, line.end, line.furniture))
        elif line.text in titles:
            removed.append(Removed(line.start, line.end, "repeated title"))
        elif line.is_title:
            titles.add(line.text)
            drafts.append(_Draft("teaser"))
            drafts[-1].add("title", line)
        else:
            drafts += [] if drafts else [_Draft("teaser")]
            drafts[-1].add("paragraph", line)
    return drafts


def _finish(raw: str, source: str, draft: _Draft) -> Document:
    """The document: its blocks one a line, each line end taken from the raw file behind the block."""
    ranges: Ranges = []
    blocks: list[Block] = []
    position = 0
    for kind, start, end in draft.blocks:
        if ranges:
            line_end = line_end_after(raw, ranges[-1][1])
            ranges.append((line_end, line_end + 1))
            position += 1
        block = kept(raw, start, end)
        length = sum(last - first for first, last in block)
        blocks.append(Block(kind, position, position + length))
        position += length
        ranges += block
    alignment = Alignment.of(ranges)
    text = alignment.apply(raw)
    return Document(source, draft.kind, draft.date, draft.publisher, text, alignment, tuple(blocks), damaged(text))
