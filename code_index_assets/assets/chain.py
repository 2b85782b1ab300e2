"""The first four partitioned assets: repository → file_hashes → chunks → embeddings."""

from collections.abc import Iterator
from typing import cast

import dagster as dg
from pydantic import Field

from resources.code_index import CodeIndexResource

from ..chain.embed import EMBEDDINGS_VERSION, embed_chunks
from ..chain.modes import IndexingMode, chunk_in_mode
from ..chain.observe import STEPS_VERSION, observe_repository
from ..chain.select import hash_files
from ..chunking.parse import CHUNKER_VERSION
from ..errors import CodeIndexError, ConfigurationError
from ..sources.selection import SELECTION_VERSION
from ..tables import CHUNKS, ENTRIES, FILES, FINDINGS, IMPORTS, REFERENCES, SYMBOLS, embeddings_table
from .execution import column_schema, failure_of, retries, run_step
from .partitions import one_repository_a_run, repositories
from .registration import is_unregistered, register_or_refuse

GROUP = "code_index"
MODES = ("auto", "sequential", "parallel", "pipeline")
OWNERS = ["team:code-index"]


class IndexingConfig(dg.Config):
    """Run configuration of `chunks`."""

    indexing_mode: str = Field(
        "",
        description=f"How parsing and embedding share this run: {', '.join(MODES)}. Empty: the setting.",
    )

    def mode(self) -> IndexingMode | None:
        """The indexing mode of this run; None: the setting decides."""
        if not self.indexing_mode:
            return None
        if self.indexing_mode not in MODES:
            raise ConfigurationError(
                f"{self.indexing_mode!r} is no indexing mode", remedy=f"one of: {', '.join(MODES)}"
            )
        return cast(IndexingMode, self.indexing_mode)


@dg.asset(
    partitions_def=repositories,
    backfill_policy=one_repository_a_run,
    retry_policy=retries,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"git"},
    code_version=f"git-{STEPS_VERSION}",
    pool="git",
    output_required=False,
    description="A repository at a known commit: a mirror, a local repository, a working tree, or a folder.\n\n"
    "Next, if it failed: correct its address or token (`code-index doctor`), then materialize it again.",
    metadata=column_schema(ENTRIES),
)
def repository(context: dg.AssetExecutionContext, code_index: CodeIndexResource) -> Iterator[dg.MaterializeResult]:
    """Materializes the tree of the ref's current commit.

    A partition that was added by its URL becomes a registry entry under a name: this run ends then, green, and the run
    of the partition with that name follows.
    """
    if _is_to_index(context, code_index):
        yield run_step(context, code_index, observe_repository)


def _is_to_index(context: dg.AssetExecutionContext, code_index: CodeIndexResource) -> bool:
    """Whether the partition is a registered one, or is now. Raises Failure for one that is refused, and is gone."""
    try:
        layout, settings, key = code_index.layout(), code_index.settings(), str(context.partition_key)
        if not is_unregistered(layout, settings, key):
            return True
        chosen = register_or_refuse(context.instance, layout, settings, key)
    except CodeIndexError as error:
        raise failure_of(error) from error
    context.log.info(f"{key} is registered; the partition of it is {chosen}")
    return chosen == key


@dg.asset(
    deps=[repository],
    partitions_def=repositories,
    backfill_policy=one_repository_a_run,
    retry_policy=retries,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"polars", "parquet"},
    code_version=f"files-{SELECTION_VERSION}",
    pool="git",
    description="Every file of the commit: hash, size, language, kept or why not; where secrets were removed.\n\n"
    "Next, if a file is missing: `left_out_page`, or `code-index files NAME --left-out`, says why.",
    metadata=column_schema(FILES, FINDINGS),
)
def file_hashes(context: dg.AssetExecutionContext, code_index: CodeIndexResource) -> dg.MaterializeResult:
    """Materializes the decision about every file, and the text hashes of the kept ones."""
    return run_step(context, code_index, hash_files)


@dg.asset(
    deps=[file_hashes],
    partitions_def=repositories,
    backfill_policy=one_repository_a_run,
    retry_policy=retries,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "parquet"},
    code_version=f"chunker-{CHUNKER_VERSION}",
    pool="cpu",
    description="Chunks on definition bounds and the symbols, imports and references of every kept file.\n\n"
    "Next, if `parse_problems` grows: `code-index sql 'FROM staging.stg_diagnostics'` names the files.",
    metadata=column_schema(CHUNKS, SYMBOLS, IMPORTS, REFERENCES),
)
def chunks(
    context: dg.AssetExecutionContext, config: IndexingConfig, code_index: CodeIndexResource
) -> dg.MaterializeResult:
    """Materializes chunks, symbols, imports and references."""
    return run_step(context, code_index, lambda step: chunk_in_mode(step, config.mode()))


@dg.asset(
    deps=[chunks],
    partitions_def=repositories,
    backfill_policy=one_repository_a_run,
    retry_policy=retries,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"pytorch", "parquet"},
    code_version=f"embed-{EMBEDDINGS_VERSION}",
    pool="embedding",
    description="A vector for every chunk; only texts never embedded before in this space are computed.\n\n"
    "Next, if `cache_hit_percent` falls: another model or chunk size embeds anew; `code-index plan` has the price.",
    metadata=column_schema(embeddings_table(0)),
)
def embeddings(context: dg.AssetExecutionContext, code_index: CodeIndexResource) -> dg.MaterializeResult:
    """Materializes the vectors of the chunks."""
    return run_step(context, code_index, embed_chunks)
