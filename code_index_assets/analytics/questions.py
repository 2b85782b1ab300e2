"""The questions of docs/questions.md: a heading and the SQL below it.

What lives here: reading them. What does not: asking them (`query.py`, the tests, the benchmark).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_QUESTION = re.compile(r"^## (?P<title>[^\n]+)\n.*?```sql\n(?P<sql>.*?)```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """One question and its query."""

    title: str
    sql: str


def read_questions(path: Path) -> list[Question]:
    """The questions of a page, in order."""
    return [Question(m["title"].strip(), m["sql"].strip()) for m in _QUESTION.finditer(path.read_text("utf-8"))]
