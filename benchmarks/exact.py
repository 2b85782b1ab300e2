"""The exact lane beside ripgrep: size, cost of building, time and agreement over the same trees.

    python -m benchmarks.exact --source FOLDER --work FOLDER [--files 100000] [--patterns 40]

Texts below `--source` are copied, with words of their own in each copy, until there are so many files; the tree is laid
out for ripgrep, and the exact index is built of the same texts by the functions that a run uses. Patterns are taken
from the texts: literals of three or more characters and regular expressions around them, each with 1,000 matching files
at most. Agreement is of the (path, line) pairs; times are of one warm process here and of a ripgrep process there.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from code_index_assets.index.exact.pattern import Pattern
from code_index_assets.index.exact.segments import Segment
from code_index_assets.index.exact.texts import Texts, build, document
from code_index_assets.index.exact.trigrams import KeyFinder, Trigrams
from code_index_assets.index.exact.trigrams import build as build_trigrams
from code_index_assets.storage.artifacts import bucket_count
from code_index_assets.storage.fingerprint import bucket_of

MOST_MATCHING = 1000
_WORD = re.compile(r"[A-Za-z_]{4,}")


def copies(source: Path, files: int) -> Iterator[tuple[str, str]]:
    """Path and text of so many files; from the second round on, a word in eight has the round's number."""
    found = sorted(path for path in source.rglob("*") if path.is_file())
    texts = []
    for path in found:
        raw = path.read_bytes()
        if b"\0" not in raw and raw and len(raw) < 1 << 20:
            try:
                texts.append((path.relative_to(source).as_posix(), raw.decode()))
            except UnicodeDecodeError:
                continue
    made, number = 0, 0
    while made < files:
        for path, text in texts[: files - made]:
            mixed = text if not number else _WORD.sub(lambda m: _marked(m[0], number), text)  # noqa: B023
            yield f"r{number}/{path}", mixed
        made += len(texts[: files - made])
        number += 1


def _marked(word: str, number: int) -> str:
    return f"{word}{number}" if hash(word) % 8 == number % 8 else word


def built(source: Path, work: Path, files: int) -> tuple[list[Segment], dict[str, float]]:
    """The segments over the tree, which is written to `work/tree`, and what they cost."""
    buckets = bucket_count(files)
    by_bucket: dict[int, list[tuple[str, str]]] = {}
    size = 0
    for path, text in copies(source, files):
        by_bucket.setdefault(bucket_of(path, buckets), []).append((path, text))
        target = work / "tree" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
        size += len(text.encode())
    (work / "segments").mkdir(exist_ok=True)
    segments, texts_size, trigrams_size = [], 0, 0
    started = resource.getrusage(resource.RUSAGE_SELF)
    finder = KeyFinder()
    for bucket, rows in sorted(by_bucket.items()):
        documents = [document(path, None, text) for path, text in sorted(rows)]
        paths = [work / "segments" / f"{name}-{bucket:03d}" for name in ("texts", "trigrams")]
        paths[0].write_bytes(build(documents))
        paths[1].write_bytes(build_trigrams([finder.of(one.text) for one in documents]))
        texts_size, trigrams_size = texts_size + paths[0].stat().st_size, trigrams_size + paths[1].stat().st_size
        segments.append(Segment(Texts(paths[0]), Trigrams(paths[1])))
    ended = resource.getrusage(resource.RUSAGE_SELF)
    cpu = ended.ru_utime + ended.ru_stime - started.ru_utime - started.ru_stime
    return segments, {
        "files": files, "bytes": size, "trigrams share": trigrams_size / size, "texts share": texts_size / size,
        "CPU seconds": cpu, "CPU seconds per 1,000 files": cpu * 1000 / files,
    }  # fmt: skip


def opened(work: Path) -> tuple[list[Segment], dict[str, float]] | None:
    """The segments of an earlier call with the same work folder, warm; None if there was none."""
    texts = sorted((work / "segments").glob("texts-*"))
    segments = [Segment(Texts(path), Trigrams(path.with_name(f"trigrams-{path.name[6:]}"))) for path in texts]
    for segment in segments:
        _ = segment.texts.entries, segment.texts.unpacker()
    return (segments, {}) if segments else None


