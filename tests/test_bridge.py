"""The words of a question in the words of a collection that is in the other language."""

import os
import subprocess
import sys

import pytest

from rag.index.bridge import Bridge
from rag.index.bridge.glosses import bare, dictionary_form, english_of, english_words, is_common
from rag.index.bridge.names import Names, latin_of
from rag.index.bridge.numbers import chinese_numbers, english_number
from rag.index.lexical import LexicalIndex, Term, plain_terms

CHINESE = [
    "宁波的上市公司有65家,产值12亿元",
    "成都的三所大学和八家公司",
    "2023年3月,王小明在西安创办了一家企业",
    "洛阳有十四座古城门",
    "萧山区的机场,每年运送旅客五千万人次",
]
ENGLISH = [
    "There are 65 listed companies in Ningbo, worth 1.2 billion yuan",
    "Chengdu has three universities",
    "In March 2023 Wang Xiaoming founded a company in Xi'an",
    "The fourteen old city gates of Luoyang",
]


@pytest.fixture(scope="module")
def chinese() -> LexicalIndex:
    return LexicalIndex.build(CHINESE)


@pytest.fixture(scope="module")
def english() -> LexicalIndex:
    return LexicalIndex.build(ENGLISH)


def readings(index: LexicalIndex, question: str) -> dict[str, set[tuple[str, ...]]]:
    """What the terms of a question are called in the other language."""
    return {
        term.word: {reading for reading in term.readings if reading != tuple(term.word.split())}
        for term in Bridge(index).terms(question)
    }


def names_of(*passages: str) -> Names:
    """The names of passages whose words are set off by spaces."""
    words = {word for passage in passages for word in passage.split()}
    return Names(words, lambda word: [n for n, passage in enumerate(passages) if word in passage.split()])


def best(index: LexicalIndex, question: str) -> int:
    return index.search(Bridge(index).terms(question), 1)[0][0]


def test_words_phrases_and_names_of_an_english_question(chinese: LexicalIndex) -> None:
    assert readings(chinese, "How many listed companies are there in Ningbo?") == {
        "listed companies": {("上市公司",)},
        "ningbo": {("宁波",)},
    }
    assert readings(chinese, "Which companies were founded in Xi'an?") == {
        "companies": {("公司",), ("企业",)},
        "founded": {("创办",)},
        "xian": {("西安",)},
    }


def test_names_in_several_pieces_and_without_their_suffix(chinese: LexicalIndex) -> None:
    assert readings(chinese, "Wang Xiaoming") == {"wang xiaoming": {("王小明",)}}
    assert readings(chinese, "the Xiao shan airport") == {"xiao shan": {("萧山",), ("萧山区",)}, "airport": {("机场",)}}
    names = names_of("滨江区 余杭 宇航 我们 绿洲")
    assert names.chinese("binjiang", is_word=False) == ["滨江区"]
    assert names.chinese("yuhang", is_word=False) == ["余杭"]  # not 宇航, which is no name
    assert names.chinese("women", is_word=True) == []
    assert names_of("宇航").chinese("yuhang", is_word=False) == ["宇航"]
    assert [names.chinese(way, is_word=False) for way in ("lüzhou", "lvzhou", "luzhou")] == [["绿洲"]] * 3


def test_names_that_jieba_does_not_know() -> None:
    texts = ["铎阳高新区南坪片区", "鹭渚经开区的云鹭大桥", "麦穗宁说,禾澜铁路今年开工", "多样的产业,这里有很多年的积累"]
    index = LexicalIndex.build(texts)
    assert not {"铎阳", "鹭渚", "麦穗宁", "禾澜"} & set(index.vocabulary)
    assert readings(index, "Duoyang")["duoyang"] == {("多样",), ("铎", "阳")}
    assert readings(index, "Luzhu")["luzhu"] == {("鹭渚经",)}
    for question, number in (("Duoyang", 0), ("Where is Luzhu?", 1), ("Helan railway", 2)):
        assert best(index, question) == number


