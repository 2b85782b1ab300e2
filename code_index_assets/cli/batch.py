"""Questions of a file, one JSON object a line, and an answer a line.

What lives here: reading the lines, and errors of one line that leave the others alone. What does not: the questions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import click

from ..errors import CodeIndexError, QueryError
from .failures import failure

Fields = dict[str, Any]


def answer_lines(lines: Iterable[str], shape: str, answer: Callable[[Fields, int], Fields], empty: Fields) -> int:
    """Prints the answer of each line with the line's id (its number without one); returns the exit code.

    `shape` shows people what a line looks like. A line that cannot be answered gets an error object and `empty`.
    """
    failed = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        identity: Any = number
        try:
            asked = _object(line, number, shape)
            identity = asked.get("id", number)
            result = {"id": identity, **answer(asked, number)}
        except CodeIndexError as error:
            failed += 1
            result = {"id": identity, **failure(error), **empty}
        click.echo(json.dumps(result, ensure_ascii=False))
    return 2 if failed else 0


def _object(line: str, number: int, shape: str) -> Fields:
    try:
        asked = json.loads(line)
    except ValueError as error:
        raise QueryError(f"line {number} is not JSON: {error}", remedy=shape) from error
    if not isinstance(asked, dict):
        raise QueryError(f"line {number} is no JSON object", remedy=shape)
    return asked
