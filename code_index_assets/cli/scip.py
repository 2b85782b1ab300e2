"""The commands about SCIP: take a precise index in, write ours.

What lives here: their arguments and what they print. What does not: keeping it (`index/precise.py`), the format
(`graph/scip/`).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import click

from ..index.precise import published_receipt
from ..settings import load_settings
from ..storage.layout import Layout, write_atomically
from . import completion

_REPO = click.option("--repo", required=True, shell_complete=completion.repositories, help="The repository.")
_REF = click.option("--ref", shell_complete=completion.refs, help="At this ref instead of the default one.")


@click.group("scip")
def scip_command() -> None:
    """Precise indexes that scip-python, scip-typescript, rust-analyzer and others write."""


@scip_command.command("add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_REPO
@_REF
@click.option("--commit", help="The commit that the index was made from; refused if another one is published.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def add_command(file: Path, repo: str, ref: str | None, commit: str | None, as_json: bool) -> int:
    """Take the SCIP index FILE for the published commit of a repository: its edges are proven."""
    from ..analytics.lag import make_stale
    from ..index.precise import add_precise
    from ..workers.catalogue_follower import follow_catalogue

    layout = Layout(load_settings().data).check()
    receipt = published_receipt(layout, repo, ref)
    added = add_precise(layout, receipt, file.read_bytes(), commit)
    make_stale(layout, receipt.key)
    follow_catalogue(layout)
    if as_json:
        click.echo(json.dumps(asdict(added)))
    else:
        elsewhere = f"; {added.elsewhere:,} files of it are not indexed" if added.elsewhere else ""
        click.echo(
            f"{added.occurrences:,} occurrences in {added.documents:,} files by {added.tool or 'an unnamed tool'} for "
            f"{receipt.key} at {receipt.label[:18]}{elsewhere}"
        )
    return 0


@click.group("export")
def export_command() -> None:
    """Write what is indexed in a format that other tools read."""


@export_command.command("scip")
@_REPO
@_REF
@click.option("--output", "-o", type=click.Path(path_type=Path), default=Path("index.scip"), show_default=True,
              help="The file to write.")  # fmt: skip
@click.option("--proven", is_flag=True, help="Proven edges alone, without the inferred ones.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def export_scip_command(repo: str, ref: str | None, output: Path, proven: bool, as_json: bool) -> int:
    """Write the code graph of a repository as a SCIP index."""
    from ..graph.scip.export import index_of
    from ..graph.scip.model import write_index
    from ..search.graphs import graph_of

    layout = Layout(load_settings().data).check()
    receipt = published_receipt(layout, repo, ref)
    graph = graph_of(layout, receipt)
    index = index_of(graph.references, receipt.repository, receipt.commit, version("code-index"), only_proven=proven)
    write_atomically(output.absolute(), write_index(index))
    uses = sum(not one.defines for document in index.documents for one in document.occurrences)
    if as_json:
        facts = {"key": receipt.key, "commit": receipt.commit, "file": str(output)}
        click.echo(json.dumps({**facts, "documents": len(index.documents), "uses": uses}))
        return 0 if index.documents else 1
    click.echo(f"{output}: {len(index.documents):,} files, {uses:,} uses of {receipt.key} at {receipt.label[:18]}")
    return 0 if index.documents else 1
