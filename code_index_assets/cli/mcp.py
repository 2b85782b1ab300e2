"""The `mcp` command: the tools for coding agents over standard input and output."""

from __future__ import annotations

import sys

import click

from ..layout import Layout
from ..settings import load_settings


@click.command("mcp")
def mcp_command() -> None:
    """Serve coding agents over MCP on standard input and output (over HTTP: `code-index serve`, at /mcp)."""
    from ..serve.mcp_server import serve_stdio

    settings = load_settings()
    if sys.stdin.isatty():
        click.echo(
            f"MCP over standard input and output, data {settings.data}: for a client to start (docs/mcp.md). "
            "Ctrl-D ends it.",
            err=True,
        )
    serve_stdio(settings, Layout(settings.data).create())
