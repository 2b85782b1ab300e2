"""Partitions added by hand in Dagster's UI: each is registered, or taken away again.

What lives here: the sensor that sees them, and the job that decides (a tick must not wait for a network).
"""

import json
import time

import dagster as dg

from code_index_assets.assets.automation import max_runtime
from code_index_assets.assets.execution import failure_of
from code_index_assets.assets.partitions import REPOSITORIES
from code_index_assets.assets.registration import register_or_refuse, unregistered
from code_index_assets.errors import CodeIndexError
from resources.code_index import CodeIndexResource

AGAIN_SECONDS = 600.0
KEYS_A_TICK = 50


class RegisterConfig(dg.Config):
    """Which partition is to have a registry entry."""

    key: str


@dg.op
def register(context: dg.OpExecutionContext, config: RegisterConfig, code_index: CodeIndexResource) -> None:
    """Registers one partition, or refuses it."""
    layout, settings = code_index.layout(), code_index.settings()
    try:
        if not unregistered(layout, settings, [config.key]):
            context.log.info(f"{config.key} is registered")
            return
        chosen = register_or_refuse(context.instance, layout, settings, config.key)
    except CodeIndexError as error:
        context.log.error(f"{config.key} was refused and is no partition any more")
        raise failure_of(error) from error
    context.log.info(f"{config.key} is registered; its partition is {chosen}")


@dg.job(
    tags=max_runtime(600),
    description="Make a registry entry of a partition that was added in the UI, or remove the partition again.",
)
def register_partition() -> None:
    """The job of a partition without a registry entry."""
    register()


@dg.sensor(
    job=register_partition,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Partitions added in the UI become registry entries: by git URL, by path, or by name.",
)
def partitions_added(context: dg.SensorEvaluationContext, code_index: CodeIndexResource) -> dg.SensorResult:
    """Asks for the registration of partitions that have none, once in ten minutes each."""
    keys = context.instance.get_dynamic_partitions(REPOSITORIES)
    layout, settings = code_index.layout(), code_index.settings()
    asked: dict[str, float] = json.loads(context.cursor) if context.cursor else {}
    file = settings.registry_file
    # The registry is read when it or the partitions changed alone: 5,000 entries take 0.2 s.
    seen = f"{len(keys)} {hash(tuple(keys))} {file.stat().st_mtime_ns if file.exists() else 0}"
    if _seen.get(str(layout.root)) == seen and not asked:
        return dg.SensorResult(skip_reason="no partition was added")
    missing = unregistered(layout, settings, list(keys))
    now = time.time()
    due = [key for key in missing if now - asked.get(key, 0.0) >= AGAIN_SECONDS][:KEYS_A_TICK]
    asked = {key: at for key, at in asked.items() if key in set(missing)} | dict.fromkeys(due, now)
    if not asked:
        _seen[str(layout.root)] = seen
    requests = [
        dg.RunRequest(run_key=f"register {key} {now:.0f}", run_config={"ops": {"register": {"config": {"key": key}}}})
        for key in due
    ]
    skip = None if requests else "no partition was added"
    return dg.SensorResult(run_requests=requests, skip_reason=skip, cursor=json.dumps(asked))


# What the last tick without anything to do saw, by data folder: saves reading the registry every ten seconds.
_seen: dict[str, str] = {}
