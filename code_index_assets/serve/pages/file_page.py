"""The file page: a file as indexed, its lines to be linked to; and the page of a name: definitions and references.

What lives here: those pages. What does not: the frame (`page_layout.py`), reading (`search/files.py`).
"""

from __future__ import annotations

import re
from itertools import groupby
from urllib.parse import urlencode

from ...search.answers import FileText, Reference, References, RepositoryStatus, SymbolHit
from ...search.outcome import SearchOutcome
from ...sources.forge import file_page as forge_page
from ...sources.forge import repository_page
from .highlight import highlighted
from .html import Safe, tag
from .page_layout import PageQuery, ago, code_text, file_url, notice, outside_link, page, state_badge

PAGE_LINES = 3000
_RANGE = re.compile(r"(\d{1,8})(?:-(\d{1,8}))?")


def line_range(text: str) -> tuple[int, int] | None:
    """`10` or `10-20` as lines, None for anything else."""
    match = _RANGE.fullmatch(text)
    if not match or int(match[1]) < 1:
        return None
    return int(match[1]), max(int(match[2] or match[1]), int(match[1]))


def window(chosen: tuple[int, int] | None) -> tuple[int, int]:
    """The lines to show so that those wanted are among them."""
    if chosen is None or chosen[0] <= PAGE_LINES - 100:
        return 1, PAGE_LINES
    start = chosen[0] - 200
    return start, start + PAGE_LINES - 1


def file_view(file: FileText, status: RepositoryStatus | None, lines_chosen: tuple[int, int] | None, ref: str) -> str:
    """The page of a file, or of a part of a long one."""
    lines = [
        _line(file.start_line + offset, line, lines_chosen)
        for offset, line in enumerate(highlighted(file.text, file.language))
    ]
    body = [
        _head(file, status, lines_chosen, ref),
        _part(file, ref),
        tag("pre", tag("code", *lines), class_="file", tabindex="0", aria_label=f"content of {file.path}"),
        _part(file, ref),
    ]
    title = file.path.rsplit("/", 1)[-1]
    return page(f"{title} · {file.repository}", *body, page_query=PageQuery(repo=(file.repository,)))


def _line(number: int, line: Safe, lines_chosen: tuple[int, int] | None) -> Safe:
    chosen = lines_chosen is not None and lines_chosen[0] <= number <= lines_chosen[1]
    link = tag("a", number, href=f"#L{number}", class_="no", tabindex="-1")
    return tag("span", link, code_text(line), id=f"L{number}", class_="ln chosen" if chosen else "ln")


def _head(file: FileText, status: RepositoryStatus | None, lines_chosen: tuple[int, int] | None, ref: str) -> Safe:
    parts = file.path.split("/")
    crumbs: list[Safe] = [tag("a", file.repository, href=f"/?{urlencode({'repo': file.repository})}", class_="repo")]
    for depth, part in enumerate(parts):
        crumbs.append(tag("span", "/", class_="dim"))
        if depth < len(parts) - 1:
            folder = "/".join(parts[: depth + 1])
            here = urlencode({"repo": file.repository, "path": f"{folder}/**"})
            crumbs.append(tag("a", part, href=f"/?{here}", title="search in this folder"))
        else:
            crumbs.append(tag("b", part))
    location = status.location if status else ""
    host = repository_page(location)
    commit = tag("code", file.commit[:12], title=file.commit)
    if host and "gitlab" not in host:
        commit = tag("a", commit, href=f"{host}/commit/{file.commit}", rel="noreferrer noopener")
    facts: list[Safe] = [
        tag("span", f"{file.ref} at ", commit),
        tag("span", f"{file.total_lines:,} lines"),
        tag("span", file.language or "text"),
    ]  # fmt: skip
    if file.role != "source":
        facts.append(tag("span", file.role, class_="badge role"))
    if status is not None:
        facts += [state_badge(status.state), tag("span", "indexed ", ago(status.indexed_at))]
    outside = forge_page(location, file.commit, file.path, *(lines_chosen or (None, None)))
    if outside:
        facts.append(outside_link(outside))
    raw = f"/v1/files/{file_url(file.repository, file.path)[len('/file/') :]}" + (f"?ref={ref}" if ref else "")
    facts.append(tag("a", "JSON", href=raw))
    return tag("div", tag("h1", *crumbs, class_="crumbs"), tag("div", *facts, class_="facts"), class_="file-head")


