"use strict";
// The page of an article: scrolls to the marked place, and notes an answer that is selected.
(() => {
  const above = window.parent !== window && window.parent.document;
  const dark = above ? above.body.classList.contains("dark") : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.classList.toggle("dark", dark);
  const here = document.getElementById("here");
  if (here) (here.querySelector("mark") || here).scrollIntoView({ block: "center" });
  if (above) {
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") above.querySelector("dialog[open].article-dialog")?.close();
    });
  }

  const form = document.getElementById("marking");
  if (!form) return;

  // The place of an end of the selection in the text of its document, in code points.
  const place = (node, offset) => {
    const block = (node instanceof Element ? node : node.parentElement).closest("[data-start]");
    if (!block) return null;
    const before = document.createRange();
    before.setStart(block, 0);
    before.setEnd(node, offset);
    return { document: Number(block.dataset.document), at: Number(block.dataset.start) + [...before.toString()].length };
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = form.querySelector("output"), selection = getSelection();
    const range = selection.rangeCount && !selection.isCollapsed ? selection.getRangeAt(0) : null;
    const from = range && place(range.startContainer, range.startOffset);
    const to = range && place(range.endContainer, range.endOffset);
    if (!from || !to || from.document !== to.document) {
      said.textContent = form.dataset.nothing;
      return;
    }
    const { question, source, sha256 } = form.dataset;
    const answer = await fetch("mark", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ question, source, sha256, document: from.document, start: from.at, end: to.at }),
    });
    if (answer.ok) said.textContent = form.dataset.done + (await answer.json()).answers[0];
    else said.textContent = answer.status === 409 ? form.dataset.changed : form.dataset.failed;
  });
})();
