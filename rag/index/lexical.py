"""The lexical side: BM25 (bm25s) over the words (jieba) of the folded shadow."""

import logging
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import bm25s
import jieba
import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from rag.fold import fold

# The defaults of bm25s. Not tuned.
_K1, _B = 1.5, 0.75
_COUNTS = "counts.npy"

# It is set to tell of everything, to whoever listens to the root logger.
logging.getLogger("bm25s").setLevel(logging.WARNING)

# Words that ask or only hold a sentence together, folded: a passage is not about them. Grammar, not tuning.
STOPWORDS = frozenset(
    "的 了 着 过 是 在 和 与 及 或 而 也 都 就 又 把 被 让 给 对 向 从 到 由 于 以 为 之 其 这 那 这个 那个 个 "
    "吗 呢 吧 啊 呀 嘛 么 哪 哪个 哪些 哪里 哪儿 哪年 哪位 哪家 哪几 什么 啥 谁 怎么 怎样 怎么样 如何 为什么 为何 "
    "何 何时 何地 多少 几 多大 多久 多高 多长 几个 到底 究竟 请问 "
    "告诉 我 你 您 他 她 它 我们 你们 他们 有 有没有 是不是 是什么 "
    "a an the and or but nor if than then so as because while although though whether "
    "of in on at to for from by with about into onto over under between among through during before after since until "
    "within without against per via upon "
    "is are was were be been being am do does did done doing has have had having can could will would shall should may "
    "might must not no dont doesnt didnt isnt arent wasnt "
    "what which who whom whose when where why how many much "
    "that this these those there here it its he she him her his hers they them their we us our you your i me my "
    "also too very more most such some any each both either other another only just ever all ".split()
)


@cache
def _tokenizer() -> jieba.Tokenizer:
    """jieba with its word list, parsed once and kept in the user's own cache folder rather than a shared one."""
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    folder = user_cache_path("yinju", ensure_exists=True)
    tokenizer.tmp_dir = str(folder)
    tokenizer.initialize()
    return tokenizer


def words(text: str) -> list[str]:
    """The words of `text` as they are indexed and looked up: folded, long words with the words inside them,
    without white space and punctuation."""
    return [word for word in _tokenizer().cut_for_search(fold(text)) if any(c.isalnum() for c in word)]


def query_words(question: str) -> list[str]:
    """The words of `question` that a passage can be about."""
    return [word for word in words(question) if word not in STOPWORDS]


