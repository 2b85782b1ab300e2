"""Matching lines and certificates as text for a terminal.

What lives here: that rendering, of answers as JSON objects (they may come from a server). What does not: other answers
(`render.py`).
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from .absence import absence_line
from .answers import Absence, LeftOut
from .render import painter, printable


def render_grep(answer: dict[str, Any], *, count: bool = False, color: bool = False) -> str:
    """Lines under the file they are in, or how many there are; then what was not looked at."""
    paint = painter(color)
    blocks = []
    for (repository, path), group in groupby(answer["matches"], key=lambda row: (row["repository"], row["path"])):
        lines = [f"{paint('dim', repository)} {paint('path', printable(path))}"]
        for row in group:
            for offset, text in enumerate(row["text"].split("\n")):
                number = paint("line", f"{row['line'] + offset:>7}")
                lines.append(f"{number}:{row['column'] if not offset else '':<4} {printable(text)}")
        blocks.append("\n".join(lines))
    if answer["notes"]:
        blocks.append("\n".join(paint("warn", note) for note in answer["notes"]))
    if answer.get("absence"):
        blocks.append(paint("warn", absence_text(answer["absence"])))
    complete = "" if answer["complete"] else ", and not everything was looked at"
    shown = "" if count else f"{len(answer['matches'])} of "
    blocks.append(paint("dim", f"{shown}{answer['total']} lines in {answer['files']} files{complete}"))
    return "\n\n".join(blocks)


def absence_text(absence: dict[str, Any]) -> str:
    """A certificate as a JSON object in one line."""
    left_out = tuple(LeftOut(**one) for one in absence["left_out"])
    return absence_line(Absence(**{**absence, "left_out": left_out}))
