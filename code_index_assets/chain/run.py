"""One run of the chain on one partition: what its steps share, and what one step hands to the next.

What lives here: `ChainRun` and `StepResult`. What does not: the steps, one module each in this folder, and Dagster
(`assets/`).

A step whose inputs equal those of an artifact already made does nothing (`outcome="reused"`). Inside one run a step
reads what the run's earlier steps made, also when another run has moved the pointers since: the run's pins name it.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ..embedding.model_spec import ModelSpec
from ..index.published import in_force
from ..progress import Stages
from ..settings import Settings
from ..storage.artifacts import Artifact, ArtifactSpec, ArtifactStore, Built, Make
from ..storage.layout import Layout
from ..storage.store import Home, Store

if TYPE_CHECKING:
    from ..embedding.interface import Embedder
    from ..embedding.space import EmbeddingSpace
    from ..sources.registry import RepositoryEntry
    from ..sources.snapshot import Source

Outcome = Literal["built", "reused", "superseded", "refused", "failed"]


@dataclass(frozen=True)
class EmbeddedAhead:
    """What the `chunks` step has for the `embeddings` step: the loaded model, and the vector keys it computed."""

    space: str
    embedder: Embedder | None
    keys: set[str]


@dataclass(frozen=True)
class GivenSource:
    """A source that stands for the one of the registry, and the entry whose rules hold for it."""

    entry: RepositoryEntry
    source: Source


@dataclass
class ChainRun:
    """A run of the chain on one partition. `stages` times the step that is at work.

    `only_existing`: steps raise NotBuiltError where they would make an artifact. `kept_in` and `given` let a run make
    artifacts aside, of another source than the registered one.
    """

    key: str
    run_id: str
    layout: Layout
    settings: Settings
    stages: Stages
    only_existing: bool = False
    kept_in: Store | None = None
    given: GivenSource | None = None
    store: ArtifactStore = field(init=False)
    _ahead: EmbeddedAhead | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Resolves the model `auto`, once a run: a later switch of the serving space is for the next run."""
        self.store = ArtifactStore(self.layout, self.kept_in, only_existing=self.only_existing)
        self.settings = in_force(self.settings, self.layout)

    def begin(self, stages: Stages) -> None:
        """Begins the next step: its own times, and its own record of damage found."""
        self.stages = stages
        self.store.damaged.clear()

    @cached_property
    def model(self) -> ModelSpec:
        """The model in force for the whole run."""
        return ModelSpec.chosen(self.settings)

    @cached_property
    def space(self) -> EmbeddingSpace:
        """The embedding space of the run. A provider's endpoint may be asked for it once, a model be looked up.

        Raises ConfigurationError, EmbeddingError.
        """
        from ..embedding.loading import space_of

        return space_of(self.settings, self.layout, self.stages.say)

    # -- artifacts ---------------------------------------------------------------------------------------------

    def build(self, spec: ArtifactSpec, make: Make, *, buckets: int = 1) -> Built:
        """`ArtifactStore.build` in this run, which works with that artifact from now on."""
        built = self.store.build(spec, self.run_id, make, buckets=buckets)
        self.pin(built.artifact, spec.space)
        return built

    def pin(self, artifact: Artifact, space: str | None = None) -> None:
        """Remembers that this run works with this artifact."""
        home = Home(artifact.manifest.kind, self.key, space)
        self.store.store.pin(self.run_id, home, artifact.fingerprint)

    def input(self, kind: str, space: str | None = None) -> Artifact:
        """The artifact of a kind that this run made, else the current one. Raises NotBuiltError."""
        pinned = self.store.store.pinned(self.run_id, Home(kind, self.key, space))
        if pinned is None:
            return self.store.require(kind, self.key, space)
        home, name = pinned
        return self.store.named(kind, self.key, name, home.space)

    def parent(self, artifact: Artifact, kind: str, space: str | None = None) -> Artifact:
        """The artifact of a kind that this one was made from. Raises NotBuiltError."""
        return self.store.named(kind, self.key, str(artifact.manifest.inputs[kind]), space)

    def whole_parent(self, artifact: Artifact, kind: str, space: str | None = None) -> Artifact | None:
        """The same, to take over from; None if it is gone or damaged, which is noted in the store."""
        return self.store.whole_named(kind, self.key, str(artifact.manifest.inputs[kind]), space)

    # -- from the `chunks` step to the `embeddings` step ---------------------------------------------------------

    def hand_over(self, ahead: EmbeddedAhead) -> None:
        """Leaves the model and the keys computed ahead for the `embeddings` step. Without it only time is lost."""
        self.close()
        self._ahead = ahead

    def take_ahead(self, space: str) -> EmbeddedAhead | None:
        """What the `chunks` step left, if it is of this space; the taker closes the model."""
        if self._ahead is None or self._ahead.space != space:
            return None
        ahead, self._ahead = self._ahead, None
        return ahead

    def close(self) -> None:
        """Closes a model that no step has taken."""
        if self._ahead is not None and self._ahead.embedder is not None:
            self._ahead.embedder.close()
        self._ahead = None


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
