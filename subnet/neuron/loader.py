"""Find a task: the one way in for every task, the one-file example and the large ones alike.

A reference is either a path to a Python file that defines one task class, or a name registered
under the entry-point groups ``assay.miners`` and ``assay.validators``. What is found is checked
before anything is started: names, messages that the wire can carry, handlers that are async. A
mistake is told with its file and line.

The loader never looks at what a name says. It runs the file's code, as any import does: a task file
is the user's own program, not data from outside.
"""

from __future__ import annotations

import inspect
import re
import traceback
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar

import msgspec
import msgspec.inspect

from assay.errors import UserError
from assay.needs import MINERS, VALIDATORS, task_names
from assay.neuron.rounds import Rounds, Serving
from assay.neuron.task import MinerTask, TaskSettings, ValidatorTask
from assay.neuron.task_shape import check_shape
from assay.outcome import SourceLine
from assay.task_file import execute
from assay.wire.synapse import Synapse

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
"""A task's name becomes a path segment of a URL and an option's value, so it stays plain."""
_SHOWN_CHARS_MAX = 200
"""Of a name that a person gave and that is nothing."""

_Half = TypeVar("_Half", MinerTask, ValidatorTask)
AnyHalf = type[MinerTask] | type[ValidatorTask]

MUST_BE_ASYNC: Final = ("start", "run", "close", "serve", "score", "turn")
MUST_NOT_BE_ASYNC: Final = ("challenge", "methods", "weights")


def load_miner(reference: str) -> type[MinerTask]:
    """The miner's half of a task. UserError if there is none, or if it is not whole."""
    return _load(reference, MINERS, MinerTask)


def load_validator(reference: str) -> type[ValidatorTask]:
    """The validator's half of a task. UserError if there is none, or if it is not whole."""
    return _load(reference, VALIDATORS, ValidatorTask)  # type: ignore[type-abstract]


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
        and value.__module__ == module.__name__
    ]
    whole = [value for value in own if not inspect.isabstract(value)]
    if len(whole) == 1:
        return whole[0]
    if not whole and own:
        lacking = own[-1]
        raise UserError(
            f"{_place(lacking)}: the task class {lacking.__name__} lacks "
            f"{', '.join(sorted(getattr(lacking, '__abstractmethods__', ())))}.",
            "Write these methods; examples/reverse.py shows each of them.",
        )
    names = ", ".join(value.__name__ for value in whole) or "none"
    raise UserError(
        f"{path} must define one whole task class, and these were found: {names}.",
        "Write one subclass of assay.neuron.Task with serve, challenge and score.",
    )


def _execute(path: Path) -> ModuleType:
    try:
        return execute(path)
    except (Exception, SystemExit) as error:
        inside = [f for f in traceback.extract_tb(error.__traceback__) if _beside(f.filename, path)]
        at = f"{inside[-1].filename}:{inside[-1].lineno}: " if inside else ""
        if isinstance(error, SyntaxError) and error.filename is not None:
            at = f"{error.filename}:{error.lineno}: "
        cure = f"Mend it there; {path} must be importable as it is."
        if isinstance(error, ModuleNotFoundError) and error.name is not None:
            cure = (
                f"Install {error.name!r} in Assay's environment, or put {error.name}.py beside the "
                "task file."
            )
        raise UserError(
            f"{at}{path.name} failed while it was loaded: {type(error).__name__}: {error}.", cure
        ) from error


def _beside(filename: str, path: Path) -> bool:
    return Path(filename).parent == path.resolve().parent


def _place(task: AnyHalf) -> str:
    try:
        lines = inspect.getsourcelines(task)[1]
        return str(SourceLine(inspect.getfile(task), lines, task.__name__)).removesuffix("()")
    except (OSError, TypeError):
        return task.__module__


