"""Patterns made to be slow, through every dialect that takes one: `python -m benchmarks.robustness.patterns`.

Prints the milliseconds that each pattern takes against a path of so many characters; the time must grow linearly. Each
runs in a process of its own that is ended after ten seconds: an engine that backtracks never comes back.
"""

from __future__ import annotations

import subprocess
import sys
import time

SECONDS = 10
PATTERNS = {
    "stars": "?*" * 25 + "Z",
    "letters": "*a" * 20 + "b",
    "folders": "**/" * 20 + "Z",
    "classes": "[a-z]*" * 20 + "Z",
    "braces": "{" + ",".join(["*a*a*a*b"] * 50) + "}",
}
# Each sets `match` to a function of a path (text).
DIALECTS = {
    "path filter": "from code_index_assets.index.filters import matches_glob\nmatch = lambda path: matches_glob(P, path)",
    "repository filter": "from code_index_assets.search.engine import matches_pattern as m\nmatch = lambda path: m(P, path)",
    "ref of the registry": "from code_index_assets.sources.registry import glob_matches\nmatch = lambda path: glob_matches(P, path)",
    "ignore file": "from code_index_assets.sources.ignore import IgnoreRules\nr = IgnoreRules('.gitignore'); r.add(b'', P.encode())\n"
    "match = lambda path: r.ignored(path.encode())",
    ".gitattributes": "from code_index_assets.sources.git.attributes import Attributes\nr = Attributes()\n"
    "r.add(b'', f'{P} linguist-vendored'.encode())\nmatch = lambda path: r.of(path.encode())",
    "CODEOWNERS": "from code_index_assets.analytics.owners import parse_owners\nr = parse_owners(f'{P} @a')\n"
    "match = lambda path: [one for one in r if one.matches(path)]",
}
PROGRAM = """
import time
P = {pattern!r}
{dialect}
match("a")
for size in {sizes}:
    started = time.perf_counter()
    match("a" * size)
    print(f"{{(time.perf_counter() - started) * 1000:.2f}}", flush=True)
"""


def main() -> None:
    sizes = [60, 1000, 4000]
    print(
        f"{'dialect':22} {'pattern':10}" + "".join(f"{size:>10,}" for size in sizes) + "   ms by characters of the path"
    )
    for dialect, code in DIALECTS.items():
        for name, pattern in PATTERNS.items():
            program = PROGRAM.format(pattern=pattern, dialect=code, sizes=sizes)
            child = subprocess.Popen(
                [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            try:
                out, err = child.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                out, err = child.communicate()
            if child.returncode not in (0, -9):
                print(f"{dialect:22} {name:10} {err.strip().splitlines()[-1]}")
                continue
            figures = out.split()
            figures += [f"> {SECONDS} s"] * (len(sizes) - len(figures))
            print(f"{dialect:22} {name:10}" + "".join(f"{figure:>10}" for figure in figures))


if __name__ == "__main__":
    started = time.perf_counter()
    main()
    print(f"{time.perf_counter() - started:.0f} s in all")
