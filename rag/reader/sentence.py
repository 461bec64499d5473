"""A reader without weights of its own: the sentence that answers, by encoder similarity and words in common."""

import math
import re
from collections.abc import Sequence

from rag.encoder import Encoder
from rag.index.lexical import coverage, query_words
from rag.passages import sentences
from rag.types import Span

# Logistic regression over 1,200 questions of XQuAD (in Chinese and in English, over Chinese passages), SQuAD 2.0 in
# Chinese and DRCD, and all sentences of the five passages retrieved for each: does the sentence hold the answer? The
# sum is the log-odds that it does. A question in another script has hardly a word in common with its answer; what
# that takes from the score is given back.
_BIAS, _SIMILARITY, _COVERAGE, _OTHER_SCRIPT = -47.8, 49.4, 3.93, 6.99
_LEAST_LETTERS = 2  # in a sentence; in Chinese, a subject and what is said of it
_HANZI = re.compile("[\u3400-\u9fff]")


class SentenceReader:
    """Selects one sentence of each passage. Threads may share it."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def read(self, question: str, passages: Sequence[str]) -> tuple[Span, ...]:
        """For each passage the sentence most likely to hold the answer. Score: the log-odds that it does, against a
        `no_answer_score` of 0."""
        ranges = [(number, start, end) for number, text in enumerate(passages) for start, end in _trimmed(text)]
        (asked,) = self._encoder.encode_queries([question])
        texts = [passages[number][start:end] for number, start, end in ranges]
        # One product at a time: that of a matrix rounds otherwise as the number of its rows changes.
        similarities = [float(vector @ asked) for vector in self._encoder.encode_passages(texts)]
        wanted = query_words(question)
        best = [Span(0, 0, "", -math.inf, 0.0)] * len(passages)
        for (number, start, end), text, similarity in zip(ranges, texts, similarities, strict=True):
            score = _BIAS + _SIMILARITY * similarity + _COVERAGE * coverage(wanted, text)
            score += _OTHER_SCRIPT * (_has_hanzi(question) != _has_hanzi(text))
            if score > best[number].score:
                best[number] = Span(start, end, text, score, 0.0)
        return tuple(best)


def _has_hanzi(text: str) -> bool:
    return _HANZI.search(text) is not None


def _trimmed(text: str) -> list[tuple[int, int]]:
    """The ranges of the sentences of `text` without white space at their ends.

    Scraps such as `9...` count only where there is nothing else.
    """
    found = [
        (start + len(text[start:end]) - len(text[start:end].lstrip()), start + len(text[start:end].rstrip()))
        for start, end in sentences(text)
        if text[start:end].strip()
    ]
    whole = [(start, end) for start, end in found if sum(c.isalpha() for c in text[start:end]) >= _LEAST_LETTERS]
    return whole or found
