"""Alerts: who is told, and of what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from .base import SettingsGroup

AlertKind = Literal[
    "run_failed", "gate_refused", "freshness_missed", "budget_reached", "disk_low", "repository_unreachable"
]


class AlertSettings(SettingsGroup):
    """Alerts: who is told, and of what."""

    alert_slack_url: SecretStr | None = Field(
        None, description="Incoming webhook of Slack, or of what takes its form (Mattermost, Rocket.Chat), for alerts."
    )
    alert_webhook_url: SecretStr | None = Field(None, description="Any webhook: alerts as JSON are posted to it.")
    alert_email_to: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses, separated by commas, that get alerts by e-mail; needs the SMTP server."
    )
    alert_email_from: str = Field("", description="Sender of these e-mails; not set: the first receiver.")
    alert_smtp_host: str = Field("", description="SMTP server for them.")
    alert_smtp_port: int = Field(587, ge=1, le=65535, description="Its port.")
    alert_smtp_security: Literal["starttls", "tls", "none"] = Field("starttls", description="How it is spoken to.")
    alert_smtp_user: str = Field("", description="User at it; not set: no login.")
    alert_smtp_password: SecretStr | None = Field(None, description="The user's password.")
    alert_kinds: Annotated[tuple[AlertKind, ...], NoDecode] = Field(
        ("run_failed", "gate_refused", "freshness_missed", "budget_reached", "disk_low", "repository_unreachable"),
        description="What alerts are about, separated by commas.",
    )
    alert_repeat_hours: float = Field(
        24.0, ge=0, description="An alert that still holds is told again after so long; 0: never."
    )
    alert_disk_gb: float = Field(5.0, ge=0, description="An alert when less is free on the data folder's disk (GiB).")

    @field_validator("alert_email_to", "alert_kinds", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part for part in (part.strip() for part in value.split(",")) if part)
        return value
