"""Dirty articles of the kinds that people scrape, written for these tests: each comes out clean, and whole.

The rules were made on the seeds. These pages are of the same kinds and in other words.
"""

import re

import pytest

from rag.documents import parse
from rag.documents.lines import Line, width
from rag.documents.wrapping import Margin
from rag.passages import passages_of
from rag.types import Article

_WIDE = str.maketrans(",!?;:()", "\uff0c\uff01\uff1f\uff1b\uff1a\uff08\uff09")


def read(raw: str) -> Article:
    """The article, which has the same structure when its marks among Chinese characters are full-width."""
    wide = re.sub(r"(?<=[\u4e00-\u9fff”])[,!?;:()]+(?![\w ])|[,!?;:()]+(?=[\u4e00-\u9fff“])", _widen, raw)
    articles = [parse(text.encode(), "a.txt") for text in (raw, wide)]
    half, full = ([(d.kind, d.date, d.blocks, d.alignment) for d in article.documents] for article in articles)
    assert half == full
    assert articles[0].removed == articles[1].removed
    return articles[0]


def _widen(match: re.Match[str]) -> str:
    return match[0].translate(_WIDE)


def documents(raw: str) -> list[tuple[str, str, str | None, str | None]]:
    return [(d.kind, d.title, d.date, d.publisher) for d in read(raw).documents]


def passages(raw: str) -> list[str]:
    return [passage.text for passage in passages_of(read(raw))]


def sections(raw: str) -> list[tuple[str, str]]:
    return [(passage.section, passage.text) for passage in passages_of(read(raw))]


BODY = "萧山机场三期工程昨日通过验收,旅客吞吐能力达到每年九千万人次。"
BODY_2 = "“这是全市人民期盼已久的一天。”指挥部负责人陈立说。"


def test_newspaper_page_with_bylines_below_the_titles() -> None:
    raw = f"""
地铁十号线今日通车
本报记者 王小明

{BODY}

{BODY_2}

菜市场改造完成
见习记者 李红 通讯员 赵刚

改造后的菜市场新增停车位二百个。

寻人启事

走失老人身穿蓝色上衣,望知情者告知。
"""
    assert documents(raw)[:2] == [
        ("article", "地铁十号线今日通车", None, None),
        ("article", "菜市场改造完成", None, None),
    ]
    assert passages(raw) == [
        "本报记者 王小明",
        BODY,
        BODY_2,
        "见习记者 李红 通讯员 赵刚",
        "改造后的菜市场新增停车位二百个。",
        "走失老人身穿蓝色上衣,望知情者告知。",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "2023年5月6日 10:20  来源:钱江晚报",
        "2023/05/06 来源: 钱江晚报 作者:周舟",
        "发布时间:2023-5-6 10:20:11 | 来源:钱江晚报 | 阅读:1024",
        "06.05.2023 来源:钱江晚报",
        "时间:2023年05月06日 稿源:钱江晚报 【打印】【关闭】",
        "2023-05-06 来源 钱江晚报",
        "(来源:钱江晚报 2023.5.6)",
        "星期六 2023年5月6日 上午10:20 信息来源:钱江晚报 浏览次数:88",
        "来源:钱江晚报\n\n发布日期:2023-05-06",
        "2023-05-06 10:20 杭州网 来源:钱江晚报 记者张三/杭州报道",
        "http://news.example.com 2023年05月06日 10:20 来源:钱江晚报",
        "來源:钱江晚报 發佈時間:2023-05-06 10:20",
    ],
)
def test_dates_and_publishers_in_other_notations(line: str) -> None:
    raw = f"首页 > 新闻 > 正文\n机场三期通过验收\n{line}\n\n{BODY}\n"
    assert documents(raw) == [("article", "机场三期通过验收", "2023-05-06", "钱江晚报")]
    assert passages(raw) == [BODY]


