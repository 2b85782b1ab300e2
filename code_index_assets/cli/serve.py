"""The `serve` command: HTTP API, web page, MCP, webhooks and metrics on one port."""

from __future__ import annotations

import json

import click

from ..settings import load_settings
from ..storage.layout import Layout


@click.command("serve")
@click.option("--host", help="Address to bind to [default: CODE_INDEX_HOST, 127.0.0.1].")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port; 0 for any free one [default: CODE_INDEX_PORT, 8765]."
)
@click.option(
    "--workers", type=click.IntRange(0, 64), help="Run workers to keep ready [default: CODE_INDEX_RUN_WORKERS, 1]."
)
@click.option("--json", "as_json", is_flag=True, help="Lines of the server's log as JSON objects.")
def serve_command(host: str | None, port: int | None, workers: int | None, as_json: bool) -> None:
    """Answer searches over HTTP, with a page to search on; command lines on the same data use it too."""
    from ..serve.processes.server import serve
    from ..workers.start import start_keeper

    settings = load_settings()
    chosen = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = settings.model_copy(update=chosen)

    def say(line: str) -> None:
        click.echo(json.dumps({"message": line}) if as_json else line, err=True)

    layout = Layout(settings.data).create()
    keep = settings.run_workers if workers is None else workers
    serve(settings, layout, say, lambda: start_keeper(layout, keep))
