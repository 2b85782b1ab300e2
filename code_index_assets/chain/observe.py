"""The `repository` step: the tree of the commit that a partition is at.

What lives here: the step over artifacts. What does not: reading sources (`sources/git/source.py`,
`sources/folder.py`), Dagster.
"""

from __future__ import annotations

import polars as pl

from ..errors import SourceError
from ..records.observations import Observation, last_observation, observe
from ..sources.open_source import open_source
from ..sources.registry import Registry, RepositoryEntry, parse_partition_key
from ..sources.secrets.scan import secret_rules_version
from ..sources.snapshot import Snapshot, Source
from ..storage.artifacts import Artifact, ArtifactSpec, ArtifactWriter, Built
from .run import ChainRun, StepResult

REPOSITORY = "repository"
STEPS_VERSION = "1"


def registered(run: ChainRun) -> tuple[RepositoryEntry, str | None]:
    """The registry entry and ref of the step's partition. Raises ConfigurationError."""
    if run.given is not None:
        return run.given.entry, None
    registry = Registry.load(run.settings.registry_file, run.layout)
    return parse_partition_key(run.key, registry)


def source_of(run: ChainRun) -> Source:
    """The source of the run's partition. Raises ConfigurationError, SourceError."""
    if run.given is not None:
        return run.given.source
    entry, ref = registered(run)
    return open_source(entry, ref, run.layout, run.settings)


def observe_repository(run: ChainRun) -> StepResult:
    """Fetches (or looks at) the source and lists the tree of its commit."""
    snapshot, built = list_repository(run)
    artifact = built.artifact
    seen_at = _later_than_before(run, snapshot)
    observe(run.layout, run.key, Observation(snapshot.commit, snapshot.label, seen_at, artifact.fingerprint))
    facts = {
        "commit": snapshot.commit, "label": snapshot.label, "ref": snapshot.ref, "location": snapshot.location,
        "committed_at": snapshot.committed_at, "entries": artifact.rows_of("entries"),
    }  # fmt: skip
    return StepResult(artifact, "reused" if built.reused else "built", snapshot.commit, facts, snapshot.label)


def list_repository(run: ChainRun) -> tuple[Snapshot, Built]:
    """The source's present state and the artifact of its tree. Raises SourceError."""
    source = source_of(run)
    with run.stages.stage("observe", unit="repositories") as ticker:
        snapshot = source.observe()
        ticker.advance()
    inputs = {"tree": snapshot.tree, "commit": snapshot.commit, "label": snapshot.label, "kind": snapshot.kind,
              "ref": snapshot.ref, "default_ref": snapshot.default_ref, "names": secret_rules_version(),
              "version": STEPS_VERSION}  # fmt: skip

    def list_tree(writer: ArtifactWriter, previous: Artifact | None) -> None:
        with run.stages.stage("list tree", unit="entries") as ticker:
            entries = source.entries(snapshot, _last_listed(previous))
            ticker.advance(entries.height)
        if entries.is_empty():
            raise SourceError(
                f"{snapshot.location} holds no files at {snapshot.label}",
                remedy="commit something, or choose another ref",
            )
        writer.write("entries", 0, entries)
        writer.info.update(snapshot=snapshot.to_json(), commit=snapshot.commit, entries=entries.height)

    return snapshot, run.build(ArtifactSpec(REPOSITORY, run.key, inputs, STEPS_VERSION), list_tree)


def _later_than_before(run: ChainRun, snapshot: Snapshot) -> float:
    """When this commit was seen: never before another commit that was seen earlier, whatever the clock says.

    Steps of a partition happen one after the other (its lock is held): a clock that was set back must not make this
    commit, which was seen last, older than what is published.
    """
    known = last_observation(run.layout, run.key)
    if known is None or known.commit == snapshot.commit or known.seen_at < snapshot.observed_at:
        return snapshot.observed_at
    return known.seen_at + 0.001


def _last_listed(artifact: Artifact | None) -> tuple[Snapshot, pl.DataFrame] | None:
    """The previous artifact's snapshot and entries; None if there is none or other rules made it."""
    if artifact is None or artifact.manifest.inputs.get("names") != secret_rules_version():
        return None
    return Snapshot.from_json(artifact.info["snapshot"]), artifact.read("entries")
