"""What a model's header declares besides its columns: tests; and the problems found while reading it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

TestKind = Literal["unique", "not_null", "accepted_values", "relationships", "expression", "row_count"]


Severity = Literal["warn", "error"]


@dataclass(frozen=True, order=True)
class Problem:
    """Something wrong with a model: where (file and line, from 1) and what."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class ModelTest:
    """One declared test of a model."""

    name: str
    kind: TestKind
    severity: Severity
    columns: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()
    to: str = ""
    to_columns: tuple[str, ...] = ()
    expression: str = ""
    minimum: int | None = None
    maximum: int | None = None
    line: int = 1

    @property
    def description(self) -> str:
        """The test in one line, as reports show it."""
        listed = ", ".join(self.columns)
        return {
            "unique": f"{listed}: no two rows are equal",
            "not_null": f"{listed}: never null",
            "accepted_values": f"{listed}: one of {', '.join(map(str, self.values))}",
            "relationships": f"{listed}: found in {self.to} ({', '.join(self.to_columns)})",
            "expression": f"in every row: {self.expression}",
            "row_count": f"between {self.minimum or 0} and {'any number of' if self.maximum is None else self.maximum}"
            " rows",
        }[self.kind]
