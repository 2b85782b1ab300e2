"""A real server on a port: what it announces, the command line by it and alone, taken ports, a clean stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from served import Shop

from code_index_assets.cli.main import main
from code_index_assets.cli.remote import find_server
from code_index_assets.serve.presence import Presence, announce, build, presence_file, read_presence, settings_digest
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no reason to do without the server here."""
    monkeypatch.setattr("code_index_assets.cli.remote.CHECK_SECONDS", 20)


def environment(data: Path, **more: str) -> dict[str, str]:
    found = {name: value for name, value in os.environ.items() if not name.startswith("CODE_INDEX_")}
    return found | {"CODE_INDEX_DATA": str(data), "CODE_INDEX_MODEL": "test", "PYTHONPATH": str(ROOT)} | more


def run(data: Path, *arguments: str, **more: str) -> tuple[int, str, str]:
    """The command line; returns exit code, output, errors."""
    done = subprocess.run(
        [sys.executable, "-m", "code_index_assets.cli.main", *arguments],
        env=environment(data, **more), capture_output=True, text=True, check=False, timeout=200, cwd=ROOT,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shop: Shop
) -> Callable[..., tuple[int, str, str]]:
    """The command line in this process, which has imported all it needs; returns exit code, output, errors."""

    def run_here(*arguments: str, alone: bool = False) -> tuple[Any, str, str]:
        monkeypatch.setenv("CODE_INDEX_DATA", str(shop.layout.root))
        monkeypatch.setenv("CODE_INDEX_MODEL", "test")
        monkeypatch.setenv("CODE_INDEX_USE_SERVER", "false" if alone else "true")
        monkeypatch.setattr(sys, "argv", ["code-index", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return run_here


def start(data: Path, *arguments: str, **more: str) -> tuple[subprocess.Popen[str], Presence]:
    process = subprocess.Popen(
        [sys.executable, "-m", "code_index_assets.cli.main", "serve", "--port", "0", *arguments],
        env=environment(data, **more), stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stderr is not None
    lines = []
    deadline = time.monotonic() + 120
    while read_presence(Layout(Path(data))) is None and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    if process.poll() is not None:
        lines = process.stderr.readlines()
    found = read_presence(Layout(Path(data)))
    assert found is not None and found.pid == process.pid, lines
    return process, found


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(120)
    assert process.stderr is not None
    process.stderr.close()


@pytest.fixture(scope="module")
def server(shop: Shop) -> Iterator[Presence]:
    process, presence = start(shop.layout.root)
    yield presence
    stop(process)
    assert not presence_file(shop.layout).exists()
    assert process.returncode == 0


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=120) as answer:
        return json.loads(answer.read())


def settled(text: str) -> list[str]:
    """Output without what differs from call to call: how long it took."""
    lines = []
    for line in text.splitlines():
        try:
            body = json.loads(line)
            for name in ("took_ms", "lanes"):
                body.pop(name, None)
            lines.append(json.dumps(body))
        except ValueError:
            head, _, tail = line.rpartition(" hits in ")
            lines.append(head or tail)
    return lines


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "add item to cart", "--limit", "3"),
        ("search", "add_item", "--json"),
        ("search", "cart", "--path", "shop/**", "--language", "python", "--kind", "function", "--json"),
        ("search", '"no such phrase"', "--json"),
        ("search", '"no such phrase"'),
        ("search", "x", "--repo", "acme/shopp"),
        ("search", "x", "--repo", "acme/shopp", "--json"),
        ("search", "x", "--ref", "v9"),
        ("search", "lang:go"),
        ("search", "x", "--limit", "0"),
        ("search", "y" * 5000),
        ("symbol", "PaymentGateway"),
        ("symbol", "paymentg", "--prefix", "--json"),
        ("symbol", "nothing_here"),
        ("references", "total_price"),
        ("references", "total_price", "--limit", "1", "--json"),
        ("references", "nothing_here"),
        ("references", "x", "--cursor", "nonsense"),
    ],
    ids=lambda arguments: " ".join(arguments)[:40],
)
def test_by_the_server_and_alone_are_one(
    here: Callable[..., tuple[int, str, str]], server: Presence, arguments: tuple[Any, ...]
) -> None:
    before = requests_of(server)
    by_server = here(*arguments)
    asked = requests_of(server)
    alone = here(*arguments, alone=True)
    assert before < asked == requests_of(server)
    assert by_server[0] == alone[0]
    assert settled(by_server[1]) == settled(alone[1])
    assert by_server[2] == alone[2]


def requests_of(server: Presence) -> Any:
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=120) as answer:
        lines = [line for line in answer.read().decode().splitlines() if line.startswith("code_index_requests_total")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if 'route="/metrics"' not in line)


def test_a_batch_by_the_server_and_alone_are_one(
    here: Callable[..., tuple[int, str, str]], server: Presence, tmp_path: Path
) -> None:
    lines = [{"id": "a", "query": "cart"}, {"query": "lang:go"}, {"query": "x", "repo": "nope"}, {"query": 1},
             {"query": "cart", "lane": "lexical", "limit": 2}]  # fmt: skip
    file = tmp_path / "queries.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)) + "\nnonsense\n")
    by_server, alone = (here("search", "--batch", str(file), alone=alone) for alone in (False, True))
    assert by_server[0] == alone[0] == 2
    assert settled(by_server[1]) == settled(alone[1])
    assert len(by_server[1].splitlines()) == 6


