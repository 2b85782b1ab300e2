"""The exact index of a bucket: texts and trigrams of its kept files, made while the files are parsed.

What lives here: putting old and new documents together and writing both parts. What does not: their files
(`index/exact/`), which files are new (`chunk.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from ..chunking.parse import SourceFile
from ..index.exact.texts import Document, Texts, build, document, values_digest
from ..index.exact.trigrams import KeyFinder, Keys, Trigrams
from ..index.exact.trigrams import build as build_trigrams
from ..storage.artifacts import Artifact, ArtifactWriter

EXACT_VERSION = "1"
EXACT_TABLES = ("texts", "trigrams")


@dataclass
class ExactParts:
    """Collects the texts of new files as they stream to the parsers, and writes them bucket by bucket."""

    _new: dict[str, tuple[Document, Keys]] = field(default_factory=dict)
    _finder: KeyFinder = field(default_factory=KeyFinder)

    def heard(self, sources: Iterator[SourceFile]) -> Iterator[SourceFile]:
        """The same files; their texts are kept until their bucket is written."""
        for source in sources:
            one = document(source.path, source.language, source.text)
            self._new[source.path] = one, self._finder.of(one.text)
            yield source

    def write(
        self, writer: ArtifactWriter, bucket: int, paths: Collection[str], previous: Artifact | None, known: set[str]
    ) -> None:
        """Writes a bucket of the new files among `paths`; those that are `known` are taken over from `previous`."""
        rows: dict[str, tuple[Document, Keys]] = {}
        dictionary = None
        if previous is not None and known:
            texts = Texts(previous.verified_part("texts", bucket))
            keys = Trigrams(previous.verified_part("trigrams", bucket)).keys_by_document()
            # Frames stay while the dictionary that they were made with may: it holds text of the files it was made of.
            sampled = [entry.path for entry in texts.entries if entry.sampled]
            stay = 2 * len(known) >= len(paths) and known.issuperset(sampled)
            dictionary = texts.dictionary if stay else None
            for number, entry in enumerate(texts.entries):
                if entry.path in known:
                    frame, text = (texts.frame(number), b"") if stay else (b"", texts.text(number))
                    rows[entry.path] = Document(entry, text, frame), keys[number]
        for path in paths:
            if path in self._new:
                rows[path] = self._new.pop(path)
        documents = [rows[path][0] for path in sorted(rows)]
        writer.write_mapped("texts", bucket, build(documents, dictionary), len(documents), values_digest(documents))
        data = build_trigrams([rows[path][1] for path in sorted(rows)])
        writer.write_mapped("trigrams", bucket, data, len(documents))
