"""Runs of the command line in Dagster's records: the same runs as those that the UI starts."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
import tomlkit
import yaml

from code_index_assets.assets.instance import fail_dead_runs, open_instance, process_tags
from code_index_assets.records.dagster_runs import runs_at_work
from code_index_assets.storage.layout import Layout
from code_index_assets.workers.in_process import LOCATION

from .conftest import Command

ROOT = Path(__file__).parents[2]


def test_runs_are_on_the_jobs_page_and_the_timeline(run: Command, indexed: Path) -> None:
    with open_instance(Layout(indexed)) as instance:
        # What Dagster's UI asks for: the Jobs page by this tag, the Timeline by the origin.
        label = {".dagster/repository": f"__repository__@{LOCATION}"}
        runs = instance.get_runs(dg.RunsFilter(tags=label))
        assert {one.job_name for one in runs} == {"index_repository", "refresh_catalog"}
        assert len(runs) == instance.get_runs_count()
        for one in runs:
            assert one.remote_job_origin is not None
            assert one.remote_job_origin.job_name == one.job_name
            assert one.remote_job_origin.location_name == LOCATION
            assert one.tags["dagster/max_retries"] == "0"  # a killed command line is not run again by the daemon


@pytest.mark.parametrize("file", ["workspace.yaml", "code_index_assets/assets/workspace.yaml"])
def test_every_way_to_start_dagster_names_the_location_so(file: str) -> None:
    (entry,) = yaml.safe_load((ROOT / file).read_text())["load_from"]
    assert entry["python_module"]["location_name"] == LOCATION
    tool = tomlkit.parse((ROOT / "pyproject.toml").read_text())["tool"]
    assert tool["dagster"]["code_location_name"] == LOCATION


def test_a_re_execution_of_a_command_lines_run_is_not_taken_for_dead(data: Path) -> None:
    dead = {**process_tags(), "code_index/process": "1-0", "dagster/partition": "a/one"}
    layout = Layout(data).create()
    with open_instance(layout) as instance:
        parent = instance.add_run(dg.DagsterRun("index_repository", status=dg.DagsterRunStatus.FAILURE, tags=dead))
        again = dg.DagsterRun(
            "index_repository", status=dg.DagsterRunStatus.STARTED, parent_run_id=parent.run_id,
            root_run_id=parent.run_id, tags={**dead, "dagster/parent_run_id": parent.run_id},
        )  # fmt: skip
        instance.add_run(again)
        assert fail_dead_runs(instance) == 0
        assert runs_at_work(layout) == {"a/one": "running"}
