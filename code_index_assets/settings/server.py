"""The HTTP server: who may ask it, and how long an answer may take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from .base import SettingsGroup


class ServerSettings(SettingsGroup):
    """The HTTP server: who may ask it, and how long an answer may take."""

    host: str = Field("127.0.0.1", description="Address `code-index serve` binds to.")
    port: int = Field(8765, ge=0, le=65535, description="Its port; 0: any free one.")
    public_url: str = Field(
        "",
        description="Address of the search page as people reach it, for links in Dagster and alerts; not set: host "
        "and port.",
    )
    tokens: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description="Bearer tokens, separated by commas, that may ask the server; not set: anyone who reaches it.",
    )
    open_access: bool = Field(
        False,
        description="Let the server bind beyond loopback without tokens: anyone who reaches it can read the code.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Host names, separated by commas, that requests may use; not set: on loopback its own, else any.",
    )
    index_urls: bool = Field(
        False, description="Let POST /v1/index register repositories by URL, not only run registered ones."
    )
    allowed_addresses: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Hosts (`git.example.org`, `.example.org` for all below), addresses and networks (`10.1.0.0/16`), "
        "separated by commas, that addresses arriving over HTTP may name though they are not public.",
    )

    questions_at_a_time: int = Field(
        0,
        ge=0,
        le=64,
        description="Questions the server answers at a time; 0: one, which all of a core answers soonest (eight with a "
        "Qdrant server, which is waited for).",
    )
    query_seconds: float = Field(
        10.0,
        gt=0,
        description="Longest time one question may take; what was found by then is answered as `incomplete`.",
    )

    mcp_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        (),
        description="Folders, separated by commas, whose checkouts MCP clients may have indexed over HTTP "
        "(index_codebase); not set: none. Over stdio any folder.",
    )

    use_server: bool = Field(
        True,
        description="Whether command lines ask a server that runs on the same data instead of searching themselves.",
    )

    @property
    def page_url(self) -> str:
        """Address of the search page as people reach it, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @field_validator("mcp_roots")
    @classmethod
    def _absolute_roots(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(Path(os.path.expandvars(root)).expanduser().absolute() for root in value)

    @field_validator("tokens", "allowed_hosts", "allowed_addresses", "mcp_roots", mode="before")
    @classmethod
    def _separated(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part for part in (part.strip() for part in value.split(",")) if part)
        return value
