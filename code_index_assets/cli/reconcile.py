"""The commands `reconcile` (four places that must say the same) and `upgrade` (a data folder of an earlier release)."""

from __future__ import annotations

from dataclasses import asdict

import click

from ..settings import load_settings
from ..storage.layout import Layout
from .failures import print_json
from .repair import Report, index_again


@click.command("reconcile")
@click.option("--repair", is_flag=True, help="Repair what differs; index again what has lost its artifacts.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def reconcile_command(repair: bool, as_json: bool) -> int:
    """Compare registry, receipts, artifacts, index and catalogue, id by id."""
    from ..operations.reconcile import reconcile

    settings = load_settings()
    layout = Layout(settings.data).check()
    report = Report(as_json)
    result = reconcile(layout, settings, repair=repair, say=report.line)
    again = [d.key for d in result.left if repair and d.command[:2] == ("code-index", "index")]
    if again:
        index_again(list(dict.fromkeys(again)), report)
        result = reconcile(layout, settings, repair=True, say=report.line)
    if as_json:
        print_json(
            {
                "partitions": result.partitions, "compared": result.compared, "repaired": list(result.repaired),
                "indexed": report.indexed, "differences": [d.to_json() for d in result.left],
            }
        )  # fmt: skip
    else:
        for line in result.repaired:
            click.echo(f"repaired: {line}")
        for difference in result.left:
            command = f"\n  → {' '.join(difference.command)}" if difference.command else ""
            click.echo(f"{difference.key or 'catalogue'} ({difference.between}): {difference.what}{command}", err=True)
        click.echo(f"{result.partitions:,} partitions, {result.compared:,} ids compared, {len(result.left):,} differ")
    if not result.left:
        return 0
    return 5 if repair else 1


@click.command("upgrade")
@click.option("--dry-run", is_flag=True, help="Only say what would be made anew, and why.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def upgrade_command(dry_run: bool, as_json: bool) -> int:
    """Bring a data folder of an earlier release up to this one: what its versions made is made anew.

    Searches answer from the old data until each partition is published anew. Runs do the same by and by.
    """
    from ..analytics.lag import catalogue_lag
    from ..triggers.due import due_partitions

    settings = load_settings()
    layout = Layout(settings.data).check()
    due = [item for item in due_partitions(layout, settings) if item.reason.startswith("rules, parser")]
    behind = catalogue_lag(layout).behind_publications
    report = Report(as_json)
    for item in due:
        report.line(f"{item.key}: {item.reason}{' (would be indexed)' if dry_run else ''}")
    code = 0
    if not dry_run:
        code = index_again([item.key for item in due], report) if due else 0
        code = code or _catalogue(layout)
    if as_json:
        told = {"dry_run": dry_run, "due": [asdict(item) for item in due], "catalog_behind": behind}
        print_json({**told, "indexed": report.indexed})
    elif not due:
        click.echo("everything is of this release")
    return code


def _catalogue(layout: Layout) -> int:
    from ..index.published import PublishedIndex
    from ..workers.chain_runs import bring_up_to_date

    if PublishedIndex(layout).spaces:
        bring_up_to_date(layout, lambda line: None)
    return 0
