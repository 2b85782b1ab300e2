"""Plants secrets of many kinds in a repository, indexes it as a user does, and looks for each value everywhere.

    python -m benchmarks.robustness.secrets [--values 5] [--seed 1] [--code-index PATH] [TREE …]

Every value of every kind gets a folder of its own in one git repository. `code-index index` runs on it in a data folder
of its own; then every artifact is read back decompressed (Parquet columns, LMDB and Qdrant's files as bytes, run logs,
Dagster's SQLite, the catalogue's tables) and each value is looked for. Two more kinds are planted in names: a file's
and a branch's. TREEs are real code: the files in which something is found are printed, for a person to judge.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from .secret_kinds import KINDS, word


def plant(folder: Path, values: int, seed: int) -> dict[str, list[tuple[str, str]]]:
    """Writes the files; gives (what must not be read, path) by kind."""
    rng = random.Random(seed)
    planted: dict[str, list[tuple[str, str]]] = {}
    for number, kind in enumerate(KINDS):
        for copy in range(values):
            value = kind.make(rng)
            path = folder / f"k{number:03d}" / f"c{copy}" / kind.file
            path.parent.mkdir(parents=True)
            path.write_text(kind.text(value), "utf-8")
            planted.setdefault(kind.name, []).append((kind.seen(value), str(path.relative_to(folder))))
    for _ in range(values):
        value = "ghp_" + word(36)(rng)
        (folder / "names").mkdir(exist_ok=True)
        (folder / "names" / f"dump-{value}.py").write_text("def dumped():\n    return 1\n", "utf-8")
        planted.setdefault("file name", []).append((value, "names"))
    (folder / "app.py").write_text("def main():\n    return 'a marker that stays'\n", "utf-8")
    return planted


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def stored(data: Path) -> bytes:
    """Every byte of a data folder, Parquet and DuckDB decoded; mirrors hold what git holds and are left out."""
    import duckdb
    import polars as pl

    pieces: list[bytes] = []
    for path in sorted(data.rglob("*")):
        if not path.is_file() or "mirrors" in path.relative_to(data).parts:
            continue
        pieces.append(str(path.relative_to(data)).encode())
        pieces.append(path.read_bytes())
        if path.suffix == ".parquet":
            pieces.append(str(pl.read_parquet(path).rows()).encode())
        if path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as catalog:
                for schema, table in catalog.execute(
                    "SELECT table_schema, table_name FROM information_schema.tables"
                ).fetchall():
                    rows = catalog.execute(f'SELECT * FROM "{schema}"."{table}"').fetchall()
                    pieces.append(json.dumps(rows, default=str, ensure_ascii=False).encode())
    return b"\0".join(pieces)


def missed(code_index: Path, values: int, seed: int) -> tuple[Counter[str], int]:
    """How many values of each kind can be read, and how many were planted."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, data = Path(temporary) / "planted", Path(temporary) / "data"
        folder.mkdir()
        git(folder, "init", "-q", "-b", "main")
        planted = plant(folder, values, seed)
        git(folder, "add", "-A", "-f")
        git(folder, "commit", "-q", "-m", "planted")
        environment = {**os.environ, "CODE_INDEX_DATA": str(data), "CODE_INDEX_MODEL": "static"}
        run = subprocess.run(
            [str(code_index), "index", str(folder), "--name", "planted", "--json"],
            env=environment, capture_output=True, cwd=temporary, check=False,
        )  # fmt: skip
        if run.returncode != 0:
            print(run.stdout.decode()[-2000:], run.stderr.decode()[-3000:], file=sys.stderr)
        everything = stored(data) + run.stdout + run.stderr
        for query in ("SELECT path, text FROM chunks", "SELECT * FROM files", "SELECT * FROM symbols"):
            answer = subprocess.run(
                [str(code_index), "sql", query, "--json"],
                env=environment, capture_output=True, cwd=temporary, check=False,
            )  # fmt: skip
            everything += answer.stdout
        assert b"a marker that stays" in everything, "nothing was indexed"
        names = Counter(dict.fromkeys(planted, 0))
        escaped = everything.replace(b"\\\\", b"\\").replace(b'\\"', b'"').replace(b"\\/", b"/")
        for kind, rows in planted.items():
            for value, path in rows:
                if value.encode() in everything or value.encode() in escaped:
                    names[kind] += 1
                    print(f"  readable: {kind}: {path}", file=sys.stderr)
        return names, sum(map(len, planted.values()))


def alarms(trees: list[Path]) -> None:
    """Prints what is found in real trees, and the files in a thousand."""
    from code_index_assets.sources.roles import credential_rule
    from code_index_assets.sources.secrets.scan import scan_many
    from code_index_assets.sources.text import decode

    files = found = 0
    for tree in trees:
        for path in sorted(tree.rglob("*")):
            name = str(path.relative_to(tree))
            if path.is_symlink() or not path.is_file() or path.stat().st_size > 1 << 20 or credential_rule(name):
                continue
            raw = path.read_bytes()
            decoded = None if b"\0" in raw else decode(raw)
            if decoded is None:
                continue
            files += 1
            findings = scan_many([decoded[0]], [name])[0]
            found += bool(findings)
            for finding in findings[:5]:
                start = max(0, finding.start - 40)
                print(f"{path}:{finding.line} {finding.rule}: {decoded[0][start : finding.start + 24]!r}")
    print(f"found in {found} of {files} files ({1000 * found / max(files, 1):.2f} in 1,000): judge each by eye")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", nargs="*", type=Path)
    parser.add_argument("--values", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--code-index", type=Path, default=Path(sys.executable).with_name("code-index"))
    options = parser.parse_args()
    kinds, planted = missed(options.code_index, options.values, options.seed)
    for kind, count in kinds.items():
        if count:
            print(f"{kind:32} {count} of {options.values} can be read")
    print(
        f"{sum(kinds.values())} of {planted} values of {len(kinds)} kinds can be read ({100 * sum(kinds.values()) / planted:.1f} %)"
    )
    if options.trees:
        alarms(options.trees)


if __name__ == "__main__":
    main()
