"""Words of code and text as rows of a vocabulary of word pieces.

What lives here: cutting. What does not: the pieces' vectors (`static_table.py`) and how they are fitted (`fitting/`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..text import identifier_words

WORD = re.compile(r"\w+")


class WordPieces:
    """Rows of identifiers in a vocabulary: words of an identifier by greedy longest match (Wu et al. 2016)."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._rows = {piece: row for row, piece in enumerate(vocabulary)}
        self._longest = max(map(len, vocabulary))

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, word: str) -> bool:
        return word in self._rows

    def of_name(self, name: str) -> list[int]:
        """Rows of an identifier, which is split into words first; empty if no word of it can be spelt."""
        return [row for word in identifier_words(name) for row in self.of_word(word)]

    def of_word(self, word: str) -> list[int]:
        """Rows of one lower-case word."""
        pieces: list[int] = []
        start = 0
        while start < len(word):
            end = min(len(word), start + self._longest)
            while end > start:
                piece = word[start:end] if start == 0 else "##" + word[start:end]
                row = self._rows.get(piece)
                if row is not None:
                    pieces.append(row)
                    break
                end -= 1
            if end == start:
                return []
            start = end
        return pieces

    def of_text(self, text: str) -> list[int]:
        """Rows of all words of a text, in order."""
        return [row for name in WORD.findall(text) for row in self.of_name(name)]
