"""C and C++ as they are written: code inside macros that no parser knows keeps its definitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_index_assets.chunking.macros import blank_macros
from code_index_assets.chunking.parse import ChunkOptions, SourceFile, parse_file


def names(text: str, language: str = "cpp") -> dict[str, str]:
    parsed = parse_file(SourceFile("a.h", "blob", language, text), ChunkOptions())
    return {row[3]: row[5] for row in parsed.symbols}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class DB_EXPORT Cache : public Base {\n public:\n  int size_;\n};\n", {"Cache": "class", "Cache::size_": "field"}),
        ("struct API(1) Options {\n  bool fill = true;\n};\n", {"Options": "struct", "Options::fill": "field"}),
        (
            "BEGIN_NAMESPACE\n\nnamespace a {\nvoid f() {}\n}\nEND_NAMESPACE\n",
            {"a": "namespace", "a::f": "function"},
        ),
        ("MY_API CONSTEXPR auto add(int a) -> int { return a; }\nint after;\n", {"add": "function", "after": "variable"}),
        ("class A {\n  int total GUARDED_BY(mu);\n  int next;\n};\n", {"A::total": "field", "A::next": "field"}),
        (
            "class A {\n  void log(int a)\n      LOCKS_REQUIRED(mu);\n  int next;\n};\n",
            {"A::log": "prototype", "A::next": "field"},
        ),
        ("static void CALLBACK done(void* context, int timed_out) {\n}\nint after;\n", {"done": "function", "after": "variable"}),
        ("#ifdef __cplusplus\nextern \"C\" {\n#endif\nint f(void);\n#ifdef __cplusplus\n} /* C */\n#endif\n", {"f": "prototype"}),
        ("TEST(Cache, Evicts) {\n  int a = 1;\n}\n", {"Cache.Evicts": "test"}),
    ],
)  # fmt: skip
def test_definitions_inside_macros_are_found(text: str, expected: dict[str, str]) -> None:
    found = names(text)
    assert {name: found.get(name) for name in expected} == expected


def test_c_declarators_of_any_shape_have_their_name() -> None:
    text = """
static const char *const urls[] = {"a"};
void *(*hook)(int) = 0;
typedef void *(*alloc_fn)(int);
struct node {
  LIST_FIELDS
  struct node **next; void *(*free)(void *); int bits : 3; };
LUA_API lua_fn lua_atpanic (lua_State *L, lua_fn panicf) {
  return panicf;
}
TEST_BEGIN(test_huge) {
  int local = 1;
}
TEST_END
int after;
"""
    assert names(text, "c") == {
        "urls": "variable",
        "hook": "variable",
        "alloc_fn": "type",
        "node": "struct",
        "node.next": "field",
        "node.free": "field",
        "node.bits": "field",
        "lua_atpanic": "function",
        "test_huge": "test",
        "after": "variable",
    }


def test_a_specialization_is_found_by_the_template_s_name() -> None:
    parsed = parse_file(
        SourceFile("a.h", "blob", "cpp", "template <> struct formatter<date> { int x; };\n"), ChunkOptions()
    )
    (row,) = [row for row in parsed.symbols if row[5] == "struct"]
    assert (row[2], row[3]) == ("formatter", "formatter<date>")


def test_chunks_and_signatures_keep_the_text_as_written() -> None:
    text = "class DB_EXPORT Cache {\n  int size_;\n};\nBROKEN (\n"
    parsed = parse_file(SourceFile("a.h", "blob", "cpp", text), ChunkOptions())
    assert "".join(row[16] for row in parsed.chunks) == text
    assert "class DB_EXPORT Cache" in str([row[9] for row in parsed.symbols])
    assert "DB_EXPORT" in {row[1] for row in parsed.references}


WORDS = st.sampled_from(
    ["class ", "struct ", "API_X ", "EXPORT(2) ", "int ", "name", "(", ")", "{", "}", ";", "\n", "  ", "*", ": ", "= ",
     "#ifdef __cplusplus\n", "extern \"C\" {\n", "#endif\n", "__has_include(<a>)", "é", "\"S\" ", "const "]
)  # fmt: skip


@given(st.lists(WORDS, max_size=60).map("".join))
def test_blanking_keeps_length_and_lines(text: str) -> None:
    raw = text.encode()
    blanked = blank_macros(raw)
    assert len(blanked) == len(raw)
    assert [i for i, b in enumerate(raw) if b == 10] == [i for i, b in enumerate(blanked) if b == 10]
    assert all(b in (a, 32, 49) for a, b in zip(raw, blanked, strict=True))
