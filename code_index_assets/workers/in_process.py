"""Runs of jobs inside this process (the command line) as runs of the code location, like those of the UI.

What lives here: who such a run says it belongs to. What does not: the jobs, and which run when (`chain_runs.py`).

Dagster's Jobs page finds runs by the tag `.dagster/repository`, its Timeline by their origin; it sets both itself only
for runs that a webserver or daemon launches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from ..assets.instance import process_tags

# As in workspace.yaml and pyproject.toml.
LOCATION = "code_index"
# With an origin the daemon could try a run again whose process was killed: nobody waits for that.
_NEVER_AGAIN = {"dagster/max_retries": "0"}


def origin_of(job: str) -> RemoteJobOrigin:
    """The origin of a job of this code location."""
    location = RegisteredCodeLocationOrigin(location_name=LOCATION)
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME), job)


def run_in_process(
    job: dg.JobDefinition, instance: dg.DagsterInstance, *, at: Callable[[str], None] = lambda run_id: None,
    more_tags: Mapping[str, str] | None = None, **options: Any,
) -> dg.ExecuteInProcessResult:  # fmt: skip
    """Runs a job here; `options` are those of `execute_in_process`. `at` hears the run's id before it begins."""
    create = instance.create_run_for_job

    def create_with_origin(**given: Any) -> dg.DagsterRun:
        run = create(**{**given, "remote_job_origin": origin_of(job.name)})
        at(run.run_id)
        return run

    # `execute_in_process` takes no origin. The instance is this process's own, and the attribute goes again.
    vars(instance)["create_run_for_job"] = create_with_origin
    try:
        return job.execute_in_process(
            instance=instance,
            tags={**process_tags(), **_NEVER_AGAIN, **(more_tags or {})},
            raise_on_error=False,
            **options,
        )
    finally:
        del vars(instance)["create_run_for_job"]
