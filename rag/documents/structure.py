"""Lines to documents: head and foot cut off, items told apart, titles, headings and broken paragraphs found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rag.documents.characters import Ranges, bridge, kept_in_line, lines
from rag.documents.lines import Line, damaged
from rag.types import Alignment, Block, BlockKind, Document, DocumentKind, Removed

# More heading-like lines than these in a row are a list, not headings: title and subtitle at the most.
_MAX_HEADINGS_IN_A_ROW = 2


@dataclass(slots=True)
class _Draft:
    """A document while it is put together."""

    kind: DocumentKind
    title: str = ""
    date: str | None = None
    publisher: str | None = None
    blocks: list[tuple[BlockKind, Ranges]] = field(default_factory=list)


def structure(raw: str, source: str) -> tuple[tuple[Document, ...], tuple[Removed, ...]]:
    """The documents in the text of one file, in order, and what of the file belongs to none."""
    found, removed = _read_lines(raw)
    found = _without_foot(found, removed)
    related = next((i for i, line in enumerate(found) if line.opens_related), len(found))
    main, rest = found[:related], found[related + 1 :]
    removed += [Removed(line.start, line.end, "navigation") for line in found[related : related + 1]]
    drafts = [draft for item in _items(_without_foot(main, removed)) for draft in _article(raw, item, removed)]
    drafts += _teasers(raw, rest, removed)
    documents = tuple(_finish(raw, source, draft) for draft in drafts if draft.blocks)
    return documents, tuple(sorted(removed, key=lambda part: part.start))


def _read_lines(raw: str) -> tuple[list[Line], list[Removed]]:
    found: list[Line] = []
    removed: list[Removed] = []
    after_blank = False
    for start, end in lines(raw):
        kept = kept_in_line(raw, start, end)
        if kept:
            found.append(Line(start, end, kept, "".join(raw[a:b] for a, b in kept), after_blank))
        elif raw[start:end].strip():
            removed.append(Removed(start, end, "page number"))
        after_blank = not kept
    return found, removed


def _without_foot(found: list[Line], removed: list[Removed]) -> list[Line]:
    """`found` up to the last line that is no furniture; the talk between contact lines goes with them."""
    last = len(found)
    while last:
        line = found[last - 1]
        reason: str | None = line.furniture
        beside_contact = last < len(found) and found[last].furniture == "contact" and not found[last].after_blank
        if reason is None and line.is_contact_talk and beside_contact:
            reason = "contact"
        if reason is None:
            break
        removed.append(Removed(line.start, line.end, reason))
        last -= 1
    return found[:last]


def _items(found: Sequence[Line]) -> Iterable[list[Line]]:
    """Several items on one page: after the byline that ends one, a heading begins the next."""
    item: list[Line] = []
    for line, following in zip(found, [*found[1:], None], strict=True):
        item.append(line)
        has_body = any(not (other.is_title or other.is_byline) for other in item)
        if line.is_byline and has_body and following is not None and following.is_heading:
            yield item
            item = []
    if item:
        yield item


def _article(raw: str, item: Sequence[Line], removed: list[Removed]) -> Iterable[_Draft]:
    """One article: its head read and cut off, then headings and paragraphs."""
    draft = _Draft("article")
    body = _read_head(item, draft, removed)
    body = _without_foot(body, removed)
    headings = _headings(body, draft)
    broken = False
    for i, line in enumerate(body):
        if i in headings:
            draft.blocks.append(("heading", line.kept))
        elif broken:
            _, paragraph = draft.blocks[-1]
            paragraph += bridge(raw, paragraph[-1][1], line.kept[0][0]) + line.kept
        else:
            draft.blocks.append(("paragraph", list(line.kept)))
        following = body[i + 1] if i + 1 < len(body) else None
        broken = (
            i not in headings
            and following is not None
            and i + 1 not in headings
            and line.joins(following)
            and not _something_between(line, following, removed)
        )
    if any(kind == "paragraph" for kind, _ in draft.blocks):
        yield draft


def _read_head(item: Sequence[Line], draft: _Draft, removed: list[Removed]) -> list[Line]:
    """Takes navigation, title and the line with date and publisher from the top; returns what follows."""
    position = 0
    for position, line in enumerate(item):
        if (reason := "metadata" if line.is_metadata else line.furniture) is not None:
            removed.append(Removed(line.start, line.end, reason))
            draft.date = draft.date or line.date
            draft.publisher = draft.publisher or line.publisher
        elif not draft.title and line.is_title and position + 1 < len(item):
            draft.title = line.text
        else:
            break
    else:
        position = len(item)
    return list(item[position:])


def _headings(body: Sequence[Line], draft: _Draft) -> set[int]:
    """Which lines are headings. The first becomes the title where only a note of the editors stands before it."""
    found: set[int] = set()
    run: list[int] = []
    for i, line in enumerate(body):
        if line.is_heading and not (i and body[i - 1].joins(line)):
            run.append(i)
            continue
        found |= set(run) if len(run) <= _MAX_HEADINGS_IN_A_ROW else set()
        run = []
    if found and not draft.title and body[0].opens_editors_note:
        draft.title = body[min(found)].text
    return found


def _something_between(line: Line, following: Line, removed: Iterable[Removed]) -> bool:
    return any(
        line.end <= part.start and part.end <= following.start and part.reason != "page number" for part in removed
    )


def _teasers(raw: str, found: Sequence[Line], removed: list[Removed]) -> list[_Draft]:
    """Titles and beginnings of other articles, each once: a page often shows a title again as its picture's text."""
    drafts: list[_Draft] = []
    for line in found:
        if line.furniture is not None:
            removed.append(Removed(line.start, line.end, line.furniture))
        elif line.is_title and not (drafts and drafts[-1].title == line.text):
            drafts.append(_Draft("teaser", title=line.text))
        elif line.is_title and not drafts[-1].blocks:
            removed.append(Removed(line.start, line.end, "repeated title"))
        else:
            if not drafts:
                drafts.append(_Draft("teaser"))
            drafts[-1].blocks.append(("paragraph", line.kept))
    return drafts


def _finish(raw: str, source: str, draft: _Draft) -> Document:
    """The document: its blocks one a line, each line end taken from the raw file behind the block."""
    ranges: Ranges = []
    blocks: list[Block] = []
    position = 0
    for kind, kept in draft.blocks:
        if ranges:
            line_end = raw.index("\n", ranges[-1][1]) if "\n" in raw[ranges[-1][1] : kept[0][0]] else ranges[-1][1]
            ranges.append((line_end, line_end + 1))
            position += 1
        length = sum(end - start for start, end in kept)
        blocks.append(Block(kind, position, position + length))
        position += length
        ranges += kept
    alignment = Alignment.of(ranges)
    text = alignment.apply(raw)
    return Document(
        source, draft.kind, draft.title, draft.date, draft.publisher, text, alignment, tuple(blocks), damaged(text)
    )
