"""Candidates for a question: passages by meaning and by words, on one scale."""

from collections.abc import Mapping

from rag.fold import has_hanzi
from rag.index import Index
from rag.types import Candidate, EncodedQuestion

# How far down each ranking is read: a passage beyond all three is no candidate. Not tuned.
_DEPTH = 50
# What the share of words counts against a cosine. On the questions named in `retrieve`, all weights from 0.2 to 0.4
# give the same recall within one point where question and passage are in the same script; on 600 about the first 261
# articles of `rag/train/folder_train.json` all from 0.2 to 0.6. Where they are not, vectors tell less: recall@5 by 0.5,
# 0.6, 0.7 and 0.8 is 0.760, 0.786, 0.811 and 0.799 for the 412 English questions about those articles, 0.977, 0.977,
# 0.965 and 0.965 for XQuAD's last eight articles in English over Chinese passages.
_LEXICAL_WEIGHT = 0.3
_BRIDGED_WEIGHT = 0.7


def retrieve(index: Index, question: EncodedQuestion, count: int) -> tuple[Candidate, ...]:
    """The best `count` passages for `question`, best first; the same question gives the same candidates.

    Candidates are the best of three rankings: by the passage's vector, by that of its best sentence, and by BM25 over
    the question's words, bridged to the other language where there are passages in it. The score is the sum of both
    cosines and 0.3 times the share of words (see `LexicalIndex.search`), 0.7 times where question and passage are in
    different scripts: a convex combination as in Bruch, Gai and Ingber 2023, "An Analysis of Fusion Functions for
    Hybrid Retrieval". Ties break by the order of the passages in the collection.

    Chosen against reciprocal rank fusion for recall@1: 0.95 against 0.94 on XQuAD's first 40 articles in Chinese, 0.88
    against 0.83 in English over Chinese passages (0.73 by passage vectors alone), 0.78 against 0.72 in Chinese over
    English passages (0.60), 0.76 against 0.73 on SQuAD 2.0 in Chinese, 0.96 against 0.93 on DRCD.
    """
    depth = max(_DEPTH, count)
    dense = index.passages.search(question.vector, depth)
    sentence = index.sentences.search(question.vector, depth)
    lexical = index.lexical.search(index.bridge.terms(question.text), len(index.lexical))
    shares = dict(lexical)
    ranks = [_ranks(found) for found in (dense, sentence, lexical[:depth])]

    numbers = sorted({number for found in ranks for number in found})
    passages = dict(zip(numbers, index.store.passages(numbers), strict=True))

    def score(number: int) -> float:
        cosines = (side.similarity(number, question.vector) for side in (index.passages, index.sentences))
        bridged = has_hanzi(question.text) != has_hanzi(passages[number].text)
        return sum(cosines) + (_BRIDGED_WEIGHT if bridged else _LEXICAL_WEIGHT) * shares.get(number, 0.0)

    scores = {number: score(number) for number in numbers}
    best = sorted(scores, key=lambda number: (-scores[number], number))[:count]
    return tuple(
        Candidate(number, passages[number], scores[number], *(found.get(number) for found in ranks)) for number in best
    )


def _ranks(found: list[tuple[int, float]]) -> Mapping[int, int]:
    """The rank of each passage found, from 1."""
    return {number: rank for rank, (number, _) in enumerate(found, start=1)}
