"""Parsing speed and what is found, language by language, on real repositories.

    python -m benchmarks.parsing REPOSITORY[@COMMIT] … [--ctags] [--limit N] [--sample N --seed S]

REPOSITORY is a git repository (a bare clone or a checkout). Prints one table: files, definitions, chunks, CPU ms a
file, MB/s, and the share of raw tree-sitter parsing in the whole (parse, outline, chunks, rows, Arrow, Parquet).
`--ctags` runs universal-ctags on the same files and counts definitions found by one and not by the other. `--sample`
prints definitions picked at random with their source, to be checked by eye.
"""

from __future__ import annotations

import argparse
import gc
import io
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from tree_sitter import Parser

from code_index_assets.chunking.batch import batches, frames
from code_index_assets.chunking.columns import arrow
from code_index_assets.chunking.parse import ChunkOptions, SourceFile, parse_file, project_context
from code_index_assets.chunking.plugins import plugin

from .ctags import compare

LANGUAGES = {
    ".py": "python", ".js": "javascript", ".jsx": "javascript", ".mjs": "javascript", ".ts": "typescript",
    ".tsx": "tsx", ".go": "go", ".rs": "rust", ".java": "java", ".kt": "kotlin", ".rb": "ruby", ".php": "php",
    ".c": "c", ".h": "c", ".cc": "cpp", ".cpp": "cpp", ".hpp": "cpp", ".hh": "cpp", ".cs": "csharp", ".md": "markdown",
    ".yml": "yaml", ".yaml": "yaml", ".json": "json", ".toml": "toml", ".css": "css", ".html": "html", ".sql": "sql",
    ".sh": "bash", ".vue": "vue", ".proto": "proto", ".rst": "rst", ".lua": "lua", ".swift": "swift", ".m": "objc",
    ".scala": "scala", ".groovy": "groovy", ".erl": "erlang", ".R": "r", ".r": "r", ".pl": "perl", ".pm": "perl",
    ".dart": "dart", ".jl": "julia", ".ml": "ocaml", ".clj": "clojure", ".zig": "zig", ".fs": "fsharp",
    ".lisp": "commonlisp", ".hs": "haskell", ".ex": "elixir", ".exs": "elixir", ".el": "elisp", ".scm": "scheme",
    ".tcl": "tcl", ".vim": "vim", ".f90": "fortran", ".adb": "ada", ".ads": "ada", ".pas": "pascal", ".elm": "elm",
    ".nim": "nim", ".ps1": "powershell", ".d": "d", ".v": "verilog", ".vhd": "vhdl", ".bash": "bash",
    ".cmake": "cmake", ".cu": "cuda", ".cuh": "cuda", ".hx": "haxe", ".pp": "puppet", ".sld": "scheme", ".mli": "ocaml_interface",
    ".psm1": "powershell", ".psd1": "powershell", ".sv": "verilog", ".vhdl": "vhdl", ".dpr": "pascal", ".scss": "scss",
    ".F90": "fortran", ".cljc": "clojure", ".tex": "latex", ".ino": "arduino",
}  # fmt: skip
DEPTH = (
    "python",
    "javascript",
    "typescript",
    "tsx",
    "go",
    "rust",
    "java",
    "kotlin",
    "ruby",
    "php",
    "c",
    "cpp",
    "csharp",
    # Further languages that universal-ctags knows.
    *(
        "objc",
        "erlang",
        "r",
        "perl",
        "julia",
        "ocaml",
        "clojure",
        "commonlisp",
        "haskell",
        "lua",
        "elixir",
        "elisp",
        "scheme",
    ),
    *("tcl", "vim", "fortran", "ada", "pascal", "elm", "powershell", "d", "verilog", "vhdl", "bash", "cmake", "cuda"),
    *("haxe", "puppet", "ocaml_interface", "proto", "sql", "matlab"),
)


def read(repository, limit):
    """Files of a commit, each as (SourceFile), with the context they are parsed in."""
    name, _, commit = repository.partition("@")
    git = ["git", "-C", name]
    listed = subprocess.run([*git, "ls-tree", "-r", "-z", commit or "HEAD"], capture_output=True, check=True).stdout
    wanted, every = [], []
    for entry in listed.decode("utf-8", "replace").split("\0"):
        if not entry:
            continue
        meta, path = entry.split("\t", 1)
        every.append(path)
        language = LANGUAGES.get(Path(path).suffix)
        if language and meta.split()[1] == "blob" and not meta.startswith("120000"):
            wanted.append((path, meta.split()[2], language))
    if any(path.endswith((".cc", ".cpp", ".hpp")) for path in every):
        wanted = [(p, b, "cpp" if p.endswith(".h") else lang) for p, b, lang in wanted]
    wanted = wanted[:limit] if limit else wanted
    blobs = subprocess.run(
        [*git, "cat-file", "--batch"],
        input="".join(f"{b}\n" for _, b, _ in wanted).encode(),
        capture_output=True,
        check=True,
    ).stdout
    files, at = [], 0
    for path, blob, language in wanted:
        end = blobs.index(b"\n", at)
        fields = blobs[at:end].split()
        if fields[1] != b"blob":
            at = end + 1
            continue
        size = int(fields[2])
        raw = blobs[end + 1 : end + 1 + size]
        at = end + size + 2
        if size <= 1 << 20 and b"\0" not in raw[:8000]:
            files.append(SourceFile(path, blob, language, raw.decode("utf-8", "replace")))
    texts = {file.path: file.text for file in files}

    def manifest(path):
        if path in texts:
            return texts[path]
        shown = subprocess.run([*git, "show", f"{commit or 'HEAD'}:{path}"], capture_output=True, check=False)
        return shown.stdout.decode("utf-8", "replace") if shown.returncode == 0 else None

    return files, project_context(every, manifest)


