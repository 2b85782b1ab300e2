"""A run that was asked for over HTTP is asked for of Dagster, ahead of polls."""

from __future__ import annotations

from typing import Any

import dagster as dg
from chains import RecordedChain

from code_index_assets.serve.http.requests import ask_for_run
from resources.code_index import CodeIndexResource
from schedules import sensors


def test_a_request_becomes_a_run(recorded_chain: RecordedChain) -> None:
    chain = recorded_chain
    chain.registry.add("https://example.org/acme/shop", name="acme/shop")
    resource = CodeIndexResource(overrides={"data": str(chain.data), "model": "test"})

    def tick(cursor: Any) -> Any:
        context = dg.build_sensor_context(instance=chain.instance, cursor=cursor, resources={"code_index": resource})
        return sensors.inbox_events(context)

    keys, cursor = [], None
    for _ in range(2):  # the same repository again is another run
        asked = ask_for_run(chain.settings, chain.layout, "acme/shop")
        result = tick(cursor)
        (run,) = result.run_requests
        assert (run.partition_key, run.tags["dagster/priority"]) == (asked.keys[0], "25")
        keys.append(run.run_key)
        cursor = result.cursor
    assert len(set(keys)) == 2
