"""Filling an answer up to a token budget.

What lives here: cutting. What does not: counting (`search/token_count.py`), what answers hold (`serve/mcp/answers.py`).
"""

from __future__ import annotations

from typing import Any

from ...search.token_count import count_tokens, json_tokens

__all__ = ["Budget", "count_tokens", "cut_lines", "json_tokens"]


class Budget:
    """What is left of an answer's tokens. Every piece counts twice over: as text and as JSON, both are sent."""

    def __init__(self, tokens: int) -> None:
        self.left = tokens

    def take(self, text: str, value: Any = None) -> bool:
        """Takes a piece if it fits; whether it did."""
        cost = count_tokens(text) + 1 + (json_tokens(value) + 1 if value is not None else 0)
        if cost > self.left:
            return False
        self.left -= cost
        return True


def cut_lines(lines: list[str], tokens: int) -> int:
    """How many of these lines, from the first, fit into so many tokens, counted as text and as a JSON string."""
    left = tokens
    for number, line in enumerate(lines):
        left -= count_tokens(line) + 1 + json_tokens(line) + 1
        if left < 0:
            return number
    return len(lines)
