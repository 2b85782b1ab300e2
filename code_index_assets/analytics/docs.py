"""docs/catalog.md: the page about every table, generated from the models.

What lives here: models to Markdown. What does not: the questions (docs/questions.md is written by hand).

    python -m code_index_assets.analytics.docs [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from .graph import column_types, empty_catalog, in_order, parents
from .model import Model, load_models
from .sources import ALL, RAW_TYPES

PAGE = Path(__file__).parents[2] / "docs" / "catalog.md"
LAYERS = ("marts", "intermediate", "staging")
_INTRODUCTION = """\
# The catalogue

Generated from `dbt_like_sql/` by `python -m code_index_assets.analytics.docs`; a test holds it current.

`catalog.duckdb` in the data folder is everything that is published, and what every run did, as tables. Each model is
one SELECT in `dbt_like_sql/<layer>/<name>.sql`; the layer is its schema. `marts` answer questions, `intermediate`
holds what several marts share, `staging` gives the sources (`raw`) their names, types and tests. The names in `main`
(`files`, `chunks`, `symbols`, `runs`, …) are views on the models that say "also".

A build writes the next catalogue beside the live one, runs every test, and only then renames it in: a failing test of
severity error keeps the last good one. Only what depends on a change is built anew.

## Your own models

Set `CODE_INDEX_SQL_MODELS` to a folder of `<layer>/<name>.sql`. They are built, tested and shown with the shipped ones.
A model is a comment with YAML, then one SELECT in plain DuckDB SQL; what it reads is found in the SQL itself.

```sql
/*
description: Repositories with code nobody owns.
grain: one repository
materialized: table            # or view
owner: team:platform
partitioned_by: partition      # optional: the rows of a partition depend on that partition alone
exposed_as: unowned            # optional: also as a view of this name in main
columns:
  partition: partition key
  files: kept files without an owner
tests:
  - unique: [partition]
  - not_null: [partition, files]
  - relationships: {columns: [partition], to: staging.stg_repositories}
  - expression: files > 0
    name: some_files
    severity: warn             # error (the default) keeps the last catalogue
  - row_count: {max: 100000}   # also: accepted_values: {column: …, values: […]}
*/
SELECT "partition", files FROM marts.owned_code WHERE owner_name = '(nobody)'
```

`partitioned_by` is a promise: a build after one repository changed makes only that partition's rows. Leave it out where
rows of one partition depend on another (joins between repositories, ranks over all).
"""


def page() -> str:
    """The whole page. Raises ConfigurationError if the shipped models have problems."""
    models = load_models().require()
    types = _types(models)
    parts = [_INTRODUCTION, "## Lineage\n", _picture(models), _contents(models)]
    for layer in LAYERS:
        parts.append(f"## {layer}\n")
        parts += [_model(model, models, types[model.key]) for model in models.values() if model.schema == layer]
    parts.append("## raw\n\nWhat the models are built from: artifacts as they were published, and the run log.\n")
    for raw in ALL:
        rows = "\n".join(
            f"| `{column.name}` | {RAW_TYPES[raw.key][column.name]} | {_cell(column.description)} |"
            for column in raw.table.columns
        )
        source = f" From {', '.join(f'`{name}`' for name in raw.assets)}." if raw.assets else ""
        parts.append(
            f"### {raw.key}\n\n{raw.table.description}{source}\n\n| column | type | |\n|---|---|---|\n{rows}\n"
        )
    return "\n".join(parts)


def _types(models: Mapping[str, Model]) -> dict[str, dict[str, str]]:
    types = {}
    with empty_catalog() as connection:
        for schema in {model.schema for model in models.values()}:
            connection.execute(f"CREATE SCHEMA {schema}")
        for model in in_order(models):
            connection.execute(f"CREATE VIEW {model.key} AS {model.sql}")
            types[model.key] = column_types(connection, model)
    return types


def _picture(models: Mapping[str, Model]) -> str:
    """The marts and what they are built from; the staging views of one table each are shown as that table."""
    lines = ["```mermaid", "flowchart LR"]
    for layer in reversed(LAYERS):
        lines.append(f"  subgraph {layer}")
        lines += [
            f"    {key.replace('.', '_')}[{model.name}]" for key, model in models.items() if model.schema == layer
        ]
        lines.append("  end")
    for key, model in models.items():
        for parent in parents(model, models):
            if parent in models:
                lines.append(f"  {parent.replace('.', '_')} --> {key.replace('.', '_')}")
    return "\n".join([*lines, "```\n"])


def _contents(models: Mapping[str, Model]) -> str:
    rows = [
        f"| [{model.key}](#{model.key.replace('.', '')}) | {_cell(model.description)} | {_cell(model.grain)} |"
        for layer in LAYERS
        for model in models.values()
        if model.schema == layer
    ]
    return "## Tables\n\n| table | | one row |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _model(model: Model, models: Mapping[str, Model], types: Mapping[str, str]) -> str:
    also = f" Also `{model.exposed_as}`." if model.exposed_as else ""
    reads = ", ".join(f"`{key}`" for key in parents(model, models))
    columns = "\n".join(f"| `{name}` | {types[name]} | {_cell(text)} |" for name, text in model.columns.items())
    tests = "\n".join(f"- {_cell(t.description)}{' (warns)' if t.severity == 'warn' else ''}" for t in model.tests)
    return (
        f"### {model.key}\n\n{model.description} One row: {model.grain}. "
        f"A {model.materialized}.{also} Reads {reads}.\n\n"
        f"| column | type | |\n|---|---|---|\n{columns}\n" + (f"\nTests:\n\n{tests}\n" if tests else "")
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def main() -> int:
    """Writes the page; with --check says whether it is current."""
    text = page()
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.exists() and PAGE.read_text("utf-8") == text else 1
    PAGE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