@pytest.mark.parametrize(
    "line",
    [
        "当前位置:首页 > 新闻中心 > 本地",
        "首页 > 新闻 > 本地 > 正文",
        "您所在的位置: 首页 / 新闻",
        "首页 | 关于我们 | 新闻中心 | 联系我们",
        "您現在的位置:首頁 » 新聞 » 本地",
        "字号:大 中 小 打印 分享到: 微信 微博",
        "[打印本页] [关闭窗口]",
        "----------------",
        "责任编辑:周舟",
        "作者:周舟",
        "索 引 号:330100/2023-00012\n主题分类:综合政务\n发文机关:杭州市人民政府",
        "Skip to main content",
    ],
)
def test_what_stands_above_a_title_is_no_title(line: str) -> None:
    raw = f"{line}\n\n机场三期通过验收\n2023-05-06\n\n{BODY}\n{BODY_2}\n"
    assert documents(raw) == [("article", "机场三期通过验收", "2023-05-06", None)]
    assert passages(raw) == [BODY, BODY_2]


FEET = [
    "咨询热线:0571-8765 4321\n微信:hzjc2023\nQQ群:123456789",
    "张经理微信号\n手机:139 0000 1234\n欢迎来电咨询,为您提供一对一服务!\n扫码关注公众号",
    "电话:(0571)87654321 传真:0571-87654322 邮箱:news@example.com",
    "联系人:王女士  13900001234",
    "商务合作 QQ:12345678",
    "E-mail: news@example.com",
    "官方公众号:杭州机场建设\n长按识别二维码关注我们",
    "版权所有 机场新闻网 未经授权禁止转载",
    "【版权声明】本文版权归原作者所有,如有侵权,请联系我们删除。",
    "免责声明:本文仅代表作者个人观点,与本站无关,请读者仅作参考。",
    "声明:本网转载此文出于传递更多信息之目的,如涉及版权问题请与本网联系。",
    "本文转载自网络,如有侵权请联系小编删除。",
    "转载请注明出处。",
    "未经许可,不得以任何形式转载。",
    "凡本网注明“来源:机场网”的作品,未经授权不得转载。",
    "本網站所載文章均轉載自互聯網,如有侵權請聯繫管理員刪除。",
    "著作權聲明:本站內容未經授權,請勿轉載。",
    "浙ICP备12345678号-1 浙公网安备 33010602000001号",
    "Copyright © 2023 Airport News. All Rights Reserved.",
    "© 2023 机场新闻网",
    "(责任编辑:周舟)",
    "编辑/周舟 审核/李红",
    "(图片来源:视觉中国)",
    "上一篇:地铁十号线今日通车\n下一篇:菜市场改造完成",
    "分享到: 微信 微博 QQ空间\n点赞 12 收藏 3 评论 0",
    "【返回顶部】【关闭窗口】",
    "微信扫一扫,分享到朋友圈\n[1] [2] 下一页 尾页",
    "- END -\n点击“阅读原文”了解更多\n喜欢就点个在看吧",
    "关于我们 | 网站地图 | 联系我们 | 法律声明",
    "Share this article",
    "回复 | 举报 | 收藏",
    "本页面最后修订于2023年5月6日 (星期六) 10:20。",
    "(完)",
    "微博:@杭州机场",
]


@pytest.mark.parametrize("foot", FEET)
def test_the_foot_of_a_page_is_no_part_of_its_article(foot: str) -> None:
    raw = f"机场三期通过验收\n\n{BODY}\n{BODY_2}\n\n{foot}\n"
    assert passages(raw) == [BODY, BODY_2]


def test_all_feet_together() -> None:
    raw = f"机场三期通过验收\n\n{BODY}\n{BODY_2}\n\n" + "\n\n".join(FEET)
    assert passages(raw) == [BODY, BODY_2]


