"""What a line of an article is by itself: title, heading, byline, label with its value, furniture.

Patterns are matched on the folded line (Simplified characters, half-width, lower case), so each is written once.
"""

import re
import unicodedata
from dataclasses import dataclass, field

from rag.documents import furniture, metadata
from rag.documents.characters import TONED
from rag.fold import fold

# In columns: a Chinese character takes two.
MAX_TITLE = 120  # a longer line is a paragraph, cut short if it has no sentence end
MAX_HEADING = 80
# In characters: a longer line is a paragraph whatever stands in it, and only its ends are looked at. Legal notices of
# news sites have up to 300.
_MAX_FOLDED = 400
_ENDING = 20

_EMOJI = "\u2600-\u27bf\U0001f000-\U0001faff\u200d\ufe0f"
_CLOSING = "[”’\"'」』)\\]】》]*"
# Behind the mark a sentence may have its footnote, `[1]`, or a remark, `(见图一)`.
_SENTENCE_END = re.compile(rf"[。!?…;:.~〜{_EMOJI}]{_CLOSING}(?:\[\d{{1,3}}\]|\([^()]{{1,12}}\))*$")
# What no heading holds: the end of a sentence before its own end, a time of day.
_INNER_END = re.compile(rf"[!?…]{_CLOSING}[^\s!?…”’\"'」』)\]】》]|\d:\d\d")
# A line that stops on one of these goes on: no heading and no paragraph ends so.
_GOES_ON = re.compile(
    r"([,、(《“‘「『【-]|[的和与及在对将为把被从向到以而并或是]|\b(the|an?|of|and|or|to|in|for|with|by|on|at|from|that|is|are|was))$"
)
_NO_TITLE_END = re.compile(r"([。;,、:]|\.\.+|…)[”’\"']?$|[。;].|^…|[a-z]{3}\.$")
_LABELLED = re.compile(r"(?P<label>[^,。;:!?\s]{1,12})\s?:\s?\S")
_SPEAKER = re.compile(r"(问|答|q|a|记者|主持人|采访者|受访者)\d{0,2}\s?:")
_ENUMERATED = re.compile(
    r"([一二三四五六七八九十]{1,3}、|[(][一二三四五六七八九十\d]{1,3}[)]|\d{1,2}[.、)](?!\d)|第[一二三四五六七八九十\d]{1,3}[,、条章]|[•·●■◆*-]\s)"
)
_BYLINE = re.compile(
    r"[(\[]?(本报|本网|本站|本台|本刊|新华社|中新社|人民网)?(见习|特约|首席|实习)?(记者|通讯员|撰文|撰稿|文)"
    r"([\s:/|、,]+(见习|特约|首席|实习)?(记者|通讯员|摄影|图)?[\u4e00-\u9fff·]{2,4}){1,8}[)\]]?$"
)
_RELATED = re.compile(
    r"[【\[]?(相关(文章|阅读|新闻|报道|推荐|链接|资讯|内容)|(延伸|推荐|扩展)阅读|热门(文章|推荐|阅读|资讯)|猜你(喜欢|想看)|"
    r"更多(文章|推荐|阅读)|往期(回顾|精彩|推荐)|(精彩|为您?你?|编辑|热点)推荐|你可能(还|也)?(会)?(喜欢|感兴趣)(的文章)?|"
    r"(related|more) (articles|posts|stories)|you may also like)[】\]]?:?$"
)
_EDITORS_NOTE = re.compile(r"[【\[(]?(编者(按|的话)|编辑按|导读|导语|核心提示|内容提要|摘要)[】\])]?:?")

