"""Models among each other: order of building, cycles, unknown tables and columns, column lineage.

What lives here: the graph and what can be checked without data. What does not: reading the files (`model.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

from ..storage.fingerprint import digest
from .declarations import Problem
from .model import Model, ModelSet
from .sources import RAW, RAW_TYPES

if TYPE_CHECKING:
    import duckdb

_checked: dict[str, tuple[Problem, ...]] = {}
_LINE = re.compile(r"\bLINE (\d+):")


def parents(model: Model, models: Mapping[str, Model]) -> tuple[str, ...]:
    """Keys of what a model reads: models and `raw.*` tables. Names in `main` stand for the model exposed there."""
    exposed = {m.exposed_as: m.key for m in models.values() if m.exposed_as}
    names = []
    for use in model.uses:
        key = exposed.get(use.name, use.key) if use.schema == "main" else use.key
        names.append(key)
    return tuple(dict.fromkeys(names))


def in_order(models: Mapping[str, Model]) -> list[Model]:
    """The models, each after what it reads. The models must hold no cycle."""
    graph = {key: [p for p in parents(model, models) if p in models] for key, model in models.items()}
    return [models[key] for key in TopologicalSorter(graph).static_order()]


def leaf_models(models: Mapping[str, Model]) -> list[str]:
    """The keys of models that no other model reads, by name."""
    read = {parent for model in models.values() for parent in parents(model, models) if parent != model.key}
    return sorted(key for key in models if key not in read)


def check_models(model_set: ModelSet) -> tuple[Problem, ...]:
    """Every problem of a set of models: those of the files, unknown tables, cycles, columns, tests."""
    # The answer follows from the files alone; binding them takes half a second.
    key = digest(repr(model_set))
    if key not in _checked:
        _checked.clear()
        _checked[key] = _problems(model_set)
    return _checked[key]


def _problems(model_set: ModelSet) -> tuple[Problem, ...]:
    models = dict(model_set.models)
    problems = list(model_set.problems)
    broken = {p.path for p in problems}
    for model in models.values():
        lines = {use.key: use.line for use in model.uses}
        for use in model.uses:
            if not _known(use.schema, use.name, models) and not _of_broken(use.name, broken):
                problems.append(Problem(model.shown, lines[use.key], f"there is no table or model {use.key}"))
        for test in model.tests:
            if test.to and test.to not in models and test.to not in RAW:
                problems.append(Problem(model.shown, test.line, f"test {test.name}: there is no model {test.to}"))
    cyclic = set()
    for circle in _cycles(models):
        cyclic |= set(circle)
        first = models[circle[0]]
        others = set(circle)
        line = next((u.line for u in first.uses if u.key in others), 1)
        problems.append(Problem(first.shown, line, "a cycle: " + " → ".join([*circle, circle[0]])))
    problems += _bind({key: model for key, model in models.items() if key not in cyclic}, problems)
    return tuple(sorted(set(problems)))


def _known(schema: str, name: str, models: Mapping[str, Model]) -> bool:
    key = f"{schema}.{name}"
    return key in models or key in RAW or (schema == "main" and any(m.exposed_as == name for m in models.values()))


def _of_broken(name: str, broken: Iterable[str]) -> bool:
    """Whether the name is that of a model whose own problem is already reported."""
    return any(path.endswith(f"/{name}.sql") for path in broken)


def _cycles(models: Mapping[str, Model]) -> list[list[str]]:
    """The circles among models, each once, from its first key on."""
    edges = {key: [p for p in parents(model, models) if p in models] for key, model in models.items()}
    circles: list[list[str]] = []
    done: set[str] = set()
    for start in sorted(edges):
        if start in done:
            continue
        stack = [(start, [start])]
        seen = {start}
        while stack:
            key, way = stack.pop()
            if start in edges[key]:
                circles.append(way)
                done |= set(way)
                break
            for parent in edges[key]:
                if parent not in seen and parent not in done:
                    seen.add(parent)
                    stack.append((parent, [*way, parent]))
        done.add(start)
    return circles


def empty_catalog() -> duckdb.DuckDBPyConnection:
    """An in-memory database with every `raw` table, empty; files out of reach."""
    import duckdb

    connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false", "threads": 1})
    connection.execute("SET enable_external_access = false")
    connection.execute("CREATE SCHEMA raw")
    for key, types in RAW_TYPES.items():
        columns = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
        connection.execute(f"CREATE TABLE {key} ({columns})")
    return connection


def _bind(models: dict[str, Model], known: list[Problem]) -> list[Problem]:
    """Binds every model on empty tables: unknown columns, types that do not fit, columns not declared, tests."""
    from .audit import probe

    problems: list[Problem] = []
    reported = {problem.path for problem in known}
    with empty_catalog() as connection:
        for schema in sorted({model.schema for model in models.values()}):
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        for model in in_order(models):
            error = _create(connection, model)
            if error is None:
                problems += _undeclared(model, column_types(connection, model))
            elif model.shown not in reported:
                problems.append(error)
            if error is not None:
                stub = ", ".join(f'NULL AS "{column}"' for column in model.columns) or "NULL AS nothing"
                connection.execute(f"CREATE VIEW {model.key} AS SELECT {stub}")
            if model.exposed_as:
                connection.execute(f'CREATE VIEW main."{model.exposed_as}" AS SELECT * FROM {model.key}')
        bad = {problem.path for problem in problems} | reported
        for model in models.values():
            if model.shown not in bad:
                problems += probe(connection, model, models)
    return problems


def _create(connection: duckdb.DuckDBPyConnection, model: Model) -> Problem | None:
    import duckdb

    try:
        # On the first line, so that the line an error names is the line of the file.
        connection.execute(f"CREATE VIEW {model.key} AS {model.sql}")
    except duckdb.Error as error:
        text = str(error)
        line = int(match[1]) if (match := _LINE.search(text)) else model.sql_line
        return Problem(model.shown, line, " ".join(text.split("\n\nLINE", maxsplit=1)[0].split()))
    return None


def _undeclared(model: Model, actual: Mapping[str, str]) -> list[Problem]:
    problems = [
        Problem(model.shown, model.sql_line, f"column {name!r} is neither declared nor documented in the header")
        for name in actual
        if name not in model.columns
    ]
    problems += [
        Problem(
            model.shown, model.column_lines.get(name, 1), f"the header declares {name!r}, the query has no such column"
        )
        for name in model.columns
        if name not in actual
    ]
    return problems


def column_types(connection: duckdb.DuckDBPyConnection, model: Model) -> dict[str, str]:
    """Column types of a built model."""
    rows = connection.execute(f"DESCRIBE {model.key}").fetchall()
    return {row[0]: row[1] for row in rows}


def column_lineage(model: Model, models: Mapping[str, Model], types: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Column → [(table key, column)] it is computed from, one step up. Columns it cannot follow are left out."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    exposed = {m.exposed_as: m.key for m in models.values() if m.exposed_as}
    schema: dict[str, Any] = {}
    for key in {use.key for use in model.uses}:
        area, _, name = key.partition(".")
        real = exposed.get(name, key) if area == "main" else key
        schema.setdefault(area, {})[name] = dict(types.get(real, {}))
    columns_of: dict[str, list[tuple[str, str]]] = {}
    try:
        tree = qualify(
            sqlglot.parse_one(model.sql, read="duckdb"), schema=schema, dialect="duckdb", validate_qualify_columns=False
        )
        scope = build_scope(tree)
        for column in model.columns:
            sources: dict[tuple[str, str], None] = {}
            for node in lineage(column, tree, schema=schema, scope=scope, dialect="duckdb").walk():
                table = node.expression
                if isinstance(table, exp.Table) and not node.downstream:
                    key = f"{table.db}.{table.name}" if table.db else exposed.get(table.name, table.name)
                    sources[key, node.name.rpartition(".")[2].strip('"')] = None
            columns_of[column] = list(sources)
    except (SqlglotError, ValueError, KeyError, RecursionError):
        pass
    return columns_of