LAST_SENTENCES = [
    "市民如有疑问,可拨打电话0571-87654321或关注官方微信公众号咨询。",
    "咨询电话0571-87654321,工作日均可拨打。",
    "居民们纷纷在微信群里转发这条消息。",
    "他最后说:“我的微信,永远为业主开着。”",
    "法院认定,该公司未经许可转载了原告的文章,应当赔偿。",
    "规定要求,媒体不得转载未经核实的信息。",
    "本文作者系浙江大学教授,长期研究版权法。",
    "本文将从版权保护的角度分析转载的边界。",
    "我们第一时间联系了物业,并进行了处理。",
    "如发现侵权行为,请联系市场监管部门处理。",
    "该公司已取得增值电信业务经营许可证。",
    "凡本市户籍居民,凭身份证可免费领取,来源不明的票证无效。",
    "版权所有者表示将继续上诉。",
    "学术论文转载须注明出处是基本规范。",
    "特别说明:本表数据为初步核算数。",
    "请市民按照指引前往最近的服务点,联系人姓名见附件。",
    "声明作废!",
    "欢迎广大市民前来参观。",
    "本平台已累计受理举报1200件。",
    "本站是换乘站,预计下月开通。",
    "“本网站转载的内容均已获授权。”该公司负责人说。",
    "编辑:你怎么看这件事?",
    "作者:我写了整整三年",
    "客服:您好,请问有什么可以帮您?",
    "截至2023年5月6日,项目已完成投资20亿元。",
    "来源:他说是捡来的。",
    "第一季度 | 120 | 130",
    "上一篇报道引起了很大反响。",
    "阅读使人充实",
    "他点了一个赞",
    "下一页翻开,是一张老照片",
    "故事到此 END",
    "他在微博上写道:@所有人,机场通车了。",
    "回复举报人的工作已经完成。",
    "本页翻过,新的一页已经展开。",
    "地址:杭州市钱塘区1号大街1号",
    "封底印着四个小字“版权所有”。",
    "公司持有两张许可证:食品生产许可证2015年取得,经营许可证2018年取得。分公司有员工300人。",
    "消费者投诉到本平台后,本平台应当在七日内处理;对结果不服的,可以联系本平台所在地的市场监管部门处理。",
    "未经著作权人许可,任何网站不得擅自转载他人的作品,否则要赔偿损失。",
    "如果权利人发现仍有侵权商品,由平台联系我们法院的调解员。",
    "如果权利人发现仍有侵权商品,请联系我们处理。平台2023年共处理投诉12万件,比上年少一成。",
    "本平台2023年共处理侵权投诉12万件。",
    "说明:授权经营企业数为年末数。",
    "The company said it would contact users whose data had been copied.",
]


@pytest.mark.parametrize("last", LAST_SENTENCES)
@pytest.mark.parametrize("foot", ["", "\n电话:0571-87654321", "\n\n联系电话:0571-87654321\n版权所有 机场新闻网"])
def test_no_sentence_is_taken_for_a_foot(last: str, foot: str) -> None:
    raw = f"机场三期通过验收\n\n{BODY}\n{last}{foot}\n"
    assert passages(raw) == [BODY, last]


@pytest.mark.parametrize("last", ["咨询电话:0571-87654321。", "联系人:王女士,电话:0571-87654321。"])
def test_whom_an_article_tells_to_call_is_in_it(last: str) -> None:
    assert passages(f"图书馆恢复开放\n\n{BODY}\n{last}\n") == [BODY, last]
    assert passages(f"图书馆恢复开放\n\n{BODY}\n转载请注明出处。\n\n{last}\n") == [BODY]


@pytest.mark.parametrize(
    "time", ["时间:2023年5月20日 14:00", "时间:2023年3月15日上午10:30", "日期:2023-05-20", "2023年3月15日上午10:30"]
)
def test_the_time_of_an_event_is_no_date_of_publication(time: str) -> None:
    raw = f"良渚文化讲座预告\n{time}\n地点:图书馆报告厅\n主讲人:王教授\n\n{BODY}\n"
    assert documents(raw) == [("article", "良渚文化讲座预告", None, None)]
    assert passages(raw) == [time, "地点:图书馆报告厅", "主讲人:王教授", BODY]


@pytest.mark.parametrize(
    "first",
    [
        "2023年5月6日,杭州开会。",
        "2023年5月6日,晴",
        "2023-05-06 大雨!",
        "2023年5月6日上午,机场三期工程通过验收。",
        "来源:记者多方打听,才知道这批货的来历。",
        "据新华社2023年5月6日电,机场三期工程通过验收。",
        "所在位置:杭州市钱塘区1号大街",
        "联系电话:0571-87654321",
        "数据来源:国家统计局",
    ],
)
def test_no_sentence_is_taken_for_a_head(first: str) -> None:
    raw = f"机场三期通过验收\n\n{first}\n{BODY}\n"
    assert first in [*passages(raw), sections(raw)[0][0]], "a paragraph or, short, a heading"
    assert passages(raw)[-1] == BODY


