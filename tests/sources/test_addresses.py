"""Addresses that arrive over HTTP: public ones alone, pinned, and nothing secret repeated."""

from __future__ import annotations

import http.server
import ipaddress
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from chains import Chain, GitRepository

from code_index_assets.errors import CodeIndexError, ConfigurationError, SourceError
from code_index_assets.settings import Settings
from code_index_assets.sources.addresses import is_public, pin
from code_index_assets.sources.git.source import heads_of
from code_index_assets.sources.location import default_name
from code_index_assets.sources.open_source import open_source
from code_index_assets.sources.registry import RepositoryEntry

PUBLIC = "93.184.216.34"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """What names resolve to; a list of several answers is given one after the other. Numbers resolve as the system does."""
    known: dict[str, list[Any]] = {}
    real = socket.getaddrinfo

    def look_up(host: str, port: int | str | None, *args: Any, **options: Any) -> list[Any]:
        answers = known.get(host)
        if answers is None:
            return real(host, port, *args, **options) if host[0].isdigit() or ":" in host else _none()
        found = answers.pop(0) if isinstance(answers[0], list) and len(answers) > 1 else answers
        found = found[0] if isinstance(found[0], list) else found
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    def _none() -> NoReturn:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "fd12::1", "::ffff:127.0.0.1",
     "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "2001:db8::1", "ff02::1"],
)  # fmt: skip
def test_what_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(ConfigurationError, match="not a public address"):
        pin(f"https://{host}/owner/name")


def test_what_is_public() -> None:
    for address in (PUBLIC, "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", f"::ffff:{PUBLIC}"):
        assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "0x7f.1", "017700000001", "127.1", "0", "[fe80::1%25eth0]", "a..b", "-x.example"],
)
def test_addresses_in_strange_spellings_are_refused(host: str) -> None:
    with pytest.raises(ConfigurationError):
        pin(f"https://{host}/owner/name")


def test_every_address_of_a_name_counts(names: dict[str, list[Any]]) -> None:
    names["mixed.example"] = [PUBLIC, "10.0.0.5"]
    names["inside.example"] = ["192.168.0.9"]
    for host in ("mixed.example", "inside.example"):
        with pytest.raises(ConfigurationError, match="CODE_INDEX_ALLOWED_ADDRESSES"):
            pin(f"https://{host}/owner/name")
    names["fine.example"] = [PUBLIC]
    found = pin("https://fine.example:8443/owner/name")
    assert found.git_options == ("http.followRedirects=false", f"http.curloptResolve=fine.example:8443:{PUBLIC}")


@pytest.mark.parametrize("allowed", ["git.corp", ".corp", "10.1.0.0/16", "10.1.2.3"])
def test_internal_forges_can_be_allowed(names: dict[str, list[Any]], allowed: str) -> None:
    names["git.corp"] = ["10.1.2.3"]
    assert pin("https://git.corp/owner/name", (allowed,)).addresses == ("10.1.2.3",)
    names["git.corp.evil.example"] = ["10.2.2.3"]
    with pytest.raises(ConfigurationError):
        pin("https://git.corp.evil.example/owner/name", (allowed,))


@pytest.mark.parametrize(
    "url",
    ["https://user:s3cr3t@fine.example/o/n", "https://s3cr3t@fine.example/o/n", "https://fine.example/o/n?token=s3cr3t",
     "https://fine.example/o/n#s3cr3t", "https://fine.example/o/n%3Ftoken=s3cr3t", "ssh://git:s3cr3t@fine.example/o/n",
     "https://user%40s3cr3t@fine.example/o/n", "git:s3cr3t@fine.example:o/n"],
)  # fmt: skip
def test_secrets_are_refused_and_never_repeated(names: dict[str, list[Any]], url: str) -> None:
    names["fine.example"] = [PUBLIC]
    with pytest.raises(CodeIndexError) as error:
        pin(url)
    assert "s3cr3t" not in str(error.value) and "s3cr3t" not in repr(error.value)


def test_names_hold_nothing_of_a_query() -> None:
    assert default_name("https://fine.example/o/n?private_token=s3cr3t") == "o/n"
    assert default_name("https://fine.example/o/n.git#s3cr3t") == "o/n"


@pytest.mark.parametrize("url", ["file:///etc", "ext::sh -c id", "ftp://fine.example/o/n", "git://fine.example/o/n"])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        pin(url)


def test_ssh_is_held_to_the_address_too(names: dict[str, list[Any]]) -> None:
    names["fine.example"] = [PUBLIC]
    options = pin("git@fine.example:owner/name").ssh_options
    assert f"HostName={PUBLIC}" in options and "HostKeyAlias=fine.example" in options and "ProxyCommand=none" in options


# -- fetching --------------------------------------------------------------------------------------------------------


@pytest.fixture
def forge(repository: GitRepository, tmp_path: Path) -> Iterator[tuple[int, Any, list[str]]]:
    """A repository over HTTP, and what was asked; `redirect` sends every request elsewhere."""
    repository.commit({"a.py": "a = 1\n"})
    bare = tmp_path / "served" / "o" / "n.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(repository.path), str(bare)], check=True)
    subprocess.run(["git", "update-server-info"], cwd=bare, check=True)
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        redirect = ""

        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path / "served"))

        def do_GET(self) -> None:
            asked.append(self.headers["Host"])
            if Handler.redirect:
                self.send_response(302)
                self.send_header("Location", Handler.redirect + self.path)
                self.end_headers()
                return
            super().do_GET()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, Handler, asked
    server.shutdown()
    server.server_close()


def test_git_goes_where_it_was_checked_and_nowhere_else(
    forge: tuple[int, Any, list[str]], names: dict[str, list[Any]], chain: Chain
) -> None:
    """A name that resolves elsewhere for git, a redirect, and an address that is not allowed any more."""
    port, handler, asked = forge
    # Only our look-up knows this name: git reaches the server by the pin alone.
    names["rebinding.example"] = ["127.0.0.1"]
    url = f"http://rebinding.example:{port}/o/n.git"
    settings = Settings.model_validate({"data": chain.data, "model": "test", "allowed_addresses": "127.0.0.0/8"})
    entry = RepositoryEntry(name="o/n", id="1", url=url, restricted=True)
    snapshot = open_source(entry, None, chain.layout, settings).observe()
    assert heads_of(entry, 30, settings.allowed_addresses) == {None: snapshot.commit}
    assert set(asked) == {f"rebinding.example:{port}"}
    asked.clear()
    with pytest.raises(SourceError, match="not a public address"):
        heads_of(entry, 30)
    names["rebinding.example"] = ["169.254.169.254"]
    with pytest.raises(SourceError, match="not a public address"):
        open_source(entry, None, chain.layout, settings).observe()
    assert asked == []
    names["rebinding.example"] = ["127.0.0.1"]
    handler.redirect = f"http://127.0.0.1:{port}/elsewhere"
    with pytest.raises(SourceError):
        heads_of(entry, 30, settings.allowed_addresses)
    assert len(asked) == 1