def lines_of(segments: list[Segment], pattern: Pattern) -> set[tuple[str, int]]:
    """Matching (path, line) pairs, found as `search/kept_files.py` and `search/grep.py` find them."""
    found = set()
    for segment in segments:
        unpacker = segment.texts.unpacker()
        for number in segment.candidates((pattern.need,)):
            for line in pattern.lines(segment.texts.text(number, unpacker)):
                found.add((segment.texts.entries[number].path, line.line))
    return found


def ripgrep(tree: Path, pattern: Pattern) -> set[tuple[str, int]]:
    """The same pairs by ripgrep."""
    command = ["rg", "--no-config", "-uuu", "-n", "--no-heading", "--null", "--no-messages"]
    command += ["-F"] if pattern.literal else []
    command += ["-i"] if pattern.any_case else []
    done = subprocess.run([*command, "-e", pattern.source, "."], cwd=tree, capture_output=True, check=False)
    found = set()
    for row in done.stdout.split(b"\n"):
        if row:
            path, _, rest = row.partition(b"\0")
            found.add((path.removeprefix(b"./").decode(), int(rest.split(b":", 1)[0])))
    return found


def patterns(segments: list[Segment], count: int) -> Iterator[tuple[str, Pattern]]:
    """Literals and regular expressions out of the texts that match 1,000 files at most."""
    chance = random.Random(11)
    made = {"literal": 0, "regex": 0}
    while min(made.values()) < count:
        segment = chance.choice(segments)
        text = segment.texts.text(chance.randrange(segment.texts.documents)).decode()
        lines = [line for line in text.split("\n") if 12 < len(line) < 120 and line.isascii()]
        if not lines:
            continue
        line = chance.choice(lines).strip()
        start = chance.randrange(max(1, len(line) - 8))
        piece = line[start : start + chance.randrange(5, 24)].strip()
        if len(piece) < 4:
            continue
        words = _WORD.findall(line)
        regex = ""
        if len(words) > 1:
            kind = chance.randrange(4)
            regex = [
                rf"{words[0]}\W+{words[1]}", rf"\b{words[-1]}\b.*", rf"{words[0]}[a-z0-9]*\s*[(:=]",
                rf"(?:{words[0]}|{words[-1]})[^\n]*{re.escape(piece[-1])}",
            ][kind]  # fmt: skip
        for name, pattern in (
            ("literal", Pattern(piece, literal=True, any_case=chance.random() < 0.3)),
            ("regex", Pattern(regex, any_case=chance.random() < 0.3)),
        ):
            if not pattern.source or made[name] >= count:
                continue
            need = (pattern.checked().need,)
            if sum(len(segment.candidates(need)) for segment in segments) > 3 * MOST_MATCHING:
                continue
            files = {path for path, _ in lines_of(segments, pattern)}
            if len(files) <= MOST_MATCHING:
                made[name] += 1
                yield name, pattern


def _timed(call: object) -> tuple[float, set[tuple[str, int]]]:
    started = time.perf_counter()
    result = call()  # type: ignore[operator]
    return (time.perf_counter() - started) * 1000, result


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--patterns", type=int, default=40)
    arguments = parser.parse_args()
    segments, cost = opened(arguments.work) or built(arguments.source, arguments.work, arguments.files)
    for name, value in cost.items():
        print(f"{name}: {value:,.3f}")
    times: dict[str, list[tuple[float, float, float]]] = {"literal": [], "regex": []}
    agreed = asked = 0
    for name, pattern in patterns(segments, arguments.patterns):
        before = time.process_time()
        ours, found = _timed(lambda: lines_of(segments, pattern))  # noqa: B023
        cpu = (time.process_time() - before) * 1000
        theirs, wanted = _timed(lambda: ripgrep(arguments.work / "tree", pattern))  # noqa: B023
        times[name].append((ours, cpu, theirs))
        asked, agreed = asked + 1, agreed + (found == wanted)
        if found != wanted:
            print(f"differs: {pattern} {sorted(found ^ wanted)[:3]}")
    print(f"agreement with ripgrep: {agreed} of {asked}")
    for name, rows in times.items():
        for who, column in (("here", 0), ("here, CPU", 1), ("ripgrep", 2)):
            ordered = sorted(row[column] for row in rows)
            print(
                f"{name}, {who}: p50 {ordered[len(ordered) // 2]:.1f} ms, p95 {ordered[int(len(ordered) * 0.95)]:.1f} ms"
            )


if __name__ == "__main__":
    main()
