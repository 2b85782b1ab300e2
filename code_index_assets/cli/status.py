"""The `status` and `files` commands: what is indexed, how fresh, and what was left out."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, NotRequired, TypedDict

import click

from ..analytics.lag import catalogue_lag
from ..errors import NotBuiltError, NotIndexedError
from ..index.published import PublishedIndex
from ..search.answers import RepositoryStatus
from ..search.freshness import ago, repository_statuses
from ..settings import load_settings
from ..storage.layout import Layout
from .completion import partitions
from .names import require_known
from .terminal import print_table


@click.command("status")
@click.argument("repository", required=False, shell_complete=partitions)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status_command(repository: str | None, as_json: bool) -> int:
    """What is published of every repository (or of REPOSITORY, in detail): commit, freshness, coverage, verdict."""
    settings = load_settings()
    layout = Layout(settings.data).check()
    spaces = _spaces(layout)
    rows = [_row(status, spaces.get(status.key)) for status in repository_statuses(layout, settings)]
    if repository is not None:
        rows = [row for row in rows if repository in (row["key"], row["key"].partition("@")[0], row["repository"])]
    if as_json:
        click.echo(json.dumps({"repositories": rows, "catalog": asdict(catalogue_lag(layout))}, default=str))
    elif repository is not None and rows:
        for row in rows:
            _print_detail(layout, row)
    elif rows:
        print_table(_HEADER, [_cells(row) for row in rows])
    if not rows and repository is not None:
        require_known(layout, settings, repository)
    if not rows and not as_json:
        click.echo("nothing is registered", err=True)
    return 0 if rows and all(row["state"] != "not indexed" for row in rows) else 1


def _spaces(layout: Layout) -> dict[str, str]:
    """The space each published key is in, the most recently published one first."""
    return {key: space for key, (space, _) in PublishedIndex(layout).located().items()}


class StatusRow(TypedDict):
    """One repository of `--json`. `state` is of what is published; `activity` is "indexing", "failed" or ""."""

    key: str
    repository: str
    ref: str | None
    state: str
    activity: str
    why: str
    head: str | None
    head_seen_at: float | None
    # These are of what is published.
    commit: NotRequired[str]
    label: NotRequired[str]
    published_at: NotRequired[float]
    points: NotRequired[int]
    space: NotRequired[str | None]
    coverage: NotRequired[dict[str, Any]]
    run_id: NotRequired[str]


def _row(status: RepositoryStatus, space: str | None) -> StatusRow:
    row: StatusRow = {
        "key": status.key,
        "repository": status.repository,
        "ref": status.ref,
        "state": status.published or "not indexed",
        "activity": status.state if status.state in ("indexing", "failed") else "",
        "why": status.why,
        "head": status.head,
        "head_seen_at": status.head_seen_at,
    }
    if status.published is None:
        return row
    return {
        **row,
        "commit": status.commit or "",
        "label": status.label or "",
        "published_at": status.indexed_at or 0.0,
        "points": status.points,
        "space": space,
        "coverage": status.coverage,
        "run_id": status.run_id,
    }


_HEADER = ("repository", "state", "commit", "published", "files", "points")


def _cells(row: StatusRow) -> tuple[str, ...]:
    """The columns of a row, as in `_HEADER`."""
    state = row["state"] + (f", {row['activity']} ({row['why']})" if row["activity"] else "")
    if row["state"] == "not indexed":
        return (row["key"], state, "", "", "", "")
    at = row["published_at"]
    when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    coverage = row["coverage"]
    return (
        row["key"],
        state,
        f"{row['label'][:12]}{row['label'][40:]}",
        f"{when} ({ago(time.time() - at)})",
        f"{coverage.get('kept', 0):,}/{coverage.get('files', 0):,}",
        f"{row['points']:,}",
    )


def _print_detail(layout: Layout, row: StatusRow) -> None:
    from ..quality.gate import current_verdict
    from ..storage.artifacts import ArtifactStore

    for name, cell in zip(_HEADER, _cells(row), strict=True):
        if cell:
            click.echo(f"{name:<10} {cell}")
    if row["state"] == "not indexed":
        return
    for reason, count in row["coverage"].get("skipped", {}).items():
        click.echo(f"  left out {count:>7,}  {reason}")
    for rule, count in row["coverage"].get("secrets", {}).items():
        click.echo(f"  secrets  {count:>7,}  {rule}")
    click.echo(f"  space    {row['space']}")
    verdict = current_verdict(ArtifactStore(layout), row["key"], row["space"] or "")
    if verdict is not None:
        word = "passed" if verdict.passed else "FAILED"
        age = (time.time() - verdict.at) / 3600
        click.echo(f"  verdict  {word} on {verdict.commit[:12]}, {len(verdict.results)} checks, {age:.1f} h ago")
        for result in verdict.results:
            if not result.passed or result.observed.get("accepted"):
                click.echo(f"    {result.severity}: {result.name} — {result.description} {result.observed}")


@click.command("files")
@click.argument("repository", shell_complete=partitions)
@click.option("--left-out", is_flag=True, help="Only files that were not kept.")
@click.option("--reason", help="Only files left out for this reason.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def files_command(repository: str, left_out: bool, reason: str | None, as_json: bool) -> None:
    """Every file of REPOSITORY's latest selection: kept, or left out and why."""
    import polars as pl

    from ..search.render import printable
    from ..storage.artifacts import ArtifactStore

    settings = load_settings()
    layout = Layout(settings.data).check()
    artifact = ArtifactStore(layout).current("file_hashes", repository)
    if artifact is None:
        require_known(layout, settings, repository)
        raise NotBuiltError(f"{repository} has no files yet", remedy=f"code-index index {repository}")
    rows = artifact.read("files").drop("path_raw").sort("path")
    if left_out or reason:
        rows = rows.filter(pl.col("status") != "kept")
    if reason:
        reasons = rows.get_column("reason").drop_nulls().value_counts(sort=True).get_column("reason").to_list()
        if reason not in reasons:
            there = f"reasons there are: {', '.join(reasons)}" if reasons else "no file of it was left out"
            raise NotIndexedError(f"no file of {repository} was left out as {reason!r}", remedy=there)
        rows = rows.filter(pl.col("reason") == reason)
    for row in rows.iter_rows(named=True):
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            detail = (
                row["language"] or row["role"] if row["status"] == "kept" else f"{row['reason']} {row['detail'] or ''}"
            )
            click.echo(printable(f"{row['status']:<10} {row['path']}  {detail}".rstrip()))
