"""Slips in a task's class that Python itself lets pass: found when the task is loaded.

``check_shape(task)`` takes a task's class. It sees to it that each method of the interface can be
called as a neuron calls it, and that no method is written twice in one class, where the first one
would never be called. This module does not know how a task is found or run.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any, Final

from assay.errors import UserError
from assay.neuron.rounds import Rounds, Serving
from assay.outcome import SourceLine

OF_ROUNDS: Final = {"challenge": ("rng", "target"), "score": ("rng", "answers")}
OF_SERVING: Final = {"serve": ("request", "caller")}
OF_ALL: Final = {
    "turn": ("turn",),
    "weights": ("opinions", "moment"),
    "start": ("context",),
    "methods": (),
    "may_put": ("caller", "size_bytes"),
    "run": (),
    "close": (),
}
"""What a neuron passes to each method of a task, behind ``self``. Tasks of other shapes may have
methods of the first three names for themselves."""


def check_shape(task: type[Any]) -> None:
    """UserError, with file and line, for the first slip in the class ``task``."""
    _check_written_once(task)
    called: dict[str, tuple[str, ...]] = dict(OF_ALL)
    if issubclass(task, Rounds):
        called |= OF_ROUNDS
    if issubclass(task, Serving):
        called |= OF_SERVING
    for name, given in called.items():
        function = inspect.unwrap(getattr(task, name, None) or (lambda: None))
        if not inspect.isfunction(function) or not hasattr(task, name):
            continue
        try:
            inspect.signature(function).bind(None, *given)
        except TypeError:
            code = function.__code__
            raise UserError(
                f"{SourceLine(code.co_filename, code.co_firstlineno, code.co_name)}: {name} takes "
                f"{inspect.signature(function)}, and is called with ({', '.join(given)}).",
                f"Write `{name}({', '.join(('self', *given))})`.",
            ) from None


def _check_written_once(task: type[Any]) -> None:
    try:
        file = Path(inspect.getfile(task))
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, TypeError, SyntaxError, ValueError):
        return  # a class without a file
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        seen: dict[str, int] = {}
        for each in node.body:
            if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if each.name in seen and not each.decorator_list:  # such as a property's setter
                raise UserError(
                    f"{SourceLine(str(file), each.lineno, each.name)}: {each.name} is written "
                    f"twice in {node.name}, at line {seen[each.name]} first.",
                    "Remove one of them: Python keeps the last one alone.",
                )
            seen[each.name] = each.lineno
