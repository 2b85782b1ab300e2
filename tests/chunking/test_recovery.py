"""One construct that a grammar does not know costs that construct, and nothing around it."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_sitter import Parser

from code_index_assets.chunking.plugins import plugin
from code_index_assets.chunking.recovery import SHARE, error_bytes, recovered

KOTLIN = """package shop

/** A basket of things. */
class Basket internal constructor(
  val id: Int,
) : Things {
  private val open = true

  fun first(): Int = 1

  fun second() {
    withLock {
      if (full) {
        close()
      }
      %s
    }
  }

  fun third(a: String): String {
    return "x $a"
  }
}

class Other {
  fun fourth() {}
}
"""


@pytest.mark.parametrize("line", ["val x: = ?: }{ ]", "when (x) { is A if (y) -> ) }"])
def test_a_kotlin_class_keeps_its_members_around_what_the_grammar_does_not_know(samples: ModuleType, line: str) -> None:
    parsed = samples.Parsed("kotlin", KOTLIN % line)
    assert parsed.codes == ["syntax_errors"]
    assert {name for _, name in parsed.names()} >= {
        "shop.Basket", "shop.Basket.id", "shop.Basket.open", "shop.Basket.first", "shop.Basket.second",
        "shop.Basket.third", "shop.Other", "shop.Other.fourth",
    }  # fmt: skip
    basket = parsed.symbol("shop.Basket", "class")
    assert (basket["start_line"], basket["doc"]) == (4, "A basket of things.")
    assert "".join(parsed.file.text.split()) == "".join("".join(c["text"] for c in parsed.chunks).split())
    parsed.check_laws()


def test_what_was_left_out_is_named_in_the_diagnostic(samples: ModuleType) -> None:
    parsed = samples.Parsed("kotlin", KOTLIN % "val x: = ?: }{ ] isOpen")
    assert parsed.rows.diagnostics == [
        ("file", "syntax_errors", "read without line 16, which the grammar does not know")
    ]
    assert "isOpen" in parsed.references, "what the lines mention stays a use"


@pytest.mark.parametrize(
    "line",
    [
        "open = isOpen", "in1.close()\n      in2.close()", "as_[1] = in_x", "if (suspend(waiter)) return", "final += 1",
        "val await = suspend { awaiter() }", "val jobs = listOf(suspend { a() }, { b() })", 'by.write("by")', "set = set or bit",
        "take(waiter, suspend = { it.resume() })", "val sealed = 1", "g(suspend, dynamic)", "if (a) b; else c",
    ],
)  # fmt: skip
def test_kotlin_s_modifiers_are_names_too(samples: ModuleType, line: str) -> None:
    """A kind that the grammar does not know, read whole: no error is left, and names and text stay as written."""
    parsed = samples.Parsed("kotlin", KOTLIN % line)
    assert parsed.codes == []
    assert "shop.Basket.third" in {name for _, name in parsed.names()}
    assert "".join(parsed.file.text.split()) == "".join("".join(c["text"] for c in parsed.chunks).split())
    parsed.check_laws()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("interface B { fun f() }\nclass C {\n  val internal = 1\n  fun g() { internal.x() }\n}\n", ["B", "B.f", "C", "C.internal", "C.g"]),
        (
            "@JvmInline\nvalue class R<out T>\n@PublishedApi internal constructor(val held: Any?) {\n  fun get() = 1\n}\n",
            ["R", "R.held", "R.get"],
        ),
        (
            '@Retention(RUNTIME)\nannotation class Flaky\n\n@A(1)\nactual class Crc {\n  private var c = 1\n  fun f() {}\n}\n',
            ["Flaky", "Crc", "Crc.c", "Crc.f"],
        ),
        ("val f: suspend() -> Unit = g\nfun h(b: suspend (Int) -> Unit) { open.x() }\n", ["f", "h"]),
    ],
)  # fmt: skip
def test_kotlin_that_one_line_s_end_or_an_annotation_breaks_is_read(
    samples: ModuleType, text: str, names: list[str]
) -> None:
    parsed = samples.Parsed("kotlin", text)
    assert parsed.codes == []
    assert [row["qualified_name"] for row in parsed.symbols] == names


NOISE = (
    "@@ ?? ( [ { => <<< ) ` ' ;;",
    "}" * 3,
    "(" * 4,
    "'",
    '"',
    "{{{{",
    "[[[ (",
    ") ) ) {",
    "fun class def if",
    "= = = (",
    "/*",
)
# Language: head of the type, one method, end. %d is a number, %s a line of the body.
TYPES = {
    "java": ("class Big {\n", "  int work%d(int a) {\n    int b = a;\n    %s\n    return b;\n  }\n\n", "}\n"),
    "kotlin": ("class Big {\n", "  fun work%d(a: Int): Int {\n    val b = a\n    %s\n    return b\n  }\n\n", "}\n"),
    "swift": ("class Big {\n", "  func work%d(a: Int) -> Int {\n    let b = a\n    %s\n    return b\n  }\n\n", "}\n"),
    "csharp": ("class Big\n{\n", "  int work%d(int a)\n  {\n    int b = a;\n    %s\n    return b;\n  }\n\n", "}\n"),
    "typescript": ("class Big {\n", "  work%d(a: number) {\n    const b = a;\n    %s\n    return b;\n  }\n\n", "}\n"),
    "php": ("<?php\nclass Big {\n", "  function work%d($a) {\n    $b = $a;\n    %s\n    return $b;\n  }\n\n", "}\n"),
    "rust": (
        "impl Big {\n",
        "    fn work%d(a: i32) -> i32 {\n        let b = a;\n        %s\n        b\n    }\n\n",
        "}\n",
    ),
    "scala": ("class Big {\n", "  def work%d(a: Int): Int = {\n    val b = a\n    %s\n    b\n  }\n\n", "}\n"),
    "python": ("class Big:\n", "    def work%d(self, a):\n        b = a\n        %s\n        return b\n\n", ""),
    "ruby": ("class Big\n", "  def work%d(a)\n    b = a\n    %s\n    b\n  end\n\n", "end\n"),
    "go": ("package p\n\n", "func work%d(a int) int {\n\tb := a\n\t%s\n\treturn b\n}\n\n", ""),
}


@pytest.mark.parametrize("language", TYPES)
def test_noise_that_makes_most_of_a_file_an_error_hides_one_method(samples: ModuleType, language: str) -> None:
    head, method, end = TYPES[language]
    right = (
        "b;"
        if language in ("typescript", "php", "rust")
        else "call(b);"
        if language in ("java", "csharp")
        else "call(b)"
    )
    looked_at = 0
    for noise in NOISE:
        text = head + "".join(method % (n, noise if n == 4 else right) for n in range(10)) + end
        root = Parser(plugin(language).language).parse(text.encode()).root_node
        if error_bytes(root) < SHARE * len(text):
            continue
        looked_at += 1
        found = {symbol["name"] for symbol in samples.Parsed(language, text).symbols}
        wanted = {f"work{n}" for n in range(10) if n != 4} | ({"Big"} if "Big" in head else set())
        assert wanted <= found, (noise, sorted(wanted - found))
    assert looked_at


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(
        st.sampled_from([*KOTLIN.splitlines(True), "}\n", "(\n", '"\n', '"""\n', "\r\n", "/*\n", "é\n", "\t{\n"]),
        max_size=60,
    )
)
def test_blanking_never_makes_a_tree_worse_and_keeps_offsets(lines: list[str]) -> None:
    raw = "".join(lines).encode()
    grammar = plugin("kotlin").language
    root = Parser(grammar).parse(raw).root_node
    better, blanked = recovered(raw, root, lambda part: Parser(grammar).parse(part).root_node)
    assert error_bytes(better) <= error_bytes(root)
    assert better.end_byte <= len(raw)
    assert all(1 <= first <= last <= len(lines) + 1 for first, last in blanked)
