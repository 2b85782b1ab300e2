"""Standing checks over all partitions: how fresh each is, and whether there are more than Dagster's UI bears.

What lives here: the checks. What does not: how fresh a partition is (`dbt_like_sql/marts/freshness.sql`). Dagster's
freshness policies are asset by asset, the latest partition counts: one partition that is late is seen here alone.
"""

import dagster as dg
import duckdb

from resources.code_index import CodeIndexResource

from .automation import settings_or_defaults
from .models import markdown
from .partitions import REPOSITORIES

STATES = ("fresh", "late", "behind", "unpublished")
SHOWN = 100
_COUNTS = "SELECT state, count(*) FROM marts.freshness GROUP BY state"
_WORST = """
SELECT "partition", state, round(hours_since_seen, 1) AS hours_since_seen, round(hours_behind, 1) AS hours_behind,
    left(published_commit, 12) AS published, left(observed_commit, 12) AS observed
FROM marts.freshness WHERE state <> 'fresh' ORDER BY hours_behind DESC NULLS FIRST, hours_since_seen DESC LIMIT ?
"""


@dg.asset_check(
    asset="catalog",
    description="Every repository is as fresh as CODE_INDEX_FRESHNESS_HOURS asks. Next: `code-index poll` if one is "
    "late, `code-index index NAME` if one is behind or unpublished.",
)
def repositories_fresh(code_index: CodeIndexResource) -> dg.AssetCheckResult:
    """Warns while a partition is late, behind or not published."""
    path = code_index.layout().catalog
    if not path.exists():
        return dg.AssetCheckResult(passed=True, metadata={"what": "there is no catalogue yet"})
    with duckdb.connect(str(path), read_only=True) as connection:
        try:
            counts = dict(connection.execute(_COUNTS).fetchall())
            cursor = connection.execute(_WORST, [SHOWN])
        except duckdb.CatalogException:
            return dg.AssetCheckResult(passed=True, metadata={"what": "the catalogue has no marts.freshness"})
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    total = sum(counts.values())
    return dg.AssetCheckResult(
        passed=counts.get("fresh", 0) == total,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            **{state: int(counts.get(state, 0)) for state in STATES},
            "fresh_percent": round(100 * counts.get("fresh", 0) / total, 2) if total else 100.0,
            "what": dg.MetadataValue.md(markdown(rows) or "all repositories are fresh"),
        },
    )


@dg.asset_check(
    asset="catalog",
    description="There are fewer partitions than Dagster's UI shows without getting slow (CODE_INDEX_WARN_PARTITIONS). "
    "Next: narrow `refs` of the registry, or give repositories a second data folder.",
)
def partitions_in_bounds(context: dg.AssetCheckExecutionContext, code_index: CodeIndexResource) -> dg.AssetCheckResult:
    """Warns near the number of partitions that Dagster's UI bears."""
    bound = settings_or_defaults(code_index).warn_partitions
    partitions = len(context.instance.get_dynamic_partitions(REPOSITORIES))
    return dg.AssetCheckResult(
        passed=partitions < bound,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"partitions": partitions, "bound": bound, "percent_of_bound": round(100 * partitions / bound, 2)},
    )
