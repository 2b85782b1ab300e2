"""The jobs: the chain for one repository, the catalogue, retiring a partition, the weekly compaction."""

import dagster as dg

from code_index_assets.assets.automation import max_runtime
from code_index_assets.assets.execution import failure_of, retries
from code_index_assets.assets.partitions import REPOSITORIES
from code_index_assets.errors import CodeIndexError
from resources.code_index import CodeIndexResource

from .timing import load_timing

_TIMING = load_timing()
CHAIN = ("repository", "file_hashes", "chunks", "embeddings", "index_quality", "search_index")

index_repository = dg.define_asset_job(
    "index_repository",
    selection=dg.AssetSelection.assets(*CHAIN),
    tags=max_runtime(_TIMING.max_run_seconds),
    description="Observe, select, chunk, embed, check and publish one repository.",
)

refresh_catalog = dg.define_asset_job(
    "refresh_catalog",
    # Every SQL model has this tag, those of a user's own folder as well.
    selection=dg.AssetSelection.assets("catalog") | dg.AssetSelection.tag("code_index/sql_model", "true"),
    tags=max_runtime(_TIMING.max_catalog_seconds),
    description="Build, test and publish catalog.duckdb.",
)


class RetireConfig(dg.Config):
    """Which partition leaves."""

    key: str


@dg.op(retry_policy=retries)
def retire(context: dg.OpExecutionContext, config: RetireConfig, code_index: CodeIndexResource) -> None:
    """Retires one partition."""
    from code_index_assets.operations.retire import is_wanted, retire_partition

    layout, settings = code_index.layout(), code_index.settings()
    try:
        if is_wanted(layout, settings, config.key):
            context.log.info(f"{config.key} is in the registry again: it stays")
            return
        points = retire_partition(layout, settings, config.key)
    except CodeIndexError as error:
        raise failure_of(error) from error
    if context.instance.has_dynamic_partition(REPOSITORIES, config.key):
        context.instance.delete_dynamic_partition(REPOSITORIES, config.key)
    context.log.info(f"{config.key}: {points:,} points left the index")


@dg.job(
    tags=max_runtime(_TIMING.max_run_seconds),
    description="Take a partition that the registry no longer names out of every store.",
)
def retire_repository() -> None:
    """The job of a ref that no longer exists."""
    retire()


@dg.op
def compact(context: dg.OpExecutionContext, code_index: CodeIndexResource) -> None:
    """Compacts caches, shards and artifacts."""
    from code_index_assets.assets.instance import remove_old_runs
    from code_index_assets.operations.retention import compact_everything

    layout, settings = code_index.layout(), code_index.settings()
    try:
        report = compact_everything(layout, settings, context.log.info)
    except CodeIndexError as error:
        raise failure_of(error) from error
    report["dagster_runs"] = remove_old_runs(context.instance, settings.keep_run_days)
    context.add_output_metadata(report)


@dg.job(
    tags=max_runtime(_TIMING.max_run_seconds),
    description="Compact vector cache, shards and generations; remove old artifacts, logs and run history.",
)
def weekly_compaction() -> None:
    """The job of the compaction schedule."""
    compact()
