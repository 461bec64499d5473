"""The measures of a group of questions, each with the interval that the choice of questions leaves it in."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rag.evaluate.outcomes import Outcome
from rag.measures import auroc, calibration_error, resamples, risk_coverage_area

_INTERVAL = (2.5, 97.5)  # percentiles: 95 of 100 samples lie between


def recall_at_1(outcome: Outcome) -> float | None:
    """Answerable: the answer stands in the first passage retrieved."""
    return _recall(outcome, 1)


def recall_at_5(outcome: Outcome) -> float | None:
    """Answerable: it stands in one of the first five passages."""
    return _recall(outcome, 5)


def recall_at_20(outcome: Outcome) -> float | None:
    """Answerable: it stands in one of the first twenty passages."""
    return _recall(outcome, 20)


def mrr(outcome: Outcome) -> float | None:
    """Answerable: mean of 1 / the rank of the first passage it stands in.

    0 beyond twenty. Voorhees 1999, "The TREC-8 Question Answering Track Report".
    """
    return (1 / outcome.rank if outcome.rank else 0.0) if outcome.answerable else None


def right_file(outcome: Outcome) -> float | None:
    """Answerable: the first citation is from the right file."""
    return outcome.right_file if outcome.answerable else None


def right_passage(outcome: Outcome) -> float | None:
    """Answerable: the first citation is a passage that holds the answer."""
    return outcome.right_passage if outcome.answerable else None


def exact_match(outcome: Outcome) -> float | None:
    """Answerable: the answer is an acceptable one, word for word.

    By CMRC 2018 (Cui et al. 2019); see `rag.measures.exact_match`.
    """
    return outcome.exact_match if outcome.answerable else None


def f1(outcome: Outcome) -> float | None:
    """Answerable: mean F1 of the answer.

    By CMRC 2018 (Cui et al. 2019); see `rag.measures.f1`.
    """
    return outcome.f1 if outcome.answerable else None


def right(outcome: Outcome) -> float | None:
    """Answerable: the answer says an acceptable one, from the right file.

    See `rag.measures.says`.
    """
    return outcome.right if outcome.answerable else None


def settled(outcome: Outcome) -> float | None:
    """All: answered right, or rightly not answered."""
    return outcome.settled


def answered(outcome: Outcome) -> float | None:
    """All: answered."""
    return outcome.answered


def answered_right(outcome: Outcome) -> float | None:
    """Answered, unanswerable ones included: right.

    The precision of selective answering (El-Yaniv and Wiener 2010).
    """
    return outcome.right if outcome.answered else None


def citation_precision(outcome: Outcome) -> float | None:
    """Answered, unanswerable ones included: the first citation holds the answer.

    And it is from the right file, as with all that is said of passages here.
    """
    return outcome.right_passage if outcome.answered else None


def abstention_precision(outcome: Outcome) -> float | None:
    """Not answered: unanswerable indeed.

    With the next one, precision and recall of abstaining (van Rijsbergen 1979).
    """
    return None if outcome.answered else not outcome.answerable


def abstention_recall(outcome: Outcome) -> float | None:
    """Unanswerable: not answered."""
    return None if outcome.answerable else not outcome.answered


def wrongly_abstained(outcome: Outcome) -> float | None:
    """Answerable: not answered; lower is better."""
    return not outcome.answered if outcome.answerable else None


def confidence_auroc(confidence: ArrayLike, right: ArrayLike) -> float | None:
    """All: the chance that a right answer is given a higher confidence than a wrong one.

    Mann and Whitney 1947; see `rag.measures.auroc`.
    """
    return auroc(confidence, right)


def confidence_error(confidence: ArrayLike, right: ArrayLike) -> float | None:
    """All: expected calibration error, ten bins of equal width; lower is better.

    Guo et al. 2017; see `rag.measures.calibration_error`.
    """
    return calibration_error(confidence, right)


def confidence_risk(confidence: ArrayLike, right: ArrayLike) -> float | None:
    """All: area under the risk-coverage curve; lower is better.

    Geifman and El-Yaniv 2017; see `rag.measures.risk_coverage_area`.
    """
    return risk_coverage_area(confidence, right)


# The first ones are the mean, over the questions that have one, of a value for each question, 0 to 1. The last ones
# are over all questions of the group, whether the best answer was given or held back; one to an unanswerable question
# is never right.
_MEANS: tuple[Callable[[Outcome], float | None], ...] = (
    recall_at_1,
    recall_at_5,
    recall_at_20,
    mrr,
    right_file,
    right_passage,
    exact_match,
    f1,
    right,
    settled,
    answered,
    answered_right,
    citation_precision,
    abstention_precision,
    abstention_recall,
    wrongly_abstained,
)
_OF_CONFIDENCE: tuple[Callable[[ArrayLike, ArrayLike], float | None], ...] = (
    confidence_auroc,
    confidence_error,
    confidence_risk,
)

# What each measure is, by name: of which questions, and what share of them. All are from 0 to 1.
MEASURES = {function.__name__: str(function.__doc__).partition("\n")[0] for function in (*_MEANS, *_OF_CONFIDENCE)}
LOWER_IS_BETTER = frozenset({"wrongly_abstained", "confidence_error", "confidence_risk"})
NEITHER_IS_BETTER = frozenset({"answered"})


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, and between what it lies for 95 of 100 samples of such questions (percentile bootstrap, Efron 1979)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Group:
    """The measures of some questions, by name; one that no question bears on is left out."""

    questions: int
    measures: dict[str, Estimate]


def measure(outcomes: Sequence[Outcome]) -> Group:
    """The measures over `outcomes`."""
    table = _Table.of(outcomes)
    (values,) = table.measures(np.ones((1, len(outcomes)), np.int64))
    samples = table.measures(resamples(len(outcomes)))
    found = {
        name: Estimate(float(value), *_interval(sample))
        for name, value, sample in zip(MEASURES, values, samples.T, strict=True)
        if not math.isnan(value)
    }
    return Group(len(outcomes), found)


def differences(before: Sequence[Outcome], after: Sequence[Outcome]) -> dict[str, Estimate]:
    """How much each measure rose between two runs over the same questions in the same order; below 0 where it fell.

    Both are measured on the same samples of questions: the paired bootstrap (Koehn 2004, "Statistical Significance
    Tests for Machine Translation Evaluation"). A measure that one of them lacks is left out.
    """
    old, new = _Table.of(before), _Table.of(after)
    counts = np.vstack([np.ones((1, len(before)), np.int64), resamples(len(before))])
    rises = new.measures(counts) - old.measures(counts)
    return {
        name: Estimate(float(rise[0]), *_interval(rise[1:]))
        for name, rise in zip(MEASURES, rises.T, strict=True)
        if not math.isnan(rise[0])
    }


def by_group(outcomes: Sequence[Outcome]) -> dict[str, Group]:
    """The measures of all outcomes, of the answerable ones, then of each kind and each language, in order of first
    appearance."""
    groups = {"all": list(outcomes), "answerable": [outcome for outcome in outcomes if outcome.answerable]}
    for attribute in ("kind", "lang"):
        for outcome in outcomes:
            groups.setdefault(getattr(outcome, attribute), []).append(outcome)
    return {name: measure(group) for name, group in groups.items() if group}


@dataclass(frozen=True, slots=True)
class _Table:
    """What the measures are made of, a row a question."""

    values: NDArray[np.float64]  # shape (questions, means); 0 where a question does not bear on the mean
    bears: NDArray[np.float64]  # 0 or 1, of the same shape
    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> "_Table":
        rows = [[function(outcome) for function in _MEANS] for outcome in outcomes]
        return cls(
            np.array([[value or 0.0 for value in row] for row in rows], np.float64),
            np.array([[value is not None for value in row] for row in rows], np.float64),
            np.array([outcome.confidence for outcome in outcomes], np.float64),
            np.array([outcome.found_right for outcome in outcomes], np.bool_),
        )

    def measures(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """All measures of samples that hold each question `counts` times, shape (samples, questions): shape (samples,
        measures), NaN where a measure is undefined."""
        bearing = counts @ self.bears
        means = np.divide(counts @ self.values, bearing, out=np.full_like(bearing, np.nan), where=bearing > 0)
        return np.hstack([means, np.array([self._of_confidence(row) for row in counts])])

    def _of_confidence(self, counts: NDArray[np.int64]) -> list[float]:
        confidence, right = np.repeat(self.confidence, counts), np.repeat(self.right, counts)
        found = [function(confidence, right) for function in _OF_CONFIDENCE]
        return [math.nan if value is None else value for value in found]


def _recall(outcome: Outcome, depth: int) -> float | None:
    return outcome.rank is not None and outcome.rank <= depth if outcome.answerable else None


def _interval(samples: NDArray[np.float64]) -> tuple[float, float]:
    """Between what the samples lie; those in which the measure is undefined are left out."""
    low, high = np.percentile(samples[~np.isnan(samples)], _INTERVAL)
    return float(low), float(high)
