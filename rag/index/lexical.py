"""The lexical side: BM25 (bm25s) over the words (jieba) of the folded shadow."""

import logging
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import bm25s
import jieba
import jieba.posseg
import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from rag.fold import fold, simplify

# The defaults of bm25s. Not tuned.
_K1, _B = 1.5, 0.75

_COUNTS = "counts.npy"  # beside the files of bm25s

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


# jieba's tags of people, places, organisations and other names.
NAMES = frozenset({"nr", "nrt", "ns", "nt", "nz"})


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


def tagged_words(text: str) -> list[tuple[str, str, int]]:
    """The words of a Chinese text as written, each with jieba's tag of its kind and where it begins."""
    found, place = [], 0
    for word, tag in _tagger().cut(simplify(text)):
        found.append((text[place : place + len(word)], tag, place))
        place += len(word)
    return found


def tagged_names(text: str) -> list[tuple[str, str]]:
    """The names of two or more characters in a Chinese text, as written, each with jieba's tag of its kind."""
    return [(word, tag) for word, tag, _ in tagged_words(text) if tag in NAMES and len(word) > 1]


@cache
def _tagger() -> jieba.posseg.POSTokenizer:
    return jieba.posseg.POSTokenizer(_tokenizer())


def is_listed(word: str) -> bool:
    """Whether `word` stands in jieba's word list; others it made up of characters that it had no word for."""
    return bool(_tokenizer().FREQ.get(word))


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


@dataclass(frozen=True, slots=True, eq=False)
class _Counts:
    """How often each word stands in each passage: three int32 arrays of one length, and the words they number."""

    vocabulary: tuple[str, ...]  # sorted
    words: NDArray[np.int32]
    passages: NDArray[np.int32]
    counts: NDArray[np.int32]

    @classmethod
    def of(cls, texts: Mapping[int, str]) -> "_Counts":
        """Those of texts by the numbers of their passages."""
        found = {number: Counter(words(text)) for number, text in texts.items()}
        vocabulary = tuple(sorted({word for counter in found.values() for word in counter}))
        place = {word: i for i, word in enumerate(vocabulary)}
        rows = [(place[word], number, n) for number, counter in found.items() for word, n in counter.items()]
        return cls(vocabulary, *np.array(rows, np.int32).reshape(-1, 3).T)

    def taken(self, numbers: Mapping[int, int]) -> "_Counts":
        """Those of passages that have other numbers now, from the new number to the one here; others are left out."""
        order = np.argsort(self.passages, kind="stable")
        ends = np.cumsum(np.bincount(self.passages, minlength=1 + max(numbers.values(), default=0)))
        here = np.fromiter(numbers.values(), np.int64, len(numbers))
        firsts = np.where(here > 0, ends[here - 1], 0)
        lengths = ends[here] - firsts
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        rows = order[np.repeat(firsts, lengths) + within]
        passages = np.repeat(np.fromiter(numbers, np.int32, len(numbers)), lengths)
        return _Counts(self.vocabulary, self.words[rows], passages, self.counts[rows])

    def joined(self, other: "_Counts") -> "_Counts":
        """Both together, in the order of words and passages, over the words that occur."""
        parts = (self, other)
        used = [part.vocabulary[i] for part in parts for i in np.unique(part.words).tolist()]
        vocabulary = tuple(sorted(set(used)))
        place = {word: i for i, word in enumerate(vocabulary)}
        renumbered = [np.array([place.get(w, -1) for w in p.vocabulary], np.int32)[p.words] for p in parts]
        found, passages = np.concatenate(renumbered), np.concatenate([part.passages for part in parts])
        order = np.lexsort((passages, found))
        counts = np.concatenate([part.counts for part in parts])
        return _Counts(vocabulary, found[order], passages[order], counts[order])


