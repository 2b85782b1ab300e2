"""The commands `backup` and `restore`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ..errors import ConfigurationError
from ..settings import load_settings
from ..storage.layout import Layout
from .failures import failure, print_json, show


@click.command("backup")
@click.argument("target", required=False, type=click.Path(path_type=Path))
@click.option("--keep", type=click.IntRange(1), default=None, help="Keep so many backups; older ones go.")
@click.option("--without-mirrors", is_flag=True, help="Leave the git mirrors out: they are fetched again.")
@click.option("--dry-run", is_flag=True, help="Only say what a backup would copy.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def backup_command(target: Path | None, keep: int | None, without_mirrors: bool, dry_run: bool, as_json: bool) -> int:
    """Back the data folder up into the folder TARGET, while everything runs.

    Only contents that TARGET does not have are copied. TARGET defaults to CODE_INDEX_BACKUP_TARGET.
    """
    from ..operations.backup.make import make_backup

    settings = load_settings()
    place = target or settings.backup_target
    if place is None:
        raise ConfigurationError("no folder is named for the backup", remedy="code-index backup FOLDER")
    report = make_backup(
        Layout(settings.data).check(), settings, place, keep=keep or settings.backup_keep,
        mirrors=not without_mirrors, dry_run=dry_run,
    )  # fmt: skip
    if as_json:
        print_json(asdict(report))
        return 0
    would = "would copy" if dry_run else "copied"
    click.echo(
        f"{'dry run' if dry_run else report.name}: {report.partitions:,} partitions, {report.files:,} files "
        f"({report.bytes / 1e6:,.1f} MB); {would} {report.new_files:,} ({report.new_bytes / 1e6:,.1f} MB), "
        f"{report.seconds:,.1f} s"
    )
    for line in report.left_out:
        click.echo(f"left out: {line}", err=True)
    return 0


@click.command("restore")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--name", default=None, help="The backup of this name; default: the newest.")
@click.option("--dry-run", is_flag=True, help="Only compare every file of the backup with its digest.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def restore_command(source: Path, name: str | None, dry_run: bool, as_json: bool) -> int:
    """Restore a backup of the folder SOURCE into the data folder, which must be empty."""
    from ..operations.backup.restore import DamagedBackupError, restore_backup

    layout = Layout(load_settings().data)
    try:
        report = restore_backup(layout, source, name=name, dry_run=dry_run)
    except DamagedBackupError as error:
        if not as_json:
            return show(error)
        files = [{"path": path, "fault": fault} for path, fault in error.files]
        print_json({**failure(error), "damaged": files})
        return 5
    if as_json:
        print_json(asdict(report))
        return 0
    done = "is whole" if dry_run else f"is restored in {report.data}"
    click.echo(
        f"{report.name} {done}: {report.partitions:,} partitions, {report.files:,} files "
        f"({report.bytes / 1e6:,.1f} MB), {report.seconds:,.1f} s"
    )
    for line in report.left_out:
        click.echo(f"not in this backup: {line}", err=True)
    return 0
