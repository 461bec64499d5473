"""The seeds, read: what every file must give, exactly; and bytes in every encoding, or none."""

import os
import re
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents import article_paths, clean, parse, read_article
from rag.documents.decode import decode
from rag.errors import DocumentError
from rag.passages import passages_of
from rag.types import Article, Document, Passage

SEEDS = Path(__file__).parent.parent / "seeds"
ARTICLES = {path.name[:3]: read_article(path, SEEDS) for path in article_paths(SEEDS)}
PASSAGES = {number: passages_of(article) for number, article in ARTICLES.items()}

# Every line of the seeds that is no part of a document, and why.
REMOVED = {
    "000": [],
    "001": [
        ("navigation", "当前位置:首页 > 杭州产业信息 > 正文内容"),
        ("metadata", "admin1年前 (2024-09-26)杭州产业信息45"),
        ("contact", "葛毅明微信号"),
        ("contact", "产业招商/厂房土地租售:400 0123 021"),
        ("contact", "或微信/手机:13391219793"),
        ("contact", "请说明您的需求、用途、税收、公司、联系人、手机号,以便快速帮您对接资源。"),
        ("contact", "长按/扫一扫加葛毅明的微信号"),
        (
            "notice",
            "版权声明:本文由杭州厂房网发布,如需转载请注明出处。部份内容收集于网络,如有不妥之处请联系我们删除 400-"
            "0123-021\xa0或 13391219793",
        ),
        ("navigation", "分享给朋友:"),
        ("navigation", "相关文章"),
        ("repeated title", "“拮据”的浙江怎么富起来"),
        ("repeated title", "【产业图谱】2022年杭州市产业布局及产业招商地图分析"),
        ("repeated title", "【培训纪实】开阔视野拓思路精准招商谋新局"),
        ("repeated title", "【浙江招商动态】第35期"),
        ("repeated title", "临汾经济开发区“招商小分队”在杭州考察新能源项目"),
        ("repeated title", "从35个到17个杭州加大开发区(园区)整合提升力度"),
        ("repeated title", "他山之石浙江招商引资优秀案例30个"),
        ("repeated title", "余杭经济开发区"),
    ],
    "002": [
        ("navigation", "您當(dāng)前的位置 :熱點 >"),
        ("metadata", "2022-08-24 09:19:16\xa0\xa0 來源:杭州日報\xa0\xa0分享 分享到搜狐微博 分享到網(wǎng)易微博"),
        ("credit", "[責(zé)任編輯:ruirui]"),
        (
            "notice",
            "*本網(wǎng)站有關(guān)內(nèi)容轉(zhuǎn)載自合法授權(quán)網(wǎng)站,如果您認為轉(zhuǎn)載內(nèi)容侵犯了您的權(quán)益,",
        ),
        ("notice", "請您聯(lián)系QQ(992 5835),本網(wǎng)站將在收到信息核實后24小時內(nèi)刪除相關(guān)內(nèi)容。"),
        ("notice", "本站違法和不良信息舉報 聯(lián)系郵箱:\xa05855973@qq.com"),
        ("navigation", "關(guān)于我們| 客服中心| 廣告服務(wù)| 建站服務(wù)| 聯(lián)系我們"),
        (
            "notice",
            "中國焦點日報網(wǎng) 版權(quán)所有 滬ICP備2022005074號-20,"
            "未經(jīng)授權(quán),請勿轉(zhuǎn)載或建立鏡像,違者依法必究。",
        ),
    ],
    "003": [
        ("metadata", "18.11.2014 \xa014:11"),
    ],
    "004": [
        ("credit", "(图片由杭州高新区(滨江)宣传部提供)"),
        (
            "notice",
            '凡注有"住在杭州网"或电头为"浙江在线·住在杭州网"的稿件,均为住在杭州网独家版权所有,未经许可不得转载或'
            '镜像;授权转载必须注明来源为"浙江在线·住在杭州网",并保留"浙江在线·住在杭州网消息"的电头。',
        ),
        (
            "notice",
            '本网未注明"来源:住在杭州网"的图文等稿件均为转载稿,本网转载出于传递更多信息之目的,并不意味着赞同其观'
            "点或证实其内容的真实性。",
        ),
        ("contact", "联系电话:0571-85399752。"),
    ],
}


def _blocks(document: Document, kind: str) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks if block.kind == kind]


def _with(text: str, passages: tuple[Passage, ...]) -> Passage:
    (found,) = (passage for passage in passages if text in passage.text)
    return found


def test_the_seeds_are_five() -> None:
    assert list(ARTICLES) == ["000", "001", "002", "003", "004"]
    assert {article.encoding for article in ARTICLES.values()} == {"utf-8"}


