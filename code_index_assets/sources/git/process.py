"""Git as a subprocess, called safely.

What lives here: the environment and options every git call gets, running one call, the content stream, and the
translation of git's messages into this program's errors. What does not: what is asked of git (`source.py`,
`worktree.py`).

The rules: nothing asks a person anything; only https, http, ssh and file are spoken; a call ends after its time-out;
nothing that a repository brings along (hooks, file-system monitors, ssh commands, filters) is run; a token reaches git
through the environment of one child process and nothing else. The user's own configuration is honoured, because
credential helpers and proxies live there.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ...errors import SourceError, SourceUnavailableError
from ..addresses import Pin
from ..location import host_of, token_variable

LOCAL_TIMEOUT_SECONDS = 600.0
CONNECT_SECONDS = 30
_KEPT_VARIABLES = re.compile(
    r"^GIT_(SSH|SSH_COMMAND|SSH_VARIANT|SSL_\w+|HTTP_\w+|CONFIG_GLOBAL|CONFIG_SYSTEM|CONFIG_COUNT"
    r"|CONFIG_KEY_\d+|CONFIG_VALUE_\d+|EXEC_PATH|PROXY_SSL_\w+)$"
)
# Given on the command line, these win over the repository's own configuration.
_SAFE_OPTIONS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.quotePath=false",
    "core.askPass=",
    "log.showSignature=false",
    "gc.autoDetach=false",
    "maintenance.autoDetach=false",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "transfer.credentialsInUrl=die",
    "uploadpack.packObjectsHook=",
    "protocol.ext.allow=never",
    # Nothing of the repository is run, so whose files they are need not matter: a folder mounted into a container
    # mostly belongs to another user.
    "safe.directory=*",
)
_ASKPASS = """#!/bin/sh
# Answers only the host the token is for: a redirect elsewhere gets nothing.
case "$1" in
  "Username for '$CODE_INDEX_ASKPASS_URL'"*) printf '%s\\n' "$CODE_INDEX_ASKPASS_USER" ;;
  "Password for '$CODE_INDEX_ASKPASS_URL_USER'"*) printf '%s\\n' "$CODE_INDEX_ASKPASS_TOKEN" ;;
  *) exit 1 ;;
esac
"""


@dataclass(frozen=True)
class GitFailed(Exception):
    """A git call that ended badly, before it is translated."""

    status: int
    stderr: str


def run_git(
    arguments: Iterable[str],
    *,
    cwd: Path | None = None,
    git_dir: Path | None = None,
    url: str | None = None,
    pinned: Pin | None = None,
    timeout: float = LOCAL_TIMEOUT_SECONDS,
) -> bytes:
    """Standard output of one git call.

    With `url` the call may use the network, for that host alone; with `pinned` at these addresses alone.
    Raises GitFailed for git's own failures, SourceUnavailableError on a time-out, SourceError if git is not installed
    or cannot be held to them.
    """
    with _askpass(url) as extra:
        process = _start(
            arguments, cwd=cwd, git_dir=git_dir, network=url is not None, extra=extra, piped=False, pinned=pinned
        )
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise SourceUnavailableError(
                f"git did not answer within {timeout:.0f} s" + (f" ({url})" if url else ""),
                remedy="try again, or raise CODE_INDEX_GIT_TIMEOUT_SECONDS",
            ) from None
        finally:
            _end(process)
    if process.returncode != 0:
        raise GitFailed(process.returncode, err.decode("utf-8", "replace").strip())
    return out


def cat_file_batch(git_dir: Path, oids: Iterable[str]) -> Iterator[bytes | None]:
    """Contents of objects in the order asked, through one `git cat-file --batch`; None for what is not there.

    The names are written by a thread, so neither pipe can block the other. Raises SourceError if git gives up.
    """
    arguments = ["cat-file", "--batch", "--buffer"]
    process = _start(arguments, cwd=None, git_dir=git_dir, network=False, extra={}, piped=True)
    remaining = iter(oids)
    requested: list[str] = []
    out, into = process.stdout, process.stdin
    if out is None or into is None:
        raise AssertionError("pipes were asked for")

    def feed() -> None:
        with contextlib.suppress(BrokenPipeError, ValueError):
            for oid in requested:
                into.write(oid.encode("ascii") + b"\n")
            into.close()

    def messages() -> None:
        # Drained, so that a repository with thousands of missing objects cannot fill the pipe and stop git.
        if process.stderr is not None:
            with contextlib.suppress(ValueError):
                stderr.append(process.stderr.read())

    stderr: list[bytes] = []
    requested = list(remaining)
    threads = [threading.Thread(target=work, daemon=True) for work in (feed, messages)]
    for thread in threads:
        thread.start()
    try:
        for oid in requested:
            yield _next_object(out, oid)
    finally:
        _end(process)
        for thread in threads:
            thread.join(timeout=5)


def _next_object(out: object, oid: str) -> bytes | None:
    header = out.readline()  # type: ignore[attr-defined]
    words = header.split()
    if len(words) == 2:  # "<name> missing"
        return None
    if len(words) != 3:
        raise SourceError(
            f"git stopped while its objects were being read (at {oid[:12]})",
            remedy="run `git fsck` in the repository, or try again",
        )
    size = int(words[2])
    content = out.read(size + 1)  # type: ignore[attr-defined]
    if len(content) != size + 1:
        raise SourceError(f"git stopped in the middle of object {oid[:12]}", remedy="run `git fsck` in the repository")
    return content[:-1] if words[1] == b"blob" else None


def _start(
    arguments: Iterable[str],
    *,
    cwd: Path | None,
    git_dir: Path | None,
    network: bool,
    extra: Mapping[str, str],
    piped: bool,
    pinned: Pin | None = None,
) -> subprocess.Popen[bytes]:
    command = ["git"]
    for option in (*_SAFE_OPTIONS, *(_pinning(pinned) if pinned else ())):
        command += ["-c", option]
    if "CODE_INDEX_ASKPASS_TOKEN" in extra:
        # git would ask a helper to store the token after it worked.
        command += ["-c", "credential.helper=", "-c", "credential.interactive=false"]
    if git_dir is not None:
        command += ["--git-dir", str(git_dir)]
    command += arguments
    try:
        return subprocess.Popen(
            command,
            cwd=str(cwd or "/"),
            env={**_environment(network, pinned), **extra},
            stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError:
        if shutil.which("git") is None:
            raise SourceError("git is not installed", remedy="install git 2.30 or newer") from None
        raise SourceError(f"{cwd} is not a folder", remedy="check the path in the registry") from None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends git and its helpers (ssh, git-remote-https), which are in its process group."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.close()
    process.wait()


def _pinning(pinned: Pin) -> tuple[str, ...]:
    """Git's options for a pin. Raises SourceError where this git has none."""
    if pinned.scheme != "ssh" and _git_version() < (2, 37):
        raise SourceError(
            "git older than 2.37 cannot be held to one address, as addresses that arrived over HTTP must be",
            remedy="install a newer git, or register the repository with `code-index add`",
        )
    return pinned.git_options


