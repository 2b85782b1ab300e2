"""Index runs as MCP clients see them: their state, progress while they are followed, the answer at the end.

What lives here: wording and waiting. What does not: the runs themselves (`serve/index_runs.py`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio

from ..index_runs import STAGES, IndexRun, IndexRuns
from .fit import Reply, clean, short
from .models import RunStatus
from .status import run_line

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context

LOOK_SECONDS = 0.25
REPORT_SECONDS = 1.0
STILL_SECONDS = 5.0  # said again as often though nothing is new: clients give up on silence
_TEXT_CHARS = 600


async def follow(runs: IndexRuns, run: IndexRun, ctx: Context, until: float) -> IndexRun:
    """Waits for a run's end, until a time on the monotonic clock, and tells the client how it goes.

    Progress is how many of the run's stages have ended, with the share of the present one, of how many there are. It
    never goes back: a run over several refs begins its stages again.
    """
    reported: tuple[str, float] = ("", -REPORT_SECONDS)
    done = 0.0
    while run.state == "running":
        now = time.monotonic()
        quiet = now - reported[1]
        if quiet >= REPORT_SECONDS and (run.progress != reported[0] or quiet >= STILL_SECONDS):
            done = max(done, round(run.done * STAGES, 2))
            await ctx.report_progress(done, STAGES, short(clean(run.progress), 200))
            reported = (run.progress, now)
        if now >= until:
            break
        await anyio.sleep(LOOK_SECONDS)
        run = await anyio.to_thread.run_sync(runs.get, run.handle)
    if run.state == "succeeded" and reported[0]:
        await ctx.report_progress(STAGES, STAGES, "done")
    return run


def run_status(run: IndexRun) -> RunStatus:
    """A run as its typed answer."""
    files, chunks, published = run.info("file_hashes"), run.info("chunks"), run.info("search_index")
    return RunStatus(
        run=run.handle,
        state=run.state,
        directory=run.directory,
        repository=run.key,
        commit=published.get("label"),
        seconds=round(run.seconds, 1),
        progress=short(clean(run.progress), 200) if run.state == "running" else None,
        files=files.get("files"),
        files_indexed=files.get("kept"),
        files_left_out=files.get("left_out") or None,
        chunks=chunks.get("chunks"),
        new_chunks=chunks.get("new"),
        changed=published.get("outcome") != "reused" if published else None,
        error=short(clean(run.error), _TEXT_CHARS) or None,
        next=_next(run),
    )


def run_reply(run: IndexRun) -> Reply:
    """The answer about one run."""
    status = run_status(run)
    return Reply(f"{run_line(status)}\n→ {status.next}", status)


def _next(run: IndexRun) -> str:
    if run.state == "running":
        return f"index_status(run={run.handle!r}) tells how it goes; it goes on whether you wait or not"
    if run.state == "succeeded":
        return f"search_code(query=…, repositories=[{run.key!r}])"
    return "correct what the error names and call index_codebase again; what was indexed before still answers"
