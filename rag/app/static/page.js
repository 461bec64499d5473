"use strict";
// What the page does in the browser beside Gradio.
const yinju = (() => {
  // The Enter that ends a composition confirms the input method's choice: the text box must neither send for it nor
  // break the line. Some browsers mark that key only on keydown (by code 229), so the keypress that follows is judged by
  // it.
  let composing = false;
  const hold = (event) => {
    if (event.type === "keydown") composing = event.isComposing || event.keyCode === 229;
    const inQuestion = event.target instanceof Element && event.target.closest("#question");
    if (!inQuestion || event.key !== "Enter" || !(composing || event.isComposing)) return;
    event.stopImmediatePropagation();
    if (event.type === "keypress") event.preventDefault();
  };
  for (const type of ["keydown", "keypress"]) window.addEventListener(type, hold, true);

  // The question in the address of the page, "" without one.
  const linked = () => new URLSearchParams(location.search).get("q") || "";

  const link = (question) => {
    const address = new URL(location.href);
    address.searchParams.set("q", question);
    address.hash = "";
    return address.href;
  };

  // Without HTTPS a browser has no clipboard for pages of other machines; the old way still works there.
  const copy = async (text) => {
    if (navigator.clipboard && window.isSecureContext) {
      try {
        return await navigator.clipboard.writeText(text);
      } catch (refused) {
        console.warn(refused);
      }
    }
    const box = document.createElement("textarea");
    box.value = text;
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  };

  const copied = async (button) => {
    button.dataset.said ??= button.textContent;
    await copy("link" in button.dataset ? link(button.dataset.link) : button.dataset.copy);
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = button.dataset.said; }, 1500);
  };

  const ask = (question) => {
    const box = document.querySelector("#question textarea");
    box.value = question;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    setTimeout(() => document.querySelector("#ask").click());
  };

  // The address of an article at which an answer to the question can be marked.
  const about = (href, question) => {
    const address = new URL(href);
    if (!address.searchParams.has("q")) address.searchParams.set("q", question);
    return address.href;
  };

  // The article opens over the page, which stays as it is; a click with a key held opens it in a tab as any link.
  const open = (href) => {
    const dialog = document.createElement("dialog");
    dialog.className = "article-dialog";
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = document.documentElement.lang.startsWith("zh") ? "关闭" : "Close";
    close.addEventListener("click", () => dialog.close());
    const frame = document.createElement("iframe");
    frame.title = document.documentElement.lang.startsWith("zh") ? "文章" : "Article";
    frame.src = href;
    dialog.append(close, frame);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  };

  // The server refuses files that are too large together before the page hears of them, so they are told so here.
  const weigh = (event) => {
    const said = document.querySelector("#too-much");
    const files = event.type === "drop" ? event.dataTransfer.files : event.target.files;
    if (!said || !files || !event.target.closest("#upload")) return;
    said.hidden = [...files].reduce((bytes, file) => bytes + file.size, 0) <= Number(said.dataset.most);
    if (said.hidden) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.type === "change") event.target.value = "";
  };
  for (const type of ["change", "drop"]) window.addEventListener(type, weigh, true);

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element && event.target.closest("button.copy, [data-ask], a.open");
    if (!target) return;
    if (target.matches("a") && linked()) target.href = about(target.href, linked());
    if (target.matches("button.copy")) copied(target);
    else if (target.matches("[data-ask]")) ask(target.dataset.ask);
    else if (!event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
      event.preventDefault();
      open(target.href);
    }
  });

  return {
    address: (question) => { if (question.trim()) history.replaceState(null, "", link(question)); },
    asked: (typed) => linked() || typed,
    linked,
    mark: () => { const first = document.querySelector("#result a.open"); if (first) open(first.href); },
    speak: (language) => { document.documentElement.lang = language; },
  };
})();
