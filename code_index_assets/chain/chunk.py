"""The `chunks` step: chunks and symbols of one partition; only files whose content is new are parsed.

What lives here: the step over artifacts. What does not: parsing (`chunking/parse.py`), Dagster.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from ..chunking.context import MANIFESTS
from ..chunking.imports import resolved_again
from ..chunking.parse import (
    CHUNKER_VERSION,
    ChunkOptions,
    Mode,
    ParsedTables,
    ProjectContext,
    SourceFile,
    parse_files,
    parser_fingerprint,
    project_context,
)
from ..chunking.process import start_early
from ..errors import SourceUnavailableError
from ..sources.snapshot import Snapshot
from ..sources.text import redacted
from ..storage.artifacts import Artifact, ArtifactSpec, ArtifactWriter, part_name
from ..storage.fingerprint import bucket_of, fingerprint
from ..tables import ARTIFACT_TABLES, FINDINGS
from .exact import EXACT_TABLES, EXACT_VERSION, ExactParts
from .observe import REPOSITORY, source_of
from .run import ChainRun, Outcome, StepResult
from .select import FILE_HASHES

KIND = "chunks"
TABLES = ("chunks", "symbols", "imports", "references", "diagnostics", "documents", "code_facts")
# Buckets parsed together: bounds memory (a bucket holds about 256 files) and keeps the pool of parsers busy.
BUCKETS_AT_ONCE = 16
_FILE_COLUMNS = ["path", "path_raw", "blob", "mode", "size", "language", "encoding", "hash", "secrets"]


@dataclass(frozen=True)
class Parsing:
    """How new files are parsed, and who hears of their chunks as they come (rows of the chunks table)."""

    mode: Mode = "auto"
    heard: Callable[[pl.DataFrame], None] = lambda chunks: None


# From the number of files to parse and their bytes.
ChooseParsing = Callable[[int, int], Parsing]


def chunk_files(run: ChainRun, choose: ChooseParsing = lambda files, size: Parsing()) -> StepResult:
    """Makes the chunks artifact of the partition's kept files. The chunks are the same however they are parsed."""
    files = run.input(FILE_HASHES)
    repository = run.parent(files, REPOSITORY)
    snapshot = Snapshot.from_json(repository.info["snapshot"])
    options = ChunkOptions(
        run.settings.chunk_max_chars, run.settings.chunk_min_chars, run.settings.parse_timeout_seconds
    )
    work = _Work(run, snapshot, files, options)
    spec = ArtifactSpec(
        KIND,
        run.key,
        {FILE_HASHES: files.fingerprint, "parser": parser_fingerprint(options), "exact": EXACT_VERSION},
        CHUNKER_VERSION,
    )

    def chunk(writer: ArtifactWriter, previous: Artifact | None) -> None:
        work.write_buckets(writer, previous, spec.inputs["parser"], choose)
        parts = [writer.parts[part].digest for part in sorted(writer.parts) if part.startswith("chunks-")]
        digest = fingerprint({"parts": parts, "chunker": CHUNKER_VERSION})
        writer.info.update(commit=snapshot.commit, digest=digest, **work.summary())

    built = run.build(spec, chunk, buckets=files.manifest.buckets)
    outcome: Outcome = "reused" if built.reused else "built"
    facts = _facts(built.artifact, reused=built.reused)
    return StepResult(built.artifact, outcome, snapshot.commit, facts, built.artifact.info["digest"])


