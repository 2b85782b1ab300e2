"""Damage of small records: run log, events, polls, failures, observations, pins, index runs, the registry."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...errors import ConfigurationError
from ...settings import Settings
from ...sources.registry import Registry, saved_registry
from ...storage.layout import FORMAT_VERSION, Layout, write_atomically
from .findings import Finding, damage

GROUP = "records"
# A record by where it is, the fields it must have, and what becomes of it without: (kind, glob, fields, consequence).
_RECORDS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("inbox", "inbox/new/*.json", ("key", "kind", "cause", "delivery", "at"), "the poller sees the same change again"),
    ("polls", "polls.json", (), "every repository is asked again"),
    ("failures", "failures/*.json", ("key", "asset", "kind", "message"), "the next run tells again if it fails"),
    ("observation", "repository/*/OBSERVED", ("commit", "label", "seen_at"), "the next look writes it"),
    ("pins", "pins/*/*.json", ("fingerprint",), "the run it belongs to takes what is current"),
    ("index_runs", "index_runs/*/request.json", ("directory", "started_at"), "that run is no longer listed"),
    ("presence", "serve.json", ("url", "pid", "instance"), "command lines search themselves until a server starts"),
    ("acceptance", "quality/*/*/accepted.json", (), "accept those checks again"),
)


def check_records(layout: Layout, settings: Settings) -> Iterator[Finding]:
    """Findings in the registry, pointers, run log, inbox and other records."""
    version = layout.root / "VERSION"
    if version.exists() and not version.read_bytes().decode("ascii", "replace").strip().isdigit():
        yield damage("version", GROUP, f"{version} does not hold a number", lambda: _write_version(version))
    for kind, pattern, fields, consequence in _RECORDS:
        for path in sorted(layout.root.glob(pattern)):
            if not path.name.startswith(".") and not _is_record(path, fields):
                yield damage(kind, GROUP, f"{path} cannot be read", _remove_of(path, consequence))
    requests = layout.inbox / "polls"
    for path in sorted(requests.glob("*.json")):
        if not isinstance(_parsed(path), str):
            yield damage("inbox", GROUP, f"{path} cannot be read", _remove_of(path, "ask for that poll again"))
    for path in sorted(layout.run_log.glob("*/*.jsonl")):
        if wrong := _wrong_lines(path):
            yield damage("run_log", GROUP, f"{len(wrong):,} lines of {path} cannot be read", _without_of(path))
    yield from _registry(layout, settings)


def _parsed(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _is_record(path: Path, fields: tuple[str, ...]) -> bool:
    record = _parsed(path)
    return isinstance(record, dict) and all(name in record for name in fields)


def _remove_of(path: Path, consequence: str) -> Callable[[], str]:
    def remove() -> str:
        if path.name == "request.json":
            shutil.rmtree(path.parent, ignore_errors=True)
        elif path.name == "accepted.json":
            path.replace(path.with_name("accepted.json.damaged"))  # what people wrote is not thrown away
        else:
            path.unlink(missing_ok=True)
        return f"removed {path}: {consequence}"

    return remove


def _write_version(version: Path) -> str:
    write_atomically(version, f"{FORMAT_VERSION}\n".encode())
    return f"{version} holds {FORMAT_VERSION}, the format of this version"


def _wrong_lines(path: Path) -> list[bytes]:
    """Whole lines that are no records. The last one may be half of one: its process was killed."""
    lines = path.read_bytes().split(b"\n")
    return [line for line in lines[:-1] if line.strip() and not _is_line(line)]


def _is_line(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _without_of(path: Path) -> Callable[[], str]:
    def rewrite() -> str:
        lines = path.read_bytes().split(b"\n")
        good_lines = [line for line in lines if _is_line(line)]
        write_atomically(path, b"".join(line + b"\n" for line in good_lines))
        return f"{path} has its {len(good_lines):,} readable lines"

    return rewrite


def _registry(layout: Layout, settings: Settings) -> Iterator[Finding]:
    file = settings.registry_file
    try:
        Registry.load(file, layout)
        return
    except ConfigurationError as error:
        saved = saved_registry(layout)
        remedy = error.remedy
        if saved is None:
            yield Finding("fail", "registry", error.message, remedy, ("code-index", "list"))
            return
        at = time.strftime("%Y-%m-%d %H:%M", time.localtime(saved.stat().st_mtime))
        remedy += f"; or take back the registry of {at}: code-index repair registry"
        yield Finding(
            "fail", "registry", error.message, remedy, ("code-index", "repair", "registry"),
            lambda: _take_back(file, saved),
        )  # fmt: skip


def _take_back(file: Path, saved: Path) -> str:
    aside = file.with_name(f"{file.name}.damaged-{int(time.time())}")
    file.replace(aside)
    write_atomically(file, saved.read_bytes())
    return f"{file} is as it was when it was last read; the damaged one is {aside}"
