"""Polling, schedules and webhooks: when runs start by themselves."""

from __future__ import annotations

from pydantic import Field, SecretStr

from .base import SettingsGroup


class TriggerSettings(SettingsGroup):
    """Polling, schedules and webhooks: when runs start by themselves."""

    register_host: str = Field(
        "",
        description="Where `owner/name` is looked up that is added as a partition in Dagster's UI, such as "
        "`https://github.com`; not set: such a partition is refused, a git URL is not.",
    )
    polling: bool = Field(True, description="Whether the daemon polls; else webhooks and `code-index poll` do.")
    poll_seconds: float = Field(300.0, ge=10, description="Seconds between two look-ups of a repository's head, about.")
    poll_per_host: int = Field(4, ge=1, description="Head look-ups at a time on one git host.")
    poll_host_per_minute: int = Field(240, ge=1, description="Head look-ups a minute on one git host, at most.")
    poll_timeout_seconds: float = Field(30.0, gt=0, description="Longest time one head look-up may take.")
    nightly_cron: str = Field("0 2 * * *", description="When the nightly schedule looks for what is due.")
    compaction_cron: str = Field("0 4 * * 0", description="When caches, shards and old artifacts are compacted.")
    timezone: str = Field("UTC", description="Time zone of both.")
    webhook_github_secret: SecretStr | None = Field(None, description="Secret of GitHub webhooks; not set: refused.")
    webhook_gitlab_token: SecretStr | None = Field(
        None, description="Secret token or signing token (whsec_…) of GitLab webhooks; not set: refused."
    )
    webhook_gitea_secret: SecretStr | None = Field(
        None, description="Secret of Gitea and Forgejo webhooks; not set: refused."
    )
    webhook_max_bytes: int = Field(8 << 20, ge=1024, description="Larger webhook bodies are refused.")
