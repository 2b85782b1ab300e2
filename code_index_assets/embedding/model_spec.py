"""Which model a setting names: `CODE_INDEX_MODEL` parsed once.

What lives here: the kinds of models and the spelling of a choice. What does not: loading a model (`loading.py`), the
model that a data folder's index was made with (`index/published.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..settings import Settings

DEFAULT_VOYAGE_MODEL = "voyage-code-3"


class ModelKind(StrEnum):
    """Where vectors come from. The values of providers are the prefixes of their setting."""

    TEST = "test"  # hashed words, for tests
    TABLE = "static"  # a table of word vectors
    TRANSFORMER = "transformer"  # computed on this machine
    VOYAGE = "voyage"
    OPENAI = "openai"  # any server that speaks OpenAI's protocol


PROVIDERS = (ModelKind.VOYAGE, ModelKind.OPENAI)


@dataclass(frozen=True)
class ModelSpec:
    """A model choice. `name`: the provider's model, the folder of a table ("": the packaged one), or a transformer."""

    kind: ModelKind
    name: str = ""

    @classmethod
    def parse(cls, setting: str) -> ModelSpec:
        """The model that a setting other than `auto` names. Whether it exists is found when it is loaded."""
        prefix, colon, name = setting.partition(":")
        if setting == "test":
            return cls(ModelKind.TEST)
        if prefix == ModelKind.VOYAGE:
            return cls(ModelKind.VOYAGE, name or DEFAULT_VOYAGE_MODEL)
        if prefix == ModelKind.OPENAI and colon:
            return cls(ModelKind.OPENAI, name)
        if prefix == ModelKind.TABLE:
            return cls(ModelKind.TABLE, name)
        return cls(ModelKind.TRANSFORMER, setting)

    @classmethod
    def chosen(cls, settings: Settings) -> ModelSpec:
        """The model in force. `auto` is by the device; in a data folder `index.published.in_force` comes first."""
        if settings.model != "auto":
            return cls.parse(settings.model)
        from .models.transformer import pick_device

        on_cpu = pick_device(settings.device) == "cpu"
        return cls(ModelKind.TABLE) if on_cpu else cls(ModelKind.TRANSFORMER, "minilm")

    @property
    def is_remote(self) -> bool:
        """Whether texts go to a provider over HTTP."""
        return self.kind in PROVIDERS

    @property
    def is_light(self) -> bool:
        """Whether it needs no weights of a network: the table and the model of the tests."""
        return self.kind in (ModelKind.TEST, ModelKind.TABLE)

    def __str__(self) -> str:
        """The setting that names it, as price tables and run records spell it."""
        if self.kind is ModelKind.TRANSFORMER:
            return self.name
        return f"{self.kind}:{self.name}" if self.name or self.is_remote else str(self.kind)
