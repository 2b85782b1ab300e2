"""Answers as text for a terminal.

What lives here: that rendering. What does not: JSON (`answer_fields.py`), finding anything, HTML (`serve/`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import groupby

from .absence import absence_line
from .answers import Definitions, Hit, Reference, References, RepositoryState, SearchAnswer, Snippet, SymbolHit
from .freshness import ago
from .outcome import SearchOutcome

Paint = Callable[[str, str], str]
_CODES = {"path": "36", "line": "32", "name": "1", "match": "1;33", "dim": "2", "warn": "31"}


def painter(color: bool) -> Paint:
    """Wraps text in ANSI codes by its part in the rendering, or leaves it as it is."""
    if not color:
        return lambda part, text: text
    return lambda part, text: f"\033[{_CODES[part]}m{text}\033[0m" if text else text


def render_answer(answer: SearchAnswer, *, color: bool = False, now: float | None = None) -> str:
    """Hits, then what was searched: commit, coverage, state, lanes that failed."""
    paint = painter(color)
    several = len({hit.key for hit in answer.hits}) > 1 or len(answer.repositories) > 1
    blocks = [_hit_block(number, hit, several, paint) for number, hit in enumerate(answer.hits, 1)]
    if not answer.hits:
        incomplete = answer.outcome == "incomplete"
        beginning = "No match yet for" if incomplete else "No match for"
        blocks.append(f"{beginning} {answer.query.raw!r} in what was {'looked at' if incomplete else 'searched'}.")
    if answer.absence:
        blocks.append(absence_line(answer.absence))
    if answer.ignored:
        blocks.append(paint("warn", f"Nothing has all of it: {', '.join(answer.ignored)} was left out of the query."))
    if answer.notes:
        blocks.append("\n".join(paint("warn", note) for note in answer.notes))
    if answer.signals:
        blocks.append("\n".join(f"{name:>10}  {value:.4f}" for name, value in answer.signals.items()))
    blocks.append(_footer(answer, paint, time.time() if now is None else now))
    return "\n\n".join(blocks)


def _hit_block(number: int, hit: Hit, several: bool, paint: Paint) -> str:
    place = paint("path", printable(hit.path)) + ":" + paint("line", f"{hit.start_line}-{hit.end_line}")
    where = f"{paint('dim', hit.repository)} " if several else ""
    name = f"  {hit.kind} {paint('name', printable(hit.qualified_name))}" if hit.qualified_name else f"  {hit.kind}"
    head = f"{number:>2}. {where}{place}{name}  {paint('dim', f'{hit.score:.2f}')}"
    notes = [hit.tree] if hit.tree else []
    notes += hit.why
    if hit.more_lines:
        notes.append("also lines " + ", ".join(f"{start}-{end}" for start, end in hit.more_lines))
    if hit.also_in:
        notes.append(f"also in {', '.join(hit.also_in)}")
    lines = [head, *_snippet_lines(hit.snippet, paint)]
    ranks = " ".join(f"{lane}#{rank}" for lane, rank in hit.lanes.items())
    lines.append(paint("dim", f"      {ranks}" + (f" · {'; '.join(notes)}" if notes else "")))
    return "\n".join(lines)


def _snippet_lines(snippet: Snippet, paint: Paint) -> list[str]:
    width = len(str(snippet.start_line + len(snippet.lines) - 1))
    rendered = []
    for offset, (line, spans) in enumerate(zip(snippet.lines, snippet.spans, strict=True)):
        out, at = [], 0
        for start, end in spans:
            out += [printable(line[at:start]), paint("match", printable(line[start:end]))]
            at = end
        out.append(printable(line[at:]))
        number = paint("dim", f"{snippet.start_line + offset:>{width}} │")
        rendered.append(f"    {number} {''.join(out)[:400]}".rstrip())
    return rendered


def printable(text: str) -> str:
    """Text without control characters: what is in a file, or its name, must not drive the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c == "\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text).expandtabs(4)


def _footer(answer: SearchAnswer, paint: Paint, now: float) -> str:
    lines = []
    for state in answer.repositories[:5]:
        lines.append(paint("dim", repository_line(state, now)))
    if len(answer.repositories) > 5:
        lines.append(paint("dim", f"… and {len(answer.repositories) - 5} more repositories"))
    for lanes, reason in answer.failures:
        lines.append(paint("warn", f"The {lanes} failed, the answer may lack hits: {reason}"))
    found = f"{len(answer.hits)} of {answer.total} hits in {answer.took_ms:.0f} ms"
    doubt = f" · {answer.confidence_word} ({answer.confidence:.2f})" if answer.hits else ""
    lines.append(paint("dim", found + doubt))
    return "\n".join(lines)


