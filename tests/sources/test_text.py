from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_index_assets.sources.text import count_lines, decode, redact, redacted, text_of


@pytest.mark.parametrize(
    ("raw", "text", "encoding"),
    [
        (b"plain", "plain", "utf-8"),
        ("é".encode(), "é", "utf-8"),
        (b"\xef\xbb\xbfmark", "mark", "utf-8-sig"),
        ("wide é".encode("utf-16"), "wide é", "utf-16"),
        (b"\xfe\xff" + "be".encode("utf-16-be"), "be", "utf-16"),
        ("32".encode("utf-32"), "32", "utf-32"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "# -*- coding: latin-1 -*-\nx = 'é'\n", "iso8859-1"),
        (b"#!/usr/bin/python\n# vim: set fileencoding=koi8-r :\n\xd0", None, "koi8-r"),
        (b"<?xml version='1.0' encoding='windows-1252'?><a>\x80</a>", None, "cp1252"),
        (b'<html><meta charset="shift_jis">\x83e\x83X\x83g</html>', '<html><meta charset="shift_jis">テスト</html>', "shift_jis"),
    ],
)  # fmt: skip
def test_encodings(raw: bytes, text: str | None, encoding: str) -> None:
    found = decode(raw)
    assert found is not None
    assert found[1] == encoding
    assert text is None or found[0] == text
    assert text_of(raw, encoding) == found[0]


def test_an_undeclared_encoding_is_detected() -> None:
    words = "Größe und Länge der Übertragung; größere Änderungen übernehmen. Schlüssel prüfen, Fehler auslösen.\n" * 20
    found = decode(words.encode("latin-1"))
    assert found is not None
    assert found[0] == words


def test_a_lone_surrogate_is_no_text() -> None:
    assert decode(b"\xff\xfe\x00\xd8") is None  # a lone surrogate


def test_a_declared_codec_that_is_no_text_encoding_is_not_used() -> None:
    found = decode(b"# coding: hex\nx = '\xe9\xe8\xe0 caf\xe9 d\xe9j\xe0 vu'\n" * 10)
    assert found is None or found[1] != "hex"


def finding(start: int, end: int, rule: str = "r") -> dict[str, int | str]:
    return {"rule": rule, "start": start, "end": end}


def test_a_removed_secret_keeps_the_lines() -> None:
    text = "a\nKEY\r\nMORE\nEND\nz\n"
    start, end = text.index("KEY"), text.index("END") + 3
    out = redact(text, [finding(start, end, "pem")])
    assert out == "a\n[removed: pem]\r\n\n\nz\n"
    assert redacted(b"\xef\xbb\xbfx=KEY", "utf-8-sig", [finding(2, 5)]) == "x=[removed: r]"


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=6)


@given(text=st.text(alphabet="ab\n\r é", max_size=60), spans=SPANS)
def test_redaction_never_changes_the_line_count_nor_what_is_outside(text: str, spans: Any) -> None:
    findings = [finding(a, b) for a, b in spans if a < b <= len(text)]
    out = redact(text, findings)
    assert out.count("\n") == text.count("\n")
    hidden = {i for f in findings for i in range(int(f["start"]), int(f["end"]))}
    outside = "".join(c for i, c in enumerate(text) if i not in hidden or c in "\r\n")
    assert out.replace("[removed: r]", "") == outside


def test_lines_are_counted_as_editors_do() -> None:
    assert [count_lines(t) for t in ("", "a", "a\n", "a\nb", "a\r\nb\r\n", "\n", "a\x0cb\u2028c")] == [
        0,
        1,
        1,
        2,
        2,
        1,
        1,
    ]
