"""The `poll` command: one pass of the poller, as the sensor starts it or by hand."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from ..errors import LockedError
from ..settings import load_settings
from ..storage.layout import Layout
from ..triggers.polling import poll
from ..workers.client import nudge


@click.command("poll")
@click.option("--all", "everything", is_flag=True, help="Every repository, whether or not it is its turn.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--quiet", is_flag=True, help="Say only what failed.")
def poll_command(everything: bool, as_json: bool, quiet: bool) -> int:
    """Look up the heads of the repositories that are due; the daemon (`code-index up`) indexes those that moved."""
    settings = load_settings()
    layout = Layout(settings.data).create()
    say = (lambda line: None) if quiet or as_json else (lambda line: click.echo(line, err=True))
    try:
        report = poll(layout, settings, say, everything=everything)
    except LockedError:
        if as_json:
            click.echo(json.dumps({"outcome": "locked", "asked": 0}))
        else:
            click.echo("another poller is at work", err=True)
        return 0
    if report.changed:
        nudge(settings, layout)
    if as_json:
        click.echo(json.dumps(asdict(report)))
        return 0
    for name, message in report.failed.items():
        click.echo(f"{name}: {message}", err=True)
    if not quiet:
        click.echo(
            f"asked {report.asked:,}, moved {report.changed:,}, retired {report.retired:,}, "
            f"failed {len(report.failed):,}, not their turn {report.later:,}"
        )
    return 0
