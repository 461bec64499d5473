"""Passages, and the guarantees that every citation rests on, over arbitrary text."""

from itertools import pairwise

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from rag.documents import clean, parse
from rag.documents.characters import kept
from rag.documents.structure import structure
from rag.passages import MAX_PASSAGE, passages_of, sentences, split
from rag.types import Article

_CHARACTERS = (
    "杭州錢塘區。,:;!?()、“”《》…—~abcXYZ 0123.'\"-/|> \t\u3000\xa0\uff0c\uff1a\uff1b\uff01\uff1f\uff08\uff09\uff5e"
)
_LINE_ENDS = ("\n", "\n\n", "\n  ", "\r\n", "\r", "\u2028", "\u2029", "\x0c", "\x0b", "\x1c", "\x85")
_INVISIBLE = ("\x00", "\u200b", "\ufeff", "\xad")
_DAMAGED = ("\ufffd", "\ue319", "?lián)")
_READINGS = ("區(qū)", "區\uff08qū\uff09", "發(fā)展", "(qū)", "说(shuō)\n")
_PAGE_NUMBERS = ("\n— 3 —\n", "\n第3页\n", " \n 3/10 \n\n", "第3页", "\n- 4 -", "Page 3 of 9")
_PROSE = (
    "hello world ",
    "The park opened in\n",
    "the north. ",
    "杭州是浙江省的省会,",
    "开发区共有三家企业。",
    "推动产城\n\n一体发展。\n",
    "a" * 90,
    "杭" * 170,
)
_PAGE = (
    "本报记者 张三\n",
    "\n标题一则\n",
    "\n相关文章\n",
    "当前位置:首页 > 新闻\n",
    "2024-09-26 10:20 来源:杭州日报\n",
    "电话:0571-12345678\n",
    "版权声明:本文由某网发布,转载请注明出处。\n",
    "问:为什么?\n",
    "答:因为如此\n",
    "编者按:",
    "一、",
)
_PIECES = (*_CHARACTERS, *_LINE_ENDS * 2, *_INVISIBLE, *_DAMAGED, *_READINGS, *_PAGE_NUMBERS, *_PROSE, *_PAGE)
_anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
texts = st.lists(st.sampled_from(_PIECES) | _anything, max_size=60).map("".join)


def _article(raw: str) -> Article:
    documents, removed = structure(raw, "a.txt")
    return Article("a.txt", "utf-8", "", raw, documents, removed)


@settings(max_examples=400, deadline=None)
@given(texts)
@example("a \n— 3 — \nb")
@example("杭州很好,真的很好很好很好很好的\n— 3 —\nabc")
@example("錢塘區(qū)\u2028短句。")
def test_slices_round_trip_and_nothing_is_lost(raw: str) -> None:
    article = _article(raw)
    seen = [False] * len(raw)
    end = 0
    for document in article.documents:
        assert document.alignment.apply(raw) == document.text
        assert len(document.alignment) == len(document.text)
        positions = [i for start, stop in document.alignment.ranges for i in range(start, stop)]
        assert "".join(raw[i] for i in positions) == document.text
        assert positions == sorted(set(positions))
        assert positions[0] >= end, "documents follow each other"
        end = positions[-1] + 1
        for i in positions:
            seen[i] = True
        assert [block.kind for block in document.blocks].count("title") <= 1
        position = 0
        for block in document.blocks:
            assert block.start == position + (position > 0), "blocks tile the text, one line end between them"
            assert block.start == 0 or document.text[position].splitlines() == [""]
            assert (
                clean(raw[slice(*document.alignment.raw_span(block.start, block.end))])
                == (document.text[block.start : block.end])
            )
            assert document.text[block.start : block.end].strip()
            position = block.end
        assert position == len(document.text)
    for removed in article.removed:
        for i in range(removed.start, removed.end):
            assert not seen[i], "what is removed is in no document"
            seen[i] = True
    # What is in neither must be gone from the cleaned form of any stretch around it: blanks and readings.
    lost = [i for i in range(len(raw)) if not seen[i]]
    assert all(_goes(raw, i) for i in lost), [raw[max(0, i - 9) : i + 9] for i in lost if not _goes(raw, i)]


