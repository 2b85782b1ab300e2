"""Running for years: backups, reconciliation, and what is remembered of questions."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from .base import SettingsGroup, absolute


class SafetySettings(SettingsGroup):
    """Running for years: backups, reconciliation, and what is remembered of questions."""

    backup_target: Path | None = Field(
        None, description="The folder that `code-index backup` and its schedule write to; not set: no schedule."
    )
    backup_cron: str = Field("*/15 * * * *", description="When the schedule backs up, where a folder is set.")
    backup_keep: int = Field(96, ge=1, description="Backups that are kept: 96 of every 15 minutes are a day.")
    reconcile_cron: str = Field("30 4 * * 0", description="When catalogue, artifacts and index are compared.")
    usage: bool = Field(True, description="Whether each question's kind, time and hits are recorded (`usage` tables).")
    usage_text: bool = Field(False, description="Whether the record of a question has its text too.")
    usage_mb: int = Field(64, ge=1, description="Records of questions above so many MB: the oldest go.")

    @field_validator("backup_target")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return absolute(value)
