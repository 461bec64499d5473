"""The values that flow from stage to stage, all frozen. What can be derived is a property.

    files -> Document -> Passage -> Index -> Candidate -> Span -> Answer

Offsets are code points and ranges are half-open, `[start, end)`. *Raw* offsets count in the file as decoded, with its
line ends as they are and without a byte-order mark; all others count in the text they are named with.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from itertools import accumulate
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

BlockKind = Literal["title", "heading", "paragraph"]
DocumentKind = Literal["article", "teaser"]
AbstentionReason = Literal["no_candidates", "no_span", "low_confidence"]


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where each character of a cleaned text stands in the raw file.

    Cleaning only removes, so the text is a subsequence of the raw file and the alignment is strictly increasing. It is
    kept as the raw ranges whose characters, one after the other, are the text.
    """

    ranges: tuple[tuple[int, int], ...]
    _ends: tuple[int, ...] = field(init=False, repr=False, compare=False)  # where each range ends in the text

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ends", tuple(accumulate(end - start for start, end in self.ranges)))

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> Self:
        """The alignment over raw `ranges` in ascending order; empty ones are left out, touching ones are joined."""
        joined: list[tuple[int, int]] = []
        for start, end in ranges:
            if start == end:
                continue
            if joined and joined[-1][1] == start:
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((start, end))
        return cls(tuple(joined))

    def __len__(self) -> int:
        """The length of the aligned text in code points."""
        return self._ends[-1] if self._ends else 0

    def slice(self, start: int, end: int) -> "Alignment":
        """The alignment of `text[start:end]`, for `0 <= start <= end <= len(self)`."""
        kept = []
        for i in range(bisect_right(self._ends, start), len(self.ranges)):
            raw_start, raw_end = self.ranges[i]
            shift = raw_end - self._ends[i]
            first, last = max(raw_start, start + shift), min(raw_end, end + shift)
            if first >= last:
                break
            kept.append((first, last))
        return Alignment(tuple(kept))

    def raw_span(self, start: int, end: int) -> tuple[int, int]:
        """The raw range from the first to the last character of `text[start:end]`, which must not be empty."""
        part = self.slice(start, end).ranges
        return part[0][0], part[-1][1]

    def apply(self, raw: str) -> str:
        """The text itself, cut out of the raw file."""
        return "".join(raw[start:end] for start, end in self.ranges)


@dataclass(frozen=True, slots=True)
class Block:
    """The title, a heading or a paragraph of a document: `document.text[start:end]`."""

    kind: BlockKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Removed:
    """A stretch of the raw file that is no part of any document, and why."""

    start: int
    end: int
    reason: str


@dataclass(frozen=True, slots=True)
class Document:
    """One article (or teaser of another article): its cleaned text and where each character of it comes from."""

    source: str
    kind: DocumentKind
    date: str | None  # ISO 8601, as in "2024-09-26"
    publisher: str | None  # whom the page names as its source
    text: str  # title, headings and paragraphs, one a line, in the order of the file
    alignment: Alignment
    blocks: tuple[Block, ...]  # at most one of them a title
    damaged: tuple[tuple[int, int], ...]  # ranges of `text` whose characters were destroyed before the file came here

    @property
    def title(self) -> str:
        """The text of the title, "" when the article has none."""
        return next((self.text[block.start : block.end] for block in self.blocks if block.kind == "title"), "")


