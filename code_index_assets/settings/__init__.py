"""Every option of the product, once: its name, its default, what it does.

What lives here: `Settings`, read from environment variables `CODE_INDEX_*` and from nothing else; its groups are one
module each. What does not: which repositories there are (`sources/registry.py`) and secrets of code hosts (read where
they are used).
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from pydantic import Field, ValidationError, field_validator

from ..errors import ConfigurationError
from .alerts import AlertSettings
from .base import SettingsGroup, absolute
from .deployment import DeploymentSettings
from .embedding import EmbeddingSettings
from .indexing import IndexingSettings
from .operations import OperationsSettings
from .publication import PublicationSettings
from .runs import RunSettings
from .safety import SafetySettings
from .server import ServerSettings
from .triggers import TriggerSettings

DATA_FOLDER = ".code-index"
# Read where they are used: tokens of git hosts.
_OTHER_VARIABLES = ("CODE_INDEX_GIT_TOKEN_", "CODE_INDEX_ASKPASS_")


def default_data_folder() -> Path:
    """`.code-index` of the nearest enclosing folder that has one, else of the working folder."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / DATA_FOLDER / "VERSION").is_file():
            return folder / DATA_FOLDER
    return here / DATA_FOLDER


class PlaceSettings(SettingsGroup):
    """Where the data folder and the registry are."""

    data: Path = Field(
        default_factory=default_data_folder, description="Where everything is kept; Dagster's home is inside it."
    )
    registry: Path | None = Field(
        None, description="The file that names the repositories; default: repositories.toml in the data folder."
    )

    @field_validator("data", "registry")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return absolute(value)


# Pydantic lists the fields of the last base first: the documentation's order is that of the groups read backwards.
class Settings(
    AlertSettings, DeploymentSettings, ServerSettings, OperationsSettings, SafetySettings, RunSettings, TriggerSettings,
    PublicationSettings, EmbeddingSettings, IndexingSettings, PlaceSettings,
):  # fmt: skip
    """All options. A function that needs one group alone takes that group."""

    @property
    def registry_file(self) -> Path:
        """The file that names the repositories."""
        return self.registry or self.data / "repositories.toml"


@lru_cache(maxsize=1)
def _cached(environment: frozenset[tuple[str, str]], folder: str) -> Settings:
    del environment, folder
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"CODE_INDEX_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
        raise ConfigurationError(
            "some settings cannot be used:\n  " + "\n  ".join(lines), remedy="correct or unset these variables"
        ) from error


def unknown_variables() -> list[tuple[str, str]]:
    """Variables CODE_INDEX_* of the environment that no option has, each with the nearest that one has ("" if none)."""
    known = {f"CODE_INDEX_{name.upper()}" for name in Settings.model_fields}
    strange = [
        name
        for name in sorted(os.environ)
        if name.startswith("CODE_INDEX_") and name not in known and not name.startswith(_OTHER_VARIABLES)
    ]
    return [(name, next(iter(get_close_matches(name, known, n=1, cutoff=0.8)), "")) for name in strange]


def load_settings() -> Settings:
    """The settings of this process; read again when the environment or the working folder changed."""
    environment = frozenset((k, v) for k, v in os.environ.items() if k.startswith("CODE_INDEX_"))
    try:
        folder = os.getcwd()  # noqa: PTH109 - a cache key, not a path to work with
    except OSError as error:
        raise ConfigurationError("the working folder is gone", remedy="cd to a folder that exists") from error
    return _cached(environment, folder)