def _goes(raw: str, i: int) -> bool:
    """Whether `raw[i]` is white space, invisible, or within a reading in brackets behind its character."""
    if raw[i].isspace() or clean(raw[i]) == "":
        return True
    readings = (raw[start:stop] for start in range(max(0, i - 9), i + 1) for stop in range(i + 1, i + 10))
    return any(part[0] in "(\uff08" and part[-1] in ")\uff09" and clean("區" + part) == "區" for part in readings)


@settings(max_examples=400, deadline=None)
@given(texts, st.data())
@example("The park opened in  \n  \t world peace and so on for ever and ever until the end of all the days.", None)
@example(
    "The old harbour was bought by the\n— 3 —\n city in the winter of the year and then rebuilt from scratch.", None
)
def test_the_cleaned_form_of_any_part_of_a_passage_is_that_part(raw: str, data: st.DataObject | None) -> None:
    for passage in passages_of(_article(raw)):
        if data is None or len(passage.text) <= 12:
            parts = [(a, b) for a in range(len(passage.text)) for b in range(a + 1, len(passage.text) + 1)]
        else:
            ends = st.integers(0, len(passage.text))
            parts = data.draw(st.lists(st.tuples(ends, ends), max_size=12))
        for first, last in [(0, len(passage.text)), *parts]:
            if first < last:
                start, end = passage.alignment.raw_span(first, last)
                assert passage.start <= start < end <= passage.end
                assert clean(raw[start:end]) == passage.text[first:last]


@settings(max_examples=1000, deadline=None)
@given(texts, st.data())
@example("a \n— 3 — \nb", None)
@example("a \n — 3 —\n\tb", None)
@example("a\n — 3 —\nb", None)
@example("a\t\r\n- 3 -\r\n b 区(qū)\n(qū)\u200b \u200b 第3页\n第3页", None)
def test_cleaning_is_local(raw: str, data: st.DataObject | None) -> None:
    """Whatever is taken for a paragraph: any part of it, cut out by its raw offsets, is cleaned to that part."""
    positions = [i for start, end in kept(raw, 0, len(raw)) for i in range(start, end)]
    text = "".join(raw[i] for i in positions)
    assert text == clean(raw)
    if data is None or len(text) <= 12:
        parts = [(a, b) for a in range(len(text)) for b in range(a + 1, len(text) + 1)]
    else:
        ends = st.integers(0, len(text))
        parts = data.draw(st.lists(st.tuples(ends, ends), max_size=20))
    for first, last in parts:
        if first < last:
            assert clean(raw[positions[first] : positions[last - 1] + 1]) == text[first:last]


def test_a_page_number_goes_only_where_it_is_a_line_of_its_own() -> None:
    assert clean("见\n第3页\n的图") == "见的图"
    assert clean("见\n第3页的图") == "见第3页的图"
    assert clean("见第3页\n的图") == "见第3页的图"
    assert clean("第3页") == "第3页"
    assert clean("a\n- 3 -\nb") == "a\nb"


@settings(max_examples=300, deadline=None)
@given(texts)
def test_passages_tile_the_paragraphs(raw: str) -> None:
    article = _article(raw)
    passages = passages_of(article)
    assert [passage.id for passage in passages] == [f"a.txt#{n}" for n in range(1, len(passages) + 1)]
    paragraphs = [
        document.text[block.start : block.end]
        for document in article.documents
        for block in document.blocks
        if block.kind == "paragraph"
    ]
    assert "".join(passage.text for passage in passages) == "".join(paragraphs)
    ends = [0, *(passage.end for passage in passages)]
    assert all(end <= passage.start < passage.end for end, passage in zip(ends, passages, strict=False))
    assert all(0 < len(passage.text) <= MAX_PASSAGE and passage.text.strip() for passage in passages)


