"""The tab of quality: a question set run over the collection, what it measures, and where answers were lost."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

import gradio as gr
from gradio.events import Dependency

from rag.app.collection import public
from rag.app.desk import Desk
from rag.app.render import Examined, render_quality
from rag.app.review import Review
from rag.app.texts import TEXTS, Language
from rag.app.words import Words
from rag.engine import HOME
from rag.errors import EvaluationError, RagError
from rag.evaluate import Outcome, Question, by_group, read_questions, run, with_known_answer

log = logging.getLogger(__name__)

QUESTIONS = HOME / "eval_questions.jsonl"
_SETS = ("set_builtin", "set_review")  # keys of the texts


def build_quality(desk: Desk, words: Words) -> Callable[[Dependency], None]:
    """Lays the tab out and connects it. Returns what to do once the language is known."""
    language, texts = words.language, TEXTS["zh"]
    private: dict[str, Any] = {"api_visibility": "private"}
    examined = gr.State(None)
    intro = gr.Markdown(texts["quality_intro"])
    words.add_text(intro, "quality_intro")
    with gr.Row(elem_id="quality-choice"):
        chosen = gr.Radio(_choices("zh"), value="set_builtin", label=texts["question_set"], elem_id="question-set")
        start = gr.Button(texts["run"], variant="primary", elem_id="run")
    words.add(chosen, lambda language: gr.Radio(_choices(language), label=TEXTS[language]["question_set"]))
    words.add_text(start, "run")
    shown = gr.HTML("", apply_default_css=False, elem_id="quality")
    paths = {"set_builtin": QUESTIONS, "set_review": Review(desk.collection.index).path}

    def examine_set(
        name: str,
        language: Language,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Examined | None, str]:
        path = paths[name]
        try:
            if not path.is_file():
                raise EvaluationError("there is no such question set here", "no_set")
            questions = with_known_answer(read_questions(path))
            tracked = progress.tqdm(questions, desc=TEXTS[language]["running"], unit="")
            found = examine(desk, tracked)
        except RagError as error:
            log.exception("the question set was not run")
            return None, render_quality(None, public(error), language)
        return found, render_quality(found, None, language)

    start.click(
        examine_set,
        *([chosen, language], [examined, shown]),
        concurrency_limit=1,
        concurrency_id="quality",
        show_progress_on=shown,
        **private,
    )
    language.input(
        lambda language, examined: render_quality(examined, None, language) if examined else "",
        *([language, examined], shown),
        show_progress="hidden",
        **private,
    )
    return lambda greeted: None


def examine(desk: Desk, questions: Iterable[Question]) -> Examined:
    """Asks every question, all of the same version of the collection.

    Raises:
        EvaluationError: the collection was changed meanwhile.
    """
    snapshot = desk.collection.opened.snapshot
    asked: list[Question] = []
    outcomes: list[Outcome] = []
    for question in questions:
        asked.append(question)
        outcomes += run(desk.collection.engine, [question])
    if desk.collection.opened.snapshot != snapshot:
        raise EvaluationError(
            "the collection was changed while the questions were asked: run the set again", "set_changed"
        )
    return Examined(snapshot, tuple(asked), tuple(outcomes), by_group(outcomes) if outcomes else {})


def _choices(language: Language) -> list[tuple[str, str]]:
    return [(TEXTS[language][name], name) for name in _SETS]
