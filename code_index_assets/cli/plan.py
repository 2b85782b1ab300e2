"""The `plan` command: what embedding will take, before it is paid for. It embeds nothing and registers nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from ..chain.plan import Plan, plan_partition
from ..embedding.providers.spending import price_table
from ..errors import ConfigurationError
from ..progress import TerminalLines
from ..settings import Settings, load_settings
from ..sources.location import is_url
from ..sources.registry import Registry, RepositoryEntry
from ..storage.layout import Layout
from . import completion
from .index import partition_keys


@click.command("plan")
@click.argument("repositories", nargs=-1, shell_complete=completion.place)
@click.option("--all", "every", is_flag=True, help="Every registered repository.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def plan_command(repositories: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Files, chunks, tokens, what is known already, price and time of embedding REPOSITORIES (URL, path or name)."""
    settings = load_settings()
    layout = Layout(settings.data).create()
    registry = Registry.load(settings.registry_file, layout)
    if not repositories and not every:
        raise ConfigurationError("which repository?", remedy="code-index plan <git URL, path or name>, or --all")
    say = (lambda line: None) if as_json else TerminalLines()
    plans: list[Plan] = []
    for entry in registry.entries if every else ():
        plans += [plan_partition(key, settings, layout, say=say) for key in partition_keys(entry, settings)]
    for repository in repositories:
        known = registry.get(repository) if repository in registry.names else registry.find(repository)
        if known is None and not is_url(repository) and not Path(repository).expanduser().exists():
            registry.get(repository)  # says which names are near
        with _registered(repository, known, settings, layout) as (entry, chosen, work):
            keys = partition_keys(entry, chosen)
            plans += [plan_partition(key, chosen, layout, work=work, say=say) for key in keys]
    if isinstance(say, TerminalLines):
        say.clear()
    if as_json:
        click.echo(json.dumps({"plans": [asdict(plan) for plan in plans], "total": _total(plans), **_table(settings)}))
    else:
        for plan in plans:
            _print(plan)
        _print_total(plans, settings)


@contextmanager
def _registered(
    place: str, known: RepositoryEntry | None, settings: Settings, layout: Layout
) -> Iterator[tuple[RepositoryEntry, Settings, Layout]]:
    """The entry of a place; one that is not registered is, in a separate folder that goes away: planning has no
    consequences."""
    if known is not None:
        yield known, settings, layout
        return
    with layout.temporary("plan") as folder:
        chosen = settings.model_copy(update={"data": folder, "registry": Path(folder) / "repositories.toml"})
        work = Layout(folder).create()
        entry = Registry.load(chosen.registry_file, work).add(place)
        yield entry, chosen, work


def _total(plans: list[Plan]) -> dict[str, float | int | None]:
    prices = [plan.price_usd for plan in plans]
    seconds = [plan.seconds for plan in plans]
    return {
        "files": sum(plan.files for plan in plans),
        "chunks": sum(plan.chunks for plan in plans),
        "known": sum(plan.known for plan in plans),
        "to_embed": sum(plan.to_embed for plan in plans),
        "tokens": sum(plan.tokens for plan in plans),
        "price_usd": None if None in prices else sum(price for price in prices if price is not None),
        "seconds": None if None in seconds else sum(second for second in seconds if second is not None),
    }


def _table(settings: Settings) -> dict[str, object]:
    table = price_table()
    return {
        "prices_as_of": table.as_of,
        "prices_source": table.source,
        "budget_usd": settings.budget_usd,
        "budget_tokens": settings.budget_tokens,
    }


def _print(plan: Plan) -> None:
    click.secho(f"{plan.key} at {plan.label[:12]}", bold=True)
    click.echo(f"  {plan.files:,} files → {plan.chunks:,} chunks, {plan.texts:,} different texts")
    share = f" ({plan.known / plan.texts:.0%})" if plan.texts else ""
    click.echo(f"  known already {plan.known:,}{share}, to embed {plan.to_embed:,} with {plan.model}")
    if not plan.to_embed:
        return
    click.echo(f"  tokens  about {plan.tokens:,} ({plan.tokens_by})")
    if plan.price_usd is not None:
        click.echo(f"  price   ${plan.price_usd:,.4f}")
    elif plan.model.startswith("openai:"):
        click.echo("  price   not known: set CODE_INDEX_PRICE_PER_MILLION")
    else:
        click.echo("  price   none: computed here")
    shown = f"{plan.seconds:,.0f} s by {plan.seconds_by}" if plan.seconds is not None else plan.seconds_by
    click.echo(f"  time    {shown}")


def _print_total(plans: list[Plan], settings: Settings) -> None:
    if len(plans) > 1:
        total = _total(plans)
        click.secho(f"{len(plans)} repositories", bold=True)
        price = "" if total["price_usd"] is None else f", ${total['price_usd']:,.4f}"
        click.echo(f"  to embed {total['to_embed']:,}, about {total['tokens']:,} tokens{price}")
    tokens = sum(plan.provider_tokens for plan in plans)
    if tokens:
        table = price_table()
        click.echo(f"about {tokens:,} tokens of a provider, at list prices ({table.source}, {table.as_of}):")
        for model, per_million in sorted(table.prices.items(), key=lambda row: (row[1], row[0])):
            click.echo(f"  {model:<32} ${tokens * per_million / 1e6:>10,.4f}")
    if settings.budget_usd is not None or settings.budget_tokens is not None:
        dollars = "" if settings.budget_usd is None else f"${settings.budget_usd:,.2f} "
        counted = "" if settings.budget_tokens is None else f"{settings.budget_tokens:,} tokens"
        click.echo(f"a run may spend: {dollars}{counted}")
