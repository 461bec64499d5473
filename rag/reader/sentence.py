"""The sentence that answers, by encoder similarity and words in common: for questions that want more than a span."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag.fold import has_hanzi
from rag.index.lexical import coverage, query_words
from rag.passages import sentences
from rag.types import EncodedQuestion, Span

# Logistic regression over 1,200 questions of XQuAD (in Chinese and in English, over Chinese passages), SQuAD 2.0 in
# Chinese and DRCD, and all sentences of the five passages retrieved for each: does the sentence hold the answer? The
# sum is the log-odds that it does. A question in another script has hardly a word in common with its answer; what
# that takes from the score is given back.
_BIAS, _SIMILARITY, _COVERAGE, _OTHER_SCRIPT = -47.8, 49.4, 3.93, 6.99
_LEAST_LETTERS = 2  # in a sentence; in Chinese, a subject and what is said of it


def best_sentences(
    question: EncodedQuestion, passages: Sequence[str], vectors: Sequence[NDArray[np.float32]]
) -> tuple[Span, ...]:
    """For each passage the sentence most likely to hold the answer.

    `vectors`: those of each passage's `sentences`, shape (sentences, dimension), as the index keeps them. Score: the
    log-odds that the sentence holds the answer, against a `no_answer_score` of 0; an empty passage has an empty span
    and minus infinity.
    """
    wanted = query_words(question.text)
    return tuple(_best(question, wanted, text, rows) for text, rows in zip(passages, vectors, strict=True))


def _best(question: EncodedQuestion, wanted: Sequence[str], text: str, vectors: NDArray[np.float32]) -> Span:
    best = Span(0, 0, "", -math.inf, 0.0)
    for (start, end), row in _trimmed(text):
        sentence = text[start:end]
        # One product at a time: that of a matrix rounds otherwise as the number of its rows changes.
        similarity = float(vectors[row] @ question.vector)
        score = _BIAS + _SIMILARITY * similarity + _COVERAGE * coverage(wanted, sentence)
        score += _OTHER_SCRIPT * (has_hanzi(question.text) != has_hanzi(sentence))
        if score > best.score:
            best = Span(start, end, sentence, score, 0.0)
    return best


def _trimmed(text: str) -> list[tuple[tuple[int, int], int]]:
    """The ranges of the sentences of `text` without white space at their ends, each with its number among `sentences`.

    Scraps such as `9...` count only where there is nothing else.
    """
    found = [
        ((start + len(text[start:end]) - len(text[start:end].lstrip()), start + len(text[start:end].rstrip())), number)
        for number, (start, end) in enumerate(sentences(text))
        if text[start:end].strip()
    ]
    whole = [one for one in found if sum(c.isalpha() for c in text[slice(*one[0])]) >= _LEAST_LETTERS]
    return whole or found
