"""Find a task: the one way in for every task, the one-file example and the large ones alike.

A reference is either a path to a Python file that defines one task class, or a name registered
under the entry-point groups ``assay.miners`` and ``assay.validators``. The loader never looks at
what the name says. It runs the file's code, as any import does: a task file is the user's own
program, not data from outside.
"""

from __future__ import annotations

import inspect
import re
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from assay.errors import UserError
from assay.neuron.task import MinerTask, Task, ValidatorTask
from assay.neuron.task_file import execute
from assay.wire.synapse import Synapse

MINERS = "assay.miners"
VALIDATORS = "assay.validators"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
"""A task's name becomes a path segment of a URL and an option's value, so it stays plain."""
_SHOWN_CHARS_MAX = 200
"""Of a name that a person gave and that is nothing."""

_Half = TypeVar("_Half", MinerTask[Any, Any], ValidatorTask[Any, Any])


def load_miner(reference: str) -> type[MinerTask[Any, Any]]:
    """The miner's half of a task. UserError if there is none, or if it is not whole."""
    return _load(reference, MINERS, MinerTask)  # type: ignore[type-abstract]


def load_validator(reference: str) -> type[ValidatorTask[Any, Any]]:
    """The validator's half of a task. UserError if there is none, or if it is not whole."""
    return _load(reference, VALIDATORS, ValidatorTask)  # type: ignore[type-abstract]


def task_names(group: str = MINERS) -> list[str]:
    """The names that may stand where a path may, sorted."""
    return sorted(entry.name for entry in metadata.entry_points(group=group))


def _load(reference: str, group: str, half: type[_Half]) -> type[_Half]:
    found = _from_file(Path(reference), half) if _is_path(reference) else _by_name(reference, group)
    if not (inspect.isclass(found) and issubclass(found, half)):
        raise UserError(
            f"{reference} gives {found!r}, which is not a {half.__name__}.",
            f"Make it a subclass of assay.neuron.{half.__name__}.",
        )
    _check(reference, found)
    return found


def _is_path(reference: str) -> bool:
    return reference.endswith(".py") or "/" in reference or "\\" in reference


def _by_name(name: str, group: str) -> object:
    for entry in metadata.entry_points(group=group):
        if entry.name == name:
            return entry.load()
    known = ", ".join(task_names(group)) or "none is installed"
    raise UserError(
        f"No task is called {name[:_SHOWN_CHARS_MAX]!r} (known: {known}).",
        "Give one of those names, or the path of a task file such as ./my_task.py.",
    )


def _from_file(path: Path, half: type[_Half]) -> object:
    try:
        there = path.is_file()
    except (OSError, ValueError):  # a name longer than names may be, or with a zero byte
        there = False
    if not there:
        shown = str(path)[:_SHOWN_CHARS_MAX]
        raise UserError(f"There is no task file {shown}.", "Check the path given with --task.")
    module = _execute(path)
    own = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, half)
        and value not in (half, Task)
        and value.__module__ == module.__name__
        and not inspect.isabstract(value)
    ]
    if len(own) != 1:
        names = ", ".join(value.__name__ for value in own) or "none"
        raise UserError(
            f"{path} must define one whole task class, and these were found: {names}.",
            "Write one subclass of assay.neuron.Task with serve, challenge and score.",
        )
    return own[0]


def _execute(path: Path) -> ModuleType:
    try:
        return execute(path)
    except (Exception, SystemExit) as error:
        raise UserError(
            f"{path} failed while it was loaded: {type(error).__name__}: {error}.",
            "Run it with python to see the whole traceback.",
        ) from error


def _check(reference: str, task: type[MinerTask[Any, Any]] | type[ValidatorTask[Any, Any]]) -> None:
    missing = [word for word in ("name", "request", "reply") if not hasattr(task, word)]
    if missing:
        raise UserError(
            f"The task in {reference} lacks {', '.join(missing)}.",
            "Declare name, request and reply as class attributes.",
        )
    if not _NAME.fullmatch(task.name):
        raise UserError(
            f"The task's name {task.name!r} is not a plain slug.",
            "Use lower-case letters, digits and dashes, 32 characters at most.",
        )
    for word in ("request", "reply"):
        kind = getattr(task, word)
        if not (inspect.isclass(kind) and issubclass(kind, Synapse)):
            raise UserError(
                f"The task's {word} is {kind!r}, which is not a Synapse.",
                "Derive its messages from assay.wire.Synapse.",
            )
