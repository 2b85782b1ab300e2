"""A backfill over many repositories, started through the GraphQL call that Dagster's own UI makes.

    python -m benchmarks.backfill SOURCE… [--broken 1] [--port 3951]

Registers every source (bare clones or URLs) and one that is broken on purpose, starts `code-index up`, launches a
partition backfill of the chain and waits for it. Prints what became of each repository, how many ran at a time, and how
many publications it took.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from benchmarks.chain_steps import register
from benchmarks.push import cli, up
from code_index_assets.index.manifest import PublicationStore
from code_index_assets.index.published import PublishedIndex
from code_index_assets.records.failures import failed_partitions
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

CHAIN = ("repository", "file_hashes", "chunks", "embeddings", "index_quality", "search_index")
LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""
STATE = """
query State($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename
    ... on PartitionBackfill {
      status
      runs { runId status startTime endTime tags { key value } }
    }
  }
}"""
ADD = """
mutation Add($selector: RepositorySelector!, $key: String!) {
  addDynamicPartition(repositorySelector: $selector, partitionsDefName: "repositories", partitionKey: $key) {
    __typename
  }
}"""
NAMES = ("dagster/partition", "dagster/asset_partition_range_start")
DONE = {"COMPLETED", "COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--port", type=int, default=3951)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        settings = Settings.model_validate({"data": root / "data"})
        # The poller would index what is new in the registry before the backfill gets to it.
        os.environ["CODE_INDEX_POLLING"] = "false"
        names = [Path(source).parent.name.replace("+", "/") or f"r{n}" for n, source in enumerate(options.sources)]
        for name, source in zip(names, options.sources, strict=True):
            register(settings, Path(source), name)
        broken = root / "broken"
        broken.mkdir()
        register(settings, broken, "broken/on-purpose")
        names.append("broken/on-purpose")
        cli(settings, "list")
        with up(settings, options.port, root / "up.log") as dagster:
            started = time.time()
            runs = backfill(dagster, names)
            seconds = time.time() - started
        report(settings, runs, seconds)


def backfill(dagster: up, names: list[str]) -> list[dict]:
    selector = {"repositoryName": "__repository__", "repositoryLocationName": "code_index_assets.definitions"}
    for name in names:
        added = dagster.graphql(ADD, selector=selector, key=name)
        assert added["data"]["addDynamicPartition"]["__typename"] in (
            "AddDynamicPartitionSuccess",
            "DuplicateDynamicPartitionError",
        ), added
    params = {"assetSelection": [{"path": [asset]} for asset in CHAIN], "partitionNames": names}
    launched = dagster.graphql(LAUNCH, params=params)["data"]["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    while True:
        time.sleep(2)
        state = dagster.graphql(STATE, id=launched["backfillId"])["data"]["partitionBackfillOrError"]
        if state["status"] in DONE:
            print(f"backfill: {state['status']}")
            return state["runs"]


def report(settings: Settings, runs: list[dict], seconds: float) -> None:
    layout = Layout(settings.data)
    for run in sorted(runs, key=lambda run: run["startTime"] or 0):
        key = next((tag["value"] for tag in run["tags"] if tag["key"] in NAMES), str(run["tags"]))
        took = (run["endTime"] or 0) - (run["startTime"] or 0)
        print(f"{key:<40} {run['status']:<8} {took:6.1f} s")
    edges = [(run["startTime"], 1) for run in runs if run["startTime"]]
    edges += [(run["endTime"], -1) for run in runs if run["endTime"]]
    at_once = most = 0
    for _, change in sorted(edges):
        at_once += change
        most = max(most, at_once)
    manifest = PublicationStore(layout, PublishedIndex(layout).spaces[0]).current()
    print(f"{len(runs)} runs in {seconds:.0f} s, at most {most} at a time")
    told = f"{len(manifest.receipts)} repositories, {manifest.points:,} points, {manifest.sequence} publications"
    print(f"published: {told}")
    for failure in failed_partitions(layout):
        print(f"failed: {failure.key} at {failure.asset}: {failure.kind}: {failure.message}")


if __name__ == "__main__":
    main()
