"""Several machines: where Dagster's records are, and what a container of a run is made of."""

from __future__ import annotations

from pydantic import Field, SecretStr

from .base import SettingsGroup


class DeploymentSettings(SettingsGroup):
    """Several machines: where Dagster's records are, and what a container of a run is made of."""

    postgres_url: SecretStr | None = Field(
        None,
        description="Postgres for Dagster's records, as in postgresql://user:password@host:5432/dagster; used by "
        "`deploy/dagster.yaml`.",
    )
    postgres_connections: int = Field(
        8, ge=2, le=100, description="Connections to Postgres that one process opens at most."
    )
    postgres_wait_seconds: float = Field(
        20.0, ge=0, description="How long a process waits for a free connection to Postgres, then it reports an error."
    )
    run_image: str | None = Field(None, description="Image of the container of a run; used by `deploy/dagster.yaml`.")
    run_network: str | None = Field(None, description="Network of the containers of runs; not set: Docker's own.")
    run_volumes: str = Field(
        "",
        description="Volumes of the containers of runs, separated by commas, as in `code-index-data:/data`; the data "
        "folder must be in one.",
    )
