"""What the code location holds: the definitions of the whole, and those of the chain alone.

What lives here: `build_defs` and `chain_defs`. What does not: anything the definitions are made of, and the code
location itself, which makes them when it is imported (`definitions.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from resources.code_index import CodeIndexResource
from schedules.alerts import alerts
from schedules.jobs import index_repository, refresh_catalog, retire_repository, weekly_compaction
from schedules.nightly import compaction_schedule, nightly_rebuild
from schedules.registration import partitions_added, register_partition
from schedules.safety import backup, backup_schedule, reconcile, reconcile_schedule
from schedules.sensors import catalog_follows, inbox_events, repository_polls

from .analytics.model import load_models
from .assets.automation import catalog_automation, settings_or_defaults, with_freshness
from .assets.catalog import catalog_assets
from .assets.chain import chunks, embeddings, file_hashes, repository
from .assets.failed import no_failed_repositories
from .assets.fresh import partitions_in_bounds, repositories_fresh
from .assets.gate import index_quality, search_index
from .errors import ConfigurationError


def build_defs(overrides: Mapping[str, str] | None = None) -> dg.Definitions:
    """Fresh definitions. `overrides` replaces single settings by name (tests, a second data folder).

    The executor is set here and not on a job: the one of a job does not reach runs started from the UI or a
    backfill, and a step in a separate process costs 3 s.
    """
    code_index = CodeIndexResource(overrides=dict(overrides or {}))
    settings = settings_or_defaults(code_index)
    catalog = _catalog(code_index, settings.catalog_freshness_hours)
    index = with_freshness(search_index, settings.index_freshness_hours)
    return dg.Definitions(
        assets=[repository, file_hashes, chunks, embeddings, index_quality, index, catalog],
        asset_checks=[no_failed_repositories, repositories_fresh, partitions_in_bounds],
        jobs=[
            index_repository,
            refresh_catalog,
            register_partition,
            retire_repository,
            weekly_compaction,
            backup,
            reconcile,
        ],
        schedules=[nightly_rebuild, compaction_schedule, backup_schedule, reconcile_schedule],
        sensors=[
            inbox_events,
            partitions_added,
            repository_polls,
            catalog_follows,
            alerts,
            catalog_automation(sorted(key.to_user_string() for key in catalog.keys)),
        ],
        resources={"code_index": code_index},
        executor=dg.in_process_executor,
    )


def chain_defs() -> dg.Definitions:
    """The chain alone, for a process that runs it once: loading the SQL models of the catalogue costs it 0.3 s."""
    return dg.Definitions(
        assets=[repository, file_hashes, chunks, embeddings, index_quality, search_index],
        jobs=[index_repository],
        resources={"code_index": CodeIndexResource()},
        executor=dg.in_process_executor,
    )


def _catalog(code_index: CodeIndexResource, freshness_hours: float) -> dg.AssetsDefinition:
    """The catalogue with the models there are. The runs report a setting that cannot be used: the code location must
    load to show them."""
    try:
        own = code_index.settings().sql_models
    except ConfigurationError:
        own = None
    return catalog_assets(load_models(own), freshness_hours)
