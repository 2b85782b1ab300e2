"""The official conformance suite and the Inspector's command line, fetched by npx: `pytest -m external` with Node 22."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import mcp_sessions as m
from mcp_sessions import Installation

SUITE = "@modelcontextprotocol/conformance@0.1.16"
INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
BASELINES = Path(__file__).parent / "conformance"
pytestmark = [pytest.mark.external, pytest.mark.skipif(shutil.which("npx") is None, reason="there is no npx")]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return m.install(tmp_path_factory.mktemp("conformance"))


def run_suite(url: str, baseline: str, folder: Path) -> Any:
    command = ["npx", "--yes", SUITE, "server", "--url", url, "--suite", "all", "-o", str(folder)]
    done = subprocess.run(
        [*command, "--expected-failures", str(BASELINES / baseline)], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def test_the_product_conforms(installation: Installation, tmp_path: Path) -> None:
    with m.http_server(installation) as url:
        told = run_suite(url, "product.yml", tmp_path)
    for scenario in ("server-initialize", "ping", "tools-list", "tools-call-error", "dns-rebinding-protection"):
        assert f"✓ {scenario}" in told


def test_our_layer_conforms_with_the_tools_the_suite_asks_for(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [
        sys.executable,
        str(Path(m.__file__).parent / "conformance_server.py"),
        str(tmp_path / "data"),
        str(port),
    ]
    server = subprocess.Popen(program, env=os.environ | {"PYTHONPATH": m.PACKAGE}, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        told = run_suite(f"http://127.0.0.1:{port}/mcp", "layer.yml", tmp_path / "results")
    finally:
        server.terminate()
        server.wait(120)
    for scenario in ("tools-list", "tools-call-with-progress", "json-schema-2020-12", "resources-read-binary"):
        assert f"✓ {scenario}" in told


def inspect(*arguments: str) -> Any:
    done = subprocess.run(["npx", "--yes", INSPECTOR, "--cli", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_the_inspector_reads_both_transports(installation: Installation) -> None:
    parameters = m.stdio_server(installation)
    environment = [part for name, value in (parameters.env or {}).items() for part in ("-e", f"{name}={value}")]
    with m.http_server(installation) as url:
        for target in ([url, "--transport", "http"], [*environment]):
            stdio = [] if target[0] == url else ["--", parameters.command, *parameters.args]
            listed = inspect(*target, "--method", "tools/list", *stdio)
            assert [tool["name"] for tool in listed["tools"]][:2] == ["search_code", "find_symbol"]
            call = ["--method", "tools/call", "--tool-name", "find_symbol", "--tool-arg", "name=add_item"]
            found = inspect(*target, *call, *stdio)
            assert found["structuredContent"]["definitions"][0]["path"] == "shop/cart.py"
