"""The `catalog` command: the catalogue brought up to date."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from ..index.published import PublishedIndex
from ..progress import TerminalLines
from ..settings import load_settings
from ..storage.layout import Layout
from ..workers.chain_runs import bring_up_to_date, complete_edges


@click.command("catalog")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--background", is_flag=True, hidden=True, help="Edges later, beside nobody's work.")
def catalog_command(as_json: bool, background: bool) -> int:
    """Build the catalogue now, if it lacks what is published. Runs start this by themselves."""
    layout = Layout(load_settings().data).check()
    if not PublishedIndex(layout).spaces:
        click.echo(json.dumps({"catalog": None}) if as_json else "nothing is published yet")
        return 1
    say = TerminalLines()
    lag = bring_up_to_date(layout, say)
    complete_edges(layout, say, patient=background)
    say.clear()
    if as_json:
        click.echo(json.dumps({"catalog": asdict(lag)}))
    elif lag.behind_publications:
        click.echo(f"another process builds the catalogue, which lacks {lag.behind_publications:,} publications")
    else:
        click.echo(f"{layout.catalog} holds all that is published")
    return 0 if not lag.behind_publications else 5
