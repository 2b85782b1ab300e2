"""What every step of the chain shares: its surroundings and its result.

What lives here: `StepContext` (where to read and write, who runs) and `StepResult`. What does not: the steps, which
live in the rooms (`chain/observe.py`, `chain/chunk.py`, …), and Dagster (`assets/`).

A step whose inputs equal those of an artifact already made does nothing and says so (`outcome="reused"`). Inside one
run a step reads what the run's earlier steps made, also when another run has moved the pointers since: the run's pins
say which.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from ..progress import Stages
from ..settings import Settings
from ..storage.artifacts import Artifact, ArtifactStore
from ..storage.layout import Layout, key_segment, write_atomically

Outcome = Literal["built", "reused", "superseded", "refused", "failed"]


@dataclass
class StepContext:
    """The surroundings of one step of one run on one partition."""

    key: str
    run_id: str
    layout: Layout
    settings: Settings
    stages: Stages
    store: ArtifactStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = ArtifactStore(self.layout)

    def pin(self, artifact: Artifact, space: str | None = None) -> None:
        """Remembers that this run works with this artifact."""
        record = {"fingerprint": artifact.fingerprint, "space": space}
        write_atomically(self._pin_file(artifact.manifest.kind), json.dumps(record).encode())

    def input(self, kind: str, space: str | None = None) -> Artifact:
        """The artifact of a kind that this run made, else the current one. Raises NotBuiltError."""
        try:
            pinned = json.loads(self._pin_file(kind).read_bytes())
            home = self.layout.artifact_home(kind, self.key, pinned["space"])
            name = str(pinned["fingerprint"])
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return self.store.require(kind, self.key, space)
        return Artifact.open(home / name)

    def parent(self, artifact: Artifact, kind: str, space: str | None = None) -> Artifact:
        """The artifact of a kind that this one was made from. Raises NotBuiltError."""
        home = self.layout.artifact_home(kind, self.key, space)
        return Artifact.open(home / str(artifact.manifest.inputs[kind]))

    def whole_parent(self, artifact: Artifact, kind: str, space: str | None = None) -> Artifact | None:
        """The same, to take over from; None if it is gone or damaged, which is noted in the store."""
        home = self.layout.artifact_home(kind, self.key, space)
        return self.store.whole(home / str(artifact.manifest.inputs[kind]))

    def _pin_file(self, kind: str) -> Any:
        return self.layout.root / "pins" / key_segment(self.run_id) / f"{key_segment(self.key)}.{kind}.json"


def remove_old_pins(layout: Layout, older_than_seconds: float = 7 * 86400) -> None:
    """Removes the pins of runs that ended long ago."""
    base = layout.root / "pins"
    for folder in list(base.iterdir()) if base.is_dir() else []:
        if time.time() - folder.stat().st_mtime > older_than_seconds:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class StepResult:
    """What a step did."""

    artifact: Artifact | None
    outcome: Outcome
    commit: str
    info: dict[str, Any] = field(default_factory=dict)
    data_version: str | None = None
