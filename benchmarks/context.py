"""Does a packed context hold the files that a task needs? Against a search alone, and against grep and reading.

    python -m benchmarks.context TREES KIT [--set semble --set commits --set swe-issue] [--tokens 8000] [--out FILE]
    python -m benchmarks.context TREES KIT --to-file QUERIES [--tokens 2000]

TREES/<tree>/<corpus>/ are the corpora, each indexed as the repository `<tree>/<corpus>` of CODE_INDEX_DATA;
KIT/<set>/queries.jsonl.gz and qrels.jsonl.gz are questions with the files that answer them (`qid`, `corpus`, `text`;
`qid`, `doc`). Corpora that are not there are left out, and counted.

Recall of gold files within a budget, all arms counted by `search/token_count.py`:

- context: files of any span (`core`: of spans in full); one call
- search: the first hits' whole chunks until the budget is used up
- grep: the output of up to six greps (100 lines of 200 characters each at most), then windows of 120 lines around the
  best place of each file, in order of the rarity of the terms in them; `grep, output free` does not count the output

--to-file: tokens until the right file is read, from QUERIES (jsonl.gz: `id`, `corpus`, `text`, `gold`): the answer, then
windows of files in its order, then grep. A right file whose lines the answer has in full needs no reading.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import re
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from code_index_assets.search.token_count import count_tokens

TREE_OF = {"commits": "semble", "swe-title": "swe", "swe-issue": "swe"}
WINDOW = 60
MOST_FILES = 20
STOP = frozenset(
    [
        "that",
        "this",
        "with",
        "from",
        "have",
        "when",
        "where",
        "which",
        "what",
        "does",
        "into",
        "them",
        "they",
        "will",
        "should",
        "would",
        "could",
        "there",
        "their",
        "using",
        "used",
        "uses",
        "make",
        "made",
        "only",
        "also",
        "than",
        "then",
        "some",
        "more",
        "most",
        "each",
        "other",
        "about",
        "after",
        "before",
        "between",
        "over",
        "under",
        "while",
        "how",
        "why",
        "the",
        "and",
        "for",
        "add",
        "fix",
        "support",
        "allow",
        "handle",
        "class",
        "function",
        "method",
        "code",
        "file",
        "files",
    ]
)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
Row = dict[str, Any]


def jsonl(path: Path) -> list[Row]:
    """The objects of a compressed file, one a line."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def batch(command: str, rows: Iterable[Row]) -> dict[str, Row]:
    """Answers of a `--batch` command by id."""
    program = str(Path(sys.executable).with_name("code-index"))
    asked = "\n".join(map(json.dumps, rows))
    done = subprocess.run([program, command, "--batch", "-"], input=asked, capture_output=True, text=True, check=False)
    if done.stderr:
        print(done.stderr, file=sys.stderr)
    return {answer["id"]: answer for answer in map(json.loads, done.stdout.splitlines())}


# -- the arms ----------------------------------------------------------------------------------------------------------


def of_search(hits: list[Row], budget: int) -> list[str]:
    """Files of the first hits whose whole chunks fit."""
    files: list[str] = []
    for hit in hits:
        text = (
            f"{hit['path']}:{hit['start_line']}-{hit['end_line']} {hit['kind']} {hit['qualified_name']}\n{hit['text']}"
        )
        budget -= count_tokens(text) + 2
        if budget < 0:
            break
        files.append(hit["path"])
    return list(dict.fromkeys(files))


def terms_of(text: str) -> list[str]:
    """Up to six words to grep for: names first, then the longest."""
    found = list(dict.fromkeys(NAME.findall(text)))
    names = [w for w in found if len(w) > 3 and ("_" in w.strip("_") or re.search(r"[a-z][A-Z]", w))]
    rest = sorted((w for w in found if w not in names and len(w) > 3 and w.lower() not in STOP), key=len, reverse=True)
    return (names + rest)[:6]


def grepped(tree: Path, text: str) -> tuple[int, list[str], dict[str, int]]:
    """Tokens of the output that is seen, files in reading order, and the best line of each."""
    seen, by_term, files = 0, defaultdict[str, dict[str, int]](dict), sum(1 for p in tree.rglob("*") if p.is_file())
    lines: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for term in terms_of(text):
        run = subprocess.run(["grep", "-rniIF", "-e", term, "."], cwd=tree, capture_output=True, check=False)
        out = run.stdout.decode("utf-8", "replace").splitlines()
        seen += count_tokens("\n".join(line[:200] for line in out[:100])) + 10
        for line in out:
            path, _, rest = line.removeprefix("./").partition(":")
            number = rest.partition(":")[0]
            if number.isdigit():
                by_term[term][path] = by_term[term].get(path, 0) + 1
                lines[path][int(number)].add(term)
    score: dict[str, float] = defaultdict(float)
    for term, counts in by_term.items():
        weight = math.log(1 + files / len(counts))
        for path, count in counts.items():
            score[path] += weight * (1 + 0.1 * math.log(count) + (0.5 if term.lower() in path.lower() else 0))
    ranked = sorted(score, key=lambda path: (-score[path], path))
    return seen, ranked, {p: max(lines[p], key=lambda n: (len(lines[p][n]), -n)) for p in ranked[:60]}


