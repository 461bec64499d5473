"""The tab of the articles: what the collection holds, and adding and removing."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from rag.app.collection import MAX_FILE_BYTES, MAX_FILES, Change, Progress, named, public
from rag.app.desk import Desk
from rag.app.render import render_articles, render_change
from rag.app.texts import TEXTS, Language
from rag.app.words import Words
from rag.errors import RagError

log = logging.getLogger(__name__)

_PRIVATE: dict[str, Any] = {"api_visibility": "private"}


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """What the tab is made of."""

    upload: gr.File
    said: gr.HTML
    table: gr.HTML
    title: gr.Textbox
    text: gr.Textbox
    add: gr.Button
    chosen: gr.Dropdown
    remove: gr.Button

    @property
    def outputs(self) -> list[Any]:
        """What every change writes to, its own outcome aside."""
        return [self.said, self.table, self.chosen]


def build_articles(desk: Desk, words: Words) -> Callable[[Dependency], None]:
    """Lays the tab out and connects it. Returns what to do once the language is known."""
    collection, language = desk.collection, words.language
    changed = gr.State(None)
    parts = _lay_out(words)

    def listed(language: Language) -> tuple[Any, ...]:
        files, snapshot = collection.files(), collection.opened.snapshot
        return render_articles(files, snapshot, language), gr.Dropdown([file.source for file in files], value=[])

    def change(language: Language, progress: gr.Progress, work: Callable[[Progress], Change]) -> tuple[Any, ...]:
        outcome = _tried(work, language, progress)
        return outcome, render_change(outcome[0], outcome[1], language), *listed(language)

    _connect_changes(desk, language, changed, parts, change)
    listing: dict[str, Any] = {"show_progress": "hidden", **_PRIVATE}
    language.input(listed, language, [parts.table, parts.chosen], **listing)
    language.input(
        lambda language, changed: render_change(changed[0], changed[1], language) if changed else "",
        *([language, changed], parts.said),
        **listing,
    )
    return lambda greeted: greeted.then(listed, language, [parts.table, parts.chosen], **listing)


def _lay_out(words: Words) -> _Parts:
    # Files of all kinds, so that one that is no text is refused by its name rather than left out.
    upload = gr.File(file_count="multiple", label=TEXTS["zh"]["upload"], height=140, elem_id="upload")
    said = gr.HTML("", apply_default_css=False, elem_id="change")
    table = gr.HTML("", apply_default_css=False, elem_id="collection")
    with gr.Accordion(TEXTS["zh"]["paste"], open=False, elem_id="paste") as paste:
        title = gr.Textbox(label=TEXTS["zh"]["paste_title"], max_lines=1, elem_id="paste-title")
        text = gr.Textbox(label=TEXTS["zh"]["paste_text"], lines=6, max_lines=20, elem_id="paste-text")
        add = gr.Button(TEXTS["zh"]["paste_add"], elem_id="paste-add")
    with gr.Accordion(TEXTS["zh"]["remove"], open=False, elem_id="remove") as removing:
        chosen = gr.Dropdown([], multiselect=True, label=TEXTS["zh"]["remove_choose"], elem_id="remove-choose")
        remove = gr.Button(TEXTS["zh"]["remove_do"], elem_id="remove-do")
        note = gr.Markdown(TEXTS["zh"]["removed_note"])
    labelled = [("upload", upload), ("paste", paste), ("paste_title", title), ("paste_text", text)]
    for name, component in [*labelled, ("remove", removing), ("remove_choose", chosen)]:
        words.add_label(component, name)
    for name, component in (("paste_add", add), ("remove_do", remove), ("removed_note", note)):
        words.add_text(component, name)
    return _Parts(upload, said, table, title, text, add, chosen, remove)


def _connect_changes(
    desk: Desk,
    language: gr.Radio,
    changed: gr.State,
    parts: _Parts,
    change: Callable[[Language, gr.Progress, Callable[[Progress], Change]], tuple[Any, ...]],
) -> None:
    def add_files(
        uploaded: Sequence[Mapping[str, Any]] | None,
        language: Language,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        if not uploaded:
            return (gr.skip(),) * 5
        done = change(language, progress, lambda report: desk.add(_read(uploaded), report))
        return (*done, None)

    def add_text(
        title: str,
        text: str,
        language: Language,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        outcome, *rest = change(language, progress, lambda report: desk.add([named(title, text)], report))
        kept = (gr.skip(), gr.skip()) if outcome[0] is None or not outcome[0].changed else ("", "")
        return (outcome, *rest, *kept)

    def take_out(
        sources: list[str],
        language: Language,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        return change(language, progress, lambda report: desk.remove(sources, report))

    changing: dict[str, Any] = {
        "concurrency_limit": None,  # the desk turns away whom it has no place for
        "show_progress_on": parts.said,
        **_PRIVATE,
    }
    outputs = [changed, *parts.outputs]
    # Unprocessed the files come with the names they had; in their paths Gradio cuts names and takes characters out.
    parts.upload.upload(add_files, [parts.upload, language], [*outputs, parts.upload], preprocess=False, **changing)
    written = [parts.title, parts.text]
    parts.add.click(add_text, [*written, language], [*outputs, *written], **changing)
    parts.remove.click(take_out, [parts.chosen, language], outputs, **changing)


def _read(uploaded: Sequence[Mapping[str, Any]]) -> list[tuple[str, bytes]]:
    """The uploaded files; of one that is too long only so much that it is seen to be."""
    files = []
    for sent in uploaded[: MAX_FILES + 1]:
        path = Path(sent["path"])
        with path.open("rb") as file:
            files.append((sent["orig_name"] or path.name, file.read(MAX_FILE_BYTES + 1)))
    return files


def _tried(
    work: Callable[[Progress], Change], language: Language, progress: gr.Progress
) -> tuple[Change | None, RagError | None]:
    """What a change did, or what kept it from being done."""
    try:
        return work(lambda what, done, of: progress((done, of), desc=TEXTS[language][what], unit="")), None
    except (RagError, OSError) as error:
        log.exception("the collection was not changed")
        return None, public(error)
