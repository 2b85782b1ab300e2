"""What each lane and each ranking signal is worth: lanes alone, plain fusions, the engine, the engine without a signal.

  CODE_INDEX_DATA=… python -m benchmarks.retrieval.ablation KIT [--set semble …]

KIT is the folder of the development sets (`kitlib.py`, `score.py`, `data/`); the corpora are indexed as
`<tree>/<corpus>`, as for `run.py`. The lanes are asked once a query; every row of the table ranks what they found.
NDCG@10 by set; a row below "engine" names the difference to it, with a paired 95 % bootstrap interval.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import fields, replace
from pathlib import Path

from code_index_assets.search.engine import SearchRequest
from code_index_assets.search.lanes import LaneResult, run_lanes
from code_index_assets.search.query import parse
from code_index_assets.search.ranking import Candidate, rank
from code_index_assets.search.service import open_engine
from code_index_assets.search.weights import DEFAULT
from code_index_assets.settings import load_settings
from code_index_assets.storage.layout import Layout

from .run import TREE_OF

SETS = ("semble", "commits", "csn", "cosqa")
SIGNALS = tuple(
    f.name for f in fields(DEFAULT) if f.type == "float" and not f.name.startswith(("semantic", "coher", "crowd"))
)


def collect(names, kitlib):
    """Per set: (query id, parsed query, lanes), asked once."""
    settings = load_settings()
    engine = open_engine(settings, Layout(settings.data).check())
    snapshot = engine.snapshot()
    asked = {}
    for name in names:
        queries, _, _ = kitlib.load_set(name, None)
        rows = []
        for row in queries:
            query = parse(" ".join(row["text"].split()))
            request = SearchRequest(row["text"], repositories=(f"{TREE_OF.get(name, name)}/{row['corpus']}",))
            where = engine._filter(snapshot, request, query)
            rows.append((row["qid"], query, run_lanes(snapshot, query, where, DEFAULT, embed_query=engine.embed_query)))
        asked[name] = rows
    return asked


def only(lane):
    def order(lanes, query):
        del query
        return [Candidate(hit.payload) for hit in lanes[lane].hits]

    return order


def fused(k):
    """Reciprocal rank fusion of the lexical and the semantic lane (Cormack et al. 2009)."""

    def order(lanes, query):
        del query
        found, score = {}, {}
        for lane in ("lexical", "semantic"):
            for place, hit in enumerate(lanes[lane].hits, 1):
                found[hit.id] = hit
                score[hit.id] = score.get(hit.id, 0.0) + 1 / (k + place)
        return [Candidate(found[i].payload) for i in sorted(score, key=lambda i: -score[i])]

    return order


def ranked(weights, without=()):
    def order(lanes, query):
        kept = {lane: LaneResult(lane) if lane in without else result for lane, result in lanes.items()}
        return rank(kept, query, weights)

    return order


def evaluate(asked, order, kitlib, score):
    """{set: {query id: NDCG@10}}"""
    values = {}
    for name, rows in asked.items():
        _, judged, _ = kitlib.load_set(name, None)
        level, gain = "chunk" if name == "semble" else "file", score.GAIN.get(name, "binary")
        values[name] = {}
        for qid, query, lanes in rows:
            run = [
                (c.payload["path"], c.payload["start_line"], c.payload["end_line"]) for c in order(lanes, query)[:50]
            ]
            found = score.ranked_grades(run, judged.get(qid, []), level)
            value = score.query_metrics(*found, gain, score.REL_MIN.get(name, 1e-9))["NDCG@10"]
            if value is not None:
                assert 0.0 <= value <= 1.0 + 1e-9
                values[name][qid] = value
    return values


def interval(ones, others, rounds=1000):
    differences = [ones[q] - others[q] for q in ones]
    rng = random.Random(7)
    means = sorted(sum(rng.choices(differences, k=len(differences))) / len(differences) for _ in range(rounds))
    return means[int(0.025 * rounds)], means[int(0.975 * rounds)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kit", type=Path)
    parser.add_argument("--set", action="append", dest="sets")
    given = parser.parse_args()
    sys.path.insert(0, str(given.kit))
    import kitlib
    import score

    names = tuple(given.sets or SETS)
    asked = collect(names, kitlib)
    print("| | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))

    def row(title, order, against=None):
        values = evaluate(asked, order, kitlib, score)
        cells = []
        for name in names:
            mean = sum(values[name].values()) / len(values[name])
            if against is None:
                cells.append(f"{mean:.3f}")
                continue
            low, high = interval(values[name], against[name])
            change = mean - sum(against[name].values()) / len(against[name])
            cells.append(f"{change:+.3f} [{low:+.3f}, {high:+.3f}]")
        print(f"| {title} | " + " | ".join(cells) + " |", flush=True)
        return values

    for lane in ("symbol", "lexical", "semantic"):
        row(f"{lane} lane alone", only(lane))
    for k in (60, 10):
        row(f"rank fusion, k = {k}", fused(k))
    neutral = dict.fromkeys(SIGNALS, 0.0)
    row("weighted fusion, no signal", ranked(replace(DEFAULT, **neutral, roles={}, crowding=1.0)))
    engine = row("engine", ranked(DEFAULT))
    for signal in SIGNALS:
        row(f"without {signal}", ranked(replace(DEFAULT, **{signal: 0.0})), engine)
    row("without crowding", ranked(replace(DEFAULT, crowding=1.0)), engine)
    for role in DEFAULT.roles:
        kept = {name: weight for name, weight in DEFAULT.roles.items() if name != role}
        row(f"without role {role}", ranked(replace(DEFAULT, roles=kept)), engine)
    for lane in ("symbol", "lexical", "semantic"):
        row(f"without the {lane} lane", ranked(DEFAULT, (lane,)), engine)


if __name__ == "__main__":
    main()