def window(tree: Path, path: str, line: int) -> int:
    """Tokens of 120 lines of a file."""
    try:
        text = (tree / path).read_text("utf-8", "replace").splitlines()
    except OSError:
        return 0
    return count_tokens("\n".join(text[max(0, line - WINDOW) : line + WINDOW]))


def of_grep(tree: Path, found: tuple[int, list[str], dict[str, int]], budget: int, *, free: bool) -> list[str]:
    """Files whose best windows fit into the budget, after the output where that counts."""
    seen, ranked, places = found
    budget -= 0 if free else seen
    files: list[str] = []
    for path in ranked:
        budget -= window(tree, path, places.get(path, 1))
        if budget < 0:
            break
        files.append(path)
    return files


# -- recall within a budget --------------------------------------------------------------------------------------------


def measure_recall(trees: Path, kit: Path, sets: list[str], budget: int, out: Path | None) -> None:
    """Prints recall by set and arm, and the questions that the context loses."""
    rows: list[Row] = []
    for name in sets:
        rows += _recall_of(trees, kit, name, budget)
    arms = ["grep", "grep, output free", "search", "context", "core"]
    for name in [*sets, "all"]:
        chosen = [row for row in rows if name in (row["set"], "all")]
        if not chosen:
            continue
        print(f"\n{name}: {len(chosen)} questions, {len({row['repo'] for row in chosen})} repositories")
        for arm in arms:
            values = [row[arm] for row in chosen]
            low, high = interval(values)
            print(f"  {arm:<18} {statistics.mean(values):.3f} [{low:.3f}, {high:.3f}]")
        for arm in ("search", "grep"):
            differences = [row["context"] - row[arm] for row in chosen]
            low, high = interval(differences)
            won, lost = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
            mean = statistics.mean(differences)
            print(f"  context - {arm:<8} {mean:+.3f} [{low:+.3f}, {high:+.3f}], better {won}, worse {lost}")
        took = sorted(row["ms"] for row in chosen)
        print(f"  took ms p50 {statistics.median(took):.0f} p95 {took[int(len(took) * 0.95)]:.0f}")
    worse = [
        f"{row['id']} ({row['context']:.2f} < {row['search']:.2f})" for row in rows if row["context"] < row["search"]
    ]
    print(f"\nworse than search alone: {', '.join(worse) or 'none'}")
    if out:
        out.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _recall_of(trees: Path, kit: Path, name: str, budget: int) -> list[Row]:
    tree = TREE_OF.get(name, name)
    gold: dict[str, set[str]] = defaultdict(set)
    for one in jsonl(kit / name / "qrels.jsonl.gz"):
        gold[one["qid"]].add(one["doc"])
    everything = jsonl(kit / name / "queries.jsonl.gz")
    asked = [q for q in everything if (trees / tree / q["corpus"]).is_dir() and gold[q["qid"]]]
    if len(asked) < len(everything):
        print(
            f"{name}: {len(everything) - len(asked)} of {len(everything)} questions left out: their corpora are not there"
        )
    repo = {q["qid"]: f"{tree}/{q['corpus']}" for q in asked}
    contexts = batch(
        "context", ({"id": q["qid"], "task": q["text"], "repo": repo[q["qid"]], "tokens": budget} for q in asked)
    )
    as_text = [{"id": q["qid"], "query": q["text"], "repo": repo[q["qid"]], "limit": 100, "as": "text"} for q in asked]
    searches = batch("search", as_text)
    rows: list[Row] = []
    for q in asked:
        right = gold[q["qid"]]
        folder = trees / repo[q["qid"]]
        found = grepped(folder, q["text"])
        spans = contexts[q["qid"]]["spans"]
        arms = {
            "grep": of_grep(folder, found, budget, free=False),
            "grep, output free": of_grep(folder, found, budget, free=True),
            "search": of_search(searches[q["qid"]]["hits"], budget),
            "context": [span["path"] for span in spans],
            "core": [span["path"] for span in spans if span["part"] == "core"],
        }
        recall = {arm: len(right & set(files)) / len(right) for arm, files in arms.items()}
        rows.append(
            {"set": name, "id": q["qid"], "repo": repo[q["qid"]], "ms": contexts[q["qid"]]["took_ms"],
             "tokens": contexts[q["qid"]]["tokens"], **recall}
        )  # fmt: skip
    return rows


