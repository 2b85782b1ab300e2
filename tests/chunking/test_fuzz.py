"""20,000 damaged texts over every grammar that is installed: none stops a run, ends this process or takes 1 GB.

CODE_INDEX_FUZZ_SEED and CODE_INDEX_FUZZ_MUTANTS choose others and more. What was given up is printed (`pytest -s`).
"""

from __future__ import annotations

import importlib.util
import os
import random
import resource
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from code_index_assets.chunking import batch, grammars, process
from code_index_assets.chunking.parse import ChunkOptions, SourceFile, parse_files

MUTANTS = int(os.environ.get("CODE_INDEX_FUZZ_MUTANTS", "20000"))
SEED = int(os.environ.get("CODE_INDEX_FUZZ_SEED", "1"))
GOLDEN = {file.stem: file.read_text("utf-8") for file in sorted((Path(__file__).parent / "golden").glob("*.txt"))}
SECONDS = 1.0


def _mutants() -> ModuleType:
    spec = importlib.util.spec_from_file_location("chunking_mutants", Path(__file__).parent / "mutants.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _files(count: int, seed: int) -> Iterator[SourceFile]:
    """Mutants of each grammar's own sample, of other languages' samples, and its words in disorder."""
    mutants = _mutants()
    names = grammars.available()
    tokens = {name: mutants.words(name) for name in names}
    for number in range(count):
        name = names[number % len(names)]
        chance = random.Random(f"{seed} {number}")
        other = chance.choice(sorted(GOLDEN.values()))
        text = mutants.soup(chance, tokens[name]) if chance.random() < 0.5 else GOLDEN.get(name, other)
        yield SourceFile(f"{name}/{number}.txt", f"{number:040}", name, mutants.mutate(chance, text))


@pytest.mark.slow
def test_no_mutant_stops_a_run_or_takes_the_machine_s_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(batch, "BATCH_CHARS", 20_000)
    process.stop_kept()
    came = 0
    codes: Counter[str] = Counter()
    given_up = []
    for parsed in parse_files(_files(MUTANTS, SEED), ChunkOptions(timeout_seconds=SECONDS), mode="parallel"):
        came += parsed.chunks.get_column("path").n_unique()
        for path, code, detail in parsed.diagnostics.rows():
            codes[code] += 1
            if code in ("crashed", "timeout", "memory"):
                given_up.append((path, code, detail))
    blank = sum(not file.text.strip() for file in _files(MUTANTS, SEED))
    process.stop_kept()
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    with capsys.disabled():
        print(f"\n{came:,} of {MUTANTS:,} mutants ({blank} blank), {most / 1024:,.0f} MB at most; {dict(codes)}")
        for line in given_up:
            print("  ", *line)
    assert came == MUTANTS - blank
    assert most < 1 << 20
    # Errors of ours are none of a grammar's.
    assert [line for line in given_up if line[1] == "crashed" and "parser" not in line[2]] == []
