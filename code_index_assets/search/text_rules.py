"""Phrases, regular expressions and whole words of a query: what texts must have, as rules.

What lives here: putting them together, with `OR`, `case:` and exclusions. What does not: taking a query apart
(`query.py`), matching (`index/exact/pattern.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ..index.exact.pattern import Pattern, TextRule

ALTERNATIVE = "OR"


@dataclass
class RuleBuilder:
    """Rules in the order of a query. `OR` between two of them makes one rule that either meets."""

    rules: list[TextRule] = field(default_factory=list)
    any_case: bool = True
    _last: bool = False  # the token before was a rule
    _either: bool = False  # the token before was OR, after a rule

    def add(self, pattern: Pattern, *, excluded: bool = False) -> None:
        """A phrase, a regular expression or a whole word."""
        if self._either and not excluded:
            self.rules[-1] = TextRule((*self.rules[-1].patterns, pattern))
        else:
            self.rules.append(TextRule((pattern,), excluded))
        self._last, self._either = not excluded, False

    def is_alternative(self, token: str) -> bool:
        """Whether a token is an `OR` behind a rule; notes it."""
        self._either = token == ALTERNATIVE and self._last
        self._last = False
        return self._either

    @property
    def is_pending(self) -> bool:
        """Whether the token before was an `OR`: what comes now is an alternative, a plain word too."""
        return self._either

    def built(self) -> tuple[TextRule, ...]:
        """The rules, in the case asked for. Raises QueryError for an expression that is none."""
        return tuple(
            TextRule(
                tuple(replace(pattern, any_case=self.any_case).checked() for pattern in rule.patterns), rule.excluded
            )
            for rule in self.rules
        )


def shown(rules: Iterable[TextRule]) -> tuple[str, ...]:
    """Rules as answers name them."""
    return tuple(
        ("-" if rule.excluded else "") + f" {ALTERNATIVE} ".join(pattern.shown for pattern in rule.patterns)
        for rule in rules
    )
