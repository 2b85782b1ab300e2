"""A real Postgres on a folder and a port of its own, for tests that are marked `external`."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "a pass/word"


@dataclass(frozen=True)
class Database:
    port: int

    def url(self, password: str = "a%20pass%2Fword", database: str = "dagster", user: str = "dagster") -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"


def programs() -> Path | None:
    """The folder with initdb and pg_ctl of the newest Postgres of this machine, None if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).parent if initdb else None


@contextlib.contextmanager
def postgres(max_connections: int = 20) -> Iterator[Database]:
    """A server with a role `dagster` and its database; Postgres refuses to run as root, then `postgres` runs it."""
    where = programs()
    assert where is not None
    user = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    (folder / "password").write_text(PASSWORD)
    if user:
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres", "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def call(*command: object) -> None:
        text = [str(part) for part in command]
        subprocess.run(text, check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=120, **user)  # type: ignore[call-overload]

    data = folder / "data"
    call(where / "initdb", "-D", data, "-U", "dagster", "-A", "scram-sha-256", "--pwfile", folder / "password", "-N")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections={max_connections}"
    try:
        call(where / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-o", options, "start")
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        create = [where / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "dagster", "dagster"]
        subprocess.run([str(part) for part in create], check=True, env=environment, timeout=60)
        yield Database(port)
    finally:
        subprocess.run([str(where / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"],
                       stdout=subprocess.DEVNULL, cwd=folder, timeout=60, **user)  # type: ignore[call-overload]  # fmt: skip
        shutil.rmtree(folder, ignore_errors=True)
