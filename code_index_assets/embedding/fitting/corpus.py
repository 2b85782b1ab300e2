"""What a static table is fitted on: code of repositories, and what their authors say about it.

What lives here: reading bare clones into texts and pairs. What does not: the fitting (`training.py`). No judgement of
anyone about search is used: the pairs are documentation beside code and commit subjects beside the code they changed.
"""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...chunking.context import ProjectContext, project_context
from ...chunking.parse import ChunkOptions, parse_files
from ...chunking.single import SourceFile
from ...sources.git.process import cat_file_batch
from ...sources.git.tree import list_tree
from ...sources.languages import language_of_path
from ..text import chunk_text

# A repository gives at most so many, so that none outweighs the others.
FILES, CHUNKS, SENTENCES, SUBJECTS, COMMIT_PAIRS = 700, 2_200, 500, 500, 700
COMMITS = 1_200
_LARGEST_FILE = 1 << 20
_NO_CODE = {"markdown", "json", "yaml", "toml", "xml", "html", "css", "svg", "text"}
_ROUTINE = ("bump", "merge", "release", "update dep", "chore(deps", "build(deps", "revert")


@dataclass
class Corpus:
    """Texts to learn vectors of, and pairs (what is said, code) that belong together."""

    texts: list[str] = field(default_factory=list)
    documented: list[tuple[str, str]] = field(default_factory=list)
    committed: list[tuple[str, str]] = field(default_factory=list)

    def add(self, other: Corpus) -> None:
        """Appends another corpus."""
        self.texts += other.texts
        self.documented += other.documented
        self.committed += other.committed


def read_repository(git_dir: Path, commit: str = "HEAD", seed: int = 7) -> Corpus:
    """What one bare clone gives at a commit. Raises SourceError."""
    chance = random.Random(seed)
    files, context = _code_files(git_dir, commit, chance)
    chunks: list[str] = []
    sentences: list[str] = []
    corpus = Corpus(committed=_commit_pairs(git_dir, commit))
    for tables in parse_files(files, ChunkOptions(), mode="sequential", context=context):
        for kind, name, text, doc in tables.chunks.select("kind", "local_name", "text", "doc").iter_rows():
            chunks.append(chunk_text(kind, name, text))
            sentence = first_sentence(doc or "")
            if 15 < len(sentence) < 250:
                sentences.append(sentence)
                body = without_lines(text, doc)
                if len(body) >= 60:
                    corpus.documented.append((sentence, chunk_text(kind, name, body)))
    subjects = [subject for subject, _ in corpus.committed]
    for texts, most in ((chunks, CHUNKS), (sentences, SENTENCES), (subjects, SUBJECTS)):
        distinct = list(dict.fromkeys(texts))
        corpus.texts += chance.sample(distinct, min(most, len(distinct)))
    return corpus


def first_sentence(doc: str) -> str:
    """The first sentence of a documentation comment, on one line, without comment signs."""
    paragraph = re.sub(r"""^[\s/*#"'!-]+""", "", doc.strip()).split("\n\n")[0]
    return re.split(r"(?<=[.!?])\s", " ".join(paragraph.split()))[0]


def without_lines(text: str, doc: str) -> str:
    """A chunk's text without the lines of its documentation: else a sentence is found by its own words."""
    doc_lines = {re.sub(r"\W+", "", line) for line in doc.split("\n")} - {""}
    lines = []
    for line in text.split("\n"):
        words = re.sub(r"\W+", "", line)
        if len(words) > 8 and any(len(part) > 8 and (words in part or part in words) for part in doc_lines):
            continue
        lines.append(line)
    return "\n".join(lines)


def _code_files(git_dir: Path, commit: str, chance: random.Random) -> tuple[list[SourceFile], ProjectContext]:
    listed = [
        (raw.decode("utf-8", "replace"), oid)
        for raw, oid, mode, size in list_tree(git_dir, commit, str(git_dir))
        if mode != 0o120000 and size is not None and size <= _LARGEST_FILE
    ]
    blobs = dict(listed)
    chosen = []
    for path, oid in listed:
        language = language_of_path(path)
        if language and language not in _NO_CODE:
            chosen.append((path, oid, language))
    chance.shuffle(chosen)
    files = []
    taken = chosen[:FILES]
    for (path, oid, language), raw in zip(taken, cat_file_batch(git_dir, [row[1] for row in taken]), strict=True):
        if raw is not None and b"\0" not in raw[:8000]:
            files.append(SourceFile(path, oid, language, raw.decode("utf-8", "replace")))

    def manifest(path: str) -> str | None:
        content = next(iter(cat_file_batch(git_dir, [blobs[path]])), None)
        return None if content is None else content.decode("utf-8", "replace")

    return files, project_context(blobs, manifest)


def _commit_pairs(git_dir: Path, commit: str) -> list[tuple[str, str]]:
    """Subjects of commits that change one to three code files, with the largest hunk of each (two at most)."""
    command = ["git", "-C", str(git_dir), "log", "-n", str(COMMITS), "--no-merges", "-p", "-U12", "--no-renames"]
    command += ["--diff-filter=M", "--format=%x01%s", commit]
    # A clone without all of its history gives what it has before git gives up.
    done = subprocess.run(command, capture_output=True, check=False)
    pairs: list[tuple[str, str]] = []
    for block in done.stdout.decode("utf-8", "replace").split("\x01")[1:]:
        first, _, diff = block.partition("\n")
        subject = re.sub(r"\(?#\d+\)?", "", first).strip()
        if not 15 < len(subject) < 150 or subject.lower().startswith(_ROUTINE):
            continue
        changed = [part for part in re.split(r"(?m)^diff --git ", diff)[1:] if _is_code(part)]
        if 1 <= len(changed) <= 3:
            pairs += [(subject, code) for part in changed[:2] for code in _largest_hunk(part)]
        if len(pairs) > COMMIT_PAIRS:
            break
    return pairs


def _is_code(file_diff: str) -> bool:
    path = file_diff.split("\n", 1)[0].rsplit(" b/", 1)[-1]
    language = language_of_path(path)
    return language is not None and language not in _NO_CODE and "test" not in path.lower()


def _largest_hunk(file_diff: str) -> Iterator[str]:
    hunks = re.split(r"(?m)^@@ [^@]*@@", file_diff)[1:]
    if not hunks:
        return
    head, _, body = max(hunks, key=len).partition("\n")
    code = "\n".join(line[1:] for line in body.split("\n") if line[:1] in (" ", "+"))[:2000]
    if len(code) > 100:
        yield f"{head.strip()}\n{code}"