def test_names_in_pieces() -> None:
    names = names_of("铎 阳 多 杨 潢 江 洛 落雁 坪 机 昂", "铎 阳", "潢 杨", "雁 洲 坪")
    assert names.in_pieces(["duoyang"]) == [("铎", "阳"), ("多", "阳"), ("铎", "杨")]  # 多 and 杨 are both frequent
    assert names.in_pieces(["luoyanping"]) == names.in_pieces(["luo", "yanping"]) == [("落雁", "坪")]
    assert names.in_pieces(["huangjiang"]) == [("潢", "江")]
    assert names.in_pieces(["huangping"]) == [("潢", "坪")]
    assert names.in_pieces(["yanzhou"]) == [("雁", "洲")]
    assert names.in_pieces(["duozhou"]) == []  # they stand in no passage together
    assert names.in_pieces(["jiang"]) == []  # in pinyin 机昂 is ji'ang
    assert names.in_pieces(["yang"]) == []
    assert names_of("铎 潢 坪").in_pieces(["duohuangping"]) == [("铎", "潢", "坪")]
    assert names_of("铎 嗯").in_pieces(["duon"]) == []  # 嗯 is `n`, and in no name


def test_words_that_jieba_tied_to_a_name() -> None:
    assert names_of("鹭渚经 大桥").in_pieces(["luzhu"]) == [("鹭渚经",)]
    assert names_of("机昂线").in_pieces(["jiang"]) == []
    assert names_of("上市公司").in_pieces(["shangshi"]) == []  # jieba knows this word, so no name is tied to it


def test_two_names_beside_each_other_are_two() -> None:
    index = LexicalIndex.build(["江苏、浙江", "铎阳、鹭渚的矿业"])
    assert readings(index, "Jiangsu, Zhejiang") == {"jiangsu": {("江苏",)}, "zhejiang": {("浙江",)}}
    assert list(readings(index, "Duoyang mining Luzhu")) == ["duoyang", "mining", "luzhu"]


def test_a_name_that_is_a_common_word_is_found() -> None:
    index = LexicalIndex.build(["光明街道", "胱、明"])
    assert readings(index, "Guangming subdistrict") == {
        "guangming": {("光明",), ("胱", "明")},
        "subdistrict": {("街道",)},
    }


def test_english_words_are_not_spelt_as_names() -> None:
    index = LexicalIndex.build(["栖梧湖度假区", "拉、恪、湖", "粒、呢、线路"])
    assert readings(index, "the Qiwu Lake line")["lake"] == {("湖",)}
    assert readings(index, "the Qiwu Lake line")["line"] >= {("线路",)}


def test_an_english_question_finds_the_chinese_passage(chinese: LexicalIndex) -> None:
    questions = [
        "How many listed companies does Ningbo have?",
        "What is the number of universities in Chengdu?",
        "Who started a firm in March 2023?",
        "Where are 14 ancient gates?",
        "How many passengers pass Xiaoshan airport?",
    ]
    assert [best(chinese, question) for question in questions] == [0, 1, 2, 3, 4]


def test_a_chinese_question_finds_the_english_passage(english: LexicalIndex) -> None:
    questions = ["宁波有多少家上市公司?", "成都的大学", "2023年3月谁在西安创办了公司?", "洛阳的14座城门"]
    assert [best(english, question) for question in questions] == [0, 1, 2, 3]
    assert readings(english, "宁波的上市公司") == {
        "宁波": {("ningbo",)},
        "上市": set(),
        "公司": {("companies",), ("company",)},
        "上市公司": {("listed", "companies"), ("listed", "company")},
    }
    assert readings(english, "王小明 西安") == {"王小明": {("wang", "xiaoming")}, "西安": {("xi", "an")}}


def test_numbers_and_dates_in_both_notations(chinese: LexicalIndex, english: LexicalIndex) -> None:
    assert ("12", "亿元") in readings(chinese, "1.2 billion yuan")["1.2 billion"]
    assert readings(chinese, "14 gates")["14"] == {("十四",)}
    assert readings(chinese, "fourteen")["fourteen"] == {("十四",), ("14",)}
    assert ("3", "月") in readings(chinese, "March")["march"]
    assert readings(english, "12亿")["12亿"] == {("1200", "million"), ("1.2", "billion")}
    assert ("march",) in readings(english, "3月")["3月"]
    assert {("14",), ("fourteen",)} <= readings(english, "十四")["十四"]


