"""Questions made from a question set's own text: more to learn from where nobody wrote any.

Cloze questions ask for a place, a date or a number of the passage by the clause it stands in, with words left out and
the question word moved about (Lewis et al. 2019, arXiv:1906.04980, showed that a reader learns from such questions
alone). Keywords are a written question without its function words, as people type them into a search box.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from rag.index.lexical import STOPWORDS, tagged_words
from rag.passages import sentences
from rag.reader.units import with_unit
from rag.train.squad import GoldAnswer, GoldQuestion, Paragraph, QuestionSet
from rag.types import Span

CLOZES = 5  # questions a passage at most, one a sentence
_WORDS_KEPT, _FUNCTION_WORDS_KEPT = 0.85, 0.5  # chance of each
_SENTENCE = range(12, 160)  # characters of a sentence that a question is made of
_LEAST = 6  # characters of a question, its question word aside
_NUMBER = re.compile(r"\d[\d,.]*[十百千万萬亿億兆]*|[一二三四五六七八九十百千两兩]{2,}")
_DIGITS = re.compile(r"^[\d,.十百千万萬亿億兆一二三四五六七八九两兩]+")
_DATE = re.compile(r"(?:(?<!\d)[12]\d{3}年)(?:\d{1,2}月(?:\d{1,2}[日号號])?)?|\d{1,2}月\d{1,2}[日号號]")
_TITLE = re.compile("(?<=\u300a)[^\u300a\u300b]{2,20}(?=\u300b)")
_CLAUSE = re.compile("[^\uff0c,;\uff1b\u3001\u3002!?\uff01\uff1f]+")
_PLACES = ("ns", "nt")  # jieba's tags of names that it seldom cuts amiss, unlike those of people
_ASKS = {
    "ns": ("哪里", "什么地方", "哪个地方", "何处"),
    "nt": ("哪个机构", "什么组织", "哪家单位"),
    "title": ("什么作品", "哪部作品", "什么"),
    "year": ("哪一年", "哪年", "何年", "什么时候"),
    "date": ("什么时候", "何时", "哪一天", "什么时间"),
    "number": ("多少", "几", "多少"),
}


def cloze_set(data: QuestionSet, random: np.random.Generator) -> QuestionSet:
    """The set's passages with cloze questions in place of its own; drawn from `random`, in the order of the set."""
    return replace(data, paragraphs=tuple(replace(p, questions=tuple(_clozes(p, random))) for p in data.paragraphs))


def keyword_set(data: QuestionSet) -> QuestionSet:
    """The set with its questions reduced to keywords; those of which fewer than two would remain are left out."""
    return replace(
        data,
        paragraphs=tuple(
            replace(p, questions=tuple(replace(q, text=text) for q in p.questions if (text := keywords(q.text))))
            for p in data.paragraphs
        ),
    )


def keywords(question: str) -> str:
    """The words of a question that are not function words, with spaces between; nothing when there are not two."""
    words = [word for word, _, _ in tagged_words(question) if word[0].isalnum() and word.lower() not in STOPWORDS]
    return " ".join(words) if len(words) > 1 else ""


def _clozes(paragraph: Paragraph, random: np.random.Generator) -> Iterator[GoldQuestion]:
    places = sentences(paragraph.text)
    made = 0
    for number in random.permutation(len(places)):
        first, end = places[int(number)]
        if made == CLOZES:
            return
        if end - first not in _SENTENCE:
            continue
        there = _answers(paragraph.text, first, end)
        found = [(answer, kind) for answer, kind in there if paragraph.text.count(answer.text) == 1]
        if not found:
            continue
        answer, kind = found[int(random.integers(len(found)))]
        text = _question(paragraph.text[first:end], answer.start - first, answer.end - first, kind, random)
        if text:
            made += 1
            yield GoldQuestion(f"cloze-{paragraph.article}-{first}", text, (answer,))


def _answers(text: str, first: int, end: int) -> Iterator[tuple[GoldAnswer, str]]:
    """What a sentence of `text` can be asked for, with its kind."""
    sentence = text[first:end]
    taken = [match.span() for pattern in (_DATE, _TITLE) for match in pattern.finditer(sentence)]
    for begin, stop in taken:
        answer = GoldAnswer(sentence[begin:stop], first + begin)
        inside = answer.text
        yield answer, "title" if not inside[0].isdigit() else "year" if inside.endswith("年") else "date"
    for match in _NUMBER.finditer(sentence):
        if not any(begin < match.end() and match.start() < stop for begin, stop in taken):
            span = with_unit(Span(first + match.start(), first + match.end(), match[0], 0.0, 0.0), text)
            yield GoldAnswer(span.text, span.start), "number"
    tagged = tagged_words(sentence)
    for number, (word, tag, place) in enumerate(tagged):
        beside = tagged[max(0, number - 1) : number] + tagged[number + 1 : number + 2]
        if tag in _PLACES and len(word) > 1 and not any(kind[0] in "njx" and one.isalnum() for one, kind, _ in beside):
            yield GoldAnswer(word, first + place), tag


def _question(sentence: str, begin: int, end: int, kind: str, random: np.random.Generator) -> str:
    """Some words of the answer's clause and perhaps of one beside it, and the question word in or out of its place."""
    clauses = [match.span() for match in _CLAUSE.finditer(sentence)]
    own = next((n for n, (first, last) in enumerate(clauses) if first <= begin and end <= last), None)
    if own is None:
        return ""
    others = [n for n in (own - 1, own + 1) if 0 <= n < len(clauses)]
    if len(others) > 1 and random.random() < 0.7:
        others = [others[int(random.integers(2))]]
    asks = _ASKS[kind][int(random.integers(len(_ASKS[kind])))]
    asks += _DIGITS.sub("", sentence[begin:end]) if kind == "number" else ""
    before, after = sentence[clauses[own][0] : begin], sentence[end : clauses[own][1]]
    left, right = _thinned(before, random), _thinned(after, random)
    beside = [(n, _thinned(sentence[slice(*clauses[n])], random)) for n in others]
    lead = "".join(text for n, text in beside if n < own)
    rest = "".join(text for n, text in beside if n > own)
    if len(lead + left + right + rest) < _LEAST:
        return ""
    parts = [lead, left, asks, right, rest]
    if random.random() < 0.4:
        parts = [lead, left, right, rest, asks] if random.random() < 0.6 else [asks, lead, left, right, rest]
    return "".join(parts) + ("?" if random.random() < 0.7 else "")


def _thinned(text: str, random: np.random.Generator) -> str:
    words = [word for word, _, _ in tagged_words(text)]
    chances = [_FUNCTION_WORDS_KEPT if word in STOPWORDS or not word[0].isalnum() else _WORDS_KEPT for word in words]
    return "".join(word for word, chance in zip(words, chances, strict=True) if random.random() < chance)
