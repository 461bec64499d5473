"""The words and the HTML of the app, as pure functions."""

import ast
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter

import pytest

import rag
from rag.app.collection import Change, FileOutcome, Held
from rag.app.desk import Reply
from rag.app.render import render, render_article, render_articles, render_change, render_history, render_quality
from rag.app.review import language_of
from rag.app.texts import TEXTS, preferred_language
from rag.documents import parse
from rag.evaluate import KINDS
from rag.types import Alignment


def citation(**changes: object) -> rag.Citation:
    fields = {
        "source": "a.txt",
        "title": "标题",
        "section": "小节一",
        "date": "2024-09-26",
        "publisher": "某报",
        "paragraph": 3,
        "passage": "省会是杭州市。",
        "quote_start": 3,
        "quote_end": 5,
        "start": 120,
        "end": 122,
        "score": 0.9,
    }
    return rag.Citation(**(fields | changes))


def answered(*citations: rag.Citation, question: str = "省会？", confidence: float = 0.95) -> Reply:
    return reply(rag.Answer(question, citations[0].quote, confidence, None, citations, (), ()))


def reply(answer: rag.Answer, *passages: rag.Passage) -> Reply:
    candidates = tuple(rag.Candidate(number, passage, 0.04, 1, None, 2) for number, passage in enumerate(passages))
    return Reply(answer, candidates, "0123456789abcdef", {"search": 0.25, "answer": 0.5})


def passage(**changes: object) -> rag.Passage:
    fields = {
        "id": "a.txt#1",
        "source": "a.txt",
        "kind": "article",
        "title": "标题",
        "section": "",
        "date": None,
        "publisher": None,
        "paragraph": 3,
        "text": "省会是杭州市。",
        "alignment": Alignment(((117, 124),)),
    }
    return rag.Passage(**(fields | changes))


