"""Confidence: from what retriever and reader say of each candidate to the probability that its reading is right.

Two logistic models. The first weighs the signals of one candidate and gives the log-odds that what was read in it is
right; by them the candidates are put in order. The second corrects the best one for having been chosen and weighs how
far it is ahead of the best different answer. `weights.json` holds both with what they were fitted on; see
`rag.train.calibration`, which fits them.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from rag.errors import ReaderError
from rag.fold import fold, has_hanzi
from rag.index.lexical import Term, rarity, tagged_names, words
from rag.numerals import answer_key, in_digits
from rag.types import Candidate, EncodedQuestion, Signals, Span

WEIGHTS = Path(__file__).with_name("weights.json")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_CAPITALISED = re.compile(r"(?<!^)(?<![.!?] )\b[A-Z][A-Za-z]+")
_LIMIT = 20.0  # log-odds beyond it say no more
_LEAD_SCALE = 4.0  # nats; not tuned
# Nats; of 2, 4 and 8 for the first the best on `written_dev`. The second, of 2, 4 and 8, on what the confidence is
# fitted on, by folds, and on `portal_dev` and `folder_dev`: near misses are told from questions with an answer with an
# AUROC of 0.891, 0.897 and 0.845 by 4, within 0.004 of it by the others, and of 0.882, 0.890 and 0.841 by the distance
# from the mean of the others instead of the best.
_BOUND, _APART_SCALE = 4.0, 4.0
_ELSEWHERE = -5.0  # what `holds` is of a passage without the answer, about its mean in what the confidence is fitted on


def signals(
    question: EncodedQuestion,
    terms: Sequence[Term],
    candidates: Sequence[Candidate],
    spans: Sequence[Span],
    sentences: Sequence[Span],
) -> tuple[Signals, ...]:
    """The signals of each candidate, from its best span and its best sentence. `terms`: the question's words."""
    names = names_of(question.text)
    numbers = set(_NUMBER.findall(in_digits(question.text)))
    keys = [answer_key(span.text) for span in spans]
    top = max((candidate.score for candidate in candidates), default=0.0)
    there = [set(words(candidate.passage.searchable)) for candidate in candidates]
    holds = [_limited(-span.no_answer_score) for span in spans]
    return tuple(
        Signals(
            holds=held,
            bounded=math.tanh(held / _BOUND),
            apart=math.tanh((held - _best_of_others(holds, n)) / _APART_SCALE),
            share=_limited(span.score + span.no_answer_score),
            sentence=_limited(sentence.score - sentence.no_answer_score),
            in_sentence=float(sentence.start <= span.start and span.end <= sentence.end),
            retrieval=candidate.score,
            behind=top - candidate.score,
            dense=_reciprocal(candidate.dense_rank),
            by_sentence=_reciprocal(candidate.sentence_rank),
            lexical=_reciprocal(candidate.lexical_rank),
            words=_found(terms, stands),
            names=_names_found(names, terms, stands),
            numbers=_numbers_found(numbers, candidate),
            agreement=min(2.0, float(keys.count(key) - 1)) if key else 0.0,
            other_script=float(has_hanzi(question.text) != has_hanzi(candidate.passage.text)),
        )
        for n, (candidate, span, sentence, held, key, stands) in enumerate(
            zip(candidates, spans, sentences, holds, keys, there, strict=True)
        )
    )


@dataclass(frozen=True, slots=True)
class Calibrator:
    """The two models and the threshold; what they were fitted on is in the file, for people."""

    bias: float
    weights: dict[str, float]  # of each signal
    answer_bias: float
    answer_slope: float
    answer_lead: float
    threshold: float  # the least confidence that is answered with

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> Self:
        """From a file.

        Raises:
            ReaderError: it is missing or damaged.
        """
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            found = cls(**{name: content[name] for name in cls.__slots__})
            if set(found.weights) != set(Signals.__slots__):
                raise ValueError(f"weights of {sorted(found.weights)}: expected those of {sorted(Signals.__slots__)}")
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ReaderError(
                f"{path} is no calibrator ({error!r}): install Yinju anew, or run `rag calibrate`"
            ) from error
        return found

    def log_odds(self, found: Signals) -> float:
        """That the reading of one candidate is right."""
        return self.bias + math.fsum(self.weights[name] * value for name, value in found.to_dict().items())

    def confidence(self, log_odds: float, rival: float | None) -> float:
        """The probability, 0 to 1, that an answer is right, from its log-odds and those of the best different one."""
        value = self.answer_bias + self.answer_slope * log_odds + self.answer_lead * self.lead(log_odds, rival)
        return (1 + math.tanh(value / 2)) / 2

    @staticmethod
    def lead(log_odds: float, rival: float | None) -> float:
        """How far ahead of its rival an answer is, -1 to 1; 1 without a rival."""
        return 1.0 if rival is None else math.tanh((log_odds - rival) / _LEAD_SCALE)


@cache
def load_calibrator() -> Calibrator:
    """The one that ships, loaded once in a process."""
    return Calibrator.load()


def names_of(question: str) -> set[str]:
    """The names in a question, folded: by jieba's tags in Chinese, by capitals in English but for the first word."""
    latin = [fold(name) for name in _CAPITALISED.findall(question.strip())]
    return {fold(name) for name, _ in tagged_names(question)} | set(latin)


def _limited(log_odds: float) -> float:
    return max(-_LIMIT, min(_LIMIT, log_odds))


def _best_of_others(values: Sequence[float], n: int) -> float:
    """The reader is surer of some kinds of articles than of others, and of those of one question alike."""
    return max([*values[:n], *values[n + 1 :]], default=_ELSEWHERE)


def _reciprocal(rank: int | None) -> float:
    return 0.0 if rank is None else 1 / rank


def _stands(term: Term, there: set[str]) -> bool:
    return any(all(word in there for word in reading) for reading in term.readings)


def _found(terms: Sequence[Term], there: set[str]) -> float:
    total = math.fsum(rarity(term.word) for term in terms)
    return math.fsum(rarity(term.word) for term in terms if _stands(term, there)) / total if total else 0.0


def _names_found(names: set[str], terms: Sequence[Term], there: set[str]) -> float:
    """A name is found as a whole, or in the reading of a term that is (a part of) it."""
    named = [term for term in terms if any(term.word in name or name in term.word for name in names)]
    return _found(named, there) if named else 1.0


def _numbers_found(numbers: set[str], candidate: Candidate) -> float:
    if not numbers:
        return 1.0
    there = f"{candidate.passage.searchable}\n{candidate.passage.date or ''}"
    return len(numbers & set(_NUMBER.findall(in_digits(there)))) / len(numbers)