@pytest.mark.parametrize(
    "title",
    [
        "杭州地铁上线新版二维码",
        "一夜爆红的微信公众号",
        "2022年8月24日新闻发布会",
        "2023-05-05杭州要闻",
        "转载请注明出处,难在哪里?",
        "版权保护新规实施",
        "专访张三:我们要走自己的路",
        "3/5的企业增长",
    ],
)
def test_titles_that_sound_like_furniture_stay(title: str) -> None:
    raw = f"{title}\n2023-05-06 10:20\n\n{BODY}\n{BODY_2}\n"
    assert documents(raw) == [("article", title, "2023-05-06", None)]
    assert passages(raw) == [BODY, BODY_2]


@pytest.mark.parametrize(
    "opening", ["延伸阅读", "猜你喜欢", "【相关新闻】", "推荐阅读:", "相關閱讀", "热点推荐", "Related articles"]
)
@pytest.mark.parametrize("times", [1, 2])
def test_teasers_with_and_without_snippets(opening: str, times: int) -> None:
    raw = (
        f"机场三期通过验收\n\n{BODY}\n\n{opening}\n\n"
        + "地铁十号线今日通车\n\n" * times
        + "地铁十号线首班车今晨六点从翠柏路站驶出,首日...\n\n"
        + "菜市场改造完成\n\n" * times
        + "寻人启事\n\n走失老人身穿蓝色上衣……\n\n"
        + "版权所有 机场新闻网\n"
    )
    assert documents(raw) == [
        ("article", "机场三期通过验收", None, None),
        ("teaser", "地铁十号线今日通车", None, None),
        ("teaser", "菜市场改造完成", None, None),
        ("teaser", "寻人启事", None, None),
    ]
    assert passages(raw) == [BODY, "地铁十号线首班车今晨六点从翠柏路站驶出,首日...", "走失老人身穿蓝色上衣……"]


@pytest.mark.parametrize("opening", ["推荐阅读", "延伸阅读:"])
def test_an_article_goes_on_below_related_articles_in_its_middle(opening: str) -> None:
    teasers = "地铁十号线今日通车\n菜市场改造完成"
    raw = f"机场三期通过验收\n\n{BODY}\n\n{opening}\n{teasers}\n\n{BODY_2}\n{BODY}\n二期回顾\n{BODY}\n"
    assert [(kind, title) for kind, title, *_ in documents(raw)] == [
        ("article", "机场三期通过验收"),
        ("teaser", "地铁十号线今日通车"),
        ("teaser", "菜市场改造完成"),
        ("article", ""),
    ]
    assert sections(raw) == [("", BODY), ("", BODY_2), ("", BODY), ("二期回顾", BODY)]


def test_related_articles_in_a_menu_open_nothing() -> None:
    raw = f"首页 > 新闻 > 正文\n推荐阅读\n机场三期通过验收\n2023-05-06\n\n{BODY}\n{BODY_2}\n"
    assert documents(raw) == [("article", "机场三期通过验收", "2023-05-06", None)]
    assert passages(raw) == [BODY, BODY_2]


def test_readings_in_brackets_of_both_widths() -> None:
    raw = "區(qū)域发展(zhǎn)\n\n機場\uff08chǎng\uff09三期通過驗收(shōu),他们(they)說好(hao)。\n"
    assert documents(raw) == [("article", "區域发展", None, None)]
    assert passages(raw) == ["機場三期通過驗收,他们(they)說好(hao)。"]


@pytest.mark.parametrize("number", ["— 3 —", "第3页", "- 3 -", "3/10", "第 3 页 共 10 页", "Page 3", "·3·"])
def test_page_numbers_between_the_halves_of_a_paragraph(number: str) -> None:
    half = BODY[:-1] + ",货邮吞吐能力达到每年三百六十万吨,是全省最大的综合交通"
    raw = f"机场三期通过验收\n\n{half}\n\n{number}\n\n枢纽工程,总投资四百亿元。\n\n{BODY}\n"
    assert passages(raw) == [half + "枢纽工程,总投资四百亿元。", BODY]


def test_chinese_text_cut_at_one_width() -> None:
    first, second = BODY * 3, BODY_2 * 4
    wrapped = "\n".join(
        "\u3000\u3000" + p[:18] + "\n" + "\n".join(p[i : i + 20] for i in range(18, len(p), 20))
        for p in (first, second)
    )
    raw = f"机场三期通过验收\n\n{wrapped}\n"
    assert passages(raw) == [first, second]


