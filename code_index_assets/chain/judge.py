"""The `index_quality` step: the verdict on the partition's latest embeddings, and the checks people see.

What lives here: the step over artifacts, and the grouping of expectations into checks. What does not: the gate
itself (`quality/gate.py`), Dagster.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import DamagedIndexError
from ..index.published import PublishedIndex
from ..quality.gate import Judged, judge, read_verdict, textual_share_of
from ..quality.permit import CheckResult, Verdict
from ..quality.profile import Baseline
from .embed import KIND as EMBEDDINGS
from .embed import require_space
from .run import ChainRun, StepResult

# Each Dagster check costs about 0.1 s of event bookkeeping on SQLite: all expectations are shown as five checks.
CHECK_GROUPS: dict[str, tuple[str, ...]] = {
    "chunks_sound": (
        "chunk_ids_present", "chunk_ids_unique", "lines_inside_file", "chunk_text_intact", "chunk_size_kept",
        "chunk_size_bounded", "chunks_of_kept_files", "facts_hang_together", "facts_inside_files",
        "facts_of_kept_files", "edge_targets_exist",
    ),
    "vectors_sound": (
        "every_chunk_embedded", "vector_dimension", "vectors_finite", "no_zero_vectors", "vectors_unit_length",
        "no_orphan_vectors", "vector_keys_present",
    ),
    "files_covered": ("files_kept", "kept_files_chunked", "every_kept_file_chunked"),
    "no_secrets": ("no_secret_left",),
    "plausible": ("code_still_there", "languages_still_there", "resolution_still_there"),
}  # fmt: skip


@dataclass(frozen=True)
class CheckGroup:
    """One check as people see it: the expectations behind it."""

    name: str
    results: tuple[CheckResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every check of the group passed."""
        return all(result.passed for result in self.results)

    @property
    def blocks(self) -> bool:
        """Whether a check of the group keeps the partition from being published."""
        return any(result.blocks for result in self.results)


def check_groups(verdict: Verdict) -> list[CheckGroup]:
    """The verdict's results as the checks that are shown."""
    by_name = {result.name: result for result in verdict.results}
    return [
        CheckGroup(group, tuple(by_name[name] for name in names if name in by_name))
        for group, names in CHECK_GROUPS.items()
    ]


def _baseline(run: ChainRun) -> Baseline | None:
    """What the partition's last publication held, or None if it has none."""
    space = require_space(run)
    try:
        current = PublishedIndex(run.layout).publication(space.id)
    except DamagedIndexError:
        return None
    receipt = current.receipts.get(run.key) if current else None
    if receipt is None:
        return None
    coverage = receipt.coverage
    return Baseline(
        receipt.artifacts["embeddings"],
        int(coverage.get("chunks", 0)),
        dict(coverage.get("chunk_languages", {})),
        textual_share_of(run.store, run.key, space.id, receipt.subject),
    )


def judge_partition(run: ChainRun) -> tuple[StepResult, Verdict]:
    """Judges the embeddings this run made, else the current ones, with the chunks and files they were made from."""
    space = require_space(run)
    embeddings = run.input(EMBEDDINGS, space.id)
    chunks = run.parent(embeddings, "chunks")
    files = run.parent(chunks, "file_hashes")
    judged = Judged(run.key, space.id, space.dimension, str(embeddings.info["commit"]), files, chunks, embeddings)
    built = judge(judged, _baseline(run), run.settings, run.store, run.run_id, run.stages)
    verdict = read_verdict(built.artifact)
    run.pin(built.artifact, space.id)
    facts = {
        "passed": verdict.passed,
        "subject": verdict.subject,
        "suite": verdict.suite,
        "checks": len(verdict.results),
        "failed": [result.name for result in verdict.results if not result.passed],
    }
    version = f"{verdict.subject}-{verdict.suite}-{verdict.passed}"
    return StepResult(built.artifact, "reused" if built.reused else "built", verdict.commit, facts, version), verdict