_DAMAGED = re.compile(
    # A character and the opening bracket of its reading were lost: `?lián)`.
    rf"[?？\ufffd][a-zü]{{0,6}}[{TONED}][a-zü]{{0,6}}[)）][?？\ue000-\uf8ff\ufffd]*|"
    "[\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]+"
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank, from its first to its last visible character."""

    start: int  # raw offsets
    end: int
    text: str  # what of it stays
    indent: str  # the white space before it
    after_blank: bool  # whether a blank line stands before it
    folded: str = field(init=False)  # "" for a line too long to be anything but a paragraph
    _beginning: str = field(init=False)
    _ending: str = field(init=False)

    def __post_init__(self) -> None:
        folded = fold(self.text) if len(self.text) <= _MAX_FOLDED else ""
        object.__setattr__(self, "folded", folded)
        object.__setattr__(self, "_beginning", folded[:_ENDING] or fold(self.text[:_ENDING]))
        object.__setattr__(self, "_ending", folded[-_ENDING:] or fold(self.text[-_ENDING:]))

    @property
    def is_closed(self) -> bool:
        """It ends as a sentence ends, or as a list begins."""
        return bool(_SENTENCE_END.search(self._ending))

    @property
    def announces(self) -> bool:
        """It ends on a colon: what follows is a list, or said by someone."""
        return self._ending.endswith(":")

    @property
    def ends_sentence(self) -> bool:
        """It ends on a full stop of Chinese."""
        return self._ending.endswith("。")

    @property
    def is_title(self) -> bool:
        """Short enough for a title, which may end on `!` or `?` but not as other sentences do."""
        return (
            len(self.text) >= 2
            and self.is_narrow(MAX_TITLE)
            and not _NO_TITLE_END.search(self.folded)
            and not _SPEAKER.match(self.folded)
        )

    @property
    def is_paragraph(self) -> bool:
        """A whole paragraph on one line: no title, no label with its value, no furniture, nothing cut short by dots."""
        return (
            self.is_closed
            and not self._ending.endswith(("…", "..."))
            and not self.is_title
            and not (self.stands_alone or self.announces)
            and self.furniture is None
        )

    @property
    def is_phrase(self) -> bool:
        """Short, no sentence, not cut off, no label with its value and no byline."""
        return (
            len(self.text) >= 2
            and self.is_narrow(MAX_HEADING)
            and not self.is_closed
            and not _GOES_ON.search(self.folded)
            and not re.search("[。;]", self.folded)
            and not _LABELLED.match(self.folded)
            and not self.is_byline
        )

    @property
    def is_heading(self) -> bool:
        """A phrase that holds no sentence and no time of day."""
        return self.is_phrase and not _INNER_END.search(self.folded)

    @property
    def is_byline(self) -> bool:
        """It names who wrote the article."""
        return bool(_BYLINE.match(self.folded))

    @property
    def label(self) -> str:
        """What stands before its first colon, "" if that is no label; the same on many lines it is a speaker."""
        match = _LABELLED.match(self._beginning)
        return match["label"] if match else ""

    @property
    def stands_alone(self) -> bool:
        """A label and its value and no sentence: `受访人:…`."""
        return (
            self.is_narrow(MAX_TITLE)
            and bool(self.label)
            and "。" not in self.folded
            and not _GOES_ON.search(self.folded)
        )

    @property
    def opens_related(self) -> bool:
        """After it stand titles and beginnings of other articles."""
        return bool(_RELATED.match(self.folded))

    @property
    def opens_editors_note(self) -> bool:
        """A note of the editors, which may stand before the title."""
        return bool(_EDITORS_NOTE.match(self._beginning))

    @property
    def is_enumerated(self) -> bool:
        """It begins with the number or bullet of a list item."""
        return bool(_ENUMERATED.match(self._beginning))

    @property
    def enumeration(self) -> str:
        """The kind of its number or bullet, the same for all items of a list: `(一)` for `(三)`; "" if it has none."""
        match = _ENUMERATED.match(self._beginning)
        return re.sub("[一二三四五六七八九十]+", "一", re.sub(r"\d+", "1", match[0])) if match else ""

    @property
    def furniture(self) -> furniture.Furniture | None:
        """What part of the page around the article it is, or None."""
        return furniture.furniture_of(self.folded)

    @property
    def date(self) -> str | None:
        """The first calendar date in it, ISO 8601."""
        return metadata.date_of(self.folded)

    @property
    def publisher(self) -> str | None:
        """Whom it names as the source, in the characters of the file."""
        return metadata.publisher_of(self.folded, self.text)

    def is_narrow(self, columns: int) -> bool:
        """Whether it takes no more than so many columns."""
        return len(self.text) <= columns and width(self.text) <= columns

    def breaks_off(self, following: "Line") -> bool:
        """Whether a page break stands between the two: this line is a paragraph cut short and the next goes on."""
        return not (
            self.is_closed
            or self.is_phrase
            or self.is_byline
            or self.stands_alone
            or following.is_phrase
            or following.is_byline
            or following.label
            or following.is_enumerated
        )


def width(text: str) -> int:
    """How many columns a text takes where a Chinese character takes two."""
    return len(text) + sum(unicodedata.east_asian_width(character) in "WF" for character in text)


def damaged(text: str) -> tuple[tuple[int, int], ...]:
    """The ranges of `text` whose characters were destroyed: replacement and private-use characters, half readings."""
    return tuple(match.span() for match in _DAMAGED.finditer(text))
