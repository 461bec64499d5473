"""The gate: a run compared with a committed one, question by question, so that nothing gets worse unseen."""

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from rag.errors import EvaluationError
from rag.evaluate.measured import LOWER_IS_BETTER, NEITHER_IS_BETTER, Estimate, differences
from rag.evaluate.outcomes import Outcome

# In the folder of a baseline.
OUTCOMES, ACCEPTED = "outcomes.jsonl", "accepted.toml"

# A measure that moves less than this in nearly all samples did not fall: a confidence rounded otherwise does as much.
_LEAST_FALL = 0.001


@dataclass(frozen=True, slots=True)
class Change:
    """A question that is settled now and was not, or the other way round, or is lost elsewhere."""

    before: Outcome
    after: Outcome

    @property
    def better(self) -> bool:
        """It was lost and is settled."""
        return self.after.settled and not self.before.settled

    @property
    def worse(self) -> bool:
        """It was settled and is lost."""
        return self.before.settled and not self.after.settled

    @property
    def cause(self) -> str:
        """The first thing on the way from article to answer that is not as it was, as in `lexical_rank: 1 -> none`."""
        rankings = {**self.before.ranks, **self.after.ranks}
        before, after = _way(self.before, rankings), _way(self.after, rankings)
        changed = (
            f"{name}: {_shown(old, after[name])} -> {_shown(after[name], old)}"
            for name, old in before.items()
            if old != after[name]
        )
        return next(changed, "the expected answer: another one")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "id": self.after.id,
            "before": self.before.loss,
            "after": self.after.loss,
            "cause": self.cause,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison found, and whether the gate opens."""

    changes: tuple[Change, ...]  # in the order of the questions
    falls: Mapping[str, Estimate]  # by how much a measure of all questions got worse, beyond its noise; below 0
    accepted: Mapping[str, str]  # the ids that may be lost, and why

    @property
    def refused(self) -> tuple[Change, ...]:
        """What got worse and is not accepted."""
        return tuple(change for change in self.changes if change.worse and change.after.id not in self.accepted)

    @property
    def needless(self) -> tuple[str, ...]:
        """The accepted ids that did not get worse: they can be taken off the list."""
        worse = {change.after.id for change in self.changes if change.worse}
        return tuple(name for name in self.accepted if name not in worse)

    @property
    def passed(self) -> bool:
        """No measure fell, and nothing got worse that is not accepted."""
        return not self.falls and not self.refused

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "passed": self.passed,
            "better": [change.to_dict() for change in self.changes if change.better],
            "worse": [
                change.to_dict() | {"accepted": self.accepted.get(change.after.id)}
                for change in self.changes
                if change.worse
            ],
            "moved": [change.to_dict() for change in self.changes if not change.better and not change.worse],
            "falls": {name: asdict(fall) for name, fall in self.falls.items()},
        }


def compare(before: Sequence[Outcome], after: Sequence[Outcome], accepted: Mapping[str, str]) -> Verdict:
    """The run `after` against the run `before` over the same questions.

    A measure falls by more than its noise where it is worse, by 0.001 or more, in at least 97.5 of 100 samples of the
    questions (see `rag.evaluate.measured.differences`).

    Raises:
        EvaluationError: the questions are not the same.
    """
    old, new = ({outcome.id: outcome for outcome in run} for run in (before, after))
    if other := [name for name in {**old, **new} if name not in old or name not in new]:
        raise EvaluationError(
            f"the baseline and the question set do not have the same questions (only one has {', '.join(other)}): "
            f"expected the question set that the baseline was made with; write it anew with --write-baseline"
        )
    changes = (Change(old[name], outcome) for name, outcome in new.items())
    falls = {}
    for name, rise in differences([old[name] for name in new], after).items():
        sign = 0 if name in NEITHER_IS_BETTER else -1 if name in LOWER_IS_BETTER else 1
        ends = sorted((sign * rise.low, sign * rise.high))
        if ends[1] <= -_LEAST_FALL:
            falls[name] = Estimate(sign * rise.value, *ends)
    return Verdict(tuple(change for change in changes if change.before.loss != change.after.loss), falls, accepted)


def write_baseline(folder: Path, outcomes: Iterable[Outcome]) -> None:
    """Writes a run to `folder`, one question a line, to be committed and compared with.

    Raises:
        EvaluationError: it cannot be written.
    """
    lines = [json.dumps(asdict(outcome), ensure_ascii=False) + "\n" for outcome in outcomes]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / OUTCOMES).write_text("".join(lines), encoding="utf-8", newline="\n")
    except OSError as error:
        raise EvaluationError(f"{folder} cannot be written ({error}): expected a folder for the baseline") from error


def read_baseline(folder: Path) -> tuple[Outcome, ...]:
    """The run that `write_baseline` wrote to `folder`.

    Raises:
        EvaluationError: there is none, or it is damaged or of another version.
    """
    path = folder / OUTCOMES
    expected = {field.name for field in fields(Outcome)}
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    except (OSError, ValueError) as error:
        raise EvaluationError(
            f"{path} cannot be read ({error}): expected a baseline; write one with --write-baseline"
        ) from error
    for number, line in enumerate(lines, start=1):
        if not isinstance(line, dict) or line.keys() != expected:
            raise EvaluationError(f"{path}, line {number} is of another version: write it anew with --write-baseline")
    return tuple(Outcome(**line | {"candidates": tuple(line["candidates"])}) for line in lines)


def read_accepted(folder: Path) -> dict[str, str]:
    """The questions that may be lost: `id = "why"` a line, in TOML. None without the file.

    Raises:
        EvaluationError: it is no TOML, or an id has no reason.
    """
    path = folder / ACCEPTED
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise EvaluationError(f'{path} cannot be read ({error}): expected lines such as id = "why"') from error
    if bare := [name for name, reason in found.items() if not isinstance(reason, str) or not reason.strip()]:
        raise EvaluationError(f'{path} gives no reason for {", ".join(bare)}: expected lines such as id = "why"')
    return found


def _way(outcome: Outcome, rankings: Iterable[str]) -> dict[str, object]:
    """What is known of an answer at each stage on its way, by name and in the order of the stages."""
    return {
        "evidence in a passage": outcome.indexed,
        **{name: outcome.ranks.get(name) for name in rankings},
        "fused rank": outcome.rank,
        "passages read": outcome.candidates,
        "something right selected": outcome.read,
        "best answer": outcome.found,
        "confidence": outcome.confidence,
        "answered, at the same confidence": outcome.answered,
    }


def _shown(value: object, other: object) -> str:
    """`value` for people; of several things, those that `other` lacks."""
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "none"
        case tuple():
            return " ".join(one for one in value if not isinstance(other, tuple) or one not in other) or "the same"
        case _:
            return str(value)
