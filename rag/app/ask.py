"""The tab to ask in: the question, the answer with its sources, and the questions of the session."""

import logging
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.events import Dependency

from rag.app.desk import Desk, Reply
from rag.app.render import Notice, Shown, render, render_history
from rag.app.review import Review, right_line, wrong_line
from rag.app.texts import TEXTS, Language
from rag.app.words import Words
from rag.errors import BusyError, QuestionError, RagError, TimeLimitError

log = logging.getLogger(__name__)

EXAMPLES = (
    "2022年杭州的生产总值是多少？",
    "产城融合的核心是什么？",
    "钱塘区有多少常住人口？",
    "What is Hangzhou's GDP growth target for 2023?",
    "How many universities are there in Qiantang?",
)
_PRIVATE: dict[str, Any] = {"api_visibility": "private"}
# The desk turns away whom it cannot serve; a queue of Gradio's before it would only let them wait unseen.
_ASKING: dict[str, Any] = {"concurrency_limit": None, **_PRIVATE}


def asked(desk: Desk, question: str) -> Shown:
    """What the page shows for a question: an answer, or what kept it from being answered."""
    if not question.strip():
        return "empty"
    problems: dict[type[RagError], Notice] = {BusyError: "busy", TimeLimitError: "slow"}
    try:
        return desk.ask(question)
    except QuestionError as error:
        return error
    except RagError as error:
        log.exception("a question was not answered")
        return next((notice for kind, notice in problems.items() if isinstance(error, kind)), "failed")


def build_ask(desk: Desk, words: Words) -> Callable[[Dependency], None]:
    """Lays the tab out and connects it. Returns what to do once the language is known."""
    language = words.language
    shown, history = gr.State("start"), gr.State([])
    seeds = desk.collection.holds_seeds
    question = gr.Textbox(lines=1, max_lines=8, autofocus=True, elem_id="question", **_question_texts("zh", seeds))
    words.add(question, lambda language: gr.Textbox(**_question_texts(language, seeds)))
    send = gr.Button(TEXTS["zh"]["ask"], variant="primary", elem_id="ask")
    words.add_text(send, "ask")
    result = gr.HTML(render("start", "zh"), apply_default_css=False, elem_id="result")
    judging, here, said = _judging(desk, words, shown)
    past = gr.HTML("", apply_default_css=False, elem_id="history")
    examples = _examples(words) if seeds else []

    def show(question: str, language: Language, history: list[Reply]) -> tuple[Any, ...]:
        shown = asked(desk, question)
        reply = shown if isinstance(shown, Reply) else None
        history = [*history, reply] if reply else history
        linked = reply is not None and bool(reply.answer.citations or reply.answer.closest)
        return (
            *(shown, render(shown, language), history, render_history(history, language)),
            *(gr.Row(visible=reply is not None), gr.Button(visible=linked), ""),
        )

    def reopen(question: str, language: Language, history: list[Reply]) -> tuple[Any, ...]:
        return show(question, language, history) if question.strip() else (gr.skip(),) * len(outputs)

    inputs, outputs = [question, language, history], [shown, result, history, past, judging, here, said]
    noted = "(...values) => { yinju.address(values[0]); return values }"  # the address reopens the question
    gr.on([send.click, question.submit], show, inputs, outputs, js=noted, **_ASKING)
    for button in examples:
        button.click(lambda text: text, button, question, show_progress="hidden", queue=False, **_PRIVATE).then(
            show, inputs, outputs, js=noted, **_ASKING
        )
    language.input(
        lambda language, shown, history: (render(shown, language), render_history(history, language)),
        *([language, shown, history], [result, past]),
        show_progress="hidden",
        **_PRIVATE,
    )

    def greet(greeted: Dependency) -> None:
        # What someone typed meanwhile stays, and is not asked.
        asked = greeted.then(None, question, question, js="typed => yinju.asked(typed)", **_PRIVATE)
        linked = "(typed, ...rest) => [yinju.linked(), ...rest]"
        asked.then(reopen, inputs, outputs, js=linked, **_ASKING)

    return greet


def _examples(words: Words) -> list[gr.Button]:
    """Questions to try, which only the articles that come with Yinju answer."""
    label = gr.Markdown(TEXTS["zh"]["examples"], elem_id="examples-label")
    words.add_text(label, "examples")
    with gr.Row(elem_id="examples"):
        return [gr.Button(example, size="sm") for example in EXAMPLES]


def _judging(desk: Desk, words: Words, shown: gr.State) -> tuple[gr.Row, gr.Button, gr.HTML]:
    """The row of buttons to judge an answer by, the one that opens an article, and where it says what was noted."""
    review = Review(desk.collection.index)
    with gr.Row(visible=False, elem_id="judging") as row:
        label = gr.Markdown(TEXTS["zh"]["judge"], elem_id="judge-label")
        words.add_text(label, "judge")
        buttons = {name: gr.Button(TEXTS["zh"][name], size="sm", elem_id=f"judge-{name}") for name in _VERDICTS}
        for name, button in buttons.items():
            words.add_text(button, name)
        said = gr.HTML("", apply_default_css=False, elem_id="judged")

    def note(verdict: str, shown: Shown, language: Language) -> str:
        if isinstance(shown, Reply):
            review.append(right_line(shown.answer) if verdict == "right" else wrong_line(shown.answer))
        texts = TEXTS[language]
        return texts["judged"].format(what=texts[f"judged_{verdict}"])

    for verdict in ("right", "wrong"):
        buttons[verdict].click(
            lambda shown, language, verdict=verdict: note(verdict, shown, language),
            *([shown, words.language], said),
            show_progress="hidden",
            concurrency_limit=1,
            concurrency_id="review",
            **_PRIVATE,
        )
    buttons["here"].click(None, None, None, js="() => yinju.mark()", **_PRIVATE)
    return row, buttons["here"], said


_VERDICTS = ("right", "wrong", "here")


def _question_texts(language: Language, seeds: bool) -> dict[str, Any]:
    texts = TEXTS[language]
    return {"label": texts["question"], "placeholder": texts["placeholder"] if seeds else "", "info": texts["info"]}
