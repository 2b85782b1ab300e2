"""Telling people once: what each channel has heard, in `alerts.json` of the data folder.

What lives here: what is new, what is repeated, what is well again, by channel. What does not: the conditions
(`conditions.py`), sending (`channels.py`). A channel that takes no message is tried again at the next pass, and holds
up no other.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields

from ...errors import CodeIndexError, LockedError
from ...settings import Settings
from ...storage.layout import Layout, write_atomically
from .channels import Channel, Message, channels_of
from .conditions import Alert, FailedJob, alerts_now


@dataclass(frozen=True)
class Told:
    """What a pass did: open alerts, messages sent by channel, and channels that took none with the reason."""

    open: tuple[Alert, ...]
    sent: dict[str, Message]
    failed: dict[str, str]


@dataclass(frozen=True)
class _Heard:
    """An alert that a channel has heard of, and when (Unix time)."""

    alert: Alert
    at: float


def tell(
    layout: Layout,
    settings: Settings,
    jobs: Iterable[FailedJob] = (),
    *,
    channels: Sequence[Channel] | None = None,
    now: float | None = None,
) -> Told:
    """One pass: works out what is wrong and tells every channel what it has not heard. Two passes at once are one."""
    now = time.time() if now is None else now
    current = alerts_now(layout, settings, jobs, now)
    sent: dict[str, Message] = {}
    failed: dict[str, str] = {}
    try:
        with layout.lock("alerts", timeout=0):
            state = _load(layout)
            for channel in channels_of(settings) if channels is None else channels:
                heard = state.get(channel.name, {})
                message = _message(current, heard, settings, now)
                if message is None:
                    continue
                try:
                    channel.send(message)
                except CodeIndexError as error:
                    failed[channel.name] = error.message
                    continue
                sent[channel.name] = message
                fresh = {alert.id for alert in (*message.new, *message.again)}
                state[channel.name] = {
                    alert.id: _Heard(alert, now if alert.id in fresh else heard[alert.id].at) for alert in current
                }
                _save(layout, state)
    except LockedError:
        pass
    return Told(tuple(current), sent, failed)


def _message(current: list[Alert], heard: dict[str, _Heard], settings: Settings, now: float) -> Message | None:
    """What a channel has not heard; None for nothing."""
    open_ids = {alert.id for alert in current}
    repeat = settings.alert_repeat_hours * 3600
    new = tuple(alert for alert in current if alert.id not in heard)
    again = tuple(alert for alert in current if alert.id in heard and 0 < repeat <= now - heard[alert.id].at)
    well = tuple(one.alert for id_, one in sorted(heard.items()) if id_ not in open_ids)
    if not (new or again or well):
        return None
    return Message(new, again, well, f"{settings.page_url}/repositories")


def _load(layout: Layout) -> dict[str, dict[str, _Heard]]:
    """A file that cannot be read is no state: everything that is open is told again."""
    names = {field.name for field in fields(Alert)}
    try:
        raw = json.loads((layout.root / "alerts.json").read_bytes())
        return {
            channel: {
                str(id_): _Heard(Alert(**{k: v for k, v in one["alert"].items() if k in names}), float(one["at"]))
                for id_, one in heard.items()
            }
            for channel, heard in raw.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _save(layout: Layout, state: dict[str, dict[str, _Heard]]) -> None:
    write_atomically(
        layout.root / "alerts.json",
        json.dumps(
            {channel: {id_: asdict(one) for id_, one in heard.items()} for channel, heard in state.items()}
        ).encode(),
    )
