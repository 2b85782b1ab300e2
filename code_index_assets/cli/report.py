"""What `index` prints when it is done: what was indexed, what was left out and why, the stage table, what to try."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..index.published import PublishedIndex
from ..progress import stage_note
from ..settings import Settings
from ..storage.layout import Layout

if TYPE_CHECKING:
    from ..workers.outcome import Outcome

_REASONS = {
    "binary": "binary",
    "too_large": "larger than CODE_INDEX_MAX_FILE_BYTES",
    "minified": "minified",
    "generated": "generated (CODE_INDEX_INCLUDE_GENERATED=true keeps them)",
    "vendored": "vendored (CODE_INDEX_INCLUDE_VENDORED=true keeps them)",
    "symlink": "symbolic link",
    "submodule": "submodule: register it by itself",
    "lfs_pointer": "Git LFS pointer",
    "credential_file": "credentials: never read",
    "secret_in_name": "a secret in the name",
    "missing": "git does not have the content",
    "undecodable": "not text in a known encoding",
    "ignored": "matched by an ignore file",
    "excluded": "excluded in the registry",
    "empty": "empty",
}


def _is_published(key: str, settings: Settings) -> bool:
    return key in PublishedIndex(Layout(settings.data)).receipts


def print_report(outcome: Outcome, settings: Settings, total: float, worker: int | None = None) -> None:
    """The report of one partition; `worker` is the process of the run worker that did it."""
    facts = {step["asset"]: step.get("info", {}) for step in outcome.steps}
    if not outcome.success:
        click.secho(f"{outcome.key}: not indexed", fg="red", bold=True)
        kind, _, message = outcome.error.partition(": ")
        click.echo(f"  {message or kind or 'see the run in the Dagster UI'}")
        if _is_published(outcome.key, settings):
            click.echo("  what was published before stays searchable")
        _print_stages(outcome, total)
        return
    files, chunks, vectors = facts.get("file_hashes", {}), facts.get("chunks", {}), facts.get("embeddings", {})
    published = facts.get("search_index", {})
    label = facts.get("repository", {}).get("label", "")
    click.secho(f"{outcome.key} is searchable at {label[:12] + label[40:]}", fg="green", bold=True)
    click.echo(
        f"  {files.get('kept', 0):,} of {files.get('files', 0):,} files, {files.get('lines', 0):,} lines → "
        f"{chunks.get('chunks', 0):,} chunks ({chunks.get('new', 0):,} new), {chunks.get('symbols', 0):,} symbols → "
        f"{vectors.get('vectors', 0):,} vectors ({vectors.get('computed', 0):,} computed) → "
        f"{published.get('points', 0):,} points ({published.get('written', 0):,} written)"
    )
    languages = ", ".join(f"{row['language']} {row['files']:,}" for row in files.get("languages", [])[:6])
    click.echo(f"  languages: {languages}")
    left_out = files.get("left_out", {})
    if left_out:
        click.echo(f"  left out: {sum(left_out.values()):,} files")
        for reason, count in list(left_out.items())[:12]:
            click.echo(f"    {count:>7,}  {_REASONS.get(reason, reason)}")
    if files.get("secrets"):
        secrets = ", ".join(f"{rule} {count}" for rule, count in files["secrets"].items())
        click.echo(f"  secrets removed from the text: {secrets}")
    if files.get("data_removed"):
        click.echo(f"  pictures and other data removed from the text: {files['data_removed']:,}")
    if chunks.get("diagnosed"):
        problems = ", ".join(f"{code} {count:,}" for code, count in chunks["diagnosed"].items())
        click.echo(f"  parsing: {problems}")
    for damage in outcome.damage:
        click.echo(f"  damaged, and made anew ({damage['asset']}): {damage['what']}")
    if worker is not None:
        click.echo(f"  done by a run worker (process {worker}); the catalogue for SQL follows in a moment")
    _print_stages(outcome, total)
    _print_next(outcome.key, settings)


def _print_stages(outcome: Outcome, total: float) -> None:
    """Where the time went: seconds, share, items and their rate. What ran beside another stage is not added up."""
    rows: list[dict[str, Any]] = sorted(outcome.stages, key=lambda row: row["started_at"])
    click.echo(f"  time: {total:.1f} s in all")
    for row in rows:
        info = row.get("info") or {}
        if row["seconds"] < 0.01 and not info.get("hits"):
            continue
        rate = ""
        if row.get("items") and row["seconds"] > 0:
            rate = f"{row['items']:>10,} {row['unit']:<9} {row['items'] / row['seconds']:>9,.0f}/s"
        share = "  beside" if info.get("beside") else f"{row['seconds'] / total:>7.1%} "
        note = stage_note(info, row.get("items"))
        line = f"    {row['asset']:<14} {row['stage']:<24} {row['seconds']:>7.2f} s {share} {rate:<32} {note}"
        click.echo(line.rstrip())
    seconds = sum(row["seconds"] for row in rows if not (row.get("info") or {}).get("beside"))
    rest = max(total - seconds, 0)
    click.echo(f"    {'start, bookkeeping and the rest':<39} {rest:>7.2f} s {rest / total:>7.1%}")


def _print_next(key: str, settings: Settings) -> None:
    repository = key.partition("@")[0]
    click.echo("  next:")
    click.echo(f'    code-index search "words" --repo {repository}')
    click.echo("    code-index symbol NAME")
    click.echo(f"    code-index status {key}")
    click.echo('    code-index sql "SELECT language, count(*) FROM files GROUP BY ALL ORDER BY 2 DESC"')
    click.echo("    make up   # the Dagster UI on the same state")
    del settings