@pytest.mark.parametrize("comma", [",", "\uff0c"])
def test_text_of_both_widths_cut_at_one_column(comma: str) -> None:
    """Where a comma may not begin a line, the character before it goes to the next line with it."""
    text = "机场三期GDP增长5.5%,旅客120万人次,货邮36.5万吨,比2022年多10%以上。".replace(",", comma) * 5
    lines = [""]
    for piece in re.findall(rf".{comma}|.", text):
        if width(lines[-1] + piece) > 36:
            lines.append("")
        lines[-1] += piece
    assert len({len(line) for line in lines[:-1]}) > 1
    (passage,) = passages_of(parse(("机场三期通过验收\n\n" + "\n".join(lines)).encode(), "a.txt"))
    assert "".join(passage.text.split()) == text


@pytest.mark.parametrize("mark", ["\uff0c", "\uff1b", "\uff1a", "\uff01", "\uff1f", "\uff09", ",", "。"])
def test_a_mark_that_may_not_begin_a_line_belongs_to_the_word_before(mark: str) -> None:
    widest = Line(0, 20, "杭" * 20, "", False)
    assert Margin(len, 20).cuts(Line(0, 18, "州" * 18, "", False), Line(0, 9, "区里" + mark, "", False)) is False
    assert Margin(len, 20).cuts(Line(0, 18, "州" * 18, "", False), Line(0, 9, "区" + mark * 2, "", False))
    assert Margin(len, 20).cuts(widest, Line(0, 9, "区里", "", False))


def test_text_cut_at_one_width_and_by_a_page() -> None:
    text = BODY * 4
    lines = [text[i : i + 20] for i in range(0, len(text), 20)]
    raw = "机场三期通过验收\n\n" + "\n".join([*lines[:3], "", "— 3 —", "", *lines[3:]]) + "\n"
    assert passages(raw) == [text]


def test_couplets_and_rows_of_one_width_are_no_cut_text() -> None:
    couplets = ["朝辞白帝彩云间,千里江陵一日还。", "两岸猿声啼不住,轻舟已过万重山。"] * 4
    assert passages("早发白帝城二首\n\n" + "\n".join(couplets)) == couplets
    rows = [f"第{n}季度营业收入  1{n}0.5  同比增长  {n}.5  利润总额  2{n}.5" for n in range(1, 9)]
    assert passages("经营情况\n\n" + "\n".join(rows)) == [row.replace("  ", " ") for row in rows]


def test_english_text_cut_at_one_width() -> None:
    raw = """\
Harbour reopens after ten years

The old harbour in the north of the city was opened again on Saturday,
ten years after the fire that had destroyed most of its warehouses and
cranes. The mayor called it a day that nobody in the town would forget
soon.

Ships will call there twice a day. A ticket costs four euros, and half
of that for children. The harbour can be reached by tram and by bicycle
from all parts of the city.
"""
    found = passages(raw)
    assert [p.replace("\n", " ") for p in found] == [
        "The old harbour in the north of the city was opened again on Saturday, ten years after the fire that had "
        "destroyed most of its warehouses and cranes. The mayor called it a day that nobody in the town would "
        "forget soon.",
        "Ships will call there twice a day. A ticket costs four euros, and half of that for children. The harbour "
        "can be reached by tram and by bicycle from all parts of the city.",
    ]


def test_english_article() -> None:
    raw = """\
Home > News > Business
Harbour reopens after ten years
By Jane Doe | Published 2023-05-06
The old harbour in the north of the city was opened again on Saturday, ten years after the fire.

What comes next
Ships will call there twice a day. "We are ready," said the harbour master.

Copyright 2023 Harbour News. All rights reserved.
"""
    assert documents(raw) == [("article", "Harbour reopens after ten years", "2023-05-06", None)]
    assert sections(raw) == [
        ("", "The old harbour in the north of the city was opened again on Saturday, ten years after the fire."),
        ("What comes next", 'Ships will call there twice a day. "We are ready," said the harbour master.'),
    ]


def test_no_title() -> None:
    assert documents(f"{BODY}\n{BODY_2}\n") == [("article", "", None, None)]
    assert passages(f"{BODY}\n{BODY_2}\n") == [BODY, BODY_2]


@pytest.mark.parametrize("line", [BODY, "机场三期通过验收", "Hello", "2023年5月6日,晴", "A"])
def test_an_article_of_one_line(line: str) -> None:
    assert documents(line) == [("article", "", None, None)]
    assert passages(line) == [line]


