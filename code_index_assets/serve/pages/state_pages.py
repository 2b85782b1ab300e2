"""Pages that are not about code: the start page, repositories, errors, login.

What lives here: those pages. What does not: the frame (`page_layout.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from urllib.parse import quote, urlencode

from ...search.answers import RepositoryStatus
from ...search.files import FileRow
from ...sources.forge import repository_page
from ..http.problem_model import Problem
from .html import Safe, tag
from .page_layout import FILTERS, PageQuery, ago, notice, page, prose, skipped_files, state_badge
from .search_page import chips, languages_of, names_of, short

_SYNTAX = (
    ("retry with backoff", "words or a question"),
    ("HttpClient::send", "a name, qualified or not"),
    ("src/net/socket.rs", "a path or a file name"),
    ('"connection reset"', "a phrase as it stands"),
    ("timeout -test", "without a word"),
    ("lang:go kind:method close", "filters: repo: path: lang: kind: symbol: ref:"),
)
START_ROWS = 12


def start_page(page_query: PageQuery, statuses: Sequence[RepositoryStatus], points: int) -> str:
    """Before anything is asked: what is there, and how to ask."""
    known = {status.key: status for status in statuses}
    rows = [
        tag(
            "li",
            tag("a", tag("code", example), href=f"/?{urlencode({'q': example})}"),
            tag("span", meaning, class_="dim"),
        )
        for example, meaning in _SYNTAX
    ]
    chosen = [status for status in statuses if not page_query.repo or status.repository in page_query.repo]
    # What wants a look first, then in the registry's order.
    shown = sorted(chosen, key=lambda status: status.state == "current")[:START_ROWS]
    all_link = tag("a", f"all {len(statuses)}", href="/repositories") if len(statuses) > len(shown) else None
    counts = Counter(status.state for status in statuses)
    badges = [tag("span", f"{count} ", state_badge(state)) for state, count in counts.most_common()]
    body: list[Safe | None] = [
        chips(page_query),
        tag("section", tag("h2", "Ask for"), tag("ul", *rows, class_="syntax")),
        tag(
            "section",
            tag("h2", f"{len(statuses)} repositories, {points:,} chunks ", *badges, class_="with-badges"),
            status_table(shown),
            tag("p", all_link) if all_link else None,
        ),
    ]
    return page(
        "", *body, page_query=page_query, languages=languages_of(known), repositories=names_of(known), start=True
    )


def nothing_page(page_query: PageQuery, *, waiting: bool) -> str:
    """An index without anything in it."""
    if waiting:
        sentence = tag("p", "A run is at work. This page asks again by itself.")
        return page(
            "", notice("info", "The first repository is being indexed", sentence), page_query=page_query, refresh=5
        )
    steps = [tag("pre", tag("code", "code-index index https://github.com/owner/name")),
             tag("p", "or a folder of this machine:"),
             tag("pre", tag("code", "code-index index ~/src/project"))]  # fmt: skip
    return page("", notice("info", "Nothing is indexed yet", tag("p", "In a terminal:"), *steps), page_query=page_query)


def repositories_page(rows: Sequence[RepositoryStatus], text: str, total: int) -> str:
    """The page that lists repositories and their states."""
    find = tag(
        "form", tag("input", type="search", name="q", value=text, placeholder="part of the name", aria_label="Name"),
        tag("button", "Find", type="submit"), action="/repositories", method="get", class_="row",
    )  # fmt: skip
    shown = f"{len(rows):,} of {total:,}" if text else f"{total:,}"
    body = [tag("h1", f"Repositories: {shown}"), find]
    if rows:
        body.append(status_table(rows, detailed=True))
    else:
        body.append(notice("info", "None" if text else "Nothing is registered yet",
                           tag("p", tag("code", "code-index index <git URL or path>"))))  # fmt: skip
    return page("Repositories", *body)


def left_out_page(key: str, rows: Sequence[FileRow], total: int) -> str:
    """The page that lists files of a repository that are not in the index, and why."""
    counts = Counter(row.reason or row.status for row in rows)
    told = ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in counts.most_common())
    body = [tag("h1", f"{key}: {total:,} files left out")]
    if rows:
        shown = f"The first {len(rows):,}: " if total > len(rows) else ""
        head = tag("thead", tag("tr", *(tag("th", heading, scope="col") for heading in ("File", "Reason", "Detail"))))
        lines = [
            tag("tr", tag("td", tag("code", row.path)), tag("td", (row.reason or row.status).replace("_", " ")),
                tag("td", row.detail or ""))
            for row in rows
        ]  # fmt: skip
        body.append(tag("p", f"{shown}{told}"))
        body.append(tag("div", tag("table", head, tag("tbody", *lines)), class_="scroll", tabindex="0"))
    else:
        body.append(notice("info", "None", tag("p", "Every file of the commit is in the index.")))
    return page(f"{key}: files left out", *body)


def status_table(rows: Sequence[RepositoryStatus], *, detailed: bool = False) -> Safe:
    """The states of repositories as a table."""
    heads = ["Repository", "State", "Commit", "Indexed", "Head seen", "Files", "Chunks"]
    head = tag("thead", tag("tr", *(tag("th", heading, scope="col") for heading in heads)))
    body = [part for row in rows for part in _status_row(row, detailed)]
    return tag("div", tag("table", head, tag("tbody", *body), class_="states"), class_="scroll", tabindex="0")


def _status_row(row: RepositoryStatus, detailed: bool) -> list[Safe]:
    ref = None if row.default_ref or not row.ref else tag("span", f"@{row.ref}", class_="dim")
    options = {"repo": row.repository} | ({"ref": row.ref} if ref is not None and row.ref else {})
    host = repository_page(row.location)
    outside = tag("a", " ↗", href=host, rel="noreferrer noopener", aria_label="on the host") if host else None
    left_out = skipped_files(row.coverage)
    files = f"{row.coverage.get('kept', 0):,}"
    options_left = urlencode(options)
    left = tag("a", f" (+{left_out:,} left out)", href=f"/left-out?{options_left}") if left_out else None
    also = state_badge(row.published) if row.state in ("indexing", "failed") and row.published else None
    cells = [
        tag("td", tag("a", row.repository, href=f"/?{urlencode(options)}"), ref, outside),
        tag("td", state_badge(row.state), also),
        tag("td", tag("code", short(row.label)) if row.label else "–", title=row.commit),
        tag("td", ago(row.indexed_at) if row.indexed_at else "–"),
        tag("td", ago(row.head_seen_at)),
        tag("td", files if row.commit else "–", left if row.commit else None, class_="count"),
        tag("td", f"{row.points:,}" if row.commit else "–", class_="count"),
    ]
    lines = [tag("tr", *cells)]
    notes: list[Safe] = []
    if row.why:
        notes.append(tag("span", row.why))
    reasons = row.coverage.get("skipped") or {}
    if detailed and reasons:
        reasons_text = ", ".join(
            f"{reason.replace('_', ' ')} {count:,}" for reason, count in list(reasons.items())[:12]
        )
        notes.append(tag("span", f"left out: {reasons_text}"))
    if notes:
        lines.append(tag("tr", tag("td", *notes, colspan=7), class_="note"))
    return lines


def problem_page(page_query: PageQuery, body: Problem) -> str:
    """An error as a page; while something is still being indexed, the page asks again by itself."""
    waiting = body.state == "indexing"
    titles = {
        "indexing": "Still indexing",
        "left_out": "This file is not in the index",
        "failed": "Its last run failed",
    }
    title = titles.get(body.state, body.title)
    remedy = tag("p", tag("b", "What to do: "), prose(body.remedy)) if body.remedy else None
    kind = "info" if waiting else "error"
    again = tag("p", "This page asks again by itself.", class_="dim") if waiting else None
    rest = [tag("a", "repositories", href="/repositories")]
    if page_query.filters:
        clear = page_query.url(**{name: () for name, _ in FILTERS})
        rest.append(tag("a", "search without the filters", href=clear))
    links = tag("p", *rest, class_="links")
    box = notice(kind, title, tag("p", body.detail), remedy, again, links)
    return page(title, chips(page_query), box, page_query=page_query, refresh=5 if waiting else None)


def login_page(following: str, *, wrong: bool = False) -> str:
    """The page that takes a token."""
    refusal = tag("p", "That is none of this server's tokens.", class_="wrong", role="alert") if wrong else None
    form = tag(
        "form",
        tag("label", tag("span", "Token"), tag("input", type="password", name="token", required=True, autofocus=True,
                                               autocomplete="current-password")),
        tag("button", "Enter", type="submit"), refusal,
        action=f"/login?next={quote(following, safe='')}", method="post", class_="login",
    )  # fmt: skip
    sentence = tag("p", "This server is asked with one of the tokens of CODE_INDEX_TOKENS.", class_="dim")
    return page("Enter", tag("h1", "A token is needed"), sentence, form)
