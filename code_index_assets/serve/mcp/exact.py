"""What the MCP tool `grep_code` says: matching lines, as text and as structured content.

What lives here: wording and cutting. What does not: finding lines (`search/grep.py`), the shapes (`models.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from ...search.answers import GrepAnswer, GrepMatch
from .answers import CursorAt, told
from .fit import LINE_CHARS, Around, Reply, Row, assemble, clean, fit, rest, short
from .models import GREP, GREP_MATCH


def grep_reply(answer: GrepAnswer, *, offset: int, cursor_at: CursorAt, max_tokens: int) -> Reply:
    """Matching lines, as many as the budget allows; `cursor_at(n)` is the cursor of a page that begins at n."""
    around = Around.of(answer.repositories)
    note = "; ".join(answer.notes) or None
    absence = told(answer.absence)

    def build(rows: Sequence[Row]) -> Reply:
        cut = rest(
            len(rows), len(answer.matches), answer.total, offset, max_tokens, "lines", "repositories, paths, languages"
        )
        cursor = cursor_at(offset + len(rows)) if rows else None
        shown = [match.key for match in answer.matches[: len(rows)]]
        data = GREP.row(
            answer,
            matches=[row.data for row in rows],
            total=answer.total,
            next_cursor=cursor,
            cut=cut,
            searched=around.searched(),
            repositories=around.models(shown),
            absence=absence,
            note=note,
        )
        complete = "" if answer.complete else "; not everything was looked at"
        head = f"{answer.outcome}: {answer.total} lines in {answer.files} files of {around.heading()}{complete}"
        body = "\n".join(row.text for row in rows)
        more = f"next_cursor: {cursor}" if cursor else None
        return Reply(assemble(head, absence, body, "\n".join(around.lines(shown)), cut, more, note), data)

    return fit([[_line(match, around) for match in answer.matches]], build, max_tokens)


def _line(match: GrepMatch, around: Around) -> Row:
    text = "\n".join(short(clean(line), LINE_CHARS) for line in match.text.split("\n"))
    place = f"{around.name_of(match.repository, match.ref)} {clean(match.path)}:{match.line}:{match.column}"
    data = GREP_MATCH.row(match, ref=around.ref_of(match.repository, match.ref), text=text)
    return Row(f"{place}: {text}", data)
