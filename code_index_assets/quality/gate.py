"""The gate: from artifacts to a verdict on exactly their bytes, kept as an artifact.

What lives here: profiling, running the suite, acceptances, reading and writing verdicts. What does not: the
expectations (`suite.py`), the permit (`permit.py`), Dagster's checks (`assets/`).
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import polars as pl

from ..errors import ConfigurationError, NotBuiltError
from ..progress import Stages
from ..settings import Settings
from ..storage.artifacts import Artifact, ArtifactSpec, ArtifactStore, ArtifactWriter, Built
from ..storage.fingerprint import fingerprint
from ..storage.layout import Layout, write_atomically
from .graph_profile import profile_graph, share_of
from .parts import bucket_parts, parts_digest
from .permit import CheckResult, Permit, Verdict, issue_permit
from .profile import Baseline, BucketProfile, profile_bucket, profile_repository
from .subject import known_subjects, subject_digest
from .suite import Expectation, expectations, suite_hash
from .suite_process import load_suite, run_suite_beside

KIND = "quality"
GATE_VERSION = "3"


@dataclass(frozen=True)
class Judged:
    """The artifacts of one partition that a verdict is about, and the commit that they were made from."""

    key: str
    space: str
    dimension: int
    commit: str
    files: Artifact
    chunks: Artifact
    embeddings: Artifact


def judge(
    judged: Judged, baseline: Baseline | None, settings: Settings, store: ArtifactStore, run_id: str, stages: Stages
) -> Built:
    """The verdict's artifact; `read_verdict` reads it.

    A verdict is reused when the very same artifacts were judged by the same suite against the same baseline.
    Raises CorruptArtifactError if their bytes are not what their manifests say.
    """
    key, space, files, chunks = judged.key, judged.space, judged.files, judged.chunks
    suite = expectations(settings, judged.dimension)
    inputs = {
        "files": files.fingerprint,
        "chunks": chunks.fingerprint,
        "embeddings": judged.embeddings.fingerprint,
        "suite": suite_hash(suite),
        "accepted": sorted(acceptances(store.layout, key, space)),
        "gate": GATE_VERSION,
        "baseline": asdict(baseline) if baseline else None,
    }
    for artifact in (chunks, judged.embeddings):
        artifact.verify()

    def make(writer: ArtifactWriter, previous: Artifact | None) -> None:
        kept_files = files.read("files", ["path", "lines", "status"]).filter(pl.col("status") == "kept")
        buckets, subjects = _profile(judged, kept_files, previous, writer, stages)
        rows = pl.concat([bucket.rows for bucket in buckets])
        with stages.stage("profile the code graph", unit="files") as ticker:
            before = dict(previous.info.get("graph", {})) if previous is not None else {}
            graph, foreign_facts, writer.info["graph"] = profile_graph(chunks, kept_files, before)
            ticker.advance(graph.files)
        with stages.stage("import great_expectations", unit="imports"):
            load_suite()
        with stages.stage("expectations", unit="checks") as ticker:
            repository = profile_repository(rows, buckets, kept_files, baseline, graph, foreign_facts)
            results = run_suite_beside(suite, rows, repository)
            ticker.advance(len(results))
        subject = subject_digest(space, subjects)
        results = _accepted(results, suite, subject, acceptances(store.layout, key, space))
        passed = not any(result.blocks for result in results)
        verdict = Verdict(
            key, space, subject, suite_hash(suite), passed, judged.commit, tuple(results), run_id, time.time()
        )
        writer.info.update(verdict=asdict(verdict), subjects=subjects)

    damaged = store.damaged_current(KIND, key, space)
    built = store.build(
        ArtifactSpec(KIND, key, inputs, GATE_VERSION, space),
        run_id,
        make,
        buckets=chunks.manifest.buckets,
        equivalent=lambda: _of_what_is_published(store, key, space, inputs, baseline),
    )
    if damaged is not None and damaged != built.artifact.path:
        # Judged against what is published, the verdict made anew has another name: the damaged one would stay.
        shutil.rmtree(damaged, ignore_errors=True)
    return built


def _of_what_is_published(
    store: ArtifactStore, key: str, space: str, inputs: dict[str, Any], baseline: Baseline | None
) -> Artifact | None:
    """The current verdict, if it speaks of these artifacts and they are what is published already.

    What is published is not judged against itself: its verdict, against what came before it, stands.
    """
    current = store.previous(KIND, key, space)
    if current is None or baseline is None or baseline.embeddings != inputs["embeddings"]:
        return None
    same = all(current.manifest.inputs.get(name) == value for name, value in inputs.items() if name != "baseline")
    return current if same else None


def _profile(
    judged: Judged, kept_files: pl.DataFrame, previous: Artifact | None, writer: ArtifactWriter, stages: Stages
) -> tuple[list[BucketProfile], list[str]]:
    """Profiles every bucket; one whose chunk, vector and file rows were profiled before is taken over."""
    files, chunks, embeddings = judged.files, judged.chunks, judged.embeddings
    profiles: dict[int, BucketProfile] = {}
    subjects: dict[int, str] = {}
    same_buckets = previous is not None and previous.manifest.buckets == writer.buckets
    profiled = previous.read_split("profile") if previous and same_buckets else []
    aligned = files.manifest.buckets == writer.buckets

    def parts_of(bucket: int) -> dict[str, str]:
        return bucket_parts(bucket, {"chunks": chunks, "file_hashes": files}) if aligned else {}

    def inputs_of(bucket: int) -> str:
        return fingerprint(
            {
                "chunks": chunks.part("chunks", bucket).digest,
                "vectors": embeddings.part("embeddings", bucket).digest,
                "files": files.part("files", bucket).digest if aligned else files.fingerprint,
                "parts": parts_digest(parts_of(bucket)),
                "gate": GATE_VERSION,
            }
        )

    with stages.stage("profile", total=chunks.rows_of("chunks"), unit="chunks") as ticker:

        def reuse(before: Artifact, bucket: int) -> None:
            writer.link(before, "profile", bucket)
            orphans, missing = before.info["buckets"][bucket]
            profiles[bucket] = BucketProfile(profiled[bucket], orphans, missing)
            subjects[bucket] = before.info["subjects"][bucket]
            ticker.advance(profiled[bucket].height)

        for bucket in writer.reuse_buckets(previous, inputs_of, reuse):
            chunk_rows = chunks.read_bucket("chunks", bucket)
            vector_rows = embeddings.read_bucket("embeddings", bucket)
            mine = kept_files.join(chunk_rows.select("path").unique(), on="path", how="semi").sort("path")
            profiles[bucket] = profile_bucket(chunk_rows, vector_rows, mine)
            writer.write("profile", bucket, profiles[bucket].rows)
            digests = (chunks.part("chunks", bucket).digest, embeddings.part("embeddings", bucket).digest)
            subjects[bucket] = known_subjects.of(digests, chunk_rows, vector_rows, parts_of(bucket))
            ticker.advance(profiles[bucket].rows.height)
    ordered = [profiles[bucket] for bucket in range(writer.buckets)]
    writer.info["buckets"] = [[profile.orphan_vectors, profile.keys_missing] for profile in ordered]
    return ordered, [subjects[bucket] for bucket in range(writer.buckets)]


def _accepted(
    results: list[CheckResult], suite: tuple[Expectation, ...], subject: str, accepted: dict[str, dict[str, Any]]
) -> list[CheckResult]:
    """Plausibility results that a person accepted for this very subject count as passed; they name the acceptance."""
    plausibility = {e.name for e in suite if e.plausibility}
    out = []
    for result in results:
        note = accepted.get(f"{subject}:{result.name}")
        if not result.passed and note and result.name in plausibility:
            observed = {**result.observed, "accepted": note["reason"], "accepted_by": note["by"]}
            out.append(replace(result, passed=True, observed=observed))
        else:
            out.append(result)
    return out


def read_verdict(artifact: Artifact) -> Verdict:
    """The verdict in an artifact of the kind `quality`."""
    raw = dict(artifact.info["verdict"])
    raw["results"] = tuple(CheckResult(**result) for result in raw["results"])
    return Verdict(**raw)


def current_verdict(store: ArtifactStore, key: str, space: str) -> Verdict | None:
    """The latest verdict of a partition, or None."""
    artifact = store.current(KIND, key, space)
    return read_verdict(artifact) if artifact else None


def textual_share_of(store: ArtifactStore, key: str, space: str, subject: str) -> float | None:
    """The share of textual names in what a verdict on a subject looked at; None where none is kept."""
    shares = [share_of(a.info) for a in store.every(KIND, key, space) if read_verdict(a).subject == subject]
    return next((share for share in shares if share is not None), None)


def verdict_on(store: ArtifactStore, key: str, space: str, subject: str) -> Verdict | None:
    """The kept verdict of a partition on a subject, the newest if there are several, or None."""
    verdicts = [read_verdict(artifact) for artifact in store.every(KIND, key, space)]
    return max((v for v in verdicts if v.subject == subject), key=lambda v: v.at, default=None)


def permit_for(quality: Artifact | None, key: str, dimension: int, settings: Settings) -> Permit:
    """A permit from a verdict artifact, under the suite in force. Raises GateRefusedError."""
    suite = suite_hash(expectations(settings, dimension))
    return issue_permit(read_verdict(quality) if quality else None, key=key, suite=suite)


def acceptances(layout: Layout, key: str, space: str) -> dict[str, dict[str, Any]]:
    """What people accepted: `subject:check` → reason, by, at."""
    path = layout.artifact_home(KIND, key, space) / "accepted.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def accept(store: ArtifactStore, key: str, space: str, check: str, reason: str, by: str, settings: Settings) -> Verdict:
    """Accepts one failed plausibility check of the latest verdict. Raises ConfigurationError, NotBuiltError."""
    verdict = current_verdict(store, key, space)
    if verdict is None:
        raise NotBuiltError(f"{key} has no verdict to accept a check of", remedy=f"run `code-index index {key}` first")
    allowed = {e.name for e in expectations(settings, 1) if e.plausibility}
    if check not in allowed:
        raise ConfigurationError(
            f"{check!r} cannot be accepted: only plausibility can be, not integrity",
            remedy=f"one of: {', '.join(sorted(allowed))}",
        )
    if not reason.strip():
        raise ConfigurationError("an acceptance needs a reason", remedy="give one with --reason")
    with store.layout.lock(f"accept-{key}", timeout=30):
        notes = acceptances(store.layout, key, space)
        notes[f"{verdict.subject}:{check}"] = {"reason": reason, "by": by, "at": time.time()}
        path = store.layout.artifact_home(KIND, key, space) / "accepted.json"
        write_atomically(path, json.dumps(notes, indent=1, sort_keys=True).encode())
    return verdict