def test_health_names_the_announced_instance(shop: Shop, server: Presence) -> None:
    told = get(f"{server.url}/healthz")
    assert (told["instance"], told["build"]) == (server.instance, server.build)
    assert find_server(shop.settings, shop.layout) is not None
    assert presence_file(shop.layout).stat().st_mode & 0o077 == 0


def test_a_server_with_other_settings_is_not_asked(shop: Shop, server: Presence) -> None:
    other = shop.settings.model_copy(update={"model": "static"})
    assert find_server(other, shop.layout) is None
    assert settings_digest(other) != settings_digest(shop.settings)


def test_a_taken_port_is_said_clearly(shop: Shop, server: Presence) -> None:
    port = server.url.rpartition(":")[2]
    code, _, said = run(shop.layout.root, "serve", "--port", port)
    assert code == 2 and f"port {port} of 127.0.0.1 is taken" in said and "→" in said and "Traceback" not in said
    assert read_presence(shop.layout) == server  # the one that runs stays announced


def test_it_does_not_open_itself_to_others_by_accident(shop: Shop) -> None:
    code, _, said = run(shop.layout.root, "serve", "--host", "0.0.0.0", "--port", "0")
    assert code == 2 and "no token is set" in said and "CODE_INDEX_TOKENS" in said


def test_a_server_with_tokens_is_asked_with_one(shop_copy: Path) -> None:
    process, _ = start(shop_copy, CODE_INDEX_TOKENS="one,two")
    try:
        layout = Layout(shop_copy)
        plain = Settings.model_validate({"data": shop_copy, "model": "test"})
        assert find_server(plain, layout) is None
        known = plain.model_copy(update={"tokens": Settings.model_validate({"tokens": "x,one"}).tokens})
        remote = find_server(known, layout)
        assert remote is not None and '"hits"' in remote.get("/v1/search", {"q": "cart"}).text
        assert "one" not in presence_file(layout).read_text()
        code, out, _ = run(shop_copy, "search", "cart", "--json")  # without a token: by itself
        assert code == 0 and json.loads(out)["hits"]
    finally:
        stop(process)
    assert not presence_file(Layout(shop_copy)).exists()


def test_a_dead_or_foreign_announcement_costs_little(shop_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("code_index_assets.cli.remote.CHECK_SECONDS", 1.0)
    layout = Layout(shop_copy)
    settings = Settings.model_validate({"data": shop_copy, "model": "test"})

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"instance": "somebody else"}')

        def log_message(self, *_: Any) -> None:
            pass

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        foreign = HTTPServer(("127.0.0.1", 0), Other)
        threading.Thread(target=foreign.serve_forever, daemon=True).start()
        for port in (1, silent.getsockname()[1], foreign.server_port):
            announce(layout, Presence(f"http://127.0.0.1:{port}", 1, build(), "i", settings_digest(settings)))
            assert find_server(settings, layout) is None
        foreign.shutdown()
        foreign.server_close()
    for text in ("", "[]", '{"url": 1}', "null"):
        presence_file(layout).write_text(text)
        assert find_server(settings, layout) is None
    code, out, _ = run(shop_copy, "search", "cart", "--json")
    assert code == 0 and json.loads(out)["hits"]


def test_a_server_killed_hard_is_done_without_and_replaced(shop_copy: Path) -> None:
    process, first = start(shop_copy)
    process.kill()
    process.wait(120)
    assert process.stderr is not None
    process.stderr.close()
    assert presence_file(Layout(shop_copy)).exists()
    code, out, _ = run(shop_copy, "search", "cart", "--json")
    assert code == 0 and json.loads(out)["hits"]
    presence_file(Layout(shop_copy)).unlink()
    process, second = start(shop_copy)
    assert second.instance != first.instance
    stop(process)


def test_a_request_at_work_is_answered_before_it_stops(shop_copy: Path) -> None:
    process, presence = start(shop_copy)
    answers = []

    def ask() -> None:
        try:
            answers.append(get(f"{presence.url}/v1/search?q=cart&limit=100")["outcome"])
        except OSError as error:
            answers.append(type(error).__name__)

    get(f"{presence.url}/v1/search?q=cart")
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.02)
    stop(process)
    for thread in threads:
        thread.join()
    # Each was answered, or never taken (the port was closed before it came).
    assert set(answers) <= {"found", "URLError", "ConnectionResetError", "RemoteDisconnected"} and len(answers) == 4


def test_search_imports_little_with_a_server(shop: Shop, server: Presence) -> None:
    script = (
        "import sys; from code_index_assets.cli.main import cli; from code_index_assets.cli import remote\n"
        "remote.CHECK_SECONDS = 20\n"
        "code = cli.main(['search', 'cart', '--json'], standalone_mode=False)\n"
        "heavy = ('numpy', 'polars', 'qdrant_edge', 'duckdb', 'dagster', 'torch', 'fastapi', 'starlette', 'pandas')\n"
        "print(code, [name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(shop.layout.root),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout.splitlines()[-1] == "0 []"
