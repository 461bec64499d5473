"""The lexical side: BM25 (bm25s) over the words (jieba) of the folded shadow."""

import logging
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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

_COUNTS = "counts.npy"  # beside the files of bm25s

# It is set to tell of everything, to whoever listens to the root logger.
logging.getLogger("bm25s").setLevel(logging.WARNING)

# Words that ask or only hold a sentence together, folded: a passage is not about them. Grammar, not tuning.
STOPWORDS = frozenset(
    "的 了 着 过 是 在 和 与 及 或 而 也 都 就 又 把 被 让 给 对 向 从 到 由 于 以 为 之 其 这 那 这个 那个 个 "
    "吗 呢 吧 啊 呀 嘛 么 哪 哪个 哪些 哪里 哪儿 哪年 哪位 哪家 哪几 什么 啥 谁 怎么 怎样 怎么样 如何 为什么 为何 "
    "何 何时 何地 多少 几 多大 多久 多高 多长 几个 到底 究竟 请问 "
    "告诉 我 你 您 他 她 它 我们 你们 他们 有 有没有 是不是 是什么 "
    "a an the of in on at to for from by with and or is are was were be been do does did has have had "
    "what which who whom whose when where why how many much that this these those it its as".split()
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
    """BM25 over passages numbered from 0. Higher scores are better."""

    def __init__(self, bm25: bm25s.BM25, counts: NDArray[np.int32]) -> None:
        self._bm25 = bm25
        self._counts = counts  # in the order of bm25's scores, so that another index can be made without the texts

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
        """The index that `save` wrote to `folder`."""
        counts = np.load(folder / _COUNTS, mmap_mode="r", allow_pickle=False)
        return cls(bm25s.BM25.load(folder, load_corpus=False, allow_pickle=False), counts)

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

    def search(self, question: str, count: int) -> list[tuple[int, float]]:
        """The best `count` passages that hold a word of the question, best first, ties by number."""
        known = [word for word in query_words(question) if word in self._bm25.vocab_dict]
        if not known:
            return []
        scores = self._bm25.get_scores(known)
        found = np.flatnonzero(scores > 0)
        best = found[np.lexsort((found, -scores[found]))][:count]
        return [(int(number), float(scores[number])) for number in best]

    def weights(self, question: str) -> dict[str, float]:
        """The weight of each word of the question that is looked up: the IDF of Lucene's BM25, higher for rarer words,
        and 0 for a word that no passage holds."""
        ends, known = self._bm25.scores["indptr"], self._bm25.vocab_dict
        counts = {
            word: int(ends[known[word] + 1] - ends[known[word]]) if word in known else 0
            for word in query_words(question)
        }
        return {
            word: math.log(1 + (len(self) - count + 0.5) / (count + 0.5)) if count else 0.0
            for word, count in counts.items()
        }


def _scores(found: _Counts, passages: int) -> NDArray[np.float32]:
    """BM25 as bm25s computes it with `method="lucene"`, without its loops over passages: idf · tf / (tf + k1 · (1 - b +
    b · length / mean length)), idf = ln(1 + (N - df + ½) / (df + ½)) (Robertson and Zaragoza 2009, as in Lucene)."""
    lengths = np.bincount(found.passages, found.counts, minlength=passages)
    frequencies = np.bincount(found.words, minlength=len(found.vocabulary))
    idf = np.log(1 + (passages - frequencies + 0.5) / (frequencies + 0.5))
    mean = max(float(lengths.mean()), 1.0)
    share = found.counts / (found.counts + _K1 * (1 - _B + _B * lengths[found.passages] / mean))
    return np.asarray(idf[found.words] * share, np.float32)


def coverage(question_words: Sequence[str], text: str) -> float:
    """The share of the question's words found in `text`, each weighted by its rarity, 0 to 1; 0 without words."""
    wanted = set(question_words)
    total = sum(map(rarity, sorted(wanted)))
    return sum(map(rarity, sorted(wanted & set(words(text))))) / total if total else 0.0
