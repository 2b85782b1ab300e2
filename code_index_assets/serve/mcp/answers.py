"""What the MCP tools say: answers of the engine as text and as structured content.

What lives here: wording each kind of answer, and what is a row of it. What does not: asking the engine
(`server.py`), the shapes (`models.py`), the budget (`fit.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ...search.absence import absence_line
from ...search.answers import (
    Absence,
    Definitions,
    FileText,
    Hit,
    Reference,
    References,
    RepositoryState,
    SearchAnswer,
    SymbolHit,
)
from ..http.tokens import cut_lines
from .fit import LINE_CHARS, WHY_CHARS, Around, Reply, Row, assemble, clean, fit, rest, role_of, short
from .models import CODE, DEFINITION, HIT, MENTION, REFERENCES, SEARCH, SYMBOLS

MORE_SPANS = 8
CursorAt = Callable[[int], str | None]


def told(absence: Absence | None) -> str | None:
    """The certificate of an empty answer in one line; None where something was found."""
    return clean(absence_line(absence)) if absence else None


# -- search ----------------------------------------------------------------------------------------------------------


def search_reply(
    answer: SearchAnswer,
    *,
    offset: int,
    content: str,
    max_tokens: int,
    cursor_at: CursorAt,
    note: str | None,
) -> Reply:
    """Hits from `offset` on. `cursor_at(n)` is the cursor of a page that begins at n, None behind the last."""
    around = Around.of(answer.repositories)
    hits = answer.hits[offset:]
    failed = {
        lane: short(clean(report.reason), WHY_CHARS)
        for lane, report in answer.lanes.items()
        if report.state == "failed"
    }
    keys = [hit.key for hit in hits]
    absence = told(answer.absence)

    def build(rows: Sequence[Row]) -> Reply:
        cut = rest(
            len(rows), len(hits), answer.total, offset, max_tokens, "hits", "repositories, paths, languages, kinds"
        )
        cursor = cursor_at(offset + len(rows)) if rows else None
        shown = keys[: len(rows)]
        data = SEARCH.row(
            answer,
            hits=[row.data for row in rows],
            total=answer.total,
            next_cursor=cursor,
            cut=cut,
            searched=around.searched(),
            repositories=around.models(shown),
            failed_lanes=failed or None,
            absence=absence,
            note=note,
        )
        head = f"{answer.outcome}: {len(rows)} of {answer.total} hits in {around.heading()}"
        if answer.hits:
            head += f"; confidence {answer.confidence:.2f}, {answer.confidence_word}"
        down = "\n".join(
            f"The {lanes} failed, hits may be missing: {short(clean(why), WHY_CHARS)}" for lanes, why in answer.failures
        )
        lines = "\n".join(around.lines(shown))
        more = f"next_cursor: {cursor}" if cursor else None
        return Reply(assemble(head, absence, down, *(row.text for row in rows), lines, cut, more, note), data)

    versions = [[_hit_row(offset + n, hit, form, around) for n, hit in enumerate(hits, 1)] for form in _forms(content)]
    return fit(versions, build, max_tokens)


def _forms(content: str) -> tuple[str, ...]:
    return {"full": ("full", "snippet", "none"), "snippet": ("snippet", "none")}.get(content, ("none",))


def _hit_row(number: int, hit: Hit, form: str, around: Around) -> Row:
    lines, start = {
        "full": (hit.text.split("\n"), hit.start_line),
        "snippet": (list(hit.snippet.lines), hit.snippet.start_line),
        "none": ([], None),
    }[form]
    code = "\n".join(short(clean(line), LINE_CHARS) for line in lines).rstrip() or None
    data = HIT.row(
        hit,
        ref=around.ref_of(hit.repository, hit.ref),
        role=role_of(hit.role),
        score=round(hit.score, 2),
        match=round(hit.match, 2),
        code_start_line=start if code and start != hit.start_line else None,
        code=code,
        more_lines=[list(span) for span in hit.more_lines[:MORE_SPANS]] or None,
        also_in=list(hit.also_in[:5]) or None,
    )
    name = f" {hit.kind}{f' {hit.qualified_name}' if hit.qualified_name else ''}"
    notes = [*((role_of(hit.role),) if role_of(hit.role) else ()), *hit.why]
    if hit.more_lines:
        notes.append("also lines " + ", ".join(f"{first}-{last}" for first, last in hit.more_lines[:MORE_SPANS]))
    if hit.also_in:
        notes.append("also in " + ", ".join(hit.also_in[:5]))
    head = (
        f"[{number}] {around.name_of(hit.repository, hit.ref)} {clean(hit.path)}:{hit.start_line}-{hit.end_line}{name}"
    )
    head += f" · {'; '.join(map(str, notes))}" if notes else ""
    shown = f"(from line {start})\n{code}" if code and start != hit.start_line else code
    return Row(f"{head}\n{shown}" if shown else head, data)


# -- symbols and references ------------------------------------------------------------------------------------------


def _definition(hit: SymbolHit, around: Around) -> Row:
    signature = short(clean(" ".join(hit.signature.split())), LINE_CHARS) if hit.signature else None
    data = DEFINITION.row(hit, ref=around.ref_of(hit.repository, hit.ref), role=role_of(hit.role), signature=signature)
    role = f" ({hit.role})" if role_of(hit.role) else ""
    place = f"{around.name_of(hit.repository, hit.ref)} {clean(hit.path)}:{hit.start_line}-{hit.end_line}"
    line = f"{place} {hit.kind} {hit.qualified_name}{role}"
    return Row(f"{line}\n    {signature}" if signature else line, data)


def symbol_reply(
    answer: Definitions,
    states: Iterable[RepositoryState],
    *,
    total: int,
    offset: int,
    max_tokens: int,
    cursor_at: CursorAt,
    note: str | None,
) -> Reply:
    """Definitions from `offset` on; `found` has those of this page."""
    around = Around.of(states)
    hits = answer.symbols

    def build(rows: Sequence[Row]) -> Reply:
        cut = rest(len(rows), len(hits), total, offset, max_tokens, "definitions", "repositories, kinds, paths")
        cursor = cursor_at(offset + len(rows)) if rows else None
        shown = [hit.key for hit in hits[: len(rows)]]
        data = SYMBOLS.row(
            answer,
            definitions=[row.data for row in rows],
            total=total,
            next_cursor=cursor,
            cut=cut,
            searched=around.searched(),
            repositories=around.models(shown),
            absence=told(answer.absence),
            note=note,
        )
        head = (
            f"{len(rows)} of {total} definitions in {around.heading()}"
            if hits
            else f"{answer.outcome} in {around.heading()}"
        )
        more = f"next_cursor: {cursor}" if cursor else None
        body = "\n".join(row.text for row in rows)
        lines = "\n".join(around.lines(shown))
        return Reply(assemble(head, told(answer.absence), body, lines, cut, more, note), data)

    return fit([[_definition(hit, around) for hit in hits]], build, max_tokens)


def reference_reply(answer: References, *, max_tokens: int, note: str | None) -> Reply:
    """Definitions (at most a third of the budget), then the mentions of this page."""
    around = Around.of(answer.repositories)
    definitions: list[Row] = []
    spare = max_tokens // 3
    for hit in answer.definitions:
        row = _definition(hit, around)
        spare -= row.tokens
        if spare < 0:
            break
        definitions.append(row)
    by_repository = dict(list(answer.by_repository.items())[: min(max_tokens // 500, 20)])

    def build(rows: Sequence[Row]) -> Reply:
        cut = rest(
            len(rows),
            len(answer.references),
            answer.total,
            answer.offset,
            max_tokens,
            "mentions",
            "repositories, paths",
        )
        cursor = answer.cursor_at(answer.offset + len(rows)) if rows else None
        shown = [reference.key for reference in answer.references[: len(rows)]]
        total_shown = answer.total_definitions if answer.definitions else 0
        if len(definitions) < total_shown:
            missing = f"{len(definitions)} of {total_shown} definitions shown: find_symbol lists them"
            cut = f"{missing}; {cut}" if cut else missing
        data = REFERENCES.row(
            answer,
            definitions=[row.data for row in definitions],
            references=[row.data for row in rows],
            total=answer.total,
            by_repository=by_repository or None,
            next_cursor=cursor,
            cut=cut,
            searched=around.searched(),
            repositories=around.models(shown),
            absence=told(answer.absence),
            note=note,
        )
        head = (
            f"{answer.outcome}: {answer.total_definitions} definitions, {answer.total} mentions "
            f"in {answer.files} files of {around.heading()}"
        )
        defined = "Defined:\n" + "\n".join(row.text for row in definitions) if definitions else None
        body = "Mentioned:\n" + _grouped(answer.references[: len(rows)], rows, around) if rows else None
        more = f"next_cursor: {cursor}" if cursor else None
        lines = "\n".join(around.lines(shown))
        return Reply(assemble(head, told(answer.absence), defined, body, lines, cut, more, note), data)

    return fit([[_mention(reference, around) for reference in answer.references]], build, max_tokens)


def _mention(reference: Reference, around: Around) -> Row:
    text = short(clean((reference.text or "").strip()), LINE_CHARS) or None
    data = MENTION.row(
        reference, ref=around.ref_of(reference.repository, reference.ref), role=role_of(reference.role), text=text
    )
    notes = [f"in {reference.within}"] if reference.within else []
    notes += [note for note in ("import" if reference.kind == "import" else None, role_of(reference.role)) if note]
    return Row(f"  {reference.line}: {text or ''}" + (f"  ({', '.join(notes)})" if notes else ""), data)


def _grouped(references: Sequence[Reference], rows: Sequence[Row], around: Around) -> str:
    lines: list[str] = []
    last: tuple[str, str] | None = None
    for reference, row in zip(references, rows, strict=True):
        place = (reference.key, reference.path)
        if place != last:
            lines.append(f"{around.name_of(reference.repository, reference.ref)} {clean(reference.path)}")
            last = place
        lines.append(row.text)
    return "\n".join(lines)


# -- files -----------------------------------------------------------------------------------------------------------


def code_reply(file: FileText, *, state: str | None, asked_end: int | None, max_tokens: int) -> Reply:
    """Lines of a file; cut between lines, or within the first if even that is too long."""
    lines = [clean(line) for line in file.text.split("\n")]

    def build(count: int, first: str | None = None) -> Reply:
        end = file.start_line + count - 1
        shown = [first] if first is not None else lines[:count]
        last = min(asked_end or file.total_lines, file.total_lines)
        following = end + 1 if end < last else None
        cut = None
        if following:
            cut = (
                f"lines {file.start_line} to {end} of {file.total_lines} shown, cut at max_tokens={max_tokens}: "
                f"go on with start_line={following}"
            )
        if first is not None:
            cut = f"line {file.start_line} is longer than max_tokens={max_tokens} allows: its beginning is shown" + (
                f"; go on with start_line={following}" if following else ""
            )
        data = CODE.row(
            file,
            state=state,
            role=role_of(file.role),
            end_line=end,
            code="\n".join(shown),
            next_start_line=following,
            cut=cut,
        )
        head = (
            f"{file.repository}@{file.ref} {file.commit[:12]} {clean(file.path)}:{file.start_line}-{end} "
            f"of {file.total_lines} lines{f', {state}' if state else ''}"
        )
        return Reply("\n".join(part for part in (head, "\n".join(shown), cut) if part is not None), data)

    whole = build(len(lines))
    if whole.tokens <= max_tokens:
        return whole
    fixed = build(0, "").tokens
    count = cut_lines(lines, max_tokens - fixed)
    while count and (reply := build(count)).tokens > max_tokens:
        count -= 1
    if count:
        return reply
    beginning = lines[0]
    while beginning and (reply := build(1, beginning)).tokens > max_tokens:
        beginning = beginning[: len(beginning) * 3 // 4]
    return build(1, beginning)
