"""Building and asking the catalogue of a chain in tests."""

from __future__ import annotations

from typing import Any

from chains import Chain

from code_index_assets.analytics.catalog import CatalogResult, build_catalog
from code_index_assets.analytics.query import open_catalog
from code_index_assets.progress import Stages


def build(chain: Chain, **options: Any) -> CatalogResult:
    return build_catalog(chain.layout, chain.settings, Stages(), **options)


def ask(chain: Chain, sql: str) -> list[tuple[Any, ...]]:
    with open_catalog(chain.layout) as connection:
        return connection.execute(sql).fetchall()
