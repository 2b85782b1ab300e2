"""The file page: a file as indexed, its lines to be linked to; and the page of a name: definitions and references.

What lives here: those pages. What does not: the frame (`page_layout.py`), reading (`search/files.py`).
"""

from __future__ import annotations

import re
from itertools import groupby
from urllib.parse import urlencode

from ...search.answers import FileText, Reference, References, RepositoryStatus, SymbolHit
from ...search.outcome import SearchOutcome
from .forge import file_page as forge_page
from .forge import repository_page
from .highlight import highlighted
from .html import Safe, tag
from .page_layout import Asked, ago, code_text, file_url, notice, outside_link, page, state_badge

PAGE_LINES = 3000
_RANGE = re.compile(r"(\d{1,8})(?:-(\d{1,8}))?")


def line_range(told: str) -> tuple[int, int] | None:
    """`10` or `10-20` as lines, None for anything else."""
    found = _RANGE.fullmatch(told)
    if not found or int(found[1]) < 1:
        return None
    return int(found[1]), max(int(found[2] or found[1]), int(found[1]))


def window(wanted: tuple[int, int] | None) -> tuple[int, int]:
    """The lines to show so that those wanted are among them."""
    if wanted is None or wanted[0] <= PAGE_LINES - 100:
        return 1, PAGE_LINES
    start = wanted[0] - 200
    return start, start + PAGE_LINES - 1


def file_view(found: FileText, status: RepositoryStatus | None, wanted: tuple[int, int] | None, ref: str) -> str:
    """The page of a file, or of a part of a long one."""
    lines = [
        _line(found.start_line + offset, line, wanted)
        for offset, line in enumerate(highlighted(found.text, found.language))
    ]
    body = [
        _head(found, status, wanted, ref),
        _part(found, ref),
        tag("pre", tag("code", *lines), class_="file", tabindex="0", aria_label=f"content of {found.path}"),
        _part(found, ref),
    ]
    title = found.path.rsplit("/", 1)[-1]
    return page(f"{title} · {found.repository}", *body, asked=Asked(repo=(found.repository,)))


def _line(number: int, line: Safe, wanted: tuple[int, int] | None) -> Safe:
    chosen = wanted is not None and wanted[0] <= number <= wanted[1]
    link = tag("a", number, href=f"#L{number}", class_="no", tabindex="-1")
    return tag("span", link, code_text(line), id=f"L{number}", class_="ln chosen" if chosen else "ln")


def _head(found: FileText, status: RepositoryStatus | None, wanted: tuple[int, int] | None, ref: str) -> Safe:
    parts = found.path.split("/")
    crumbs: list[Safe] = [tag("a", found.repository, href=f"/?{urlencode({'repo': found.repository})}", class_="repo")]
    for depth, part in enumerate(parts):
        crumbs.append(tag("span", "/", class_="dim"))
        if depth < len(parts) - 1:
            folder = "/".join(parts[: depth + 1])
            here = urlencode({"repo": found.repository, "path": f"{folder}/**"})
            crumbs.append(tag("a", part, href=f"/?{here}", title="search in this folder"))
        else:
            crumbs.append(tag("b", part))
    location = status.location if status else ""
    host = repository_page(location)
    commit = tag("code", found.commit[:12], title=found.commit)
    if host and "gitlab" not in host:
        commit = tag("a", commit, href=f"{host}/commit/{found.commit}", rel="noreferrer noopener")
    facts: list[Safe] = [
        tag("span", f"{found.ref} at ", commit),
        tag("span", f"{found.total_lines:,} lines"),
        tag("span", found.language or "text"),
    ]  # fmt: skip
    if found.role != "source":
        facts.append(tag("span", found.role, class_="badge role"))
    if status is not None:
        facts += [state_badge(status.state), tag("span", "indexed ", ago(status.indexed_at))]
    outside = forge_page(location, found.commit, found.path, *(wanted or (None, None)))
    if outside:
        facts.append(outside_link(outside))
    raw = f"/v1/files/{file_url(found.repository, found.path)[len('/file/') :]}" + (f"?ref={ref}" if ref else "")
    facts.append(tag("a", "JSON", href=raw))
    return tag("div", tag("h1", *crumbs, class_="crumbs"), tag("div", *facts, class_="facts"), class_="file-head")


def _part(found: FileText, ref: str) -> Safe | None:
    if found.start_line == 1 and found.end_line == found.total_lines:
        return None
    links = []
    for told, at in (("earlier lines", found.start_line - PAGE_LINES), ("later lines", found.end_line + 1)):
        if told == "earlier lines" and found.start_line == 1:
            continue
        if at <= found.total_lines:
            links.append(tag("a", told, href=file_url(found.repository, found.path, max(at, 1), None, ref)))
    told = f"lines {found.start_line:,} to {found.end_line:,} of {found.total_lines:,} "
    return tag("p", told, *(part for link in links for part in (link, " ")), class_="part dim")


# -- a name -----------------------------------------------------------------------------------------------------------


def name_page(found: References, asked: Asked, defaults: set[str], following: str | None) -> str:
    """Definitions and references of a name; `following`: the address of the next page."""
    if found.outcome == SearchOutcome.NO_MATCH:
        near = [
            part for name in found.near for part in (tag("a", name, href=f"/symbol?{urlencode({'name': name})}"), " ")
        ]
        hints = tag("p", "Spelled otherwise: ", *near) if near else None
        words = tag("p", tag("a", "Search for it as words", href=f"/?{urlencode({'q': found.name})}"))
        body = [notice("info", "No match", tag("p", f"No code mentions “{found.name}”."), hints, words)]
        return page(found.name, *body, asked=asked)
    blocks: list[Safe | None] = [tag("h1", tag("code", found.name), class_="name")]
    if found.definitions:
        count = found.total_definitions
        blocks.append(tag("h2", f"{count} definition{'s' if count != 1 else ''}", class_="section"))
        blocks.append(tag("ol", *(_definition(hit, defaults) for hit in found.definitions), class_="defined"))
    if found.references:
        files = "file" if found.files == 1 else "files"
        told = f"Mentioned in {found.total:,} line{'s' if found.total != 1 else ''} of {found.files:,} {files}"
        blocks.append(tag("h2", told, class_="section"))
        for _, group in groupby(found.references, key=lambda r: (r.key, r.path)):
            blocks.append(_file_of(list(group), found.name, defaults))
    if following:
        blocks.append(tag("p", tag("a", "More", href=following, class_="button"), class_="more"))
    return page(found.name, *blocks, asked=asked)


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
        told = row.text or ""
        marked = highlighted(told, row.language, {0: [match.span() for match in pattern.finditer(told)]})[0]
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
