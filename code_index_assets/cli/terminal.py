"""What a terminal or a pipe is given: colours or none, aligned columns or tab-separated ones, a pipe that was closed.

What lives here: those decisions, for all commands. What does not: the text of answers (`search/render.py`).
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Sequence
from typing import TextIO

import click


def color_wanted() -> bool | None:
    """What the environment says of colours; None: colours on terminals, none elsewhere.

    NO_COLOR (https://no-color.org) wins over FORCE_COLOR and CLICOLOR_FORCE, those over CLICOLOR=0 and TERM=dumb.
    """
    variable = os.environ.get
    if variable("NO_COLOR"):
        return False
    if any(variable(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return False if variable("CLICOLOR") == "0" or variable("TERM") == "dumb" else None


def use_color(stream: TextIO | None = None) -> bool:
    """Whether text for a stream (standard output) is coloured."""
    choice = color_wanted()
    return (stream or sys.stdout).isatty() if choice is None else choice


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows below a header: in aligned columns on a terminal, tab-separated in a pipe."""
    lines = [list(header), *([cell.replace("\t", " ").replace("\n", " ") for cell in row] for row in rows)]
    if not sys.stdout.isatty():
        for line in lines:
            click.echo("\t".join(line))
        return
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for number, line in enumerate(lines):
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        click.echo(click.style(text.upper(), bold=True) if number == 0 else text)


def output_is_closed() -> bool:
    """Whether the reader of standard output or standard error is gone (`code-index files NAME | head`)."""
    for stream in (sys.stdout, sys.stderr):
        try:
            poll = select.poll()
            poll.register(stream.fileno(), select.POLLOUT)
            if any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
                return True
        except (OSError, ValueError, AttributeError):  # no file behind it
            continue
    return False


def give_up_output() -> None:
    """Lets what is still buffered go nowhere: Python would complain of the closed pipe when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            os.dup2(nowhere, stream.fileno())
