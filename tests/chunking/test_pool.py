"""Many files: both modes give the same, and what kills or hangs a process costs one file."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from code_index_assets import tables
from code_index_assets.chunking import batch, columns, process
from code_index_assets.chunking.parse import ChunkOptions, Mode, SourceFile, parse_files
from code_index_assets.chunking.single import seconds_for

HOSTILE = Path(__file__).parent / "hostile"
NAMES = ("chunks", "symbols", "imports", "references", "diagnostics")

TEXTS = {
    "python": "import os\n\n\ndef load(path):\n    return os.stat(path)\n\n\nclass A(B):\n    x = 1\n",
    "go": 'package a\n\nimport "fmt"\n\ntype T struct{ n int }\n\nfunc (t *T) Say() { fmt.Println(t.n) }\n',
    "rust": "pub struct P { x: i32 }\nimpl Clone for P { fn clone(&self) -> P { P { x: self.x } } }\n",
    None: "plain words\n\nmore words\n",
}


def corpus(count: int) -> Iterator[SourceFile]:
    kinds = list(TEXTS.items())
    for number in range(count):
        language, text = kinds[number % len(kinds)]
        yield SourceFile(f"src/{number}.txt", f"{number:040}", language, text + f"\n# number {number}\n" * 3)


def whole(parsed: Iterator[Any]) -> dict[str, pl.DataFrame]:
    parts = list(parsed)
    return {name: pl.concat([getattr(part, name) for part in parts]) for name in NAMES}


def _without_syntax_errors(parsed: dict[str, pl.DataFrame]) -> pl.DataFrame:
    return parsed["diagnostics"].filter(pl.col("code") != "syntax_errors")


def test_parallel_equals_sequential_in_rows_and_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "BATCH_CHARS", 500)
    one = whole(parse_files(corpus(60), ChunkOptions(), mode="sequential"))
    two = whole(parse_files(corpus(60), ChunkOptions(), mode="parallel", workers=2))
    for name in NAMES:
        assert_frame_equal(one[name], two[name])
    assert one["symbols"].height >= 60


def test_frames_have_the_schemas_of_the_tables() -> None:
    parsed = next(iter(parse_files(corpus(4), ChunkOptions(), mode="sequential")))
    for name in NAMES:
        frame = getattr(parsed, name)
        assert dict(frame.schema) == tables.ARTIFACT_TABLES[name].schema
    assert [len(getattr(columns, name.upper())) for name in NAMES] == [
        len(tables.ARTIFACT_TABLES[name].columns) for name in NAMES
    ]


def test_auto_stays_in_one_process_for_little_and_takes_a_pool_for_much(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = []
    monkeypatch.setattr(batch, "core_count", lambda: 2)
    monkeypatch.setattr(batch, "BATCH_CHARS", 500)

    def noted(stages: Any, limit: float) -> Any:
        monkeypatch.setattr(batch, "POOL_CHARS", limit)
        list(parse_files(corpus(12), ChunkOptions(), stages=stages))
        chosen.append(stages.done[0].info["mode"])
        return stages.done[0].items

    from code_index_assets.progress import Stages

    assert noted(Stages(), 10_000_000) == 12
    assert noted(Stages(), 600) == 12
    assert chosen == ["sequential", "parallel"]


def _hook(monkeypatch: pytest.MonkeyPatch, folder: Path, act: str) -> None:
    """Does something at the file src/5.txt, in parser processes: fresh interpreters, which load sitecustomize."""
    (folder / "sitecustomize.py").write_text(
        "import os, sys, time\n"
        "if 'code_index_assets.chunking.worker' in ' '.join(sys.orig_argv):\n"
        "    from code_index_assets.chunking import single\n"
        "    real = single._parse\n"
        "    def parse(file, *rest):\n"
        f"        if file.path == 'src/5.txt': {act}\n"
        "        return real(file, *rest)\n"
        "    single._parse = parse\n"
    )
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])


@pytest.mark.parametrize(("deed", "code"), [("die", "crashed"), ("hang", "timeout")])
def test_a_file_that_kills_or_hangs_its_process_is_given_up_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, deed: str, code: str
) -> None:
    _hook(monkeypatch, tmp_path, "os.kill(os.getpid(), 9)" if deed == "die" else "time.sleep(600)")
    options = ChunkOptions()
    if deed == "hang":  # short enough to wait for, long enough for every other file on a busy machine
        monkeypatch.setattr("code_index_assets.chunking.process.GRACE_SECONDS", 5.0)
        monkeypatch.setattr("code_index_assets.chunking.process.WALL_FACTOR", 1)
        options = ChunkOptions(timeout_seconds=0.5)
    monkeypatch.setattr(batch, "BATCH_CHARS", 500)
    parsed = whole(parse_files(corpus(20), options, mode="parallel", workers=2))
    assert _without_syntax_errors(parsed).select("path", "code").rows() == [("src/5.txt", code)]
    assert parsed["chunks"].get_column("path").unique(maintain_order=True).to_list() == [
        f"src/{number}.txt" for number in range(20)
    ]
    assert parsed["chunks"].filter(pl.col("path") == "src/5.txt").get_column("parser").unique().to_list() == ["lines"]


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Limits count CPU time, of which a collection of this large process would take a good part."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("mode", ["sequential", "parallel", "auto"])
def test_a_text_that_its_grammar_never_ends_becomes_lines_in_every_mode(mode: Mode) -> None:
    # Two mutants of a sample: tree-sitter's own loop goes round for ever in them.
    files = list(corpus(4))
    files[1:1] = [
        SourceFile(f"src/{file.name}", "b" * 40, "kotlin", file.read_text("utf-8"))
        for file in sorted(HOSTILE.iterdir())
    ]
    parsed = whole(parse_files(files, ChunkOptions(timeout_seconds=0.5), mode=mode, workers=2))
    assert _without_syntax_errors(parsed).rows() == [
        ("src/endless.kt", "timeout", "took more than 0.5 s"),
        ("src/endless_too.kt", "timeout", "took more than 0.5 s"),
    ]
    assert parsed["chunks"].get_column("path").unique(maintain_order=True).to_list() == [file.path for file in files]
    assert set(parsed["chunks"].filter(pl.col("path").str.ends_with(".kt")).get_column("parser")) == {"lines"}


def test_a_small_file_has_a_small_part_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text of 400 bytes without an end is given up after its own share of the limit, not after all of it."""
    text = (HOSTILE / "endless.kt").read_text("utf-8")
    small, large = (SourceFile("a.kt", "b" * 40, "kotlin", text + "\n" * more) for more in (0, 1 << 20))
    options = ChunkOptions(timeout_seconds=60.0)
    assert seconds_for(small, options) < 1.0 < seconds_for(large, options) == 60.0
    assert seconds_for(small, ChunkOptions(timeout_seconds=0.1)) == 0.1
    parsed = whole(parse_files([small], options, mode="sequential"))
    assert parsed["diagnostics"].rows() == [("a.kt", "timeout", "took more than 0.6 s")]