def rarity(word: str) -> float:
    """How much a word tells, in nats: minus the logarithm of its share in jieba's word list, 4 to 18.

    Independent of any collection, so that a score built on it does not depend on what else is read.
    """
    tokenizer = _tokenizer()
    return math.log(tokenizer.total / max(tokenizer.FREQ.get(word) or 1, 1))


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a question, and all that it may be called in a passage.

    A reading is the words that must all stand in a passage, (`十四`,) or (`3`, `月`). Without readings a term is not
    found anywhere.
    """

    word: str
    readings: tuple[tuple[str, ...], ...]


def plain_terms(question: str) -> tuple[Term, ...]:
    """The words of `question` that a passage can be about, each as it is written."""
    return tuple(Term(word, ((word,),)) for word in query_words(question))


class LexicalIndex:
    """BM25 over passages numbered from 0, and over words that mean the same as if they were one.

    A term of several readings is scored as one word (Pirkola 1998, "The effects of query structure and dictionary
    setups in dictionary-based cross-language information retrieval"): it stands in a passage as often as all its
    readings together, a reading of several words as often as the least frequent of them, and in as many passages as
    hold any.
    """

    def __init__(self, bm25: bm25s.BM25, counts: NDArray[np.int32]) -> None:
        self._bm25 = bm25
        self._counts = counts  # how often the word of each entry of the index stands in its passage
        lengths = np.bincount(bm25.scores["indices"], counts, minlength=len(self))
        self._saturation = _K1 * (1 - _B + _B * lengths / lengths.mean())

    @classmethod
    def build(cls, texts: Iterable[str]) -> "LexicalIndex":
        """An index over `texts`. The vocabulary is sorted, so that the same texts give the same bytes."""
        found = [words(text) for text in texts]
        vocabulary = {word: i for i, word in enumerate(sorted({word for text in found for word in text}))}
        bm25 = bm25s.BM25(k1=_K1, b=_B, method="lucene")
        numbers = [[vocabulary[word] for word in text] for text in found]
        bm25.index((numbers, vocabulary), show_progress=False)
        entries = [word * len(numbers) + number for number, text in enumerate(numbers) for word in text]
        _, counts = np.unique(np.array(entries, np.int64), return_counts=True)
        return cls(bm25, counts.astype(np.int32))

    @classmethod
    def load(cls, folder: Path) -> "LexicalIndex":
        """The index that `save` wrote to `folder`."""
        bm25 = bm25s.BM25.load(folder, load_corpus=False, allow_pickle=False)
        return cls(bm25, np.load(folder / _COUNTS, allow_pickle=False))

    def save(self, folder: Path) -> None:
        """Writes the index to `folder`: arrays without pickle, and JSON."""
        self._bm25.save(folder, show_progress=False)
        np.save(folder / _COUNTS, self._counts, allow_pickle=False)

    def __len__(self) -> int:
        return int(self._bm25.scores["num_docs"])

    @property
    def vocabulary(self) -> list[str]:
        """The words that stand in a passage, folded, in the order of their numbers."""
        return [word for word in self._bm25.vocab_dict if word]  # bm25s adds an empty one

    def holds_more_of(self, some: Collection[str], others: Collection[str]) -> bool:
        """Whether in any passage words of `some` stand more often than words of `others`."""
        signs = np.array([(word in some) - (word in others) for word in self.vocabulary], np.int32)
        each = np.repeat(signs, np.diff(self._bm25.scores["indptr"])) * self._counts
        return bool((np.bincount(self._bm25.scores["indices"], each, minlength=len(self)) > 0).any())

    def search(self, terms: Sequence[Term], count: int) -> list[tuple[int, float]]:
        """The best `count` passages that hold a term, best first, ties by number.

        The score is a share, 0 to 1: the BM25 of the passage by the most that BM25 could reach with these terms, those
        that no passage holds included.
        """
        scores, bound = np.zeros(len(self)), 0.0
        for term in terms:
            numbers, gains = self._gains(term)
            scores[numbers] += gains
            bound += self._rarity(len(numbers))
        found = np.flatnonzero(scores > 0)
        best = found[np.lexsort((found, -scores[found]))][:count]
        return [(int(number), float(scores[number] / bound)) for number in best]

    def _rarity(self, frequency: int) -> float:
        """The inverse document frequency of what stands in `frequency` passages, in nats: Lucene's, as in bm25s."""
        return math.log(1 + (len(self) - frequency + 0.5) / (frequency + 0.5))

    def _gains(self, term: Term) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The passages that hold `term`, ascending, and what it adds to the BM25 of each."""
        if len(term.readings) == 1 and len(term.readings[0]) == 1:
            entries = self._entries(term.readings[0][0])
            return self._bm25.scores["indices"][entries], self._bm25.scores["data"][entries].astype(float)
        total = np.zeros(len(self))
        for reading in term.readings:
            total += np.minimum.reduce([self._frequencies(word) for word in reading])
        numbers = np.flatnonzero(total)
        frequencies = total[numbers]
        return numbers, self._rarity(len(numbers)) * frequencies / (frequencies + self._saturation[numbers])

    def _frequencies(self, word: str) -> NDArray[np.float64]:
        """How often `word` stands in each passage."""
        entries, row = self._entries(word), np.zeros(len(self))
        row[self._bm25.scores["indices"][entries]] = self._counts[entries]
        return row

    def _entries(self, word: str) -> slice:
        """Where in the index the passages of `word` stand."""
        number = self._bm25.vocab_dict.get(word)
        return slice(0) if number is None else slice(*self._bm25.scores["indptr"][number : number + 2])


def coverage(question_words: Sequence[str], text: str) -> float:
    """The share of the question's words found in `text`, each weighted by its rarity, 0 to 1; 0 without words."""
    wanted = set(question_words)
    total = sum(map(rarity, sorted(wanted)))
    return sum(map(rarity, sorted(wanted & set(words(text))))) / total if total else 0.0
