"""What on a scraped page is no part of the article: navigation, contacts, notices, credits.

Patterns are matched on a whole folded line (Simplified characters, half-width, lower case), so each is written once.
They are kept narrow, each asks for the words that only such lines have: furniture that slips through costs a
superfluous passage, a sentence taken for furniture would be lost. Where they apply, `structure` says.

No group captures: Python 3.11 fails on groups that capture within atomic ones.
"""

import re
from collections.abc import Callable
from typing import Literal

Furniture = Literal["navigation", "contact", "notice", "credit", "separator"]

_SITE = r"本(?:网站?|站|报网站?|刊网站|公众号|平台)"
_PHONE = (
    r"(?<![\d.])(?:\+?86[\s-]?)?"
    r"(?:1[3-9]\d[\s-]?\d{4}[\s-]?\d{4}|[(]?0\d{2,3}[)]?[\s-]?\d{7,8}|400[\s-]?\d{3,4}[\s-]?\d{3,4})(?!\d)"
)
_MAIL = r"(?>[\w.+-]++@[\w-]++(?:\.[\w-]++)+)"  # atomic: in a row of them there would be many ways to tell them apart
_QQ = r"qq(?:群|号)?\s*:?\s*\d{5,11}"

_SHARE = (
    r"分享|转发|收藏|点赞|打印|关闭|返回|字号|字体|评论|阅读|浏览|点击|纠错|举报|扫一扫|微信|微博|朋友圈|朋友|qq空间|qq好友|好友|"
    r"搜狐|网易|新浪|腾讯|列表|顶部|本页|回复|此文|窗口|大|中|小|到|给|至|量|数|次|我要|[上下]一页|[首尾末]页|\d|[\W_]"
)
_SITE_PAGES = (
    r"首页|关于|联系|客服|服务|网站|地图|登录|注册|加入|招聘|招贤|广告|版权|隐私|声明|帮助|反馈|投稿|友情链接|"
    r"home|about|contact|privacy|terms|login"
)
_CRUMB = r"[^>»›,。!?]{1,20}"
_NAVIGATION = re.compile(
    r"\W*您?的?(?:当前|现在)?的?(?:所在)?的?位置\s*:.*(?:>|»|›|首页|正文).*|"
    rf"(?:首页|home)\s*[>»›/].*|{_CRUMB}(?:\s*[>»›]+{_CRUMB}){{1,6}}\s*[>»›]*\s*(?:正文|详情|内容)|"
    rf"(?=.*(?:{_SITE_PAGES}))(?!.*\d)[^|,。]{{1,16}}(?:\|[^|,。]{{1,16}}){{2,}}\|?|"
    r"\W*(?:上|下)一(?:篇|条|页)\s*(?::.*)?|"
    r"skip to (?:the )?(?:main )?content|share this(?: (?:article|story|page|post))?|"
    r"\W*(?:点击|戳).{0,8}(?:阅读原文|蓝字).{0,12}|.{0,8}点个?\W?(?:在看|赞).{0,6}|"
    rf"(?=.*(?:分享|转发|打印|收藏|返回|关闭|字号|字体|阅读|浏览|点击|点赞|[上下]一页))(?:{_SHARE})++"
)
_SEPARATOR = re.compile(r"[-=*_—·•#~.\s]{3,}|[-—=*\s]+(?:the )?end[-—=*\s]+|[(【\[]全?文?[完终][)】\]]")

_CONTACT_LABEL = (
    r"(?:联系(?:电话|人|方式|邮箱|我们|地址|qq)|(?:咨询|客服|服务|举报|投稿|新闻|监督|合作|商务|招商|报料|爆料)?(?:电话|热线|邮箱|信箱)|"
    r"手机(?:号码?)?|传真|e-?mail|(?:微信|官方)?公众号|微信号?|加微信|客服微信|qq(?:群|号)?|网址|官网|tel|phone|fax)"
)
_CONTACT = re.compile(
    r"\W*(?:新浪|腾讯|官方)?微博号?\s*:\s*@\S{1,30}|"
    rf"\W*{_CONTACT_LABEL}\s*:[^。!?;]{{1,60}}。?|"
    rf"[^,。;!?]{{0,20}}(?:{_PHONE}|{_MAIL}|{_QQ})(?>{_MAIL}|{_PHONE}|[\s\d/|,、()-]|{_CONTACT_LABEL}\s*:?)*+|"
    r"[^,。;!?]{0,4}(?:长按|扫一扫|扫码|扫描|识别)[^,。;!?]{0,20}(?:微信号?|公众号|二维码|关注|咨询)[^,。;!?]{0,10}[。!]?"
)
# What counts as contact only between or before contact lines: whose number follows, and why to call.
_CONTACT_NAME = re.compile(r"[^,。;!?:]{0,12}(?:微信号?|公众号|二维码)")
_CONTACT_TALK = re.compile(r".{0,20}(?:请|您|咨询|欢迎).{0,80}")

