"""Which test names an item of the chain's surface: found in the tests' own text.

In: the repository's tests. Out: for an item (kind, pallet, name) the first test whose code, or the
code of a helper that it calls, names that item. Python is read by its syntax (a string, an
attribute), Rust by its functions' text (`Pallet::name(`, `Name::<Test>`, `Error::<Test>::Name`).
A name that several pallets have counts only where the pallet is named with it, or in that pallet's
own tests. Docstrings and comments count for nothing, nor does the fuzzer, which names no call. It
does not run tests and does not know whether what a test says of an item is much.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
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


@dataclass
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
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    place = f"{path.relative_to(ROOT)}::{node.name}"
                    function = Function(place, node.name.startswith("test_"))
                    visitor = _Names(function)
                    for part in (*node.decorator_list, *node.body):
                        visitor.visit(part)
                    suite[node.name].append(function)
    return suite


def _reached(suite: Suite, test: Function) -> Iterable[Function]:
    """The test and the helpers that it calls, however deep."""
    seen: dict[str, None] = {}
    yield test
    waiting = sorted(test.calls)
    while waiting:
        name = waiting.pop()
        if name in seen or name not in suite:
            continue
        seen[name] = None
        for function in suite[name]:
            if not function.is_test:
                yield function
                waiting.extend(sorted(function.calls))


Index = dict[tuple[str, str], list[tuple[str, str, str]]]
"""(kind, name) to (pallet of the tests, what stands before the name, the test)."""


@cache
def index() -> Index:
    """All that any test names. Of Rust the pallet's own tests come first, a test's own code before
    that of its helpers."""
    found: Index = defaultdict(list)
    near: list[tuple[int, str, str, str, str, str]] = []
    for pallet, suite in [*rust_suites().items(), ("*", python_suite())]:
        for functions in suite.values():
            for test in functions:
                if not test.is_test:
                    continue
                for function in _reached(suite, test):
                    far = int(function is not test)
                    for kind, names in function.names.items():
                        for before, name in names:
                            near.append((far, test.place, kind, pallet, before, name))
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
