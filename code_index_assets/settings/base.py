"""What every group of settings shares: the prefix of its environment variables, and paths made absolute."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsGroup(BaseSettings):
    """Options, each from the environment variable `CODE_INDEX_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="CODE_INDEX_", extra="ignore", frozen=True, env_ignore_empty=True)


def absolute(path: Path | None) -> Path | None:
    """A path with variables and `~` expanded, from the working folder."""
    return None if path is None else Path(os.path.expandvars(path)).expanduser().absolute()
