"""Answers about the index itself for MCP clients: repositories and their states, index runs.

What lives here: wording. What does not: finding the states (`search/freshness.py`) and runs (`serve/index_runs.py`),
the budget (`fit.py`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from pydantic import BaseModel

from ...index.manifest import PublicationManifest
from ...search.answers import RepositoryStatus
from .answers import CursorAt
from .fit import WHY_CHARS, Reply, Row, assemble, at_line, clean, files_of, fit, iso, languages_of, rest, short
from .models import DETAIL, REPOSITORIES, REPOSITORY, RunStatus, StatusResult


def status_at(status: RepositoryStatus) -> BaseModel:
    """A repository's state, as agents get it."""
    return REPOSITORY.row(status, **_status_fields(status))


def status_detail(status: RepositoryStatus) -> BaseModel:
    """The same with what was left out and why, parse problems and secrets."""
    coverage = status.coverage
    return DETAIL.row(
        status,
        **_status_fields(status),
        location=status.location or None,
        committed_at=iso(status.committed_at),
        left_out_by_reason=_left_out(status),
        chunks=coverage.get("chunks"),
        lines=coverage.get("lines"),
        parse_problems=coverage.get("diagnosed") or None,
        secrets_removed=coverage.get("secrets") or None,
    )


def _status_fields(status: RepositoryStatus) -> dict[str, object]:
    indexed, left_out = files_of(status.coverage)
    return {
        "commit": status.commit,
        "label": status.label if status.label and not (status.commit or "").startswith(status.label) else None,
        "state": status.state,
        "why": _why(status),
        "indexed_at": iso(status.indexed_at),
        "head": _other_head(status),
        "head_seen_at": iso(status.head_seen_at),
        "files_indexed": indexed,
        "files_left_out": left_out,
        "languages": languages_of(status.coverage),
    }


def _why(status: RepositoryStatus) -> str | None:
    return short(clean(status.why), WHY_CHARS) or None


def _other_head(status: RepositoryStatus) -> str | None:
    """The commit that the ref was last seen at, where it is not the published one."""
    return status.head if status.head and not (status.commit or "").startswith(status.head) else None


def _left_out(status: RepositoryStatus) -> dict[str, int] | None:
    skipped = status.coverage.get("skipped")
    return skipped if isinstance(skipped, dict) and skipped else None


def repository_line(status: RepositoryStatus, now: float) -> str:
    """One line of a repository's state."""
    languages = languages_of(status.coverage)
    line = at_line(status, now, _why(status))
    return f"{line}, {' '.join(languages)}" if languages else line


def repositories_reply(
    statuses: Sequence[RepositoryStatus],
    *,
    total: int,
    offset: int,
    max_tokens: int,
    cursor_at: CursorAt,
) -> Reply:
    """Repositories from `offset` on; `statuses` are those of this page."""
    now = time.time()

    def build(rows: Sequence[Row]) -> Reply:
        cut = rest(len(rows), len(statuses), total, offset, max_tokens, "repositories", "name or state")
        cursor = cursor_at(offset + len(rows)) if rows else None
        # `REPOSITORIES.row` would take the repositories of a RepositoryPage; here they are rows that fit the budget.
        data = REPOSITORIES.model(repositories=[row.data for row in rows], total=total, next_cursor=cursor, cut=cut)
        more = f"next_cursor: {cursor}" if cursor else None
        body = "\n".join(row.text for row in rows)
        return Reply(assemble(f"{len(rows)} of {total} repositories", body, cut, more), data)

    return fit([[Row(repository_line(status, now), status_at(status)) for status in statuses]], build, max_tokens)


def status_reply(
    statuses: Sequence[RepositoryStatus],
    requested: Sequence[RepositoryStatus],
    manifest: PublicationManifest | None,
    runs: Sequence[RunStatus],
    *,
    max_tokens: int,
) -> Reply:
    """The index as a whole: states, what needs attention, runs at work; or `asked` repositories in full."""
    now = time.time()
    counts = dict(sorted(Counter(status.state for status in statuses).items()))
    attention = [status for status in statuses if status.state not in ("current", "unknown")]
    chosen = list(requested) or ([] if not statuses else attention)
    head = "Nothing is published yet." if manifest is None and statuses else None
    if manifest is not None:
        head = f"Publication {manifest.name}, {manifest.points} chunks, {sum(counts.values())} repositories: " + (
            ", ".join(f"{count} {state}" for state, count in counts.items()) or "none"
        )
    run_lines = "\n".join(run_line(run) for run in runs) or None

    def build(rows: Sequence[Row]) -> Reply:
        cut = None
        if len(rows) < len(chosen):
            cut = f"{len(rows)} of {len(chosen)} repositories shown: list_repositories(state=…) pages through them"
        data = StatusResult(
            publication=manifest.name if manifest else None,
            embedding_space=manifest.space if manifest else None,
            states=counts or None,
            chunks=manifest.points if manifest else None,
            repositories=[row.data for row in rows] or None,
            runs=list(runs) or None,
            cut=cut,
        )
        return Reply(assemble(head, "\n".join(row.text for row in rows), run_lines, cut) or "No run is at work.", data)

    return fit([[Row(_status_text(status, now, bool(requested)), status_detail(status)) for status in chosen]], build,
               max_tokens)  # fmt: skip


def _status_text(status: RepositoryStatus, now: float, full: bool) -> str:
    line = repository_line(status, now)
    if not full:
        return line
    coverage = status.coverage
    more = [
        f"{name}: {', '.join(f'{count} {what}' for what, count in counts.items())}"
        for name, counts in (
            ("left out", _left_out(status)),
            ("parse problems", coverage.get("diagnosed")),
            ("secrets removed", coverage.get("secrets")),
        )
        if counts
    ]
    head = _other_head(status)
    if head:
        more.append(f"its ref was last seen at {head[:12]}")
    return "\n  ".join([line, *more])


def run_line(run: RunStatus) -> str:
    """One line of what a run does or did."""
    what = f"as {run.repository} " if run.repository else ""
    line = f"{run.run} {run.state}: {clean(run.directory)} {what}after {run.seconds:.0f} s"
    if run.chunks is not None:
        line += f", {run.files_indexed} files, {run.chunks} chunks ({run.new_chunks} new)"
    detail = run.error or (run.progress if run.state == "running" else None)
    return f"{line}: {detail}" if detail else line
