"""Uses across repositories: imports of a package lead to the definitions of the repository that it is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from code_graphs import graph_of

from code_index_assets.graph.across import Provider, uses_elsewhere
from code_index_assets.graph.pins import own_names, packages

PYTHON = {
    "pyproject.toml": "",
    "src/lib/__init__.py": "from .core import Client, make\n",
    "src/lib/core.py": "class Client:\n    def get(self): pass\ndef make() -> Client:\n    pass\n",
}
PYTHON_USER = {
    "app.py": "import lib\nfrom lib import make as build, Client\nimport lib.core\ndef f():\n    lib.make()\n    build()\n"
    "    lib.core.make().get()\n    c = Client()\n    c.get()\n    other.get()\n    make()\n",
    "own/lib.py": "def make(): pass\n",
    "own/x.py": "from lib import make\nmake()\n",
}
SCRIPT = {
    "package.json": '{"name": "@o/lib"}',
    "src/index.ts": 'export { make } from "./core"\n',
    "src/core.ts": "export function make() { return 1 }\n",
}
SCRIPT_USER = {
    "a.ts": 'import { make as m } from "@o/lib"\nimport * as lib from "@o/lib"\nimport { make } from "@o/other"\nm()\nlib.make()\nmake()\n'
}
GO = {
    "go.mod": "module github.com/o/lib\n",
    "lib.go": "package lib\n\nfunc Make() *T { return nil }\n\ntype T struct{}\n\nfunc (t *T) Go() {}\n",
}
GO_USER = {
    "go.mod": "module x\n",
    "m.go": 'package main\n\nimport "github.com/o/lib"\n\nfunc main() {\n\tt := lib.Make()\n\tt.Go()\n}\n',
}
JAVA = {
    "src/main/java/o/lib/Lib.java": "package o.lib;\npublic class Lib {\n  public static Lib make() { return null; }\n"
    "  public void go() {}\n}\n"
}
JAVA_USER = {
    "src/main/java/a/App.java": "package a;\nimport o.lib.Lib;\nclass App {\n  void f() {\n    Lib l = Lib.make();\n    l.go();\n  }\n}\n"
}


@pytest.mark.parametrize(
    ("library", "user", "path", "name", "expected"),
    [
        (PYTHON, PYTHON_USER, "src/lib/core.py", "make",
         {"app.py:2": "proven", "app.py:5": "proven", "app.py:6": "proven", "app.py:7": "proven"}),
        (PYTHON, PYTHON_USER, "src/lib/core.py", "get", {"app.py:7": "inferred", "app.py:9": "inferred"}),
        (SCRIPT, SCRIPT_USER, "src/core.ts", "make", {"a.ts:1": "proven", "a.ts:4": "proven", "a.ts:5": "proven"}),
        (GO, GO_USER, "lib.go", "Make", {"m.go:6": "proven"}),
        (GO, GO_USER, "lib.go", "Go", {"m.go:7": "inferred"}),
        (JAVA, JAVA_USER, "src/main/java/o/lib/Lib.java", "make", {"src/main/java/a/App.java:5": "proven"}),
        (JAVA, JAVA_USER, "src/main/java/o/lib/Lib.java", "go", {"src/main/java/a/App.java:6": "inferred"}),
    ],
)  # fmt: skip
def test_imports_of_a_package_lead_to_its_repository(
    library: dict[str, str], user: dict[str, str], path: str, name: str, expected: dict[str, str]
) -> None:
    graph = graph_of(library)
    found = uses_elsewhere(Provider(graph, library), graph.places(name, path), graph_of(user))
    assert {f"{one.use.path}:{one.use.line}": one.use.grade for one in found} == expected


def test_a_folder_that_is_no_root_provides_no_module() -> None:
    nested = {"vendor/lib/__init__.py": "def make(): pass\n", "main.py": "x = 1\n"}
    graph = graph_of(nested)
    user = graph_of({"app.py": "from lib import make\nmake()\n"})
    assert list(uses_elsewhere(Provider(graph, nested), graph.places("make"), user)) == []


def test_manifests_name_packages_and_exact_versions() -> None:
    texts = {
        "pyproject.toml": '[project]\nname = "My_Lib"\ndependencies = ["flask[async]==3.0.1", "click>=8"]\n',
        "requirements-dev.txt": "pytest == 8.1\n# x==1\nruff>=1\n",
        "package.json": '{"name": "@o/web", "dependencies": {"zod": "3.22.4", "react": "^18.0.0"}}',
        "go.mod": "module github.com/o/m\n\nrequire (\n\tgithub.com/go-chi/chi/v5 v5.0.1\n)\n",
        "Cargo.toml": '[package]\nname = "c"\n[dependencies]\nserde = "=1.0.2"\nlog = "0.4"\n',
        "pom.xml": "<project><groupId>o.g</groupId><artifactId>a</artifactId><dependencies><dependency><groupId>x.y"
        "</groupId><artifactId>z</artifactId><version>1.2</version></dependency></dependencies></project>",
        "build.gradle": 'implementation "com.squareup:okio:3.0"\n',
        "composer.json": '{"name": "v/p", "require": {"v/q": "1.2.3", "php": ">=8"}}',
        "x.gemspec": 'Gem::Specification.new do |s|\n  s.name = "gemmy"\n  s.add_dependency "rack", "= 2.1"\nend\n',
        "A.csproj": '<PackageId>My.App</PackageId><PackageReference Include="Json.Net" Version="13.0.1" />',
        "broken/package.json": "{",
    }
    assert own_names(texts) == {"my-lib", "@o/web", "github.com/o/m", "c", "o.g:a", "v/p", "gemmy", "my.app"}
    assert packages(texts) == {
        "flask": "3.0.1", "pytest": "8.1", "zod": "3.22.4", "github.com/go-chi/chi/v5": "5.0.1", "serde": "1.0.2",
        "x.y:z": "1.2", "com.squareup:okio": "3.0", "v/q": "1.2.3", "rack": "2.1", "json.net": "13.0.1",
    }  # fmt: skip
