"""What hangs together with a place in a repository: what it calls, who calls it, what it names.

What lives here: one step from a place to others, over resolved edges where a language has them and over names that few
define where it has not. What does not: resolution (`graph/`), walking on (`graph/pagerank.py`), what is asked
(`context.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from .. import deadlines
from ..errors import OutOfTimeError
from ..graph.questions import NAMED
from ..graph.repository import File
from ..graph.resolver import INFERRED, PROVEN, TEXTUAL, Grade
from .repository_code import RepositoryCode, Symbol

Spot = tuple[str, int, int]  # file, first line, last line
# How much of a place's rank goes over an edge of a grade, and over one against its direction.
WEIGHTS: dict[Grade, float] = {PROVEN: 1.0, INFERRED: 0.8, TEXTUAL: 0.3}
BACKWARDS = 0.7
HELD = 0.3
# Work of one step: uses that are resolved, files that a name's users are looked for in, definitions of a name.
MOST_USES = 80
MOST_FILES = 20
MOST_DEFINITIONS = 3
MOST_USERS = 12
SHORT = 3


@dataclass(frozen=True)
class Link:
    """One edge between two places, and the line that shows it. `backwards`: the end uses the start."""

    start: Spot
    end: Spot
    kind: str
    grade: Grade
    rule: str
    path: str
    line: int
    backwards: bool
    weight: float


class Neighbours:
    """The edges at places of one repository. What was looked at is counted; what an edge was, is kept."""

    def __init__(self, code: RepositoryCode) -> None:
        self.code = code
        self.symbols: dict[Spot, Symbol] = {}
        self.links: dict[Spot, Link] = {}  # the heaviest edge that leads to a place
        self.resolved_files: set[str] = set()
        self.named_files: set[str] = set()
        self.cut = False  # time was up: edges of places asked about since are missing

    def __call__(self, spot: Spot) -> list[tuple[Spot, float]]:
        """Places next to a place, with the weight of the edge; none once the time is up."""
        if self.cut:
            return []
        file = self.code.graph.references.repository.file(spot[0])
        try:
            links = [*self._resolved(spot, file)] if file is not None else [*self._by_name(spot)]
        except OutOfTimeError:
            self.cut = True
            return []
        (self.resolved_files if file is not None else self.named_files).add(spot[0])
        weights: dict[Spot, float] = {}
        for link in links:
            if link.end == spot:
                continue
            weights[link.end] = max(weights.get(link.end, 0.0), link.weight)
            known = self.links.get(link.end)
            if known is None or known.weight < link.weight:
                self.links[link.end] = link
        return sorted(weights.items())

    def spot_of(self, symbol: Symbol) -> Spot:
        """The place of a definition."""
        self.symbols[symbol.place] = symbol
        return symbol.place

    def at(self, path: str, line: int, name: str = "") -> Spot | None:
        """The place of the innermost definition around a line, of a name first."""
        symbol = self.code.around(path, line, name)
        return self.spot_of(symbol) if symbol is not None else None

    # -- languages with resolution -------------------------------------------------------------------------------------

    def _resolved(self, spot: Spot, file: File) -> Iterable[Link]:
        yield from self._calls(spot, file)
        yield from self._callers(spot, file)

    def _calls(self, spot: Spot, file: File) -> Iterable[Link]:
        references = self.code.graph.references
        resolver = references.resolver(file)
        seen: set[tuple[str, str]] = set()
        for number, expression in enumerate(file.expressions):
            if expression[0] not in ("n", "a") or not spot[1] <= expression[2] <= spot[2]:
                continue
            name, role = str(expression[1]), str(expression[5])
            if (name, role) in seen or role in ("write", "import"):
                continue
            seen.add((name, role))
            if len(seen) > MOST_USES:
                return
            deadlines.check()
            resolution = references.resolved(resolver, file, number)
            for path, definition in resolution.targets[:MOST_DEFINITIONS]:
                made = references.repository.definition((path, definition))
                if made.kind in ("parameter", "variable", "import") and path == spot[0]:
                    continue
                end = self.at(path, made.line, made.name)
                if end is None:
                    continue
                kind = {"call": "calls", "new": "instantiates", "type": "types"}.get(role, "reads")
                weight = WEIGHTS[resolution.grade] * self._rarity(name) / len(resolution.targets)
                yield Link(
                    spot, end, kind, resolution.grade, resolution.rule, spot[0], expression[2], False,
                    weight if kind != "reads" else weight / 2,
                )  # fmt: skip

    def _callers(self, spot: Spot, file: File) -> Iterable[Link]:
        references = self.code.graph.references
        resolver = references.resolver(file)
        symbol = self.symbols.get(spot)
        for number, made in enumerate(file.definitions):
            if made.kind not in NAMED or not made.name or not spot[1] <= made.line <= spot[2]:
                continue
            if symbol is not None and made.name != symbol.name:
                continue
            if len(made.name) < SHORT or not 0 < self.code.user_count(made.name) <= MOST_FILES:
                continue  # nobody else, or so many that finding the few would take long
            place = resolver.canonical((spot[0], number))
            for caller in references.answer_of([place]).callers[:MOST_USERS]:
                end = self.at(caller.path, caller.at or caller.line)
                if end is not None:
                    weight = WEIGHTS[caller.grade] * BACKWARDS * self._rarity(made.name)
                    yield Link(spot, end, "calls", caller.grade, caller.why, caller.path, caller.at, True, weight)

    # -- other languages -----------------------------------------------------------------------------------------------

    def _by_name(self, spot: Spot) -> Iterable[Link]:
        code = self.code
        symbol = self.symbols.get(spot)
        for name, line in code.names_in(*spot)[:MOST_USES]:
            if len(name) <= SHORT:
                continue
            made = code.named(name, MOST_DEFINITIONS)
            for one in made:
                if symbol is None or one.language == symbol.language:
                    weight = WEIGHTS[TEXTUAL] * self._rarity(name) / len(made)
                    yield Link(spot, self.spot_of(one), "names", TEXTUAL, "name only", spot[0], line, False, weight)
        if symbol is None or len(symbol.name) <= SHORT:
            return
        rivals = len(code.named(symbol.name, MOST_DEFINITIONS)) or MOST_DEFINITIONS + 1
        if rivals > MOST_DEFINITIONS:
            return
        for path, lines in code.users(symbol.name, MOST_FILES)[:MOST_USERS]:
            end = self.at(path, lines[0])
            if end is not None:
                weight = WEIGHTS[TEXTUAL] * BACKWARDS * self._rarity(symbol.name) / rivals
                yield Link(spot, end, "names", TEXTUAL, "name only", path, lines[0], True, weight)

    def _rarity(self, name: str) -> float:
        """Names that many files mention tell little of what belongs together."""
        return 1 / math.log2(2 + self.code.user_count(name))