def _check(reference: str, task: AnyHalf) -> None:
    words = ["name"]
    if issubclass(task, Serving | Rounds):
        words += ["request", "reply"]
    missing = [word for word in words if not hasattr(task, word)]
    if missing:
        raise UserError(
            f"The task in {reference} lacks {', '.join(missing)}.",
            f"Declare {', '.join(words)} as class attributes.",
        )
    if not isinstance(task.name, str) or not _NAME.fullmatch(task.name):
        raise UserError(
            f"The task's name {task.name!r} is not a plain slug.",
            "Use lower-case letters, digits and dashes, 32 characters at most.",
        )
    if issubclass(task, Serving | Rounds):
        for word in ("request", "reply"):
            check_message(getattr(task, word), f"The task's {word}")
    if not (inspect.isclass(task.settings) and issubclass(task.settings, TaskSettings)):
        raise UserError(
            f"{_place(task)}: the settings of the task {task.name} are {task.settings!r}.",
            "Make them a class derived from assay.neuron.TaskSettings.",
        )
    _check_async(task)
    check_shape(task)
    _check_makes_itself(task)


def _check_makes_itself(task: AnyHalf) -> None:
    """UserError if an instance of the class ``task`` cannot be made without arguments."""
    try:
        inspect.signature(task).bind()
    except TypeError as error:
        raise UserError(
            f"{_place(task)}: the task cannot be made: __init__ is {error}.",
            "Let __init__ take nothing but self; what varies belongs in the task's settings.",
        ) from None


def check_message(kind: Any, what: str) -> None:
    """UserError unless ``kind`` is a Synapse whose fields the wire can carry."""
    if not (inspect.isclass(kind) and issubclass(kind, Synapse)):
        raise UserError(
            f"{what} is {kind!r}, which is not a Synapse.",
            "Derive its messages from assay.neuron.Synapse.",
        )
    try:
        problem = _unsendable(msgspec.inspect.type_info(kind))
    except (TypeError, NameError) as error:  # what a type annotation may raise
        problem = str(error)
    if problem is not None:
        raise UserError(
            f"{what}, {kind.__name__}, cannot be sent: {problem}.",
            "Use numbers, texts, bytes, lists, dicts and other Synapse classes as fields.",
        )


def _unsendable(kind: msgspec.inspect.Type) -> str | None:
    """What in a message type the wire's codec does not know, or None."""
    seen: set[type] = set()
    pending: list[tuple[str, object]] = [("it", kind)]
    while pending:
        where, each = pending.pop()
        if isinstance(each, msgspec.inspect.CustomType):
            return f"{where} is a {each.cls.__name__}"
        if isinstance(each, msgspec.inspect.StructType | msgspec.inspect.DataclassType):
            if each.cls not in seen:
                seen.add(each.cls)
                pending += [(f"the field {field.name}", field.type) for field in each.fields]
        elif isinstance(each, msgspec.inspect.Type):
            parts = (getattr(each, name) for name in each.__struct_fields__)
            for part in parts:
                pending += [
                    (where, inner)
                    for inner in (part if isinstance(part, tuple) else (part,))
                    if isinstance(inner, msgspec.inspect.Type)
                ]
    return None


def _check_async(task: AnyHalf) -> None:
    for names, wanted in ((MUST_BE_ASYNC, True), (MUST_NOT_BE_ASYNC, False)):
        for name in names:
            function = inspect.unwrap(getattr(task, name, None) or (lambda: None))
            if not hasattr(task, name) or not inspect.isfunction(function):
                continue
            is_async = inspect.iscoroutinefunction(function)
            if is_async == wanted or (
                not wanted and not inspect.isasyncgenfunction(function) and not is_async
            ):
                continue
            code = function.__code__
            place = SourceLine(code.co_filename, code.co_firstlineno, code.co_name)
            raise UserError(
                f"{place}: {name} must {'' if wanted else 'not '}be async.",
                f"Write `{'async def' if wanted else 'def'} {name}(...)`.",
            )
