"""The frame of every page and the small pieces that pages share.

What lives here: head, header, search form, badges, times. What does not: the pages (`search_page.py`, `file_page.py`,
`state_pages.py`, `reference_page.py`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from urllib.parse import quote, urlencode

from .html import Child, Safe, tag, text

ASSETS = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
FILTERS = (("repo", "repository"), ("language", "language"), ("kind", "kind"), ("path", "path"), ("ref", "ref"))
KINDS = ("function", "method", "class", "struct", "interface", "trait", "enum", "type", "constant", "field", "module",
         "macro", "section", "block")  # fmt: skip


KEYS = (
    ("/", "to the search field"), ("↓", "from the search field to the first hit"), ("j ↓", "next hit"),
    ("k ↑", "previous hit"), ("Enter", "open the hit"), ("Esc", "leave the field, or the hit"), ("?", "this list"),
)  # fmt: skip


@dataclass(frozen=True)
class PageQuery:
    """What a page was asked for: the query, its filters, how many hits."""

    query: str = ""
    repo: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    ref: tuple[str, ...] = ()
    limit: int = 10

    def url(self, **changes: object) -> str:
        """The search page's address with some fields changed."""
        fields: list[tuple[str, object]] = [("q", changes.get("query", self.query))]
        for name, _ in FILTERS:
            values = changes.get(name, getattr(self, name))
            fields += [(name, value) for value in values]  # type: ignore[attr-defined]
        limit = changes.get("limit", 10)
        fields += [("limit", limit)] if limit != 10 else []
        return "/?" + urlencode([(name, value) for name, value in fields if value])

    @property
    def filters(self) -> list[tuple[str, str]]:
        """The filters in force, as pairs of name and value."""
        return [(name, value) for name, _ in FILTERS for value in getattr(self, name)]


@lru_cache(maxsize=8)
def asset(name: str) -> tuple[bytes, str]:
    """An asset's bytes and the tag of its content."""
    body = resources.files(__package__).joinpath("page", name).read_bytes()
    return body, hashlib.sha256(body).hexdigest()[:12]


def asset_url(name: str) -> str:
    """The address of a packaged file, which changes with its content."""
    return f"/assets/{name}?v={asset(name)[1]}"


def page(
    title: str,
    *body: Child,
    page_query: PageQuery | None = None,
    languages: Sequence[str] = (),
    repositories: Sequence[str] = (),
    refresh: int | None = None,
    start: bool = False,
) -> str:
    """A whole page. `refresh`: seconds after which a browser asks again by itself. `start`: there to type a query."""
    page_query = page_query or PageQuery()
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="refresh", content=refresh) if refresh else None,
        tag("title", f"{title} · Code Index" if title else "Code Index"),
        tag("link", rel="icon", href=asset_url("icon.svg")),
        tag("link", rel="stylesheet", href=asset_url("page.css")),
        tag("script", src=asset_url("page.js")),
    )
    skip = tag("a", "Skip to content", href="#content", class_="skip")
    content = text(body)
    # Every page has one heading of the first level, where its design shows none too.
    heading = None if "<h1" in content else tag("h1", title or "Code Index", class_="unseen")
    main = tag("main", heading, content, id="content", tabindex="-1")
    return "<!doctype html>\n" + tag(
        "html", head, tag("body", skip, _header(page_query, languages, repositories, start), main, _footer()), lang="en"
    )


def _header(page_query: PageQuery, languages: Sequence[str], repositories: Sequence[str], start: bool) -> Safe:
    brand = tag("a", tag("span", "Code", class_="brand-a"), tag("span", "Index"), href="/", class_="brand")
    words = tag(
        "input", type="search", name="q", id="q", value=page_query.query, autocomplete="off", spellcheck="false",
        placeholder="Words, names, a path, a question", aria_label="Search", autofocus=start,
        autocapitalize="none", maxlength=4000,
    )  # fmt: skip
    box = tag("div", words, tag("kbd", "/", title="press / to search"), class_="box")
    form = tag(
        "form", tag("div", box, tag("button", "Search", type="submit"), class_="row"),
        _filter_fields(page_query, languages, repositories, start),
        action="/", method="get", role="search", class_="search",
    )  # fmt: skip
    links = tag(
        "nav", tag("a", "Repositories", href="/repositories"), tag("a", "API", href="/docs"),
        tag("button", tag("span", "◐", aria_hidden="true"), type="button", id="theme", hidden=True,
            title="light or dark", aria_label="Switch between light and dark"),
        aria_label="Pages",
    )  # fmt: skip
    return tag("header", tag("div", brand, form, links, class_="bar"))


