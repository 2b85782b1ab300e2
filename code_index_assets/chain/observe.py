"""The `repository` and `file_hashes` steps: what is there, and what of it is kept.

What lives here: the steps over artifacts. What does not: reading sources (`sources/git/source.py`,
`sources/folder.py`), deciding about files (`sources/selection.py`), Dagster.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import polars as pl

from ..errors import SourceError
from ..records.observations import Observation, last_observation, observe
from ..sources.embedded_data import DATA_RULES
from ..sources.registry import Registry, RepositoryEntry, parse_partition_key
from ..sources.secrets.scan import secret_rules_version
from ..sources.selection import Selection, rules_fingerprint, select_files
from ..sources.snapshot import Snapshot, Source, open_source
from ..storage.artifacts import Artifact, bucket_count
from ..storage.fingerprint import bucket_of, fingerprint
from ..storage.frame_digest import frame_digest
from ..storage.layout import Layout
from ..tables import FILES, FINDINGS
from .run import StepContext, StepResult

REPOSITORY = "repository"
FILE_HASHES = "file_hashes"
STEPS_VERSION = "1"


def registered(context: StepContext) -> tuple[RepositoryEntry, str | None]:
    """The registry entry and ref of the step's partition. Raises ConfigurationError."""
    registry = Registry.load(context.settings.registry_file, context.layout)
    return parse_partition_key(context.key, registry)


def source_of(context: StepContext) -> Source:
    entry, ref = registered(context)
    return open_source(entry, ref, context.layout, context.settings)


def observe_repository(context: StepContext) -> StepResult:
    """Fetches (or looks at) the source and lists the tree of its commit."""
    source = source_of(context)
    with context.stages.stage("observe", unit="repositories") as ticker:
        snapshot = source.observe()
        ticker.advance()
    inputs = {"tree": snapshot.tree, "commit": snapshot.commit, "label": snapshot.label, "kind": snapshot.kind,
              "ref": snapshot.ref, "default_ref": snapshot.default_ref, "names": secret_rules_version(),
              "version": STEPS_VERSION}  # fmt: skip
    name = fingerprint(inputs)
    known = context.store.existing(REPOSITORY, context.key, name)
    if known is None:
        with context.store.write(
            REPOSITORY, context.key, name, inputs=inputs, code_version=STEPS_VERSION, run_id=context.run_id
        ) as writer:
            with context.stages.stage("list tree", unit="entries") as ticker:
                entries = source.entries(snapshot, _last_listed(context))
                ticker.advance(entries.height)
            if entries.is_empty():
                raise SourceError(
                    f"{snapshot.location} holds no files at {snapshot.label}",
                    remedy="commit something, or choose another ref",
                )
            writer.write("entries", 0, entries)
            writer.info.update(snapshot=snapshot.to_json(), commit=snapshot.commit, entries=entries.height)
    else:
        context.store.point(known)
    artifact = Artifact.open(context.layout.artifact_home(REPOSITORY, context.key) / name)
    seen_at = _later_than_before(context, snapshot)
    observe(context.layout, context.key, Observation(snapshot.commit, snapshot.label, seen_at, name))
    context.pin(artifact)
    facts = {
        "commit": snapshot.commit, "label": snapshot.label, "ref": snapshot.ref, "location": snapshot.location,
        "committed_at": snapshot.committed_at, "entries": artifact.rows_of("entries"),
    }  # fmt: skip
    return StepResult(artifact, "built" if known is None else "reused", snapshot.commit, facts, snapshot.label)


def _later_than_before(context: StepContext, snapshot: Snapshot) -> float:
    """When this commit was seen: never before another commit that was seen earlier, whatever the clock says.

    Steps of a partition happen one after the other (its lock is held): a clock that was set back must not make this
    commit, which was seen last, older than what is published.
    """
    known = last_observation(context.layout, context.key)
    if known is None or known.commit == snapshot.commit or known.seen_at < snapshot.observed_at:
        return snapshot.observed_at
    return known.seen_at + 0.001


def _last_listed(context: StepContext) -> tuple[Snapshot, pl.DataFrame] | None:
    """The current artifact's snapshot and entries; None if there is none that is whole and made by these rules."""
    artifact = context.store.previous(REPOSITORY, context.key)
    if artifact is None or artifact.manifest.inputs.get("names") != secret_rules_version():
        return None
    return Snapshot.from_json(artifact.info["snapshot"]), artifact.read("entries")


def observed_snapshot(repository: Artifact, layout: Layout) -> Snapshot:
    """The snapshot of a repository artifact, with the time its commit was last seen."""
    snapshot = Snapshot.from_json(repository.info["snapshot"])
    seen = last_observation(layout, snapshot.key)
    if seen is not None and seen.fingerprint == repository.fingerprint:
        return replace(snapshot, observed_at=max(seen.seen_at, snapshot.observed_at))
    return snapshot


def hash_files(context: StepContext) -> StepResult:
    """Decides about every entry: kept or why not. Only new content is read."""
    repository = context.input(REPOSITORY)
    snapshot = Snapshot.from_json(repository.info["snapshot"])
    entry, _ = registered(context)
    rules = rules_fingerprint(context.settings, entry)
    inputs = {REPOSITORY: repository.fingerprint, "rules": rules, "version": STEPS_VERSION}
    name = fingerprint(inputs)
    known = context.store.existing(FILE_HASHES, context.key, name)
    if known is not None:
        context.store.point(known)
        context.pin(known)
        return StepResult(known, "reused", snapshot.commit, _file_facts(known), known.info["merkle_root"])
    previous = context.store.previous(FILE_HASHES, context.key)
    same_rules = previous is not None and previous.manifest.inputs.get("rules") == rules
    selection = select_files(
        source_of(context),
        snapshot,
        repository.read("entries"),
        context.settings,
        previous=previous.read("files") if previous and same_rules else None,
        previous_findings=previous.read("findings") if previous and same_rules else None,
        entry=entry,
        stages=context.stages,
    )
    _require_kept(selection, snapshot)
    buckets = bucket_count(selection.files.height, previous.manifest.buckets if previous else None)
    with (
        context.store.write(
            FILE_HASHES,
            context.key,
            name,
            inputs=inputs,
            code_version=STEPS_VERSION,
            run_id=context.run_id,
            buckets=buckets,
        ) as writer,
        context.stages.stage("write", unit="files") as ticker,
    ):
        comparable = previous if previous and previous.manifest.buckets == buckets else None
        for bucket, rows in enumerate(_split(selection, buckets, comparable)):
            if rows is not None:
                files, findings = rows
                part = fingerprint({"files": frame_digest(files), "findings": frame_digest(findings)})
            if comparable and (rows is None or comparable.manifest.bucket_inputs[str(bucket)] == part):
                writer.bucket_inputs[str(bucket)] = comparable.manifest.bucket_inputs[str(bucket)]
                ticker.advance(writer.link(comparable, "files", bucket).rows)
                writer.link(comparable, "findings", bucket)
            else:
                writer.bucket_inputs[str(bucket)] = part
                ticker.advance(writer.write("files", bucket, files).rows)
                writer.write("findings", bucket, findings)
        writer.info.update(
            commit=snapshot.commit, merkle_root=selection.merkle_root, rules=rules, **_summary(selection)
        )
    artifact = Artifact.open(context.layout.artifact_home(FILE_HASHES, context.key) / name)
    context.pin(artifact)
    return StepResult(artifact, "built", snapshot.commit, _file_facts(artifact), selection.merkle_root)


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
