"""Ways to tell people: a Slack-compatible webhook, any webhook, e-mail.

What lives here: sending one message by each channel. What does not: which messages are sent (`telling.py`).
"""

from __future__ import annotations

import json
import smtplib
import ssl
import urllib.request
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from typing import Protocol
from urllib.error import URLError

from ...errors import CodeIndexError
from ...settings import Settings
from .conditions import Alert

SECONDS = 10.0
SHOWN = 25


class AlertError(CodeIndexError):
    """A message could not be delivered; it is tried again at the next pass."""

    retryable = True


@dataclass(frozen=True)
class Message:
    """What is new, what still holds after a long time, and what is well again."""

    new: tuple[Alert, ...]
    again: tuple[Alert, ...] = ()
    well: tuple[Alert, ...] = ()
    page: str = ""

    @property
    def subject(self) -> str:
        """One line."""
        parts = [(self.new, "new"), (self.again, "still open"), (self.well, "recovered")]
        counts = ", ".join(f"{len(alerts)} {word}" for alerts, word in parts if alerts)
        first = next(alerts[0] for alerts, _ in parts if alerts)
        return f"Code Index: {counts}: {first.kind.replace('_', ' ')}: {first.subject}"

    @property
    def text(self) -> str:
        """All of it in plain words."""
        lines: list[str] = []
        for alerts, word in ((self.new, ""), (self.again, "STILL "), (self.well, "RECOVERED ")):
            for alert in alerts[:SHOWN]:
                lines.append(f"{word}{alert.kind.replace('_', ' ')}: {alert.subject}")
                if not word.startswith("RECOVERED"):
                    lines += [f"    {alert.text}", f"    → {alert.remedy}"]
            if len(alerts) > SHOWN:
                lines.append(f"… and {len(alerts) - SHOWN:,} more")
        return "\n".join([*lines, *([self.page] if self.page else [])])


class Channel(Protocol):
    """A way to tell people."""

    @property
    def name(self) -> str:
        """Its name in `alerts.json` and in messages."""
        ...

    def send(self, message: Message) -> None:
        """Delivers a message. Raises AlertError."""


@dataclass(frozen=True)
class SlackWebhook:
    """An incoming webhook of Slack, or of what speaks its form (Mattermost, Rocket.Chat, Discord's /slack)."""

    url: str
    name: str = "slack"

    def send(self, message: Message) -> None:
        """Delivers a message. Raises AlertError."""
        escaped = message.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        _post(self.name, self.url, {"text": f"*{message.subject}*\n{escaped}"})


@dataclass(frozen=True)
class Webhook:
    """Any webhook: every alert as a JSON object."""

    url: str
    name: str = "webhook"

    def send(self, message: Message) -> None:
        """Delivers a message. Raises AlertError."""
        groups = {"new": message.new, "again": message.again, "recovered": message.well}
        told = {word: [{"id": one.id, **asdict(one)} for one in alerts] for word, alerts in groups.items()}
        _post(self.name, self.url, {"source": "code-index", "subject": message.subject, **told})


@dataclass(frozen=True)
class Mail:
    """E-mail through an SMTP server."""

    settings: Settings
    name: str = "email"

    def send(self, message: Message) -> None:
        """Delivers a message. Raises AlertError."""
        settings = self.settings
        mail = EmailMessage()
        mail["Subject"] = " ".join(message.subject.split())[:200]
        mail["From"] = settings.alert_email_from or settings.alert_email_to[0]
        mail["To"] = ", ".join(settings.alert_email_to)
        mail.set_content(message.text)
        host, port = settings.alert_smtp_host, settings.alert_smtp_port
        try:
            context = ssl.create_default_context()
            if settings.alert_smtp_security == "tls":
                server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
            else:
                server = smtplib.SMTP(host, port, timeout=SECONDS)
            with server:
                if settings.alert_smtp_security == "starttls":
                    server.starttls(context=context)
                if settings.alert_smtp_user and settings.alert_smtp_password:
                    server.login(settings.alert_smtp_user, settings.alert_smtp_password.get_secret_value())
                server.send_message(mail)
        except (OSError, smtplib.SMTPException) as error:
            raise AlertError(
                f"e-mail through {host}:{port} failed: {error}", remedy="check CODE_INDEX_ALERT_SMTP_*"
            ) from error


def channels_of(settings: Settings) -> list[Channel]:
    """The channels that the settings name."""
    channels: list[Channel] = []
    if settings.alert_slack_url:
        channels.append(SlackWebhook(settings.alert_slack_url.get_secret_value()))
    if settings.alert_webhook_url:
        channels.append(Webhook(settings.alert_webhook_url.get_secret_value()))
    if settings.alert_email_to and settings.alert_smtp_host:
        channels.append(Mail(settings))
    return channels


def _post(name: str, url: str, body: object) -> None:
    """Posts JSON. The address may be a secret, so no message shows it. Raises AlertError."""
    problem = ""
    if not url.startswith(("https://", "http://")):
        problem = "the address is no http(s) URL"
    else:
        data = json.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "code-index"}
        try:
            request = urllib.request.Request(url, data, headers)  # noqa: S310 - the scheme was looked at
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
                answer.read(1024)
        except (URLError, OSError, ValueError) as error:
            problem = f"HTTP {error.code}" if hasattr(error, "code") else type(getattr(error, "reason", error)).__name__
    if problem:
        raise AlertError(
            f"the alert channel {name} did not take a message: {problem}",
            remedy=f"check CODE_INDEX_ALERT_{name.upper()}_URL",
        )