def test_a_title_with_nothing_below_it_is_the_text() -> None:
    assert documents("机场三期通过验收\n2023-05-06 10:20\n") == [("article", "", "2023-05-06", None)]
    assert passages("机场三期通过验收\n2023-05-06 10:20\n") == ["机场三期通过验收"]


def test_numbered_headings() -> None:
    raw = f"关于加快建设的意见\n\n一、总体要求\n(一)指导思想\n{BODY}\n1. 主要目标\n{BODY_2}\n二、保障措施\n{BODY}\n"
    assert sections(raw) == [("一、总体要求 (一)指导思想", BODY), ("1. 主要目标", BODY_2), ("二、保障措施", BODY)]


def test_a_list_of_short_lines_is_no_pile_of_headings() -> None:
    raw = f"获奖名单\n\n{BODY}\n张三\n李四\n王五\n赵六\n{BODY_2}\n"
    assert sections(raw) == [("", text) for text in (BODY, "张三", "李四", "王五", "赵六", BODY_2)]


@pytest.mark.parametrize(
    "lines",
    [
        ["要求如下:", "1、有三年以上经验", "2、持有健康证", "待遇如下:", "包吃包住", "月薪八千元", "报名截止本月底。"],
        ["要求如下:", "有健康证", BODY],
        ["(一)在本市注册;", "(二)纳税信用良好;", "(三)职工总数不低于20人", BODY],
        ["1、有三年以上经验", "2、持有健康证", BODY],
        ["(三)职工总数不低于20人", "持有健康证的人员", "报名从速", BODY],
        ["清明前后,龙井村的茶农最忙🍵", BODY],
        ["园区食堂5月1日开业啦!!!欢迎大家来吃饭~", BODY],
        ["园区食堂5月1日开业啦!欢迎大家来吃饭", BODY],
    ],
)
def test_items_and_exclamations_are_no_headings(lines: list[str]) -> None:
    assert sections("\n".join(["招工启事", BODY_2, *lines])) == [("", line) for line in [BODY_2, *lines]]


@pytest.mark.parametrize("tail", ["。[1]", "!(见图一)", "。(完)", "。[1][2]", "。”[12]", "~", "🍵", "……(笑)"])
def test_what_stands_behind_the_last_mark_does_not_join_paragraphs(tail: str) -> None:
    first = BODY * 3 + "这是全市人民期盼已久的一天" + tail
    assert passages(f"机场三期通过验收\n\n{first}\n\n{BODY * 3}\n") == [first, BODY * 3]


@pytest.mark.parametrize(
    "speakers", [("问", "答"), ("记者", "张三"), ("Q", "A"), ("主持人", "王教授"), ("学生", "王教授")]
)
def test_an_interview_keeps_every_line(speakers: tuple[str, str]) -> None:
    asks, answers = speakers
    lines = [
        f"{asks}:您怎么看机场三期的意义",
        f"{answers}:它是全省最大的综合交通枢纽,意义重大。",
        f"{asks}:什么时候通车?",
        f"{answers}:明年",
        f"{answers}:{BODY[:-1] * 3}",
        f"{asks}:怎么联系你们?",
        f"{answers}:电话号码在网上,加微信也可以",
    ]
    assert passages("专访机场负责人\n\n" + "\n".join(lines)) == lines
    assert passages("\n".join(lines)) == lines, "without a title"


def test_a_table_of_labels_and_values() -> None:
    rows = [
        "项目名称:机场三期",
        "总投资:400亿元,其中国债120亿元",
        "建设单位:机场集团",
        "竣工日期:2023年5月6日",
        "容积率:1.2",
    ]
    assert passages("项目概况\n\n" + "\n".join(rows)) == rows
    assert passages("项目概况\n\n" + "\n".join([*rows, BODY])) == [*rows, BODY]


def test_a_poem() -> None:
    raw = "静夜思\n李白\n床前明月光,\n疑是地上霜。\n举头望明月,\n低头思故乡。\n"
    assert documents(raw)[0][1] == "静夜思"
    assert "".join(passages(raw)) == "床前明月光,疑是地上霜。举头望明月,低头思故乡。"


def test_short_verses_without_punctuation() -> None:
    verses = ["轻轻的我走了", "正如我轻轻的来", "我轻轻的招手", "作别西天的云彩"]
    assert passages("再别康桥\n\n" + "\n".join(verses)) == verses
