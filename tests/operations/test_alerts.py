"""Alerts: each is told once on every channel, repeated when it stays, and taken back; against receivers that listen."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from code_index_assets.operations.alerts.channels import AlertError, Message, SlackWebhook
from code_index_assets.operations.alerts.conditions import KINDS, Alert, FailedJob, alerts_now
from code_index_assets.operations.alerts.telling import tell
from code_index_assets.records.failures import clear_failure, record_failure
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout
from code_index_assets.triggers.heads import Polled, save_heads
from resources.code_index import CodeIndexResource
from schedules.alerts import alerts, failed_jobs


@dataclass
class Receiver:
    """An HTTP server on loopback that keeps what is posted to it."""

    status: int = 200
    bodies: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if kept.status == 200:
                kept.bodies.append({"path": self.path, **body})
            self.send_response(kept.status)
            self.end_headers()

        def log_message(self, *arguments: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()


@pytest.fixture
def mailbox() -> Iterator[tuple[int, list[str]]]:
    """A server that speaks as much SMTP as a message takes; its port, and the messages it took."""
    taken: list[str] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream:
                stream.write(b"220 here\r\n")
                stream.flush()
                while line := stream.readline():
                    word = line[:4].upper()
                    if word == b"DATA":
                        stream.write(b"354 go on\r\n")
                        stream.flush()
                        taken.append(b"".join(iter(stream.readline, b".\r\n")).decode())
                    stream.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
                    stream.flush()
                    if word == b"QUIT":
                        break

    threading.Thread(target=serve, daemon=True).start()
    yield listening.getsockname()[1], taken
    listening.close()


def options(data: Path, **more: object) -> Settings:
    return Settings.model_validate({"data": data, "alert_disk_gb": 0, **more})


def fail(layout: Layout, key: str, kind: str = "ParseError") -> None:
    record_failure(layout, key, "chunks", kind, f"{key} broke <here>", False, "run")


def test_every_channel_hears_once_and_of_the_recovery(
    tmp_path: Path, receiver: Receiver, mailbox: tuple[int, list[str]]
) -> None:
    port, mails = mailbox
    settings = options(
        tmp_path, alert_slack_url=f"{receiver.url}/slack", alert_webhook_url=f"{receiver.url}/hook",
        alert_email_to="ops@example.org, dev@example.org", alert_smtp_host="127.0.0.1", alert_smtp_port=port,
        alert_smtp_security="none",
    )  # fmt: skip
    layout = Layout(tmp_path).create()
    assert tell(layout, settings).sent == {}
    fail(layout, "acme/shop")
    assert set(tell(layout, settings).sent) == {"slack", "webhook", "email"}
    slack, hook = receiver.bodies
    assert (
        slack["path"] == "/slack"
        and "broke &lt;here&gt;" in slack["text"]
        and "code-index status acme/shop" in slack["text"]
    )
    assert [one["id"] for one in hook["new"]] == ["run_failed acme/shop"] and hook["recovered"] == []
    assert "To: ops@example.org, dev@example.org" in mails[0] and "broke <here>" in mails[0]
    fail(layout, "acme/shop")  # again: the same condition in other words
    assert tell(layout, settings).sent == {}
    clear_failure(layout, "acme/shop")
    assert set(tell(layout, settings).sent) == {"slack", "webhook", "email"}
    assert [one["id"] for one in receiver.bodies[-1]["recovered"]] == ["run_failed acme/shop"]
    assert "RECOVERED run failed: acme/shop" in mails[1]
    assert tell(layout, settings).sent == {}


def test_a_channel_that_is_down_is_told_later_and_holds_up_no_other(tmp_path: Path, receiver: Receiver) -> None:
    layout = Layout(tmp_path).create()
    settings = options(tmp_path, alert_slack_url="http://127.0.0.1:1/secret", alert_webhook_url=receiver.url)
    fail(layout, "one")
    first = tell(layout, settings)
    assert (set(first.sent), set(first.failed)) == ({"webhook"}, {"slack"})
    assert "secret" not in first.failed["slack"], "the address of a webhook is its password"
    up = options(tmp_path, alert_slack_url=receiver.url, alert_webhook_url=receiver.url)
    assert set(tell(layout, up).sent) == {"slack"}
    receiver.status = 500
    fail(layout, "two")
    assert "HTTP 500" in tell(layout, up).failed["webhook"]
    receiver.status = 200
    assert [one["subject"] for one in receiver.bodies[0]["new"]] == ["one"]
    assert set(tell(layout, up).sent) == {"slack", "webhook"}


def test_what_stays_is_told_again_and_damaged_state_loses_nothing(tmp_path: Path, receiver: Receiver) -> None:
    layout = Layout(tmp_path).create()
    settings = options(tmp_path, alert_webhook_url=receiver.url, alert_repeat_hours=2)
    fail(layout, "one")
    times = [0.0, 3600.0, 7200.0, 9000.0]
    said = [tell(layout, settings, now=now).sent.get("webhook") for now in times]
    assert [(len(m.new), len(m.again)) if m else None for m in said] == [(1, 0), None, (0, 1), None]
    (tmp_path / "alerts.json").write_text("{torn")
    assert tell(layout, settings, now=9001.0).sent["webhook"].new


def test_the_six_kinds(tmp_path: Path) -> None:
    layout = Layout(tmp_path).create()
    fail(layout, "a")
    fail(layout, "b", "GateRefusedError")
    fail(layout, "c", "BudgetError")
    fail(layout, "d", "SourceUnavailableError")
    save_heads(layout, {"d": Polled(errors={"": "no answer"}), "e": Polled(errors={"e@v1": "gone"})})
    settings = options(tmp_path, alert_disk_gb=1e9)
    found = [
        (alert.kind, alert.subject) for alert in alerts_now(layout, settings, [FailedJob("refresh_catalog", "r", 1.0)])
    ]
    assert found == [
        ("run_failed", "a"), ("run_failed", "refresh_catalog"), ("gate_refused", "b"), ("budget_reached", "c"),
        ("disk_low", str(tmp_path)), ("repository_unreachable", "d"), ("repository_unreachable", "e@v1"),
    ]  # fmt: skip
    only = options(tmp_path, alert_kinds="budget_reached")
    assert [alert.kind for alert in alerts_now(layout, only)] == ["budget_reached"]


def test_what_is_late(chain: Any, repository: Any) -> None:
    repository.commit({"a.py": "x = 1\n"})
    chain.register(str(repository.path), "one")
    chain.index("one")
    at = chain.snapshot().receipts["one"].published_at
    settings = chain.settings.model_copy(update={"alert_disk_gb": 0.0, "freshness_hours": 10.0})
    assert alerts_now(chain.layout, settings, now=at + 9 * 3600) == []
    [late] = alerts_now(chain.layout, settings, now=at + 11 * 3600)
    assert (late.kind, late.subject) == ("freshness_missed", "one") and "11 h ago" in late.text


def test_a_flood_is_one_message_that_ends() -> None:
    many = tuple(Alert("run_failed", f"r{n}", "broke", "look") for n in range(1000))
    message = Message(many)
    assert "1000 new" in message.subject and "and 975 more" in message.text and len(message.text) < 4000


def test_an_address_that_is_none_is_a_message_and_no_crash() -> None:
    with pytest.raises(AlertError, match=r"no http\(s\) URL"):
        SlackWebhook("file:///etc/passwd").send(Message((Alert("disk_low", "x", "y", "z"),)))


def test_the_sensor_tells_of_a_job_whose_last_run_failed(tmp_path: Path, receiver: Receiver) -> None:
    @dg.op(config_schema={"fails": bool})
    def work(context) -> None:  # type: ignore[no-untyped-def]
        if context.op_config["fails"]:
            raise dg.Failure("no", allow_retries=False)

    @dg.job
    def refresh_catalog() -> None:
        work()

    def run(instance: dg.DagsterInstance, fails: bool) -> None:
        config = {"ops": {"work": {"config": {"fails": fails}}}}
        refresh_catalog.execute_in_process(run_config=config, instance=instance, raise_on_error=False)

    resource = CodeIndexResource(
        overrides={"data": str(tmp_path), "alert_webhook_url": receiver.url, "alert_disk_gb": "0"}
    )
    with dg.DagsterInstance.ephemeral() as instance:
        run(instance, True)
        assert [job.name for job in failed_jobs(instance)] == ["refresh_catalog"]
        context = dg.build_sensor_context(instance=instance, resources={"code_index": resource})
        told: Any = alerts(context)
        assert "told webhook" in told.skip_message
        run(instance, False)
        assert failed_jobs(instance) == []
        alerts(context)
    assert [[one["subject"] for one in body["recovered"]] for body in receiver.bodies] == [[], ["refresh_catalog"]]


def test_the_kinds_of_the_settings_are_those_there_are() -> None:
    assert set(Settings.model_fields["alert_kinds"].default) == set(KINDS)