@pytest.mark.parametrize("number", ARTICLES)
def test_exactly_the_furniture_is_removed(number: str) -> None:
    article = ARTICLES[number]
    assert [(part.reason, article.raw[part.start : part.end]) for part in article.removed] == REMOVED[number]


@pytest.mark.parametrize("number", ARTICLES)
def test_every_other_line_is_in_a_passage_a_title_or_a_heading(number: str) -> None:
    article = ARTICLES[number]
    removed = {line for _, line in REMOVED[number]}
    texts = [passage.text for passage in PASSAGES[number]]
    texts += [
        line for document in article.documents for kind in ("title", "heading") for line in _blocks(document, kind)
    ]
    for line in map(str.strip, article.raw.splitlines()):
        if line and line not in removed:
            without_readings = re.sub(r"[(][a-zü]*[āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜ][a-zü]*[)]", "", line)
            assert any(re.sub(r"\s+", " ", without_readings) in text for text in texts), line


@pytest.mark.parametrize("number", ARTICLES)
def test_every_sentence_of_a_passage_is_found_in_the_raw_file(number: str) -> None:
    article = ARTICLES[number]
    for passage in PASSAGES[number]:
        assert clean(article.raw[passage.start : passage.end]) == passage.text
        for start, end in pairwise(range(0, len(passage.text) + 1, 7)):
            first, last = passage.alignment.raw_span(start, end)
            assert clean(article.raw[first:last]) == passage.text[start:end]


def test_000_holds_three_documents() -> None:
    interview, visit, notice = ARTICLES["000"].documents
    assert [document.title for document in (interview, visit, notice)] == [
        "科技创新引领,加快开发区创新平台和建设 深化产城融合,助推开发区发展",
        "40余名青年干部 赴滨江开展培训学习",
        "遗失声明",
    ]
    assert {document.kind for document in ARTICLES["000"].documents} == {"article"}
    assert _blocks(interview, "heading") == [
        "A 工业区与新城实现联动发展 让居住、工作、生活相融合",
        "B 科技创新引领 实现制造业从“制造”向“智造”全面转型",
    ]
    assert [len(_blocks(document, "paragraph")) for document in (interview, visit, notice)] == [14, 6, 2]
    assert _blocks(interview, "paragraph")[0].startswith("编者按:作为“全球最具决策力的首脑级峰会”")
    assert _blocks(interview, "paragraph")[2] == "受访人:中国计量大学经济与管理学院邵言波博士"
    assert _blocks(interview, "paragraph")[-1] == "本报记者 林晓莹"
    assert _blocks(visit, "paragraph")[-1] == "本报记者 陈素萍 通讯员 黄健员"
    assert _blocks(notice, "paragraph")[-1] == "声明作废!"


def test_000_paragraphs_cut_by_a_page_break_are_whole() -> None:
    first = _with("方方面面的政策配合和支持。", PASSAGES["000"])
    assert first.text.startswith("产城融合的核心是实现生产、生活、生态的融合")
    assert first.text.endswith("需要土地、财政、金融、人才等方方面面的政策配合和支持。")
    second = _with("推动产城一体、产城互动,", PASSAGES["000"])
    assert second.text.startswith("注重产城联动,弥补产城融合短板。")
    assert second.text.endswith("双方的发展互为前提,缺一不可。")
    raw = ARTICLES["000"].raw
    assert raw[second.start : second.end].count("推动产城\n\n一体") == 1


def test_001_title_date_and_no_page_around_it() -> None:
    article, *_ = ARTICLES["001"].documents
    assert (article.title, article.date, article.publisher) == ("冲刺2万亿!杭州放大招!", "2024-09-26", None)
    assert len(_blocks(article, "paragraph")) == 34
    assert _blocks(article, "heading") == []
    text = "\n".join(document.text for document in ARTICLES["001"].documents)
    for furniture in (
        "当前位置",
        "admin",
        "微信",
        "13391219793",
        "400 0123",
        "400-0123",
        "版权声明",
        "分享给朋友",
        "相关文章",
    ):
        assert furniture not in text


