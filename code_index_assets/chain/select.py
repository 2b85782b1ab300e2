"""The `file_hashes` step: what of the observed tree is kept, and why the rest is not.

What lives here: the step over artifacts. What does not: deciding about files (`sources/selection.py`), Dagster.
"""

from __future__ import annotations

import time
from typing import Any

import polars as pl

from ..errors import SourceError
from ..quality.suite_process import start_suite_process
from ..sources.embedded_data import DATA_RULES
from ..sources.selection import Selection, rules_fingerprint, select_files
from ..sources.snapshot import Snapshot
from ..storage.artifacts import Artifact, ArtifactSpec, ArtifactWriter, bucket_count
from ..storage.fingerprint import bucket_of, fingerprint
from ..storage.frame_digest import frame_digest
from ..tables import FILES, FINDINGS
from .observe import REPOSITORY, STEPS_VERSION, registered, source_of
from .run import ChainRun, Outcome, StepResult

FILE_HASHES = "file_hashes"


def hash_files(run: ChainRun) -> StepResult:
    """Decides about every entry: kept or why not. Only new content is read."""
    repository = run.input(REPOSITORY)
    snapshot = Snapshot.from_json(repository.info["snapshot"])
    entry, _ = registered(run)
    rules = rules_fingerprint(run.settings, entry)
    inputs = {REPOSITORY: repository.fingerprint, "rules": rules, "version": STEPS_VERSION}

    def select(writer: ArtifactWriter, previous: Artifact | None) -> None:
        if run.given is None:
            start_suite_process()  # there is something new, and the gate will judge it
        same_rules = previous is not None and previous.manifest.inputs.get("rules") == rules
        selection = select_files(
            source_of(run),
            snapshot,
            repository.read("entries"),
            run.settings,
            previous=previous.read("files") if previous and same_rules else None,
            previous_findings=previous.read("findings") if previous and same_rules else None,
            entry=entry,
            stages=run.stages,
        )
        _require_kept(selection, snapshot)
        writer.buckets = bucket_count(selection.files.height, previous.manifest.buckets if previous else None)
        with run.stages.stage("write", unit="files") as ticker:
            ticker.advance(_write(selection, writer, previous))
        writer.info.update(
            commit=snapshot.commit, merkle_root=selection.merkle_root, rules=rules, **_summary(selection)
        )

    built = run.build(ArtifactSpec(FILE_HASHES, run.key, inputs, STEPS_VERSION), select)
    artifact = built.artifact
    outcome: Outcome = "reused" if built.reused else "built"
    return StepResult(artifact, outcome, snapshot.commit, _file_facts(artifact), artifact.info["merkle_root"])


def _write(selection: Selection, writer: ArtifactWriter, previous: Artifact | None) -> int:
    """Writes files and findings by bucket; buckets without a change are taken over. Returns the number of files."""
    comparable = previous if previous and previous.manifest.buckets == writer.buckets else None
    split = _split(selection, writer.buckets, comparable)
    rows = 0

    def inputs_of(bucket: int) -> str:
        tables = split[bucket]
        if tables is None:  # no touched path: exactly what the previous artifact holds
            assert comparable is not None
            return comparable.manifest.bucket_inputs[str(bucket)]
        files, findings = tables
        return fingerprint({"files": frame_digest(files), "findings": frame_digest(findings)})

    def reuse(before: Artifact, bucket: int) -> None:
        nonlocal rows
        rows += writer.link(before, "files", bucket).rows
        writer.link(before, "findings", bucket)

    for bucket in writer.reuse_buckets(previous, inputs_of, reuse):
        tables = split[bucket]
        assert tables is not None
        rows += writer.write("files", bucket, tables[0]).rows
        writer.write("findings", bucket, tables[1])
    return rows


def _require_kept(selection: Selection, snapshot: Snapshot) -> None:
    if (selection.files.get_column("status") == "kept").any():
        return
    reasons = selection.files.group_by("reason").len().sort("len", descending=True)
    told = ", ".join(f"{count} {reason}" for reason, count in reasons.iter_rows())
    raise SourceError(
        f"nothing of {snapshot.location} at {snapshot.label} is indexed: "
        f"all {selection.files.height} files were left out ({told})",
        remedy="adapt include and exclude in the registry, .codeindexignore, or CODE_INDEX_INCLUDE_VENDORED/GENERATED",
    )


def _split(
    selection: Selection, buckets: int, previous: Artifact | None
) -> list[tuple[pl.DataFrame, pl.DataFrame] | None]:
    """Files and findings by bucket; None for a bucket without a touched path, which is the previous one's."""
    files, findings = selection.files, selection.findings
    if previous is None or selection.touched is None:
        touched = set(range(buckets))
    else:
        touched = {bucket_of(path, buckets) for path in selection.touched}
        paths = pl.concat(
            [
                *(previous.read_bucket("files", bucket, ["path"]) for bucket in touched),
                pl.DataFrame({"path": sorted(selection.touched)}, schema={"path": pl.String}),
            ]
        ).unique()
        files = files.join(paths, on="path", how="semi")
        findings = findings.join(paths, on="path", how="semi")
    split = zip(
        _by_bucket(files.sort("path"), FILES.empty(), buckets),
        _by_bucket(findings.sort("path", "start"), FINDINGS.empty(), buckets),
        strict=True,
    )
    return [rows if bucket in touched else None for bucket, rows in enumerate(split)]


def _by_bucket(frame: pl.DataFrame, empty: pl.DataFrame, buckets: int) -> list[pl.DataFrame]:
    number = pl.Series("bucket", [bucket_of(path, buckets) for path in frame.get_column("path")], dtype=pl.Int32)
    parts = frame.with_columns(number).partition_by("bucket", as_dict=True, include_key=False)
    return [parts.get((bucket,), empty) for bucket in range(buckets)]


def _summary(selection: Selection) -> dict[str, Any]:
    files = selection.files
    kept = files.filter(pl.col("status") == "kept")
    languages = (
        kept.group_by(pl.col("language").fill_null("text"))
        .agg(files=pl.len(), lines=pl.col("lines").sum(), bytes=pl.col("size").sum())
        .sort("files", "language", descending=[True, False])
    )
    left_out = (
        files.filter(pl.col("status") != "kept")
        .group_by("reason")
        .len()
        .sort("len", "reason", descending=[True, False])
    )
    is_data = pl.col("rule").is_in(sorted(DATA_RULES))
    rules = selection.findings.filter(~is_data).group_by("rule").len().sort("len", "rule", descending=[True, False])
    return {
        "files": files.height,
        "kept": kept.height,
        "bytes": int(kept.get_column("size").sum() or 0),
        "lines": int(kept.get_column("lines").sum() or 0),
        "languages": languages.to_dicts(),
        "left_out": dict(left_out.iter_rows()),
        "secrets": dict(rules.iter_rows()),
        "data_removed": selection.findings.filter(is_data).height,
        "changes": dict(selection.changes),
        "made_at": time.time(),
    }


def _file_facts(artifact: Artifact) -> dict[str, Any]:
    wanted = ("files", "kept", "bytes", "lines", "languages", "left_out", "secrets", "changes", "merkle_root", "commit")
    facts = {name: artifact.info[name] for name in wanted}
    return facts | {"data_removed": artifact.info.get("data_removed", 0)}
