"""The search page: hits with highlighted code, what was searched, filters that live in the address.

What lives here: that page. What does not: the frame (`page_layout.py`), finding anything (`search/`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from ...search.absence import absence_line
from ...search.answers import Hit, RepositoryState, RepositoryStatus, SearchAnswer
from ...sources.forge import file_page
from .highlight import highlighted
from .html import Safe, tag
from .page_layout import PageQuery, ago, code_text, file_url, notice, outside_link, page, skipped_files, state_badge

MORE = (10, 30, 100)
_SHOWN = 8  # values of one facet


def search_page(
    page_query: PageQuery, answer: SearchAnswer, statuses: Iterable[RepositoryStatus], defaults: set[str]
) -> str:
    """The page of an answer. `defaults` are the keys of default refs."""
    known = {status.key: status for status in statuses}
    hits = [_hit(hit, page_query, known.get(hit.key), hit.key in defaults) for hit in answer.hits]
    body = [
        chips(page_query),
        _degraded(answer),
        _relaxed(answer),
        _by_meaning(answer),
        notice("info", "A filter leaves nothing", *(tag("p", note) for note in answer.notes)) if answer.notes else None,
        _summary(page_query, answer, known),
        _facets(page_query, answer.hits) if len(answer.hits) > 1 else None,
        tag("ol", *hits, class_="hits") if hits else _no_match(page_query, answer),
        _more(page_query, answer),
    ]
    return page(
        page_query.query, *body, page_query=page_query, languages=languages_of(known), repositories=names_of(known)
    )


def languages_of(known: Mapping[str, RepositoryStatus]) -> list[str]:
    """Languages of what is published, the most frequent first."""
    counts: Counter[str] = Counter()
    for status in known.values():
        counts.update(status.coverage.get("chunk_languages") or {})
    return [name for name, _ in counts.most_common()]


def names_of(known: Mapping[str, RepositoryStatus]) -> list[str]:
    """The names of the repositories, in order, each once."""
    return sorted({status.repository for status in known.values()})


def chips(page_query: PageQuery) -> Safe | None:
    """The filters at work, each with the address without it."""
    if not page_query.filters:
        return None
    rows = []
    for name, value in page_query.filters:
        rest = tuple(one for one in getattr(page_query, name) if one != value)
        rows.append(
            tag("a", tag("span", f"{name}: ", class_="dim"), value, tag("span", " ×", aria_hidden="true"),
                class_="chip", href=page_query.url(**{name: rest}), title="remove this filter",
                aria_label=f"remove filter {name} {value}")
        )  # fmt: skip
    if len(rows) > 1:
        clear = page_query.url(repo=(), language=(), kind=(), path=(), ref=())
        rows.append(tag("a", "clear all", href=clear, class_="chip clear"))
    return tag("div", *rows, class_="chips", aria_label="Filters at work")


def _relaxed(answer: SearchAnswer) -> Safe | None:
    if not answer.ignored:
        return None
    dropped = ", ".join(answer.ignored)
    return notice("info", "Nothing has all of it", tag("p", f"Left out of the query: {dropped}."))


def _degraded(answer: SearchAnswer) -> Safe | None:
    if not answer.failures:
        return None
    incomplete = answer.outcome == "incomplete"
    verb = "did not finish" if incomplete else "failed"
    rows = [tag("p", f"The {lanes} {verb}: {reason}") for lanes, reason in answer.failures]
    title = "The time was up before everything was looked at" if incomplete else "This answer may lack hits"
    return notice("warn", title, *rows)


def _by_meaning(answer: SearchAnswer) -> Safe | None:
    """A notice where no hit has a word or name of the query: the nearest hits by meaning can be far away."""
    words = [answer.lanes[lane].state for lane in ("symbol", "lexical") if lane in answer.lanes]
    if not answer.hits or "failed" in words or any(set(hit.lanes) - {"semantic"} for hit in answer.hits):
        return None
    return notice("info", "No hit has the words you asked for", tag("p", "These are the nearest by meaning."))


def _summary(page_query: PageQuery, answer: SearchAnswer, known: Mapping[str, RepositoryStatus]) -> Safe:
    states = Counter(_state(state, known) for state in answer.repositories)
    order = ("current", "behind", "indexing", "failed", "unknown")
    present = [name for name in order if states[name]]
    badges = [tag("span", f"{states[name]} " if len(present) > 1 else None, state_badge(name)) for name in present]
    count = len(answer.repositories)
    where: list[Safe | str] = [f"{count} repositories"]
    if count == 1:
        only = answer.repositories[0]
        where = [only.repository, tag("span", "@", tag("code", only.commit[:10]), class_="dim")]
    oldest = min((state.indexed_at for state in answer.repositories), default=None)
    head = tag(
        "summary", tag("span", f"{len(answer.hits)} of {answer.total} hits"),
        tag("span", answer.confidence_word, class_="dim", title=f"confidence {answer.confidence:.2f}"),
        tag("span", f"{answer.took_ms:.0f} ms", class_="dim"), tag("span", "in ", *where), *badges,
        tag("span", "indexed " if count == 1 else "oldest indexed ", ago(oldest), class_="dim") if oldest else None,
    )  # fmt: skip
    rows = [_searched(state, known) for state in answer.repositories[:200]]
    more = tag("p", f"… and {count - 200} more", class_="dim") if count > 200 else None
    lanes = [
        tag("li", f"{lane}: {report.state}", f", {report.hits} hits" if report.state == "ran" else f", {report.reason}",
            tag("span", f" {report.took_ms:.0f} ms", class_="dim"))
        for lane, report in answer.lanes.items()
    ]  # fmt: skip
    return tag(
        "details", head, tag("ul", *lanes, class_="lanes"),
        tag("div", tag("table", *rows), class_="scroll", tabindex="0"), more,
        tag("p", f"publication {answer.publication}", class_="dim"), class_="searched",
    )  # fmt: skip


def _state(state: RepositoryState, known: Mapping[str, RepositoryStatus]) -> str:
    status = known.get(state.key)
    return status.state if status is not None and status.state in ("indexing", "failed") else state.state


def _searched(state: RepositoryState, known: Mapping[str, RepositoryStatus]) -> Safe:
    left_out = skipped_files(state.coverage)
    return tag(
        "tr",
        tag("td", state.repository, tag("span", f"@{state.ref}", class_="dim")),
        tag("td", tag("code", short(state.label))),
        tag("td", state_badge(_state(state, known))),
        tag("td", "indexed ", ago(state.indexed_at)),
        tag("td", f"{state.coverage.get('kept', 0):,} files, {left_out:,} left out"),
    )


def short(label: str) -> str:
    """A commit's beginning, with what marks uncommitted work."""
    return f"{label[:12]}{label[40:]}" if len(label) >= 40 else label


