"""The catalogue in Dagster: assets, lineage, checks, subsets, and what a failing test does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from catalogs import ask
from chains import DagsterChain, failure

from code_index_assets.code_location import build_defs

FEW = """/*
description: Nothing.
grain: nothing
materialized: table
owner: team:us
columns:
  n: number
tests:
  - row_count: {max: 0}
*/
SELECT 1 AS n FROM raw.build
"""


def refresh(chain: DagsterChain, *selected: str, **options: str) -> dg.ExecuteInProcessResult:
    defs = build_defs({"data": str(chain.data), "model": "test", **chain.options, **options})
    return defs.resolve_job_def("refresh_catalog").execute_in_process(
        instance=chain.instance,
        asset_selection=[dg.AssetKey(name.split(".")) for name in selected] or None,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )


def value_of(event: dg.AssetMaterialization, name: str) -> Any:
    return event.metadata[name].value


def test_models_hang_on_the_assets_they_come_from() -> None:
    graph = build_defs().resolve_asset_graph()
    parents = {key.to_user_string() for key in graph.get(dg.AssetKey(["staging", "stg_files"])).parent_keys}
    assert parents == {"file_hashes"}
    parents = {key.to_user_string() for key in graph.get(dg.AssetKey(["marts", "hot_spots"])).parent_keys}
    assert parents == {"intermediate/int_kept_files", "staging/stg_churn", "staging/stg_churn_windows"}


@pytest.mark.slow
def test_the_whole_catalogue_shows_rows_schema_lineage_and_checks(chain: DagsterChain) -> None:
    result = refresh(chain)
    assert result.success, failure(result)
    event = next(
        e.step_materialization_data.materialization
        for e in result.all_events
        if e.is_step_materialization and e.asset_key == dg.AssetKey(["marts", "languages"])
    )
    assert event.metadata["dagster/row_count"].value == 0
    assert {c.name: c.type for c in value_of(event, "dagster/column_schema").columns}["files"] == "BIGINT"
    lineage = value_of(event, "dagster/column_lineage").deps_by_column
    assert lineage["lines"] == [dg.TableColumnDep(dg.AssetKey(["intermediate", "int_kept_files"]), "lines")]
    graph = next(
        e.step_materialization_data.materialization
        for e in result.all_events
        if e.is_step_materialization and e.asset_key == dg.AssetKey(["marts", "edges"])
    )
    assert value_of(graph, "edges_proven") == 0 and "flowchart LR" in value_of(graph, "picture")
    checks = [e for e in result.all_events if e.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION]
    assert len(checks) > 90
    assert all(check.asset_check_evaluation_data.passed for check in checks)


def test_a_subset_reports_what_is_selected(chain: DagsterChain) -> None:
    assert refresh(chain, "catalog").success
    result = refresh(chain, "marts.languages")
    assert result.success, failure(result)
    made = {e.asset_key.to_user_string() for e in result.all_events if e.is_step_materialization and e.asset_key}
    assert made == {"marts/languages"}


def test_a_failing_test_is_a_failed_check_and_keeps_the_catalogue(chain: DagsterChain, tmp_path: Path) -> None:
    assert refresh(chain, "catalog").success
    before = chain.layout.catalog.read_bytes()
    (tmp_path / "own" / "ours").mkdir(parents=True)
    (tmp_path / "own" / "ours" / "few.sql").write_text(FEW)
    result = refresh(chain, "catalog", "ours.few", sql_models=str(tmp_path / "own"))
    assert not result.success
    assert "row_count" in failure(result)
    assert "the last catalogue stays" in failure(result)
    (check,) = [
        e.asset_check_evaluation_data
        for e in result.all_events
        if e.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ]
    assert not check.passed
    assert check.asset_key == dg.AssetKey(["ours", "few"])
    assert chain.layout.catalog.read_bytes() == before
    assert ask(chain, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'few'") == [(0,)]


def test_a_broken_model_leaves_the_code_location_loadable(chain: DagsterChain, tmp_path: Path) -> None:
    (tmp_path / "own" / "ours").mkdir(parents=True)
    (tmp_path / "own" / "ours" / "bad.sql").write_text("SELECT 1\n")
    result = refresh(chain, "catalog", sql_models=str(tmp_path / "own"))
    assert not result.success
    assert "bad.sql:1: there is no header" in failure(result)
    assert not chain.layout.catalog.exists()
