"""Asks the queries of a set through the front door (`code-index search --batch`) and writes a run file to score.

  python -m benchmarks.retrieval.run TREES SET OUT [--limit 50] [--lane symbol --lane lexical …]

TREES/<tree>/<corpus>/ are the corpora, each indexed by itself as the repository `<tree>/<corpus>` of the data folder in
CODE_INDEX_DATA; TREES/<tree>/<corpus>.<SET>.queries.tsv hold the queries (id, text). OUT gets one tab-separated line a hit:
id, path:start-end, score. The latency of the queries is printed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

TREE_OF = {"commits": "semble"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", type=Path)
    parser.add_argument("set")
    parser.add_argument("out", type=Path)
    parser.add_argument("--limit", type=int, default=50)
    parser.add_argument("--lane", action="append")
    options = parser.parse_args()
    tree = TREE_OF.get(options.set, options.set)
    asked = []
    for path in sorted((options.trees / tree).glob(f"*.{options.set}.queries.tsv")):
        corpus = path.name.removesuffix(f".{options.set}.queries.tsv")
        for line in path.read_text().splitlines():
            identity, _, text = line.partition("\t")
            row = {"id": identity, "query": text, "repo": f"{tree}/{corpus}", "limit": options.limit}
            asked.append(json.dumps(row | ({"lane": options.lane} if options.lane else {})))
    command = [str(Path(sys.executable).with_name("code-index")), "search", "--batch", "-"]
    done = subprocess.run(command, input="\n".join(asked), capture_output=True, text=True, check=False)
    if done.stderr:
        print(done.stderr, file=sys.stderr)
    took, lines, failed = [], [], 0
    for answer in map(json.loads, done.stdout.splitlines()):
        if "error" in answer:
            failed += 1
            print(answer["id"], answer["error"]["message"], file=sys.stderr)
            continue
        took.append(answer["took_ms"])
        for rank, hit in enumerate(answer["hits"]):
            lines.append(f"{answer['id']}\t{hit['path']}:{hit['start_line']}-{hit['end_line']}\t{1 / (rank + 1):.6f}")
    options.out.write_text("\n".join(lines) + "\n")
    took.sort()
    print(
        f"{options.set}: {len(asked)} queries, {failed} failed, "
        f"p50 {statistics.median(took):.1f} ms, p95 {took[int(len(took) * 0.95)]:.1f} ms"
    )


if __name__ == "__main__":
    main()
