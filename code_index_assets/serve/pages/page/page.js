// What the page does beyond plain HTML: keyboard, light or dark, ranges of lines. Everything works without it.
"use strict";

(function theme() {
  const root = document.documentElement;
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const apply = (name) => { if (name) root.dataset.theme = name; };
  apply(stored());
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      const dark = root.dataset.theme
        ? root.dataset.theme === "dark"
        : matchMedia("(prefers-color-scheme: dark)").matches;
      const chosen = dark ? "light" : "dark";
      apply(chosen);
      try { localStorage.setItem("theme", chosen); } catch { /* it lasts for this page */ }
    });
  });
})();

addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("q");
  const hits = Array.from(document.querySelectorAll(".hit[data-href]"));
  let at = -1;

  function select(next) {
    if (!hits.length) return;
    if (hits[at]) hits[at].classList.remove("selected");
    at = Math.max(0, Math.min(hits.length - 1, next));
    hits[at].classList.add("selected");
    hits[at].scrollIntoView({ block: "nearest" });
    const link = hits[at].querySelector("a");
    if (link) link.focus({ preventScroll: true });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = document.getElementById("keys");
    if (keys && keys.open) return; // the browser closes it with Esc
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "?" && !typing && keys) {
      event.preventDefault();
      keys.showModal();
      return;
    }
    if (event.key === "Escape") {
      event.target.blur();
      if (hits[at]) hits[at].classList.remove("selected");
      at = -1;
    } else if (event.key === "/" && !typing) {
      event.preventDefault();
      box.focus();
      box.select();
    } else if (event.key === "ArrowDown" && event.target === box && hits.length) {
      event.preventDefault();
      select(0);
    } else if (!typing && (event.key === "j" || (event.key === "ArrowDown" && at >= 0))) {
      event.preventDefault();
      select(at + 1);
    } else if (!typing && (event.key === "k" || (event.key === "ArrowUp" && at >= 0))) {
      event.preventDefault();
      select(at - 1);
    } else if (event.key === "Enter" && !typing && at >= 0 && event.target.tagName !== "A") {
      location.href = hits[at].dataset.href;
    }
  });

  // Empty fields do not belong into the address; a chosen filter asks at once.
  const form = document.querySelector("form.search");
  if (form) {
    form.addEventListener("submit", () => {
      for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
    });
    addEventListener("pageshow", () => { for (const field of form.elements) field.disabled = false; });
    for (const list of form.querySelectorAll("select")) {
      list.addEventListener("change", () => { if (box.value.trim()) form.requestSubmit(); });
    }
  }

  // A click on a line's number chooses it, with Shift the lines up to it; the address says which.
  const file = document.querySelector("pre.file");
  if (file) {
    let first = Number((location.hash.match(/^#L(\d+)/) || [])[1] || 0);
    const mark = (start, end) => {
      for (const line of file.querySelectorAll(".chosen")) line.classList.remove("chosen");
      for (let n = start; n <= end; n++) {
        const line = document.getElementById("L" + n);
        if (line) line.classList.add("chosen");
      }
    };
    file.addEventListener("click", (event) => {
      const link = event.target.closest("a.no");
      if (!link) return;
      event.preventDefault();
      const number = Number(link.textContent);
      const [start, end] = event.shiftKey && first ? [Math.min(first, number), Math.max(first, number)] : [number, number];
      if (!event.shiftKey) first = number;
      mark(start, end);
      const url = new URL(location.href);
      url.searchParams.set("lines", start === end ? String(start) : start + "-" + end);
      url.hash = "L" + start;
      history.replaceState(null, "", url);
    });
  }
});