@lru_cache(maxsize=1)
def _git_version() -> tuple[int, ...]:
    try:
        done = subprocess.run(["git", "--version"], capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        raise SourceError("git is not installed", remedy="install git 2.30 or newer") from None
    match = re.search(r"(\d+)\.(\d+)", done.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _environment(network: bool, pinned: Pin | None = None) -> dict[str, str]:
    """This process's environment without git's own variables, traces and tokens, plus the safe settings."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIT_", "CODE_INDEX_", "SSH_ASKPASS")) or _KEPT_VARIABLES.match(name)
    }
    environment.update(
        LC_ALL="C",
        GIT_TERMINAL_PROMPT="0",
        GIT_OPTIONAL_LOCKS="0",
        GIT_NO_LAZY_FETCH="1",
        GIT_LITERAL_PATHSPECS="1",
        GCM_INTERACTIVE="never",
        # "none" is no protocol: git before 2.44 does not know GIT_NO_LAZY_FETCH, and a partial clone would otherwise
        # go to the network for each object it lacks.
        GIT_ALLOW_PROTOCOL="https:http:ssh:file" if network else "none",
    )
    if network:
        environment["GIT_SSH_COMMAND"] = _ssh_command(environment.get("GIT_SSH_COMMAND"), environment.get("GIT_SSH"))
        if not environment["GIT_SSH_COMMAND"]:
            del environment["GIT_SSH_COMMAND"]
        if pinned is not None:
            _hold_to(pinned, environment)
        environment["GIT_HTTP_LOW_SPEED_LIMIT"] = environment.get("GIT_HTTP_LOW_SPEED_LIMIT", "100")
        environment["GIT_HTTP_LOW_SPEED_TIME"] = environment.get("GIT_HTTP_LOW_SPEED_TIME", "60")
    return environment


def _hold_to(pinned: Pin, environment: dict[str, str]) -> None:
    environment["GIT_ALLOW_PROTOCOL"] = pinned.scheme
    if pinned.scheme != "ssh":
        return
    command = environment.get("GIT_SSH_COMMAND", "")
    if not command or Path(command.split()[0]).name != "ssh":
        raise SourceError(
            "only OpenSSH can be held to one address, as addresses that arrived over HTTP must be",
            remedy="use an https address, or register the repository with `code-index add`",
        )
    environment["GIT_SSH_COMMAND"] = command + pinned.ssh_options


def _ssh_command(command: str | None, program: str | None) -> str:
    """The user's ssh command, made never to ask; empty where GIT_SSH sets another program (plink)."""
    if command is None and program is not None:
        return ""
    command = command or _configured_ssh() or "ssh"
    if Path(command.split()[0]).name != "ssh":
        return command
    return f"{command} -o BatchMode=yes -o ConnectTimeout={CONNECT_SECONDS}"


@lru_cache(maxsize=1)
def _configured_ssh() -> str | None:
    """core.sshCommand of the user's configuration (never a repository's)."""
    for scope in ("--global", "--system"):
        done = subprocess.run(
            ["git", "config", scope, "--get", "core.sshCommand"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.strip()
    return None


@contextlib.contextmanager
def _askpass(url: str | None) -> Iterator[dict[str, str]]:
    """Variables that make git ask our script for the token of this URL's host, if there is one."""
    host = host_of(url) if url else None
    token = os.environ.get(token_variable(host), "") if host else ""
    scheme = (url or "").split("://", 1)[0].lower()
    local = host is not None and host.split(":")[0] in {"localhost", "127.0.0.1"}
    if not token or host is None or not (scheme == "https" or (scheme == "http" and local)):
        yield {}
        return
    user = _user_of(url or "") or "x-access-token"
    with tempfile.TemporaryDirectory(prefix="code-index-askpass-") as folder:
        script = Path(folder) / "askpass"
        script.write_text(_ASKPASS)
        script.chmod(0o700)
        yield {
            "GIT_ASKPASS": str(script),
            "CODE_INDEX_ASKPASS_URL": f"{scheme}://{host}",
            "CODE_INDEX_ASKPASS_URL_USER": f"{scheme}://{user}@{host}",
            "CODE_INDEX_ASKPASS_USER": user,
            "CODE_INDEX_ASKPASS_TOKEN": token,
        }


def _user_of(url: str) -> str | None:
    authority = url.split("://", 1)[-1].split("/", 1)[0]
    return authority.rpartition("@")[0] or None


_REFUSED = re.compile(
    r"authentication failed|could not read (username|password)|permission denied|terminal prompts disabled"
    r"|returned error: 40[13]|invalid credentials|access denied|http basic: access denied",
    re.IGNORECASE,
)
_HOST_KEY = re.compile(r"host key verification failed", re.IGNORECASE)
_NOT_FOUND = re.compile(
    r"repository .*not found|does not appear to be a git repository|not a git repository|returned error: 404"
    r"|does not exist|no such file or directory|repository not exported|project .* could not be found",
    re.IGNORECASE,
)
_UNREACHABLE = re.compile(
    r"could not resolve|connection (refused|timed out|reset|closed)|network is unreachable|no route to host"
    r"|failed to connect|operation timed out|timeout|returned error: (429|5\d\d)|early eof|remote end hung up"
    r"|ssl|tls|operation too slow|couldn't connect|empty reply",
    re.IGNORECASE,
)
_NO_REF = re.compile(r"couldn't find remote ref|not our ref|no such ref|unadvertised object", re.IGNORECASE)
_NO_SPACE = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_MISSING = re.compile(
    r"bad object|unable to read|missing blob|could not read|not a tree object|object file .* is empty"
    r"|loose object .* is corrupt|promisor",
    re.IGNORECASE,
)


def translate(failure: GitFailed, where: str, *, url: str | None = None) -> SourceError:
    """The error people get for a failed git call; `where` names the repository without credentials."""
    text = _without_credentials(failure.stderr)
    messages = [line for line in text.splitlines() if line.startswith(("fatal:", "error:", "remote:"))]
    last = messages[-1] if messages else text or f"exit status {failure.status}"
    host = host_of(url) if url else None
    variable = token_variable(host) if host else "CODE_INDEX_GIT_TOKEN_<HOST>"
    cases = (
        (_NO_SPACE, f"the disk filled up while {where} was read: {last}", "free some space and run again"),
        (
            _HOST_KEY,
            f"the ssh host key of {host or where} is not known",
            f"connect once by hand, or run `ssh-keyscan {host or 'HOST'} >> ~/.ssh/known_hosts`",
        ),
        (
            _REFUSED,
            f"authentication refused for {where}: {last}",
            f"use a git credential helper, an ssh agent, or set {variable} to a token that may read it",
        ),
        (_NO_REF, f"{where}: {last}", "check the ref in the registry"),
        (
            _NOT_FOUND,
            f"{where} is not a git repository, or may not be seen: {last}",
            "check the URL or path; a private repository needs a credential helper, an ssh agent or a token"
            if host
            else "check the path; without its `.git` it is read as a plain folder",
        ),
        (_UNREACHABLE if url else None, f"{where} cannot be reached: {last}", "check the network and try again"),
        (
            _MISSING,
            f"{where} lacks objects that its commit names: {last}",
            "run `git fsck` there, or clone the repository again",
        ),
    )
    for pattern, message, remedy in cases:
        if pattern is not None and pattern.search(text):
            kind = SourceUnavailableError if pattern is _UNREACHABLE else SourceError
            return kind(message, remedy=remedy)
    return SourceError(f"git failed on {where}: {last}", remedy="see git's message")


def _without_credentials(text: str) -> str:
    return re.sub(r"(\w+://)[^/\s@']+@", r"\1", text)
