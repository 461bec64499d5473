"""What people read of an evaluation: tables, the way of one question, what got better and worse."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rag.evaluate.gate import Change, Verdict
from rag.evaluate.measured import MEASURES, Estimate, Group
from rag.evaluate.outcomes import Outcome
from rag.evaluate.questions import Question
from rag.index.lexical import Term
from rag.types import Trace

_COLUMNS = ("recall_at_5", "right", "settled", "answered_right", "citation_precision", "abstention_recall")


def table(groups: Mapping[str, Group], outcomes: Iterable[Outcome]) -> str:
    """All measures of all questions, the chief ones of each group, and what was lost where."""
    whole = groups["all"]
    lines = [f"{whole.questions} questions, each measure with its 95 % interval", ""]
    lines += [f"{name:21}{_estimate(whole.measures.get(name))}  {MEASURES[name]}" for name in whole.measures]
    lines += ["", f"{'':15}{'questions':>9}" + "".join(f"{name:>20}" for name in _COLUMNS)]
    for name, group in groups.items():
        values = "".join(f"{_estimate(group.measures.get(column)):>20}" for column in _COLUMNS)
        lines.append(f"{name:15}{group.questions:>9}{values}".rstrip())
    lost: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.loss:
            lost.setdefault(outcome.loss, []).append(outcome.id)
    lines += ["", *(f"{loss} {len(ids)}: {' '.join(ids)}" for loss, ids in sorted(lost.items()))]
    return "\n".join(lines)


def as_json(groups: Mapping[str, Group], outcomes: Iterable[Outcome], found: Verdict | None) -> dict[str, Any]:
    """Plain JSON types: the measures and their intervals by group, null where no question bears on one, and every
    outcome; the verdict where there is one."""
    printed: dict[str, Any] = {"measures": {}, "intervals": {}, "outcomes": [outcome.to_dict() for outcome in outcomes]}
    for name, group in groups.items():
        estimates = {key: group.measures.get(key) for key in MEASURES}
        printed["measures"][name] = {"questions": group.questions} | {
            key: estimate.value if estimate else None for key, estimate in estimates.items()
        }
        printed["intervals"][name] = {
            key: [estimate.low, estimate.high] if estimate else None for key, estimate in estimates.items()
        }
    return printed | ({"check": found.to_dict()} if found else {})


def explanation(
    question: Question, trace: Trace, outcome: Outcome, terms: Sequence[Term], weights: Mapping[str, float]
) -> str:
    """The whole way of one question: its words, the passages read, what speaks for what was selected in them, and the
    decision. `weights`: of each term, by its word (see `LexicalIndex.weights`)."""
    lines = [f"{question.id} ({question.kind}, {question.lang}): {question.question}"]
    if question.answerable:
        lines += [f"expected: {' | '.join(question.answers)}", f"    {question.source}: {question.evidence}"]
        lines += [f"    {'stands' if outcome.indexed else 'does not stand'} in a passage of the index"]
    else:
        lines += ["expected: no answer"]
    lines += ["", "words and their BM25 weight, 0 where no passage holds one:"]
    lines += [f"    {weights[term.word]:5.2f}  {_term(term)}" for term in terms] or ["    none"]
    lines += ["", "passages read:"]
    for number, candidate in enumerate(trace.candidates, start=1):
        span, signals = trace.spans[number - 1], trace.signals[number - 1]
        passage = candidate.passage
        ranks = ", ".join(f"{name} {rank or '-'}" for name, rank in candidate.ranks.items())
        held = " *" if question.is_held_by(passage.source, passage.text) else ""
        lines += [
            f"{number:>3}. {passage.id}{held}",
            f"     fused {candidate.score:.5f}: {ranks}",
            "     signals " + ", ".join(f"{name} {value:.2f}" for name, value in signals.to_dict().items()),
            f"     span [{span.start}:{span.end}] score {span.score:.3f}, no answer {span.no_answer_score:.3f}, "
            f"margin {span.score - span.no_answer_score:.3f}: {span.text}",
        ]
    lines += ["     (* holds the answer, in the right file)"] if outcome.retrieved else []
    return "\n".join([*lines, "", *_decision(trace, outcome)])


def _term(term: Term) -> str:
    """A word of a question, and what else it may be called in a passage."""
    others = [" ".join(reading) for reading in term.readings if reading != (term.word,)]
    return f"{term.word} ({' | '.join(others)})" if others else term.word


def _decision(trace: Trace, outcome: Outcome) -> list[str]:
    """The last lines of an explanation: which answers there were, and what became of the best one."""
    answer = trace.answer
    lines = ["answers by confidence:", *(f"    {other.confidence:.3f}  {other.text}" for other in trace.found)]
    sign = "reaches" if answer.confidence >= trace.min_confidence else "is below"
    lines += [
        f"decision: the confidence {answer.confidence:.3f} {sign} {trace.min_confidence}: "
        + (f"answered, {answer.text}" if answer.answered else f"abstained, {answer.reason}"),
        f"verdict: {(outcome.loss or 'right').replace('_', ' ')}",
    ]
    return lines


def verdict(found: Verdict) -> str:
    """What got better and worse and why, and whether the gate opens."""
    worse = [change for change in found.changes if change.worse]
    better = [change for change in found.changes if change.better]
    moved = [change for change in found.changes if not change.worse and not change.better]
    lines = [line for change in worse for line in _change("worse", change, found.accepted.get(change.after.id))]
    lines += [line for change in better for line in _change("better", change)]
    lines += [line for change in moved for line in _change("still lost", change)]
    lines += [f"fell: {name} {_estimate(fall)}: {MEASURES[name]}" for name, fall in found.falls.items()]
    lines += [f"accepted without need, take it off the list: {name}" for name in found.needless]
    lines += [
        f"{len(better)} better, {len(worse)} worse, of them {len(worse) - len(found.refused)} accepted; "
        f"{len(found.falls)} measures fell",
        "the gate is open" if found.passed else "the gate is shut",
    ]
    return "\n".join(lines)


def _change(what: str, change: Change, accepted: str | None = None) -> Sequence[str]:
    before, after = ((outcome.loss or "right").replace("_", " ") for outcome in (change.before, change.after))
    note = f" (accepted: {accepted})" if accepted else ""
    return [
        f"{what}: {change.after.id}: {before} -> {after}{note}; first change: {change.cause}",
        f"    {change.after.question}",
        f"    {change.before.text or '(no answer)'} -> {change.after.text or '(no answer)'}",
    ]


def _estimate(estimate: Estimate | None) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.2f}, {estimate.high:.2f}]" if estimate else ""
