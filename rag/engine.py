"""The engine: an open index that searches and answers."""

import logging
import threading
import time
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from os import PathLike
from pathlib import Path

from rag.answers import Reading, choose, decide, rank
from rag.calibration import load_calibrator, signals
from rag.documents import clean
from rag.encoder import DEFAULT_ENCODER, load_encoder
from rag.errors import DocumentError, QuestionError, RagError, SnapshotError
from rag.index import Index, build_index, refresh_index
from rag.index.snapshot import read_pointer, signature
from rag.reader import best_sentences, load_reader, passage_states
from rag.retrieve import retrieve
from rag.types import Answer, BuildReport, Candidate, EncodedQuestion, Signals, Span, Trace

log = logging.getLogger(__name__)

_TIMED = ("retrieve", "read", "decide")
MAX_QUESTION = 1000  # characters; more is a text, not a question

# Where `answer` finds its index and its articles: beside the package in a checkout, else in the working directory.
_CHECKOUT = Path(__file__).parents[1]
HOME = _CHECKOUT if (_CHECKOUT / "seeds").is_dir() else Path()
DEFAULT_INDEX = HOME / "index"
DEFAULT_ARTICLES = HOME / "seeds"

_default_lock = threading.Lock()
_default: "Engine | None" = None


class _Opened:
    """One snapshot, opened to be asked; see `Engine`."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._reader, self._calibrator = load_reader(), load_calibrator()

    @property
    def index(self) -> Index:
        """What is searched."""
        return self._index

    def search(self, question: str, k: int = 10) -> tuple[Candidate, ...]:
        """The best `k` passages."""
        asked = checked_question(question)
        _check_count(k)
        return self._retrieve(self._index.encoder.encode_question(asked), k)

    def _retrieve(self, question: EncodedQuestion, k: int) -> tuple[Candidate, ...]:
        return retrieve(self._index, question, k) if any(c.isalnum() for c in question.text) else ()

    def trace(self, question: str, top_k: int = 5, min_confidence: float | None = None) -> Trace:
        """The answer with all that led to it."""
        if min_confidence is not None and not 0 <= min_confidence <= 1:
            raise QuestionError(f"the least confidence is {min_confidence}: expected a probability from 0 to 1")
        asked = checked_question(question)
        _check_count(top_k)
        times = [time.perf_counter()]
        encoded = self._index.encoder.encode_question(asked)
        candidates = self._retrieve(encoded, top_k)
        times.append(time.perf_counter())
        choices, found = self.weigh(encoded, candidates)
        times.append(time.perf_counter())
        readings = [
            Reading(candidate, choice, self._calibrator.log_odds(one))
            for candidate, choice, one in zip(candidates, choices, found, strict=True)
        ]
        least = self._calibrator.threshold if min_confidence is None else min_confidence
        answers = rank(readings, self._calibrator.confidence)
        answer = decide(asked, answers, candidates, least)
        self._check(answer)
        times.append(time.perf_counter())
        seconds = {stage: end - begin for stage, (begin, end) in zip(_TIMED, pairwise(times), strict=True)}
        return Trace(asked, candidates, choices, found, answers, least, answer, seconds)

    def weigh(
        self, question: EncodedQuestion, candidates: Sequence[Candidate]
    ) -> tuple[tuple[Span, ...], tuple[Signals, ...]]:
        """What would be quoted of each candidate, and the signals by which it is judged."""
        texts = [candidate.passage.text for candidate in candidates]
        kept = [self._index.lower_states(candidate.passage) for candidate in candidates]
        spans = self._reader.read(question, texts, kept, [candidate.passage.heading for candidate in candidates])
        vectors = [self._index.sentences.vectors(candidate.number) for candidate in candidates]
        sentences = best_sentences(question, texts, vectors)
        found = signals(question, self._index.bridge.terms(question.text), candidates, spans, sentences)
        return choose(question.text, texts, spans), found

    def _check(self, answer: Answer) -> None:
        """Holds the guarantee of every citation: the cleaned form of the raw range is the quote."""
        for citation in (*answer.citations, *(c for other in answer.alternatives for c in other.citations)):
            raw = self._index.store.raw(citation.source)
            if raw is None or clean(raw[citation.start : citation.end]) != citation.quote:
                raise SnapshotError(
                    f"{citation.source} [{citation.start}:{citation.end}] is not {citation.quote!r} when cleaned: "
                    f"the index is damaged; build it again"
                )


class Engine:
    """An open index. The models load once; threads may share it.

    A question asked after a build is done is answered from what was built, and every answer comes whole from one
    snapshot.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._signature = signature(folder)
        self._opened = _Opened(Index(folder))

    @property
    def index(self) -> Index:
        """What is searched."""
        return self._current().index

    def search(self, question: str, k: int = 10) -> tuple[Candidate, ...]:
        """The `k` passages that fit `question` best, best first; fewer when the index holds fewer.

        Raises:
            QuestionError: `question` is no text, empty or too long, or `k` is below 1.
        """
        return self._current().search(question, k)

    def answer(self, question: str, top_k: int = 5, min_confidence: float | None = None) -> Answer:
        """What the articles answer, quoted and cited; an abstention when they do not hold it.

        The best `top_k` passages are read. `min_confidence`, 0 to 1, is the confidence below which it abstains; None
        takes the one chosen on development questions.

        Raises:
            QuestionError: `question` is no text, empty or too long, `top_k` is below 1, or `min_confidence` is not
                from 0 to 1.
            SnapshotError: the index was changed under the engine.
        """
        return self.trace(question, top_k, min_confidence).answer

    def trace(self, question: str, top_k: int = 5, min_confidence: float | None = None) -> Trace:
        """The answer with all that led to it; see `answer`."""
        return self._current().trace(question, top_k, min_confidence)

    def weigh(
        self, question: EncodedQuestion, candidates: Sequence[Candidate]
    ) -> tuple[tuple[Span, ...], tuple[Signals, ...]]:
        """What would be quoted of each candidate, and the signals by which it is judged."""
        return self._current().weigh(question, candidates)

    def _current(self) -> _Opened:
        """The snapshot in use; one that was switched to since the last question is opened first.

        Where it cannot be opened, the one that is open serves on.
        """
        if signature(self._folder) == self._signature:
            return self._opened
        with self._lock:
            found = signature(self._folder)
            if found != self._signature:
                try:
                    self._opened = _Opened(Index(self._folder))
                except RagError as error:
                    log.warning("the index was switched, but cannot be opened; the one before serves on: %s", error)
                self._signature = found
            return self._opened


