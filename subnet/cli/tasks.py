"""A task's own options on the command line: ``--model X`` for a field called ``model``.

Adds to the loader the step from words to a task's typed ``settings``. It reads the fields of that
class and nothing else: no option is known here by name, so a task file's settings work exactly like
those of a task that ships with us. ``--help`` of a command that runs a task lists them too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from typer.core import TyperCommand

from assay.errors import UserError
from assay.neuron.task import MinerTask, TaskSettings, ValidatorTask

CONTEXT_SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Lets a command keep the words that it does not know, for the task."""

TASK: Final = "--task"

AnyHalf = type[MinerTask] | type[ValidatorTask]


def running(*loads: Callable[[str], AnyHalf]) -> type[TyperCommand]:
    """The class of a command that runs what these load: its help names the task's own options."""

    class Command(TyperCommand):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            ctx.meta[TASK] = list(args)  # help is shown while they are parsed
            return super().parse_args(ctx, args)

        def format_help(self, ctx: Any, formatter: Any) -> None:
            default = str(next(p.default for p in self.params if TASK in p.opts))
            with contextlib.suppress(UserError):  # whoever runs it will be told
                self.epilog = _told([load(_named(ctx.meta[TASK], default)) for load in loads])
            super().format_help(ctx, formatter)

    return Command


def _named(words: Sequence[str], default: str) -> str:
    """The task that these words ask for."""
    for at, word in enumerate(words):
        name, has_value, value = word.partition("=")
        if name == TASK:
            return value if has_value else (*words, default)[at + 1]
    return default


def _told(tasks: Sequence[AnyHalf]) -> str:
    """Each option of these tasks in a paragraph of its own, as typer lays out the end of a help."""
    fields = _fields(*tasks)
    if not fields:
        return f"The task {tasks[0].name} takes no options."
    paragraphs = [f"Options of the task {tasks[0].name}:"]
    for name, field in fields.items():
        default = "" if field.default is None else f" (default: {field.default})"
        paragraphs.append(f"  {_option(name)}  {field.description or ''}{default}")
    return "\n\n".join(paragraphs).replace("[", "\\[")


def settings_of(task: AnyHalf, words: Sequence[str]) -> TaskSettings:
    """The task's settings out of ``--name value`` and ``--name=value``; UserError if wrong."""
    given = dict(_pairs(words, task))
    try:
        return task.settings.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "-".join(str(part) for part in first["loc"]).replace("_", "-")
        raise UserError(f"--{where} is wrong: {first['msg']}.", _known(task)) from None


def share_out(words: Sequence[str], *tasks: AnyHalf) -> list[list[str]]:
    """For each half of a task, those of the words that it knows; UserError for one nobody knows.

    A run is given one list of options, and a miner's half need not know all of a validator's.
    """
    pairs = _pairs(words, *tasks)
    return [
        [f"{_option(name)}={value}" for name, value in pairs if name in task.settings.model_fields]
        for task in tasks
    ]


def _pairs(words: Sequence[str], *tasks: AnyHalf) -> list[tuple[str, str]]:
    """The words as (field, text), each a field of at least one of the tasks."""
    fields = _fields(*tasks)
    pairs = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, has_value, value = word.removeprefix("--").partition("=")
        field = name.replace("-", "_")
        if not word.startswith("--") or field not in fields:
            raise UserError(
                f"{word.partition('=')[0]} is neither an option of this command nor of the task "
                f"{tasks[0].name!r}.",
                _known(*tasks),
            )
        if not has_value:
            if fields[field].annotation is bool:
                value = "true"
            elif rest:
                value = rest.pop(0)
            else:
                raise UserError(f"--{name} needs a value.", _known(*tasks))
        pairs.append((field, value))
    return pairs


def _fields(*tasks: AnyHalf) -> dict[str, FieldInfo]:
    return {name: field for task in tasks for name, field in task.settings.model_fields.items()}


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"


def _known(*tasks: AnyHalf) -> str:
    fields = _fields(*tasks)
    if not fields:
        return "The task takes no options."
    return f"The task takes {', '.join(map(_option, fields))}; --help says what they mean."