class Seen(HTMLParser):
    """What a browser would make of HTML: the names of its elements, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.lines: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data
        if data.strip():
            self.lines.append(data.strip())


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-TW", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("en;q=0.2,zh;q=0.7", "zh"),
        ("fr-FR,fr;q=0.9,zh;q=0.5,en;q=0.4", "zh"),
        ("fr-FR,fr;q=0.9", "en"),
        ("en;q=nonsense,zh;q=0.1", "zh"),
        ("zh;q=0,en;q=0.5", "en"),
        ("", "zh"),
    ],
)
def test_interface_language_follows_the_browser(header: str, language: str) -> None:
    assert preferred_language(header) == language


def test_both_languages_say_the_same_things() -> None:
    def blanks(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert TEXTS["zh"].keys() == TEXTS["en"].keys()
    for name, text in TEXTS["zh"].items():
        assert blanks(text) == blanks(TEXTS["en"][name]), name


def test_an_error_with_a_key_is_said_in_both_languages() -> None:
    error = rag.QuestionError("the question is long", "question_long", count=1001, limit=1000)
    assert (str(error), error.values) == ("the question is long", {"count": 1001, "limit": 1000})
    assert Seen(render(error, "zh")).lines == ["这个问题没法处理。", "问题有 1001 个字，最多 1000 个。请缩短。"]
    assert Seen(render(error, "en")).lines[1] == "The question has 1001 characters, at most 1000 are taken. Shorten it."
    bare = rag.RagError("no words of ours")
    assert '<span lang="en">no words of ours</span>' in render(bare, "zh")


def test_every_key_of_an_error_and_every_kind_of_question_has_words() -> None:
    keys = set()
    for path in Path(rag.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("Error"):
                keys |= {argument.value for argument in node.args[1:2] if isinstance(argument, ast.Constant)}
    said = {name.removeprefix("error_") for name in TEXTS["zh"] if name.startswith("error_")}
    assert keys == said
    groups = {"all", "answerable", *KINDS, *(language_of(text) for text in ("几个？", "幾個？", "how many?"))}
    assert groups == {name.removeprefix("group_") for name in TEXTS["zh"] if name.startswith("group_")}


def test_two_characters_are_highlighted_in_place() -> None:
    html = render(answered(citation()), "zh")
    assert '<blockquote lang="zh">省会是<mark>杭州</mark>市。</blockquote>' in html


def test_a_citation_says_where_it_stands() -> None:
    seen = Seen(render(answered(citation()), "zh")).lines
    assert "小节 小节一 日期 2024-09-26 来源 某报 文件 a.txt 段落 第 3 段 原文件位置 [120, 122)" in " ".join(seen)
    bare = citation(title="", section="", date=None, publisher=None)
    seen = Seen(render(answered(bare), "en")).lines
    assert "(no title) 省会是 杭州 市。 File a.txt Paragraph no. 3 Place in file [120, 122)" in " ".join(seen)


def test_a_quote_is_copied_with_its_source() -> None:
    html = render(answered(citation()), "zh")
    assert 'data-copy="“杭州”——标题，小节一，2024-09-26，某报，a.txt [120, 122)"' in html
    assert 'data-copy="“杭州” — 标题, 小节一, 2024-09-26, 某报, a.txt [120, 122)"' in render(answered(citation()), "en")


def test_an_article_is_linked_with_the_place_and_the_question() -> None:
    html = render(answered(citation(source="a b&c.txt")), "en")
    place = (
        "source=a+b%26c.txt&amp;start=120&amp;end=122&amp;snapshot=0123456789abcdef&amp;q=%E7%9C%81%E4%BC%9A%EF%BC%9F"
    )
    assert f'href="article?{place}&amp;lang=en"' in html


@pytest.mark.parametrize(
    ("confidence", "said"),
    [
        (1.0, "very likely right (99%)"),
        (0.9, "very likely right (90%)"),
        (0.8999, "likely right; compare with the source (89%)"),
        (0.5, "likely right; compare with the source (50%)"),
        (0.4999, "unsure; do compare with the source (49%)"),
        (0.004, "unsure; do compare with the source (<1%)"),
    ],
)
def test_confidence_never_says_more_than_is_known(confidence: float, said: str) -> None:
    html = render(answered(citation(), confidence=confidence), "en")
    assert f"Confidence: {said}" in Seen(html).text


def test_everything_from_articles_and_questions_is_escaped() -> None:
    nasty = "<script>1</script><img src=x onerror=2>\"'&amp;"
    names = ("source", "title", "section", "date", "publisher")
    hostile = citation(**dict.fromkeys(names, nasty), passage=nasty * 3, quote_start=0, quote_end=len(nasty))
    other = rag.Alternative(nasty, 0.6, (hostile,))
    answer = rag.Answer(nasty, nasty, 0.9, None, (hostile,), (other,), ())
    found = passage(**dict.fromkeys((*names, "text"), nasty))
    abstained = rag.Answer(nasty, "", 0.1, "low_confidence", (), (), (found,))
    for shown in (reply(answer, found), reply(abstained, found), rag.RagError(nasty)):
        for html in (render(shown, "en"), render_history([shown], "en") if isinstance(shown, Reply) else nasty and ""):
            seen = Seen(html)
            assert not seen.tags & {"script", "img"}
            assert "onerror" not in seen.attributes
            assert nasty[:40] in seen.text or not html
    held = Held(nasty, nasty, nasty, 1, 1, (nasty,))
    files = (FileOutcome(nasty, "refused", refusal=rag.RagError(nasty)), FileOutcome(nasty, "added", (nasty,)))
    for html in (
        render_articles([held], nasty, "zh"),
        render_change(Change(nasty, files), rag.RagError(nasty), "zh"),
        render_quality(None, rag.RagError(nasty), "zh"),
    ):
        assert nasty in Seen(html).text
        assert not Seen(html).tags & {"script", "img"}


@pytest.mark.parametrize("ending", ["", "\n\n第二段。"])
def test_an_article_of_one_very_long_line_is_cut_around_the_place(ending: str) -> None:
    line = "甲乙丙丁" * 2_500_000
    article = parse(f"{line[:-2]}答案{ending}".encode(), "long.txt")
    at = len(line) - 2
    html = render_article(article, at, at + 2, "zh", question="", snapshot="s", changed=False)
    assert "<mark>答案</mark>" in html
    assert len(html) < 310_000
    assert TEXTS["zh"]["article_shortened"] in html


def test_an_article_shows_its_text_as_text_with_the_place_marked() -> None:
    raw = "安全<script>alert(1)</script>\n\n红河大桥<img src=x onerror=alert(2)>长1280米。\u202e倒着写\u202c\n\n完。\n"
    at = raw.index("1280")
    html = render_article(parse(raw.encode(), "h.txt"), at, at + 5, "zh", question="<b>", snapshot="s", changed=True)
    seen = Seen(html)
    assert "<mark>1280米</mark>" in html
    assert "alert(1)</script>" in seen.text
    assert "img" not in seen.tags
    assert 'data-question="&lt;b&gt;"' in html
    assert TEXTS["zh"]["article_changed"] in seen.text


def test_a_lone_surrogate_is_shown_as_a_question_mark() -> None:
    assert "<bdi>a?b</bdi>" in render(answered(citation(), question="a\ud800b"), "zh")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("reason", ["no_candidates", "no_span", "low_confidence"])
def test_an_abstention_says_why_and_highlights_nothing(reason: str, language: str) -> None:
    found = () if reason == "no_candidates" else (passage(),)
    html = render(reply(rag.Answer("省会？", "", 0.31, reason, (), (), found), *found), language)
    seen = Seen(html)
    assert TEXTS[language]["abstained"] in seen.text
    assert TEXTS[language][reason].format(percent="31%") in seen.text
    assert "mark" not in seen.tags
    assert seen.text.count(TEXTS[language]["closest_badge"]) == 2 * len(found)