def open(index: str | PathLike[str] | None = None) -> Engine:
    """Opens the index in a folder. Keep it open: the models load once.

    None opens `index/`, built from `seeds/` first if there is none, and built again if its articles were changed; where
    that fails, the index is opened as it is. An index that is named is always opened as it is.

    Raises:
        SnapshotError: there is no index, or it is damaged, of another version or of another encoder.
        DocumentError: there is none yet, and the articles for it cannot be read.
        EncoderError: its encoder is not on this machine.
    """
    if index is None:
        _refresh_default()
        return Engine(DEFAULT_INDEX)
    return Engine(Path(index))


def _refresh_default() -> None:
    """Builds `index/` where that is due. One that stands serves on when its build fails."""
    try:
        refresh_index(DEFAULT_INDEX, DEFAULT_ARTICLES, passage_states)
    except (DocumentError, SnapshotError) as error:
        if read_pointer(DEFAULT_INDEX) is None:
            raise
        log.warning("the index could not be built again and is used as it is: %s", error)


def build(
    articles: str | PathLike[str],
    index: str | PathLike[str] = DEFAULT_INDEX,
    encoder: str = DEFAULT_ENCODER,
    follow_symlinks: bool = False,
) -> BuildReport:
    """Builds the index of a folder of articles (.txt, also in folders below it) into another folder.

    What an earlier build left there keeps serving until the new index is whole, and engines that have it open then move
    on to the new one. What did not change is taken over. A file that cannot be read is left out and named in the
    report, and so is a link that leads out of the folder, unless `follow_symlinks`. `encoder` is the name or path of a
    sentence-transformers model that is on this machine.

    Raises:
        DocumentError: there is no such folder, or no text in it.
        EncoderError: the encoder is not on this machine.
        SnapshotError: the index cannot be written.
    """
    return build_index(Path(articles), Path(index), load_encoder(encoder), passage_states, follow_symlinks)


def answer(question: str) -> Answer:
    """What the articles answer to `question`, from the index that `open()` opens, once in a process.

    Raises:
        QuestionError: `question` is no text, empty or too long.
        RagError: see `open`.
    """
    global _default
    checked_question(question)
    with _default_lock:
        if _default is None:
            _default = open()
    return _default.answer(question)


def read(question: str, passages: Sequence[str]) -> tuple[Span, ...]:
    """The reader alone: for each passage, of any length, its best span, never abstaining.

    Raises:
        QuestionError: `question` is no text, empty or too long, or `passages` is one text.
    """
    if isinstance(passages, str):
        raise QuestionError("the passages are one text: expected a list of passages; put it in brackets")
    return load_reader().read(load_encoder().encode_question(checked_question(question)), passages)


def _check_count(count: int) -> None:
    if count < 1:
        raise QuestionError(f"{count} passages were asked for: expected a number from 1 up")


def checked_question(question: str) -> str:
    """`question` as it is looked up: stripped, and without control characters and lone surrogates.

    Raises:
        QuestionError: it is no text, empty or too long.
    """
    if not isinstance(question, str):
        raise QuestionError(f"the question is of type {type(question).__name__}: expected text (str)")
    if len(question) > MAX_QUESTION:
        raise QuestionError(
            f"the question has {len(question)} characters: expected at most {MAX_QUESTION}; shorten it",
            "question_long",
            count=len(question),
            limit=MAX_QUESTION,
        )
    if not question.strip():
        raise QuestionError("the question is empty: ask something")
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in question).strip()
