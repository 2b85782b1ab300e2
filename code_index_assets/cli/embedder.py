"""The `embedder` command: the long-lived embedding process of a data folder."""

from __future__ import annotations

import json
import signal
import threading
from types import FrameType

import click

from ..progress import TerminalLines
from ..settings import load_settings
from ..storage.layout import Layout
from .failures import print_json

REPORT_SECONDS = 30.0


@click.command("embedder")
@click.option("--status", "ask", is_flag=True, help="Ask the running process for its load instead of starting one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def embedder_command(ask: bool, as_json: bool) -> int:
    """Keep the model loaded: runs and searches on the same data use it through a local socket while it runs."""
    settings = load_settings()
    if ask:
        from ..embedding.runtimes.process_client import status

        running = status(Layout(settings.data).check())
        if as_json:
            print_json(running or {"outcome": "not_running"})
        else:
            click.echo(json.dumps(running, indent=1) if running else "no embedding process runs for this data folder")
        return 0 if running else 1
    from ..embedding.runtimes.process import EmbeddingServer
    from ..index.published import in_force

    lines = TerminalLines()
    layout = Layout(settings.data).create()
    server = EmbeddingServer(in_force(settings, layout), layout, lines)
    done = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        done.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    server.start()
    if as_json:
        print_json({"data": str(settings.data), **server.status})
    else:
        click.echo(f"embedding for {settings.data} with {server.status['runtime']}; stop with Ctrl-C")
    seen = 0
    while not done.wait(REPORT_SECONDS):
        status_ = server.status
        if status_["texts"] + status_["queries"] != seen:
            seen = status_["texts"] + status_["queries"]
            lines(f"{status_['texts']:,} texts, {status_['queries']:,} queries, busy {status_['busy']:.0%}")
    server.stop()
    return 0
