"""How an index is checked, published and kept, and what the SQL catalogue shows."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from .base import SettingsGroup, absolute


class PublicationSettings(SettingsGroup):
    """How an index is checked, published and kept, and what the SQL catalogue shows."""

    plausibility: Literal["warn", "block"] = Field(
        "warn", description="What happens when a third of the code is gone since the last publication."
    )
    qdrant_url: str | None = Field(None, description="A Qdrant server; not set: the embedded Qdrant.")
    qdrant_api_key: SecretStr | None = Field(None, description="Its key.")
    qdrant_quantized: bool = Field(
        True,
        description="New collections on a Qdrant server: vectors and payloads on disk, 8-bit vectors in memory, the "
        "candidates scored again by the vectors on disk.",
    )
    shard_points: int = Field(100_000, ge=100, description="Points in one embedded shard, about.")
    keep_generations: int = Field(2, ge=2, description="Publications kept to go back to.")
    keep_seconds: float = Field(600.0, ge=0, description="How long a replaced publication is kept at least.")

    # SQL catalogue
    sql_models: Path | None = Field(
        None, description="A folder <layer>/<name>.sql of your own SQL models, built with the shipped ones."
    )
    history_commits: int = Field(
        1000, ge=0, description="Commits of a repository looked at for churn (hot spots); 0: none."
    )
    edges_seconds: float = Field(
        300.0, ge=0, description="Time for the edges of one repository in the catalogue; 0: none are made."
    )
    freshness_hours: float = Field(24.0, gt=0, description="Age up to which a publication counts as fresh.")
    keep_artifacts_seconds: float = Field(
        7 * 86_400.0, ge=0, description="Unreferenced artifacts are kept this long, in seconds."
    )
    keep_run_days: int = Field(30, ge=1, description="Days of Dagster's run history and of the run log.")
    spare_vectors: float = Field(
        1.0, ge=0, description="Unreferenced cached vectors are kept up to this share of the referenced ones."
    )

    @field_validator("sql_models")
    @classmethod
    def _absolute_models(cls, value: Path | None) -> Path | None:
        return absolute(value)
