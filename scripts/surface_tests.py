"""Which test names an item of the chain's surface: found in the tests' own text.

In: the repository's tests. Out: for an item (kind, pallet, name) the first test whose code, or the
code of a helper that it calls, names that item. Python is read by its syntax (a string, an
attribute), Rust by its functions' text (`Pallet::name(`, `Name::<Test>`, `Error::<Test>::Name`).
A name that several pallets have counts only where the pallet is named with it, or in that pallet's
own tests. A table of cases counts for the tests of its file that use it. Docstrings and comments
count for nothing, nor does a set, which is compared with others and makes no call, nor the fuzzer,
which names no call. It does not run tests and does not know whether what a test says of an item is
much.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PYTHON_TESTS: Final = (
    "conformance",
    "e2e",
    "property",
    "unit/subnet/localnet",
    "unit/subnet/chain",
)
"""Whose strings speak of the chain; elsewhere "Active" is a word."""
NOT_NAMING: Final = ("test_surface.py",)
PALLET_OF: Final = {
    "subtensor": "SubtensorModule",
    "admin-utils": "AdminUtils",
    "commitments": "Commitments",
    "mev-shield": "MevShield",
    "shield": "MevShield",
    "swap": "Swap",
    "drand": "Drand",
    "crowdloan": "Crowdloan",
    "proxy": "Proxy",
    "multisig": "Multisig",
}
"""A pallet's folder and the name under which the runtime has it."""
RUST_FORMS: Final = {
    "calls": re.compile(r"(\w+)::(?:<[\w\s,]*>::)?([a-z]\w*)\s*[({]"),
    "storage": re.compile(r"(?:(\w+)::)?([A-Z]\w+)::<\s*\w+\s*>::"),
    "errors": re.compile(r"((?:\w+::)?(?:\w*Error|E))(?:::<\s*\w+\s*>)?::([A-Z]\w+)"),
    "events": re.compile(r"((?:\w+::)?\w*Event)(?:::<\s*\w+\s*>)?::([A-Z]\w+)"),
    "constants": re.compile(r"(\w+)?(?:<\s*\w+ as [\w:]+>)?::([A-Z]\w+)::get\("),
    "apis": re.compile(r"(Runtime)::(\w+)\s*\("),
}
RUST_FUNCTION: Final = re.compile(
    r"(#\[test\]\s*(?:#\[[^\]]*\]\s*)*)?(?:pub(?:\(\w+\))? )?fn (\w+)"
)
RUST_NOISE: Final = re.compile(r"//[^\n]*|\"(?:\\.|[^\"\\])*\"")


@dataclass(eq=False)
class Function:
    """One function of a test suite: what it names, and whom it calls."""

    place: str
    is_test: bool
    names: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    """By kind, (what stands before the name, the name); Python's stand under kind ""."""
    calls: set[str] = field(default_factory=set)


Suite = dict[str, list[Function]]
"""A crate's or a folder's functions by name; a name may be in several modules."""


def _body(text: str, start: int) -> str:
    """The braces that open after ``start``, to where they close."""
    opened = text.find("{", start)
    ends = text.find(";", start)
    if opened < 0 or 0 <= ends < opened:
        return ""
    depth = 0
    for at in range(opened, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[opened : at + 1]
    return text[opened:]


def _rust_functions(path: Path) -> Iterator[tuple[str, Function]]:
    text = RUST_NOISE.sub("", path.read_text(encoding="utf-8"))
    for found in RUST_FUNCTION.finditer(text):
        body = _body(text, found.end())
        place = f"{path.relative_to(ROOT / 'runtime')}::{found[2]}"
        function = Function(place, bool(found[1]))
        for kind, form in RUST_FORMS.items():
            function.names[kind] |= {(before or "", name) for before, name in form.findall(body)}
        function.calls = set(re.findall(r"\b([a-z_]\w*)\(", body))
        yield found[2], function


@cache
def rust_suites() -> dict[str, Suite]:
    """By pallet ("" is the runtime itself): what its tests' files hold."""
    suites: dict[str, Suite] = defaultdict(lambda: defaultdict(list))
    for path in sorted((ROOT / "runtime").rglob("*.rs")):
        parts = path.relative_to(ROOT / "runtime").parts
        of_tests = "tests" in parts or path.name in ("tests.rs", "mock.rs")
        if not of_tests or "target" in parts or "fuzz" in parts:
            continue
        pallet = PALLET_OF.get(parts[1], parts[1]) if parts[0] == "pallets" else ""
        for name, function in _rust_functions(path):
            suites[pallet][name].append(function)
    return suites


class _Names(ast.NodeVisitor):
    """Strings (but no docstrings), attributes and called names of a function's code."""

    def __init__(self, function: Function) -> None:
        self.function = function

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.function.names[""].add(("", node.value))
            before, dot, name = node.value.rpartition(".")
            if not dot:  # as `state_call` has it
                before, dot, name = node.value.partition("_")
            if dot:
                self.function.names[""].add((before, name))

    def visit_Set(self, node: ast.Set) -> None:
        """Names to compare with, which try nothing."""

    def visit_Call(self, node: ast.Call) -> None:
        """Pallet and name side by side, or the pallet as the keyword of that name."""
        told = [
            each.value if isinstance(each, ast.Constant) and isinstance(each.value, str) else ""
            for each in node.args
        ]
        pairs = set(pairwise(told))
        for keyword in node.keywords:
            if keyword.arg == "pallet" and isinstance(keyword.value, ast.Constant):
                pairs |= {(str(keyword.value.value), name) for name in told}
        self.function.names[""] |= {(before, name) for before, name in pairs if before and name}
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Attribute | ast.Name):
            before = node.value.attr if isinstance(node.value, ast.Attribute) else node.value.id
            self.function.names[""].add((before, node.attr))
        self.function.calls.add(node.attr)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self.function.calls.add(node.id)