def _filter_fields(page_query: PageQuery, languages: Sequence[str], repositories: Sequence[str], start: bool) -> Safe:
    def field(name: str, label: str, hint: str, *, options: str | None = None) -> Safe:
        value = ", ".join(getattr(page_query, name))
        return tag(
            "label", tag("span", label),
            tag("input", name=name, value=value, placeholder=hint, list=options, autocomplete="off",
                autocapitalize="none", spellcheck="false", maxlength=1000),
        )  # fmt: skip

    def select(name: str, label: str, options: Sequence[str]) -> Safe:
        chosen = getattr(page_query, name)
        rows = [tag("option", "any", value="")]
        if len(chosen) > 1:  # more than one was chosen by its address: kept as it is
            joined = ",".join(chosen)
            rows.append(tag("option", joined, value=joined, selected=True))
        rows += [tag("option", one, value=one, selected=chosen == (one,)) for one in dict.fromkeys((*options, *chosen))]
        return tag("label", tag("span", label), tag("select", *rows, name=name))

    lists = tag("datalist", *(tag("option", value=name) for name in repositories[:1000]), id="repositories")
    return tag(
        "details",
        tag("summary", "Filters"),
        tag(
            "div", field("repo", "Repository", "owner/name", options="repositories"),
            select("language", "Language", languages), select("kind", "Kind", KINDS),
            field("path", "Path", "src/** or a folder"), field("ref", "Ref", "default"),
            class_="fields",
        ),
        lists,
        class_="filters",
        open=bool(page_query.filters) and bool(page_query.query or start),
    )  # fmt: skip


def _footer() -> Safe:
    keys = [("/", "search"), ("j k", "move"), ("Enter", "open"), ("Esc", "leave"), ("?", "all keys")]
    hints = [tag("span", tag("kbd", key), f" {what}") for key, what in keys]
    rows = [tag("tr", tag("td", *(tag("kbd", one) for one in key.split())), tag("td", what)) for key, what in KEYS]
    table = tag("table", tag("thead", tag("tr", tag("th", "Key", scope="col"), tag("th", "What it does", scope="col"))),
                tag("tbody", *rows))  # fmt: skip
    close = tag("form", tag("button", "Close", type="submit"), method="dialog")
    help_ = tag("dialog", tag("h2", "Keys", id="keys-title"), table, close, id="keys", aria_labelledby="keys-title")
    return tag("footer", tag("div", *hints, class_="keys"), help_)


# -- pieces ------------------------------------------------------------------------------------------------------------


def file_url(repository: str, path: str, start: int | None = None, end: int | None = None, ref: str = "") -> str:
    """The file page's address, at its lines. `ref` only where it is not the default one."""
    options = ([("ref", ref)] if ref else []) + ([("lines", f"{start}-{end or start}")] if start else [])
    query = f"?{urlencode(options)}" if options else ""
    return f"/file/{quote(repository)}/{quote(path)}{query}" + (f"#L{start}" if start else "")


def ago(at: float | None, now: float | None = None) -> Safe:
    """How long ago, with the exact time to hover over."""
    if at is None:
        return tag("span", "never")
    seconds = max((time.time() if now is None else now) - at, 0)
    age = "just now"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            age = f"{int(seconds // size)} {unit} ago"
            break
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    return tag("time", age, datetime=stamp, title=stamp.replace("T", " "))


def prose(words: str) -> Safe:
    """Words in which `code` stands between backticks."""
    parts = words.split("`")
    return text([tag("code", part) if number % 2 else part for number, part in enumerate(parts)])


def outside_link(url: str) -> Safe:
    """A link to a code host, by its name."""
    return tag("a", f"{url.split('/')[2]} ↗", href=url, rel="noreferrer noopener")


def code_text(line: Safe) -> Safe:
    """A line of code in a separate box: tabs count from its edge, not from the line number's."""
    return tag("span", line, "\n", class_="tx")


STATES = {
    "current": ("current", "The published commit is the last one seen of its ref."),
    "behind": ("behind", "The ref has moved on since the published commit."),
    "unknown": ("unknown", "Where the ref is now has not been looked at."),
    "indexing": ("indexing", "A run is at work or waits."),
    "failed": ("failed", "The last run failed; what was published before answers."),
    "not_indexed": ("not indexed", "Nothing of it is published."),
}


def state_badge(state: str) -> Safe:
    """The state of a repository as a coloured word."""
    word, meaning = STATES.get(state, (state, ""))
    return tag("span", word, class_=f"badge state-{state.replace('_', '-')}", title=meaning)


def notice(kind: str, title: str, *body: Child) -> Safe:
    """A box: "error", "warn" or "info"."""
    return tag(
        "section", tag("h2", title), *body, class_=f"notice {kind}", role="alert" if kind == "error" else "status"
    )


def skipped_files(coverage: dict[str, object]) -> int:
    """How many files were left out."""
    left_out = coverage.get("skipped")
    return sum(left_out.values()) if isinstance(left_out, dict) else 0
