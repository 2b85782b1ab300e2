"""The commands on embedding spaces: `spaces` lists them, `use` switches searches to one, `compare` asks two of them."""

from __future__ import annotations

import getpass
import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TypedDict

import click

from ..errors import ConfigurationError, NotIndexedError, QueryError
from ..index.manifest import PublicationManifest
from ..index.published import PublishedIndex
from ..operations.retention import remove_space
from ..settings import load_settings
from ..storage.layout import Layout
from .completion import spaces
from .failures import print_json


@click.command("spaces")
@click.option(
    "--remove",
    metavar="SPACE",
    shell_complete=spaces,
    help="Take this space's index and embeddings away; not the one that serves.",
)
@click.option("--vectors", is_flag=True, help="With --remove: its cached vectors too, which have been paid for.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def spaces_command(remove: str | None, vectors: bool, as_json: bool) -> int:
    """The embedding spaces that are published, and the one searches use."""
    settings = load_settings()
    layout = Layout(settings.data).check()
    if remove is not None:
        removed = remove_space(layout, settings, _by_name(layout, remove), vectors=vectors)
        click.echo(f"removed {removed:,} points" + ("" if vectors else "; its vectors stay in the cache"), err=as_json)
    published = PublishedIndex(layout)
    serving, before = published.serving, published.served_before
    rows = []
    for manifest in published.publications():
        name = manifest.space
        model = (published.made_with(name) or {}).get("model")
        state = "serving" if name == serving else "served before" if name == before else "beside"
        rows.append(_row(manifest, model, state))
    if as_json:
        click.echo(json.dumps({"spaces": rows}))
    for row in [] if as_json else rows:
        when = datetime.fromtimestamp(row["published_at"], UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        click.echo(
            f"{row['space']}\t{row['state']}\t{row['model'] or 'model not recorded'}\t{row['dimension']} dimensions\t"
            f"{row['partitions']:,} partitions\t{row['points']:,} points\tpublished {when}"
        )
    if not rows and not as_json:
        click.echo("nothing is published yet: code-index index <git URL or path>", err=True)
    return 0 if rows else 1


class SpaceRow(TypedDict):
    """One published embedding space of `--json`."""

    space: str
    state: str
    model: str | None
    dimension: int
    partitions: int
    points: int
    published_at: float


def _row(manifest: PublicationManifest, model: str | None, state: str) -> SpaceRow:
    return {
        "space": manifest.space, "state": state, "model": model, "dimension": manifest.dimension,
        "partitions": len(manifest.receipts), "points": manifest.points, "published_at": manifest.published_at,
    }  # fmt: skip


@click.command("use")
@click.argument("space", required=False, shell_complete=spaces)
@click.option("--back", is_flag=True, help="The space that served before.")
@click.option("--partly", is_flag=True, help="Even if it lacks partitions that are searchable now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def use_command(space: str | None, back: bool, partly: bool, as_json: bool) -> None:
    """Let searches use SPACE (a name of `code-index spaces`, or a model); index runs with the model auto follow."""
    settings = load_settings()
    layout = Layout(settings.data).check()
    chosen = _wanted(layout, space, back)
    serving = PublishedIndex(layout).serving
    if serving is not None and serving != chosen and not partly:
        _require_whole(layout, serving, chosen)
    before = PublishedIndex(layout).serve(chosen)
    from ..records.run_log import RunLog

    facts = {"space": chosen, "before": before, "by": getpass.getuser()}
    RunLog(layout).append("serving", f"use-{time.time_ns()}", [facts])
    if as_json:
        print_json({"space": chosen, "before": before})
        return
    click.echo(f"searches use {chosen}" + (f"; before: {before}" if before != chosen else ""))
    if settings.model != "auto":
        click.echo(f"CODE_INDEX_MODEL={settings.model} is set here: unset it, or it decides instead", err=True)


def _wanted(layout: Layout, space: str | None, back: bool) -> str:
    if back:
        earlier = PublishedIndex(layout).served_before
        if earlier is None:
            raise NotIndexedError("no other space served before", remedy="code-index spaces")
        return earlier
    if space is None:
        raise ConfigurationError("which space?", remedy="code-index spaces, then code-index use SPACE")
    return _by_name(layout, space)


def _by_name(layout: Layout, name: str) -> str:
    """A published space by its name, or by the model it was made with, if only one was."""
    published = PublishedIndex(layout)
    names = published.spaces
    made = [each for each in names if (published.made_with(each) or {}).get("model") == name]
    if name not in names and len(made) == 1:
        return made[0]
    return name


def published_space(layout: Layout, name: str) -> str:
    """The space of this name or model. Raises NotIndexedError if nothing is published in it."""
    named, there = _by_name(layout, name), PublishedIndex(layout).spaces
    if named not in there:
        raise NotIndexedError(
            f"nothing is published in {name or 'any space'}",
            remedy=f"one of: {', '.join(there)}" if there else "code-index index <git URL or path>",
        )
    return named


def _require_whole(layout: Layout, serving: str, chosen: str) -> None:
    """Raises NotIndexedError if something searchable now would not be searchable, or older, after the switch."""
    now, then = map(PublishedIndex(layout).publication, (serving, chosen))
    if now is None or then is None:
        return
    missing = sorted(now.receipts.keys() - then.receipts.keys())
    older = sorted(
        key
        for key, receipt in then.receipts.items()
        if key in now.receipts and receipt.commit != now.receipts[key].commit
        and receipt.observed_at < now.receipts[key].observed_at
    )  # fmt: skip
    if missing or older:
        model = (PublishedIndex(layout).made_with(chosen) or {}).get("model", "…")
        lacks = [(missing, "not published there"), (older, "published at an older commit")]
        reasons = [
            f"{len(keys)} {what} ({', '.join(keys[:5])}{', …' if len(keys) > 5 else ''})"
            for keys, what in lacks
            if keys
        ]
        raise NotIndexedError(
            f"{chosen} does not have all that {serving} has: {'; '.join(reasons)}",
            remedy=f"CODE_INDEX_MODEL={model} code-index index NAME (or --all) first, or switch with --partly",
        )


@click.command("compare")
@click.argument("space", shell_complete=spaces)
@click.argument("other", required=False, shell_complete=spaces)
@click.option("--queries", type=click.File("r"), help='A query a line, or {"query": …, "path": …} with what to find.')
@click.option("--lane", multiple=True, help="Only this lane (semantic shows the model alone).")
@click.option("--limit", default=10, show_default=True, help="Places of an answer that are compared.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def compare_command(
    space: str, other: str | None, queries: Any, lane: tuple[str, ...], limit: int, as_json: bool
) -> None:
    """Ask the same in SPACE and OTHER (default: the one searches use); without --queries, about documented code."""
    from ..search.compare import Question, compare_spaces
    from ..search.lanes import LANES

    settings = load_settings()
    layout = Layout(settings.data).check()
    names = (published_space(layout, other or PublishedIndex(layout).serving or ""), published_space(layout, space))
    if names[0] == names[1]:
        raise ConfigurationError(
            f"{names[0]} would be compared with itself",
            remedy="index in another space first: CODE_INDEX_MODEL=… code-index index NAME",
        )
    questions = [Question(*_question(line)) for line in queries or () if line.strip()]
    result = compare_spaces(settings, layout, names, questions, limit=limit, lanes=lane or LANES)
    if as_json:
        click.echo(json.dumps(asdict(result)))
        return
    click.echo(f"{result.questions} questions over {', '.join(result.repositories)}")
    click.echo(
        f"  first {limit}: {result.overlap:.0%} of the places are the same, the first one {result.same_first:.0%}"
    )
    for score in result.scores:
        ranks = "" if score.mrr is None else f"  MRR {score.mrr:.3f}  found {score.found:.0%}"
        click.echo(f"  {score.space:<48}{ranks}  {score.median_ms:,.0f} ms a query")
    if result.only_in_one:
        click.echo(f"  not compared, published in one only: {', '.join(result.only_in_one)}")


def _question(line: str) -> tuple[str, str | None]:
    if not line.lstrip().startswith("{"):
        return line.strip(), None
    try:
        raw = json.loads(line)
        return str(raw["query"]), raw.get("path")
    except (ValueError, KeyError) as error:
        raise QueryError(f"a line of the queries cannot be read: {line[:80]!r}") from error
