"""The page in a real browser: logging in, what other sites may do, keys, and what axe finds."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from browser import browser, program
from served import Shop

from code_index_assets.serve.presence import read_presence
from code_index_assets.storage.layout import Layout

ROOT = Path(__file__).parents[2]
AXE = "axe-core@4.14.1"
pytestmark = [pytest.mark.external, pytest.mark.skipif(program() is None, reason="needs Chromium")]


def serving(data: Path, **more: str) -> tuple[subprocess.Popen[bytes], str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith("CODE_INDEX_")}
    settings = {"CODE_INDEX_DATA": str(data), "CODE_INDEX_MODEL": "test", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "code_index_assets.cli.main", "serve", "--port", "0"],
        env=known | settings | more, stderr=subprocess.DEVNULL, cwd=ROOT,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while (found := read_presence(Layout(Path(data)))) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found is not None
    return process, found.url


@pytest.fixture(scope="module")
def guarded(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that wants a token."""
    ignored = shutil.ignore_patterns("serve.json")
    data = shutil.copytree(shop.layout.root, tmp_path_factory.mktemp("g") / "data", symlinks=True, ignore=ignored)
    process, url = serving(data, CODE_INDEX_TOKENS="right-token")
    yield url
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def opened(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that anybody who reaches it may ask."""
    ignored = shutil.ignore_patterns("serve.json")
    data = shutil.copytree(shop.layout.root, tmp_path_factory.mktemp("o") / "data", symlinks=True, ignore=ignored)
    process, url = serving(data)
    yield url
    process.terminate()
    process.wait(30)


def enter(tab: Any, token: str) -> None:
    tab.run(f"document.querySelector('input[name=token]').value = {token!r}")
    tab.run("document.querySelector('form.login button').click()")
    tab.settle()


def test_a_browser_logs_in(guarded: str, tmp_path: Path) -> None:
    with browser(tmp_path / "profile") as tab:
        tab.open(f"{guarded}/?q=cart")
        assert tab.run("location.pathname") == "/login"
        enter(tab, "wrong-token")
        assert "none of this server" in tab.run("document.body.innerText")
        enter(tab, "right-token")
        assert tab.run("location.pathname + location.search") == "/?q=cart"
        assert tab.run("document.querySelectorAll('.hit').length") > 0
        assert tab.run("fetch('/v1/search?q=cart').then(answer => answer.status)") == 200


def test_other_sites_may_link_and_nothing_else(guarded: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "index.html").write_text(
        f'<a id="link" href="{guarded}/?q=cart">x</a><a id="api" href="{guarded}/v1/search?q=cart">x</a>'
        f'<form id="form" method="post" action="{guarded}/login?next=/"><input name="token" value="right-token"></form>'
    )
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(elsewhere))
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    there = f"http://localhost:{site.server_port}/index.html"  # another site than 127.0.0.1
    try:
        with browser(tmp_path / "profile") as tab:
            tab.open(f"{guarded}/login")
            enter(tab, "right-token")
            for identity, told in (("link", "cart.py"), ("api", "pages of other sites")):
                tab.open(there)
                tab.run(f"document.getElementById('{identity}').click()")
                tab.settle()
                assert told in tab.run("document.body.innerText")
            tab.open(there)
            tab.run("document.getElementById('form').submit()")
            tab.settle()
            assert "pages of other sites" in tab.run("document.body.innerText")
            assert tab.run("document.querySelector('h1') !== null")  # a refusal of a page is a page
            script = f"fetch('{guarded}/v1/status', {{credentials: 'include', mode: 'no-cors'}}).then(a => a.type, () => 'no')"
            tab.open(there)
            assert tab.run(script) == "no"
    finally:
        site.shutdown()
        site.server_close()


def test_keys(opened: Any, tmp_path: Path) -> None:
    with browser(tmp_path / "profile") as tab:
        tab.open(f"{opened}/?q=cart")
        tab.press("?")
        assert tab.run("document.getElementById('keys').open") is True
        assert "next hit" in tab.run("document.getElementById('keys').innerText")
        tab.run("document.querySelector('#keys button').click()")
        assert tab.run("document.getElementById('keys').open") is False
        tab.press("j")
        assert tab.run("document.activeElement.closest('.hit.selected') !== null")
        tab.press("/")
        assert tab.run("document.activeElement.id") == "q"


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, of npm's registry."""
    if shutil.which("npm") is None:
        pytest.skip("needs npm")
    folder = tmp_path_factory.mktemp("axe")
    done = subprocess.run(["npm", "pack", AXE], cwd=folder, capture_output=True, text=True, timeout=120)
    if done.returncode:
        pytest.skip("npm's registry cannot be reached")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()  # type: ignore[union-attr]


PAGES = ("/", "/?q=cart", "/?q=cart&repo=acme/shop&kind=function", "/?q=%22zebra%22", "/?q=x&repo=no/body", "/repositories",
         "/docs", "/symbol?name=add_item", "/symbol?name=nobody", f"/file/acme/shop/{quote('shop/cart.py')}?lines=4-6",
         "/nothing", "/login")  # fmt: skip


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(opened: Any, axe: str, tmp_path: Path, dark: bool) -> None:
    """Rules of WCAG 2.2 AA and best practices: headings, contrast, names, target sizes, landmarks."""
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = []
    with browser(tmp_path / "profile", dark=dark) as tab:
        for place in PAGES:
            tab.open(f"{opened}{place}")
            tab.run("for (const one of document.querySelectorAll('details')) one.open = true")
            tab.run(axe + "; 0")
            options = f"{{runOnly: {rules!r}}}"
            violations = tab.run(f"axe.run(document, {options}).then(result => result.violations)")
            found += [(place, one["id"], [node["html"][:120] for node in one["nodes"]][:3]) for one in violations]
    assert not found, "\n".join(map(str, found))
