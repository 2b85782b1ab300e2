"""The unpartitioned `catalog` asset: the DuckDB snapshot of everything published and every run."""

import dagster as dg

from resources.code_index import CodeIndexResource

from ..analytics.catalog import CATALOG_VERSION, build_catalog
from ..errors import CodeIndexError
from ..progress import Stages
from .chain import GROUP, OWNERS
from .execution import failure_of, progress_of
from .gate import search_index


@dg.asset(
    deps=[dg.AssetDep(search_index, partition_mapping=dg.AllPartitionMapping())],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"duckdb"},
    code_version=f"catalog-{CATALOG_VERSION}",
    pool="catalog",
    description="catalog.duckdb: repositories, files, chunks, symbols, embeddings, publications, checks, runs, stages.",
)
def catalog(context: dg.AssetExecutionContext, code_index: CodeIndexResource) -> dg.MaterializeResult:
    stages = Stages("catalog", progress_of(context))
    try:
        result = build_catalog(code_index.layout(), stages)
    except CodeIndexError as error:
        raise failure_of(error) from error
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(result.path)),
            "rows": dg.MetadataValue.json(result.rows),
            "seconds": round(sum(stage.seconds for stage in stages.done), 3),
        }
    )
