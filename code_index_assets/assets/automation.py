"""What Dagster itself watches and starts: freshness policies, automation conditions, limits of time.

What lives here: those of the assets and jobs, from the settings. What does not: sensors and schedules (`schedules/`),
which answer to what happens outside of Dagster. Which means is used for what, and why: docs/operations.md.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import dagster as dg

from resources.code_index import CodeIndexResource

from ..errors import ConfigurationError
from ..settings import Settings

MAX_RUNTIME_TAG = "dagster/max_runtime"


def settings_or_defaults(code_index: CodeIndexResource) -> Settings:
    """The settings, or the defaults where these cannot be used: the code location must load to show the problem."""
    try:
        return code_index.settings()
    except (ConfigurationError, ValueError):
        return Settings.model_construct()


def freshness(hours: float) -> dg.FreshnessPolicy:
    """A materialization each so many hours; a warning from half of that time on."""
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=hours), warn_window=timedelta(hours=hours / 2))


def with_freshness(assets: dg.AssetsDefinition, hours: float) -> dg.AssetsDefinition:
    """The assets with a freshness policy; 0 hours: without one."""
    if not hours:
        return assets
    return assets.map_asset_specs(lambda spec: spec.replace_attributes(freshness_policy=freshness(hours)))


def model_condition() -> dg.AutomationCondition[Any]:
    """A SQL model is built when its query has changed, once what it reads is not being built."""
    changed: Any = dg.AutomationCondition.code_version_changed()
    condition: dg.AutomationCondition[Any] = changed.since_last_handled() & ~dg.AutomationCondition.in_progress()
    return condition


def catalog_condition() -> dg.AutomationCondition[Any]:
    """The catalogue is built when it gets stale, also where nothing was published: a dead build shows within a day.

    It does not ask for the publications (`any_deps_updated` upstream): at 5,000 partitions such a condition costs
    seconds of CPU every tick, and publications of the command line are no event of Dagster's. A sensor reads one file.
    """
    stale: Any = dg.AutomationCondition.freshness_warned() | dg.AutomationCondition.freshness_failed()
    condition: dg.AutomationCondition[Any] = (
        stale.newly_true().since_last_handled() & ~dg.AutomationCondition.in_progress()
    )
    return condition


def catalog_automation(names: list[str]) -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates the conditions of these unpartitioned assets, once a minute."""
    return dg.AutomationConditionSensorDefinition(
        name="catalog_automation",
        target=dg.AssetSelection.assets(*[dg.AssetKey(name.split("/")) for name in names]),
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Builds SQL models whose query has changed, and the catalogue when it gets stale.",
    )


def max_runtime(seconds: float) -> dict[str, str]:
    """The tag that makes Dagster's monitor end a run that takes longer."""
    return {MAX_RUNTIME_TAG: str(int(seconds))}