def measure(files, context, options):
    """CPU seconds of raw parsing and of everything, definitions and chunks of one language's files."""
    parser = Parser(plugin(files[0].language).language)
    raws = [file.text.encode() for file in files]
    parse_file(files[0], options, context)
    raw = everything = float("inf")
    for _ in range(2):
        start = time.process_time()
        for text in raws:
            parser.parse(text)
        raw = min(raw, time.process_time() - start)
        start = time.process_time()
        chunks = definitions = 0
        # As the parser processes do it, but in this one, where its CPU seconds count.
        for batch in batches(files):
            tables = frames(arrow([parse_file(file, options, context) for file in batch]))
            for frame in (tables.chunks, tables.symbols, tables.imports, tables.references):
                frame.write_parquet(io.BytesIO(), compression="zstd", compression_level=1)
            chunks += tables.chunks.height
            definitions += tables.symbols.height
        everything = min(everything, time.process_time() - start)
    return raw, everything, definitions, chunks, sum(map(len, raws))


def sample(files, context, options, count, seed):
    """Prints definitions picked at random, with the lines they stand on."""
    picked = []
    for file in files:
        picked += [(file, row) for row in parse_file(file, options, context).symbols]
    for file, row in random.Random(seed).sample(picked, min(count, len(picked))):
        lines = file.text.split("\n")[row[7] - 1 : row[8]]
        print(f"--- {row[5]} {row[3]}  {file.path}:{row[7]}-{row[8]}")
        print(
            f"    sig={row[9]!r} vis={row[12]} dec={row[13]} ext={row[14]} facts={row[15]} doc={(row[10] or '')[:50]!r}"
        )
        for line in lines[:3] + (["…", lines[-1]] if len(lines) > 3 else []):
            print("    |", line[:110])


def row(name, files, definitions, chunks, everything, size, raw):
    speed = f"{1000 * everything / files:.2f} | {size / everything / 1e6:.1f} | {raw / everything:.0%}"
    return f"| {name} | {files:,} | {definitions:,} | {chunks:,} | {speed} |"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("repositories", nargs="+")
    arguments.add_argument("--ctags", action="store_true")
    arguments.add_argument("--limit", type=int, default=0, help="files a repository")
    arguments.add_argument("--sample", type=int, default=0)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", default="", help="languages, comma separated")
    options, given = ChunkOptions(), arguments.parse_args()
    groups = defaultdict(list)
    for repository in given.repositories:
        files, context = read(repository, given.limit)
        for file in files:
            if not given.only or file.language in given.only.split(","):
                groups[file.language].append((file, context))
    extra = " ctags agree | only ours | ctags ms/file |" if given.ctags else ""
    print("| language | files | definitions | chunks | ms/file | MB/s | parse share |" + extra)
    print("|---|---|---|---|---|---|---|" + ("---|---|---|" if given.ctags else ""))
    total = Counter()
    notes = []
    for language in sorted(groups, key=lambda name: (name not in DEPTH, name)):
        files = [file for file, _ in groups[language]]
        context = groups[language][0][1]
        gc.collect()
        raw, everything, definitions, chunks, size = measure(files, context, options)
        line = row(language, len(files), definitions, chunks, everything, size, raw)
        if given.ctags and language in DEPTH:
            result = compare(files, context, options, language)
            notes.append(result.report(language))
            ours = sum(result.only_ours.values())
            line += f" {result.agreement:.1%} | {ours:,} | {1000 * result.seconds / len(files):.2f} |"
        print(line, flush=True)
        total.update(
            files=len(files), raw=raw, everything=everything, size=size, definitions=definitions, chunks=chunks
        )
        if given.sample:
            sample(files, context, options, given.sample, given.seed)
    everything = total["everything"]
    print(row("all", *(total[key] for key in ("files", "definitions", "chunks", "everything", "size", "raw"))))
    print(f"\n{60 * 2 * total['files'] / everything:,.0f} files a minute on two free cores (CPU seconds x 2)")
    for note in notes:
        print("\n" + note)


if __name__ == "__main__":
    sys.exit(main())