def repository_line(state: RepositoryState, now: float) -> str:
    """One line about a searched repository: ref, commit, age, files."""
    coverage = state.coverage
    indexed = coverage.get("kept")
    skipped = coverage.get("skipped")
    left_out = sum(skipped.values()) if isinstance(skipped, dict) else skipped or 0
    files = f", {indexed} files indexed, {left_out} left out" if indexed is not None else ""
    behind = ", behind its head" if state.state == "behind" else ""
    if state.tree is not None:
        return f"{state.repository}@{state.ref} {_tree_line(state, now)}{files}"
    return f"{state.repository}@{state.ref} {state.label}, indexed {ago(now - state.indexed_at)}{behind}{files}"


def _tree_line(state: RepositoryState, now: float) -> str:
    tree = state.tree
    assert tree is not None
    there = "" if tree.kind == "commit" else "working tree at "
    gone = f", {tree.gone} gone" if tree.gone else ""
    base = f"base {tree.base_commit[:12]}, published {ago(now - tree.base_published_at)}"
    files = "file" if tree.changed == 1 else "files"
    return f"{there}{state.commit[:12]} + {tree.changed} {files} changed{gone} ({base})"


def render_definitions(definitions: Definitions, name: str, *, color: bool = False) -> str:
    """Definitions of a name, or that there are none, then the notes."""
    if not definitions.symbols:
        where = "what was looked at before the time was up" if definitions.incomplete else "what is indexed"
        proof = [absence_line(definitions.absence)] if definitions.absence else []
        return "\n".join([f"no definition of {name!r} in {where}", *definitions.notes, *proof])
    late = ["The time was up before everything was looked at: there may be more."] if definitions.incomplete else []
    notes = [painter(color)("warn", note) for note in definitions.notes]
    return "\n".join([render_symbols(list(definitions.symbols), color=color), *notes, *late])


def render_symbols(hits: list[SymbolHit], *, color: bool = False) -> str:
    """One line a definition, and the first line of its signature."""
    paint = painter(color)
    return "\n".join(
        f"{paint('dim', hit.repository)} {paint('path', printable(hit.path))}:{paint('line', str(hit.start_line))}  "
        f"{hit.kind} {paint('name', printable(hit.qualified_name))}"
        + (f"\n    {printable(hit.signature.splitlines()[0])}" if hit.signature else "")
        for hit in hits
    )


def render_references(answer: References, *, color: bool = False) -> str:
    """Definitions, then lines under the file they are in, with the definition around each."""
    paint = painter(color)
    if answer.outcome == SearchOutcome.NO_MATCH:
        near = f"; spelled otherwise: {', '.join(answer.near)}" if answer.near else ""
        proof = [absence_line(answer.absence)] if answer.absence else []
        return "\n".join([f"No mention of {answer.name!r} in what was searched{near}.", *answer.notes, *proof])
    blocks = [render_symbols(list(answer.definitions), color=color)] if answer.definitions else []
    for (repository, path), group in groupby(answer.references, key=lambda r: (r.repository, r.path)):
        lines = [f"{paint('dim', repository)} {paint('path', printable(path))}"]
        lines += [_reference_line(reference, paint) for reference in group]
        blocks.append("\n".join(lines))
    left_out = answer.total_definitions - len(answer.definitions) if answer.definitions else 0
    more = f", {left_out} definitions not shown" if left_out else ""
    if answer.notes:
        blocks.append("\n".join(paint("warn", note) for note in answer.notes))
    blocks.append(paint("dim", f"{len(answer.references)} of {answer.total} lines in {answer.files} files{more}"))
    if answer.next_cursor:
        blocks.append(paint("dim", f"more: --cursor {answer.next_cursor}"))
    return "\n\n".join(blocks)


def _reference_line(reference: Reference, paint: Paint) -> str:
    notes = [note for note in (reference.within and f"in {printable(reference.within)}", reference.kind) if note]
    notes += [reference.role] if reference.role != "source" else []
    text = printable((reference.text or "").strip())[:200]
    return f"{paint('line', f'{reference.line:>7}')}  {text}  {paint('dim', ', '.join(notes))}"
