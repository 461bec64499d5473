"""Candidates for a question: both sides of the index, fused by reciprocal rank."""

from rag.index import Index
from rag.types import Candidate

# How far down each side is read. A passage beyond rank 50 on both sides adds less than a hundredth to a score.
_DEPTH = 50
# The constant of Cormack, Clarke and Büttcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and individual
# Rank Learning Methods". Not tuned.
_K = 60


def retrieve(index: Index, question: str, count: int) -> tuple[Candidate, ...]:
    """The best `count` passages for `question`, best first; the same question gives the same candidates.

    Score: the sum over the sides that found the passage of `1 / (60 + rank)`. A side that found nothing gives no rank.
    Ties break by the order of the passages in the collection.
    """
    depth = max(_DEPTH, count)
    (vector,) = index.encoder.encode_queries([question])
    dense = index.vectors.search(vector, depth)
    lexical = index.lexical.search(question, depth)
    similarity = dict(dense)
    dense_rank = {number: rank for rank, (number, _) in enumerate(dense, start=1)}
    lexical_rank = {number: rank for rank, (number, _) in enumerate(lexical, start=1)}

    def score(number: int) -> float:
        return sum(1 / (_K + ranks[number]) for ranks in (dense_rank, lexical_rank) if number in ranks)

    best = sorted(dense_rank.keys() | lexical_rank.keys(), key=lambda number: (-score(number), number))[:count]
    return tuple(
        Candidate(
            passage=passage,
            score=score(number),
            dense_rank=dense_rank.get(number),
            lexical_rank=lexical_rank.get(number),
            similarity=similarity.get(number),
        )
        for number, passage in zip(best, index.store.passages(best), strict=True)
    )