# -- tokens to the right file ------------------------------------------------------------------------------------------


def measure_to_file(trees: Path, queries: Path, budget: int, out: Path | None) -> None:
    """Prints the tokens until the right file is read, of a context and of grep, and the questions that cost more."""
    everything = jsonl(queries)
    asked = [q for q in everything if (trees / "semble" / q["corpus"]).is_dir()]
    print(f"{len(asked)} of {len(everything)} questions; the others' corpora are not there")
    repo = {q["id"]: f"semble/{q['corpus']}" for q in asked}
    contexts = batch(
        "context", ({"id": q["id"], "task": q["text"], "repo": repo[q["id"]], "tokens": budget} for q in asked)
    )
    rows: list[Row] = []
    for q in asked:
        tree, right = trees / repo[q["id"]], set(q["gold"])
        seen, ranked, places = grepped(tree, q["text"])
        answer = contexts[q["id"]]
        core = {span["path"] for span in answer["spans"] if span["part"] == "core"}
        files = list(dict.fromkeys(span["path"] for span in answer["spans"] if span["part"] != "core"))
        at = {span["path"]: (span["start_line"] + span["end_line"]) // 2 for span in reversed(answer["spans"])}
        spent, done, found = answer["tokens"], set[str](core), bool(core & right)
        if not found:
            more, found = _read_until(tree, [f for f in files if f not in done], at, right, done)
            spent += more
        if not found:
            more, found = _read_until(tree, [f for f in ranked if f not in done], places, right, done)
            spent += seen + more
        grep, grep_found = _read_until(tree, ranked, places, right, set())
        rows.append(
            {"id": q["id"], "context": spent, "context_found": found, "in_answer": bool(core & right),
             "grep": seen + grep, "grep_found": grep_found}
        )  # fmt: skip
    for arm in ("grep", "context"):
        values = [row[arm] for row in rows]
        low, high = interval(values, statistics.median)
        found = sum(row[f"{arm}_found"] for row in rows)
        print(
            f"  {arm:<8} median {statistics.median(values):,.0f} [{low:,.0f}, {high:,.0f}], mean {statistics.mean(values):,.0f}, found {found}"
        )
    ratios = [math.log(row["context"] / row["grep"]) for row in rows]
    low, high = interval(ratios)
    lost = [f"{row['id']} (+{row['context'] - row['grep']:,})" for row in rows if row["context"] > row["grep"]]
    print(
        f"  context / grep: median of all {statistics.median(math.exp(r) for r in ratios):.2f}, geometric mean "
        f"{math.exp(statistics.mean(ratios)):.2f} [{math.exp(low):.2f}, {math.exp(high):.2f}]"
    )
    print(f"  lines of the right file in the answer: {sum(row['in_answer'] for row in rows)} of {len(rows)}")
    print(f"  dearer in {len(lost)} of {len(rows)}: {', '.join(lost) or 'none'}")
    if out:
        out.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _read_until(
    tree: Path, files: list[str], places: dict[str, int], right: set[str], done: set[str]
) -> tuple[int, bool]:
    """Tokens of the windows read until a right file, and whether there was one within twenty files."""
    spent = 0
    for path in files:
        if len(done) >= MOST_FILES:
            break
        done.add(path)
        spent += window(tree, path, places.get(path, 1))
        if path in right:
            return spent, True
    return spent, False


def interval(values: list[float], statistic: Callable[[list[float]], float] = statistics.mean) -> tuple[float, float]:
    """The 95 % bootstrap interval over questions."""
    chosen = random.Random(7)
    drawn = sorted(statistic(chosen.choices(values, k=len(values))) for _ in range(1000))
    return drawn[25], drawn[975]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", type=Path)
    parser.add_argument("kit", type=Path)
    parser.add_argument("--set", action="append", dest="sets")
    parser.add_argument("--to-file", type=Path)
    parser.add_argument("--tokens", type=int, default=8000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.to_file:
        measure_to_file(options.trees, options.to_file, options.tokens, options.out)
    else:
        sets = options.sets or ["semble", "commits", "swe-issue"]
        measure_recall(options.trees, options.kit, sets, options.tokens, options.out)


if __name__ == "__main__":
    main()
