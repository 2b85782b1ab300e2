"""Run workers: how many processes wait for runs, and when one is replaced."""

from __future__ import annotations

from pydantic import Field

from .base import SettingsGroup


class RunSettings(SettingsGroup):
    """Run workers: how many processes wait for runs, and when one is replaced."""

    run_workers: int = Field(
        1, ge=0, le=64, description="Run workers that `code-index up` and `serve` keep ready; 0: every run starts cold."
    )
    run_worker_idle_seconds: float = Field(
        900.0, ge=1, description="A run worker ends after so long without work; the next run starts one again."
    )
    run_worker_patience_seconds: float = Field(
        4.0,
        ge=0,
        description="A run that waits so long for a busy run worker gets one more; a cold start takes so long.",
    )
    run_worker_mb: int = Field(
        500, ge=50, description="A run worker with more memory of its own (MB) after a run is replaced by a new one."
    )
    run_worker_runs: int = Field(
        500, ge=1, description="A run worker is replaced after so many runs; 1: each run gets a process of its own."
    )
    run_worker_hours: float = Field(12.0, gt=0, description="A run worker is replaced when it is older than this.")