class LexicalIndex:
    """BM25 over passages numbered from 0, and over words that mean the same as if they were one.

    A term of several readings is scored as one word (Pirkola 1998, "The effects of query structure and dictionary
    setups in dictionary-based cross-language information retrieval"): it stands in a passage as often as all its
    readings together, a reading of several words as often as the least frequent of them, and in as many passages as
    hold any.
    """

    def __init__(self, bm25: bm25s.BM25, counts: NDArray[np.int32]) -> None:
        self._bm25 = bm25
        self._counts = counts  # in the order of bm25's scores, so that another index can be made without the texts
        lengths = np.bincount(bm25.scores["indices"], counts, minlength=len(self))
        self._saturation = _saturation(lengths)

    @classmethod
    def build(cls, texts: Iterable[str | int], before: "LexicalIndex | None" = None) -> "LexicalIndex":
        """An index over `texts`; a number stands for the text of that passage of the index `before`.

        The vocabulary is sorted, so that the same texts give the same bytes, whether or not they were taken over.
        """
        numbered = dict(enumerate(texts))
        found = _Counts.of({number: text for number, text in numbered.items() if isinstance(text, str)})
        if before is not None:
            known = {number: text for number, text in numbered.items() if isinstance(text, int)}
            found = before._all_counts().taken(known).joined(found)
        else:
            found = found.joined(_Counts.of({}))
        bm25 = bm25s.BM25(k1=_K1, b=_B, method="lucene")
        bm25.vocab_dict = {word: i for i, word in enumerate(found.vocabulary)}
        bm25.nonoccurrence_array = None
        bm25.unique_token_ids_set = set(range(len(found.vocabulary)))
        bm25.scores = {
            "data": _scores(found, len(numbered)),
            "indices": found.passages,
            "indptr": np.searchsorted(found.words, np.arange(len(found.vocabulary) + 1)).astype(np.int64),
            "num_docs": len(numbered),
        }
        return cls(bm25, found.counts)

    @classmethod
    def load(cls, folder: Path) -> "LexicalIndex":
        """The index that `save` wrote to `folder`. Raises `ValueError` when its files do not belong together."""
        counts = np.load(folder / _COUNTS, mmap_mode="r", allow_pickle=False)
        bm25 = bm25s.BM25.load(folder, load_corpus=False, allow_pickle=False)
        data, passages, ends = (bm25.scores[name] for name in ("data", "indices", "indptr"))
        if not len(data) == len(passages) == len(counts) == ends[-1] or len(ends) != len(bm25.vocab_dict) + 1:
            raise ValueError(f"{folder.name}: its files do not belong together")
        return cls(bm25, counts)

    def save(self, folder: Path) -> None:
        """Writes the index to `folder`: arrays without pickle, and JSON."""
        self._bm25.save(folder, show_progress=False)
        np.save(folder / _COUNTS, self._counts, allow_pickle=False)

    def _all_counts(self) -> _Counts:
        scores = self._bm25.scores
        lengths = np.diff(scores["indptr"])
        found = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        return _Counts(tuple(self._bm25.vocab_dict), found, scores["indices"], self._counts)

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

    def passages(self, word: str) -> list[int]:
        """The passages that hold `word` (folded), ascending."""
        found: list[int] = self._bm25.scores["indices"][self._entries(word)].tolist()
        return found

    def _entries(self, word: str) -> slice:
        """Where in the index the passages of `word` stand."""
        number = self._bm25.vocab_dict.get(word)
        return slice(0) if number is None else slice(*self._bm25.scores["indptr"][number : number + 2])

    def weights(self, terms: Iterable[Term]) -> dict[str, float]:
        """The weight of each term, by its word: the IDF of Lucene's BM25, higher for rarer ones, and 0 for a term that
        no passage holds."""
        counts = {term.word: len(self._gains(term)[0]) for term in terms}
        return {word: self._rarity(count) if count else 0.0 for word, count in counts.items()}


def _scores(found: _Counts, passages: int) -> NDArray[np.float32]:
    """BM25 as bm25s computes it with `method="lucene"`, without its loops over passages: idf · tf / (tf + k1 · (1 - b +
    b · length / mean length)), idf = ln(1 + (N - df + ½) / (df + ½)) (Robertson and Zaragoza 2009, as in Lucene)."""
    lengths = np.bincount(found.passages, found.counts, minlength=passages)
    frequencies = np.bincount(found.words, minlength=len(found.vocabulary))
    idf = np.log(1 + (passages - frequencies + 0.5) / (frequencies + 0.5))
    share = found.counts / (found.counts + _saturation(lengths)[found.passages])
    return np.asarray(idf[found.words] * share, np.float32)


def _saturation(lengths: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.float64]:
    """How often a word must stand in passages of these lengths to count half of what it can."""
    return np.asarray(_K1 * (1 - _B + _B * lengths / max(float(lengths.mean()), 1.0)), float)


def coverage(question_words: Sequence[str], text: str) -> float:
    """The share of the question's words found in `text`, each weighted by its rarity, 0 to 1; 0 without words."""
    wanted = set(question_words)
    total = sum(map(rarity, sorted(wanted)))
    return sum(map(rarity, sorted(wanted & set(words(text))))) / total if total else 0.0
