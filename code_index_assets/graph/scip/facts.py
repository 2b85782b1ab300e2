"""Facts of files in languages without resolution, made from a precise index: so that it alone gives their edges.

What lives here: `facts_of_uses`, and the resolver of such files, which knows nothing itself. What does not: what the
index says of a use (`overlay.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...chunking.code_facts.model import Def, FileFacts, Scope
from ..repository import File, Place
from ..resolver import EXTERNAL, Resolution, Resolver
from .model import IMPORT, WRITE, symbol_name
from .overlay import Use

LANGUAGE = "scip"
Span = tuple[str, str, int, int]  # name, kind, first line, last line


class PreciseResolver(Resolver):
    """Resolution of files that a precise index alone knows."""

    def lookup(self, file: File, scope: int, name: str, expression: Any) -> tuple[Place, ...] | None:
        """Nothing: what a name denotes, the index alone knows."""
        return None

    def resolve(self, file: File, number: int) -> Resolution:
        """Nothing in the repository, where the index does not say."""
        return EXTERNAL

    def canonical(self, place: Place) -> Place:
        """The place itself."""
        return place


def facts_of_uses(path: str, uses: Iterable[Use], spans: Sequence[Span], last: int) -> FileFacts:
    """The facts of one file: its definitions and uses, in the scopes that the file's symbols span."""
    facts = FileFacts(path, LANGUAGE, scopes=[Scope("module", -1, -1, 1, max(last, 1))])
    every = sorted(uses, key=lambda use: (use.line, use.column))
    own: dict[int, int] = {}
    opened: list[tuple[int, int, int]] = []  # first line, last line, scope
    for use in every:
        name = symbol_name(use.symbol)
        if not name:
            continue
        scope = _innermost(opened, use.line)
        if use.roles & 1:
            kind, end = _kind(use.symbol), use.line
            span = next((s for s in spans if s[0] == name and s[2] <= use.line <= s[3]), None)
            if span is not None:
                kind, end = span[1], span[3]
            number = len(facts.definitions)
            facts.definitions.append(Def(name, kind, scope, use.line, use.column, end))
            if kind in ("class", "struct", "interface", "trait", "enum", "module", "function", "method"):
                facts.scopes.append(
                    Scope("function" if kind in ("function", "method") else "class", scope, number, use.line, end)
                )
                own[number] = facts.definitions[number].own = len(facts.scopes) - 1
                opened.append((use.line, end, own[number]))
        else:
            facts.expressions.append(("n", name, use.line, use.column, scope, _role(use)))
    return facts


def _innermost(opened: list[tuple[int, int, int]], line: int) -> int:
    return next((scope for first, last, scope in reversed(opened) if first <= line <= last), 0)


def _kind(symbol: str) -> str:
    if symbol.endswith("#"):
        return "class"
    if symbol.endswith(")."):
        return "method" if "#" in symbol else "function"
    return "field" if "#" in symbol else "module" if symbol.endswith("/") else "variable"


def _role(use: Use) -> str:
    if use.roles & IMPORT:
        return "import"
    if use.roles & WRITE:
        return "write"
    return "call" if use.symbol.endswith(").") else "type" if use.symbol.endswith("#") else "read"