def test_001_teasers_are_items_of_their_own_each_once() -> None:
    _, *teasers = ARTICLES["001"].documents
    assert {teaser.kind for teaser in teasers} == {"teaser"}
    assert [teaser.title for teaser in teasers] == [
        "“拮据”的浙江怎么富起来",
        "【产业图谱】2022年杭州市产业布局及产业招商地图分析",
        "【培训纪实】开阔视野拓思路精准招商谋新局",
        "【浙江招商动态】第35期",
        "临汾经济开发区“招商小分队”在杭州考察新能源项目",
        "从35个到17个杭州加大开发区(园区)整合提升力度",
        "他山之石浙江招商引资优秀案例30个",
        "余杭经济开发区",
    ]
    assert [len(_blocks(teaser, "paragraph")) for teaser in teasers] == [1] * 8
    assert [passage.kind for passage in PASSAGES["001"]] == ["article"] * 34 + ["teaser"] * 8
    assert PASSAGES["001"][-1].text.startswith("货运站距离:64公里 高铁距离:6.8公里")


def test_002_is_traditional_without_readings_header_and_footer() -> None:
    article = ARTICLES["002"]
    (document,) = article.documents
    assert (document.title, document.date, document.publisher) == (
        "今年上半年 錢塘區規上工業戰略性新興產業增加值達157.36億元",
        "2022-08-24",
        "杭州日報",
    )
    kept = {i for start, end in document.alignment.ranges for i in range(start, end)}
    for part in article.removed:
        kept |= set(range(part.start, part.end))
    readings = [match.span() for match in re.finditer("[(][a-zü]*[āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜ][a-zü]*[)]", article.raw)]
    assert len(readings) == 302
    removed = [set(range(*reading)) for reading in readings if not set(range(*reading)) & kept]
    in_furniture = sum(
        len(re.findall("[(][a-z]*[āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜ][a-z]*[)]", line)) for _, line in REMOVED["002"]
    )
    assert len(removed) + in_furniture == 302
    assert not re.search("[(][a-zü]*[āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜ]", document.text)
    assert _blocks(document, "heading") == [
        "全域創新 構建現代產業體系",
        "全域智治 提升基層治理效能",
        "全域美麗 繪就綠色生態畫卷",
        "全域共富 實現美好生活共享",
    ]
    assert len(_blocks(document, "paragraph")) == 32
    assert document.text.endswith("(記者 史俊杰 錢塘微融圈 糜利萍)")


def test_002_destroyed_characters_stay_and_are_flagged() -> None:
    article = ARTICLES["002"]
    (document,) = article.documents
    ((start, end),) = document.damaged
    assert document.text[start:end] == "?lián)\ue319"
    assert "勇?lián)\ue319姑?,大力推進" in document.text
    (warning,) = article.warnings
    assert warning == (
        "002_f20567b8de172bac.txt: characters 4240 to 4247 were destroyed before the file came here: "
        "'心、勇?lián)\\ue319姑?,'"
    )
    assert [ARTICLES[number].warnings for number in ("000", "001", "003", "004")] == [()] * 4


def test_003_three_sections_and_one_passage_an_official() -> None:
    (document,) = ARTICLES["003"].documents
    assert (document.title, document.date) == ("争先进位 比学赶超——市政府代表团赴粤沪考察体会", "2014-11-18")
    assert _blocks(document, "heading") == ["树立标杆找差距", "创新思维理思路", "精准发力谋发展"]
    assert [passage.section for passage in PASSAGES["003"]] == (
        [""] * 3 + ["树立标杆找差距"] * 8 + ["创新思维理思路"] * 9 + ["精准发力谋发展"] * 10
    )
    for official in (
        "高国飞",
        "郑翰献",
        "郑心舟",
        "翁文杰",
        "李玲",
        "金翔",
        "赵敏",
        "邵立春",
        "方毅",
        "章根明",
        "童定干",
        "王敏",
        "乐华",
    ):
        _with(official, PASSAGES["003"])


def test_004_three_sections_with_their_titles_and_no_reprint_notice() -> None:
    (document,) = ARTICLES["004"].documents
    assert document.title == "“国际滨”如何二次攀登?提升高质量发展“续航力”"
    assert [passage.section for passage in PASSAGES["004"]] == (
        ["导语"] * 5
        + ["创新续航 加快构建现代科创体系"] * 13
        + ["产业续航 持续巩固现代产业优势"] * 13
        + ["变革续航 促进创新资源高效配置"] * 7
    )
    assert PASSAGES["004"][-1].text == "以创新之势创新之功重塑经济“稳”“进”基石,“国际滨”阔步再出发。"


def _encoded(text: str) -> dict[str, bytes]:
    return {
        "utf-8": text.encode(),
        "utf-8 with mark": text.encode("utf-8-sig"),
        "utf-16-le": text.encode("utf-16-le"),
        "utf-16-be": text.encode("utf-16-be"),
        "utf-16-le with mark": b"\xff\xfe" + text.encode("utf-16-le"),
        "utf-16-be with mark": b"\xfe\xff" + text.encode("utf-16-be"),
        "gb18030": text.encode("gb18030"),
    }