@dataclass
class _Work:
    """One run of the step over the buckets."""

    run: ChainRun
    snapshot: Snapshot
    files: Artifact
    options: ChunkOptions
    parsed_files: int = 0
    reused_files: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    new_chunks: int = 0
    diagnostics: dict[str, int] = field(default_factory=dict)

    def write_buckets(
        self, writer: ArtifactWriter, previous: Artifact | None, parser: str, choose: ChooseParsing
    ) -> None:
        """Writes every bucket: what was made from the same files by the same rules is taken over."""
        if previous is None and any(kept.height for kept in self._files):
            start_early()
        project = self._project()
        same_buckets = previous is not None and previous.manifest.buckets == writer.buckets
        known = previous.manifest.bucket_inputs if previous and same_buckets else {}
        rules = fingerprint({"parser": parser, "project": project.names_digest, "exact": EXACT_VERSION})
        comparable = bool(previous) and known.get("rules") == rules
        writer.bucket_inputs["rules"] = rules
        same_paths = known.get("paths") == project.digest
        writer.bucket_inputs["paths"] = project.digest
        diagnosed = previous.read_split("diagnostics") if previous and same_buckets else []

        def inputs_of(bucket: int) -> str:
            parts = {table: self.files.part(table, bucket).digest for table in ("files", "findings")}
            return fingerprint({**parts, "rules": rules})

        def reuse(before: Artifact, bucket: int) -> None:
            for table in TABLES:
                if table == "imports" and not same_paths:
                    self._relink_imports(writer, before, bucket, project)
                else:
                    writer.link(before, table, bucket)
                self._count(table, writer.parts[part_name(table, bucket)].rows)
            for table in EXACT_TABLES:
                writer.link(before, table, bucket)
            self.reused_files += self._files[bucket].height
            self._count_diagnostics(diagnosed[bucket])

        changed = writer.reuse_buckets(previous, inputs_of, reuse)
        base = previous if comparable else None
        before = self.run.whole_parent(base, FILE_HASHES) if base and changed else None
        known_paths: dict[int, pl.DataFrame] = {}
        files = size = 0
        for bucket in changed:
            kept = self._files[bucket]
            known_paths[bucket] = self._known(kept, bucket, before)
            new = kept.join(known_paths[bucket], on="path", how="anti")
            files += new.height
            size += int(new.get_column("size").sum() or 0)
        if files:
            start_early()
        parsing = choose(files, size)
        for start in range(0, len(changed), BUCKETS_AT_ONCE):
            some = {bucket: known_paths[bucket] for bucket in changed[start : start + BUCKETS_AT_ONCE]}
            self._parse(some, writer, base, project, parsing)

    def _parse(
        self,
        buckets: dict[int, pl.DataFrame],
        writer: ArtifactWriter,
        previous: Artifact | None,
        project: ProjectContext,
        parsing: Parsing,
    ) -> None:
        """Parses the new files of some buckets (with the paths to take over) and writes all their rows."""
        old: dict[int, dict[str, pl.DataFrame]] = {}
        todo = []
        for bucket, known in buckets.items():
            old[bucket] = {
                table: previous.read_bucket(table, bucket).join(known, on="path", how="semi")
                if previous
                else ARTIFACT_TABLES[table].empty()
                for table in TABLES
            }
            todo.append(self._files[bucket].join(known, on="path", how="anti"))
            self.reused_files += known.height
        new = pl.concat(todo)
        self.parsed_files += new.height
        parts: dict[int, list[ParsedTables]] = {bucket: [] for bucket in buckets}
        exact = ExactParts()
        for tables in parse_files(
            exact.heard(self._sources(new)),
            self.options,
            mode=parsing.mode,
            workers=self.run.settings.workers,
            context=project,
            stages=self.run.stages,
        ):
            parsing.heard(tables.chunks)
            for bucket, rows in _split(tables, self.files.manifest.buckets).items():
                parts[bucket].append(rows)
        with self.run.stages.stage("write", unit="chunks") as ticker:
            for bucket in buckets:
                for table in TABLES:
                    frames = [old[bucket][table], *(getattr(rows, table) for rows in parts[bucket])]
                    if table == "imports":
                        frames[0] = resolved_again(frames[0], self._languages(bucket), project)
                    frame = pl.concat(frames).sort(_order(table), maintain_order=True)
                    writer.write(table, bucket, frame)
                    self._count(table, frame.height)
                    if table == "diagnostics":
                        self._count_diagnostics(frame)
                    if table == "chunks":
                        self.new_chunks += frame.height - old[bucket][table].height
                        ticker.advance(frame.height)
        with self.run.stages.stage("exact index", unit="files") as ticker:
            for bucket, known in buckets.items():
                paths = self._files[bucket].get_column("path").to_list()
                exact.write(writer, bucket, paths, previous, set(known.get_column("path")))
                ticker.advance(len(paths))

    def _known(self, files: pl.DataFrame, bucket: int, before: Artifact | None) -> pl.DataFrame:
        """Paths whose chunks can be taken over: same content, language and findings as when they were parsed, which
        the files artifact of then (`before`) says."""
        if before is None:
            return files.select("path").head(0)
        columns = ["path", "blob", "language", "encoding", "secrets"]
        was = before.read_bucket("files", bucket).filter(pl.col("status") == "kept").select(columns)
        return files.select(columns).join(was, on=columns, how="semi", nulls_equal=True).select("path")

    @cached_property
    def _files(self) -> list[pl.DataFrame]:
        """Kept files by bucket."""
        every = self.files.read_split("files", [*_FILE_COLUMNS, "status"])
        return [rows.filter(pl.col("status") == "kept").drop("status") for rows in every]

    def _relink_imports(self, writer: ArtifactWriter, previous: Artifact, bucket: int, project: ProjectContext) -> None:
        """Takes over a bucket's imports; files that came or went may have changed what they resolve to."""
        before = previous.read_bucket("imports", bucket)
        after = resolved_again(before, self._languages(bucket), project)
        if after.equals(before):
            writer.link(previous, "imports", bucket)
        else:
            writer.write("imports", bucket, after)

    def _languages(self, bucket: int) -> dict[str, str | None]:
        """Language by path, of a bucket's kept files."""
        return dict(self._files[bucket].select("path", "language").iter_rows())

    def _sources(self, files: pl.DataFrame) -> Iterator[SourceFile]:
        """The redacted texts of files, read in one stream."""
        if files.is_empty():
            return
        findings = self.files.read("findings").join(files.select("path"), on="path", how="semi")
        by_path = findings.partition_by("path", as_dict=True)
        empty = FINDINGS.empty()
        source = source_of(self.run)
        rows = files.select("path", "blob", "language", "encoding").rows()
        for index, raw in source.read(self.snapshot, files):
            path, blob, language, encoding = rows[index]
            if raw is None:
                raise SourceUnavailableError(
                    f"{path} (blob {blob[:12]}) of {self.run.key} was there a moment ago and is gone now",
                    remedy="run it again: the repository is observed anew",
                )
            secrets = by_path.get((path,), empty).to_dicts()
            yield SourceFile(path, blob, language, redacted(raw, encoding, secrets))

    def _project(self) -> ProjectContext:
        files = pl.concat(self._files).sort("path")
        with self.run.stages.stage("project context", unit="files"):
            # All manifests in one stream: a git process for each of 72 took 0.8 s.
            named = pl.col("path").str.split("/").list.last().is_in(MANIFESTS)
            manifests = files.filter(named).select(_FILE_COLUMNS)
            texts = {source.path: source.text for source in self._sources(manifests)}
            return project_context(files.get_column("path").to_list(), texts.get)

    def _count(self, table: str, rows: int) -> None:
        self.rows[table] = self.rows.get(table, 0) + rows

    def _count_diagnostics(self, frame: pl.DataFrame) -> None:
        for code, count in Counter(frame.get_column("code")).items():
            self.diagnostics[code] = self.diagnostics.get(code, 0) + count

    def summary(self) -> dict[str, Any]:
        chunks = self.rows.get("chunks", 0)
        return {
            **self.rows,
            "new_chunks": self.new_chunks,
            "reused_chunks": chunks - self.new_chunks,
            "parsed_files": self.parsed_files,
            "reused_files": self.reused_files,
            "diagnosed": dict(sorted(self.diagnostics.items())),
        }


