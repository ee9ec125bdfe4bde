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
    fields = task.settings.model_fields
    given: dict[str, str | bool] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, has_value, value = word.removeprefix("--").partition("=")
        field = name.replace("-", "_")
        if not word.startswith("--") or field not in fields:
            raise UserError(
                f"{word.partition('=')[0]} is neither an option of this command nor of the task "
                f"{task.name!r}.",
                _known(task),
            )
        if has_value:
            given[field] = value
        elif fields[field].annotation is bool:
            given[field] = True
        elif rest:
            given[field] = rest.pop(0)
        else:
            raise UserError(f"--{name} needs a value.", _known(task))
    try:
        return task.settings.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "-".join(str(part) for part in first["loc"]).replace("_", "-")
        raise UserError(f"--{where} is wrong: {first['msg']}.", _known(task)) from None


def words_for(settings: TaskSettings) -> list[str]:
    """The words that ``settings_of`` would turn into these settings, without the defaults."""
    words: list[str] = []
    for name, value in settings.model_dump(exclude_defaults=True, mode="json").items():
        words.append(f"--{name.replace('_', '-')}={value}")
    return words


def _known(task: AnyHalf) -> str:
    options = [
        f"--{name.replace('_', '-')}" + (f" ({field.description})" if field.description else "")
        for name, field in task.settings.model_fields.items()
    ]
    return f"The task's options: {'; '.join(options)}." if options else "The task takes no options."
