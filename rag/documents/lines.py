"""What a line of a scraped page is: heading, paragraph, byline, page furniture.

Patterns are matched on the folded line (Simplified characters, half-width, lower case), so each is written once. They
are kept narrow: furniture that slips through costs a superfluous passage, a sentence taken for furniture would be
lost. All but navigation counts as furniture only at the head or the foot of an article, see `structure`.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from rag.documents.characters import Ranges
from rag.fold import fold

Furniture = Literal["navigation", "metadata", "contact", "notice", "credit", "separator"]

MAX_TITLE = 60  # characters; a longer line without a sentence end is a paragraph cut short
MAX_HEADING = 40

_SENTENCE_END = re.compile(r"[。!?…;:.][”’\"'」』)\]】》]*$")
_CLOSED = re.compile(r"[。!?…][”’\"'」』)\]】》]*$")
# A line that stops on one of these goes on: no heading and no paragraph ends so.
_GOES_ON = re.compile(r"([,、(《“‘「『【-]|[的和与及在对将为把被从向到以而并或是])$")
_LABELLED = re.compile(r"[^,。;:!?\s]{1,12}\s?:\s?\S")
_ENUMERATED = re.compile(r"([一二三四五六七八九十]{1,3}、|[(][一二三四五六七八九十\d]{1,3}[)]|\d{1,2}[.、)](?!\d)|第[一二三四五六七八九十\d]{1,3}[,、条章]|[•·●■◆*-]\s)")

_BYLINE = re.compile(
    r"[(\[]?(本报|本网|本站|本台|本刊|新华社|中新社|人民网)?(见习|特约|首席|实习)?(记者|通讯员|撰文|撰稿|文)"
    r"([\s:/|、,]+(见习|特约|首席|实习)?(记者|通讯员|摄影|图)?[\u4e00-\u9fff·]{2,4}){1,8}[)\]]?$"
)
_RELATED = re.compile(
    r"[【\[]?(相关(文章|阅读|新闻|报道|推荐|链接|资讯|内容)|(延伸|推荐|扩展)阅读|热门(文章|推荐|阅读|资讯)|猜你喜欢|"
    r"更多(文章|推荐|阅读)|往期(回顾|精彩|推荐)|(精彩|为你|编辑)推荐|你可能(还|也)?(会)?(喜欢|感兴趣)|"
    r"related (articles|posts|stories)|you may also like)[】\]]?:?$"
)
_EDITORS_NOTE = re.compile(r"[【\[(]?(编者(按|的话)|编辑按|导读|导语|核心提示|内容提要|摘要)[】\])]?[::]?")

_SHARE = r"(分享|转发|收藏|点赞|打印|关闭|返回|字号|评论|阅读|浏览|点击|纠错|举报|扫一扫|大|中|小|微信|微博|朋友圈|朋友|qq空间|好友|搜狐微博|网易微博|新浪微博|到|给|至|量|数|次|顶部|首页|本页|此文|:|\s|\d)"
_NAVIGATION = re.compile(
    r"(您?的?(当前|现在)的?(所在)?位置|当前位置|您的位置|所在位置)\s*:.*|"
    r"首页\s*[>»›/].*|[^\s>»›]{1,12}(\s*[>»›]\s*[^\s>»›,。]{1,20}){2,}|"
    r"[^|,。]{1,12}(\s*\|\s*[^|,。]{1,12}){2,}\|?|"
    r"(上|下)一(篇|条|页)\s*:.*|"
    rf"(?=.*(分享|打印|收藏|返回|关闭|字号|阅读|浏览|点击)){_SHARE}+"
)
_SEPARATOR = re.compile(r"[-=*_—·•#~.\s]{3,}")

_PHONE = r"(?<![\d.])(\+?86[\s-]?)?(1[3-9]\d[\s-]?\d{4}[\s-]?\d{4}|0\d{2,3}[\s-]?\d{7,8}|400[\s-]?\d{3,4}[\s-]?\d{3,4})(?!\d)"
_MAIL = r"[\w.+-]+@[\w-]+\.[\w.]+"
_CONTACT_LABEL = (
    r"(联系(电话|人|方式|邮箱|我们|地址|qq)?|(咨询|客服|服务|举报|投稿|新闻|监督|合作|商务|招商)?(电话|热线|邮箱|信箱)|手机(号码?)?|传真|"
    r"e-?mail|微信(号|公众号)?|公众号|qq(群|号)?|网址|客服)"
)
_CONTACT = re.compile(
    rf"\W*{_CONTACT_LABEL}\s*:.{{0,60}}|"
    rf"[^,。;!?]{{0,20}}({_PHONE}|{_MAIL})[\s\d/-]*|"
    r"[^,。;!?]{0,12}(微信号?|公众号|二维码)|"
    r"[^,。;!?]{0,4}(长按|扫一扫|扫码|扫描|识别)[^,。;!?]{0,20}(微信号?|公众号|二维码|关注|咨询)"
)
# Together with contact lines only: what surrounds them.
_CONTACT_TALK = re.compile(r"(?=.*请)(?=.*(联系人|手机号|电话|微信|qq|邮箱)).{0,80}")
_OURS = r"本(文|网站?|站|平台|公众号|报网站|刊网站)"
_NOTICE = re.compile(
    r"\W*((版权|免责|郑重|特别|转载)(声明|须知|说明)|声明|著作权声明)\s*:.*|"
    r"\W*凡(是)?(注|本|未|来源|转载).*(转载|版权|镜像|来源|稿件).*|"
    rf"\W*{_OURS}.*(转载|版权|侵权|删除|举报|免责|授权|稿件|投稿|不代表).*|"
    rf"(?=.*(本网站|本站|我们)).*(请您?|可)?(联系|告知|通知).*(删除|处理).*|"
    r".{0,40}版权所有(?![者权人]).*|.*(icp备|公网安备|增值电信业务经营许可).*|.*(all rights reserved|copyright\s*(©|\(c\)|\d{4})).*|"
    r".{0,30}(未经.{0,12}(授权|许可|允许|同意)|谢绝|请勿|不得|禁止).{0,8}(转载|镜像|摘编).{0,30}|"
    r".{0,30}转载.{0,6}(注明|标明|保留)(出处|来源).{0,30}"
)
_CREDIT = re.compile(
    r"[(\[【](图片?|照片|供图|摄影|题图)(由|来自|来源|:).{1,40}[)\]】]|"
    r"[(\[【]?(责任编辑|责编|编辑|校对|审核|值班编辑|网络编辑)\s*:.{1,30}[)\]】]?"
)

_DATE = re.compile(
    r"(?P<y1>(19|20)\d{2})\s?[-/.年]\s?(?P<m1>\d{1,2})\s?[-/.月]\s?(?P<d1>\d{1,2})(?!\d)日?|"
    r"(?<!\d)(?P<d2>\d{1,2})[./-](?P<m2>\d{1,2})[./-](?P<y2>(19|20)\d{2})(?!\d)"
)
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")
_PUBLISHER = re.compile(r"(来源|来自|稿源|信息来源|source)\s*[:]\s*(?P<name>[^\s|,;()\[\]]{2,30})")
_METADATA_WORDS = re.compile(
    rf"(发布|发表|更新|时间|日期|作者|编辑|责任编辑|admin|\d+\s*(秒|分钟|小时|天|个?月|年)前|{_SHARE}|[\W_])+"
)
_MAX_METADATA_REST = 8  # characters, such as the name of a column

_DAMAGED = re.compile("[\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]+")
# A character and the opening bracket of its reading were lost: `?lián)`.
_DAMAGED_READING = re.compile(r"[?？\ufffd]?[a-züāáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜ]*[āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜ][a-zü]*[)）][?？\ue000-\uf8ff\ufffd]*")


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank: its range in the raw file, what of it stays, and that text folded."""

    start: int
    end: int
    kept: Ranges
    text: str
    after_blank: bool  # whether a blank line stands before it
    folded: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folded", fold(self.text))

    @property
    def is_closed(self) -> bool:
        """It ends as a sentence ends, or as a list begins."""
        return bool(_SENTENCE_END.search(self.folded))

    @property
    def is_title(self) -> bool:
        """Short enough for a title, which may end on `!` or `?` but not as other sentences do."""
        return 2 <= len(self.text) <= MAX_TITLE and not re.search(r"[。;,、:](”|\")?$|[。;].|^…|…$", self.folded)

    @property
    def is_heading(self) -> bool:
        """Short, not a sentence, not cut off, no label with its value and no byline."""
        return (
            2 <= len(self.text) <= MAX_HEADING
            and not self.is_closed
            and not _GOES_ON.search(self.folded)
            and not re.search("[。;]", self.folded)
            and not _LABELLED.match(self.folded)
            and not self.is_byline
        )

    @property
    def is_byline(self) -> bool:
        """It names who wrote the article: the last line of an item on a page of several."""
        return bool(_BYLINE.match(self.folded))

    @property
    def is_labelled(self) -> bool:
        """A label and its value and no sentence: `受访人:…`."""
        return len(self.text) <= MAX_TITLE and bool(_LABELLED.match(self.folded)) and not re.search("[,。;]", self.folded)

    @property
    def opens_related(self) -> bool:
        """After it stand titles and beginnings of other articles."""
        return bool(_RELATED.match(self.folded))

    @property
    def opens_editors_note(self) -> bool:
        """A note of the editors, which may stand before the title."""
        return bool(_EDITORS_NOTE.match(self.folded))

    @property
    def is_enumerated(self) -> bool:
        """It begins with the number or bullet of a list item."""
        return bool(_ENUMERATED.match(self.folded))

    @property
    def furniture(self) -> Furniture | None:
        """What part of the page around the article it is, or None."""
        kinds: tuple[tuple[Furniture, re.Pattern[str]], ...] = (
            ("separator", _SEPARATOR),
            ("navigation", _NAVIGATION),
            ("credit", _CREDIT),
            ("notice", _NOTICE),
            ("contact", _CONTACT),
        )
        for kind, pattern in kinds:
            if pattern.fullmatch(self.folded):
                return kind
        return None

    @property
    def is_contact_talk(self) -> bool:
        """A sentence that is furniture when it stands next to contact lines."""
        return bool(_CONTACT_TALK.fullmatch(self.folded))

    @property
    def is_metadata(self) -> bool:
        """A line above the article with its date, its time or its publisher and next to nothing else."""
        if len(self.text) > 2 * MAX_TITLE or not (self.date or self.publisher):
            return False
        rest = _PUBLISHER.sub("", _CLOCK.sub("", _DATE.sub("", self.folded)))
        return len(_METADATA_WORDS.sub("", rest)) <= _MAX_METADATA_REST

    @property
    def date(self) -> str | None:
        """The first calendar date in it, ISO 8601."""
        for match in _DATE.finditer(self.folded):
            year, month, day = (int(match[f"{part}1"] or match[f"{part}2"]) for part in "ymd")
            if 1 <= month <= 12 and 1 <= day <= 31:
                return f"{year:04d}-{month:02d}-{day:02d}"
        return None

    @property
    def publisher(self) -> str | None:
        """Whom it names as the source, in the characters of the file."""
        match = _PUBLISHER.search(self.folded)
        return self.text[match.start("name") : match.end("name")] if match else None

    def joins(self, following: "Line") -> bool:
        """Whether a page break stands between the two: this line is a paragraph cut short and the next goes on."""
        return not (
            self.is_closed
            or self.is_heading
            or self.is_byline
            or self.is_labelled
            or following.is_heading
            or following.is_byline
            or following.is_labelled
            or following.is_enumerated
        )


def damaged(text: str) -> tuple[tuple[int, int], ...]:
    """The ranges of `text` whose characters were destroyed: replacement and private-use characters, half readings."""
    spans = sorted(m.span() for pattern in (_DAMAGED_READING, _DAMAGED) for m in pattern.finditer(text))
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