# Opens a notice that goes on to the end of its line.
_NOTICE_LABEL = re.compile(r"\W*(?:版权|免责|转载|著作权)(?:声明|须知|说明)\W*(?::.*)?")
# One sentence. What may stand where is spelled out, since articles too speak of reprints, rights and licences.
_NOTICE = re.compile(
    r"\W*(?:郑重|特别|网站)?(?:声明\s*:.*(?:版权|著作权|转载|侵权|不代表|仅代表|授权|投资建议)|"
    r"(?:说明|提示)\s*:.*(?:不代表|仅代表|投资建议|转载自)).*|"
    rf"\W*凡是?(?:在?{_SITE}|本(?:报|刊)|未?[标加]?注(?:明|有)|注(?=\W)|来源|转载).*(?:转载|版权|镜像|稿件|电头).*|"
    rf"[^\w“‘「『\"']*{_SITE}.*(?:转载自|转载.{{0,4}}(?:出于|目的)|[均系为]转载|版权(?:归|属|所有)|侵犯了?[您你]|"
    r"免责|违法和不良信息|不良信息举报|不代表|未[标加]?注明).*|"
    r"[^\w“‘「『\"']*(?:本文|文章|以上(?:内容|文章)|图文|内容).{0,12}"
    r"(?:转载自|转自|摘自|版权归|版权属|著作权归|不代表本|仅代表作者|不构成.{0,6}投资建议|来源于?(?:网络|互联网)|未经.{0,16}转载).*|"
    r".*(?:如|若|倘).{0,40}(?:侵权|侵犯|不妥|版权)(?:.{0,40}[请,\s].{0,8})?"
    r"(?:联系|告知|通知)(?:我们?|本[网站报刊]|网站|站长|小编|作者|后台|管理员|编辑|qq|邮箱|电话|删除)"
    r"(?:(?:\W|及时|立即|进行|予以|删除|处理).*)?|"
    rf".*请.{{0,6}}(?:联系|来信|来电|告知|通知).{{0,40}}{_SITE}.{{0,30}}删除.*|"
    r"\W*版权所有(?![者权人方]).*|[^,:“‘「『\"']{0,40}[\s|·)]版权所有(?:\W.*)?|"
    r"\W*本(?:页面?|条目|文)(?:的?最后|最近)(?:一次)?(?:修订|更新|修改|编辑)(?:于|时间|日期|:).{0,40}|"
    r".*icp[备证]\s*\d.*|.*公网安备\s*\d.*|[^,;]*许可证(?:编号|号)?\s*:\s*\w?[a-z\d()-]*\d{4}[a-z\d-]*(?:[\s|].*)?|"
    r".*(?:all rights reserved|copyright\s*(?:©|\(c\)|\d{4})).*|\W*©.*\d{4}.*|"
    r"\W*(?:未经.{0,16}(?:授权|许可|允许|同意),?)?(?:任何.{0,12})?(?:谢绝|请勿|不得|严禁|禁止)(?:擅自|以任何(?:形式|方式)|任意|部分或全部|进行)?"
    r"(?:复制、?|摘编、?)?(?:转载|镜像|摘编)(?:[或和及与、][^,]{1,12}|本[网站文][^,]{0,8})?(?:,?(?:违者|否则|如需).{0,30})?\W*|"
    r"\W*(?:如需|若需|如要|如|若|欢迎|本文|原创文章,?)?转载,?(?:请|须|需|务必|敬请)(?:务必|联系|在文首|在显著位置)?.{0,6}(?:注明|标明|保留|授权).{0,40}"
)
_SENTENCE = re.compile(r"[^。!?]+[。!?]*[^\w。!?]*")
_CREDIT_LABEL = (
    r"(?:责任编辑|责编|编辑|校对|审核|审校|监制|值班编辑|网络编辑|作者|撰文|撰稿|排版|美编|制图|编审)\s*[:/|]\s*"
)
_NAME = r"(?:[\u4e00-\u9fff·]{2,4}|[a-z][\w.]*)"
_CREDIT = re.compile(
    r"[(\[【]?(?:图片?|照片|供图|摄影|题图|图片来源)(?:由|来自|来源|:)[^。!?;]{1,40}[)\]】]?|"
    rf"[(\[【]?{_CREDIT_LABEL}{_NAME}(?:[\s、,/|&]+(?:{_CREDIT_LABEL})?{_NAME}){{0,8}}[)\]】]?"
)


def furniture_of(folded: str) -> Furniture | None:
    """What part of the page around an article a line is, or None."""
    return next((kind for kind, matches in _KINDS if matches(folded)), None)


def _is_notice(folded: str) -> object:
    """Whether a line is labelled as a notice, or is one in each of its sentences."""
    sentences = _SENTENCE.findall(folded)
    return _NOTICE_LABEL.fullmatch(folded) or (sentences and all(map(_NOTICE.fullmatch, sentences)))


_KINDS: tuple[tuple[Furniture, Callable[[str], object]], ...] = (
    ("separator", _SEPARATOR.fullmatch),
    ("navigation", _NAVIGATION.fullmatch),
    ("credit", _CREDIT.fullmatch),
    ("notice", _is_notice),
    ("contact", _CONTACT.fullmatch),
)


def names_contact(folded: str) -> bool:
    """Whether a line is furniture where a contact line stands directly below it: `张三微信号`."""
    return _CONTACT_NAME.fullmatch(folded) is not None


def invites_contact(folded: str) -> bool:
    """Whether a line is furniture where contact lines stand directly above and below it: `欢迎来电咨询!`."""
    return _CONTACT_TALK.fullmatch(folded) is not None
