"""When schedules run: the settings, or their defaults where these cannot be used.

What lives here: cron expressions and the time zone, checked before Dagster sees them. What does not: the schedules
(`nightly.py`). The code location must load with a setting that cannot be used, or nothing in the UI could say so: then
the defaults stand, the schedules' descriptions name the problem, and their ticks fail with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from dagster._utils.schedules import is_valid_cron_schedule

from code_index_assets.errors import ConfigurationError
from code_index_assets.settings import Settings, load_settings


@dataclass(frozen=True)
class Timing:
    """When jobs run and for how long at most, and what is wrong with the settings ("" if nothing is)."""

    nightly: str
    compaction: str
    timezone: str
    max_run_seconds: int
    max_catalog_seconds: int
    problem: str = ""
    backup: str = "*/15 * * * *"
    reconcile: str = "30 4 * * 0"
    backs_up: bool = False

    def described(self, text: str) -> str:
        """A description, with the problem in front of it."""
        return f"NOT RUNNING AS SET: {self.problem}\n\n{text}" if self.problem else text

    def check(self) -> None:
        """Raises ConfigurationError if a setting cannot be used."""
        if self.problem:
            raise ConfigurationError(self.problem, remedy="correct the setting and reload the code location")


def load_timing() -> Timing:
    """The timing that the settings ask for; the defaults and the problem where they cannot be used."""
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    names = ("nightly_cron", "compaction_cron", "timezone", "max_run_seconds", "max_catalog_seconds")
    usual = Timing(*(defaults[name] for name in names))
    try:
        settings = load_settings()
    except ConfigurationError as error:
        return replace(usual, problem=error.message)
    problems = [
        f"CODE_INDEX_{name.upper()}={cron!r} is no cron expression of five fields"
        for name, cron in (
            ("nightly_cron", settings.nightly_cron),
            ("compaction_cron", settings.compaction_cron),
            ("backup_cron", settings.backup_cron),
            ("reconcile_cron", settings.reconcile_cron),
        )
        if not is_valid_cron_schedule(cron)
    ]
    try:
        ZoneInfo(settings.timezone)
    except (KeyError, ValueError, OSError):
        problems.append(f"CODE_INDEX_TIMEZONE={settings.timezone!r} is no time zone such as Europe/Berlin")
    if problems:
        return replace(usual, problem="; ".join(problems))
    return replace(
        Timing(*(getattr(settings, name) for name in names)),
        backup=settings.backup_cron, reconcile=settings.reconcile_cron, backs_up=settings.backup_target is not None,
    )  # fmt: skip
