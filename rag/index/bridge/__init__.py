"""The bridge between languages: an English question in the Chinese words of a collection, and the other way.

Words go by the glosses of CC-CEDICT, names by pinyin, numbers and dates by both notations. All that a word may be is
one term (see `rag.index.lexical.LexicalIndex`), so that many translations do not make it weigh more, and frequent
ones make it weigh little.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import product

from rag.fold import fold, has_hanzi
from rag.index.bridge.glosses import MAX_PHRASE, Phrase, dictionary_form, english_of, english_words, lemma
from rag.index.bridge.names import MAX_PARTS, Names, latin_of
from rag.index.bridge.numbers import Reading, chinese_numbers, english_number
from rag.index.lexical import STOPWORDS, LexicalIndex, Term, plain_terms, query_words

_HANZI = re.compile("[\u3400-\u9fff]+")
_LATIN = re.compile("[a-z]+")


class Bridge:
    """Makes terms of questions for one collection. What it needs is read at the first question that needs it.

    An English question is bridged when some passage is in Chinese, a Chinese one when some passage is in English: when
    more of its words are in that script than in the other.
    """

    def __init__(self, lexical: LexicalIndex) -> None:
        self._lexical = lexical

    def terms(self, question: str) -> tuple[Term, ...]:
        """The words of `question`, each with what it is called in the other language. A word without a translation
        stands for itself."""
        if has_hanzi(fold(question)):
            return tuple(self._chinese_question(question)) if self._has_english else plain_terms(question)
        return tuple(self._english_question(question)) if self._has_chinese else plain_terms(question)

    def _english_question(self, question: str) -> Iterator[Term]:
        tokens = english_words(fold(question))
        while tokens:
            length, readings = self._longest(tokens)
            phrase, tokens = tokens[:length], tokens[length:]
            if length > 1 or phrase[0] not in STOPWORDS:
                yield _term(" ".join(phrase), tuple(phrase), readings)

    def _longest(self, tokens: Sequence[str]) -> tuple[int, list[Reading]]:
        """How many of the first `tokens` are known as one thing, at least one, and its readings in Chinese."""
        length, readings = english_number(tokens)
        for count in range(min(max(MAX_PHRASE, MAX_PARTS), len(tokens)), max(length, 1) - 1, -1):
            phrase = tuple(tokens[:count])
            if count > 1 and (phrase[0] in STOPWORDS or phrase[-1] in STOPWORDS):
                continue
            found = self._chinese_words(phrase)
            if found or count == length:
                return count, [*found, *readings] if count == length else found
        return max(length, 1), readings

    def _chinese_words(self, phrase: Phrase) -> list[Reading]:
        words = self._words(phrase)
        names = self._names.chinese("".join(phrase), is_word=bool(words))
        return [*((word,) for word in words + names), *self._names.in_pieces(phrase)]

    def _words(self, phrase: Phrase) -> list[str]:
        """The Chinese words of the collection that an English phrase means."""
        forms = dict.fromkeys((phrase, dictionary_form(phrase)))
        return [word for form in forms for word in self._translations.get(form, ())]

    def _chinese_question(self, question: str) -> Iterator[Term]:
        folded = fold(question)
        readings = {word: self._english_readings(word) for word in query_words(folded)}
        for number, found in chinese_numbers(folded):
            readings[number] = [*readings.get(number, ()), *found]
        return (_term(word, (word,), found) for word, found in readings.items())

    def _english_readings(self, word: str) -> list[Reading]:
        readings: list[Reading] = []
        for phrase in english_of(word):
            told = [part for part in phrase if part not in STOPWORDS]
            forms = [self._forms.get(part, self._forms.get(lemma(part), [])) for part in told]
            readings += product(*forms) if forms else ()
        return readings + latin_of(word, self._latin)

    @cached_property
    def _chinese(self) -> frozenset[str]:
        return frozenset(word for word in self._lexical.vocabulary if _HANZI.fullmatch(word))

    @cached_property
    def _latin(self) -> frozenset[str]:
        return frozenset(word for word in self._lexical.vocabulary if _LATIN.fullmatch(word))

    @cached_property
    def _has_chinese(self) -> bool:
        return self._lexical.holds_more_of(self._chinese, self._latin)

    @cached_property
    def _has_english(self) -> bool:
        return self._lexical.holds_more_of(self._latin, self._chinese)

    @cached_property
    def _translations(self) -> dict[Phrase, list[str]]:
        """The Chinese words of the collection for an English phrase."""
        found: dict[Phrase, list[str]] = {}
        for word in sorted(self._chinese):
            for phrase in english_of(word):
                found.setdefault(phrase, []).append(word)
        return found

    @cached_property
    def _names(self) -> Names:
        return Names(self._chinese, self._lexical.passages)

    @cached_property
    def _forms(self) -> dict[str, list[str]]:
        """The English words of the collection by their dictionary form."""
        found: dict[str, list[str]] = {}
        for word in sorted(self._latin):
            found.setdefault(lemma(word), []).append(word)
        return found


def _term(word: str, literal: Reading, readings: Sequence[Reading]) -> Term:
    return Term(word, tuple(dict.fromkeys((literal, *readings))))
