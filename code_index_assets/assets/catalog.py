"""The unpartitioned `catalog` asset and the SQL models in it: one step builds, tests and publishes them together.

What lives here: the multi-asset, and what a subset of it means. What does not: building (`analytics/catalog.py`) and
how a model looks as an asset (`models.py`).

With `catalog` selected the sources are read and everything that depends on a change is built. Without it, only the
selected models are, from the sources as the live catalogue holds them. Only what is selected is reported.
"""

from collections.abc import Iterator, Mapping
from contextvars import ContextVar

import dagster as dg

from resources.code_index import CodeIndexResource

from ..analytics.audit import AuditFailedError, TestResult
from ..analytics.catalog import CATALOG_VERSION, CatalogResult, build_catalog
from ..analytics.graph import leaf_models
from ..analytics.model import Model, ModelSet
from ..errors import CodeIndexError
from ..progress import Stages
from .automation import catalog_condition, freshness
from .chain import OWNERS
from .execution import failure_of, progress_of
from .models import all_types, asset_key, check_result, check_specs_of, edge_metadata, materialization, spec_of

CATALOG = dg.AssetKey("catalog")
CATALOG_GROUP = "catalog"
# Whoever starts a process for the edges of large repositories itself (`workers/catalogue_follower.py`) sets this.
edges_follow: ContextVar[bool] = ContextVar("edges_follow", default=False)
EDGES = "marts.edges"  # the model whose metadata pictures the code graph


def catalog_assets(model_set: ModelSet, freshness_hours: float = 24.0) -> dg.AssetsDefinition:
    """The catalogue and its models. Models with problems are not in the graph; the build names the problems."""
    models = model_set.models
    whole = dg.AssetSpec(
        key=CATALOG,
        deps=_deps(models),
        group_name=CATALOG_GROUP,
        owners=OWNERS,
        kinds={"duckdb"},
        code_version=f"catalog-{CATALOG_VERSION}",
        skippable=True,
        freshness_policy=freshness(freshness_hours) if freshness_hours else None,
        automation_condition=catalog_condition() if freshness_hours else None,
        description="catalog.duckdb: the SQL models, built beside the live file, tested, and swapped in.",
    )

    @dg.multi_asset(
        name="catalog_models",
        specs=[*(spec_of(model, models) for model in models.values()), whole],
        check_specs=check_specs_of(models.values()),
        can_subset=True,
        pool="catalog",
    )
    def catalog_models(
        context: dg.AssetExecutionContext, code_index: CodeIndexResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        chosen = {key for key in models if asset_key(key) in context.selected_asset_keys}
        whole_build = CATALOG in context.selected_asset_keys
        stages = Stages("catalog", progress_of(context))
        checks = context.selected_asset_check_keys
        try:
            result = build_catalog(
                code_index.layout(),
                code_index.settings(),
                stages,
                only=None if whole_build else chosen,
                preview=bool(chosen),
                all_edges=not edges_follow.get(),
            )
        except AuditFailedError as error:
            yield from _checks(error.results, checks)
            raise failure_of(error) from error
        except CodeIndexError as error:
            raise failure_of(error) from error
        types = all_types(result.models.values())
        for key, made in result.models.items():  # in the order of building, as Dagster wants them
            if key in chosen:
                graph = edge_metadata(result.edges) if key == EDGES and result.edges is not None else None
                yield materialization(made, models, types, graph)
        yield from _checks(result.tests, checks)
        if whole_build:
            yield _published(result, stages)

    return catalog_models


def _deps(models: Mapping[str, Model]) -> list[dg.AssetDep]:
    """The marts that no other model reads, and the publications where there are none.

    Everything else reaches the catalogue through these. A dependency on every model hides the chain in fifty arrows.
    """
    leaves = [key for key in leaf_models(models) if models[key].schema == "marts"]
    if not leaves:
        return [dg.AssetDep(dg.AssetKey("search_index"), partition_mapping=dg.AllPartitionMapping())]
    return [dg.AssetDep(asset_key(key)) for key in leaves]


def _checks(results: list[TestResult], selected: set[dg.AssetCheckKey]) -> Iterator[dg.AssetCheckResult]:
    for result in results:
        if dg.AssetCheckKey(asset_key(result.model), result.test.name) in selected:
            yield check_result(result)


def _published(result: CatalogResult, stages: Stages) -> dg.MaterializeResult:
    made = sorted(key for key, model in result.models.items() if model.outcome != "kept")
    warned = [str(test) for test in result.tests if not test.passed]
    return dg.MaterializeResult(
        asset_key=CATALOG,
        metadata={
            "path": dg.MetadataValue.path(str(result.path)),
            "outcome": "built whole" if result.full else "built in part",
            "rows": dg.MetadataValue.json(result.rows),
            "models_built": made,
            "warnings": warned,
            "seconds": round(sum(stage.seconds for stage in stages.done), 3),
        },
    )
