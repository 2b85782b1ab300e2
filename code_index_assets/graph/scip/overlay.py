"""What a precise index says about the names that a repository's facts hold.

What lives here: `Overlay`, places of facts by occurrences; how far our own resolution agrees with it. What does not:
the format (`model.py`), storing (`index/precise.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..repository import File, Place, Repository
from ..resolver import INFERRED, PROVEN, Resolution
from .model import package_of, symbol_name

RULE = "scip"


@dataclass(frozen=True)
class Use:
    """One occurrence as it is stored: line from 1, column in bytes."""

    path: str
    line: int
    column: int
    symbol: str
    roles: int


@dataclass
class Agreement:
    """Our own edges against a precise index, over the uses of which both the place and the target are known.

    `seen`: uses that the index ties to a definition of the repository; `found`: of these, those that we tie to it too;
    `decided`: those that we tie to anything.
    """

    seen: int = 0
    found: int = 0
    decided: int = 0
    proven: int = 0
    proven_right: int = 0

    @property
    def recall(self) -> float | None:
        """The share of the index's edges that ours have; None without any."""
        return self.found / self.seen if self.seen else None

    @property
    def precision(self) -> float | None:
        """The share of our edges that the index has too; None without any."""
        return self.found / self.decided if self.decided else None


@dataclass
class Overlay:
    """Resolutions that a precise index gives, by the place of the use (path, line, column)."""

    resolutions: dict[tuple[str, int, int], Resolution] = field(default_factory=dict)
    packages: dict[tuple[str, int, int], tuple[str, str]] = field(default_factory=dict)

    def of(self, path: str, line: int, column: int) -> Resolution | None:
        """What the index says of a use; None if nothing."""
        return self.resolutions.get((path, line, column))

    def decided(self, path: str, line: int, column: int, own: Callable[[], Resolution]) -> Resolution:
        """The resolution of a use: the index's, where it names one definition or one of those that our own names."""
        precise = self.of(path, line, column)
        if precise is None or len(precise.targets) == 1:
            return precise or own()
        ours = own()
        both = tuple(target for target in ours.targets if target in precise.targets)
        return Resolution(both, PROVEN, RULE) if len(both) == 1 else precise


def overlay_of(repository: Repository, uses: Iterable[Use], canonical: Callable[[File, Place], Place]) -> Overlay:
    """The overlay of the occurrences of an index, definitions among them."""
    every = list(uses)
    targets: dict[str, dict[Place, None]] = {}
    for use in every:
        if use.roles & 1:
            file = repository.file(use.path)
            found = _definition_at(file, use) if file is not None else None
            if file is not None and found is not None:
                targets.setdefault(use.symbol, {})[canonical(file, found)] = None
    overlay = Overlay()
    for use in every:
        if use.roles & 1 or use.symbol.startswith("local "):
            continue
        key = (use.path, use.line, use.column)
        places = tuple(targets.get(use.symbol, ()))
        if places:
            # Overloads may share a symbol: which of them is meant, the index does not say.
            overlay.resolutions[key] = Resolution(places, PROVEN if len(places) == 1 else INFERRED, RULE)
        elif package_of(use.symbol)[0]:
            overlay.packages[key] = package_of(use.symbol)
    return overlay


def _definition_at(file: File, use: Use) -> Place | None:
    near = [
        number for number, made in enumerate(file.definitions)
        if made.line == use.line and made.column == use.column and made.kind not in ("import", "narrowed")
        and made.name == symbol_name(use.symbol)
    ]  # fmt: skip
    return (file.path, near[0]) if near else None


def agreement_of(
    overlay: Overlay, repository: Repository, own: Callable[[File, int], Resolution], paths: Iterable[str]
) -> Agreement:
    """How far our own resolution of names agrees with an index, in some files."""
    found = Agreement()
    for path in paths:
        file = repository.file(path)
        if file is None:
            continue
        for number, expression in enumerate(file.expressions):
            if expression[0] not in ("n", "a", "m") or not expression[2]:
                continue
            precise = overlay.of(path, expression[2], expression[3])
            if precise is None:
                continue
            found.seen += 1
            ours = own(file, number)
            right = bool(set(precise.targets) & set(ours.targets))
            found.decided += bool(ours.targets)
            found.found += right
            proven = ours.grade == PROVEN and bool(ours.targets)
            found.proven += proven
            found.proven_right += proven and right
    return found
