"""Laws every parse keeps, on samples, on damaged samples, and on bytes of no language at all."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from code_index_assets.chunking import grammars, plugins
from code_index_assets.chunking.parse import ChunkOptions, parser_fingerprint, project_context

GOLDEN = {file.stem: file.read_text() for file in sorted((Path(__file__).parent / "golden").glob("*.txt"))}
STRUCTURES = {
    "markdown": "# A\n\ntext\n\n## B\n\nmore\n",
    "json": '{"a": {"b": [1, 2]}, "c": "d"}\n',
    "yaml": "a:\n  b: 1\n  c: [x, y]\nd: e\n",
    "toml": '[a]\nb = 1\n[[c]]\nd = "e"\n',
    "css": "a { color: red }\n@media print { b { x: y } }\n",
    "html": "<html><body id='x'><p>t</p></body></html>\n",
    "sql": "CREATE TABLE t (a int);\nSELECT a FROM t;\n",
    "dockerfile": "FROM a AS b\nRUN c\n",
    "make": "all: x\n\techo y\nA = 1\n",
    "bash": "f() {\n  echo 1\n}\nX=1\n",
    "terraform": 'resource "a" "b" {\n  c = 1\n}\n',
    "proto": 'syntax = "proto3";\nmessage A { int32 b = 1; }\nservice S { rpc R (A) returns (A); }\n',
    "graphql": "type A implements B { c: Int }\nquery Q { a }\n",
    "rst": "Title\n=====\n\ntext\n\nSub\n---\n\nmore\n",
    "vue": "<template><p/></template>\n<script>\nexport default { data() { return 1 } }\n</script>\n",
    "svelte": "<script>\nfunction a() {}\n</script>\n<p>{a()}</p>\n",
    "lua": "local function a() return 1 end\nfunction M.b() end\n",
    "haskell": "f :: Int -> Int\nf x = x + 1\n",
    None: "words\nand more\n",
}
SAMPLES: dict[str | None, str] = {**STRUCTURES}
SAMPLES.update({k: text for k, text in GOLDEN.items() if k not in STRUCTURES})
SMALL = ChunkOptions(max_chars=60, min_chars=20)

relaxed = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str | None, str]:
    """A sample with stretches cut out, doubled, or replaced by noise."""
    language = draw(st.sampled_from(sorted(SAMPLES, key=str)))
    text = SAMPLES[language]
    for _ in range(draw(st.integers(0, 4))):
        low = draw(st.integers(0, len(text)))
        high = min(len(text), low + draw(st.integers(0, 30)))
        noise = draw(
            st.one_of(st.text(max_size=12), st.sampled_from(["{", "}", "(", '"', "'''", "/*", "\n", "\r\n", "\0", "é"]))
        )
        text = text[:low] + noise + (text[low:high] * draw(st.integers(0, 2))) + text[high:]
    return language, text


@relaxed
@given(damaged(), st.sampled_from([ChunkOptions(), SMALL]))
def test_laws_hold_on_damaged_samples(samples: ModuleType, sample: Any, options: Any) -> None:
    language, text = sample
    parsed = samples.Parsed(language, text, options=options)
    assert "crashed" not in parsed.codes
    parsed.check_laws()


@relaxed
@given(st.sampled_from(sorted(SAMPLES, key=str)), st.binary(max_size=300))
def test_any_bytes_in_any_language_give_lawful_chunks(samples: ModuleType, language: str, raw: bytes) -> None:
    parsed = samples.Parsed(language, raw.decode("utf-8", "surrogateescape"), options=SMALL)
    assert "crashed" not in parsed.codes
    parsed.check_laws()


@pytest.mark.slow
@settings(max_examples=4000, deadline=None, suppress_health_check=list(HealthCheck))
@given(damaged(), st.sampled_from([ChunkOptions(), SMALL]))
def test_laws_hold_on_many_damaged_samples(samples: ModuleType, sample: Any, options: Any) -> None:
    parsed = samples.Parsed(*sample, options=options)
    assert "crashed" not in parsed.codes
    parsed.check_laws()


@pytest.mark.slow
@pytest.mark.parametrize("language", grammars.available())
def test_every_grammar_survives_every_sample(samples: ModuleType, language: str) -> None:
    for text in SAMPLES.values():
        parsed = samples.Parsed(language, text * 3, options=SMALL)
        assert "crashed" not in parsed.codes
        parsed.check_laws()


@pytest.mark.parametrize("language", sorted(GOLDEN))
def test_a_line_on_top_changes_no_text_below(samples: ModuleType, language: str) -> None:
    text = "\n\n" + GOLDEN[language] if language != "php" else GOLDEN[language].replace("<?php\n", "<?php\n\n\n")
    before = samples.Parsed(language, GOLDEN[language], options=SMALL)
    after = samples.Parsed(language, text, options=SMALL)
    skip = 1  # the first chunk itself may hold the new lines
    assert [c["text_hash"] for c in before.chunks][skip:] == [c["text_hash"] for c in after.chunks][skip:]
    assert [c["chunk_id"] for c in before.chunks][skip:] == [c["chunk_id"] for c in after.chunks][skip:]
    assert after.chunks[-1]["start_line"] == before.chunks[-1]["start_line"] + 2


CALL = "compute(a, b, 'some longer text in here', 100, 200, 300)"
FUNCTIONS = {
    "python": ("def {name}(a):\n    b = a + {value}\n    return " + CALL + "\n\n\n", ""),
    "go": ("func {name}(a int) int {{\n\tb := a + {value}\n\treturn " + CALL.replace("'", '"') + "\n}}\n\n",
        "package p\n\n"),
    "rust": ("fn {name}(a: i32) -> i32 {{\n    let b = a + {value};\n    " + CALL.replace("'", '"') + "\n}}\n\n", ""),
    "ruby": ("def {name}(a)\n  b = a + {value}\n  " + CALL + "\nend\n\n", ""),
    "javascript": ("function {name}(a) {{\n  const b = a + {value}\n  return " + CALL + "\n}}\n\n", ""),
    "c": ("int {name}(int a)\n{{\n  int b = a + {value};\n  return " + CALL.replace("'", '"') + ";\n}}\n\n", ""),
}  # fmt: skip


@pytest.mark.parametrize("language", FUNCTIONS)
def test_an_edit_in_one_function_changes_that_chunk_alone(samples: ModuleType, language: str) -> None:
    template, head = FUNCTIONS[language]
    texts = [template.format(name=f"work_{number}", value=number) for number in range(12)]
    before = samples.Parsed(language, head + "".join(texts), options=ChunkOptions(300, 50))
    texts[5] = template.format(name="work_5", value="5000 + 1")
    after = samples.Parsed(language, head + "".join(texts), options=ChunkOptions(300, 50))
    pairs = list(zip(before.chunks, after.chunks, strict=True))
    changed = [old["name"] for old, new in pairs if old["chunk_id"] != new["chunk_id"]]
    assert changed == ["work_5"]
    assert [old["name"] for old, new in pairs if old["text"] != new["text"]] == ["work_5"]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "x = " + "(" * 100_000 + ")" * 100_000),
        ("javascript", "[" * 100_000),
        ("rust", "fn a(){" * 20_000),
        ("json", "[" * 100_000 + "]" * 100_000),
        ("c", "int x = " + "(" * 100_000 + ")" * 100_000 + ";"),
        ("markdown", "> " * 5_000 + "x"),
        ("markdown", "".join("  " * n + "- a\n" for n in range(400))),
        ("yaml", "- " * 5_000 + "x"),
        ("yaml", "".join("  " * n + "a:\n" for n in range(400))),
        ("html", "<div>" * 20_000),
    ],
)
def test_deep_nesting_does_not_recurse(samples: ModuleType, language: str, text: str) -> None:
    parsed = samples.Parsed(language, text + "\n")
    assert "crashed" not in parsed.codes
    parsed.check_laws()


def test_one_long_line_is_cut_by_characters(samples: ModuleType) -> None:
    parsed = samples.Parsed("javascript", "var a = '" + "é" * 20_000 + "'\nvar b\n")
    parsed.check_laws()
    assert len(parsed.chunks) > 10
    assert {c["start_line"] for c in parsed.chunks} == {1}
    assert parsed.chunks[-1]["end_line"] == 2


LONG = "text that makes it long enough to stand, and some more text in the same call for its size"


def test_a_type_whose_methods_become_chunks_keeps_its_head_together(samples: ModuleType) -> None:
    body = "".join(f"    def m{n}(self):\n        return call({n}, {LONG!r}, {n})\n\n" for n in range(12))
    parsed = samples.Parsed(
        "python", f'@deco\nclass Big(Base):\n    """Doc."""\n\n    size = 1\n    name = "n"\n\n{body}'
    )
    head = parsed.chunks[0]
    assert (head["kind"], head["qualified_name"]) == ("class", "file.Big")
    assert "@deco" in head["text"] and "size = 1" in head["text"] and "def m" not in head["text"]
    assert [c["name"] for c in parsed.chunks if c["kind"] == "method"][:1] == ["m0"]


def test_leading_comments_go_with_their_definition(samples: ModuleType) -> None:
    head = "package p\n\nimport (\n" + '\t"some/long/path/to/a/package"\n' * 6 + ")\n\n// Far away.\n\n"
    text = head + "// Does it.\n// Well.\nfunc Do() {\n" + "\tcall(1, 2, 3, 4, 5, 6)\n" * 30 + "}\n"
    parsed = samples.Parsed("go", text)
    chunk = next(c for c in parsed.chunks if c["name"] == "Do")
    assert chunk["text"].startswith("// Does it.\n// Well.\nfunc Do()")
    assert chunk["doc"] == "Does it.\nWell."


def test_what_cannot_be_parsed_says_so_and_comes_as_lines(samples: ModuleType) -> None:
    missing = samples.Parsed("no-such-language", "a\nb\n")
    assert missing.codes == ["no_grammar"]
    assert [c["parser"] for c in missing.chunks] == ["lines"]
    refused = samples.Parsed("cobol", "class Car {\n}\n" * 50)
    assert refused.codes == ["no_grammar"]
    broken = samples.Parsed("python", "def f(:\n  x\n\n\ndef good():\n    return 1\n")
    assert broken.codes == ["syntax_errors"]
    assert ("function", "file.good") in broken.names()
    late = samples.Parsed("python", "x = [1, 2]\n" * 200_000, options=ChunkOptions(timeout_seconds=0.01))
    assert late.codes == ["timeout"]
    assert {c["parser"] for c in late.chunks} == {"lines"}
    late.check_laws()


def test_generic_grammars_give_definitions(samples: ModuleType) -> None:
    parsed = samples.Parsed("solidity", "contract Bank {\n  function pay(uint a) public { x = a; }\n}\n")
    assert {s["name"] for s in parsed.symbols} == {"Bank", "pay"}
    swift = samples.Parsed("swift", "class Car: Base {\n  func drive(_ a: Int) -> Int { return a }\n}\n")
    assert {"Car", "drive"} <= {s["name"] for s in swift.symbols}


def test_every_query_file_compiles_and_every_grammar_has_a_plugin() -> None:
    for file in plugins.QUERIES.glob("*.scm"):
        assert not plugins.plugin(file.stem).generic
    for name in grammars.available():
        plugins.plugin(name)


def test_fingerprint_follows_what_chunks_depend_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    base = parser_fingerprint(ChunkOptions())
    assert parser_fingerprint(ChunkOptions()) == base
    assert parser_fingerprint(ChunkOptions(max_chars=900)) != base
    monkeypatch.setattr(grammars, "versions", lambda: {"tree-sitter": "0"})
    assert parser_fingerprint(ChunkOptions()) != base


def test_project_context_reads_manifests_and_its_digest_follows_them() -> None:
    files = {
        "go.mod": "module example.com/m\n",
        "tools/go.mod": "module example.com/tools\n",
        "crates/a/Cargo.toml": '[package]\nname = "my-crate"\n',
        "broken/Cargo.toml": "[[[",
        "web/package.json": '{"name": "@scope/web"}',
        "composer.json": '{"autoload": {"psr-4": {"App\\\\": "src/"}}}',
        "settings.gradle.kts": 'include(":app", ":lib:core")\n',
        "m/pom.xml": "<project><parent><artifactId>p</artifactId></parent><artifactId>mod</artifactId></project>",
        "src/A.php": "",
    }
    context = project_context(files, files.get)
    assert context.owner("go_modules", "tools/x/y.go") == ("tools", "example.com/tools")
    assert context.owner("go_modules", "x.go") == ("", "example.com/m")
    assert context.crates == (("crates/a", "my_crate"),)
    assert context.packages == (("web", "@scope/web"),)
    assert context.psr4 == (("App\\", "src"),)
    assert context.builds == (("app", ":app"), ("lib/core", ":lib:core"), ("m", "mod"))
    assert project_context(reversed(list(files)), files.get).digest == context.digest
    assert project_context([*files, "new.py"], files.get).digest != context.digest
    assert project_context(files, {**files, "go.mod": "module other\n"}.get).digest != context.digest