@cache
def python_suite() -> Suite:
    """All functions of the Python tests that speak of the chain."""
    suite: Suite = defaultdict(list)
    for folder in PYTHON_TESTS:
        for path in sorted((ROOT / "tests" / folder).rglob("*.py")):
            if path.name in NOT_NAMING:
                continue
            file = str(path.relative_to(ROOT))
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    function = Function(f"{file}::{node.name}", node.name.startswith("test_"))
                    _read(function, *node.decorator_list, *node.body)
                    suite[node.name].append(function)
            for name, value in _tables(tree):
                table = Function(f"{file}::{name}", is_test=False)
                _read(table, value)
                suite[table.place].append(table)
    return suite


def _read(function: Function, *parts: ast.AST) -> None:
    visitor = _Names(function)
    for part in parts:
        visitor.visit(part)


def _tables(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """The constants of a module: what it says of cases beside its functions."""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value


def _called(function: Function) -> set[str]:
    """The functions and methods that it calls, and the tables of its file that it uses."""
    file = function.place.partition("::")[0]
    return function.calls | {f"{file}::{name}" for name in function.calls}


def _first_tests(suite: Suite) -> dict[Function, str]:
    """By helper, the first of the tests that call it, however deep; by test, itself."""
    listed = [function for functions in suite.values() for function in functions]
    tests = sorted((each for each in listed if each.is_test), key=lambda test: test.place)
    first = {test: test.place for test in tests}
    for test in tests:
        waiting = [test]
        while waiting:
            for name in _called(waiting.pop()) & suite.keys():
                new = [each for each in suite[name] if not each.is_test and each not in first]
                first |= dict.fromkeys(new, test.place)
                waiting += new
    return first


Index = dict[tuple[str, str], list[tuple[str, str, str]]]
"""(kind, name) to (pallet of the tests, what stands before the name, the test)."""


@cache
def index() -> Index:
    """All that any test names. Of Rust the pallet's own tests come first, a test's own code before
    that of its helpers."""
    found: Index = defaultdict(list)
    near: list[tuple[int, str, str, str, str, str]] = []
    for pallet, suite in [*rust_suites().items(), ("*", python_suite())]:
        for function, place in _first_tests(suite).items():
            far = int(not function.is_test)
            for kind, names in function.names.items():
                near += [(far, place, kind, pallet, before, name) for before, name in names]
    for _, place, kind, pallet, before, name in sorted(near):
        found[(kind, name)].append((pallet, before, place))
    return found


def _plain(name: str) -> str:
    return name.lower().replace("_", "").removeprefix("pallet")


def _speaks_of(pallet: str, before: str) -> bool:
    """Whether what stands before a name is this pallet: `Balances`, `pallet_balances`."""
    own = _plain(pallet)
    said = _plain(before.partition("::")[0])
    return bool(said) and (said == own or said == own.removesuffix("module"))


def test_of(kind: str, pallet: str, name: str, pallets: Mapping[str, set[str]]) -> str | None:
    """The test that names ``pallet``'s ``name``; ``pallets`` are all that have such a name."""
    alone = pallets[name] == {pallet}
    known = index()
    for tests_of, before, place in known.get((kind, name), ()):
        if alone or tests_of == pallet or _speaks_of(pallet, before):
            return place
    for _, before, place in known.get(("", name), ()):
        if _speaks_of(pallet, before) or (alone and kind in ("storage", "calls", "errors")):
            return place
    return None