def test_a_parser_process_starts_without_numpy_and_is_there_before_it_is_needed() -> None:
    process.stop_kept()
    process.start_early()
    (started,) = _children()
    process.start_early()
    parsed = whole(parse_files(corpus(4), ChunkOptions(), mode="sequential"))
    assert _children() == {started} and parsed["symbols"].height
    with open(f"/proc/{started}/maps") as maps:
        loaded = maps.read()
    assert "numpy" not in loaded and "pyarrow" in loaded


@pytest.mark.parametrize(
    ("deed", "code"),
    [
        ("return list(range(10**8))", "memory"),
        ("import ctypes; ctypes.memset(libc.malloc(3 << 29), 1, 3 << 29)", "crashed"),
    ],
)
def test_a_file_cannot_take_the_machine_s_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, deed: str, code: str
) -> None:
    """In Python an error is raised; in C code, which sees no error, the process ends."""
    _hook(
        monkeypatch, tmp_path, f"import ctypes; libc = ctypes.CDLL(None); libc.malloc.restype = ctypes.c_void_p; {deed}"
    )
    parsed = whole(parse_files(corpus(8), ChunkOptions(), mode="sequential"))
    assert _without_syntax_errors(parsed).select("path", "code").rows() == [("src/5.txt", code)]
    assert parsed["chunks"].get_column("path").n_unique() == 8


def test_no_process_works_on_when_the_reader_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "BATCH_CHARS", 500)
    process.stop_kept()
    reading = parse_files(corpus(40), ChunkOptions(), mode="parallel", workers=2)
    next(reading)
    assert len(_children()) == 2
    assert isinstance(reading, Generator)
    reading.close()
    kept = _children()
    assert len(kept) <= 1
    list(parse_files(corpus(4), ChunkOptions(), mode="sequential"))
    assert len(_children()) == 1
    assert not kept or _children() == kept, "the process that was kept is used again"
    process.stop_kept()
    assert not _children()


def test_a_process_that_was_kept_and_ended_is_replaced() -> None:
    list(parse_files(corpus(4), ChunkOptions(), mode="sequential"))
    (number,) = _children()
    os.kill(int(number), 9)
    parsed = whole(parse_files(corpus(4), ChunkOptions(), mode="sequential"))
    assert _without_syntax_errors(parsed).is_empty()
    assert parsed["chunks"].get_column("path").n_unique() == 4


def _children() -> set[Any] | set[str]:
    found = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as stat:
                    fields = stat.read().rsplit(")", 1)[1].split()
                with open(f"/proc/{name}/cmdline") as line:
                    if int(fields[1]) == os.getpid() and "chunking.worker" in line.read():
                        found.add(name)
            except OSError:
                continue
    return found
