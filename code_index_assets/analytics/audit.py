"""The tests of models: their SQL, running them, and what a failure says.

What lives here: `ModelTest` to a query of failing rows, `TestResult`. What does not: what happens then (`catalog.py`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import GateRefusedError
from .declarations import ModelTest, Problem
from .model import Model

if TYPE_CHECKING:
    import duckdb

SHOWN_ROWS = 5


@dataclass(frozen=True)
class TestResult:
    """What a test found: how many rows fail (groups of equal rows for `unique`), and some of them."""

    model: str
    test: ModelTest
    failures: int
    rows: tuple[dict[str, Any], ...] = ()
    seconds: float = 0.0
    carried: bool = False  # the model did not change: the result of the last build stands

    @property
    def passed(self) -> bool:
        """Whether no row fails the test."""
        return self.failures == 0

    @property
    def refuses(self) -> bool:
        """Whether the failure keeps the model from being published."""
        return not self.passed and self.test.severity == "error"

    def __str__(self) -> str:
        shown = "; ".join(str(row) for row in self.rows)
        return f"{self.model}: {self.test.name} ({self.test.description}): {self.failures:,} failing: {shown}"


class AuditFailedError(GateRefusedError):
    """Tests of error severity failed; the last catalogue stays. `results` holds every result of the build."""

    def __init__(self, results: list[TestResult]) -> None:
        failed = [result for result in results if result.refuses]
        super().__init__(
            f"{len(failed)} test{'s' * (len(failed) > 1)} of the SQL models failed; the last catalogue stays:\n  "
            + "\n  ".join(map(str, failed)),
            remedy="correct the data or the model, or set the test's severity to warn",
        )
        self.results = results


@dataclass(frozen=True)
class Scope:
    """The part of a model that is tested: all rows, or those of some partitions."""

    column: str | None = None
    partitions: Collection[str] = field(default_factory=tuple)

    def condition(self, test: ModelTest) -> str:
        """The WHERE clause; all rows where a test's result may change by what other partitions hold."""
        if self.column is None or test.kind == "row_count":
            return ""
        if test.kind in ("unique", "relationships") and self.column not in test.columns:
            return ""
        return f' WHERE "{self.column}" IN ({", ".join(map(literal, sorted(self.partitions)))})'


def literal(value: object) -> str:
    """A value as an SQL literal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def failing_rows(model: Model, test: ModelTest, scope: Scope) -> str:
    """The query whose rows are the failures of a test."""
    where = scope.condition(test)
    source = f"(SELECT * FROM {model.key}{where})" if where else model.key
    columns = ", ".join(f'"{column}"' for column in test.columns)
    if test.kind == "unique":
        return f'SELECT {columns}, count(*) AS "rows" FROM {source} GROUP BY ALL HAVING count(*) > 1'
    if test.kind == "not_null":
        return f"SELECT * FROM {source} WHERE " + " OR ".join(f'"{column}" IS NULL' for column in test.columns)
    if test.kind == "accepted_values":
        allowed = ", ".join(map(literal, test.values))
        return f'SELECT {columns}, count(*) AS "rows" FROM {source} WHERE {columns} NOT IN ({allowed}) GROUP BY ALL'
    if test.kind == "relationships":
        matches = " AND ".join(
            f'o."{there}" = t."{here}"' for here, there in zip(test.columns, test.to_columns, strict=True)
        )
        present = " AND ".join(f't."{column}" IS NOT NULL' for column in test.columns)
        own = ", ".join(f't."{column}"' for column in test.columns)
        return (
            f"SELECT DISTINCT {own} FROM {source} t "
            f"WHERE {present} AND NOT EXISTS (SELECT 1 FROM {test.to} o WHERE {matches})"
        )
    if test.kind == "expression":
        return f"SELECT * FROM {source} WHERE NOT coalesce(({test.expression}), true)"
    low, high = test.minimum or 0, test.maximum
    bounds = f"n < {low}" + (f" OR n > {high}" if high is not None else "")
    return f'SELECT n AS "rows" FROM (SELECT count(*) AS n FROM {model.key}) WHERE {bounds}'


def run_test(connection: duckdb.DuckDBPyConnection, model: Model, test: ModelTest, scope: Scope) -> TestResult:
    """Runs one test."""
    started = time.perf_counter()
    query = failing_rows(model, test, scope)
    counted = connection.execute(f"SELECT count(*) FROM ({query})").fetchone()
    failures = int(counted[0]) if counted else 0
    rows: tuple[dict[str, Any], ...] = ()
    if failures:
        result = connection.execute(f"{query} LIMIT {SHOWN_ROWS}")
        names = [column[0] for column in result.description or []]
        rows = tuple(dict(zip(names, row, strict=True)) for row in result.fetchall())
    return TestResult(model.key, test, failures, rows, time.perf_counter() - started)


def probe(connection: duckdb.DuckDBPyConnection, model: Model, models: Mapping[str, Model]) -> list[Problem]:
    """Problems of tests that cannot be run at all (found on empty tables)."""
    import duckdb

    problems = []
    for test in model.tests:
        if test.to and test.to not in models and not test.to.startswith("raw."):
            continue
        try:
            connection.execute(f"EXPLAIN {failing_rows(model, test, Scope())}")
        except duckdb.Error as error:
            text = " ".join(re.split(r"\n\nLINE", str(error))[0].split())
            problems.append(Problem(model.shown, test.line, f"test {test.name}: {text}"))
    return problems
