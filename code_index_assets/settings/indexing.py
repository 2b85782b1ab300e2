"""What is indexed, how files are parsed and fetched."""

from __future__ import annotations

from pydantic import Field

from .base import SettingsGroup


class IndexingSettings(SettingsGroup):
    """What is indexed, how files are parsed and fetched."""

    max_file_bytes: int = Field(1 << 20, ge=1, description="Files larger than this are left out (reason too_large).")
    include_vendored: bool = Field(False, description="Index vendored files too (node_modules, third_party, …).")
    include_generated: bool = Field(False, description="Index generated files too (lock files, *.pb.go, …).")
    chunk_max_chars: int = Field(1500, ge=200, description="Largest chunk, in non-whitespace characters.")
    chunk_min_chars: int = Field(100, ge=0, description="Neighbours smaller than this are merged.")
    parse_timeout_seconds: float = Field(5.0, gt=0, description="Longest time one file may take to parse.")
    workers: int = Field(0, ge=0, description="Parser processes; 0: as many as there are cores.")
    git_timeout_seconds: float = Field(1800.0, gt=0, description="Longest time one git network call may take.")
    lock_timeout_seconds: float = Field(1800.0, gt=0, description="Longest wait for another run on one repository.")
