"""The `mcp` command: the tools for coding agents over standard input and output."""

from __future__ import annotations

import sys

import click

from ..settings import load_settings
from ..storage.layout import Layout


@click.command("mcp")
@click.option(
    "--json", "as_json", is_flag=True, help="The protocol is JSON in any case; errors before it begins are too."
)
def mcp_command(as_json: bool) -> None:
    """Serve coding agents over MCP on standard input and output (over HTTP: `code-index serve`, at /mcp)."""
    from ..serve.mcp.server import serve_stdio

    settings = load_settings()
    if sys.stdin.isatty() and not as_json:
        click.echo(
            f"MCP over standard input and output, data {settings.data}: for a client to start (docs/mcp.md). "
            "Ctrl-D ends it.",
            err=True,
        )
    serve_stdio(settings, Layout(settings.data).create())
