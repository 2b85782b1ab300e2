"""The expectations: what must hold before anything is published, as data, and their run in Great Expectations.

What lives here: the declarations, the suite's hash, and the call of Great Expectations. What does not: computing the
profile they look at (`profile.py`) and what follows from a failure (`gate.py`).

Great Expectations is imported inside the call (`library.py`): it costs 1.8 s of CPU and 226 MB. It runs on pandas only, and an error
inside an expectation comes back as `success: false`, so `exception_info` is looked at and raised.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import polars as pl

from ..errors import CodeIndexError
from ..settings import Settings
from ..storage.fingerprint import fingerprint
from .library import import_great_expectations
from .permit import CheckResult

SUITE_VERSION = "1"
LARGEST_LOSS = 1 / 3
LARGEST_TEXTUAL_GROWTH = 0.25
Severity = Literal["warn", "error"]


@dataclass(frozen=True)
class Expectation:
    """One expectation: its name for people, the Great Expectations class and arguments, what it is about."""

    name: str
    subject: Literal["chunks", "repository"]
    type: str
    severity: Severity
    description: str
    arguments: dict[str, Any] = field(default_factory=dict)
    plausibility: bool = False


def _column(
    name: str, kind: str, column: str, description: str, severity: Severity = "error", **arguments: Any
) -> Expectation:
    return Expectation(name, "chunks", kind, severity, description, {"column": column, **arguments})


def _count(name: str, column: str, description: str, severity: Severity = "error", **bounds: Any) -> Expectation:
    arguments = {"column": column, **(bounds or {"min_value": 0, "max_value": 0})}
    return Expectation(name, "repository", "ExpectColumnValuesToBeBetween", severity, description, arguments)


def expectations(settings: Settings, dimension: int) -> tuple[Expectation, ...]:
    """The suite in force under these settings for vectors of this dimension."""
    between = "ExpectColumnValuesToBeBetween"
    block: Severity = "error" if settings.plausibility == "block" else "warn"
    largest = settings.chunk_max_chars
    return (
        _column("chunk_ids_present", "ExpectColumnValuesToNotBeNull", "chunk_id", "every chunk has an id"),
        _column("chunk_ids_unique", "ExpectColumnValuesToBeUnique", "chunk_id", "no two chunks share an id"),
        _column("every_chunk_embedded", between, "vectors", "every chunk has a vector", min_value=1),
        _column("vector_dimension", "ExpectColumnValuesToBeInSet", "dimension", "vectors have the space's dimension", value_set=[dimension]),
        _column("vectors_finite", between, "not_finite", "no NaN or infinity in a vector", min_value=0, max_value=0),
        _column("no_zero_vectors", between, "norm_max", "no vector is zero", min_value=1e-6),
        _column("vectors_unit_length", between, "norm_error", "vectors have length 1 ± .001", max_value=1e-3),
        _column("lines_inside_file", between, "lines_outside", "chunks lie inside their file", min_value=0, max_value=0),
        _column("chunk_text_intact", between, "text_changed", "texts match their hashes", min_value=0, max_value=0),
        _column("chunk_size_kept", between, "size", f"chunks hold at most {largest:,} characters", "warn", max_value=largest),
        _column("chunk_size_bounded", between, "size", f"chunks hold at most {2 * largest:,} characters", max_value=2 * largest),
        _column("no_secret_left", between, "secrets", "the secret scanner finds nothing in the chunks", min_value=0, max_value=0),
        _count("no_orphan_vectors", "orphan_vectors", "every vector belongs to a chunk"),
        _count("vector_keys_present", "keys_missing", "every vector has its key"),
        _count("chunks_of_kept_files", "foreign_chunks", "chunks come from kept files only"),
        _count("files_kept", "files_kept", "at least one file was kept", min_value=1),
        _count("kept_files_chunked", "files_uncovered_share", "kept files have chunks (1 in 100 may be blank)", max_value=0.01),
        _count("every_kept_file_chunked", "files_uncovered", "every kept file has chunks", "warn"),
        _count("facts_hang_together", "facts_broken", "facts of the code graph can be read (a sample)"),
        _count("facts_inside_files", "facts_lines_outside", "definitions and uses lie inside their file (a sample)"),
        _count("facts_of_kept_files", "facts_foreign", "facts come from kept files only"),
        _count("edge_targets_exist", "edge_targets_missing", "edges lead to definitions that are there (a sample)"),
        Expectation(
            "resolution_still_there", "repository", between, block,
            "names of which the name alone is known are at most a quarter more of all than at the last publication "
            "(a sample)",
            {"column": "textual_growth", "max_value": LARGEST_TEXTUAL_GROWTH}, plausibility=True,
        ),
        Expectation(
            "code_still_there", "repository", between, block, "at most a third of the chunks is gone since the last publication",
            {"column": "loss", "max_value": LARGEST_LOSS}, plausibility=True,
        ),
        Expectation(
            "languages_still_there", "repository", between, block,
            "no language that held a fifth of the chunks is gone since the last publication",
            {"column": "languages_lost", "min_value": 0, "max_value": 0}, plausibility=True,
        ),
    )  # fmt: skip


def suite_hash(suite: tuple[Expectation, ...]) -> str:
    """Names the suite: a verdict by another one is out of date."""
    from ..sources.secrets.scan import secret_rules_version

    return fingerprint(
        {
            "version": SUITE_VERSION,
            "secrets": secret_rules_version(),
            "expectations": [[e.name, e.subject, e.type, e.severity, e.arguments] for e in suite],
        }
    )


def run_suite(suite: tuple[Expectation, ...], chunks: pl.DataFrame, repository: pl.DataFrame) -> list[CheckResult]:
    """Results in the suite's order. `chunks`: one row a chunk; `repository`: one row.

    Raises CodeIndexError if an expectation could not be evaluated: that is never a pass.
    """
    gx, context = _great_expectations()
    results: dict[str, CheckResult] = {}
    for subject, frame in (("chunks", chunks), ("repository", repository)):
        mine = [e for e in suite if e.subject == subject]
        asset = context.data_sources.add_pandas(subject).add_dataframe_asset(subject)
        batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": _looked_at(mine, frame)})
        declared = gx.ExpectationSuite(name=subject, expectations=[_declare(gx, e) for e in mine])
        outcome = batch.validate(declared, result_format="BASIC")
        by_name = {result.expectation_config.meta["name"]: result for result in outcome.results}
        for expectation in mine:
            result = _result(expectation, by_name[expectation.name])
            if subject == "repository":
                # Great Expectations gives the value of what failed alone; people plot it over time.
                value = _plain(frame.get_column(str(expectation.arguments["column"]))[0])
                result = replace(result, observed={**result.observed, "value": value})
            results[expectation.name] = result
    return [results[e.name] for e in suite]


def _looked_at(expectations: list[Expectation], frame: pl.DataFrame) -> Any:
    """The columns that are looked at, as a pandas frame.

    Whole numbers as Int64: of others Great Expectations calls a Python function a value, 1 s for 250,000 chunks. It
    hashes every column it is given, so it is given no other.
    """
    columns = dict.fromkeys(str(e.arguments["column"]) for e in expectations)
    whole = [pl.col(name).cast(pl.Int64) if frame.schema[name].is_integer() else pl.col(name) for name in columns]
    return frame.select(whole).to_pandas()


def _declare(gx: Any, expectation: Expectation) -> Any:
    severity = "critical" if expectation.severity == "error" else "warning"
    kind = getattr(gx.expectations, expectation.type)
    return kind(**expectation.arguments, severity=severity, meta={"name": expectation.name})


def _result(expectation: Expectation, raw: Any) -> CheckResult:
    info = raw.exception_info or {}
    parts = [info] if "raised_exception" in info else list(info.values())
    for part in parts:
        if isinstance(part, dict) and part.get("raised_exception"):
            raise CodeIndexError(
                f"the check {expectation.name} could not be evaluated: {part.get('exception_message')}",
                remedy="this is a fault of the program or its Great Expectations version; nothing was published",
            )
    seen = dict(raw.result or {})
    keys = ("element_count", "unexpected_count", "unexpected_percent", "partial_unexpected_list", "observed_value")
    observed = {key: _plain(seen[key]) for key in keys if seen.get(key) is not None}
    return CheckResult(expectation.name, expectation.severity, bool(raw.success), expectation.description, observed)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value[:5]]
    return value.item() if hasattr(value, "item") else value


def _great_expectations() -> tuple[Any, Any]:
    """The library, and a context that writes nothing and shows no progress bars."""
    gx = import_great_expectations()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )

    for name in ("great_expectations", "great_expectations.expectations.expectation"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # Its own default makes a folder for a docs site in /tmp each time, and never removes it.
    config = DataContextConfig(store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False))
    context = gx.get_context(project_config=config, mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return gx, context
