"""The `repair` command: what `doctor --deep` finds damaged is made anew or put aside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import click

from ..operations.doctor.examine import GROUPS, examine
from ..operations.doctor.findings import Finding
from ..settings import load_settings
from ..storage.layout import Layout
from .failures import print_json
from .registry import remove_everything_of


@click.command("repair")
@click.argument("groups", nargs=-1, type=click.Choice(GROUPS))
@click.option("--quick", is_flag=True, help="Only what can be seen without reading everything.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def repair_command(groups: tuple[str, ...], quick: bool, as_json: bool) -> int:
    """Repair what is damaged of the data folder; GROUPS: only of these parts.

    Points are made anew from artifacts, artifacts by indexing their repository again, caches by work; what cannot be
    read and is not needed is removed. A damaged registry is replaced only when `registry` is named.
    """
    settings = load_settings()
    layout = Layout(settings.data)
    chosen = groups or tuple(group for group in GROUPS if group != "registry")
    report = Report(as_json)
    keys: dict[str, None] = {}
    for group in chosen:
        repaired: set[str] = set()
        for finding in list(examine(layout, settings, (group,), deep=not quick)):
            if finding.repair is None:
                if finding.command[:2] == ("code-index", "index"):
                    keys[finding.command[2]] = None
                elif finding.kind == "removal":
                    remove_everything_of(finding.command[2], keep_data=False, say=report.line)
                continue
            report.line(f"damaged: {finding.what}")
            done = finding.repair()
            report.repaired.append({"what": finding.what, "done": done})
            # One rebuild of a space mends all that was found in it: the rest have nothing left to do.
            if done not in repaired:
                repaired.add(done)
                report.line(f"  {done}")
    failed = index_again(list(keys), report) if keys else 0
    left = [] if failed else list(examine(layout, settings, chosen, deep=not quick))
    report.end(left, failed)
    return failed or (5 if left else 0)


@dataclass
class Report:
    """What was done, said at once as text or in the end as one object."""

    as_json: bool
    repaired: list[dict[str, str]] = field(default_factory=list)
    indexed: list[dict[str, Any]] = field(default_factory=list)

    def line(self, text: str, err: bool = False) -> None:
        """Prints a line, unless the command ends with one object."""
        if not self.as_json:
            click.echo(text, err=err)

    def end(self, left: list[Finding], failed: int) -> None:
        """Prints what is left, and with `--json` the object."""
        for finding in left:
            self.line(f"still damaged: {finding.what}\n  → {finding.remedy}", err=True)
        if not left and not failed:
            self.line("nothing is damaged")
        if self.as_json:
            rest = [finding.to_json() for finding in left]
            print_json({"repaired": self.repaired, "indexed": self.indexed, "findings": rest})


def index_again(keys: list[str], report: Report) -> int:
    """Has damaged artifacts made anew by indexing their partitions; gives the exit code."""
    from ..workers.chain_runs import run_chain
    from ..workers.outcome import failure_code

    settings = load_settings()
    outcomes = run_chain(settings, Layout(settings.data).create(), keys, lambda line: None)
    for outcome in outcomes:
        result = "was indexed anew" if outcome.success else f"could not be indexed anew: {outcome.error}"
        report.line(f"  {outcome.key} {result}", err=not outcome.success)
        report.indexed.append({"key": outcome.key, "success": outcome.success, "error": outcome.error})
    return 0 if all(outcome.success for outcome in outcomes) else failure_code(outcomes)
