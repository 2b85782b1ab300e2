"""Running for years: how fresh is fresh enough, how long a run may take, how much history is kept."""

from __future__ import annotations

from pydantic import Field

from .base import SettingsGroup


class OperationsSettings(SettingsGroup):
    """Running for years: how fresh is fresh enough, how long a run may take, how much history is kept."""

    index_freshness_hours: float = Field(
        168.0,
        ge=0,
        description="Dagster shows `search_index` as failed when no repository was published for so long, with a "
        "warning from half of it on; 0: no policy.",
    )
    catalog_freshness_hours: float = Field(
        24.0,
        ge=0,
        description="The same for `catalog`, which is built anew when half of it is over; 0: no policy.",
    )
    max_run_seconds: int = Field(
        6 * 3600, ge=60, description="Dagster's monitor ends an index run that takes longer (tag dagster/max_runtime)."
    )
    max_catalog_seconds: int = Field(3600, ge=60, description="The same for a run of the catalogue.")
    warn_partitions: int = Field(
        30_000, ge=1, description="A warning from so many partitions on: Dagster's UI gets slow beyond them."
    )