def _part(file: FileText, ref: str) -> Safe | None:
    if file.start_line == 1 and file.end_line == file.total_lines:
        return None
    links = []
    for label, at in (("earlier lines", file.start_line - PAGE_LINES), ("later lines", file.end_line + 1)):
        if label == "earlier lines" and file.start_line == 1:
            continue
        if at <= file.total_lines:
            links.append(tag("a", label, href=file_url(file.repository, file.path, max(at, 1), None, ref)))
    label = f"lines {file.start_line:,} to {file.end_line:,} of {file.total_lines:,} "
    return tag("p", label, *(part for link in links for part in (link, " ")), class_="part dim")


# -- a name -----------------------------------------------------------------------------------------------------------


def name_page(answer: References, page_query: PageQuery, defaults: set[str], following: str | None) -> str:
    """Definitions and references of a name; `following`: the address of the next page."""
    if answer.outcome == SearchOutcome.NO_MATCH:
        near = [
            part for name in answer.near for part in (tag("a", name, href=f"/symbol?{urlencode({'name': name})}"), " ")
        ]
        hints = tag("p", "Spelled otherwise: ", *near) if near else None
        words = tag("p", tag("a", "Search for it as words", href=f"/?{urlencode({'q': answer.name})}"))
        body = [notice("info", "No match", tag("p", f"No code mentions “{answer.name}”."), hints, words)]
        return page(answer.name, *body, page_query=page_query)
    blocks: list[Safe | None] = [tag("h1", tag("code", answer.name), class_="name")]
    if answer.definitions:
        count = answer.total_definitions
        blocks.append(tag("h2", f"{count} definition{'s' if count != 1 else ''}", class_="section"))
        blocks.append(tag("ol", *(_definition(hit, defaults) for hit in answer.definitions), class_="defined"))
        fields = [("symbol", answer.name), *(("repo", one) for one in page_query.repo)]
        blocks.append(tag("p", tag("a", "Who calls it, what it calls", href=f"/graph?{urlencode(fields)}")))
    if answer.references:
        files = "file" if answer.files == 1 else "files"
        heading = f"Mentioned in {answer.total:,} line{'s' if answer.total != 1 else ''} of {answer.files:,} {files}"
        blocks.append(tag("h2", heading, class_="section"))
        for _, group in groupby(answer.references, key=lambda r: (r.key, r.path)):
            blocks.append(_file_of(list(group), answer.name, defaults))
    if following:
        blocks.append(tag("p", tag("a", "More", href=following, class_="button"), class_="more"))
    return page(answer.name, *blocks, page_query=page_query)


def _definition(hit: SymbolHit, defaults: set[str]) -> Safe:
    url = file_url(hit.repository, hit.path, hit.start_line, hit.end_line, "" if hit.key in defaults else hit.ref)
    signature = highlighted((hit.signature or "").split("\n")[0], hit.language)[0] if hit.signature else None
    return tag(
        "li", tag("a", hit.qualified_name, href=url, class_="symbol"), tag("span", hit.kind, class_="badge kind"),
        tag("span", hit.repository, class_="dim"),
        tag("span", f"{hit.path}:{hit.start_line}", class_="place dim"),
        tag("pre", tag("code", signature)) if signature else None, class_="hit", data_href=url,
    )  # fmt: skip


def _file_of(rows: list[Reference], name: str, defaults: set[str]) -> Safe:
    first = rows[0]
    ref = "" if first.key in defaults else first.ref
    pattern = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    lines = []
    for row in rows:
        text = row.text or ""
        marked = highlighted(text, row.language, {0: [match.span() for match in pattern.finditer(text)]})[0]
        link = tag("a", row.line, href=file_url(row.repository, row.path, row.line, None, ref), class_="no")
        lines.append(
            tag("span", link, code_text(marked), class_="ln", title=f"in {row.within}" if row.within else None)
        )
    head = tag(
        "div", tag("a", first.path, href=file_url(first.repository, first.path, first.line, None, ref), class_="place"),
        tag("span", first.repository, class_="dim"),
        tag("span", first.role, class_="badge role") if first.role != "source" else None, class_="head",
    )  # fmt: skip
    return tag("section", head, tag("div", tag("pre", tag("code", *lines)), class_="code"), class_="mentions")
