"""The suite in a process of its own, which imports Great Expectations while the run does its earlier steps.

What lives here: starting the process, its requests and answers. What does not: what is checked (`suite.py`).

A run without a run worker spent 3 of 9 seconds on this import, on one core of several. The process is this package's
own and speaks pickles through two pipes; it ends when the run's process does. If it cannot be started, or dies, the
suite runs in the run's own process.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import IO, Any

import polars as pl

from ..errors import CodeIndexError
from .library import import_great_expectations
from .permit import CheckResult
from .suite import Expectation, run_suite

_READY = "ready"


@dataclass(frozen=True)
class _Question:
    suite: tuple[Expectation, ...]
    chunks: pl.DataFrame
    repository: pl.DataFrame


@dataclass(frozen=True)
class _Refusal:
    message: str
    remedy: str


class SuiteProcess:
    """The process; one question at a time. Raises OSError if it cannot be started."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._is_ready = False

    def wait_until_ready(self) -> None:
        """Waits for the import. Raises EOFError if the process has ended."""
        if not self._is_ready:
            self._read()
            self._is_ready = True

    def run(self, suite: tuple[Expectation, ...], chunks: pl.DataFrame, repository: pl.DataFrame) -> list[CheckResult]:
        """As `run_suite`. Raises EOFError or OSError if the process has ended, CodeIndexError as `run_suite` does."""
        self.wait_until_ready()
        assert self._process.stdin is not None
        _write(self._process.stdin, _Question(suite, chunks, repository))
        answer = self._read()
        if isinstance(answer, _Refusal):
            raise CodeIndexError(answer.message, remedy=answer.remedy)
        return list(answer)

    def close(self) -> None:
        """Ends the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.kill()
        self._process.wait()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        try:
            return pickle.load(self._process.stdout)  # noqa: S301 - written by this package's own process
        except pickle.UnpicklingError as error:
            raise EOFError(str(error)) from None


_started: list[SuiteProcess] = []


def start_suite_process() -> None:
    """Starts the process, unless it runs or this process has the library already (as run workers do)."""
    if _started or "great_expectations" in sys.modules or (os.cpu_count() or 1) < 2:
        return
    with contextlib.suppress(OSError):
        _started.append(SuiteProcess())
        atexit.register(end_suite_process)


def end_suite_process() -> None:
    """Ends the process if there is one."""
    while _started:
        _started.pop().close()


def load_suite() -> None:
    """Waits until the library is there: in the process, if one was started, else here."""
    for process in _started:
        try:
            process.wait_until_ready()
        except (EOFError, OSError):
            end_suite_process()
            break
        return
    import_great_expectations()


def run_suite_beside(
    suite: tuple[Expectation, ...], chunks: pl.DataFrame, repository: pl.DataFrame
) -> list[CheckResult]:
    """`run_suite` in the process, if one was started, else here. Raises CodeIndexError as `run_suite` does."""
    for process in _started:
        try:
            return process.run(suite, chunks, repository)
        except (EOFError, OSError):
            end_suite_process()
            break
    return run_suite(suite, chunks, repository)


def _write(stream: IO[bytes], value: object) -> None:
    pickle.dump(value, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def main() -> None:
    """Answers questions until the pipe is closed. What libraries print goes to the standard error."""
    import signal

    # Ctrl-C is for the run: it ends this process by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    import_great_expectations()
    with contextlib.suppress(OSError):
        _write(answers, _READY)
        while True:
            try:
                question = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by the run's process
            except (EOFError, pickle.UnpicklingError):
                break
            try:
                answer: object = run_suite(question.suite, question.chunks, question.repository)
            except CodeIndexError as error:
                answer = _Refusal(error.message, error.remedy)
            _write(answers, answer)
    os._exit(0)


if __name__ == "__main__":
    # Under its own name: what is pickled names the module that both processes have.
    import_module("code_index_assets.quality.suite_process").main()
