"""No test hides its own assertions: an error that ends a ``suppress`` block skips what follows."""

from __future__ import annotations

import ast

from tests.tidy.sources import ROOT, tracked


def hidden(source: str) -> list[int]:
    """The lines of ``source`` with an assertion inside a ``with suppress(...)`` block."""
    return [
        inner.lineno
        for block in ast.walk(ast.parse(source))
        if isinstance(block, ast.With | ast.AsyncWith)
        and any(_is_suppress(item.context_expr) for item in block.items)
        for inner in ast.walk(block)
        if isinstance(inner, ast.Assert)
    ]


def _is_suppress(expression: ast.expr) -> bool:
    if not isinstance(expression, ast.Call):
        return False
    called = expression.func
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == (
        "suppress"
    )


def test_a_hidden_assertion_is_found() -> None:
    source = "with held, contextlib.suppress(OSError):\n    send()\n    assert answered\n"
    assert hidden(source) == [3]
    assert hidden("with suppress(OSError):\n    send()\nassert answered\n") == []


def test_no_assertion_stands_inside_suppress() -> None:
    found = {str(path): hidden((ROOT / path).read_text("utf-8")) for path in tracked("tests/*.py")}
    assert {path: lines for path, lines in found.items() if lines} == {}