@pytest.mark.parametrize("number", ARTICLES)
def test_the_seeds_in_every_encoding(number: str) -> None:
    raw = ARTICLES[number].raw
    for encoding, data in _encoded(raw).items():
        assert decode(data, "a.txt") == (raw, encoding.split()[0])
    in_big5 = raw.encode("big5", errors="ignore").decode("big5")
    if number == "002":
        assert decode(in_big5.encode("big5"), "a.txt") == (in_big5, "big5")


@pytest.mark.parametrize(
    "text",
    ["你好。", "第一,杭州。", "杭州市2022年GDP", "Hi, 杭州", "Hello.\r\n", "錢塘區規模以上工業", "又到一年潮起時。"],
)
def test_short_texts_in_every_encoding(text: str) -> None:
    for encoding, data in _encoded(text).items():
        assert decode(data, "a.txt")[0] == text, encoding


@pytest.mark.parametrize("text", ["錢塘區規模以上工業", "又到一年潮起時。", "奔涌東去的錢江潮水,以母親河獨有的視角"])
def test_short_texts_in_big5(text: str) -> None:
    assert decode(text.encode("big5"), "a.txt") == (text, "big5")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"  \r\n\t", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\xff\xfe", "is empty"),
        ("\n \n".encode("utf-16"), "is empty"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type/Catalog>>", "is a PDF"),
        (b"PK\x03\x04\x14\x00\x06\x00", "is a zip, Word or EPUB file"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "is a PNG picture"),
        (b"\x7fELF\x02\x01\x01\x00", "is a program"),
        (b"\x00" * 100, "is empty"),
        (b"\x00\x01" * 100, "is no text"),
        (bytes(range(256)) * 4, "is no text"),
        (b"\xff\xfe" + b"\x00\xd8" * 20, "is no text"),
        (b"\xef\xbb\xbf" + b"\xff\x80\xfe" * 20, "is no text"),
    ],
)
def test_what_is_no_article_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(DocumentError, match=rf"^a\.txt {says}.*: expected .*; .* remove it$"):
        decode(data, "a.txt")


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_refused(data: bytes) -> None:
    try:
        text, encoding = decode(data, "a.txt")
    except DocumentError:
        return
    assert text
    assert encoding in ("utf-8", "utf-16-le", "utf-16-be", "gb18030", "big5")
    parse(data, "a.txt")


def test_stray_controls_and_a_few_destroyed_bytes_are_no_reason_to_refuse() -> None:
    stray = "杭州\x00" + "很好。" * 20
    assert decode(stray.encode(), "a.txt") == (stray, "utf-8")
    cut_off = ("杭州很好。" * 20).encode()[:-1]
    article = parse(cut_off, "a.txt")
    assert (article.encoding, article.raw) == ("utf-8", "杭州很好。" * 19 + "杭州很好\ufffd")
    assert article.warnings == ("a.txt: characters 99 to 100 were destroyed before the file came here: '州很好\ufffd'",)


def test_line_ends_stay_in_the_raw_text_and_break_lines_alike() -> None:
    for line_end in ("\n", "\r\n", "\r", "\u2028", "\x0c", "\x85"):
        article = parse(f"标题{line_end}{line_end}第一句。{line_end}第二句。".encode(), "a.txt")
        assert article.raw.count(line_end) == 3
        assert [passage.text for passage in passages_of(article)] == ["第一句。", "第二句。"]


def test_a_file_without_a_visible_character_of_text_warns() -> None:
    article = parse("\u200b\u200b\n- 3 -\n".encode(), "a.txt")
    assert article.documents == ()
    assert article.warnings == ("a.txt: no paragraph of text was found",)


