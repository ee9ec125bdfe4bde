"""A task's own options on the command line: ``--model X`` for a field called ``model``.

Adds to the loader the step from words to a task's typed ``settings``. It reads the fields of that
class and nothing else: no option is known here by name, so a task file's settings work exactly like
those of a task that ships with us.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from subnet.errors import UserError
from subnet.neuron.task import MinerTask, TaskSettings, ValidatorTask

CONTEXT_SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Lets a command keep the words that it does not know, for the task."""

AnyHalf = type[MinerTask[Any, Any]] | type[ValidatorTask[Any, Any]]


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
        [
            f"--{name.replace('_', '-')}={value}"
            for name, value in pairs
            if name in task.settings.model_fields
        ]
        for task in tasks
    ]


def _pairs(words: Sequence[str], *tasks: AnyHalf) -> list[tuple[str, str]]:
    """The words as (field, text), each a field of at least one of the tasks."""
    fields = {n: f for task in tasks for n, f in task.settings.model_fields.items()}
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


def _known(*tasks: AnyHalf) -> str:
    fields = {n: f for task in tasks for n, f in task.settings.model_fields.items()}
    options = [
        f"--{name.replace('_', '-')}" + (f" ({field.description})" if field.description else "")
        for name, field in fields.items()
    ]
    return f"The task's options: {'; '.join(options)}." if options else "The task takes no options."
