"""Completion in shells: the `completion` command, and what may stand for repositories, refs, languages and kinds.

What lives here: the values, read from the registry and the publication alone. What does not: the protocol between shell
and program, which is click's. Nothing heavy is imported: a shell waits for this at each press of the tab key.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem, get_completion_class

from ..errors import CodeIndexError
from ..storage.layout import Layout
from .failures import print_json

if TYPE_CHECKING:
    from ..index.manifest import Receipt

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_CODE_INDEX_COMPLETE"
Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def completion_command(shell: str, as_json: bool) -> None:
    """Print the script that completes commands, repositories, refs, languages and kinds in SHELL.

    \b
    bash: eval "$(code-index completion bash)"               in ~/.bashrc
    zsh:  eval "$(code-index completion zsh)"                in ~/.zshrc
    fish: code-index completion fish > ~/.config/fish/completions/code-index.fish
    """
    from .main import cli

    made = get_completion_class(shell)
    assert made is not None
    source = made(cli, {}, "code-index", _VARIABLE).source
    if as_json:
        print_json({"shell": shell, "script": source()})
    else:
        click.echo(source())


def _begins(values: Iterable[str], incomplete: str, help_text: str = "") -> list[CompletionItem]:
    beginning = incomplete.casefold()
    matching = dict.fromkeys(value for value in values if value.casefold().startswith(beginning))
    # `burn` is a way to write tracel-ai/burn.
    matching |= dict.fromkeys(value for value in values if beginning and f"/{beginning}" in f"/{value.casefold()}")
    return [CompletionItem(value, help=help_text or None) for value in matching]


def _data() -> tuple[Layout, Path]:
    from ..settings import load_settings

    settings = load_settings()
    return Layout(settings.data), settings.registry_file


def _receipts() -> dict[str, Receipt]:
    from ..index.published import PublishedIndex

    return PublishedIndex(_data()[0]).receipts


def _registered() -> list[str]:
    from ..sources.registry import Registry

    layout, file = _data()
    return Registry.load(file, layout).names


def _quiet(values: Callable[[click.Context], Iterable[str]]) -> Complete:
    """A completion of values; what cannot be read completes nothing: a traceback would be put into the command line."""

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        with contextlib.suppress(CodeIndexError, OSError, ValueError, KeyError, TypeError):
            return _begins(list(values(ctx)), incomplete)
        return []

    return complete


def _repositories(ctx: click.Context) -> Iterable[str]:
    return dict.fromkeys([*_registered(), *(receipt.repository for receipt in _receipts().values())])


def _partitions(ctx: click.Context) -> Iterable[str]:
    return dict.fromkeys([*_registered(), *_receipts()])


def _refs(ctx: click.Context) -> Iterable[str]:
    repositories = ctx.params.get("repo") or ()
    return dict.fromkeys(
        receipt.ref
        for receipt in _receipts().values()
        if not repositories or any(one.casefold() in receipt.repository.casefold() for one in repositories)
    )


def _languages(ctx: click.Context) -> Iterable[str]:
    counts: Counter[str] = Counter()
    for receipt in _receipts().values():
        counts.update(receipt.coverage.get("chunk_languages") or {})
    return [name for name, _ in counts.most_common()]


def _kinds(ctx: click.Context) -> Iterable[str]:
    from ..search.vocabulary import KINDS

    return KINDS


def _spaces(ctx: click.Context) -> Iterable[str]:
    from ..index.published import PublishedIndex

    return PublishedIndex(_data()[0]).spaces


repositories, partitions, refs = _quiet(_repositories), _quiet(_partitions), _quiet(_refs)
languages, kinds, spaces = _quiet(_languages), _quiet(_kinds), _quiet(_spaces)


def place(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """A repository that is registered, or a folder to register."""
    return repositories(ctx, parameter, incomplete) or [CompletionItem(incomplete, type="dir")]
