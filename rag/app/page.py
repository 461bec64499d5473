"""The page: a head with the language switch, and the tabs."""

import os
import sys
from typing import Any

import gradio as gr

from rag.app.api import Service, register
from rag.app.articles import build_articles
from rag.app.ask import build_ask
from rag.app.desk import Desk
from rag.app.quality import build_quality
from rag.app.render import render_header
from rag.app.texts import TEXTS, Language, preferred_language
from rag.app.words import Words

NAMES: dict[Language, str] = {"zh": "中文", "en": "English"}


def build_app(desk: Desk) -> gr.Blocks:
    """The page over a collection, with its endpoints for scripts."""
    # Gradio tallies all its events after each one, slower with every question; nothing here reads the tally.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(sys.maxsize))
    page = gr.Blocks(title="引据 Yinju", analytics_enabled=False, delete_cache=(3600, 3600))
    private: dict[str, Any] = {"api_visibility": "private"}
    with page:
        with gr.Row(elem_id="head"):
            header = gr.HTML(render_header("zh"), apply_default_css=False)
            language = gr.Radio(
                [(name, code) for code, name in NAMES.items()],
                value="zh",
                label="语言 Language",
                show_label=False,
                container=False,
                elem_id="language",
            )
        words = Words(language)
        words.add(header, render_header)
        with gr.Tabs(elem_id="tabs"):
            greet_tabs = []
            for name, build in (("ask", build_ask), ("articles", build_articles), ("quality", build_quality)):
                tab = gr.Tab(TEXTS["zh"][f"tab_{name}"], id=name, elem_id=f"tab-{name}")
                words.add_label(tab, f"tab_{name}")
                with tab:
                    greet_tabs.append(build(desk, words))

        def greet(request: gr.Request) -> list[Any]:
            preferred = preferred_language(request.headers.get("accept-language", ""))
            return [preferred, *words.speak(preferred)]

        greeted = page.load(greet, None, [language, *words.components], show_progress="hidden", **private)
        for greet_tab in greet_tabs:
            greet_tab(greeted)
        for spoken_in in (greeted.then, language.change):
            spoken_in(None, language, js="language => yinju.speak(language)", **private)
        language.input(words.speak, language, words.components, show_progress="hidden", **private)
        register(Service(desk))
    return page