def test_article_paths_are_sorted_and_below_the_folder(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("c.txt", "b/a.txt", "a.txt", "a.md", "UP.TXT"):
        (tmp_path / name).write_text("杭州。")
    found = [path.relative_to(tmp_path).as_posix() for path in article_paths(tmp_path)]
    assert found == ["UP.TXT", "a.txt", "b/a.txt", "c.txt"]
    assert read_article(tmp_path / "b/a.txt", tmp_path).source == "b/a.txt"


def test_an_index_folder_holds_no_article(tmp_path: Path) -> None:
    for name in ("a.txt", "removed/b.txt", "below/index/c.txt", "below/index/removed/d.txt", "below/snapshots/e.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("杭州。")

    def found() -> list[str]:
        return [path.relative_to(tmp_path).as_posix() for path in article_paths(tmp_path)]

    every = ["a.txt", "below/index/c.txt", "below/index/removed/d.txt", "below/snapshots/e.txt", "removed/b.txt"]
    assert found() == every
    (tmp_path / "below" / "index" / "current.json").touch()
    assert found() == every
    (tmp_path / "below" / "index" / "snapshots").mkdir()
    assert found() == ["a.txt", "below/snapshots/e.txt", "removed/b.txt"]
    (tmp_path / "current.json").touch()
    (tmp_path / "build.lock").touch()
    assert found() == ["a.txt", "below/snapshots/e.txt"]


def test_folders_that_hold_no_article_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"missing is nothing: expected a folder of \.txt files; create it"):
        article_paths(tmp_path / "missing")
    (tmp_path / "a.md").write_text("杭州。")
    with pytest.raises(DocumentError, match=r"a\.md is a file: expected a folder"):
        article_paths(tmp_path / "a.md")
    with pytest.raises(DocumentError, match=r"holds no \.txt file \(1 other files\): expected articles"):
        article_paths(tmp_path)


def test_links_that_lead_out_of_the_folder_or_nowhere_are_named(tmp_path: Path) -> None:
    articles = tmp_path / "articles"
    articles.mkdir()
    (tmp_path / "secret.txt").write_text("杭州。")
    (articles / "a.txt").write_text("杭州。")
    (articles / "in.txt").symlink_to("a.txt")
    (articles / "lost.txt").symlink_to("missing.txt")
    (articles / "out.txt").symlink_to(tmp_path / "secret.txt")
    (articles / "loop.txt").symlink_to("loop.txt")
    inside, within, loop, lost, out = article_paths(articles)
    assert read_article(inside, articles).raw == read_article(within, articles).raw == "杭州。"
    with pytest.raises(DocumentError, match=r"^loop\.txt cannot be read \(Too many levels of symbolic links\)"):
        read_article(loop, articles)
    with pytest.raises(DocumentError, match=r"^lost\.txt cannot be read \(No such file or directory\)"):
        read_article(lost, articles)
    with pytest.raises(DocumentError, match=r"^out\.txt is a link to .*secret\.txt: expected a file in the folder"):
        read_article(out, articles)


def test_a_folder_that_cannot_be_opened_is_named() -> None:
    with tempfile.TemporaryDirectory() as home:  # pytest's own folders are for root alone, who may open everything
        articles = Path(home)
        articles.chmod(0o755)
        (articles / "a.txt").write_text("杭州。")
        (articles / "below").mkdir()
        (articles / "below" / "b.txt").write_text("杭州。")
        (articles / "below").chmod(0)
        user = os.geteuid()
        os.seteuid(user or 65534)
        try:
            first, below = article_paths(articles)
            assert read_article(first, articles).raw == "杭州。"
            with pytest.raises(
                DocumentError, match=r"^below cannot be read \(Permission denied\): check that it may be"
            ):
                read_article(below, articles)
        finally:
            os.seteuid(user)
            (articles / "below").chmod(0o755)


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"^a\.txt cannot be read \(No such file or directory\)"):
        read_article(tmp_path / "a.txt", tmp_path)


# Lines on which a pattern that looks back and forth would take hours.
@pytest.mark.parametrize(
    "words",
    [("a.0571", "@"), ("13900001234", "-"), ("1", "a"), ("编辑:", "张三 "), ("如侵权", "联系"), ("分享", "首页")],
)
def test_no_short_line_takes_long(words: tuple[str, ...]) -> None:
    started = time.process_time()
    for text in (("".join(words) * 400)[:399], words[0] + (words[1] * 400)[:390]):
        for end in ("", "!", "x", "。", "杭"):
            parse(f"标题\n短句。\n{text}{end}".encode(), "a.txt")
    assert time.process_time() - started < 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [
        "杭",
        "杭州很好,真的。",
        "a",
        " ",
        "区(qū)",
        "(",
        "?lián)",
        "hello ",
        "1",
        "a:",
        "\n- 3 -",
        " \n",
        "杭州\n",
        "杭州。\n",
        "> a ",
        "| a",
        "本报记者 张三\n杭州\n",
    ],
)
def test_time_grows_with_the_length_only(piece: str) -> None:
    def seconds(characters: int) -> float:
        data = ("杭" + piece * (characters // len(piece)) + "州").encode()
        started = time.process_time()
        passages_of(parse(data, "a.txt"))
        return time.process_time() - started

    seconds(1_000)
    assert seconds(400_000) < 16 * seconds(50_000) + 0.5


def test_the_digest_is_that_of_the_bytes() -> None:
    article: Article = parse(b"abc", "a.txt")
    assert article.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
