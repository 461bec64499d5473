"""The words on the page that follow the interface language."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from rag.app.texts import TEXTS, Language

Labelled = gr.Tab | gr.Accordion | gr.Textbox | gr.File | gr.Dropdown


class Words:
    """The components whose words are those of the interface language."""

    def __init__(self, language: gr.Radio) -> None:
        self.language = language
        self.components: list[gr.blocks.Block] = []
        self._say: list[Callable[[Language], Any]] = []

    def add(self, component: gr.blocks.Block, say: Callable[[Language], Any]) -> None:
        """Has `component` updated with what `say` returns for the language switched to."""
        self.components.append(component)
        self._say.append(say)

    def add_text(self, component: gr.blocks.Block, name: str) -> None:
        """Has `component` show the text of that name."""
        self.add(component, lambda language: TEXTS[language][name])

    def add_label(self, component: Labelled, name: str) -> None:
        """Has `component` labelled with the text of that name."""
        self.add(component, lambda language: type(component)(label=TEXTS[language][name]))

    def speak(self, language: Language) -> list[Any]:
        """The updates of all components for a language."""
        return [say(language) for say in self._say]
