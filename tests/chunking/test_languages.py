"""The twelve languages on hand-written samples of their hard cases (in golden/)."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from code_index_assets.chunking.context import ProjectContext

GOLDEN = Path(__file__).parent / "golden"

# language: (path, context, names as "kind qualified.name", imports as (module, name, alias, resolved))
CASES = {
    "python": (
        "src/pkg/app.py",
        ProjectContext(("src/pkg/__init__.py", "src/pkg/app.py", "src/pkg/models.py", "src/a/b.py")),
        "variable pkg.app.__all__|variable pkg.app.LIMIT|class pkg.app.User|field pkg.app.User.name|"
        "field pkg.app.User.age|class pkg.app.User.Meta|field pkg.app.User.Meta.ordering|"
        "constructor pkg.app.User.__init__|property pkg.app.User.full|method pkg.app.User._hidden|"
        "function pkg.app.create|function pkg.app.create.inner|function pkg.app.db|class pkg.app.Post|"
        "field pkg.app.Post.title",
        [
            ("", "annotations", None, None),
            ("os", None, None, None),
            ("sys", None, "system", None),
            (".", "models", None, "src/pkg/models.py"),
            ("..a.b", "c", "d", "src/a/b.py"),
            ("..a.b", "e", None, "src/a/b.py"),
        ],
    ),
    "javascript": (
        "web/widget.jsx",
        ProjectContext(("web/path.js", "web/all/index.js")),
        "variable widget.fs|function widget.add|class widget.Widget|field widget.Widget.count|"
        "field widget.Widget.#secret|method widget.Widget.load|method widget.Widget.size|method widget.Widget.render|"
        "function widget.useThing|function widget.useThing.inner|method widget.Widget.prototype.close|"
        "method widget.module.exports.helper|test widget.widget|test widget.widget.opens",
        [
            ("react", "React", None, None),
            ("./path.js", "a", "b", "web/path.js"),
            ("fs", None, None, None),
            ("./all", None, None, "web/all/index.js"),
        ],
    ),
    "tsx": (
        "src/App.tsx",
        ProjectContext(("src/App.tsx", "src/types.ts", "src/ab.ts", "package.json"), packages=(("", "app"),)),
        "function App.App|function App.useThing|function App.useThing.inner|interface App.Props|property App.Props.x|"
        "method App.Props.go|type App.Alias|enum App.E|enum_member App.E.A|enum_member App.E.B|class App.Svc|"
        "field App.Svc.n|method App.Svc.make|constructor App.Svc.constructor|property App.Svc.x|"
        "method App.Svc.handler|namespace App.NS|function App.NS.f|class App.AA|method App.AA.m|constant App.LIMIT|"
        "variable App.other",
        [
            ("react", "React", None, None),
            ("react", "useState", "us", None),
            ("@/types", "T", None, "src/types.ts"),
            ("./ab", "a", None, "src/ab.ts"),
            ("./ab", "b", None, "src/ab.ts"),
        ],
    ),
    "go": (
        "a/b_test.go",
        ProjectContext(("go.mod", "a/b_test.go", "inner/i.go"), go_modules=(("", "example.com/mod"),)),
        "struct a.T|field a.T.n|field a.T.m|interface a.A|method a.A.Say|method a.A.Do|type a.F|constant a.One|"
        "constant a.two|method a.T.Say|method a.T.Do|function a.TestIt|function a.BenchmarkX",
        [("fmt", None, None, None), ("example.com/mod/inner", None, "x", "inner")],
    ),
    "rust": (
        "crates/geo/src/net/mod.rs",
        ProjectContext(
            (
                "crates/geo/src/lib.rs",
                "crates/geo/src/a.rs",
                "crates/geo/src/net/child.rs",
                "crates/geo/src/net/mod.rs",
            ),
            crates=(("crates/geo", "geo_core"),),
        ),
        "struct geo_core::net::Point|field geo_core::net::Point::x|field geo_core::net::Point::y|enum geo_core::net::E|"
        "enum_member geo_core::net::E::A|enum_member geo_core::net::E::B|field geo_core::net::E::B::z|"
        "enum_member geo_core::net::E::C|impl geo_core::net::Point|method geo_core::net::Point::fmt|"
        "method geo_core::net::Point::new|method geo_core::net::Point::go|trait geo_core::net::Shape|"
        "type geo_core::net::Shape::Out|constant geo_core::net::Shape::N|method geo_core::net::Shape::area|"
        "macro geo_core::net::sq|module geo_core::net::child|"
        "module geo_core::net::tests|function geo_core::net::tests::works",
        [
            ("crate::a::B", None, "C", "crates/geo/src/a.rs"),
            ("child", None, None, "crates/geo/src/net/child.rs"),
            ("super::*", None, None, "crates/geo/src/net/mod.rs"),
        ],
    ),
    "java": (
        "app/src/main/java/com/ex/app/UserController.java",
        ProjectContext(("app/src/main/java/com/ex/other/Thing.java",), builds=(("app", ":app"),)),
        "class com.ex.app.UserController|constant com.ex.app.UserController.MAX|field com.ex.app.UserController.a|"
        "field com.ex.app.UserController.b|constructor com.ex.app.UserController.UserController|"
        "method com.ex.app.UserController.get|method com.ex.app.UserController.get.run|"
        "field com.ex.app.UserController.posts|enum com.ex.app.UserController.Color|"
        "enum_member com.ex.app.UserController.Color.RED|enum_member com.ex.app.UserController.Color.GREEN|"
        "method com.ex.app.UserController.Color.GREEN.x|field com.ex.app.UserController.Color.z|"
        "interface com.ex.app.UserController.S|method com.ex.app.UserController.S.m|"
        "record com.ex.app.UserController.P|field com.ex.app.UserController.P.x|field com.ex.app.UserController.P.y|"
        "constructor com.ex.app.UserController.P.P|method com.ex.app.UserController.P.q|"
        "method com.ex.app.UserController.works",
        [
            ("java.util.List", None, None, None),
            ("com.ex.other.Thing", None, None, "app/src/main/java/com/ex/other/Thing.java"),
            ("org.junit.Assert", "*", None, None),
        ],
    ),
    "kotlin": (
        "src/P.kt",
        ProjectContext(("lib/x/y/Z.kt",)),
        "class a.b.P|property a.b.P.x|property a.b.P.y|object a.b.P.Companion|constant a.b.P.Companion.K|"
        "constructor a.b.P.constructor|method a.b.P.go|method a.b.List.foo|method a.b.String.bar|enum a.b.E|"
        "enum_member a.b.E.A|enum_member a.b.E.B|method a.b.E.z|interface a.b.S|object a.b.Single|type a.b.T",
        [("x.y.Z", None, "Q", "lib/x/y/Z.kt"), ("x", "*", None, None)],
    ),
    "ruby": (
        "app/user.rb",
        ProjectContext(("lib/x.rb", "app/user.rb")),
        "module Outer|class Outer::User|property Outer::User#first|property Outer::User#last|alias Outer::User#old|"
        "method Outer::User#dyn|constant Outer::User::LIMIT|constructor Outer::User#initialize|"
        "method Outer::User.find_it|method Outer::User.made|method Outer::User#method_missing|"
        "method Outer::User#hidden|method Outer::User#again|test Outer::User|test Outer::User::works|namespace db|"
        "task db::seed",
        [("json", None, None, None), ("../lib/x", None, None, "lib/x.rb")],
    ),
    "php": (
        "app/Models/User.php",
        ProjectContext(("app/Models/User.php",), psr4=(("App\\", "app"),)),
        "class App\\Models\\User|constant App\\Models\\User::MAX|property App\\Models\\User::table|"
        "constructor App\\Models\\User::__construct|property App\\Models\\User::name|"
        "method App\\Models\\User::posts|method App\\Models\\User::scopeActive|method App\\Models\\User::hid|"
        "enum App\\Models\\Suit|enum_member App\\Models\\Suit::Hearts|method App\\Models\\Suit::label|"
        "trait App\\Models\\T|method App\\Models\\T::f|function App\\Models\\helper",
        [
            ("Illuminate\\Database\\Eloquent\\Model", None, None, None),
            ("Illuminate\\Support\\Facades\\Route", "Route", None, None),
            ("Illuminate\\Support\\Facades\\DB", "DB", "Database", None),
        ],
    ),
    "c": (
        "src/a.c",
        ProjectContext(("src/a.c", "src/a.h")),
        "macro MAX|macro SQ|type point_t|struct point|field point.x|field point.y|field point.next|field point.cb|"
        "struct anon_t|field anon_t.only|type handler|enum color|enum_member RED|enum_member GREEN|variable counter|"
        "prototype add|function add2|function split|function only_x",
        [("a.h", None, None, "src/a.h"), ("<stdio.h>", None, None, None)],
    ),
    "cpp": (
        "src/x.cc",
        ProjectContext(("include/foo/bar.h", "src/x.cc", "src/x.h")),
        "namespace a::b|class a::b::Foo|prototype a::b::Foo::Foo|prototype a::b::Foo::~Foo|method a::b::Foo::get|"
        "prototype a::b::Foo::put|method a::b::Foo::operator bool|field a::b::Foo::x_|enum a::b::Color|"
        "enum_member a::b::Color::Red|enum_member a::b::Color::Green|method a::b::Foo::put|type a::b::V|macro MAX|"
        "test FooTest.Works|method ns::helper",
        [("foo/bar.h", None, None, "include/foo/bar.h")],
    ),
    "csharp": (
        "src/Foo.cs",
        ProjectContext(),
        "class A.B.Foo|constant A.B.Foo.Max|field A.B.Foo._a|field A.B.Foo._b|property A.B.Foo.Name|"
        "constructor A.B.Foo.Foo|method A.B.Foo.GetAsync|property A.B.Foo.this|method A.B.Foo.Works|enum A.B.Foo.E|"
        "enum_member A.B.Foo.E.A|enum_member A.B.Foo.E.B|class A.B.Foo.Inner|method A.B.Foo.Inner.m|record A.B.Point|"
        "interface A.B.IThing|method A.B.IThing.Explicit|property A.B.IThing.P",
        [("System", None, None, None), ("Newtonsoft.Json", None, "J", None)],
    ),
}

# (language, qualified name, field, value): what must be in a list field, or equal a plain one
ATTRIBUTES = [
    ("python", "pkg.app.User", "doc", "A user."),
    ("python", "pkg.app.User", "extends", "Base"),
    ("python", "pkg.app.User", "facts", "dataclass"),
    ("python", "pkg.app.User", "facts", "exported"),
    ("python", "pkg.app.User.full", "doc", "Full."),
    ("python", "pkg.app.User.full", "signature", "def full(self) -> str"),
    ("python", "pkg.app.User._hidden", "visibility", "private"),
    ("python", "pkg.app.create", "facts", "route=GET /users/{id}"),
    ("python", "pkg.app.create", "facts", "async"),
    ("python", "pkg.app.create", "doc", "Makes one."),
    ("python", "pkg.app.create", "decorators", '@app.get("/users/{id}")'),
    ("python", "pkg.app.db", "facts", "fixture"),
    ("python", "pkg.app.Post", "facts", "model"),
    ("javascript", "widget.add", "doc", "Adds."),
    ("javascript", "widget.Widget", "facts", "default_export"),
    ("javascript", "widget.Widget", "extends", "React.Component"),
    ("javascript", "widget.Widget", "facts", "component"),
    ("javascript", "widget.useThing", "facts", "hook"),
    ("javascript", "widget.useThing", "facts", "export"),
    ("javascript", "widget.Widget.#secret", "visibility", "private"),
    ("javascript", "widget.Widget.load", "facts", "async"),
    ("tsx", "App.App", "facts", "component"),
    ("tsx", "App.App", "doc", "The app."),
    ("tsx", "App.useThing", "facts", "hook"),
    ("tsx", "App.Props", "extends", "Base<T>"),
    ("tsx", "App.Svc", "extends", "J"),
    ("tsx", "App.Svc", "decorators", "@Injectable()"),
    ("tsx", "App.Svc", "facts", "export"),
    ("tsx", "App.Svc.n", "visibility", "private"),
    ("go", "a.T", "facts", "satisfies=A"),
    ("go", "a.T", "facts", "package=example.com/mod/a"),
    ("go", "a.T", "doc", "T is a thing."),
    ("go", "a.A", "doc", "A speaks."),
    ("go", "a.T.Say", "facts", "goroutine"),
    ("go", "a.T.Do", "facts", "channel"),
    ("go", "a.T.Say", "visibility", "public"),
    ("go", "a.two", "visibility", "private"),
    ("go", "a.TestIt", "facts", "test"),
    ("go", "a.TestIt", "facts", "route=GET /ping"),
    ("go", "a.BenchmarkX", "facts", "benchmark"),
    ("rust", "geo_core::net::Point", "doc", "A point."),
    ("rust", "geo_core::net::Point", "facts", "derive=Clone"),
    ("rust", "geo_core::net::Point::fmt", "facts", "trait=fmt::Display"),
    ("rust", "geo_core::net::Point::new", "doc", "New."),
    ("rust", "geo_core::net::Point::go", "visibility", "internal"),
    ("rust", "geo_core::net::Shape", "extends", "Send"),
    ("rust", "geo_core::net::sq", "visibility", "public"),
    ("rust", "geo_core::net::tests::works", "facts", "test"),
    ("java", "com.ex.app.UserController", "doc", "Doc."),
    ("java", "com.ex.app.UserController", "extends", "J<K>"),
    ("java", "com.ex.app.UserController", "facts", "controller"),
    ("java", "com.ex.app.UserController", "facts", "build=:app"),
    ("java", "com.ex.app.UserController.get", "facts", "route=GET /api/users/{id}"),
    ("java", "com.ex.app.UserController.posts", "facts", "association=one_to_many:posts"),
    ("java", "com.ex.app.UserController.S", "facts", "permits=B"),
    ("java", "com.ex.app.UserController.a", "visibility", "package"),
    ("java", "com.ex.app.UserController.works", "facts", "test"),
    ("kotlin", "a.b.P", "doc", "Doc of P."),
    ("kotlin", "a.b.P", "facts", "data"),
    ("kotlin", "a.b.P", "facts", "service"),
    ("kotlin", "a.b.P", "extends", "I"),
    ("kotlin", "a.b.P.y", "visibility", "private"),
    ("kotlin", "a.b.P.go", "facts", "coroutine"),
    ("kotlin", "a.b.List.foo", "facts", "suspend"),
    ("kotlin", "a.b.List.foo", "facts", "extension=List"),
    ("ruby", "Outer::User", "doc", "A user."),
    ("ruby", "Outer::User", "extends", "ApplicationRecord"),
    ("ruby", "Outer::User", "extends", "Comparable"),
    ("ruby", "Outer::User", "facts", "model"),
    ("ruby", "Outer::User", "facts", "association=has_many:posts"),
    ("ruby", "Outer::User", "facts", "scope=live"),
    ("ruby", "Outer::User#hidden", "visibility", "private"),
    ("ruby", "Outer::User#method_missing", "facts", "dynamic"),
    ("ruby", "Outer::User.made", "facts", "singleton"),
    ("php", "App\\Models\\User", "facts", "model"),
    ("php", "App\\Models\\User", "facts", "psr4"),
    ("php", "App\\Models\\User", "extends", "HasName"),
    ("php", "App\\Models\\User", "doc", "A user."),
    ("php", "App\\Models\\User::posts", "facts", "route=POST /users/{id}"),
    ("php", "App\\Models\\User::posts", "facts", "association=hasMany:Post"),
    ("php", "App\\Models\\User::scopeActive", "facts", "scope=active"),
    ("php", "App\\Models\\User::hid", "visibility", "private"),
    ("c", "add2", "doc", "Adds."),
    ("c", "add2", "signature", "static int add2(int a, int b)"),
    ("c", "add2", "visibility", "private"),
    ("c", "split", "facts", "header=src/a.h"),
    ("c", "point_t", "doc", "A point."),
    ("cpp", "a::b::Foo", "doc", "A thing."),
    ("cpp", "a::b::Foo", "extends", "ns::Other"),
    ("cpp", "a::b::Foo::x_", "visibility", "private"),
    ("cpp", "a::b::Foo::put", "facts", "overload"),
    ("csharp", "A.B.Foo", "facts", "partial"),
    ("csharp", "A.B.Foo", "extends", "IThing"),
    ("csharp", "A.B.Foo", "decorators", "[Serializable]"),
    ("csharp", "A.B.Foo.GetAsync", "facts", "route=GET x/{id}"),
    ("csharp", "A.B.Foo.GetAsync", "facts", "async"),
    ("csharp", "A.B.Foo.Works", "facts", "test"),
    ("csharp", "A.B.IThing.Explicit", "visibility", "public"),
]


@pytest.fixture(scope="module")
def parsed(samples: ModuleType) -> Any:
    return {
        language: samples.Parsed(language, (GOLDEN / f"{language}.txt").read_text(), path, context)
        for language, (path, context, _, _) in CASES.items()
    }


@pytest.mark.parametrize("language", CASES)
def test_exactly_these_definitions_are_found(parsed: Any, language: str) -> None:
    wanted = {tuple(name.split(" ", 1)) for name in CASES[language][2].split("|")}
    assert parsed[language].names() == wanted


@pytest.mark.parametrize("language", CASES)
def test_exactly_these_imports_are_found_and_resolved(parsed: Any, language: str) -> None:
    found = [(row["module"], row["name"], row["alias"], row["resolved"]) for row in parsed[language].imports]
    assert found == CASES[language][3]


@pytest.mark.parametrize("language", CASES)
def test_samples_have_no_syntax_errors_and_keep_the_laws(parsed: Any, language: str) -> None:
    assert parsed[language].codes == []
    parsed[language].check_laws()


@pytest.mark.parametrize(("language", "name", "field", "value"), ATTRIBUTES)
def test_attributes(parsed: Any, language: str, name: str, field: str, value: str) -> None:
    found = [row[field] for row in parsed[language].symbols if row["qualified_name"] == name]
    assert found
    assert any(value in each if isinstance(each, list) else value == each for each in found), found


def test_references_are_uses_outside_definitions(parsed: Any) -> None:
    python = parsed["python"].references
    assert python["inner"] == [40]
    assert "create" not in python
    assert "def" not in python
    assert parsed["go"].references["Println"] == [30]
    assert "Adds" not in parsed["c"].references


def test_ruby_names_of_modules_and_of_classes_with_a_path(samples: ModuleType) -> None:
    text = "module A\n  class B::C\n    X = 1\n    module D; def e; end; end\n  end\n  def f; end\nend\n"
    assert samples.Parsed("ruby", text).names() == {
        ("module", "A"),
        ("class", "A::B::C"),
        ("constant", "A::B::C::X"),
        ("module", "A::B::C::D"),
        ("method", "A::B::C::D#e"),
        ("method", "A#f"),
    }
