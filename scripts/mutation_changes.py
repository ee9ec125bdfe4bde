"""The small changes that ``scripts/mutate`` makes to a module, each a fault somebody could write.

In goes a module's text; out comes one ``Change`` after another, with the code of the whole module
as it is with that change. Only what stands inside functions is changed. Left alone is what no test
should hold: the wording of errors and logs (a text with a space in it, whatever an f-string says
between its values, a call of ``logger``), docstrings, annotations, ``assert``, and ``strict`` of
``zip``, which is an assertion too.

Out comes also what the page of survivors says. It knows neither tests nor processes.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Final

SURVIVORS: Final = Path(__file__).resolve().parents[1] / "tests" / "mutation-survivors.md"
"""Names the changes that no test need notice."""

COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}
NAMES: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)

CodeKey = tuple[str, int]
"""A function's ``co_qualname`` and ``co_firstlineno``: the two name it within its file."""


@dataclass(frozen=True)
class Change:
    """One change of one function: the statement's first line before and after."""

    path: str
    function: str
    line: int
    old: str
    new: str
    inside: tuple[CodeKey, ...]
    """The function and those around it: a test reaches the change if it enters one of them."""
    codes: dict[CodeKey, CodeType]

    @property
    def name(self) -> tuple[str, str, str, str]:
        """What the page of survivors says of a change; a line's number would not last."""
        return (self.path, self.function, self.old, self.new)

    def __str__(self) -> str:
        return f"{self.path}:{self.line} in {self.function}\n    - {self.old}\n    + {self.new}"


@dataclass(frozen=True)
class _Place:
    """Where a node hangs, so that another can be hung there and the first put back."""

    parent: ast.AST
    field: str
    index: int | None

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def changes(path: str, text: str, filename: str) -> Iterator[Change]:
    """Each change of the module ``text``; ``filename`` goes into the code objects."""
    tree = ast.parse(text)
    for function, statement, place, old, new in list(_module(tree)):
        before = _head(statement)
        place.put(new)
        after = _head(new if old is statement else statement)
        try:
            codes = dict(code_objects(compile(tree, filename, "exec", dont_inherit=True)))
        except (SyntaxError, ValueError):
            codes = {}
        place.put(old)
        if codes and after != before:
            names = tuple(key for key, _ in function)
            yield Change(path, names[-1][0], statement.lineno, before, after, names, codes)


_PASS: Final = ast.Pass(lineno=1, col_offset=0, end_lineno=1, end_col_offset=0)
_Chain = tuple[tuple[CodeKey, FunctionNode], ...]
_Found = tuple[_Chain, ast.stmt, _Place, ast.AST, ast.AST]


def code_objects(code: CodeType) -> Iterator[tuple[CodeKey, CodeType]]:
    """Every code object in ``code``, with its key."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield (constant.co_qualname, constant.co_firstlineno), constant
            yield from code_objects(constant)


def _head(node: ast.AST) -> str:
    """The first line of a statement, however its author broke it."""
    if isinstance(node, ast.Try):
        return "try:"
    bare = copy.copy(node)
    for field in ("body", "orelse", "finalbody"):
        if isinstance(getattr(bare, field, None), list):
            setattr(bare, field, [] if field != "body" else [_PASS])
    return ast.unparse(bare).splitlines()[0]


def _module(tree: ast.Module) -> Iterator[_Found]:
    def definitions(body: list[ast.stmt], prefix: str) -> Iterator[_Found]:
        for node in body:
            if isinstance(node, ast.ClassDef):
                yield from definitions(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, FUNCTIONS):
                yield from _function(node, prefix, ())

    yield from definitions(tree.body, "")


def _function(node: FunctionNode, prefix: str, around: _Chain) -> Iterator[_Found]:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    chain = (*around, ((prefix + node.name, first), node))
    for index, statement in enumerate(node.body):
        if index == 0 and _is_text(statement):
            continue
        yield from _statement(statement, _Place(node, "body", index), chain)


def _is_text(statement: ast.stmt) -> bool:
    """A docstring, also one that stands behind an attribute."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _statement(node: ast.stmt, place: _Place, chain: _Chain) -> Iterator[_Found]:
    if isinstance(node, FUNCTIONS):
        yield from _function(node, f"{chain[-1][0][0]}.<locals>.", chain)
        return
    if isinstance(node, ast.Assert | ast.ClassDef | ast.Import | ast.ImportFrom) or _is_text(node):
        return
    if isinstance(node, ast.Expr) and _is_log(node.value):
        return
    for other in _other_statements(node):
        yield (chain, node, place, node, ast.copy_location(other, node))
    for field, value in ast.iter_fields(node):
        items = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for index, item in items:
            inner = _Place(node, field, index)
            if isinstance(item, ast.stmt):
                yield from _statement(item, inner, chain)
            elif isinstance(item, ast.ExceptHandler | ast.match_case):
                for number, part in enumerate(item.body):
                    yield from _statement(part, _Place(item, "body", number), chain)
            elif isinstance(item, ast.AST) and field not in ("annotation", "target", "targets"):
                yield from _expression(item, inner, chain, node)


