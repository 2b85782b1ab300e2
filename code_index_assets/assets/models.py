"""SQL models as Dagster specs: assets with their columns and dependencies, tests as asset checks.

What lives here: `Model` to `AssetSpec` and `AssetCheckSpec`, results to metadata. What does not: the asset that builds
them all (`catalog.py`), the models (`analytics/`).
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from ..analytics.audit import TestResult
from ..analytics.catalog import ModelResult
from ..analytics.edge_figures import EdgeFigures
from ..analytics.graph import column_lineage, parents
from ..analytics.model import Model
from ..analytics.sources import RAW, RAW_TYPES
from .automation import model_condition
from .chain import OWNERS

MODEL_TAG = "code_index/sql_model"
_SHOWN = 120


def asset_key(model_key: str) -> dg.AssetKey:
    """`marts.languages` → marts/languages."""
    return dg.AssetKey(model_key.split("."))


def upstream_keys(key: str) -> list[dg.AssetKey]:
    """Asset keys behind a key of a model's query: the model, or the assets a `raw` table comes from."""
    if key in RAW:
        return [dg.AssetKey(name) for name in RAW[key].assets]
    return [asset_key(key)]


def spec_of(model: Model, models: Mapping[str, Model]) -> dg.AssetSpec:
    """The asset of a model."""
    known = [key for key in parents(model, models) if key in models or key in RAW]
    upstream = dict.fromkeys(key for parent in known for key in upstream_keys(parent))
    columns = [dg.TableColumn(name=name, type="", description=text) for name, text in model.columns.items()]
    return dg.AssetSpec(
        key=asset_key(model.key),
        deps=[_dep(key) for key in upstream],
        description=f"{model.description}\n\nOne row: {model.grain}.\n\n```sql\n{model.sql.strip()}\n```",
        group_name=model.schema,
        owners=[model.owner] if model.owner.startswith("team:") or "@" in model.owner else OWNERS,
        kinds={"duckdb", "sql", model.materialized},
        tags={MODEL_TAG: "true"},
        code_version=model.version[:12],
        skippable=True,
        automation_condition=model_condition(),
        metadata={
            "dagster/column_schema": dg.TableSchema(columns=columns),
            "dagster/table_name": model.key,
            "grain": model.grain,
            "file": model.shown,
        },
    )


def _dep(key: dg.AssetKey) -> dg.AssetDep:
    if len(key.path) == 1:  # an asset of the chain, partitioned: the models read what all of its partitions published
        return dg.AssetDep(key, partition_mapping=dg.AllPartitionMapping())
    return dg.AssetDep(key)


def check_specs_of(models: Iterable[Model]) -> list[dg.AssetCheckSpec]:
    """The asset checks of all tests."""
    return [
        dg.AssetCheckSpec(
            name=test.name,
            asset=asset_key(model.key),
            description=f"{test.description} ({test.severity})",
            metadata={"kind": test.kind},
        )
        for model in models
        for test in model.tests
    ]


def check_result(result: TestResult) -> dg.AssetCheckResult:
    """The result of a test, with some failing rows."""
    metadata: dict[str, Any] = {"failing": result.failures, "seconds": round(result.seconds, 4)}
    if result.rows:
        metadata["rows"] = dg.MetadataValue.md(markdown(result.rows))
    if result.carried:
        metadata["carried"] = "nothing it reads has changed since it last ran"
    return dg.AssetCheckResult(
        check_name=result.test.name,
        asset_key=asset_key(result.model),
        passed=result.passed,
        severity=dg.AssetCheckSeverity.ERROR if result.test.severity == "error" else dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )


def edge_metadata(figures: EdgeFigures) -> dict[str, Any]:
    """The code graph as metadata: numbers that Dagster plots over time, a table, a drawing of folders."""
    return {
        **figures.numbers,
        "kinds_by_grade": dg.MetadataValue.md(figures.table()),
        "picture": dg.MetadataValue.md(figures.picture()),
    }


def materialization(
    result: ModelResult,
    models: Mapping[str, Model],
    types: Mapping[str, Mapping[str, str]],
    more: Mapping[str, Any] | None = None,
) -> dg.MaterializeResult:
    """What a build made of a model: rows, seconds, column types and lineage, some rows, and `more`."""
    model = result.model
    columns = [
        dg.TableColumn(name=name, type=kind, description=model.columns.get(name, ""))
        for name, kind in result.types.items()
    ]
    lineage = {
        column: [
            dg.TableColumnDep(asset_key=key, column_name=_column_name(table, name))
            for table, name in sources
            for key in upstream_keys(table)[:1]
        ]
        for column, sources in column_lineage(model, models, types).items()
    }
    metadata: dict[str, Any] = {
        "outcome": result.outcome,
        "dagster/row_count": result.rows,
        "seconds": round(result.seconds, 4),
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "dagster/column_lineage": dg.TableColumnLineage(lineage),
    }
    if result.preview:
        metadata["preview"] = dg.MetadataValue.md(markdown(result.preview))
    metadata.update(more or {})
    return dg.MaterializeResult(asset_key=asset_key(model.key), metadata=metadata)


def all_types(results: Iterable[ModelResult]) -> dict[str, Mapping[str, str]]:
    """Column types of every table a model may read."""
    return {**RAW_TYPES, **{result.model.key: result.types for result in results}}


def _column_name(table: str, column: str) -> str:
    """The chain's assets show their tables' columns as `table.column` where they have several tables."""
    several = {"raw.files", "raw.findings", "raw.chunks", "raw.symbols", "raw.imports", "raw.references_"}
    return f"{RAW[table].table.name.rstrip('_')}.{column}" if table in several else column


def markdown(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as a Markdown table, long values cut."""
    all_rows = list(rows)
    if not all_rows:
        return ""
    names = list(all_rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(_cell(row[name]) for name in names) + " |" for row in all_rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, default=str)
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
