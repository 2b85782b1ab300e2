"""What Dagster starts and watches by itself: conditions, freshness, limits, and what standing checks see."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from dagster._core.instance.config import dagster_instance_config
from dagster._core.run_coordinator.queued_run_coordinator import RunQueueConfig
from dagster._utils.tags import TagConcurrencyLimitsCounter

from code_index_assets.assets.automation import catalog_condition, model_condition
from code_index_assets.assets.fresh import partitions_in_bounds, repositories_fresh
from code_index_assets.assets.instance import prepare_home
from code_index_assets.assets.partitions import REPOSITORIES
from code_index_assets.code_location import build_defs
from code_index_assets.storage.layout import Layout
from resources.code_index import CodeIndexResource
from schedules.priorities import priority_tags


def asked(result: dg.EvaluateAutomationConditionsResult) -> int:
    return int(result.total_requested)


def models(version: str, condition: dg.AutomationCondition[Any]) -> dg.Definitions:
    @dg.asset(code_version=version, automation_condition=condition)
    def model() -> None: ...

    return dg.Definitions(assets=[model])


def test_a_model_is_built_when_its_query_has_changed_and_not_before() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first = dg.evaluate_automation_conditions(models("1", model_condition()), instance)
        second = dg.evaluate_automation_conditions(models("1", model_condition()), instance, cursor=first.cursor)
        third = dg.evaluate_automation_conditions(models("2", model_condition()), instance, cursor=second.cursor)
        fourth = dg.evaluate_automation_conditions(models("2", model_condition()), instance, cursor=third.cursor)
    assert [asked(one) for one in (first, second, third, fourth)] == [0, 0, 1, 0]


def test_a_stale_catalogue_is_built_once() -> None:
    from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

    policy = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=24), warn_window=timedelta(hours=12))

    @dg.asset(automation_condition=catalog_condition(), freshness_policy=policy)
    def catalog() -> None: ...

    defs = dg.Definitions(assets=[catalog])
    with dg.DagsterInstance.ephemeral() as instance:
        first = dg.evaluate_automation_conditions(defs, instance)
        change = FreshnessStateChange(
            key=dg.AssetKey("catalog"), previous_state=FreshnessState.PASS, new_state=FreshnessState.WARN,
            state_change_timestamp=1.0,
        )  # fmt: skip
        instance._report_runless_asset_event(change)
        second = dg.evaluate_automation_conditions(defs, instance, cursor=first.cursor)
        third = dg.evaluate_automation_conditions(defs, instance, cursor=second.cursor)
    assert [asked(one) for one in (first, second, third)] == [0, 1, 0]


def test_windows_come_from_the_settings() -> None:
    def policies(**options: str) -> dict[str, Any]:
        graph = build_defs(options).resolve_asset_graph()
        return {name: graph.get(dg.AssetKey(name)).freshness_policy for name in ("search_index", "catalog")}

    usual = policies(index_freshness_hours="10", catalog_freshness_hours="4")
    assert {name: policy.fail_window.to_timedelta() for name, policy in usual.items()} == {
        "search_index": timedelta(hours=10),
        "catalog": timedelta(hours=4),
    }
    assert usual["catalog"].warn_window.to_timedelta() == timedelta(hours=2)
    assert set(policies(index_freshness_hours="0", catalog_freshness_hours="0").values()) == {None}


def test_every_job_has_a_limit_of_time_and_every_automated_asset_a_sensor() -> None:
    defs = build_defs()
    assert [job.name for job in defs.jobs or () if "dagster/max_runtime" not in (job.tags or {})] == []
    graph = defs.resolve_asset_graph()
    automated = {key for key in graph.get_all_asset_keys() if graph.get(key).automation_condition is not None}
    [sensor] = [one for one in defs.sensors or () if one.name == "catalog_automation"]
    assert isinstance(sensor, dg.AutomationConditionSensorDefinition)
    assert sensor.asset_selection is not None
    assert automated == sensor.asset_selection.resolve(graph)
    assert dg.AssetKey("search_index") not in automated, "5,000 partitions are for a cursor sensor"


def test_a_push_finds_a_place_beside_a_nightly_rebuild_and_a_backfill(tmp_path: Path) -> None:
    """The launcher's own counter, with the shipped file: whatever waits in bulk, one of the places stays free."""
    home = prepare_home(Layout(tmp_path / "data"))
    config, _ = dagster_instance_config(str(home))
    runs = config["concurrency"]["runs"]
    queue = RunQueueConfig(
        max_concurrent_runs=runs["max_concurrent_runs"], tag_concurrency_limits=runs["tag_concurrency_limits"]
    )
    counter = TagConcurrencyLimitsCounter(list(queue.tag_concurrency_limits), [])
    waiting = [{**priority_tags("nightly"), "dagster/partition": f"n{n}"} for n in range(6)]
    waiting += [{**priority_tags("registry"), "dagster/partition": f"r{n}"} for n in range(6)]
    waiting += [{"dagster/backfill": "b", "dagster/partition": f"b{n}"} for n in range(6)]
    started = 0
    for tags in waiting:
        run = dg.DagsterRun(job_name="index_repository", tags=tags)
        if not counter.is_blocked(run):
            counter.update_counters_with_launched_item(run)
            started += 1
    assert started == 3 < runs["max_concurrent_runs"]
    push = dg.DagsterRun(job_name="index_repository", tags={**priority_tags("webhook"), "dagster/partition": "p"})
    assert not counter.is_blocked(push)


def catalogue(path: Path, rows: list[tuple[Any, ...]]) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA marts")
        connection.execute(
            'CREATE TABLE marts.freshness ("partition" VARCHAR, state VARCHAR, published_commit VARCHAR, '
            "observed_commit VARCHAR, hours_since_seen DOUBLE, hours_behind DOUBLE)"
        )
        connection.executemany("INSERT INTO marts.freshness VALUES (?, ?, ?, ?, ?, ?)", rows)


def test_each_partition_that_is_not_fresh_is_named(tmp_path: Path) -> None:
    resource = CodeIndexResource(overrides={"data": str(tmp_path / "data")})
    none = repositories_fresh(code_index=resource)
    assert isinstance(none, dg.AssetCheckResult) and none.passed
    catalogue(
        resource.layout().catalog, [("a/one", "fresh", "c", "c", 1.0, 0.0), ("b/two", "behind", "c", "d", 1.0, 7.26)]
    )
    result = repositories_fresh(code_index=resource)
    assert isinstance(result, dg.AssetCheckResult)
    assert not result.passed and result.severity == dg.AssetCheckSeverity.WARN
    assert (result.metadata["behind"].value, result.metadata["fresh_percent"].value) == (1, 50.0)
    text = str(result.metadata["what"].value)
    assert "b/two" in text and "7.3" in text and "a/one" not in text


@pytest.mark.parametrize(("partitions", "passed"), [(1, True), (2, False)])
def test_too_many_partitions_are_a_warning(tmp_path: Path, partitions: int, passed: bool) -> None:
    resource = CodeIndexResource(overrides={"data": str(tmp_path / "data"), "warn_partitions": "2"})
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(REPOSITORIES, [f"p{n}" for n in range(partitions)])
        context = dg.build_asset_check_context(instance=instance)
        result = partitions_in_bounds(context, code_index=resource)
    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed is passed and result.metadata["partitions"].value == partitions
