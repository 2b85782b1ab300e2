"""Dagster's run launcher of a data folder: runs go to a run worker that is there, else to a process of their own.

What lives here: the decision at each launch, ending a run, whether its process lives. What does not: the workers
(`keeper.py`). It is named in the dagster.yaml of the data folder; a deployment with containers names
`container_launcher.py` there instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._serdes import ConfigurableClassData

from ..errors import CodeIndexError
from ..records.dagster_runs import WORKER_TAG, worker_is_alive
from ..settings import Settings, load_settings
from ..storage.layout import Layout
from . import client

# They take long beside an index run and are in no hurry: a push waited 6 s for the worker behind a catalogue.
NOBODY_WAITS = ("refresh_catalog", "weekly_compaction")


class WarmRunLauncher(DefaultRunLauncher):
    """Hands runs to run workers; without one, or with one of other settings, it launches as Dagster does."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> WarmRunLauncher:
        """The launcher has no options."""
        del config_value
        return cls(inst_data=inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Launches a run, and records where it went. Raises what Dagster's own launcher raises."""
        run = context.dagster_run
        settings, layout = _place()
        if settings is not None and layout is not None and run.job_name not in NOBODY_WAITS:
            answer = client.launch(settings, layout, run.run_id)
            if answer.get("taken"):
                ahead = int(answer.get("ahead", 0))
                where = f", {ahead} runs before it" if ahead else ""
                self._instance.report_engine_event(f"Handed to a run worker{where}", run, cls=type(self))
                return
            if refusal := answer.get("refused"):
                self._instance.report_engine_event(f"Not for a run worker: {refusal}", run, cls=type(self))
        super().launch_run(context)

    def terminate(self, run_id: str) -> bool:
        """Interrupts a run, wherever it is; False if it is at work nowhere."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        _, layout = _place()
        where = client.find(layout, run_id) if layout is not None else "unknown"
        if layout is None or where not in ("waiting", "running"):
            return self._terminate_cold(run_id) if GRPC_INFO_TAG in run.tags else self._gone(run)
        self._instance.report_run_canceling(run)
        where = client.cancel(layout, run_id)
        if where == "waiting":
            self._instance.report_run_canceled(run, "It still waited for a run worker.")
        return where != "unknown"

    def _terminate_cold(self, run_id: str) -> bool:
        terminate: Any = super().terminate  # untyped in Dagster
        return bool(terminate(run_id))

    def _gone(self, run: dg.DagsterRun) -> bool:
        """A run that no worker has any more: what is said of it then is left to `check_run_worker_health`."""
        self._instance.report_engine_event("No run worker has this run", run, cls=type(self))
        return False

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring may ask."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the process of a run lives. Of one with a process of its own, Dagster's code server takes care."""
        _, layout = _place()
        if layout is not None and client.find(layout, run.run_id) in ("waiting", "running"):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if worker_is_alive(run.run_id, run.tags.get(WORKER_TAG)) is False:
            return CheckRunHealthResult(WorkerStatus.FAILED, "the run worker that had this run is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING)


def _place() -> tuple[Settings | None, Layout | None]:
    """The settings of this process and its data folder; none with settings that cannot be used."""
    try:
        settings = load_settings()
    except CodeIndexError:
        return None, None
    return settings, Layout(settings.data)