def _other_statements(node: ast.stmt) -> Iterator[ast.stmt]:
    match node:
        case ast.Expr(value=ast.Yield() | ast.YieldFrom()):
            pass
        case ast.Expr() | ast.Raise() | ast.Delete() | ast.Return(value=None):
            yield ast.Pass()
        case ast.Return(value=ast.expr() as value) if not _is_plain(value):
            yield ast.Return(value=ast.copy_location(ast.Constant(None), value))
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case ast.AugAssign(op=operator) if type(operator) in ARITHMETIC:
            other = copy.copy(node)
            other.op = ARITHMETIC[type(operator)]()
            yield other
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value) if not _is_plain(
            value
        ):
            assigned = copy.copy(node)
            assigned.value = ast.copy_location(ast.Constant(None), value)
            yield assigned
        case ast.If(test=test) | ast.While(test=test) if not isinstance(
            test, ast.Compare | ast.UnaryOp | ast.Constant
        ):
            turned = copy.copy(node)
            turned.test = ast.copy_location(ast.UnaryOp(ast.Not(), test), test)
            ast.fix_missing_locations(turned)
            yield turned


def _expression(
    node: ast.AST, place: _Place, chain: _Chain, statement: ast.stmt
) -> Iterator[_Found]:
    if isinstance(node, ast.JoinedStr) and isinstance(statement, ast.Raise):
        return
    if _is_cast(node):  # the first argument is a type
        assert isinstance(node, ast.Call)
        yield from _expression(node.args[1], _Place(node, "args", 1), chain, statement)
        return
    for other in _other_expressions(node, wording=isinstance(statement, ast.Raise)):
        if isinstance(node, ast.expr) and isinstance(other, ast.expr):
            ast.copy_location(other, node)
            ast.fix_missing_locations(other)
        yield (chain, statement, place, node, other)
    if isinstance(node, ast.keyword) and node.arg == "strict":
        return
    for field, value in ast.iter_fields(node):
        items = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for index, item in items:
            if isinstance(node, ast.JoinedStr) and isinstance(item, ast.Constant):
                continue
            if isinstance(item, ast.AST) and field not in ("annotation", "format_spec"):
                yield from _expression(item, _Place(node, field, index), chain, statement)


def _other_expressions(node: ast.AST, *, wording: bool) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=operators):
            for index, operator in enumerate(operators):
                compared = copy.copy(node)
                compared.ops = [*operators]
                compared.ops[index] = COMPARISONS[type(operator)]()
                yield compared
        case ast.BinOp(op=operator) if type(operator) in ARITHMETIC:
            computed = copy.copy(node)
            computed.op = ARITHMETIC[type(operator)]()
            yield computed
        case ast.BoolOp(op=ast.And(), values=values):
            yield ast.BoolOp(ast.Or(), values)
        case ast.BoolOp(op=ast.Or(), values=values):
            yield ast.BoolOp(ast.And(), values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(value=str() as value) if not wording and " " not in value:
            yield ast.Constant(f"XX{value}")
        case ast.Constant(value=bytes() as value):
            yield ast.Constant(b"XX" + value)
        case ast.Name(id=name) if name in NAMES:
            yield ast.Name(NAMES[name], ast.Load())
        case ast.Call(keywords=keywords):
            for keyword in keywords:
                if keyword.arg in (None, "strict") or _is_wording(keyword.value):
                    continue
                called = copy.copy(node)
                called.keywords = [other for other in keywords if other is not keyword]
                yield called


def _is_plain(node: ast.expr) -> bool:
    """None, True and False: the other changes of these say it all."""
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool))


def _is_wording(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    )


def _is_log(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Name) and part.id == "logger" for part in ast.walk(node))


def _is_cast(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "cast"


def accepted(page: Path) -> Iterator[tuple[tuple[str, str, str, str], str]]:
    """The survivors that ``page`` names, as ``Change.name`` has them, each with its reason.

    A heading ``## subnet/wire/replay.py`` says the file, ``### Guard.check: the reason`` the
    function and why; below stand pairs of lines, ``- old`` and ``+ new``, four spaces in.
    """
    path = function = reason = old = ""
    for line in page.read_text(encoding="utf-8").splitlines() if page.exists() else []:
        if line.startswith("## "):
            path = line[3:].strip()
        elif line.startswith("### "):
            function, _, reason = line[4:].partition(": ")
        elif line.startswith("    - "):
            old = line[6:]
        elif line.startswith("    + "):
            yield (path, function.strip("`"), old, line[6:]), reason
