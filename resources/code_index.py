"""The resource every asset takes: it builds settings, layout and step contexts, and holds nothing itself."""

from __future__ import annotations

import dagster as dg

from code_index_assets.chain.run import StepContext
from code_index_assets.progress import Say, Stages
from code_index_assets.settings import Settings, load_settings
from code_index_assets.storage.layout import Layout


class CodeIndexResource(dg.ConfigurableResource):
    """Settings come from the environment (`CODE_INDEX_*`); `overrides` replaces single ones for a run or a test."""

    overrides: dict[str, str] = {}

    def settings(self) -> Settings:
        settings = load_settings()
        if not self.overrides:
            return settings
        return Settings.model_validate({**settings.model_dump(), **self.overrides})

    def layout(self) -> Layout:
        return Layout(self.settings().data).create()

    def step(self, key: str, run_id: str, title: str, say: Say) -> StepContext:
        """The context of one step of a run."""
        return StepContext(key, run_id, self.layout(), self.settings(), Stages(title, say))
