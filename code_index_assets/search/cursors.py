"""Cursors: where the next page of an answer begins, and of which publication.

What lives here: cursors as opaque text. What does not: pages (`references.py`, `serve/`).
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass

from ..errors import QueryError
from ..storage.fingerprint import fingerprint

MAX_OFFSET = 1_000_000
_PUBLICATION = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True)
class Cursor:
    """The next page begins at `offset` (from 0) of the answer that `publication` gave."""

    publication: str
    offset: int


def encode_cursor(cursor: Cursor, question: dict[str, object]) -> str:
    """Opaque text for a cursor of one question (all arguments but the cursor and the page's size)."""
    body = json.dumps([cursor.publication, cursor.offset, _mark(question)], separators=(",", ":"))
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def decode_cursor(text: str, question: dict[str, object]) -> Cursor:
    """The cursor of a text that came with an answer to the same question. Raises QueryError."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        publication, offset, mark = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError):
        raise _unknown("the cursor is not one that an answer gave") from None
    well_formed = isinstance(publication, str) and _PUBLICATION.fullmatch(publication) is not None
    if not well_formed or type(offset) is not int or not 0 <= offset <= MAX_OFFSET:
        raise _unknown("the cursor is not one that an answer gave")
    if mark != _mark(question):
        raise _unknown("the cursor belongs to another question")
    return Cursor(publication, offset)


def _mark(question: dict[str, object]) -> str:
    return fingerprint(question)[:12]


def _unknown(message: str) -> QueryError:
    return QueryError(message, remedy="repeat the question unchanged with its cursor, or ask without a cursor")
