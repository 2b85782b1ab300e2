"""Owners of files by CODEOWNERS: the rules as GitHub reads them.

What lives here: parsing and matching. What does not: where the file's text comes from (`load.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..sources.ignore import Pattern, parse_pattern

# In the order in which they are looked for: the first that is there counts.
PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
_PARTS = re.compile(r"((?:\\.|[^\\\s])+)\s*(.*)", re.DOTALL)


@dataclass(frozen=True)
class OwnerRule:
    """One line of a CODEOWNERS file."""

    line: int
    text: str
    owners: tuple[str, ...]
    pattern: Pattern

    def matches(self, path: str) -> bool:
        """Whether it speaks of a file: by its own name, or that of a folder it is in (`docs/*` takes no folders)."""
        raw = path.encode("utf-8", "surrogateescape")
        if not self.pattern.folders_only and self.pattern.covers(raw):
            return True
        if self.text.endswith("/*"):
            return False
        return any(self.pattern.covers(raw[:i]) for i, byte in enumerate(raw) if byte == 0x2F)


def parse_owners(text: str) -> list[OwnerRule]:
    """The rules of a file, in order. Section headings, comments and negations (which have no meaning) are left out."""
    rules = []
    for number, line in enumerate(text.split("\n"), 1):
        body = line.strip()
        if not body or body.startswith(("#", "!", "[", "^[")):
            continue
        match = _PARTS.match(body)
        pattern = parse_pattern(match[1].encode(), number) if match else None
        if match is None or pattern is None:
            continue
        owners = re.split(r"\s#", " " + match[2])[0].split()
        rules.append(OwnerRule(number, match[1], tuple(owners), pattern))
    return rules


def owned(rules: list[OwnerRule], paths: Iterable[str]) -> Iterator[tuple[str, OwnerRule]]:
    """The deciding rule of each file that has one: the last that matches."""
    backwards = rules[::-1]
    for path in paths:
        rule = next((rule for rule in backwards if rule.matches(path)), None)
        if rule is not None:
            yield path, rule