@settings(max_examples=300, deadline=None)
@given(texts, st.data())
def test_split_tiles_in_pieces_that_are_not_too_long(text: str, data: st.DataObject) -> None:
    text = text * data.draw(st.integers(1, 20))
    assume(text)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    for parts in (split(text, start, end), sentences(text, start, end)):
        assert parts[0][0] == start
        assert parts[-1][1] == end
        assert all(before[1] == after[0] for before, after in pairwise(parts))
        assert all(first < last for first, last in parts)
    assert all(last - first <= MAX_PASSAGE for first, last in split(text, start, end))


def test_a_long_paragraph_is_split_at_sentence_ends_into_parts_of_about_equal_length() -> None:
    sentence = "杭" * 99 + "。"
    assert split(sentence * 6, 0, 600) == [(0, 300), (300, 600)]
    assert split(sentence * 5, 0, 500) == [(0, 500)]
    assert split("杭" * 259 + "。" + "杭" * 399 + "。", 0, 660) == [(0, 260), (260, 660)]


def test_a_sentence_too_long_is_split_at_its_clauses_and_what_has_none_at_the_length() -> None:
    assert split("杭" * 399 + "," + "州" * 200, 0, 600) == [(0, 400), (400, 600)]
    assert split("杭" * 1001, 0, 1001) == [(0, 500), (500, 1000), (1000, 1001)]


def test_sentences() -> None:
    def of(text: str) -> list[str]:
        return [text[start:end] for start, end in sentences(text)]

    assert of("他说:“好。”然后走了!真的?") == ["他说:“好。”", "然后走了!", "真的?"]
    assert of('It grew 3.5 percent. He said "yes." Then he left.') == [
        "It grew 3.5 percent. ",
        'He said "yes." ',
        "Then he left.",
    ]
    assert of("The park opened in\nthe north. It is big.") == ["The park opened in\nthe north. ", "It is big."]
    assert of("第一行\n第二行\nabc\n\ndef") == ["第一行\n", "第二行\n", "abc\n\n", "def"]


def test_sections_are_the_headings_above_a_paragraph_and_end_at_the_next_title() -> None:
    raw = "题目在此\n一、总体要求\n(一)主要目标\n目标是第一。\n目标是第二。\n二、保障\n保障有力。\n"
    passages = passages_of(parse(raw.encode(), "dir/a.txt"))
    assert [(p.section, p.paragraph, p.text) for p in passages] == [
        ("一、总体要求 (一)主要目标", 1, "目标是第一。"),
        ("一、总体要求 (一)主要目标", 2, "目标是第二。"),
        ("二、保障", 3, "保障有力。"),
    ]
    assert {p.title for p in passages} == {"题目在此"}
    assert passages[0].searchable == "题目在此\n一、总体要求 (一)主要目标\n目标是第一。"
    assert passages[2].id == "dir/a.txt#3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("走吧！好吗？好。", ["走吧！", "好吗？", "好。"]),
        ("走吧!好吗?好。", ["走吧!", "好吗?", "好。"]),
        ("“为什么？”他问。（是吗？）是…… 完", ["“为什么？”", "他问。", "（是吗？）", "是…… ", "完"]),
        ("快！，慢？；停", ["快！，慢？；停"]),
        ("勇?lián)\ue319姑?,前進。", ["勇?lián)\ue319姑?,前進。"]),
        ("一；二;三，四", ["一；二;三，四"]),
        ("At 3.5 per cent. So; yes. 好", ["At 3.5 per cent. ", "So; ", "yes. ", "好"]),
    ],
)
def test_where_a_sentence_ends(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == expected


def test_a_sentence_that_is_too_long_is_cut_at_clauses_in_full_and_half_width() -> None:
    for comma in ("，", ",", "；", "：", "、"):
        text = comma.join(["字" * 99] * 8)
        assert [text[start:end][-1] for start, end in split(text, 0, len(text))[:-1]] == [comma]
