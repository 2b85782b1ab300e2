"""The jobs: the chain for one repository, and the catalogue."""

from __future__ import annotations

import dagster as dg

CHAIN = ("repository", "file_hashes", "chunks", "embeddings", "index_quality", "search_index")

index_repository = dg.define_asset_job(
    "index_repository",
    selection=dg.AssetSelection.assets(*CHAIN),
    description="Observe, select, chunk, embed, check and publish one repository.",
)

refresh_catalog = dg.define_asset_job(
    "refresh_catalog",
    # Every SQL model has this tag, those of a user's own folder as well.
    selection=dg.AssetSelection.assets("catalog") | dg.AssetSelection.tag("code_index/sql_model", "true"),
    description="Build, test and publish catalog.duckdb.",
)
