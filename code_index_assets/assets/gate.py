"""The last two partitioned assets: index_quality with its checks, and search_index, which asks for a permit.

Partitioned asset checks are a preview API of Dagster (a pin test holds what is used of it): they live here only.
"""

import time
from collections.abc import Iterator

import dagster as dg

from resources.code_index import CodeIndexResource

from ..chain.judge import CHECK_GROUPS, CheckGroup, check_groups, judge_partition
from ..chain.publish import publish_partition
from ..chain.run import ChainRun, StepResult
from ..quality.gate import GATE_VERSION
from ..quality.permit import Verdict
from ..quality.suite import SUITE_VERSION
from ..records.failures import clear_failure, record_failure
from ..records.run_log import RunLog
from ..tables import CHECK_RESULTS
from .chain import GROUP, OWNERS, embeddings
from .execution import column_schema, report, retries, run_step, step_of
from .metadata import check_metadata
from .partitions import one_repository_a_run, repositories

PUBLISH_VERSION = "1"
_DESCRIPTIONS = {
    "chunks_sound": "Ids unique and present, lines inside the file, texts intact, sizes kept, from kept files only; "
    "facts of the code graph hang together.",
    "vectors_sound": "Every chunk embedded; right dimension, finite, unit length, none zero, none without a chunk.",
    "files_covered": "Every kept file is in the chunks.",
    "no_secrets": "The secret scanner finds nothing in the chunks.",
    "plausible": "No third of the code, no main language, no resolution of names is gone since the last publication.",
}

_SPECS = [
    dg.AssetCheckSpec(
        name=name,
        asset="index_quality",
        description=_DESCRIPTIONS[name],
        blocking=True,
        partitions_def=repositories,
    )
    for name in CHECK_GROUPS
]


@dg.asset(
    deps=[embeddings],
    partitions_def=repositories,
    backfill_policy=one_repository_a_run,
    retry_policy=retries,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"greatexpectations"},
    code_version=f"suite-{SUITE_VERSION}-{GATE_VERSION}",
    description="The verdict of the Great Expectations suite on exactly these embeddings, and its checks.\n\n"
    "Next, if one failed: `code-index status NAME` names it; correct the cause and index again, or, if all is "
    "as it should be, `code-index accept NAME CHECK --reason …`.",
    metadata=column_schema(CHECK_RESULTS),
    check_specs=_SPECS,
)
def index_quality(context: dg.AssetExecutionContext, code_index: CodeIndexResource) -> Iterator[dg.MaterializeResult]:
    """Materializes the verdict and reports its check groups."""
    started = time.time()
    with step_of(context, code_index) as step:
        result, verdict = judge_partition(step)
        _record(step, verdict)
        if not verdict.passed:
            names = ", ".join(failed.name for failed in verdict.failed)
            message = f"the checks failed: {names}"
            record_failure(step.layout, step.key, "index_quality", "GateRefusedError", message, False, step.run_id)
        materialized = report(context, step, result, started)
    checks = [_check(group) for group in check_groups(verdict)]
    yield materialized._replace(check_results=checks)


@dg.asset(
    deps=[index_quality],
    partitions_def=repositories,
    backfill_policy=one_repository_a_run,
    retry_policy=retries,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"qdrant"},
    code_version=f"publish-{PUBLISH_VERSION}",
    pool="index_writer",
    description="The publication: refused without a passing verdict on these very bytes, visible at once when made.\n\n"
    "Next: ask it, `code-index search '…' --repo NAME`; to go back to the one before, `code-index rollback NAME`.",
)
def search_index(context: dg.AssetExecutionContext, code_index: CodeIndexResource) -> dg.MaterializeResult:
    """Materializes the publication, or its refusal."""
    return run_step(context, code_index, _publish)


def _publish(step: ChainRun) -> StepResult:
    result = publish_partition(step)
    clear_failure(step.layout, step.key)
    return result


def _check(group: CheckGroup) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=group.name,
        asset_key="index_quality",
        passed=group.passed,
        severity=dg.AssetCheckSeverity.ERROR if group.blocks else dg.AssetCheckSeverity.WARN,
        metadata=check_metadata(group),
    )


def _record(step: ChainRun, verdict: Verdict) -> None:
    RunLog(step.layout).append(
        "check",
        step.run_id,
        [
            {
                "partition": step.key,
                "space": verdict.space,
                "subject": verdict.subject,
                "suite": verdict.suite,
                "commit": verdict.commit,
                "check": result.name,
                "severity": result.severity,
                "passed": result.passed,
                "observed": result.observed,
            }
            for result in verdict.results
        ],
    )