def _facets(page_query: PageQuery, hits: Iterable[Hit]) -> Safe | None:
    hits = list(hits)
    groups = []
    for name, values in (
        ("repo", [hit.repository for hit in hits]),
        ("language", [hit.language for hit in hits if hit.language]),
        ("kind", [hit.kind for hit in hits]),
    ):
        counts = Counter(values)
        if len(counts) < 2:
            continue
        links = [
            tag(
                "a",
                value,
                tag("span", f" {count}", class_="dim"),
                href=page_query.url(**{name: (value,)}),
                class_="facet",
            )
            for value, count in counts.most_common(_SHOWN)
        ]
        groups.append(tag("span", tag("span", f"{name} ", class_="dim"), *links, class_="group"))
    return tag("div", *groups, class_="facets", aria_label="Narrow by what was found") if groups else None


def _hit(hit: Hit, page_query: PageQuery, status: RepositoryStatus | None, default: bool) -> Safe:
    ref = "" if default else hit.ref
    url = file_url(hit.repository, hit.path, hit.start_line, hit.end_line, ref)
    folder, _, name = hit.path.rpartition("/")
    place = tag(
        "a", tag("span", f"{folder}/" if folder else "", class_="folder"), tag("b", name),
        tag("span", f":{hit.start_line}", class_="dim"), href=url, class_="place",
    )  # fmt: skip
    defined = hit.qualified_name or hit.name
    title = tag(
        "h2", place, tag("span", hit.kind, class_="badge kind"),
        tag("a", defined, href=f"/symbol?{_query(name=hit.name or defined)}", class_="symbol",
            title="definitions and references") if defined else None,
    )  # fmt: skip
    where = [
        tag("a", hit.repository, href=page_query.url(repo=(hit.repository,)), title="only this repository"),
        tag("span", "@", tag("code", hit.commit[:10]), title=hit.commit),
    ]
    if ref:
        where.append(tag("span", hit.ref, class_="badge"))
    if hit.role != "source":
        where.append(tag("span", hit.role, class_="badge role"))
    outside = file_page(status.location, hit.commit, hit.path, hit.start_line, hit.end_line) if status else None
    if outside:
        where.append(outside_link(outside))
    return tag(
        "li", tag("div", title, tag("div", *where, class_="where"), class_="head"), _code(hit),
        _why(hit, url, ref), class_="hit", data_href=url,
    )  # fmt: skip


