"""Everything that can be damaged, looked at group by group.

What lives here: the groups, and running their repairs. What does not: how a group is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

from ...errors import CodeIndexError
from ...settings import Settings
from ...storage.layout import Layout
from .findings import Finding

GROUPS = ("records", "registry", "removals", "dagster", "mirrors", "artifacts", "index", "caches")


def examine(
    layout: Layout, settings: Settings, groups: tuple[str, ...] = GROUPS, *, deep: bool = True
) -> Iterator[Finding]:
    """Findings of the groups, in the order they are best repaired."""
    from .artifacts import check_artifacts
    from .caches import check_caches
    from .dagster import check_dagster, check_partitions
    from .index import check_index
    from .mirrors import check_mirrors
    from .records import check_records
    from .removals import check_removals

    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "records": partial(check_records, layout, settings),
        "registry": partial(check_records, layout, settings),
        "removals": partial(check_removals, layout, settings),
        "dagster": lambda: chain(check_dagster(layout, deep=deep), check_partitions(layout, settings)),
        "mirrors": partial(check_mirrors, layout, settings, deep=deep),
        "artifacts": partial(check_artifacts, layout),
        "index": partial(check_index, layout, settings, deep=deep),
        "caches": partial(check_caches, layout, settings, deep=deep),
    }
    done: set[tuple[str, str]] = set()
    for group in groups:
        for finding in _whole(group, checks[group]):
            mine = group not in ("records", "registry") or (finding.kind == "registry") == (group == "registry")
            if mine and (finding.kind, finding.what) not in done:
                done.add((finding.kind, finding.what))
                yield finding


def _whole(group: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """The findings of a check, with what stopped it as the last one: the other groups have their turn all the same."""
    try:
        yield from check()
    except CodeIndexError as error:
        if group not in ("mirrors", "removals"):  # these two need the registry, whose own check reports it
            yield Finding("fail", group, error.message, error.remedy, ("code-index", "repair", group))
    except Exception as error:  # what is damaged can fail in any way
        what = f"{group}: the check ended with {type(error).__name__}: {error}"
        yield Finding("fail", group, what, f"code-index repair {group}", ("code-index", "repair", group))
