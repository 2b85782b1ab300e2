"""The text of a chunk that is embedded, and the words of identifiers.

What lives here: the text format (its version is part of the embedding space) and identifier splitting. What does
not: tokens (each model) and the lexical lane's analysis (`chunking/terms.py`).

The text holds nothing derived from repository or folder, so that a move, a fork or a vendored copy embeds nothing.
"""

from __future__ import annotations

import re

TEXT_FORMAT = "1"

# parseHTTPResponse2 → parse HTTP Response 2; snake_case and digits split too.
IDENTIFIER_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+|\d+")


def identifier_words(name: str) -> list[str]:
    """Lower-cased words of an identifier or a dotted name."""
    return [part.lower() for part in IDENTIFIER_PARTS.findall(name)]


def chunk_text(kind: str, local_name: str | None, text: str) -> str:
    """What is embedded for a chunk: its kind and name, the name's words, then the chunk itself.

    Kind and name come first because a model that cuts at 128 tokens reads only 28 % of a 1,500-character chunk.
    """
    if not local_name:
        return f"{kind}\n{text}"
    words = " ".join(identifier_words(local_name))
    return f"{kind} {local_name}\n{words}\n{text}"
