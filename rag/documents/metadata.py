"""When an article appeared and who published it, from the line below its title.

All on folded lines, see `furniture`.
"""

import datetime
import re

_NUMERIC_DATE = (
    r"(?P<y1>(?:19|20)\d{2})\s?[-/.]\s?(?P<m1>\d{1,2})\s?[-/.]\s?(?P<d1>\d{1,2})(?!\d)|"
    r"(?<!\d)(?P<d2>\d{1,2})[./-](?P<m2>\d{1,2})[./-](?P<y2>(?:19|20)\d{2})(?!\d)"
)
_WRITTEN_DATE = r"(?P<y3>(?:19|20)\d{2})\s?年\s?(?P<m3>\d{1,2})\s?月\s?(?P<d3>\d{1,2})\s?日"
_DATE = re.compile(f"{_NUMERIC_DATE}|{_WRITTEN_DATE}")
_WEEKDAY = re.compile(r"(?:星期|周)[一二三四五六日天]")
_CLOCK = re.compile(r"(?:上午|下午)?\d{1,2}:\d{2}(?::\d{2})?")
_PUBLISHER = re.compile(
    r"(?<![料据片图])(?:信息来源|稿件来源|来源|稿源|来自|source)\s*(?::\s*|(?<=源)\s+)(?P<name>[^\s|,;。!?()\[\]]{2,30})"
)
_WORDS = re.compile(
    r"(?:发布|发表|更新|刊发|出版|时间|日期|于|作者|编辑|责任编辑|责编|admin|posted|published|updated|by|on|date|"
    r"\d+\s*(?:秒|分钟|小时|天|个?月|年)前|(?:分享|转发|收藏|打印|字号|字体|评论|阅读|浏览|点击|访问)(?:到\S{2,4})?[量数次]*\s*:?\s*\d*|"
    r"[大中小](?=[\s\]】)大中小]|$)|[\W_])+"
)
# Characters beside a date in figures, a time or a publisher, such as the name of a column or of the author; beside
# date and time together, which no sentence begins with, such as those of site, author and place.
_MAX_REST, _MAX_REST_BESIDE_STAMP = 8, 24
_STAMP = re.compile(rf"(?:{_DATE.pattern})\s?(?:{_CLOCK.pattern})")
# What stands below the time of an event, which then is no date of publication.
_EVENT = re.compile(
    r"(?:活动|讲座|会议|演出|展览|培训|比赛|报名)?"
    r"(?:地点|地址|场地|主题|内容|对象|嘉宾|主讲人?|主讲嘉宾|主持人?|主办(?:单位|方)?|承办(?:单位|方)?|费用|票价|名额|人数|方式|报名)\s?:"
)
# The file card that offices put above their papers.
_RECORD = re.compile(
    r"(?:索引号|主题(?:分类|词)|发文(?:机关|单位|字号)|文号|(?:成文|生成|公开)日期|(?:发布|公开|制发)(?:机构|机关|单位)|信息分类|组配分类|"
    r"有效性|公开(?:方式|范围|属性))$"
)
_ADDRESS = re.compile(r"https?://\S+")
_MAX_LINE = 120


def date_of(folded: str) -> str | None:
    """The first calendar date in a line, ISO 8601."""
    for match in _DATE.finditer(folded):
        year, month, day = (int(match[f"{part}1"] or match[f"{part}2"] or match[f"{part}3"]) for part in "ymd")
        try:
            return datetime.date(year, month, day).isoformat()
        except ValueError:
            continue
    return None


def publisher_of(folded: str, text: str) -> str | None:
    """Whom the line names as the source, in the characters of `text`, whose folded form is `folded`."""
    match = _PUBLISHER.search(folded)
    return text[match.start("name") : match.end("name")] if match else None


def tells_event(folded: str, following: str) -> bool:
    """Whether a line holds the time of an event: the line that follows tells its place or another part of it."""
    return not re.search("发[布表]|来源|稿源", folded) and _EVENT.match(following) is not None


def is_record(folded: str) -> bool:
    """Whether a line is part of the file card of an office's paper: `索 引 号:330100/2023-1`."""
    label, colon, _ = folded.partition(":")
    return bool(colon) and _RECORD.match("".join(label.split())) is not None


def is_metadata(folded: str, below_title: bool) -> bool:
    """Whether a line holds a date or a publisher and next to nothing else, and is no sentence.

    Below the title a few more characters may stand there, except with nothing but a date in words: that may be the
    beginning of an article or its subtitle.
    """
    dated, published = date_of(folded) is not None, _PUBLISHER.search(folded) is not None
    if len(folded) > _MAX_LINE or not (dated or published) or re.search("[。!?;]", folded):
        return False
    rest = _WORDS.sub("", _WEEKDAY.sub("", _CLOCK.sub("", _DATE.sub("", _PUBLISHER.sub("", _ADDRESS.sub("", folded))))))
    if not below_title:
        return not rest
    if _STAMP.search(folded):
        return len(rest) <= _MAX_REST_BESIDE_STAMP
    in_figures = re.search(_NUMERIC_DATE, folded) or _CLOCK.search(folded) or published
    return len(rest) <= (_MAX_REST if in_figures else 0)
