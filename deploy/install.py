"""Installs this project into a virtual environment and tells how far it is, in one line that is rewritten.

    python deploy/install.py .venv/bin/pip [options of pip install]

Made for `make`: only Python's standard library is used. pip itself is silent for minutes with --quiet, and writes
hundreds of lines without it. What it wrote is shown if it fails.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

CONSTRAINTS = Path(__file__).with_name("constraints.txt")
PLAIN_SECONDS = 15.0  # between two lines where a line cannot be rewritten
SHOWN_LINES = 30
_COLLECTED = re.compile(r"^\s*(?:Collecting|Requirement already satisfied:) ([A-Za-z0-9._-]+)")
_SIZE = re.compile(r"^\s*Downloading (\S+?)-\d\S* \(([\d.]+ [kMG]?B)\)")


def packages() -> int:
    """How many packages the constraints name: about as many will be there in the end."""
    lines = CONSTRAINTS.read_text("utf-8").splitlines()
    return sum("==" in line and not line.startswith("#") for line in lines)


def progress(lines: Iterator[str], total: int) -> Iterator[str]:
    """What to say after each line of pip's that says something."""
    seen: set[str] = set()
    for line in lines:
        collected, size = _COLLECTED.match(line), _SIZE.match(line)
        if collected:
            seen.add(re.sub(r"[-_.]+", "-", collected[1]).lower())
            yield f"{min(len(seen), total)} of about {total} packages: {collected[1]}"
        elif size:
            yield f"{min(len(seen), total)} of about {total} packages: {size[1].replace('_', '-')}, {size[2]}"
        elif line.startswith("Installing collected packages"):
            yield f"unpacking {line.count(',') + 1} packages"


def main(arguments: list[str]) -> int:
    """Runs pip with these arguments; gives its exit status."""
    command = [
        arguments[0], "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off", *arguments[1:],
    ]  # fmt: skip
    live = sys.stderr.isatty()
    written: list[str] = []
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace"
    )

    def output() -> Iterator[str]:
        for line in process.stdout or ():
            written.append(line)
            yield line

    said = time.monotonic()
    for told in progress(output(), packages()):
        if live:
            sys.stderr.write(f"\r\033[2K  {told}")
        elif time.monotonic() - said >= PLAIN_SECONDS or told.startswith("unpacking"):
            said = time.monotonic()
            sys.stderr.write(f"  {told}\n")
        sys.stderr.flush()
    status = process.wait()
    if live:
        sys.stderr.write("\r\033[2K")
    if status != 0:
        sys.stderr.write("".join(written[-SHOWN_LINES:]))
        sys.stderr.write(
            "error: pip could not install the packages\n  → see above; check the network, and free space\n"
        )
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
