"""The `mcp` command: the tools for coding agents over standard input and output."""

from __future__ import annotations

import click

from ..layout import Layout
from ..settings import load_settings


@click.command("mcp")
def mcp_command() -> None:
    """Serve coding agents over MCP on standard input and output (over HTTP: `code-index serve`, at /mcp)."""
    from ..serve.mcp_server import serve_stdio

    settings = load_settings()
    serve_stdio(settings, Layout(settings.data).create())
