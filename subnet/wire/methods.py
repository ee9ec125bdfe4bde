"""The methods of one axon: which may be attached, and which one a path names. Pure.

In come ``Method`` values and the paths of requests; out comes the method that answers a path, or
nothing. A method that could not work is refused when it is attached, with the place of its handler
in the builder's own file, and not when the first request arrives. This module runs no handler.
"""

from __future__ import annotations

import functools
import inspect
from types import CodeType
from typing import Any, TypeVar

from assay.wire.interface import Method
from assay.wire.synapse import NAME, PATH_PREFIX, Synapse

_Number = TypeVar("_Number", int, float)


class MethodTable:
    """What one axon serves, by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Method[Any, Any]] = {}

    def add(self, method: Method[Any, Any]) -> None:
        """Serve ``method``; ValueError says what is wrong with it and where its handler stands."""
        check(method)
        taken = self._by_name.get(method.name)
        if taken is not None:
            raise ValueError(
                f"two methods are named {method.name!r}: "
                f"{place_of(taken.handler)} and {place_of(method.handler)}"
            )
        self._by_name[method.name] = method

    def at(self, path: str) -> Method[Any, Any] | None:
        """The method that ``path`` names, if there is one."""
        if not path.startswith(PATH_PREFIX):
            return None
        return self._by_name.get(path.removeprefix(PATH_PREFIX))


def check(method: Method[Any, Any]) -> None:
    """ValueError if ``method`` could not be served."""
    wrong = _problem(method)
    if wrong is not None:
        raise ValueError(f"the method {method.name!r} {wrong} ({place_of(method.handler)})")


def place_of(handler: object) -> str:
    """``file:line`` of the function beneath ``handler``, or the type's name if it has none."""
    code = code_of(handler)
    if code is None:
        return f"a {type(handler).__name__}"
    return f"{code.co_filename}:{code.co_firstlineno}"


def code_of(handler: object) -> CodeType | None:
    """The code of the function beneath ``handler``; None if that is not written in Python."""
    code = getattr(_function_of(handler), "__code__", None)
    return code if isinstance(code, CodeType) else None


def smaller(own: _Number | None, common: _Number) -> _Number:
    """The limit that holds for a method: ``own``, but never above ``common``."""
    return common if own is None else min(own, common)


def _problem(method: Method[Any, Any]) -> str | None:
    if not isinstance(method.name, str) or NAME.fullmatch(method.name) is None:
        return f"needs another name; a name matches {NAME.pattern}"
    for word in ("request", "reply"):
        kind = getattr(method, word)
        if not (inspect.isclass(kind) and issubclass(kind, Synapse)):
            return f"has a {word} that is no Synapse class: {kind!r}"
    for word in ("request_bytes_max", "reply_bytes_max", "budget_s_max"):
        limit = getattr(method, word)
        if limit is not None and not limit > 0:
            return f"has {word} = {limit!r}, which lets nothing through"
    return _handler_problem(method.handler, stream=method.stream)


def _handler_problem(handler: object, *, stream: bool) -> str | None:
    if not callable(handler):
        return "has a handler that cannot be called"
    function = _function_of(handler)
    if inspect.isasyncgenfunction(function):
        return None if stream else "has a handler that yields; say stream=True"
    if not inspect.iscoroutinefunction(function):
        return "has a handler that is not async; write it with `async def`"
    return "says stream=True and its handler never yields" if stream else None


def _function_of(handler: object) -> object:
    """The plain function beneath partials, bound methods and objects that can be called."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    if callable(handler) and not inspect.isroutine(handler):
        handler = type(handler).__call__
    return getattr(handler, "__func__", handler)
