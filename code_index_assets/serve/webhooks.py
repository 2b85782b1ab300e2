"""Webhooks: what GitHub, GitLab, Gitea and Forgejo send becomes events in the inbox.

What lives here: receiving, verifying and understanding deliveries. What does not: runs (a sensor makes them of the
inbox; Dagster may be down meanwhile) and the application this is mounted in.

A delivery is answered 2xx only when its event is on the disk. Before the signature is verified nothing of the body is
looked at, and what is refused for its signature or for its repository is refused with the same words.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import CodeIndexError, ConfigurationError
from ..settings import Settings
from ..sources.location import is_url, parse_url
from ..sources.registry import Registry, RepositoryEntry, partition_key
from ..storage.layout import Layout
from ..triggers.inbox import Event, Inbox
from ..workers.client import nudge

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

# A signed delivery older than this is a replay (Standard Webhooks); forges without a timestamp have delivery ids.
SIGNATURE_SECONDS = 300.0
_GONE = "0" * 40


@dataclass(frozen=True)
class Delivery:
    """What a forge said, in one form. `place` are the addresses of the repository, without scheme; `name` its path."""

    id: str
    kind: str  # "push", "look" (created, renamed, archived, …) or "other"
    places: tuple[str, ...]
    ref: str = ""  # refs/heads/… or refs/tags/…
    commit: str = ""
    default_branch: str = ""


class Refused(Exception):
    """The delivery is refused: HTTP status and the words for it."""

    def __init__(self, status: int, words: str = "refused") -> None:
        super().__init__(words)
        self.status, self.words = status, words


def webhook_routes(settings: Settings, layout: Layout | None = None) -> list[Route]:
    """Routes to mount in a Starlette or FastAPI application: POST /webhooks/github, /gitlab, /gitea and /forgejo.

    A forge without a secret in the settings is refused like a wrong signature.
    """
    from starlette.routing import Route

    receiver = WebhookReceiver(settings, layout or Layout(settings.data).create())
    return [
        Route(f"/webhooks/{forge}", receiver.endpoint(forge), methods=["POST"])
        for forge in ("github", "gitlab", "gitea", "forgejo")
    ]


class WebhookReceiver:
    """Takes deliveries for one data folder. The registry is read again when its file has changed."""

    def __init__(self, settings: Settings, layout: Layout) -> None:
        self.settings, self.layout = settings, layout
        self.inbox = Inbox(layout)
        self._registry: tuple[object, dict[str, list[RepositoryEntry]]] = (None, {})

    def endpoint(self, forge: str) -> Callable[[Request], Any]:
        """The handler of one forge's deliveries."""
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import JSONResponse

        async def receive(request: Request) -> Response:
            try:
                body = await self._body(request)
                words = await run_in_threadpool(self.take, forge, dict(request.headers), body)
                return JSONResponse({"status": words}, 202)
            except Refused as refusal:
                return JSONResponse({"status": refusal.words}, refusal.status)
            except (OSError, CodeIndexError):
                # Not on the disk: the answer makes the forge send it again.
                return JSONResponse({"status": "not taken, send it again"}, 503)

        return receive

    async def _body(self, request: Request) -> bytes:
        """The body, never more of it than the limit."""
        limit = self.settings.webhook_max_bytes
        declared = request.headers.get("content-length", "0")
        if not declared.isdigit() or int(declared) > limit:
            raise Refused(413, "too large")
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > limit:
                raise Refused(413, "too large")
        return bytes(body)

    def take(self, forge: str, headers: Mapping[str, str], body: bytes) -> str:
        """Takes one delivery; returns "accepted", "ignored" or "seen before". Raises Refused, OSError.

        `headers` have names in lower case.
        """
        verify(forge, headers, body, self.settings)
        delivery = understand(forge, headers, body)
        entries = [entry for place in delivery.places for entry in self._entries().get(place, [])]
        if not entries:
            raise Refused(403)
        # The signature is of the body alone: a delivery that was listened to can come again under any id.
        content = f"{forge} {delivery.kind} {hashlib.sha256(body).hexdigest()}"
        if any(self.inbox.seen(mark) for mark in (delivery.id, content) if mark):
            return "seen before"
        taken = False
        for entry in dict.fromkeys(entries):
            taken = self._take(entry, delivery) or taken
        if delivery.id:
            self.inbox.remember(delivery.id)
        if taken:
            self.inbox.remember(content)
            nudge(self.settings, self.layout)
        return "accepted" if taken else "ignored"

    def _take(self, entry: RepositoryEntry, delivery: Delivery) -> bool:
        if delivery.kind == "look" or (delivery.kind == "push" and delivery.commit == _GONE[: len(delivery.commit)]):
            self.inbox.ask_for_poll(entry.name)
            return True
        if delivery.kind != "push":
            return False
        ref = delivery.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        if not entry.refs:
            if not delivery.ref.startswith("refs/heads/") or ref != delivery.default_branch:
                return False
            key = partition_key(entry)
        elif entry.names_ref(ref):
            key = partition_key(entry, ref)
        else:
            return False
        host = parse_url(entry.url).host if entry.url else ""
        name = delivery.id or hashlib.sha256(f"{delivery}{time.time_ns()}".encode()).hexdigest()
        self.inbox.put(Event(key, "changed", "webhook", name, time.time(), delivery.commit, host))
        return True

    def _entries(self) -> dict[str, list[RepositoryEntry]]:
        """Enabled entries with a URL, by place."""
        file = self.settings.registry_file
        try:
            status = file.stat()
        except FileNotFoundError:
            return {}
        state = (status.st_mtime_ns, status.st_size, status.st_ino)
        if self._registry[0] != state:
            entries: dict[str, list[RepositoryEntry]] = {}
            for entry in Registry.load(file, self.layout).entries:
                if entry.url and entry.enabled and (place := place_of(entry.url)):
                    entries.setdefault(place, []).append(entry)
            self._registry = (state, entries)
        return self._registry[1]


