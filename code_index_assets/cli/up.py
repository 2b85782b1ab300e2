"""The `up` command: Dagster's UI and daemon on the same instance and data."""

from __future__ import annotations

import json
import os
import sys
from importlib.resources import files
from pathlib import Path

import click

from ..settings import load_settings
from ..storage.layout import Layout

_SUPERSEDED = "ignore:Function `dev_command` is superseded and its usage is discouraged. Use 'dg dev' instead."


@click.command("up")
@click.option("--host", default="127.0.0.1", show_default=True, help="Dagster's UI has no login: keep it on loopback.")
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535), help="Port of the UI.")
@click.option(
    "--workers", type=click.IntRange(0, 64), help="Run workers to keep ready [default: CODE_INDEX_RUN_WORKERS, 1]."
)
@click.option("--json", "as_json", is_flag=True, help="The first line as a JSON object; Dagster's log is JSON too.")
@click.option("--verbose", is_flag=True, help="Also every tick of sensors and schedules; else warnings and errors.")
def up_command(host: str, port: int, workers: int | None, as_json: bool, verbose: bool) -> None:
    """Start Dagster's UI and daemon with this code location, on the data folder's instance."""
    from ..assets.instance import open_instance
    from ..workers.start import start_keeper

    settings = load_settings()
    # Opening it once clears what killed command lines left and sets the limits of pools.
    layout = Layout(settings.data).create()
    with open_instance(layout):
        home = os.environ["DAGSTER_HOME"]
    environment = {
        **os.environ,
        "DAGSTER_HOME": home,
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "CODE_INDEX_DATA": str(settings.data),
        # `dg dev` needs the development extra, which people who only run this do not have.
        "PYTHONWARNINGS": ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), _SUPERSEDED])),
    }
    lease = start_keeper(layout, settings.run_workers if workers is None else workers)
    if lease is not None:
        os.set_inheritable(lease, True)  # Dagster's process has it from now on
    url = f"http://{host}:{port}"
    if as_json:
        click.echo(json.dumps({"url": url, "data": str(settings.data)}), err=True)
    else:
        click.echo(f"Dagster UI on {url} (data {settings.data}); stop with Ctrl-C", err=True)
    # Children put the working folder first on their path: the project's own is known to shadow nothing.
    root = Path(__file__).resolve().parents[2]
    os.chdir(root)
    # Not `-m`: the location would be named after the module, and runs of the command line belong to `code_index`.
    where = ["-w", str(files("code_index_assets.assets").joinpath("workspace.yaml"))]
    arguments = ["-m", "dagster", "dev", *where, "-h", host, "-p", str(port)]
    arguments += ["--log-format", "json"] if as_json else []
    arguments += ["--log-level", "info" if verbose else "warning"]
    os.execve(sys.executable, [sys.executable, *arguments], environment)  # noqa: S606 - replaced by Dagster on purpose