def _query(**fields: str | None) -> str:
    from urllib.parse import urlencode

    return urlencode({name: value for name, value in fields.items() if value})


def _code(hit: Hit) -> Safe:
    first = hit.snippet.start_line - hit.start_line
    marks = {first + offset: spans for offset, spans in enumerate(hit.snippet.spans)}
    # The chunk as a whole is coloured: a snippet can begin inside a comment.
    lines = highlighted(hit.text, hit.language, marks)[first : first + len(hit.snippet.lines)]
    rows = [_numbered(hit.snippet.start_line + offset, line) for offset, line in enumerate(lines)]
    return tag("div", tag("pre", tag("code", *rows), tabindex="0", aria_label=f"code of {hit.path}"), class_="code")


def _numbered(number: int, line: Safe) -> Safe:
    return tag("span", tag("span", number, class_="no", aria_hidden="true"), code_text(line), class_="ln")


def _why(hit: Hit, url: str, ref: str) -> Safe:
    parts: list[Safe | str] = []
    left = hit.end_line - hit.start_line + 1 - len(hit.snippet.lines)
    if left > 0:
        parts.append(tag("a", f"{left} more line{'s' if left > 1 else ''}", href=url))
    parts += [
        tag("span", f"{lane} #{rank}", class_="lane", title=f"rank {rank} in the {lane} lane")
        for lane, rank in hit.lanes.items()
    ]
    parts += [tag("span", reason) for reason in hit.why]
    # Pieces of one long line are chunks of the same lines.
    spans = [span for span in dict.fromkeys(hit.more_lines) if span != (hit.start_line, hit.end_line)]
    if spans:
        links = [
            tag(
                "a",
                f"{start}–{end}" if end > start else start,
                href=file_url(hit.repository, hit.path, start, end, ref),
            )
            for start, end in spans
        ]
        parts.append(tag("span", "also lines ", *(part for link in links for part in (link, " "))))
    if hit.also_in:
        parts.append(tag("span", f"also in {', '.join(hit.also_in)}"))
    return tag("div", *parts, class_="why")


def _no_match(page_query: PageQuery, answer: SearchAnswer) -> Safe:
    hints = []
    if page_query.filters:
        clear = page_query.url(repo=(), language=(), kind=(), path=(), ref=())
        hints.append(tag("li", tag("a", "search without the filters", href=clear)))
    if answer.query.rules or answer.query.exclude:
        hints.append(tag("li", "leave out quotation marks, regular expressions and -words"))
    if answer.absence:
        hints.append(tag("li", absence_line(answer.absence)))
    hints.append(tag("li", "other words: what the code would call it, or what a comment would say"))
    skipped = sum(skipped_files(state.coverage) for state in answer.repositories)
    if skipped:
        hints.append(
            tag("li", f"{skipped:,} files of these repositories were left out: ",
                tag("a", "see why", href="/repositories"))
        )  # fmt: skip
    title = "No match" if answer.outcome == "no_match" else "No hit from the lanes that answered"
    count = len(answer.repositories)
    sentence = (
        f"Nothing in {count} indexed {'repository' if count == 1 else 'repositories'} answers “{page_query.query}”."
    )
    return notice("info", title, tag("p", sentence), tag("ul", *hints))


def _more(page_query: PageQuery, answer: SearchAnswer) -> Safe | None:
    following = next((limit for limit in MORE if limit > page_query.limit), None)
    if following is None or answer.total <= len(answer.hits):
        return None
    return tag("p", tag("a", "Show more hits", href=page_query.url(limit=following), class_="button"), class_="more")
