"""Damaged texts for every grammar: mutants of samples, and words of the grammar itself in disorder.

What lives here: making them, from a seed. What does not: what must hold for them (`test_fuzz.py`).
"""

from __future__ import annotations

import random

from code_index_assets.chunking import grammars

MARKS = ['"', '"""', "'", "`", "{", "}", "(", ")", "/*", "*/", "//", "#", "\0", "$", "${", "@", "<", ">", "\n", "\r", "<<A\n",
         "%", "\\", ":", "\ufeff", "é", "\U0001f600", "\t", "-" * 3, "=" * 5]  # fmt: skip


def mutate(chance: random.Random, text: str) -> str:
    """The text with up to twelve stretches cut out, doubled, moved, or replaced by noise."""
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(len(text) + 1)
        end = min(len(text), at + chance.randint(1, 60))
        deed = chance.randrange(6)
        if deed == 0:
            text = text[:at] + chr(chance.randrange(256)) + text[at + 1 :]
        elif deed == 1:
            text = text[:at] + text[end:]
        elif deed == 2:
            text = text[:at] + chance.choice(MARKS) + text[at:]
        elif deed == 3:
            to = chance.randrange(len(text) + 1)
            text = text[:to] + text[at:end] + text[to:]
        elif deed == 4:
            text = text[:at] + text[at:end] * chance.choice((2, 3, 60)) + text[end:]
        else:
            text = text[: max(at, 1)]
    return text[:20_000] or "x"


def words(name: str) -> list[str]:
    """What a grammar takes as tokens of its own, and a few names and numbers."""
    language = grammars.language(name)
    kinds = range(language.node_kind_count)
    found = {language.node_kind_for_id(number) for number in kinds if not language.node_kind_is_named(number)}
    return [*sorted(word for word in found if word), *["name", "Other", "x", "12", '"text"', "\n", "\n  "] * 5]


def soup(chance: random.Random, tokens: list[str]) -> str:
    """Tokens of a grammar in disorder."""
    return "".join(
        chance.choice(tokens) + chance.choice((" ", " ", " ", "\n", "")) for _ in range(chance.randint(3, 300))
    )
