"""Certificates of absence: "not here", with what was looked at and what was not.

What lives here: when an empty answer is certified, and what is missing where it is not. What does not: finding
anything. A certificate is about the text of one commit: of files that have no text (binary ones, empty ones, symbolic
links, which are no file of their own) it counts how many there are, and is not refused for them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ..index.filters import Filter, matches_glob
from ..index.manifest import Receipt
from ..index.reader import IndexSnapshot
from .answers import Absence, LeftOut, RepositoryState
from .tables import PublishedTables

# Left out, and yet no gap: they have no text that could be looked for.
WITHOUT_TEXT = frozenset({"binary", "empty", "symlink", "special_file"})
# Files of no language, which have no definitions; languages whose definitions are not read are named by the caller.
_NOT_PARSED = frozenset({"no_grammar", "no_facts"})
_STALE = {
    "behind": "{key} is behind: its ref has moved on from {commit}",
    "unknown": "{key}: it is not known whether {commit} is still the newest commit of {ref}",
}


def absence_of(
    snapshot: IndexSnapshot,
    where: Filter,
    states: Sequence[RepositoryState],
    *,
    lanes: Iterable[str],
    patterns: Iterable[str] = (),
    failures: Iterable[str] = (),
    parsed: bool = False,
) -> Absence:
    """The certificate of an answer without hits, or why there is none.

    `failures` are what was not looked at, in words; `parsed`: the answer follows from how files were parsed, so that
    files with a syntax error or without a grammar are gaps too. Raises SnapshotGoneError, CorruptArtifactError.
    """
    receipts = [snapshot.receipts[state.key] for state in states]
    left_out: Counter[str] = Counter()
    covered = 0
    for receipt in receipts:
        kept, missing = _coverage(snapshot, receipt, where.paths)
        covered += kept
        left_out += missing
        if parsed:
            diagnosed = (receipt.coverage.get("diagnosed") or {}).items()
            left_out.update({f"parsing:{code}": count for code, count in diagnosed if code not in _NOT_PARSED})
    refused = [*failures, *_reasons(left_out), *(_stale(state) for state in states if state.state in _STALE)]
    if not receipts:
        refused.append("no repository was searched")
    if where.paths and not covered:
        refused.append("no indexed file is covered by the path filter")
    commits = [receipt.commit for receipt in receipts]
    return Absence(
        certified=not refused,
        commit=commits[0] if len(commits) == 1 else None,
        files_covered=covered,
        left_out=tuple(LeftOut(reason, count) for reason, count in sorted(left_out.items(), key=_most_first)),
        lanes=tuple(lanes),
        patterns=tuple(patterns),
        refused_because=tuple(dict.fromkeys(refused)),
    )


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _coverage(snapshot: IndexSnapshot, receipt: Receipt, paths: tuple[str, ...]) -> tuple[int, Counter[str]]:
    """Kept files, and left-out ones by reason, of what a path filter covers; places where secrets were removed."""
    coverage = receipt.coverage
    skipped: Any = coverage.get("skipped") or {}
    if not paths:
        missing = Counter(skipped if isinstance(skipped, dict) else {"skipped": int(skipped)})
        missing["secret_removed"] = sum((coverage.get("secrets") or {}).values())
        return int(coverage.get("kept") or 0), +missing

    tables = PublishedTables(snapshot.layout, {receipt.key: receipt})
    files = tables.scan("files").select("path", "status", "reason", "secrets").collect()
    rows = [row for row in files.iter_rows() if any(matches_glob(glob, row[0]) for glob in paths)]
    missing = Counter(reason or status for _, status, reason, _ in rows if status != "kept")
    missing["secret_removed"] = sum(secrets or 0 for _, status, _, secrets in rows if status == "kept")
    return sum(status == "kept" for _, status, _, _ in rows), +missing


def _reasons(left_out: Counter[str]) -> list[str]:
    found = []
    for reason, count in sorted(left_out.items(), key=_most_first):
        if reason in WITHOUT_TEXT:
            continue
        if reason == "secret_removed":
            found.append(f"{count} places where a secret was removed were not looked at")
        elif reason.startswith("parsing:"):
            found.append(f"{count} files were not parsed whole ({reason.partition(':')[2]})")
        else:
            found.append(f"{count} files were left out ({reason})")
    return found


def _stale(state: RepositoryState) -> str:
    return _STALE[state.state].format(key=state.key, commit=state.commit[:12], ref=state.ref)


def absence_line(absence: Absence) -> str:
    """A certificate, or its refusal, in one line."""
    at = f" at {absence.commit[:12]}" if absence.commit else ""
    if absence.certified:
        without = sum(one.count for one in absence.left_out)
        more = f"; {without} files without text were left out" if without else ""
        return f"certified: not in the {absence.files_covered:,} files{at}{more}"
    return f"not certified ({absence.files_covered:,} files{at} were looked at): {'; '.join(absence.refused_because)}"
