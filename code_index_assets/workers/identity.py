"""What a run depends on beside its inputs: the code, the installed packages and the settings.

What lives here: digests of these, by which a run is kept away from a worker that would run it otherwise than the
process that asks. What does not: what happens then (`keeper.py`). Imports nothing heavy: every client computes them.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from pydantic import SecretStr

from ..settings import Settings
from ..settings.runs import RunSettings
from ..settings.server import ServerSettings
from ..settings.triggers import TriggerSettings
from ..storage.layout import Layout

_PACKAGES = ("code_index_assets", "resources", "schedules", "dbt_like_sql")
_CODE = (".py", ".sql", ".scm", ".toml", ".yaml", ".json", ".txt")
# Settings that no run reads.
_BESIDE_RUNS = (
    set(ServerSettings.model_fields) | set(TriggerSettings.model_fields) | set(RunSettings.model_fields)
) - {"allowed_addresses"}
# Variables that libraries read once, when they are imported, or that Dagster reads.
_READ_ONCE = (
    "DAGSTER_", "OMP_", "MKL_", "OPENBLAS_", "KMP_", "TORCH_", "PYTORCH_", "CUDA_", "HF_", "TRANSFORMERS_",
    "TOKENIZERS_", "POLARS_", "RAYON_",
)  # fmt: skip
# Set by Dagster's own commands, or without an effect on a run.
_WITHOUT_EFFECT = {"DAGSTER_HOME", "DAGSTER_IS_DEV_CLI", "DAGSTER_DISABLE_TELEMETRY", "DAGSTER_verbose"}


def code_state() -> str:
    """A digest of the program's files and of what is installed: another one after an edit or an upgrade."""
    told = hashlib.blake2b(digest_size=16)
    root = Path(__file__).parents[2]
    pending = [str(root / package) for package in _PACKAGES]
    while pending:
        try:
            with os.scandir(pending.pop()) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__":
                    pending.append(entry.path)
            elif entry.name.endswith(_CODE):
                told.update(f"{entry.path} {entry.stat().st_mtime_ns}\n".encode())
    # An installation that adds, removes or upgrades a package changes the list of this folder's entries.
    for folder in sorted({path for path in sys.path if path.rstrip("/").endswith(("site-packages", "dist-packages"))}):
        try:
            told.update(f"{folder} {os.stat(folder).st_mtime_ns}\n".encode())  # noqa: PTH116
        except OSError:
            continue
    told.update(sys.version.encode())
    return told.hexdigest()


def models_state(settings: Settings) -> str:
    """A digest of the user's own SQL models, which are read when the definitions are."""
    told = hashlib.blake2b(digest_size=8)
    for path in sorted(settings.sql_models.rglob("*.sql")) if settings.sql_models else []:
        told.update(f"{path} {path.stat().st_mtime_ns}\n".encode())
    return told.hexdigest()


def settings_state(settings: Settings, layout: Layout) -> dict[str, str]:
    """A short digest of each variable that a run depends on, by its name."""
    values = {
        f"CODE_INDEX_{name.upper()}": _plain(getattr(settings, name))
        for name in type(settings).model_fields
        if name not in _BESIDE_RUNS and name not in ("data", "registry")
    }
    values["CODE_INDEX_DATA"] = str(layout.root.resolve())
    values["CODE_INDEX_REGISTRY"] = str(settings.registry_file.resolve())
    values["DAGSTER_HOME"] = str(Path(os.environ.get("DAGSTER_HOME") or layout.dagster_home).resolve())
    known = {f"CODE_INDEX_{name.upper()}" for name in type(settings).model_fields}
    for name, value in os.environ.items():
        ours = name.startswith("CODE_INDEX_") and name not in known
        if (ours or name.startswith(_READ_ONCE)) and name not in _WITHOUT_EFFECT:
            values[name] = value
    return {name: hashlib.blake2b(value.encode(), digest_size=8).hexdigest() for name, value in values.items()}


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else repr(value)


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """The names of variables with another value on either side."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def carried_environment() -> dict[str, str]:
    """What of this process's environment goes with a run: all but what both sides have compared."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("CODE_INDEX_", "PYTHON", *_READ_ONCE))
    }
