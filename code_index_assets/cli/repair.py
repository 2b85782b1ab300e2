"""The `repair` command: what `doctor --deep` finds damaged is made anew or put aside."""

from __future__ import annotations

import click

from ..care.examine import GROUPS, examine
from ..layout import Layout
from ..settings import load_settings
from .registry import remove_command


@click.command("repair")
@click.argument("groups", nargs=-1, type=click.Choice(GROUPS))
@click.option("--quick", is_flag=True, help="Only what can be seen without reading everything.")
def repair_command(groups: tuple[str, ...], quick: bool) -> int:
    """Repair what is damaged of the data folder; GROUPS: only of these parts.

    Points are made anew from artifacts, artifacts by indexing their repository again, caches by work; what cannot be
    read and is not needed is removed. A damaged registry is replaced only when `registry` is named.
    """
    settings = load_settings()
    layout = Layout(settings.data)
    chosen = groups or tuple(group for group in GROUPS if group != "registry")
    keys: dict[str, None] = {}
    for group in chosen:
        repaired: set[str] = set()
        for finding in list(examine(layout, settings, (group,), deep=not quick)):
            if finding.repair is None:
                if finding.command[:2] == ("code-index", "index"):
                    keys[finding.command[2]] = None
                elif finding.kind == "removal":
                    remove_command.main([finding.command[2]], standalone_mode=False)
                continue
            click.echo(f"damaged: {finding.what}")
            done = finding.repair()
            # One rebuild of a space mends all that was found in it: the rest have nothing left to do.
            if done not in repaired:
                repaired.add(done)
                click.echo(f"  {done}")
    failed = _index(list(keys)) if keys else 0
    left = [] if failed else list(examine(layout, settings, chosen, deep=not quick))
    for finding in left:
        click.echo(f"still damaged: {finding.what}\n  → {finding.remedy}", err=True)
    if not left and not failed:
        click.echo("nothing is damaged")
    return failed or (5 if left else 0)


def _index(keys: list[str]) -> int:
    """Has damaged artifacts made anew by indexing their partitions; gives the exit code."""
    from .index import failure_code, run_chain

    settings = load_settings()
    outcomes = run_chain(settings, Layout(settings.data).create(), keys, lambda line: None)
    for outcome in outcomes:
        told = "was indexed anew" if outcome.success else f"could not be indexed anew: {outcome.error}"
        click.echo(f"  {outcome.key} {told}", err=not outcome.success)
    return 0 if all(outcome.success for outcome in outcomes) else failure_code(outcomes)
