"""SQL models: what a file of `dbt_like_sql/` declares, and every problem its text has.

What lives here: the shapes (`Model`, `ModelTest`, `Problem`), reading a folder of models, the YAML comment header, the
tables a query reads. What does not: the order between models (`graph.py`), running them (`catalog.py`) and their
tests (`audit.py`).

A model is one file `<layer>/<name>.sql`: a block comment that holds YAML, then one SELECT. The layer is the schema the
model is built in. Names are unique over all layers and folders.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from ..errors import ConfigurationError
from ..storage.fingerprint import digest
from .declarations import ModelTest, Problem

SHIPPED = Path(__file__).parents[2] / "dbt_like_sql"
RESERVED_SCHEMAS = frozenset({"raw", "meta", "main", "information_schema", "pg_catalog", "temp", "system"})
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_HEADER = re.compile(r"\s*/\*(.*?)\*/", re.DOTALL)

Materialized = Literal["view", "table"]


@dataclass(frozen=True)
class TableUse:
    """A table a query reads: schema, name, and where it is named."""

    schema: str
    name: str
    line: int

    @property
    def key(self) -> str:
        """`schema.name`, as the graph of models names the table."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Model:
    """One model. `sql` is the file with the header blanked: line n of it is line n of the file."""

    name: str
    schema: str
    path: Path
    shown: str
    sql: str
    description: str
    grain: str
    materialized: Materialized
    owner: str
    columns: dict[str, str]
    column_lines: dict[str, int] = field(default_factory=dict)
    tests: tuple[ModelTest, ...] = ()
    partitioned_by: str | None = None
    exposed_as: str | None = None
    uses: tuple[TableUse, ...] = ()
    sql_line: int = 1

    @property
    def key(self) -> str:
        """`schema.name`, as the graph of models names the model."""
        return f"{self.schema}.{self.name}"

    @property
    def version(self) -> str:
        """Digest of everything that decides its rows and how they are kept."""
        return digest(self.sql.strip(), self.materialized, self.partitioned_by or "")


@dataclass(frozen=True)
class ModelSet:
    """The models of some folders, and the problems of those that could not be read."""

    models: dict[str, Model]
    problems: tuple[Problem, ...]

    def require(self) -> dict[str, Model]:
        """The models; raises ConfigurationError that names every problem."""
        refuse(self.problems)
        return self.models


def refuse(problems: Iterable[Problem]) -> None:
    """Raises ConfigurationError if there are problems."""
    wrong = sorted(set(problems))
    if wrong:
        raise ConfigurationError(
            f"{len(wrong)} problem{'s' * (len(wrong) > 1)} in the SQL models; the catalogue stays as it is:\n  "
            + "\n  ".join(map(str, wrong)),
            remedy="correct these files; docs/catalog.md shows what a model holds",
        )


def load_models(own: Path | None = None, shipped: Path = SHIPPED) -> ModelSet:
    """The shipped models and those of the user's folder; never raises for what is wrong inside a file."""
    models: dict[str, Model] = {}
    problems: list[Problem] = []
    for root in [shipped, *([own] if own else [])]:
        if not root.is_dir():
            problems.append(Problem(str(root), 1, "the folder of models is not there"))
            continue
        for path in sorted(root.glob("**/*.sql")):
            shown = f"{root.name}/{path.relative_to(root).as_posix()}" if root == shipped else str(path)
            model = _read(path, shown, problems)
            if model is None:
                continue
            twin = next((m for m in models.values() if m.name == model.name), None)
            if twin is not None:
                problems.append(Problem(shown, 1, f"the name {model.name!r} is taken by {twin.shown}"))
                continue
            if model.exposed_as and any(m.exposed_as == model.exposed_as for m in models.values()):
                problems.append(Problem(shown, 1, f"exposed_as {model.exposed_as!r} is taken by another model"))
                continue
            models[model.key] = model
    return ModelSet(models, tuple(problems))


def _read(path: Path, shown: str, problems: list[Problem]) -> Model | None:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(shown, 1, f"it cannot be read: {error}"))
        return None
    model, wrong = _parsed(path, shown, text)
    problems += wrong
    return model


# An index run loads the models three times; parsing the 50 shipped ones costs 0.4 s of CPU.
@lru_cache(maxsize=1000)
def _parsed(path: Path, shown: str, text: str) -> tuple[Model | None, tuple[Problem, ...]]:
    """The model of a file's text, and what is wrong with it."""
    from .header import parse_header

    problems: list[Problem] = []
    schema, name = path.parent.name, path.stem
    for what, word in (("layer (folder)", schema), ("name", name)):
        if not _NAME.match(word):
            problems.append(Problem(shown, 1, f"the {what} {word!r} is not lower case letters, digits and _"))
    if schema in RESERVED_SCHEMAS:
        problems.append(Problem(shown, 1, f"the schema {schema!r} is not for models"))
    match = _HEADER.match(text)
    if match is None:
        problems.append(Problem(shown, 1, "there is no header: a comment /* … */ with YAML must come first"))
        return None, tuple(problems)
    first = text.count("\n", 0, match.start(1)) + 1
    header = parse_header(match[1], first, shown, problems)
    blanked = "\n" * text.count("\n", 0, match.end()) + text[match.end() :]
    sql = blanked.rstrip().removesuffix(";")
    uses = _tables(sql, shown, problems)
    if header is None or problems:
        return None, tuple(problems)
    sql_line = sql[: len(sql) - len(sql.lstrip())].count("\n") + 1
    model = Model(name=name, schema=schema, path=path, shown=shown, sql=sql, uses=uses, sql_line=sql_line, **header)
    return model, ()


def _tables(sql: str, shown: str, problems: list[Problem]) -> tuple[TableUse, ...]:
    """Tables the query reads, common table expressions left out. Adds a problem if it is not one SELECT."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import ParseError, TokenError

    try:
        statements = [s for s in sqlglot.parse(sql, read="duckdb") if s is not None]
    except ParseError as error:
        for problem in error.errors:
            near = str(problem.get("highlight") or "").strip()
            near = f" near {near!r}" if near else ""
            problems.append(Problem(shown, int(problem.get("line") or 1), f"SQL: {problem.get('description')}{near}"))
        return ()
    except TokenError as error:
        problems.append(Problem(shown, 1, f"SQL: {error}"))
        return ()
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        problems.append(Problem(shown, 1, "a model is exactly one SELECT"))
        return ()
    tree = statements[0]
    ctes = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    uses: dict[str, TableUse] = {}
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or (not table.db and table.name.lower() in ctes):
            continue
        use = TableUse((table.db or "main").lower(), table.name.lower(), int(table.this.meta.get("line") or 1))
        uses.setdefault(use.key, use)
    return tuple(uses.values())
