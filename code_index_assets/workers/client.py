"""Asking the run workers of a data folder: an index run, a run of Dagster's, a look at the inbox.

What lives here: the client's side of the conversation. What does not: what to do where no worker is (`cli/index.py`,
`launcher.py`). Imports neither Dagster nor anything heavy: this is what makes a small index run quick.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .. import errors
from ..errors import CodeIndexError, RunWorkerError
from ..progress import Say
from ..settings import Settings
from ..storage.layout import Layout
from . import place
from .identity import carried_environment, code_state, settings_state
from .messages import PROTOCOL, Lines, Message
from .outcome import Outcome

ANSWER_SECONDS = 5.0
STOP_SECONDS = 20.0


@dataclass
class Handed:
    """An index run that a worker did: its process and the outcomes."""

    pid: int = 0
    outcomes: list[Outcome] = field(default_factory=list)


def index(
    settings: Settings, layout: Layout, keys: list[str], say: Say,
    why_not: Callable[[str], None] = lambda reason: None,
) -> Handed | None:  # fmt: skip
    """Has a run worker index partitions; None if none is there or takes it (`why_not` hears the reason).

    When it returns, what succeeded is searchable; the catalogue follows. Raises KeyboardInterrupt, what the run raised,
    and RunWorkerError if the worker ended in the middle of it.
    """
    lines = _open(settings, layout, {"kind": "index"})
    if lines is None:
        return None
    with contextlib.closing(lines.connection):
        try:
            return _converse(lines, keys, say, why_not)
        except KeyboardInterrupt:
            _stop(lines)
            raise


def _converse(lines: Lines, keys: list[str], say: Say, why_not: Callable[[str], None]) -> Handed | None:
    handed: Handed | None = None
    for message in _received(lines):
        if "refused" in message:
            why_not(str(message["refused"]))
            return None
        if "ahead" in message:
            lines.connection.settimeout(None)
            _say_position(int(message["ahead"]), say)
        elif "begun" in message:
            handed = Handed(int(message["pid"]))
            with contextlib.suppress(OSError):  # it has just ended: the end of the connection tells
                lines.send({"keys": keys, "environment": carried_environment()})
        elif "say" in message:
            say(str(message["say"]))
        elif "outcome" in message and handed is not None:
            handed.outcomes.append(Outcome(**message["outcome"]))
        elif "end" in message:
            return handed
        elif "stopped" in message:
            raise KeyboardInterrupt
        else:
            raise _raised(message)
    if handed is None:
        return None  # its keeper has ended before the run began
    raise RunWorkerError(
        f"the run worker (process {handed.pid}) ended in the middle of the run: it was killed, or memory ran out",
        remedy="what was finished is kept: run the same command again; with CODE_INDEX_USE_SERVER=false it runs here",
    )


def _received(lines: Lines) -> Iterator[Message]:
    """What comes until the connection ends, however it ends; a keeper that does not answer is none."""
    with contextlib.suppress(OSError, ValueError):
        yield from lines


def _say_position(ahead: int, say: Say) -> None:
    if ahead:
        say(f"waits for a run worker: {ahead} {'run' if ahead == 1 else 'runs'} before this one")
    else:
        say("a run worker takes the run")


def _stop(lines: Lines) -> None:
    """Asks for the end of the run and waits until it has ended: what it held is free then."""
    with contextlib.suppress(OSError, ValueError, KeyboardInterrupt):
        lines.connection.settimeout(STOP_SECONDS)
        lines.send({"cancel": True})
        for _ in lines:
            pass


def _raised(message: Message) -> Exception:
    """The error that ended the run, as this process would have met it."""
    if "error" in message:
        kind = getattr(errors, str(message["error"]), CodeIndexError)
        return kind(str(message["message"]), remedy=str(message.get("remedy", "")))
    if "system" in message:
        number, text, path = message["system"]
        return OSError(number, text, path)
    if "records" in message:
        return CodeIndexError(
            f"Dagster's records could not be read or written: {message['records']}",
            remedy="look for a full disk or a read-only folder; if the file is damaged: code-index repair dagster",
        )
    return CodeIndexError(f"the run worker met a fault of the program: {message.get('fault', message)}")


def launch(settings: Settings, layout: Layout, run_id: str) -> Message:
    """Hands a run of Dagster's records to a worker: `taken` with how many are `ahead`, or `refused`; else {}."""
    return _ask(settings, layout, {"kind": "run", "run_id": run_id})


def nudge(settings: Settings, layout: Layout) -> bool:
    """Has the inbox looked at now, by a worker; False without one: then the sensor looks in its time."""
    return bool(_ask(settings, layout, {"kind": "events"}).get("taken"))


def find(layout: Layout, run_id: str) -> str:
    """Where a run is among the workers: `waiting`, `running`, `lost` or `unknown`."""
    return str(_say_once(layout, {"kind": "find", "run_id": run_id}).get("found", "unknown"))


def cancel(layout: Layout, run_id: str) -> str:
    """Interrupts a run, or takes it out of the line: where it was, or `unknown`."""
    return str(_say_once(layout, {"kind": "cancel", "run_id": run_id}).get("cancelled", "unknown"))


def status(layout: Layout) -> Message:
    """The workers and what waits for them; {} without a keeper."""
    return _say_once(layout, {"kind": "status"})


def _ask(settings: Settings, layout: Layout, message: Message) -> Message:
    lines = _open(settings, layout, message)
    return {} if lines is None else _answer(lines)


def _say_once(layout: Layout, message: Message) -> Message:
    connection = place.connect(layout, ANSWER_SECONDS)
    if connection is None:
        return {}
    lines = Lines(connection)
    try:
        lines.send(message)
    except OSError:
        connection.close()
        return {}
    return _answer(lines)


def _answer(lines: Lines) -> Message:
    with contextlib.closing(lines.connection):
        try:
            return lines.read() or {}
        except (OSError, ValueError):
            return {}


def _open(settings: Settings, layout: Layout, message: Message) -> Lines | None:
    """A connection with a request on it; None without a keeper, or with servers kept out by the settings."""
    if not settings.use_server or (connection := place.connect(layout, ANSWER_SECONDS)) is None:
        return None
    told = {"protocol": PROTOCOL, "code": code_state(), "settings": settings_state(settings, layout)}
    lines = Lines(connection)
    try:
        lines.send({**message, **told})
    except OSError:
        connection.close()
        return None
    return lines
