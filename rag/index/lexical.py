"""The lexical side: BM25 (bm25s) over the words (jieba) of the folded shadow."""

import logging
import math
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import bm25s
import jieba
import numpy as np
from platformdirs import user_cache_path

from rag.fold import fold

# The defaults of bm25s. Not tuned.
_K1, _B = 1.5, 0.75

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


class LexicalIndex:
    """BM25 over passages numbered from 0. Higher scores are better."""

    def __init__(self, bm25: bm25s.BM25) -> None:
        self._bm25 = bm25

    @classmethod
    def build(cls, texts: Iterable[str]) -> "LexicalIndex":
        """An index over `texts`. The vocabulary is sorted, so that the same texts give the same bytes."""
        found = [words(text) for text in texts]
        vocabulary = {word: i for i, word in enumerate(sorted({word for text in found for word in text}))}
        bm25 = bm25s.BM25(k1=_K1, b=_B, method="lucene")
        bm25.index(([[vocabulary[word] for word in text] for text in found], vocabulary), show_progress=False)
        return cls(bm25)

    @classmethod
    def load(cls, folder: Path) -> "LexicalIndex":
        """The index that `save` wrote to `folder`."""
        return cls(bm25s.BM25.load(folder, load_corpus=False, allow_pickle=False))

    def save(self, folder: Path) -> None:
        """Writes the index to `folder`: arrays without pickle, and JSON."""
        self._bm25.save(folder, show_progress=False)

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


def coverage(question_words: Sequence[str], text: str) -> float:
    """The share of the question's words found in `text`, each weighted by its rarity, 0 to 1; 0 without words."""
    wanted = set(question_words)
    total = sum(map(rarity, sorted(wanted)))
    return sum(map(rarity, sorted(wanted & set(words(text))))) / total if total else 0.0
