"""A run that finds nothing new, without Dagster: what is published is what a run would publish.

What lives here: looking. What does not: the steps, and what happens where something is new (a Dagster run).

Loading Dagster and recording a run in it cost 2.6 s of CPU, the steps that find nothing new 0.2 s. So a command looks
first: it runs the steps with a store that makes nothing. Where one would make something, or finds something damaged, or
raises, the partition gets its Dagster run, which does and reports all of it.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable
from typing import Any

from ..errors import CodeIndexError, NotBuiltError
from ..index.published import PublishedIndex
from ..progress import Say, Stages
from ..records.failures import clear_failure
from ..records.run_log import RunLog
from ..settings import Settings
from ..storage.layout import Layout
from .embed import embed_chunks, require_space
from .judge import judge_partition
from .modes import chunk_in_mode
from .observe import observe_repository
from .publish import published_already
from .run import ChainRun, StepResult
from .select import hash_files


def record_if_unchanged(settings: Settings, layout: Layout, key: str, say: Say) -> str | None:
    """The id of the run in the run log if the partition is published as it is now; else None, and nothing has changed.

    Raises nothing that a run would raise: the run does.
    """
    run_id = str(uuid.uuid4())
    try:
        with layout.lock(f"partition-{key}", timeout=0):
            seen = _look(ChainRun(key, run_id, layout, settings, Stages(key, say), only_existing=True), say)
            if seen is None:
                return None
            clear_failure(layout, key)
    except (CodeIndexError, OSError):
        return None
    finally:
        shutil.rmtree(layout.root / "pins" / run_id, ignore_errors=True)
    log = RunLog(layout)
    for asset, record, stages in seen:
        log.append("step", run_id, [record])
        log.stages(run_id, key, asset, stages.done)
    return run_id


def _look(run: ChainRun, say: Say) -> list[tuple[str, dict[str, Any], Stages]] | None:
    """Every step's record and stages, if every step finds its work done. Raises CodeIndexError."""
    steps: dict[str, Callable[[ChainRun], StepResult | None]] = {
        "repository": observe_repository,
        "file_hashes": hash_files,
        "chunks": chunk_in_mode,
        "embeddings": embed_chunks,
        "index_quality": _passed,
        "search_index": published_already,
    }
    seen = []
    for asset, step in steps.items():
        started = time.time()
        stages = Stages(f"{run.key} {asset}", say)
        run.begin(stages)
        result = step(run)
        if result is None or run.store.damaged:
            return None
        assert result.artifact is not None
        record = {
            "partition": run.key, "asset": asset, "outcome": result.outcome, "seconds": round(time.time() - started, 4),
            "commit": result.commit, "fingerprint": result.artifact.fingerprint, "info": result.info,
        }  # fmt: skip
        seen.append((asset, record, stages))
    PublishedIndex(run.layout).note(require_space(run), run.settings)
    return seen


def _passed(run: ChainRun) -> StepResult:
    result, verdict = judge_partition(run)
    if not verdict.passed:
        raise NotBuiltError(f"the last verdict on {run.key} is a refusal")
    return result
