"""What the system did with a question, how far its answer came on the way, and where a miss was lost."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rag.engine import Engine
from rag.evaluate.questions import Question
from rag.measures import exact_match, f1
from rag.types import Candidate, Citation, Trace

Loss = Literal["not_indexed", "not_retrieved", "not_read", "not_chosen", "wrongly_abstained", "wrongly_answered"]

_DEPTH = 20  # how far down the candidates a question's answer is looked for
_FAR = 200  # and its ranks in the single rankings, which are known whatever became of the fused one
_DIGITS = 3  # of a confidence; what lies beyond may differ between processors


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question, asked. Plain values, so that it can be written down and compared with a later one.

    The best answer found is looked at whether it was given or held back: a confidence can be judged only so. A gold
    passage is one that holds an acceptable answer and is from the right file; what is said of such passages, of their
    ranks and of right texts is False or None for a question that the articles do not answer.
    """

    id: str
    question: str
    kind: str
    lang: str
    answerable: bool
    indexed: bool  # the evidence stands in a passage of the index
    ranks: Mapping[str, int | None]  # the best one of a gold passage in each single ranking, from 1; {} without any
    rank: int | None  # the best one among the candidates, from 1; None beyond 20
    candidates: tuple[str, ...]  # the ids of the passages that were read, best first
    retrieved: bool  # one of them is a gold passage
    read: bool  # what was selected in one of them is right
    found: str  # the best answer, "" when there was none at all
    found_right: bool  # it is right, see `Question.is_answered_by`
    confidence: float  # 0 to 1, that it is right
    answered: bool  # it was given
    right_file: bool  # the first citation is from the right file; False when it abstained, as all below
    right_passage: bool  # its passage holds an acceptable answer, and it is from the right file
    exact_match: float  # 0 or 1, see `rag.measures.exact_match`
    f1: float  # 0 to 1, see `rag.measures.f1`

    @property
    def text(self) -> str:
        """The answer given, "" when it abstained."""
        return self.found if self.answered else ""

    @property
    def right(self) -> bool:
        """It gave a right answer."""
        return self.answered and self.found_right

    @property
    def settled(self) -> bool:
        """It gave a right answer, or rightly none."""
        return self.right if self.answerable else not self.answered

    @property
    def loss(self) -> Loss | None:
        """Where the answer was lost: the first stage on the way that did not hand it on. None when it is settled.

        - `not_indexed`: no passage of the index holds the evidence as it is written
        - `not_retrieved`: none of the passages read holds the answer
        - `not_read`: one does, but what was selected in it is wrong
        - `not_chosen`: something right was selected, and another answer preferred
        - `wrongly_abstained`: the best answer is right, and was held back
        - `wrongly_answered`: the articles do not hold an answer, and one was given
        """
        if self.settled:
            return None
        if not self.answerable:
            return "wrongly_answered"
        passed: dict[Loss, bool] = {
            "not_indexed": self.indexed,
            "not_retrieved": self.retrieved,
            "not_read": self.read,
            "not_chosen": self.found_right,
        }
        return next((loss for loss, done in passed.items() if not done), "wrongly_abstained")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, what can be derived included."""
        return asdict(self) | {"text": self.text, "right": self.right, "settled": self.settled, "loss": self.loss}


def run(engine: Engine, questions: Iterable[Question]) -> tuple[Outcome, ...]:
    """Asks every question."""
    return tuple(judge(engine, question, engine.trace(question.question)) for question in questions)


def judge(engine: Engine, question: Question, trace: Trace) -> Outcome:
    """What came of `question`, from the way its answer took through `engine`."""
    found = engine.search(question.question, _DEPTH)
    rank = next((n for n, candidate in enumerate(found, start=1) if _is_gold(question, candidate)), None)
    answer = trace.answer
    best, citation = (trace.found[0].text, trace.found[0].citations[0]) if trace.found else ("", None)
    given = citation if answer.answered else None
    return Outcome(
        id=question.id,
        question=question.question,
        kind=question.kind,
        lang=question.lang,
        answerable=question.answerable,
        indexed=question.answerable and _is_indexed(engine, question),
        ranks=_ranks(question, engine.search(question.question, _FAR)),
        rank=rank,
        candidates=tuple(candidate.passage.id for candidate in trace.candidates),
        retrieved=any(_is_gold(question, candidate) for candidate in trace.candidates),
        read=any(
            question.is_answered_by(candidate.passage.source, span.text)
            for candidate, span in zip(trace.candidates, trace.spans, strict=True)
        ),
        found=best,
        found_right=citation is not None and question.is_answered_by(citation.source, best),
        confidence=round(answer.confidence, _DIGITS),
        answered=answer.answered,
        right_file=question.answerable and given is not None and given.source == question.source,
        right_passage=given is not None and _holds(question, given),
        exact_match=exact_match(answer.text, question.answers),
        f1=f1(answer.text, question.answers),
    )


def _is_gold(question: Question, candidate: Candidate) -> bool:
    return question.is_held_by(candidate.passage.source, candidate.passage.text)


def _holds(question: Question, citation: Citation) -> bool:
    return question.is_held_by(citation.source, citation.passage)


def _is_indexed(engine: Engine, question: Question) -> bool:
    passages = engine.index.store.passages_of(question.source)
    return any(question.evidence in passage.text for passage in passages)


def _ranks(question: Question, found: Iterable[Candidate]) -> Mapping[str, int | None]:
    """The best rank of a gold passage in each single ranking: that does not depend on how the rankings are fused."""
    best: dict[str, int | None] = {}
    for candidate in found:
        if _is_gold(question, candidate):
            for name, rank in candidate.ranks.items():
                best[name] = min(filter(None, (rank, best.get(name))), default=None)
    return best
