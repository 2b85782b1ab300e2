"""Column schemas of every artifact: the one source for Parquet, Dagster's column schemas, the checks and the docs.

What lives here: `Table` and `Column` declarations, and frames built and checked from them. What does not: code that
fills the tables (the rooms) or stores them (`storage/artifacts.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl


@dataclass(frozen=True)
class Column:
    """One column: its name, its Polars type, what it means, whether it may be null."""

    name: str
    dtype: pl.DataType
    description: str
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """One table: its columns in order."""

    name: str
    description: str
    columns: tuple[Column, ...]

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Type by column name."""
        return {column.name: column.dtype for column in self.columns}

    def empty(self) -> pl.DataFrame:
        """A frame of this schema without rows."""
        return pl.DataFrame(schema=self.schema)

    def frame(self, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
        """A frame of this table from row mappings; a column that a row leaves out is null."""
        return pl.DataFrame(list(rows), schema=self.schema, orient="row")


TEXT = pl.String()
WHOLE = pl.Int64()
INT = pl.Int32()
FLAG = pl.Boolean()
TEXTS = pl.List(pl.String)

ENTRIES = Table(
    "entries",
    "Every entry of the tree at the observed commit, before anything is decided about it.",
    (
        Column("path", TEXT, "path from the repository root, '/' separated; bytes that are not UTF-8 shown as \\xNN"),
        Column("path_raw", pl.Binary(), "the path's bytes where `path` is not exactly them", nullable=True),
        Column("blob", TEXT, "git blob id (submodule: its commit), or sha256:<hex> outside git"),
        Column("mode", INT, "git file mode, as the decimal value of the octal number (0o100644 = 33188)"),
        Column("size", WHOLE, "size in bytes; null where git does not have the object", nullable=True),
    ),
)

FILES = Table(
    "files",
    "Every file of the commit: kept, or left out and why.",
    (
        Column("path", TEXT, "path from the repository root"),
        Column("path_raw", pl.Binary(), "the path's bytes where `path` is not exactly them", nullable=True),
        Column("blob", TEXT, "git blob id, or sha256:<hex> outside git"),
        Column("mode", INT, "git file mode"),
        Column("size", WHOLE, "size in bytes", nullable=True),
        Column("hash", TEXT, "SHA-256 of the content; null where it was not read", nullable=True),
        Column(
            "language", TEXT, "language, lower case, as tree-sitter names it; null if not recognised", nullable=True
        ),
        Column("role", TEXT, "source, test, docs, example, config, data, vendored, generated, stub"),
        Column("status", TEXT, "kept, skipped (by a rule), refused (credentials), unreadable"),
        Column("reason", TEXT, "why it was not kept, one word", nullable=True),
        Column("detail", TEXT, "the rule or the particulars behind the reason", nullable=True),
        Column("encoding", TEXT, "encoding the text was decoded from", nullable=True),
        Column("lines", INT, "lines of the text", nullable=True),
        Column("secrets", INT, "secrets removed from the text before chunking"),
    ),
)

FINDINGS = Table(
    "findings",
    "Secrets found in kept files: where and by which rule, never the content.",
    (
        Column("path", TEXT, "file"),
        Column("blob", TEXT, "content it was found in"),
        Column("rule", TEXT, "rule that found it"),
        Column("line", INT, "line it starts on, from 1"),
        Column("start", WHOLE, "offset of its first character in the decoded text"),
        Column("end", WHOLE, "offset after its last character in the decoded text"),
    ),
)

CHUNKS = Table(
    "chunks",
    "Pieces of kept files on definition bounds: what is embedded and found.",
    (
        Column("chunk_id", TEXT, "hash of path, kind, qualified name, text hash and ordinal among equals in the file"),
        Column("path", TEXT, "file"),
        Column("blob", TEXT, "content of the file"),
        Column("ordinal", INT, "position among the file's chunks, from 0"),
        Column("start_line", INT, "first line, from 1"),
        Column("end_line", INT, "last line, inclusive"),
        Column("start_byte", WHOLE, "first byte in the redacted UTF-8 text"),
        Column("end_byte", WHOLE, "byte after the last"),
        Column("language", TEXT, "language of the chunk", nullable=True),
        Column("kind", TEXT, "function, method, class, …, section, block, lines"),
        Column("name", TEXT, "name of the definition the chunk is (part of)", nullable=True),
        Column("qualified_name", TEXT, "its name as the language writes it in full", nullable=True),
        Column("local_name", TEXT, "its name qualified within the file alone", nullable=True),
        Column("signature", TEXT, "declaration without the body", nullable=True),
        Column("doc", TEXT, "documentation comment", nullable=True),
        Column("names", TEXTS, "names of all definitions that start inside the chunk"),
        Column("text", TEXT, "the text, secrets removed"),
        Column("text_hash", TEXT, "BLAKE2b-128 of the text"),
        Column("parser", TEXT, "tree-sitter, structure or lines"),
    ),
)

SYMBOLS = Table(
    "symbols",
    "Definitions.",
    (
        Column("symbol_id", TEXT, "hash of path, kind, qualified name and ordinal among equals in the file"),
        Column("path", TEXT, "file"),
        Column("name", TEXT, "its own name"),
        Column("qualified_name", TEXT, "its name as the language writes it in full"),
        Column("local_name", TEXT, "its name qualified within the file alone"),
        Column("kind", TEXT, "function, method, class, interface, struct, enum, field, constant, macro, …"),
        Column("language", TEXT, "language"),
        Column("start_line", INT, "first line, from 1"),
        Column("end_line", INT, "last line, inclusive"),
        Column("signature", TEXT, "declaration without the body", nullable=True),
        Column("doc", TEXT, "documentation comment", nullable=True),
        Column("parent", TEXT, "qualified name of what encloses it", nullable=True),
        Column("visibility", TEXT, "public, private, protected, internal", nullable=True),
        Column("decorators", TEXTS, "decorators, annotations or attributes as written"),
        Column("extends", TEXTS, "base types, interfaces, traits as written"),
        Column("facts", TEXTS, "what the language's community asks about it, as key or key=value"),
    ),
)

IMPORTS = Table(
    "imports",
    "What files import.",
    (
        Column("path", TEXT, "file"),
        Column("line", INT, "line, from 1"),
        Column("module", TEXT, "module, package or file as written"),
        Column("name", TEXT, "name taken from it, if one is named", nullable=True),
        Column("alias", TEXT, "name it gets here, if another", nullable=True),
        Column(
            "resolved",
            TEXT,
            "path inside the repository it resolves to, where the language's rules tell",
            nullable=True,
        ),
    ),
)

REFERENCES = Table(
    "references",
    "Uses of names outside their definitions.",
    (
        Column("path", TEXT, "file"),
        Column("name", TEXT, "identifier"),
        Column("lines", pl.List(pl.Int32), "lines it is used on, from 1"),
    ),
)

DIAGNOSTICS = Table(
    "diagnostics",
    "What parsing had to give up on, file by file.",
    (
        Column("path", TEXT, "file"),
        Column("code", TEXT, "syntax_errors, no_grammar, no_facts, timeout, too_deep, memory, crashed, …"),
        Column("detail", TEXT, "particulars", nullable=True),
    ),
)

DOCUMENTS = Table(
    "documents",
    "What the index needs of each chunk beside its text.",
    (
        Column("chunk_id", TEXT, "chunk"),
        Column("path", TEXT, "file"),
        Column("terms", pl.List(pl.UInt32), "ids of its terms (CRC-32), ascending"),
        Column("counts", pl.List(pl.UInt32), "how often each term occurs: 6 in a name, 4 in the path, 1 in the text"),
        Column("length", INT, "words of the text"),
        Column("digest", TEXT, "BLAKE2b-128 of the chunk and the definitions that start in it"),
    ),
)


CODE_FACTS = Table(
    "code_facts",
    "What edges are resolved from: scopes, definitions in them, and expressions that name things.",
    (
        Column("path", TEXT, "file"),
        Column("language", TEXT, "language it was read as"),
        Column("names", TEXTS, "names that it defines or uses, without repetition, sorted"),
        Column("facts", TEXT, "JSON: version, package, scopes, definitions, expressions"),
    ),
)


def embeddings_table(dimension: int) -> Table:
    """The embeddings table of a space of so many dimensions."""
    return Table(
        "embeddings",
        "Vectors of the chunks of one commit.",
        (
            Column("chunk_id", TEXT, "chunk"),
            Column("part", pl.Int16(), "which vector of a long chunk, from 0"),
            Column("vector_key", TEXT, "key in the vector cache: hash of the embedded text in this space"),
            Column("vector", pl.Array(pl.Float32, dimension), "the vector, unit length"),
        ),
    )


RUN_STAGES = Table(
    "run_stages",
    "Where the time of each run went.",
    (
        Column("run_id", TEXT, "run"),
        Column("partition", TEXT, "partition key"),
        Column("asset", TEXT, "asset whose step it was"),
        Column("stage", TEXT, "stage"),
        Column("started_at", pl.Float64(), "Unix time"),
        Column("seconds", pl.Float64(), "wall seconds"),
        Column("items", WHOLE, "items handled", nullable=True),
        Column("unit", TEXT, "what an item is", nullable=True),
        Column("info", TEXT, "JSON particulars", nullable=True),
    ),
)

RUN_EVENTS = Table(
    "run_events",
    "What each step of each run did.",
    (
        Column("run_id", TEXT, "run"),
        Column("partition", TEXT, "partition key"),
        Column("asset", TEXT, "asset"),
        Column("outcome", TEXT, "built, reused, refused, failed"),
        Column("at", pl.Float64(), "Unix time"),
        Column("seconds", pl.Float64(), "wall seconds of the step"),
        Column("commit", TEXT, "commit it speaks of", nullable=True),
        Column("fingerprint", TEXT, "artifact it made or reused", nullable=True),
        Column("error", TEXT, "message of a failure", nullable=True),
        Column("info", TEXT, "JSON: the step's metadata"),
    ),
)

CHECK_RESULTS = Table(
    "check_results",
    "Results of every expectation of every verdict.",
    (
        Column("run_id", TEXT, "run"),
        Column("partition", TEXT, "partition key"),
        Column("subject", TEXT, "digest of what was checked"),
        Column("check", TEXT, "expectation"),
        Column("severity", TEXT, "warn or error"),
        Column("passed", FLAG, "result"),
        Column("observed", TEXT, "what was seen, as JSON", nullable=True),
        Column("at", pl.Float64(), "Unix time"),
    ),
)

ARTIFACT_TABLES: dict[str, Table] = {
    t.name: t
    for t in (ENTRIES, FILES, FINDINGS, CHUNKS, SYMBOLS, IMPORTS, REFERENCES, DIAGNOSTICS, DOCUMENTS, CODE_FACTS)
}
