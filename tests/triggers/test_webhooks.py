"""Webhooks over HTTP: verified, durable, once; and what each forge's payloads come to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import os
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from code_index_assets.serve.webhooks import place_of, webhook_routes
from code_index_assets.settings import Settings
from code_index_assets.sources.registry import Registry
from code_index_assets.storage.layout import Layout
from code_index_assets.triggers.inbox import Inbox

SECRET = "it's a secret"
SIGNING = "whsec_" + base64.b64encode(b"thirty-two bytes of signing key!").decode()
COMMIT = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
GONE = "0" * 40


class Forge:
    """A client that signs as the forges do."""

    def __init__(self, data: Path, **options: object) -> None:
        secrets = {"webhook_github_secret": SECRET, "webhook_gitlab_token": SECRET, "webhook_gitea_secret": SECRET}
        self.settings = Settings.model_validate({"data": data, **secrets, **options})
        self.layout = Layout(data).create()
        self.client = TestClient(Starlette(routes=webhook_routes(self.settings, self.layout)))
        self.count = 0

    @property
    def registry(self) -> Registry:
        return Registry.load(self.settings.registry_file, self.layout)

    def github(self, event: str, payload: object, *, secret: str = SECRET, delivery: str | None = None) -> Any:
        body = json.dumps(payload).encode()
        self.count += 1
        headers = {
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": delivery or f"d{self.count}",
            "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
        }
        return self.client.post("/webhooks/github", content=body, headers=headers)

    def gitea(self, event: str, payload: object, *, brand: str = "Gitea") -> Any:
        body = json.dumps(payload).encode()
        self.count += 1
        headers = {
            f"X-{brand}-Event": event,
            f"X-{brand}-Delivery": f"d{self.count}",
            f"X-{brand}-Signature": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
        }
        return self.client.post(f"/webhooks/{brand.lower()}", content=body, headers=headers)

    def signed_gitlab(
        self, payload: object, *, at: float | None = None, identity: str = "m1", token: str = SIGNING
    ) -> Any:
        body = json.dumps(payload).encode()
        stamp = str(int(at or time.time()))
        key = base64.b64decode(token.removeprefix("whsec_"))
        signature = base64.b64encode(hmac.new(key, f"{identity}.{stamp}.".encode() + body, hashlib.sha256).digest())
        headers = {
            "webhook-id": identity,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,bm90IHRoaXMgb25l v1,{signature.decode()}",
        }
        return self.client.post("/webhooks/gitlab", content=body, headers=headers)

    def events(self) -> dict[str, str]:
        found, names = Inbox(self.layout).pending(100)
        Inbox(self.layout).remove(names)
        assert all(event.cause == "webhook" for event in found)
        return {event.key: event.commit for event in found}

    def asked_for(self) -> set[str]:
        found = Inbox(self.layout).asked_for()
        for path in found.values():
            path.unlink()
        return set(found)


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    forge = Forge(tmp_path / "data")
    forge.registry.add("https://github.com/Codertocat/Hello-World", name="hello")
    return forge


def push(ref: str = "refs/heads/master", after: str = COMMIT, name: str = "Codertocat/Hello-World") -> dict[str, Any]:
    urls = {"clone_url": f"https://github.com/{name}.git", "ssh_url": f"git@github.com:{name}.git"}
    return {"ref": ref, "after": after, "repository": {**urls, "default_branch": "master", "full_name": name}}


def project(name: str = "Codertocat/Hello-World") -> dict[str, Any]:
    return {
        "git_http_url": f"https://github.com/{name}.git",
        "git_ssh_url": f"git@github.com:{name}.git",
        "default_branch": "master",
    }


def test_a_push_is_an_event_on_the_disk(forge: Forge) -> None:
    answer = forge.github("push", push())
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
    assert forge.events() == {"hello": COMMIT}


def test_a_delivery_is_taken_once(forge: Forge) -> None:
    assert forge.github("push", push(), delivery="same").json()["status"] == "accepted"
    assert forge.github("push", push(), delivery="same").json()["status"] == "seen before"
    assert forge.events() == {"hello": COMMIT}
    assert forge.github("push", push(), delivery="same").json()["status"] == "seen before"
    assert forge.events() == {}
    assert forge.github("push", push(after="1" * 40), delivery="other").json()["status"] == "accepted"


def test_a_replay_under_a_new_id_is_recognised(forge: Forge) -> None:
    """The id is no part of what GitHub and Gitea sign."""
    assert forge.github("push", push(), delivery="first").json()["status"] == "accepted"
    forge.events()
    for delivery in ("second", "third", ""):
        assert forge.github("push", push(), delivery=delivery or None).json()["status"] == "seen before"
    assert forge.gitea("push", push()).json()["status"] == "accepted"  # another forge, another secret
    assert forge.gitea("push", push()).json()["status"] == "seen before"
    assert forge.events() == {"hello": COMMIT}


@pytest.mark.parametrize("open_, close", ["[]", ('{"a":', "}")])
def test_deep_json_is_refused_like_any_nonsense(forge: Forge, open_: str, close: str) -> None:
    body = (open_ * 100_000 + "1" + close * 100_000).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-GitHub-Event": "push", "X-GitHub-Delivery": "deep", "X-Hub-Signature-256": f"sha256={signature}"}
    answer = forge.client.post("/webhooks/github", content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (400, {"status": "not understood"})


def test_an_ssh_address_in_the_registry_is_the_same_place(forge: Forge) -> None:
    forge.registry.add("git@github.com:codertocat/hello-world.git", name="by-ssh")
    forge.github("push", push())
    assert set(forge.events()) == {"hello", "by-ssh"}
    assert place_of("ssh://git@github.com:22/A/b.git") == "github.com/a/b"


def test_refs_that_are_not_indexed_are_ignored_and_patterns_match(forge: Forge) -> None:
    assert forge.github("push", push("refs/heads/topic")).json()["status"] == "ignored"
    assert forge.github("push", push("refs/tags/master")).json()["status"] == "ignored"
    forge.registry.add("https://github.com/o/many", name="many", refs=("main", "release/*", "v1"))
    for ref in ("heads/main", "heads/release/2", "tags/v1", "heads/release/2/x", "heads/master"):
        forge.github("push", push(f"refs/{ref}", name="o/many"))
    assert set(forge.events()) == {"many", "many@release/2", "many@v1"}


def test_what_is_not_genuine_and_what_is_not_registered_look_alike(forge: Forge, tmp_path: Path) -> None:
    unknown = forge.github("push", push(name="somebody/else"))
    forged = forge.github("push", push(), secret="guess")
    unsigned = forge.client.post("/webhooks/github", content=b"{}")
    no_secret = Forge(tmp_path / "bare", webhook_github_secret=None).github("push", push(), secret="")
    empty = Forge(tmp_path / "empty", webhook_github_secret="").github("push", push(), secret="")
    answers = {(a.status_code, a.text) for a in (unknown, forged, unsigned, no_secret, empty)}
    assert answers == {(403, '{"status":"refused"}')}
    assert forge.events() == {}
    assert not (forge.layout.inbox / "deliveries").exists()


def test_large_and_malformed_bodies_are_refused(tmp_path: Path) -> None:
    forge = Forge(tmp_path / "data", webhook_max_bytes=2000)
    assert forge.github("push", {"pad": "x" * 3000}).status_code == 413
    chunks = (b"x" * 500 for _ in range(10))
    assert forge.client.post("/webhooks/github", content=chunks).status_code == 413
    payloads: tuple[object, ...] = ([], {}, {"ref": 1}, "text", {"repository": "text", "ref": "x", "after": "y"})
    for payload in payloads:
        assert forge.github("push", payload).status_code in (400, 403)
    assert forge.github("push", {"repository": {"clone_url": 7}}).status_code == 400


def test_what_could_not_be_written_is_not_taken(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Inbox, event: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Inbox, "put", full)
        assert forge.github("push", push(), delivery="again").status_code == 503
    assert forge.github("push", push(), delivery="again").json()["status"] == "accepted"


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("create", {"ref": "release/9", "ref_type": "branch"}),
        ("delete", {"ref": "release/9", "ref_type": "branch"}),
        ("repository", {"action": "archived"}),
        ("push", {"ref": "refs/heads/master", "after": GONE}),
    ],
)
def test_what_needs_a_look_has_the_repository_polled(forge: Forge, event: str, payload: dict[str, Any]) -> None:
    answer = forge.github(event, {**push(), **payload})
    assert answer.json()["status"] == "accepted"
    assert (forge.asked_for(), forge.events()) == ({"hello"}, {})


def test_a_renamed_repository_is_known_by_its_old_name(forge: Forge) -> None:
    payload = {**push(name="Codertocat/New"), "action": "renamed",
               "changes": {"repository": {"name": {"from": "Hello-World"}}}}  # fmt: skip
    assert forge.github("repository", payload).json()["status"] == "accepted"
    assert forge.asked_for() == {"hello"}


def test_other_events_are_ignored(forge: Forge) -> None:
    assert forge.github("ping", push()).json()["status"] == "ignored"
    assert forge.github("issues", push()).json()["status"] == "ignored"
    assert (forge.asked_for(), forge.events()) == (set(), {})


def test_gitlab_with_a_secret_token(forge: Forge) -> None:
    payload = {"object_kind": "push", "ref": "refs/heads/master", "after": COMMIT, "project": project()}
    post = forge.client.post
    token = {"X-Gitlab-Token": SECRET, "Idempotency-Key": "k1"}
    assert post("/webhooks/gitlab", json=payload, headers=token).json()["status"] == "accepted"
    assert post("/webhooks/gitlab", json=payload, headers=token).json()["status"] == "seen before"
    assert forge.events() == {"hello": COMMIT}
    assert post("/webhooks/gitlab", json=payload, headers={"X-Gitlab-Token": "guess"}).status_code == 403
    assert post("/webhooks/gitlab", json=payload).status_code == 403
    update = {"object_kind": "repository_update", "event_name": "repository_update", "project": project()}
    headers = {"X-Gitlab-Token": SECRET, "Idempotency-Key": "k2"}
    assert post("/webhooks/gitlab", json=update, headers=headers).json()["status"] == "accepted"
    assert forge.asked_for() == {"hello"}


def test_gitlab_with_a_signing_token(tmp_path: Path) -> None:
    forge = Forge(tmp_path / "data", webhook_gitlab_token=SIGNING)
    forge.registry.add("https://github.com/Codertocat/Hello-World", name="hello", refs=("v1",))
    payload = {"object_kind": "tag_push", "ref": "refs/tags/v1", "after": COMMIT, "project": project()}
    assert forge.signed_gitlab(payload).json()["status"] == "accepted"
    assert forge.events() == {"hello": COMMIT}
    assert forge.signed_gitlab(payload).json()["status"] == "seen before"
    assert forge.signed_gitlab(payload, at=time.time() - 600, identity="m2").status_code == 403
    other = "whsec_" + base64.b64encode(b"another key").decode()
    assert forge.signed_gitlab(payload, token=other, identity="m3").status_code == 403
    plain = forge.client.post("/webhooks/gitlab", json=payload, headers={"X-Gitlab-Token": SIGNING})
    assert plain.status_code == 403


def test_gitea_and_forgejo(forge: Forge) -> None:
    assert forge.gitea("push", push()).json()["status"] == "accepted"
    assert forge.events() == {"hello": COMMIT}
    assert forge.gitea("push", push(after="1" * 40), brand="Forgejo").json()["status"] == "accepted"
    assert forge.gitea("delete", push()).json()["status"] == "accepted"
    assert forge.client.post("/webhooks/gitea", json=push(), headers={"X-Gitea-Signature": "0"}).status_code == 403


def test_registry_edits_are_seen(forge: Forge) -> None:
    assert forge.github("push", push(name="new/one")).status_code == 403
    forge.registry.add("https://github.com/new/one", name="new/one")
    assert forge.github("push", push(name="new/one")).json()["status"] == "accepted"
    forge.registry.remove("new/one")
    assert forge.github("push", push(name="new/one")).status_code == 403


@pytest.mark.external
def test_published_examples(tmp_path: Path) -> None:
    """GitHub's own examples, fetched from npm: each push of the default branch is an event, nothing is an error."""
    done = subprocess.run(
        ["npm", "pack", "--silent", "@octokit/webhooks-examples"],
        cwd=tmp_path, capture_output=True, check=True, env=os.environ,
    )  # fmt: skip
    with tarfile.open(fileobj=io.BytesIO((tmp_path / done.stdout.decode().strip()).read_bytes())) as packed:
        index = packed.extractfile("package/api.github.com/index.json")
    assert index is not None
    examples = json.load(index)
    forge = Forge(tmp_path / "data")
    forge.registry.add("https://github.com/Codertocat/Hello-World", name="hello")
    forge.registry.add("https://github.com/Octocoders/Hello-World", name="octo", refs=("master", "simple-*"))
    answers: dict[str, set[int]] = {}
    events: set[str] = set()
    for kind in examples:
        for payload in kind["examples"]:
            answer = forge.github(kind["name"], payload)
            answers.setdefault(kind["name"], set()).add(answer.status_code)
            events |= set(forge.events())
    assert set.union(*answers.values()) <= {202, 403}
    for name in ("push", "create", "delete"):
        assert answers[name] == {202}
    assert events == {"hello"}
    assert forge.asked_for() >= {"hello", "octo"}
