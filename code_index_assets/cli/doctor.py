"""The `doctor` command: is everything here that is needed, and is what is stored whole?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from ..errors import CodeIndexError, NotBuiltError
from ..layout import Layout
from ..settings import Settings, load_settings, unknown_variables

Finding = tuple[str, str, str]  # ("ok", "warn" or "fail"; what; what to do)
LARGE_INDEX_POINTS = 2_000_000


@click.command("doctor")
@click.option("--deep", is_flag=True, help="Also verify every artifact's and the index's bytes.")
def doctor_command(deep: bool) -> int:
    """Check the installation, the settings and the data folder; say what to do about what is wrong."""
    settings = load_settings()
    layout = Layout(settings.data)
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("programs", _programs),
        ("settings", _settings),
        ("data folder", partial(_folder, settings, layout)),
        ("embedding model", partial(_model, settings, layout)),
        ("registry", partial(_registry, settings, layout)),
        ("runs", partial(_runs, layout)),
        ("index", partial(_index, settings, layout, deep)),
        ("catalogue", partial(_catalogue, layout)),
    ]
    if deep:
        checks.append(("artifacts", partial(_artifacts, layout)))
    failed = False
    for level, what, remedy in (finding for name, check in checks for finding in _whole(name, check)):
        color = {"ok": "green", "warn": "yellow", "fail": "red"}[level]
        click.echo(f"{click.style(f'{level:<5}', fg=color)} {what}" + (f"\n      → {remedy}" if remedy else ""))
        failed = failed or level == "fail"
    return 1 if failed else 0


def _whole(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """The findings of a check, with what stopped it as the last one: the other checks have their turn all the same."""
    try:
        yield from check()
    except CodeIndexError as error:
        yield "fail", error.message, error.remedy
    except Exception as error:  # what is damaged can fail in any way
        yield "fail", f"{name}: the check ended with {type(error).__name__}: {error}", ""


def _programs() -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield ("ok" if sys.version_info >= (3, 11) else "fail", f"Python {python}", "")
    git = shutil.which("git")
    if git is None:
        yield "fail", "git is not installed", "install git"
    else:
        said = subprocess.run([git, "--version"], capture_output=True, text=True, check=False).stdout.strip()
        yield "ok", said, ""
    for package in ("dagster", "duckdb", "qdrant-edge-py", "torch", "tree-sitter-language-pack", "great-expectations"):
        try:
            yield "ok", f"{package} {version(package)}", ""
        except PackageNotFoundError:
            yield "fail", f"{package} is not installed", "make index, or pip install -e ."


def _settings() -> Iterator[Finding]:
    for name, near in unknown_variables():
        yield "warn", f"{name} is no setting", f"did you mean {near}?" if near else "docs/settings.md lists them"


def _folder(settings: Settings, layout: Layout) -> Iterator[Finding]:
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


def _model(settings: Settings, layout: Layout) -> Iterator[Finding]:
    from ..embedding.models import chosen_model
    from ..embedding.spaces import resolved, serving_space

    model = chosen_model(resolved(settings, layout))
    why = ""
    if settings.model == "auto":
        serving = serving_space(layout)
        why = f" (of the index that searches use: {serving})" if serving else " (chosen for this machine)"
    yield "ok", f"embedding model {model}{why}", ""
    if model.startswith("voyage:"):
        from ..embedding.voyage import KEYS, has_key

        if not has_key():
            yield "fail", "Voyage needs a key and none is set", f"set {' or '.join(KEYS)}"
    if model.startswith("openai:") and not settings.embedding_url:
        yield "fail", f"{model} needs an address and none is set", "set CODE_INDEX_EMBEDDING_URL"


def _registry(settings: Settings, layout: Layout) -> Iterator[Finding]:
    from ..sources.registry import Registry

    registry = Registry.load(settings.registry_file, layout)
    yield "ok", f"{len(registry.entries)} repositories in {settings.registry_file}", ""
    for entry in registry.entries:
        if entry.path and not Path(entry.path).is_dir():
            yield "warn", f"{entry.name}: {entry.path} is gone", f"code-index remove {entry.name}, or put it back"


def _runs(layout: Layout) -> Iterator[Finding]:
    from ..triggers.failures import failed_partitions

    for failure in failed_partitions(layout):
        yield (
            "warn",
            f"the last run of {failure.key} failed at {failure.asset}: {failure.message}",
            f"correct that, then code-index index {failure.key}",
        )


def _index(settings: Settings, layout: Layout, deep: bool) -> Iterator[Finding]:
    from ..index.reader import published_spaces

    spaces = published_spaces(layout)
    if not spaces:
        yield "warn", "nothing is published yet", "code-index index <git URL or path>"
    for space in spaces:
        yield from _whole(f"index {space}", partial(_space, settings, layout, space, deep))


def _space(settings: Settings, layout: Layout, space: str, deep: bool) -> Iterator[Finding]:
    from ..index.backend import make_backend
    from ..index.maintenance import damaged_shards, verify
    from ..index.manifest import PublicationStore

    manifest = PublicationStore(layout, space).current()
    if manifest is None:
        return
    where = f"server {settings.qdrant_url}" if settings.qdrant_url else "embedded"
    yield "ok", f"index {space} ({where}): {manifest.points:,} points of {len(manifest.receipts)} partitions", ""
    if manifest.points > LARGE_INDEX_POINTS and not settings.qdrant_url:
        yield (
            "warn",
            f"more than {LARGE_INDEX_POINTS:,} points in the embedded index",
            "use a server: CODE_INDEX_QDRANT_URL",
        )
    backend = make_backend(layout, settings, space, manifest.dimension)
    damaged = damaged_shards(backend, manifest)
    for shard, error in damaged.items():
        keys = [key for key, receipt in manifest.receipts.items() if shard in receipt.shards]
        told = f"{', '.join(keys[:5])}{', …' if len(keys) > 5 else ''}"
        yield "fail", f"{error.message} (it holds {len(keys):,} partitions: {told})", error.remedy

    def points(key: str) -> Iterator[Finding]:
        for problem in verify(key, backend, layout, space, deep=deep):
            yield "fail", f"{key}: {problem}", f"code-index index {key}"

    for key, receipt in manifest.receipts.items():
        if damaged.keys().isdisjoint(receipt.shards):
            yield from _whole(key, partial(points, key))


def _catalogue(layout: Layout) -> Iterator[Finding]:
    from ..analytics.query import open_catalog

    if not layout.catalog.exists():
        return
    with open_catalog(layout) as connection:
        tables = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE NOT internal").fetchone()
    yield "ok", f"catalogue {layout.catalog}: {tables[0] if tables else 0} tables", ""


def _artifacts(layout: Layout) -> Iterator[Finding]:
    from ..artifacts import Artifact

    whole = 0
    for kind in ("repository", "file_hashes", "chunks"):
        for home in layout.keys(kind):
            current = layout.read_pointer(home / "CURRENT")
            try:
                if current is None:
                    raise NotBuiltError(f"{home} has no current artifact", remedy="index that repository again")
                Artifact.open(home / current).verify()
                whole += 1
            except CodeIndexError as error:
                yield "fail", error.message, error.remedy
    yield "ok", f"{whole} current artifacts are whole", ""
