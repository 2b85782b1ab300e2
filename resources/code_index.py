"""The resource every asset takes: it builds settings, layout and chain runs, and holds nothing itself."""

from __future__ import annotations

import dagster as dg

from code_index_assets.chain.run import ChainRun
from code_index_assets.progress import Stages
from code_index_assets.settings import Settings, load_settings
from code_index_assets.storage.layout import Layout


class CodeIndexResource(dg.ConfigurableResource):
    """Settings come from the environment (`CODE_INDEX_*`); `overrides` replaces single ones for a run or a test."""

    overrides: dict[str, str] = {}

    def settings(self) -> Settings:
        """The settings in force. Raises ConfigurationError."""
        settings = load_settings()
        if not self.overrides:
            return settings
        return Settings.model_validate({**settings.model_dump(), **self.overrides})

    def layout(self) -> Layout:
        """The data folder, made if it does not exist."""
        return Layout(self.settings().data).create()

    def chain_run(self, key: str, run_id: str) -> ChainRun:
        """A run of the chain on a partition, at its first step."""
        return ChainRun(key, run_id, self.layout(), self.settings(), Stages())