# -- whether it is genuine --------------------------------------------------------------------------------------------


def verify(forge: str, headers: Mapping[str, str], body: bytes, settings: Settings) -> None:
    """Compares the delivery's signature in constant time. Raises Refused."""
    headers_kept = {
        "github": settings.webhook_github_secret,
        "gitlab": settings.webhook_gitlab_token,
        "gitea": settings.webhook_gitea_secret,
        "forgejo": settings.webhook_gitea_secret,
    }[forge]
    secret = headers_kept.get_secret_value() if headers_kept is not None else ""
    genuine = _gitlab(headers, body, secret) if forge == "gitlab" else _hashed(forge, headers, body, secret)
    if not secret or not genuine:
        raise Refused(403)


def _hashed(forge: str, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if forge == "github":
        return _equal(headers.get("x-hub-signature-256", ""), f"sha256={expected}")
    given = headers.get("x-forgejo-signature") or headers.get("x-gitea-signature", "")
    return _equal(given, expected)


def _gitlab(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """A signing token (`whsec_…`) signs id, time and body; a plain secret token is sent as it is."""
    if not secret.startswith("whsec_"):
        return _equal(headers.get("x-gitlab-token", ""), secret)
    identity, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not identity or not at.isdigit() or abs(time.time() - int(at)) > SIGNATURE_SECONDS:
        return False
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ConfigurationError(
            "CODE_INDEX_WEBHOOK_GITLAB_TOKEN is no signing token", remedy="copy it again: whsec_ and base64"
        ) from error
    signed = hmac.new(key, f"{identity}.{at}.".encode() + body, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(signed).decode()}"
    results = [_equal(given, expected) for given in headers.get("webhook-signature", "").split()]
    return any(results)


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


# -- what it says -----------------------------------------------------------------------------------------------------


def understand(forge: str, headers: Mapping[str, str], body: bytes) -> Delivery:
    """What a genuine delivery says. Raises Refused(400) for what is none."""
    try:
        raw = json.loads(body)
        if not isinstance(raw, dict):
            raise TypeError
        if forge == "gitlab":
            return _of_gitlab(headers, raw)
        prefix = {"github": "x-github", "gitea": "x-gitea", "forgejo": "x-forgejo"}[forge]
        return _of_github(headers, raw, prefix)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Refused(400, "not understood") from None


def _of_github(headers: Mapping[str, str], raw: dict[str, Any], prefix: str) -> Delivery:
    event = headers.get(f"{prefix}-event") or headers.get("x-gitea-event", "")
    identity = headers.get(f"{prefix}-delivery") or headers.get("x-gitea-delivery", "")
    repository = raw.get("repository") or {}
    urls = [repository.get(name) for name in ("clone_url", "ssh_url", "git_url", "html_url")]
    places = _places(urls)
    if event == "push":
        return Delivery(
            identity, "push", places, str(raw["ref"]), str(raw["after"]), str(repository.get("default_branch") or "")
        )
    if event == "repository" and raw.get("action") == "renamed":
        # The registry still knows the old name; git hosts redirect it, the next poll tells whether ours does.
        before = str(raw["changes"]["repository"]["name"]["from"])
        places += tuple(f"{place.rpartition('/')[0]}/{before}".casefold() for place in places)
    looks = {"create", "delete"} | ({"repository"} if raw.get("action") != "created" else set())
    return Delivery(identity, "look" if event in looks else "other", tuple(dict.fromkeys(places)))


def _of_gitlab(headers: Mapping[str, str], raw: dict[str, Any]) -> Delivery:
    kind = str(raw.get("object_kind") or raw.get("event_name") or "")
    identity = headers.get("webhook-id") or headers.get("idempotency-key") or headers.get("x-gitlab-event-uuid", "")
    project = raw.get("project") or {}
    urls = [project.get(name) for name in ("git_http_url", "git_ssh_url", "http_url", "ssh_url", "web_url")]
    places = _places(urls)
    branch = str(project.get("default_branch") or "")
    if kind in ("push", "tag_push"):
        return Delivery(identity, "push", places, str(raw["ref"]), str(raw["after"]), branch)
    looks = {"repository_update", "project_rename", "project_transfer", "project_update"}
    return Delivery(identity, "look" if kind in looks else "other", places)


def _places(urls: list[Any]) -> tuple[str, ...]:
    places = [place for url in urls if isinstance(url, str) and (place := place_of(url))]
    return tuple(dict.fromkeys(places))


def place_of(url: str) -> str:
    """A repository's address without scheme, user, port and `.git`, in lower case: https and ssh name one place."""
    try:
        if not is_url(url):
            return ""
        location = parse_url(url)
    except ConfigurationError:
        return ""
    path = location.path.strip("/").removesuffix(".git").strip("/")
    return f"{location.host.partition(':')[0]}/{path}".casefold()
