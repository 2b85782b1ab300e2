"""Token counts that err on the high side.

What lives here: counting. What does not: filling an answer up to a budget (`context_packing.py`,
`serve/http/tokens.py`).

No tokenizer is loaded: agents use many, and their vocabularies are not ours to ship. On 1,500 chunks of 33
repositories, as text and as JSON, the count is 1.35 times that of the published Claude tokenizer and 1.52 times that of
o200k, and below the real count for less than one text in a hundred.
"""

from __future__ import annotations

import json
import re
from typing import Any

_PIECE = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[ \t\r\n]+|[!-~]|.", re.DOTALL)
COUNTED = (
    "an estimate without a tokenizer, about 1.35 times the count of Claude's: letters by four, digits by two, marks"
)


def count_tokens(text: str) -> int:
    """Tokens of a text, rather too many than too few."""
    total = 0
    for match in _PIECE.finditer(text):
        piece = match.group()
        first = piece[0]
        if not first.isascii():
            total += 2 if first <= "\uffff" else 4
        elif first.isalpha():
            total += -(-len(piece) // 4)
        elif first.isdigit():
            total += -(-len(piece) // 2)
        elif first.isspace():
            # One blank is part of the word after it.
            total += 0 if piece == " " else 1 + len(piece) // 16
        else:
            total += 1
    return total


def json_tokens(value: Any) -> int:
    """Tokens of a value as JSON."""
    return count_tokens(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
