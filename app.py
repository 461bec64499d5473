"""The Yinju app: one page that asks the articles and shows the answer in the words of its sources.

    python app.py --port 7860

What articles say keeps its words and is set in serif; what the app says is set in sans, in Chinese or English.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from html import escape
from typing import Any, Literal

import gradio as gr
from gradio.events import api

import rag

Language = Literal["zh", "en"]
Shown = rag.Answer | rag.RagError | Literal["start", "empty"]  # what the result area shows; a word is a key of TEXTS

CONCURRENCY = 4  # questions answered at once; a handful keeps two cores busy, the others wait in the queue
EXAMPLES = (
    "2022年杭州的生产总值是多少？",
    "产城融合的核心是什么？",
    "钱塘区有多少常住人口？",
    "What is Hangzhou's GDP growth target for 2023?",
    "How many universities are there in Qiantang?",
)

# ---------------------------------------------------------------------------------------------------------- Words

TEXTS: dict[Language, dict[str, str]] = {
    "zh": {
        "html_lang": "zh-Hans",
        "tagline": "用文章的原话作答，指明出处，绝不编造。",
        "question": "你的问题",
        "placeholder": "例如：2022年杭州的生产总值是多少？",
        "info": "按 Enter 提问，按 Shift+Enter 换行",
        "ask": "提问",
        "examples": "试试这些问题",
        "start": "",
        "empty": "问题是空的。请先写下你想问的，再提问。",
        "error": "这个问题没法处理。",
        "asked": "问",
        "answer": "答案",
        "confidence": "把握：{words}（{percent}）",
        "high": "很可能答对了",
        "middle": "可能答对了，请对照原文",
        "low": "不太有把握，请务必对照原文",
        "confidence_note": "系统估计这段话正好回答了问题的概率；文章本身说得对不对，它不知道。",
        "citations": "出处",
        "alternatives": "其他可能的答案（{count}）",
        "abstained": "没有找到答案",
        "no_candidates": "这些文章里没有与问题相关的段落。可以换个说法，或者把问题写得更具体。",
        "no_span": "找到了相关的段落，但其中没有一句话能回答这个问题。",
        "low_confidence": "找到了相关的段落，但最接近的一处正好回答问题的把握只有 {percent}，不足以当作答案。",
        "closest": "最接近的段落，不是答案",
        "closest_badge": "不是答案",
        "untitled": "（无标题）",
        "section": "小节",
        "date": "日期",
        "publisher": "来源",
        "file": "文件",
        "paragraph": "段落",
        "paragraph_number": "第 {number} 段",
        "offsets": "原文件位置",
        "offsets_note": "引文在原文件中的字符位置：从 0 数起，含起点，不含终点",
    },
    "en": {
        "html_lang": "en",
        "tagline": "Answers in the articles' own words, and shows where they stand. It makes nothing up.",
        "question": "Your question",
        "placeholder": "For example: What was Hangzhou's GDP in 2022?",
        "info": "Enter asks, Shift+Enter starts a new line",
        "ask": "Ask",
        "examples": "Try one of these",
        "start": "",
        "empty": "The question is empty. Write what you want to know, then ask.",
        "error": "This question cannot be answered.",
        "asked": "Asked",
        "answer": "Answer",
        "confidence": "Confidence: {words} ({percent})",
        "high": "very likely right",
        "middle": "likely right; compare with the source",
        "low": "unsure; do compare with the source",
        "confidence_note": "An estimate of how probable it is that these words answer the question. "
        "Whether the article itself is right, it cannot know.",
        "citations": "Sources",
        "alternatives": "Other possible answers ({count})",
        "abstained": "No answer found",
        "no_candidates": "No passage of these articles has to do with the question. Try other words, or say more.",
        "no_span": "There are related passages, but no sentence in them answers the question.",
        "low_confidence": "There are related passages, but the closest one answers the question with a probability of "
        "only {percent}: not enough to call it an answer.",
        "closest": "Closest passages, not an answer",
        "closest_badge": "not an answer",
        "untitled": "(no title)",
        "section": "Section",
        "date": "Date",
        "publisher": "Published by",
        "file": "File",
        "paragraph": "Paragraph",
        "paragraph_number": "no. {number}",
        "offsets": "Place in file",
        "offsets_note": "Characters of the quote in the file: counted from 0, start included, end not included",
    },
}


def preferred_language(accept_language: str) -> Language:
    """The interface language for an Accept-Language header: the better liked of Chinese and English.

    English for people who like neither, Chinese where there is no header.
    """
    liked: list[tuple[float, Language]] = []
    for entry in accept_language.lower().split(","):
        tag, _, weight = entry.strip().partition(";q=")
        language: Language | None = "zh" if tag.startswith("zh") else "en" if tag.startswith("en") else None
        if language:
            try:
                liked.append((float(weight or 1), language))
            except ValueError:
                continue
    if liked:
        return max(liked, key=lambda pair: pair[0])[1]
    return "en" if accept_language.strip() else "zh"


# ----------------------------------------------------------------------------------------------- From values to HTML


def render(shown: Shown, language: Language) -> str:
    """The result area as one block of HTML; everything from articles and questions in it is escaped.

    Its first element is always there and live, so that a screen reader speaks what changes in it.
    """
    texts = TEXTS[language]
    if isinstance(shown, rag.Answer):
        inside = render_answer(shown, language)
    elif isinstance(shown, rag.RagError):
        inside = _verdict(f'<p class="message">{texts["error"]}</p><p class="detail" lang="en">{_safe(shown)}</p>')
    else:
        inside = _verdict(f'<p class="message">{texts[shown]}</p>' if texts[shown] else "")
    return f'<div class="yinju" lang="{texts["html_lang"]}">{inside}</div>'


def render_answer(answer: rag.Answer, language: Language) -> str:
    """An answer with its sources, or an abstention with its reason and the closest passages."""
    texts = TEXTS[language]
    asked = f'<p class="asked"><span class="label">{texts["asked"]}</span> <bdi>{_safe(answer.question)}</bdi></p>'
    if not answer.answered:
        return _render_abstention(answer, asked, language)
    size = " long" if len(answer.text) > 30 else ""
    return (
        _verdict(
            f"{asked}"
            f'<h2 class="label">{texts["answer"]}</h2><p class="answer{size}" lang="zh">{_safe(answer.text)}</p>'
            f"{_confidence(answer.confidence, language)}"
        )
        + f'<section class="citations"><h2>{texts["citations"]}</h2>{_citations(answer.citations, language)}</section>'
        + _render_alternatives(answer.alternatives, language)
    )


def _render_abstention(answer: rag.Answer, asked: str, language: Language) -> str:
    texts = TEXTS[language]
    reason = texts[answer.reason or "no_span"].format(percent=_percent(answer.confidence))
    html = _verdict(f'{asked}<p class="abstained">{texts["abstained"]}</p><p class="reason">{reason}</p>')
    closest = [citation for other in answer.alternatives for citation in other.citations]
    if answer.reason == "low_confidence" and closest:
        html += (
            f'<section class="closest"><h2>{texts["closest"]}</h2>'
            f"{_citations(closest, language, badge=texts['closest_badge'])}</section>"
        )
    return html


def _render_alternatives(alternatives: Sequence[rag.Alternative], language: Language) -> str:
    if not alternatives:
        return ""
    items = "".join(
        f'<li><p class="answer other" lang="zh">{_safe(other.text)}</p>{_confidence(other.confidence, language)}'
        f"{_citations(other.citations, language)}</li>"
        for other in alternatives
    )
    summary = TEXTS[language]["alternatives"].format(count=len(alternatives))
    return f'<details class="alternatives"><summary>{summary}</summary><ol>{items}</ol></details>'


def _citations(citations: Sequence[rag.Citation], language: Language, badge: str = "") -> str:
    return "".join(render_citation(citation, language, badge) for citation in citations)


def render_citation(citation: rag.Citation, language: Language, badge: str = "") -> str:
    """A passage with the quote highlighted in place, and where it comes from.

    With a `badge` the passage is no source of an answer: the badge says so and the words are underlined only.
    """
    texts, passage = TEXTS[language], citation.passage
    before, after = passage[: citation.quote_start], passage[citation.quote_end :]
    quote = f'<span class="near">{_safe(citation.quote)}</span>' if badge else f"<mark>{_safe(citation.quote)}</mark>"
    label = f'<span class="badge">{badge}</span> ' if badge else ""
    facts = (
        ("section", _safe(citation.section)),
        ("date", _safe(citation.date or "")),
        ("publisher", _safe(citation.publisher or "")),
        ("file", f"<code>{_safe(citation.source)}</code>"),
        ("paragraph", texts["paragraph_number"].format(number=citation.paragraph)),
        ("offsets", f'<code title="{texts["offsets_note"]}">[{citation.start}, {citation.end})</code>'),
    )
    rows = "".join(f"<div><dt>{texts[name]}</dt><dd><bdi>{value}</bdi></dd></div>" for name, value in facts if value)
    title = f'<bdi lang="zh">{_safe(citation.title)}</bdi>' if citation.title else texts["untitled"]
    return (
        f'<figure class="citation"><figcaption>{label}<cite>{title}</cite></figcaption>'
        f'<blockquote lang="zh">{_safe(before)}{quote}{_safe(after)}</blockquote><dl>{rows}</dl></figure>'
    )


def _verdict(inside: str) -> str:
    return f'<section class="verdict" aria-live="polite" aria-atomic="true">{inside}</section>'


def _confidence(confidence: float, language: Language) -> str:
    texts = TEXTS[language]
    level = "high" if confidence >= 0.9 else "middle" if confidence >= 0.7 else "low"
    said = texts["confidence"].format(words=texts[level], percent=_percent(confidence))
    return f'<p class="confidence {level}" title="{texts["confidence_note"]}">{said}</p>'


def _percent(confidence: float) -> str:
    """Rounded down, so that it never says more than the system knows; never 0 % and never 100 %."""
    percent = min(int(confidence * 100), 99)
    return f"{percent}%" if percent else "&lt;1%"


def _safe(text: object) -> str:
    """Text for HTML: escaped, and lone surrogates, which no page can carry, replaced."""
    return escape(str(text).encode("utf-8", "replace").decode())


def render_header(language: Language) -> str:
    """The head of the page."""
    texts = TEXTS[language]
    return (
        f'<header class="yinju" lang="{texts["html_lang"]}"><h1><span lang="zh">引据</span> '
        f'<span class="latin" lang="en">Yinju</span></h1><p>{texts["tagline"]}</p></header>'
    )


# ------------------------------------------------------------------------------------------------------------- Looks

SANS = ["Source Han Sans SC", "Noto Sans CJK SC", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "sans-serif"]
MONO = ["Cascadia Mono", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace"]

THEME = gr.themes.Base(
    primary_hue="red", neutral_hue="stone", radius_size="md", text_size="lg", font=SANS, font_mono=MONO
).set(
    body_background_fill="#f8f6f1",
    body_background_fill_dark="#17181a",
    body_text_color="#24211d",
    body_text_color_dark="#e9e6e0",
    body_text_color_subdued="#655f57",
    body_text_color_subdued_dark="#a8a299",
    block_background_fill="transparent",
    block_background_fill_dark="transparent",
    block_border_color="#e0dacd",
    block_border_color_dark="#3a3d42",
    block_border_width="0px",
    button_border_width="1px",
    input_border_width="1px",
    checkbox_background_color_selected="#9d2a22",
    checkbox_background_color_selected_dark="#b23a31",
    checkbox_border_color_selected="#9d2a22",
    checkbox_border_color_selected_dark="#b23a31",
    block_label_text_color="#655f57",
    block_label_text_color_dark="#a8a299",
    block_title_text_color="#24211d",
    block_title_text_color_dark="#e9e6e0",
    input_background_fill="#ffffff",
    input_background_fill_dark="#17181a",
    input_border_color="#b9b1a3",
    input_border_color_dark="#5b5f66",
    input_border_color_focus="#9d2a22",
    input_border_color_focus_dark="#f0897f",
    input_placeholder_color="#756e65",
    input_placeholder_color_dark="#969087",
    button_primary_background_fill="#9d2a22",
    button_primary_background_fill_hover="#842019",
    button_primary_background_fill_dark="#b23a31",
    button_primary_background_fill_hover_dark="#c2483f",
    button_primary_border_color="transparent",
    button_primary_border_color_dark="transparent",
    button_primary_text_color="#ffffff",
    button_primary_text_color_dark="#ffffff",
    button_secondary_background_fill="#fffefb",
    button_secondary_background_fill_hover="#f1ece1",
    button_secondary_background_fill_dark="#202225",
    button_secondary_background_fill_hover_dark="#2c2f33",
    button_secondary_text_color="#24211d",
    button_secondary_text_color_dark="#e9e6e0",
    button_secondary_border_color="#d5cdbd",
    button_secondary_border_color_dark="#4a4e54",
    border_color_accent="#9d2a22",
    border_color_accent_dark="#f0897f",
)

CSS = """
:root { --seal: #9d2a22; --mark: #ffe28a; --mark-ink: #24211d; --edge: #e0dacd; --soft: #655f57; --paper: #fffefb;
  --high: #1d6b3c; --middle: #7a5200; --low: #9d2a22;
  --serif: "Source Han Serif SC", "Noto Serif CJK SC", "Songti SC", STSong, "Microsoft YaHei", serif; }
