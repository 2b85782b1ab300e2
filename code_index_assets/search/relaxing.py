"""A query without the texts that may be dropped from it, for when they leave nothing.

What lives here: what is dropped. What does not: when (`engine.py`), rules as such (`text_rules.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..index.exact.pattern import TextRule
from .query import Query
from .text_rules import shown


@dataclass(frozen=True)
class Relaxed:
    """A query without its phrases and exclusions, which are `ignored`."""

    query: Query
    ignored: tuple[str, ...]


def without_texts(query: Query) -> Relaxed:
    """Drops what may be dropped beside other words: phrases and excluded words, in the spelling of the query.

    Regular expressions, whole words and alternatives are asked for on purpose, and stay.
    """
    dropped = tuple(rule for rule in query.rules if not rule.excluded and _is_phrase(rule))
    rules = tuple(rule for rule in query.rules if rule not in dropped)
    ignored = (*shown(dropped), *(f"-{word}" for word in query.exclude))
    return Relaxed(replace(query, rules=rules, phrases=(), exclude=()), ignored)


def _is_phrase(rule: TextRule) -> bool:
    return len(rule.patterns) == 1 and rule.patterns[0].literal and not rule.patterns[0].word
