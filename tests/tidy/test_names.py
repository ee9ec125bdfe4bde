"""Names mean one thing, and what a docstring points at exists.

It reads syntax trees and text alone; which folders are the product's say ``sources`` and
``layers.toml``.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter

from tests.tidy.sources import ROOT, Source, package_sources, tracked
from tests.tidy.test_layers import TABLE

SIGNPOST = re.compile(r"``((?:assay|subnet)(?:\.[a-z_0-9]+)+)(?:\.[A-Za-z_]+)?``")
MEMBER = re.compile(r"``([A-Za-z]\w*)\.(?!py\b)([a-z]\w*)(?:\([^`]*\))?(?:\.[^`]*)?``")
"""``node.stop()``, ``Node.start``: a class, or a variable called like one, and a member of it."""
FILE = re.compile(
    r"\b((?:subnet|miners|validators|scoring|tests|scripts|docs|examples)/[\w./-]+\w)"
)
ABSENT = re.compile(r"\b(survey|simulator)s?\b", re.IGNORECASE)
PURE = re.compile(r"^(Pure\b|.*\. Pure\b|.*\bis pure\b)", re.MULTILINE)
WORD = re.compile(r"\b[a-z_0-9]+\b\*?")


def docstrings(source: Source) -> list[tuple[str, int]]:
    """Every docstring of ``source`` with its line; strings below a constant count."""
    return [
        (node.value.value, node.lineno)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]


def test_a_public_class_has_a_name_of_its_own() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for source in package_sources():
        if source.path.parts[0] == "examples":
            continue
        for node in source.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(f"{source.path}:{node.lineno}")
    twice = {name: found for name, found in homes.items() if len(found) > 1}
    assert not twice, "\n".join(f"{name}: {', '.join(found)}" for name, found in twice.items())


def module_graph() -> dict[str, set[str]]:
    """Which module of the product needs which other one when it is imported."""
    modules = {source.module for source in package_sources()}
    graph: dict[str, set[str]] = {}
    for source in package_sources():
        needs = graph.setdefault(source.module, set())
        for statement in at_import(source.tree.body):
            if isinstance(statement, ast.ImportFrom):
                base = statement.module or ""
                for alias in statement.names:
                    inner = f"{base}.{alias.name}"
                    needs.add(inner if inner in modules else base)
            else:
                needs |= {alias.name for alias in statement.names}
        graph[source.module] = {name for name in needs if name in modules and name != source.module}
    return graph


def at_import(body: list[ast.stmt]) -> list[ast.Import | ast.ImportFrom]:
    """The imports that run when the module does, not those for the type checker or in functions."""
    found: list[ast.Import | ast.ImportFrom] = []
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            found.append(statement)
        elif isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test):
            found += at_import(statement.orelse)
        elif isinstance(statement, ast.If | ast.Try | ast.With):
            found += at_import(statement.body)
    return found


def test_no_module_needs_itself_through_others() -> None:
    try:
        TopologicalSorter(module_graph()).prepare()
    except CycleError as error:
        raise AssertionError(" needs ".join(reversed(error.args[1]))) from None


def is_there(module: str) -> bool:
    """Whether ``module`` is one, or a name in one."""
    parts = module.split(".")
    base = ROOT.joinpath("src", "assay", *parts[1:])
    return base.is_dir() or base.with_suffix(".py").is_file() or _defined(parts)


def _defined(parts: list[str]) -> bool:
    home = ROOT.joinpath("src", "assay", *parts[1:-1])
    file = home / "__init__.py" if home.is_dir() else home.with_suffix(".py")
    return file.is_file() and re.search(rf"\b{parts[-1]}\b", file.read_text("utf-8")) is not None


def test_docstrings_point_at_what_is_there() -> None:
    wrong = []
    for source in package_sources():
        for text, line in docstrings(source):
            wrong += [
                f"{source.path}:{line}: {module}"
                for module in SIGNPOST.findall(text)
                if not is_there(module)
            ]
            wrong += [
                f"{source.path}:{line}: {path}"
                for path in FILE.findall(text)
                if not (ROOT / path).exists() and not (ROOT / f"{path}.py").exists()
            ]
    assert not wrong, "\n".join(wrong)


def classes() -> dict[str, ast.ClassDef]:
    """Every public class of the product by its name, which is its alone."""
    return {
        node.name: node
        for source in package_sources()
        for node in source.tree.body
        if isinstance(node, ast.ClassDef)
    }


def members(name: str, known: dict[str, ast.ClassDef]) -> set[str] | None:
    """What can be written behind the dot of the class ``name``; None where a base is not ours."""
    if name not in known:
        return set() if name in {"ABC", "Generic", "Protocol", "Exception", "object"} else None
    found = set()
    for node in ast.walk(known[name]):
        match node:
            case ast.FunctionDef(name=own) | ast.AsyncFunctionDef(name=own):
                found.add(own)
            case ast.AnnAssign(target=ast.Name(id=own) | ast.Attribute(attr=own)):
                found.add(own)
            case ast.Assign(targets=targets):
                each = [t for target in targets for t in ast.walk(target)]
                found |= {t.id for t in each if isinstance(t, ast.Name)}
                found |= {t.attr for t in each if isinstance(t, ast.Attribute)}
    for base in known[name].bases:
        plain = base.value if isinstance(base, ast.Subscript) else base
        inherited = members(plain.id, known) if isinstance(plain, ast.Name) else None
        if inherited is None:
            return None
        found |= inherited
    return found


def test_docstrings_name_members_that_classes_have() -> None:
    """Of the classes that a module defines or imports."""
    known, wrong = classes(), []
    for source in package_sources():
        seen = {node.name for node in source.tree.body if isinstance(node, ast.ClassDef)} | {
            alias.asname or alias.name
            for node in ast.walk(source.tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for text, line in docstrings(source):
            for word, member in MEMBER.findall(text):
                name = "".join(part[:1].upper() + part[1:] for part in word.split("_"))
                has = members(name, known) if name in seen and name in known else None
                if has is not None and member not in has:
                    wrong.append(f"{source.path}:{line}: {name} has no {member}")
    assert not wrong, "\n".join(wrong)


def test_a_package_names_each_of_its_modules() -> None:
    """A reader who opens a package sees in its docstring what to look for in which file."""
    wrong = []
    for source in package_sources():
        if source.path.name != "__init__.py":
            continue
        named = set(WORD.findall(ast.get_docstring(source.tree) or ""))
        families = tuple(name.removesuffix("*") for name in named if name.endswith("*"))
        silent = sorted(
            name
            for name in modules_in(source)
            if name not in named and not (families and name.startswith(families))
        )
        if silent:
            wrong.append(f"{source.path}: says nothing of {', '.join(silent)}")
    assert not wrong, "\n".join(wrong)


def modules_in(package: Source) -> set[str]:
    folder = package.path.parent
    return {
        path.relative_to(folder).parts[0].removesuffix(".py")
        for path in (source.path for source in package_sources())
        if path.is_relative_to(folder) and not path.relative_to(folder).name.startswith("__main")
    } - {"__init__"}


def test_no_file_cites_what_is_not_in_the_repository() -> None:
    wrong = [
        f"{path}:{number}: {line.strip()}"
        for path in tracked()
        if path.suffix in {".py", ".rs", ".md", ".toml"} and path.name != "test_names.py"
        for number, line in enumerate((ROOT / path).read_text("utf-8").splitlines(), 1)
        if ABSENT.search(line)
    ]
    assert not wrong, "\n".join(wrong)


def test_only_pure_modules_say_that_they_are_pure() -> None:
    rooms = tuple(TABLE["pure"]["rooms"])
    wrong = [
        str(source.path)
        for source in package_sources()
        if not str(source.path).startswith(rooms)
        and PURE.search(ast.get_docstring(source.tree) or "")
    ]
    assert not wrong, "\n".join(wrong)
