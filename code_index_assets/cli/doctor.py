"""The `doctor` command: checks the installation, the settings and whether stored data is whole."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from ..errors import CodeIndexError, ConfigurationError, DamagedIndexError
from ..operations.doctor.examine import GROUPS, examine
from ..operations.doctor.findings import Finding
from ..settings import Settings, load_settings, unknown_variables
from ..storage.layout import Layout

Line = tuple[str, str, str]  # ("ok", "warn" or "fail"; what; what to do)
LARGE_INDEX_POINTS = 2_000_000


@click.command("doctor")
@click.option("--deep", is_flag=True, help="Also verify every artifact's, the index's and all other stored bytes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: the findings, each with a command to run.")
def doctor_command(deep: bool, as_json: bool) -> int:
    """Check the installation, the settings and the data folder; say what to do about what is wrong."""
    settings = load_settings()
    layout = Layout(settings.data)
    findings: list[Finding] = []
    failed = False
    for level, what, remedy in _lines(settings, layout, deep, findings):
        failed = failed or level == "fail"
        if not as_json:
            color = {"ok": "green", "warn": "yellow", "fail": "red"}[level]
            click.echo(f"{click.style(f'{level:<5}', fg=color)} {what}" + (f"\n      → {remedy}" if remedy else ""))
    if as_json:
        click.echo(json.dumps({"findings": [finding.to_json() for finding in findings]}, ensure_ascii=False))
        return 1 if findings else 0
    return 1 if failed else 0


def _lines(settings: Settings, layout: Layout, deep: bool, findings: list[Finding]) -> Iterator[Line]:
    """Every line, in order; what is not well is also put into `findings`."""
    checks: list[tuple[str, Callable[[], Iterator[Line | Finding]]]] = [
        ("program", _programs),
        ("setting", _settings),
        ("data_folder", partial(_folder, settings, layout)),
        ("model", partial(_model, settings, layout)),
        ("registry", partial(_registry, settings, layout)),
        ("run", partial(_runs, layout)),
    ]
    if settings.data.is_dir():
        groups = tuple(
            group
            for group in GROUPS
            if deep or group in ("records", "registry", "removals", "dagster", "index", "caches")
        )
        checks.append(("damage", partial(examine, layout, settings, groups, deep=deep)))
    for kind, check in checks:
        for line in _whole(kind, check):
            finding = line if isinstance(line, Finding) else Finding(line[0], kind, line[1], line[2])  # type: ignore[arg-type]
            # That nothing is there yet is no finding.
            if str(finding.level) != "ok" and (kind != "data_folder" or settings.data.is_dir()):
                findings.append(finding)
            yield finding.level, finding.what, finding.remedy
    if settings.data.is_dir():
        yield from _stored(settings, layout, deep, findings)


def _whole(name: str, check: Callable[[], Iterator[Line | Finding]]) -> Iterator[Line | Finding]:
    """The lines of a check, with what stopped it as the last one: the other checks have their turn all the same."""
    try:
        yield from check()
    except CodeIndexError as error:
        yield "fail", error.message, error.remedy
    except Exception as error:  # what is damaged can fail in any way
        yield "fail", f"{name}: the check ended with {type(error).__name__}: {error}", ""


def _programs() -> Iterator[Line | Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield ("ok" if sys.version_info >= (3, 11) else "fail", f"Python {python}", "")
    git = shutil.which("git")
    if git is None:
        yield "fail", "git is not installed", "install git"
    else:
        git_version = subprocess.run([git, "--version"], capture_output=True, text=True, check=False).stdout.strip()
        yield "ok", git_version, ""
    for package in ("dagster", "duckdb", "qdrant-edge-py", "torch", "tree-sitter-language-pack", "great-expectations"):
        try:
            yield "ok", f"{package} {version(package)}", ""
        except PackageNotFoundError:
            yield "fail", f"{package} is not installed", "make index, or pip install -e ."


def _settings() -> Iterator[Line | Finding]:
    for name, near in unknown_variables():
        yield "warn", f"{name} is no setting", f"did you mean {near}?" if near else "docs/settings.md lists them"


def _folder(settings: Settings, layout: Layout) -> Iterator[Line | Finding]:
    if not settings.data.exists():
        yield "warn", f"there is no data folder {settings.data} yet", "code-index index <git URL or path>"
        return
    layout.check()
    free = shutil.disk_usage(settings.data).free / 1e9
    yield (
        "ok" if free > 2 else "warn",
        f"data folder {settings.data}, {free:,.1f} GB free",
        "" if free > 2 else "free some space",
    )
    if not os.access(settings.data, os.W_OK):
        yield "fail", f"{settings.data} cannot be written", "check its owner and permissions"
    if _is_network(settings.data):
        yield "warn", "the data folder is on a network file system", "locks and memory maps need a local disk"


def _is_network(path: Path) -> bool:
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return False
    inside = [(len(point), kind) for point, kind in mounts if str(path).startswith(point)]
    return bool(inside) and max(inside)[1] in ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs")


def _model(settings: Settings, layout: Layout) -> Iterator[Line | Finding]:
    from ..embedding.model_spec import ModelKind, ModelSpec
    from ..index.published import PublishedIndex, in_force

    model = ModelSpec.chosen(in_force(settings, layout))
    why = ""
    if settings.model == "auto":
        serving = PublishedIndex(layout).serving
        why = f" (of the index that searches use: {serving})" if serving else " (chosen for this machine)"
    yield "ok", f"embedding model {model}{why}", ""
    if model.kind is ModelKind.VOYAGE:
        from ..embedding.providers.voyage import KEYS, has_key

        if not has_key():
            yield "fail", "Voyage needs a key and none is set", f"set {' or '.join(KEYS)}"
    if model.kind is ModelKind.OPENAI and not settings.embedding_url:
        yield "fail", f"{model} needs an address and none is set", "set CODE_INDEX_EMBEDDING_URL"


def _registry(settings: Settings, layout: Layout) -> Iterator[Line | Finding]:
    from ..sources.registry import Registry

    try:
        registry = Registry.load(settings.registry_file, layout)
    except ConfigurationError:
        return  # reported as a separate finding
    yield "ok", f"{len(registry.entries)} repositories in {settings.registry_file}", ""
    for entry in registry.entries:
        if entry.path and not Path(entry.path).is_dir():
            remedy = f"code-index remove {entry.name}, or put it back"
            command = ("code-index", "remove", entry.name)
            yield Finding("warn", "repository", f"{entry.name}: {entry.path} is gone", remedy, command)


def _runs(layout: Layout) -> Iterator[Line | Finding]:
    from ..records.failures import failed_partitions

    for failure in failed_partitions(layout):
        yield Finding(
            "warn", "run", f"the last run of {failure.key} failed at {failure.asset}: {failure.message}",
            f"correct that, then code-index index {failure.key}", ("code-index", "index", failure.key),
        )  # fmt: skip


def _stored(settings: Settings, layout: Layout, deep: bool, findings: list[Finding]) -> Iterator[Line]:
    """What is there, and whole."""
    from ..index.published import PublishedIndex

    published = PublishedIndex(layout)
    spaces = published.spaces
    if not spaces:
        summary = "nothing is published yet"
        yield "warn", summary, "code-index index <git URL or path>"
    for space in spaces:
        try:
            manifest = published.publication(space)
        except DamagedIndexError:
            continue
        if manifest is None:
            continue
        where = f"server {settings.qdrant_url}" if settings.qdrant_url else "embedded"
        summary = f"index {space} ({where}): {manifest.points:,} points of {len(manifest.receipts)} partitions"
        yield "ok", summary, ""
        if manifest.points > LARGE_INDEX_POINTS and not settings.qdrant_url:
            summary = f"more than {LARGE_INDEX_POINTS:,} points in the embedded index"
            yield "warn", summary, "use a server: CODE_INDEX_QDRANT_URL"
    kinds = {finding.kind for finding in findings}
    if layout.catalog.exists() and "catalogue" not in kinds:
        yield "ok", f"catalogue {layout.catalog}", ""
    if deep and kinds.isdisjoint({"artifact", "pointer"}):
        yield "ok", "all artifacts are whole", ""