@dataclass(frozen=True, slots=True)
class Article:
    """One file of the collection, read: its raw text and the documents found in it.

    Nothing of the raw text is lost: a character is in a document, in a removed stretch, or it is white space, invisible
    or part of a reading in brackets.
    """

    source: str  # path below the articles folder, with "/"
    encoding: str
    sha256: str
    raw: str
    documents: tuple[Document, ...]
    removed: tuple[Removed, ...]  # in the order of the file

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know about this file, one sentence each."""
        found = []
        if not any(block.kind == "paragraph" for document in self.documents for block in document.blocks):
            found.append(f"{self.source}: no paragraph of text was found")
        for document in self.documents:
            for start, end in document.damaged:
                raw_start, raw_end = document.alignment.raw_span(start, end)
                found.append(
                    f"{self.source}: characters {raw_start} to {raw_end} were destroyed before the file came here: "
                    f"{document.text[max(0, start - 3) : end + 3]!r}"
                )
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph of a document, or a part of a long one: the unit of retrieval and citation."""

    id: str  # source, "#", running number within the file
    source: str
    kind: DocumentKind
    title: str
    section: str  # the headings above it, "" without
    date: str | None
    publisher: str | None
    paragraph: int  # number of the paragraph in its document, from 1
    text: str
    alignment: Alignment

    @property
    def start(self) -> int:
        """Where the passage begins in the raw file."""
        return self.alignment.ranges[0][0]

    @property
    def end(self) -> int:
        """Where the passage ends in the raw file."""
        return self.alignment.ranges[-1][1]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types: what the passage is and where it stands in the raw file."""
        names = ("id", "source", "title", "section", "date", "publisher", "paragraph", "text", "start", "end")
        return {name: getattr(self, name) for name in names}

    @property
    def heading(self) -> str:
        """Title and section, which are embedded, indexed and read with the text, and never quoted; "" without."""
        return "\n".join(part for part in (self.title, self.section) if part)

    @property
    def searchable(self) -> str:
        """What is embedded and indexed: heading and text."""
        return "\n".join(part for part in (self.heading, self.text) if part)


@dataclass(frozen=True, slots=True, eq=False)
class EncodedQuestion:
    """A question as the encoder sees it, encoded once for retrieval and reading."""

    text: str
    vector: NDArray[np.float32]  # of unit length, shape (dimension,)
    lower: NDArray[np.float32] | None  # states above the default encoder's lower layers, (tokens, dimension)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage the retriever returned. Ranks count from 1; None where that side did not find the passage."""

    number: int  # place of the passage in the index, from 0
    passage: Passage
    score: float  # cosines of passage and best sentence and share of words, summed, -2 to 2.5; higher is better
    dense_rank: int | None  # by the vector of the whole passage, its title and section included
    sentence_rank: int | None  # by the vector of its best sentence
    lexical_rank: int | None  # by BM25, over the words of the question and their translations

    @property
    def ranks(self) -> dict[str, int | None]:
        """The rank in each single ranking, by its name."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name.endswith("_rank")}


@dataclass(frozen=True, slots=True)
class Span:
    """The range of a passage that a reader selected; scores of different passages can be compared."""

    start: int
    end: int
    text: str
    score: float  # higher is better
    no_answer_score: float  # higher means that the passage rather holds no answer


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for one candidate's reading; log-odds in nats, shares from 0 to 1. Higher speaks for it but where
    noted."""

    holds: float  # log-odds of the reader that the passage holds an answer
    bounded: float  # the same where more of it says little more, -1 to 1
    apart: float  # how far above the best of the other candidates that is, -1 to 1
    share: float  # log of the span's share among all spans of the passage
    sentence: float  # log-odds of the best sentence
    in_sentence: float  # 1 when the span stands in the best sentence
    retrieval: float  # the retriever's score
    behind: float  # how far that is below the best candidate's; higher speaks against it
    dense: float  # reciprocal rank by passage vector, 0 where it was not found
    by_sentence: float  # by sentence vector
    lexical: float  # by words
    words: float  # share of the question's words in passage, title and section, each by its rarity
    names: float  # share of the question's names there, 1 without any
    numbers: float  # share of its numbers there, 1 without any
    agreement: float  # other candidates that read the same, at most 2
    other_script: float  # 1 when question and passage are in different scripts

    def to_dict(self) -> dict[str, float]:
        """By name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Citation:
    """A passage that holds the answer, and where."""

    source: str
    title: str
    section: str
    date: str | None
    publisher: str | None
    paragraph: int
    passage: str
    quote_start: int
    quote_end: int
    start: int  # raw offsets of the quote
    end: int
    score: float

    @property
    def quote(self) -> str:
        """The answer in the passage."""
        return self.passage[self.quote_start : self.quote_end]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, the quote included."""
        return asdict(self) | {"quote": self.quote}


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another span that may answer, with its own confidence and citations."""

    text: str
    confidence: float
    citations: tuple[Citation, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "text": self.text,
            "confidence": self.confidence,
            "citations": [citation.to_dict() for citation in self.citations],
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What the articles answer, quoted; or an abstention with its reason."""

    question: str
    text: str  # "" when it abstained
    confidence: float  # 0 to 1; higher is better
    reason: AbstentionReason | None  # None when it answered
    citations: tuple[Citation, ...]  # () when it abstained
    alternatives: tuple[Alternative, ...]  # best first; () when it abstained
    closest: tuple[Passage, ...]  # when it abstained: what comes closest and is no answer

    @property
    def answered(self) -> bool:
        """False when it abstained."""
        return self.reason is None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types: what the command line prints with --json."""
        return {
            "question": self.question,
            "answered": self.answered,
            "text": self.text,
            "confidence": self.confidence,
            "reason": self.reason,
            "citations": [citation.to_dict() for citation in self.citations],
            "alternatives": [alternative.to_dict() for alternative in self.alternatives],
            "closest": [passage.to_dict() for passage in self.closest],
        }


@dataclass(frozen=True, slots=True)
class Trace:
    """How an answer came about: what each stage handed to the next."""

    question: str  # as it was looked up
    candidates: tuple[Candidate, ...]  # the passages that were read, best first
    spans: tuple[Span, ...]  # what would be quoted of each candidate
    signals: tuple[Signals, ...]  # by which each is judged
    found: tuple[Alternative, ...]  # every answer, most confident first, whether given or held back
    min_confidence: float  # below which it abstained
    answer: Answer
    seconds: Mapping[str, float] = field(compare=False)  # that retrieving, reading and deciding took


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build read and wrote."""

    snapshot: str  # name of the snapshot the index now serves
    articles: int
    documents: int
    passages: int
    encoded: int  # passages whose vector had to be computed; the others were taken from the snapshot before
    warnings: tuple[str, ...]  # about articles that were read
    skipped: tuple[str, ...]  # files that could not be read, each with its reason

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)