@pytest.mark.parametrize(
    ("tokens", "length", "reading"),
    [
        ("twenty five cities", 2, ("25",)),
        ("3.5 million people", 2, ("350", "万")),
        ("two hundred thousand", 3, ("20", "万")),
        ("2 hundred", 2, ("二百",)),
        ("19th century", 1, ("十九",)),
        ("december 1949", 1, ("12", "月")),
        ("2 trillion yuan", 2, ("2", "万亿")),
    ],
)
def test_english_numbers(tokens: str, length: int, reading: tuple[str, ...]) -> None:
    found, readings = english_number(tokens.split())
    assert found == length
    assert reading in readings


def test_words_that_are_no_number() -> None:
    assert english_number(["often"]) == (0, [])
    assert list(chinese_numbers("没有数")) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("二〇二三年", ("二〇二三年", [("2023",)])),
        ("二百零五", ("二百零五", [("205",)])),
        ("350万", ("350万", [("3500", "thousand"), ("3.5", "million")])),
        ("十二月", ("十二月", [("december",)])),
        ("十", ("十", [("10",), ("ten",)])),
    ],
)
def test_chinese_numbers(text: str, expected: tuple[str, list[tuple[str, ...]]]) -> None:
    assert list(chinese_numbers(text)) == [expected]


def test_glosses() -> None:
    assert english_of("上市公司") == (("listed", "company"),)
    assert ("university",) in english_of("高校")  # "universities and colleges"
    assert english_of("华沙") == (("warsaw",),)  # "Warsaw, capital of Poland"
    assert ("gdp",) in english_of("生产总值")
    assert all("cl" not in phrase for phrase in english_of("公司"))  # measure words are no translation
    assert english_of("没有这个词") == ()
    assert english_words("Xi'an's high-tech zone, 1.5%") == ["xian", "high", "tech", "zone", "1.5%"]
    assert bare(["to", "the", "listed", "companies"]) == ("listed", "companies")
    assert dictionary_form(("listed", "companies")) == ("listed", "company")
    assert ("found",) in english_of("创办")
    assert ("find",) not in english_of("创办")
    assert ("high", "tech", "zone") in english_of("高新区")  # which CC-CEDICT does not hold
    assert ("etdz",) in english_of("开发区")
    assert ("party", "secretary") in english_of("党委书记")
    assert ("zone",) in english_of("区") and ("area",) in english_of("区")  # beside what CC-CEDICT gives
    assert ("found",) in english_of("成立") and ("find",) not in english_of("成立")
    assert is_common("宇航")
    assert not is_common("余杭")
    assert not is_common("没有这个词")


def test_ways_to_write_a_name() -> None:
    assert latin_of("钱塘区", {"qiantang"}) == [("qiantang",)]
    assert latin_of("王小明", {"wang", "xiaoming", "xiao", "ming"}) == [("wang", "xiao", "ming"), ("wang", "xiaoming")]
    assert latin_of("王小明", {"wang"}) == []


def test_a_question_in_the_language_of_all_passages_is_left_alone(chinese: LexicalIndex, english: LexicalIndex) -> None:
    assert Bridge(chinese).terms("宁波的上市公司") == plain_terms("宁波的上市公司")
    question = "Which companies are in Ningbo?"
    assert Bridge(english).terms(question) == plain_terms(question)


def test_nothing_in_common_finds_nothing(chinese: LexicalIndex, english: LexicalIndex) -> None:
    for index, question in ((chinese, "Where does one grill squid?"), (english, "鱿鱼怎么烤?")):
        assert index.search(Bridge(index).terms(question), 10) == []
    assert Bridge(chinese).terms("") == ()


def test_a_word_with_many_translations_weighs_as_one(chinese: LexicalIndex) -> None:
    (term,) = Bridge(chinese).terms("companies")
    assert isinstance(term, Term)
    assert set(term.readings) == {("companies",), ("公司",), ("企业",)}
    (first, *others) = chinese.search([term], 10)
    assert [number for number, _ in (first, *others)] == [1, 0, 2]
    assert first[1] < 1


def test_the_same_terms_in_every_process() -> None:
    code = (
        "from rag.index.bridge import Bridge; from rag.index.lexical import LexicalIndex\n"
        "import sys; sys.path.insert(0, 'tests'); from test_bridge import CHINESE, ENGLISH\n"
        "print(Bridge(LexicalIndex.build(CHINESE)).terms('Which companies, three universities and gates?'))\n"
        "print(Bridge(LexicalIndex.build(ENGLISH)).terms('2023年宁波和西安的上市公司'))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, env=os.environ | {"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert "企业" in outputs.pop().decode()
