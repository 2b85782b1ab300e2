"""What a run page shows of a step: what became of it, numbers that Dagster plots over time, links that lead on.

What lives here: facts of a step to metadata, in the order people read them. What does not: the facts (`chain/`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import dagster as dg

from ..chain.judge import CheckGroup
from ..chain.run import ChainRun, StepResult
from ..progress import StageTime, stage_note
from ..quality.permit import CheckResult
from ..sources.forge import commit_page, repository_page

# Facts that are the same for every run of a data folder, or long: they come last.
_LAST = ("merkle_root", "subject", "suite", "space", "coverage")


def metadata_of(step: ChainRun, result: StepResult) -> dict[str, Any]:
    """Run metadata: outcome and commit, links, numbers, every fact of the step, seconds by stage."""
    metadata: dict[str, Any] = {"outcome": result.outcome, "commit": result.commit}
    metadata.update(links_of(step, result))
    metadata.update(numbers_of(result.info))
    names = sorted(result.info, key=lambda name: name in _LAST)
    for name in names:
        metadata.setdefault(name, shown(result.info[name]))
    if result.artifact is not None:
        metadata["artifact"] = dg.MetadataValue.path(str(result.artifact.path))
        rows = sum(part.rows for part in result.artifact.manifest.parts.values())
        metadata["dagster/partition_row_count"] = rows
    done = step.stages.done
    seconds = sum(stage.seconds for stage in done if not stage.info.get("beside"))
    if done:
        metadata["stages"] = dg.MetadataValue.md(_markdown([_stage_row(stage, seconds) for stage in done]))
        metadata["seconds"] = round(seconds, 3)
        metadata.update(_seconds_by_stage(done))
    return {name: value for name, value in metadata.items() if value is not None}


def shown(value: Any) -> Any:
    """A fact as metadata: rows as a table, plain values rounded."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return dg.MetadataValue.md(_markdown(value))
    if isinstance(value, dict):
        return dg.MetadataValue.json(value)
    return round(value, 4) if isinstance(value, float) else value


def numbers_of(info: Mapping[str, Any]) -> dict[str, float | int]:
    """What Dagster plots over time, from the facts of a step: shares in percent, sums of what is counted by kind."""
    numbers: dict[str, float | int] = {}
    coverage = info.get("coverage")
    counted = coverage if isinstance(coverage, dict) else info
    if "files" in counted and "kept" in counted:
        files = int(counted["files"])
        numbers["coverage_percent"] = round(100 * int(counted["kept"]) / files, 2) if files else 0.0
    for name, source in (
        ("left_out_files", info.get("left_out") if "left_out" in info else counted.get("skipped")),
        ("secrets_found", info.get("secrets")),
        ("parse_problems", info.get("diagnosed")),
    ):
        if isinstance(source, dict):
            numbers[name] = sum(int(count) for count in source.values())
    if "vectors" in info and "computed" in info:
        numbers["cache_hit_percent"] = round(100 * float(info.get("reuse_rate", 1.0)), 2)
    usage = info.get("usage")
    if isinstance(usage, dict):
        numbers.update({f"provider_{name}": round(value, 6) for name, value in usage.items() if _is_number(value)})
    return numbers


def links_of(step: ChainRun, result: StepResult) -> dict[str, Any]:
    """Where to look next: the commit on its host, the repository on the search page, the files left out."""
    page = step.settings.page_url
    repository, _, ref = step.key.partition("@")
    named = {"repo": repository} | ({"ref": ref} if ref else {})
    links: dict[str, str | None] = {"repository_page": f"{page}/?{urlencode(named)}"}
    location = str(result.info.get("location", ""))
    if location:
        links["host_page"] = repository_page(location)
        links["commit_page"] = commit_page(location, result.commit)
    if "left_out" in result.info or "coverage" in result.info:
        links["left_out_page"] = f"{page}/left-out?{urlencode(named)}"
    return {name: dg.MetadataValue.url(link) for name, link in links.items() if link}


def check_metadata(group: CheckGroup) -> dict[str, Any]:
    """A check group: one number for each expectation, then the table of all of them, failed ones first."""
    failed = [result.name for result in group.results if not result.passed]
    ordered = sorted(group.results, key=lambda result: (result.passed, result.severity != "error"))
    rows = [
        {
            "expectation": result.description or result.name,
            "severity": result.severity,
            "passed": "yes" if result.passed else "NO",
            "observed": "" if result.passed and not result.observed.get("accepted") else str(result.observed),
        }
        for result in ordered
    ]
    return {
        "failed_expectations": len(failed),
        **{result.name: value for result in group.results if (value := observed_number(result)) is not None},
        "failed": failed,
        "expectations": dg.MetadataValue.md(_markdown(rows)),
    }


def observed_number(result: CheckResult) -> float | int | None:
    """What an expectation saw as one number: the value it judged, else how many values it did not expect."""
    for name in ("value", "observed_value", "unexpected_count"):
        value: Any = result.observed.get(name)
        if _is_number(value):
            return round(value, 6) if isinstance(value, float) else int(value)
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _seconds_by_stage(stages: Iterable[StageTime]) -> dict[str, float]:
    """`seconds: <stage>`, stages of one name together."""
    seconds: dict[str, float] = {}
    for stage in stages:
        name = f"seconds: {stage.name}"
        seconds[name] = round(seconds.get(name, 0.0) + stage.seconds, 3)
    return seconds


def _stage_row(stage: StageTime, total: float) -> dict[str, Any]:
    """One row of the stage table; a stage that ran beside the others has no share."""
    share = "beside" if stage.info.get("beside") else f"{stage.seconds / total:.1%}" if total else ""
    rate = round(stage.items / stage.seconds) if stage.items and stage.seconds else ""
    return {
        "stage": stage.name, "seconds": round(stage.seconds, 3), "share": share, "items": stage.items or "",
        "unit": stage.unit or "", "items/s": rate, "notes": stage_note(stage.info, stage.items),
    }  # fmt: skip


def _markdown(rows: list[dict[str, Any]]) -> str:
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(_cell(row[name]) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