def _order(table: str) -> list[str]:
    return {"chunks": ["path", "ordinal"], "symbols": ["path", "start_line"], "imports": ["path", "line"]}.get(
        table, ["path"]
    )


def _split(tables: ParsedTables, buckets: int) -> dict[int, ParsedTables]:
    """Rows of a batch by bucket."""
    if buckets == 1:
        return {0: tables}
    frames: dict[int, dict[str, pl.DataFrame]] = {}
    for table in TABLES:
        frame = getattr(tables, table)
        numbers = {path: bucket_of(path, buckets) for path in frame.get_column("path").unique()}
        column = pl.Series("bucket", [numbers[path] for path in frame.get_column("path")], dtype=pl.Int32)
        for (bucket,), rows in (
            frame.with_columns(column).partition_by("bucket", as_dict=True, include_key=False).items()
        ):
            frames.setdefault(int(bucket), {})[table] = rows
    return {
        bucket: ParsedTables(**{table: found.get(table, ARTIFACT_TABLES[table].empty()) for table in TABLES})
        for bucket, found in frames.items()
    }


def _facts(artifact: Artifact, *, reused: bool) -> dict[str, Any]:
    info = artifact.info
    chunks = int(info["chunks"])
    new = 0 if reused else int(info["new_chunks"])
    return {
        "chunks": chunks,
        "new": new,
        "reused": chunks - new,
        "symbols": info["symbols"],
        "imports": info["imports"],
        "references": info["references"],
        "parsed_files": 0 if reused else info["parsed_files"],
        "diagnosed": info["diagnosed"],
        "commit": info["commit"],
    }
