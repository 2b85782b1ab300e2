"""A packed context as text: what agents read and what its tokens are counted of.

What lives here: that text, and the names of places in it. What does not: what is packed (`context_packing.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from .answers import RepositoryState
from .context_answers import ContextAnswer, ContextSpan
from .render import printable

LINE_CHARS = 160
COMMIT_CHARS = 12


def render_context(answer: ContextAnswer) -> str:
    """The lines of the core, then tests and surroundings as signatures by file, then what was looked at."""
    several = len({span.repository for span in answer.spans}) > 1
    blocks = [core_block(span, several) for span in answer.spans if span.part == "core"]
    for part, title in (("test", "Tests:"), ("around", "Around:")):
        spans = [span for span in answer.spans if span.part == part]
        if spans:
            blocks.append("\n".join([title, *signature_lines(spans, several)]))
    if not answer.spans:
        blocks.append("Nothing that was searched matches.")
    blocks.append(footer(answer.repositories, {span.repository for span in answer.spans}, answer.notes))
    counted = f"{answer.tokens:,} of {answer.max_tokens:,} tokens; {answer.left_out:,} more places left out"
    return "\n\n".join([*blocks, counted])


def core_block(span: ContextSpan, several: bool) -> str:
    """Place, name and reason of a span, then its lines."""
    where = f"{span.repository} " if several else ""
    name = f" {span.kind} {printable(span.symbol)}" if span.symbol else ""
    why = f" · {'; '.join(span.why)}" if span.why else ""
    code = "\n".join(map(printable, span.text.split("\n")))
    return f"{where}{printable(span.path)}:{span.start_line}-{span.end_line}{name}{why}\n{code}"


def signature_lines(spans: Sequence[ContextSpan], several: bool) -> list[str]:
    """One line a span below the path of its file."""
    lines: list[str] = []
    for (repository, path), group in groupby(spans, key=lambda span: (span.repository, span.path)):
        lines.append(file_line(repository, path, several))
        lines += [signature_line(span) for span in group]
    return lines


def file_line(repository: str, path: str, several: bool) -> str:
    """The line that signatures of one file stand below."""
    return f"{repository} {printable(path)}" if several else printable(path)


def signature_line(span: ContextSpan) -> str:
    """Lines, signature and reason of a span."""
    why = f" · {'; '.join(span.why)}" if span.why else ""
    return f"  {span.start_line}-{span.end_line} {printable(short(span.text))}{why}"


def footer(states: Iterable[RepositoryState], shown: set[str], notes: Sequence[str]) -> str:
    """The commits that the lines belong to, and what was not looked at."""
    lines = [
        f"{state.repository}@{state.ref} {state.commit[:COMMIT_CHARS]} {state.state}"
        for state in states
        if state.repository in shown
    ]
    return "\n".join([*lines, *notes])


def short(text: str, limit: int = LINE_CHARS) -> str:
    """A text on one line, cut with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