.dark { --seal: #f0897f; --mark: #6d5410; --mark-ink: #fff6db; --edge: #3a3d42; --soft: #a8a299; --paper: #202225;
  --high: #7fd09b; --middle: #e9c26a; --low: #f0897f; }
.gradio-container { max-width: 54rem !important; margin: 0 auto !important; }
.gradio-container main { padding: 1.5rem clamp(.5rem, 3vw, 2rem) !important; }
:focus-visible { outline: 2px solid var(--seal) !important; outline-offset: 1px; }
#head { align-items: flex-end; flex-wrap: wrap-reverse; row-gap: .5rem; }
#head > :first-child { flex: 1 1 24rem; }
#language { width: max-content; min-width: 0 !important; flex: none; }
.form:has(#question) { overflow: visible; border: 0; background: none; box-shadow: none; }
#question { padding: 0; overflow: visible !important; }
.html-container:has(> * > .yinju) { padding: 0 !important; }
#ask { border: 0; align-self: flex-end; width: auto; min-width: min(100%, 10rem); }
footer .divider { display: none; }
header.yinju h1 { margin: 0; font: 700 2rem/1.3 var(--serif); }
header.yinju h1 > [lang=zh] { color: var(--seal); letter-spacing: .08em; }
header.yinju h1 .latin { font-size: 1.2rem; font-weight: 400; color: var(--soft); }
header.yinju p { margin: .25rem 0 0; color: var(--soft); }
#examples { gap: .5rem; }
#examples button { flex: 0 1 auto; min-width: 0; width: auto; padding: .4rem .8rem; text-align: start;
  white-space: normal; font-weight: 400; }
#examples-label p { margin: 0; color: var(--soft); }
.yinju { line-height: 1.75; overflow-wrap: anywhere; }
.yinju p { margin: 0; }
.yinju h2 { margin: 1.75rem 0 .75rem; font-size: 1.05rem; font-weight: 600; }
.yinju .label { margin: 0; font-size: .85rem; font-weight: 400; color: var(--soft); }
.yinju .verdict:not(:empty), .yinju .citation { padding: 1rem clamp(1rem, 3vw, 1.75rem);
  background: var(--paper); border: 1px solid var(--edge); border-radius: 8px; }
.yinju .verdict:not(:empty) { margin-top: .5rem; border-inline-start: 4px solid var(--seal); }
.yinju .asked { margin-bottom: .75rem; }
.yinju .answer { font: 700 clamp(1.5rem, 5vw, 1.9rem)/1.5 var(--serif); unicode-bidi: isolate; }
.yinju .answer.long { font-size: clamp(1.2rem, 4vw, 1.35rem); line-height: 1.7; }
.yinju .answer.other { font-size: 1.1rem; line-height: 1.7; }
.yinju .confidence { display: inline-block; margin: .5rem 0 0; font-size: .95rem; }
.yinju .confidence::before { content: "●"; margin-inline-end: .4em; }
.yinju .high { color: var(--high); } .yinju .middle { color: var(--middle); } .yinju .low { color: var(--low); }
.yinju .abstained, .yinju .message { font-size: 1.35rem; font-weight: 600; }
.yinju .detail, .yinju .reason { color: var(--soft); }
.yinju .citation { margin: 0 0 1rem; }
.yinju cite { font-style: normal; font-weight: 600; }
.yinju blockquote { margin: .5rem 0 .75rem; padding: 0; border: 0; font: 400 1.05rem/1.9 var(--serif); color: inherit;
  white-space: pre-wrap; unicode-bidi: isolate; }
.yinju mark { padding: .1em .05em; border-radius: 2px; background: var(--mark); color: var(--mark-ink);
  box-decoration-break: clone; -webkit-box-decoration-break: clone; }
.yinju dl { display: flex; flex-wrap: wrap; gap: .15rem 1.25rem; margin: 0; font-size: .85rem; color: var(--soft); }
.yinju dl div { display: flex; gap: .4em; }
.yinju dt { flex: none; } .yinju dt::after { content: ":"; } .yinju dt:lang(zh)::after { content: "："; }
.yinju dl div:lang(zh) { gap: 0; } .yinju dd { margin: 0; }
.yinju code { padding: 0; background: none; border: 0; font: .95em var(--font-mono); color: inherit; }
.yinju .closest .citation { border-style: dashed; background: none; }
.yinju .near { text-decoration: underline dotted var(--soft); text-underline-offset: .3em; }
.yinju .badge { padding: .1rem .5rem; border: 1px solid; border-radius: 99px; font-size: .8rem; color: var(--low); }
.yinju details { margin-top: 1.25rem; }
.yinju summary { cursor: pointer; padding: .35rem 0; font-weight: 600; }
.yinju details ol { margin: .5rem 0 0; padding-inline-start: 1.4rem; }
.yinju details li { margin-bottom: 1.5rem; }
.yinju details .citation { margin-top: .75rem; }
"""

# The Enter that ends a composition confirms the input method's choice: the text box must neither send for it nor break
# the line. Some browsers mark that key only on keydown (by code 229), so the keypress that follows is judged by it.
HEAD = """
<script>
(() => {
  let composing = false;
  const hold = (event) => {
    if (event.type === "keydown") composing = event.isComposing || event.keyCode === 229;
    const inQuestion = event.target instanceof Element && event.target.closest("#question");
    if (!inQuestion || event.key !== "Enter" || !(composing || event.isComposing)) return;
    event.stopImmediatePropagation();
    if (event.type === "keypress") event.preventDefault();
  };
  for (const type of ["keydown", "keypress"]) window.addEventListener(type, hold, true);
})();
</script>
"""

# -------------------------------------------------------------------------------------------------------------- Page


def build_app(engine: rag.Engine) -> gr.Blocks:
    """The page over an open engine, with the endpoint `/ask` for scripts."""

    def show(question: str, language: Language) -> tuple[Shown, str]:
        shown = _asked(engine, question)
        return shown, render(shown, language)

    def ask(question: str) -> dict[str, Any]:
        """Ask the articles. Returns the answer with its citations, as `Answer.to_dict()` does."""
        try:
            return engine.answer(question).to_dict()
        except rag.RagError as error:
            raise gr.Error(str(error), print_exception=False) from error

    # Gradio tallies all its events after each one, slower with every question; nothing here reads the tally.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(sys.maxsize))
    page = gr.Blocks(title="引据 Yinju", analytics_enabled=False)
    with page:
        shown = gr.State("start")
        with gr.Row(elem_id="head"):
            header = gr.HTML(render_header("zh"), apply_default_css=False)
            language = gr.Radio(
                [("中文", "zh"), ("English", "en")],
                value="zh",
                label="语言 Language",
                show_label=False,
                container=False,
                elem_id="language",
            )
        question = gr.Textbox(lines=1, max_lines=8, autofocus=True, elem_id="question", **_question_texts("zh"))
        send = gr.Button(TEXTS["zh"]["ask"], variant="primary", elem_id="ask")
        result = gr.HTML(render("start", "zh"), apply_default_css=False, elem_id="result")
        examples_label = gr.Markdown(TEXTS["zh"]["examples"], elem_id="examples-label")
        with gr.Row(elem_id="examples"):
            examples = [gr.Button(example, size="sm") for example in EXAMPLES]

        def speak(language: Language) -> dict[gr.blocks.Block, Any]:
            texts = TEXTS[language]
            return {
                header: render_header(language),
                question: gr.Textbox(**_question_texts(language)),
                send: texts["ask"],
                examples_label: texts["examples"],
            }

        def greet(request: gr.Request) -> dict[gr.blocks.Block, Any]:
            preferred = preferred_language(request.headers.get("accept-language", ""))
            return {language: preferred} | speak(preferred)

        def switch(language: Language, shown: Shown) -> dict[gr.blocks.Block, Any]:
            return speak(language) | {result: render(shown, language)}

        spoken = [header, question, send, examples_label]
        private: dict[str, Any] = {"api_visibility": "private"}
        asking: dict[str, Any] = {"concurrency_limit": CONCURRENCY, "concurrency_id": "ask"}

        greeted = page.load(greet, None, [language, *spoken], show_progress="hidden", **private)
        for spoken_in in (greeted.then, language.change):
            spoken_in(None, language, js="language => { document.documentElement.lang = language }", **private)
        language.input(switch, [language, shown], [result, *spoken], show_progress="hidden", **private)
        gr.on([send.click, question.submit], show, [question, language], [shown, result], **asking, **private)
        for button in examples:
            button.click(lambda text: text, button, question, show_progress="hidden", queue=False, **private).then(
                show, [question, language], [shown, result], **asking, **private
            )
        api(ask, api_name="ask", **asking)
    return page


def _asked(engine: rag.Engine, question: str) -> Shown:
    if not question.strip():
        return "empty"
    try:
        return engine.answer(question)
    except rag.RagError as error:
        return error


def _question_texts(language: Language) -> dict[str, Any]:
    texts = TEXTS[language]
    return {"label": texts["question"], "placeholder": texts["placeholder"], "info": texts["info"]}


def serve(engine: rag.Engine, host: str, port: int, *, wait: bool = True) -> gr.Blocks:
    """Serves the page, with `wait` until it is interrupted. Nothing in it calls a host other than this one.

    Raises:
        OSError: the port is taken.
    """
    page = build_app(engine)
    page.launch(
        server_name=host,
        server_port=port,
        prevent_thread_lock=True,
        theme=THEME,
        css=CSS,
        head=HEAD,
        footer_links=["api"],
        share=False,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        quiet=True,
    )
    if wait:
        sys.stdout.write(f"Yinju answers at {page.local_url} (Ctrl+C stops it)\n")
        sys.stdout.flush()
        page.block_thread()
    return page


def main(arguments: Sequence[str] | None = None) -> None:
    """Opens an index, by default `index/`, built from `seeds/` first where that is due, and serves the page."""
    parser = argparse.ArgumentParser(description="Ask the articles in a browser.")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s, this computer only)"
    )
    parser.add_argument("--port", type=int, default=7860, help="port to listen on (default: %(default)s)")
    parser.add_argument("--index", metavar="DIR", help="an index that was built (default: index/)")
    options = parser.parse_args(arguments)
    try:
        engine = rag.open(options.index)
        engine.answer(EXAMPLES[0])  # loads what is loaded late, before the first visitor
    except rag.RagError as error:
        sys.exit(f"app.py: {error}")
    try:
        serve(engine, options.host, options.port)
    except (OSError, OverflowError):
        sys.exit(f"app.py: cannot listen on {options.host}, port {options.port}; choose another with --host or --port")


if __name__ == "__main__":
    main()
