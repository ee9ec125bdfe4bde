"""A task's own options on the command line: ``--model X`` for a settings field called ``model``.

Adds to a command the fields of a task's settings class as options of click, with their types,
bounds, defaults and descriptions, in the same table of help as the command's own. Which task that
is stands among the words themselves (``--task``), so they are parsed twice: once for ``--task``
alone, then as a whole. No option is known here by name, so a task file's settings work exactly like
those of a task that ships with us.

The tasks' own module is imported when a task is loaded: a shell that asks for another word is
answered before that.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click
import msgspec
from click.core import ParameterSource
from click.shell_completion import CompletionItem
from msgspec import inspect as kinds

from assay.cli.command import Command, Rows, parameter_sections
from assay.cli.param_types import FILE, Finite, Number
from assay.errors import UserError

if TYPE_CHECKING:
    from assay.neuron.task import MinerTask, TaskSettings, ValidatorTask

    AnyHalf = type[MinerTask] | type[ValidatorTask]

_STATE: Final = "assay.cli.task_options"
"""Under this key of click's context stands what is known of the task while words are parsed."""
CHOSEN: Final = "chosen"
"""The parameter by which a command is handed the task that was asked for."""


@dataclass(frozen=True, slots=True)
class ChosenTask:
    """The task that was asked for: its halves, and those of its options that were given."""

    halves: tuple[AnyHalf, ...]
    values: Mapping[str, Any]

    @property
    def miner(self) -> type[MinerTask]:
        """The miner's half, of a command that loads it."""
        from assay.neuron.task import MinerTask

        return next(half for half in self.halves if issubclass(half, MinerTask))

    @property
    def validator(self) -> type[ValidatorTask]:
        """The validator's half, of a command that loads it."""
        from assay.neuron.task import ValidatorTask

        return next(half for half in self.halves if issubclass(half, ValidatorTask))

    def settings(self, half: AnyHalf) -> TaskSettings:
        """The settings of one half, out of the values that this half knows; UserError if wrong."""
        known = {field.name for field in _fields(half)}
        own = {name: value for name, value in self.values.items() if name in known}
        try:
            return msgspec.convert(own, half.settings, dec_hook=_as_is)
        except msgspec.ValidationError as error:
            said, _, where = str(error).partition(" - at `$.")
            option = f"{_option(where.rstrip('`').partition('[')[0])} is wrong: " if where else ""
            raise UserError(
                f"{option}{said.rstrip('.')}.", f"The task {half.name} takes {_known(half)}."
            ) from None

    def words(self, *halves: AnyHalf) -> list[str]:
        """The options that were given and that these halves know, as words of a command line."""
        known = {field.name for half in halves for field in _fields(half)}
        return [
            word
            for name, value in sorted(self.values.items())
            if name in known
            for word in _words(name, value)
        ]


def miner_half(reference: str) -> type[MinerTask]:
    """The miner's half of the task ``reference``. UserError if there is none that is whole."""
    from assay.neuron.loader import load_miner

    return load_miner(reference)


def validator_half(reference: str) -> type[ValidatorTask]:
    """The validator's half of the task ``reference``. UserError if there is none that is whole."""
    from assay.neuron.loader import load_validator

    return load_validator(reference)


@dataclass(slots=True)
class _Parsing:
    """What is known of the task while the words of one command are parsed."""

    halves: tuple[AnyHalf, ...] = ()
    options: tuple[click.Option, ...] = ()
    values: dict[str, Any] | None = None
    trouble: UserError | None = None
    deferred: bool = False
    """A shell asks for completions, and so far none that the task itself could give."""


class TaskCommand(Command):
    """A command that runs what ``loads`` load from its option ``--task``.

    It has the task's own options besides its own, and hands its function the ``ChosenTask``.
    """

    def __init__(
        self, *args: Any, loads: Sequence[Callable[[str], AnyHalf]] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.loads = tuple(loads)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        parsing = ctx.meta[_STATE] = self._look(ctx, args)
        if parsing.trouble is None and not parsing.deferred:
            return super().parse_args(ctx, args)
        # Help and completions are given all the same; whatever else is asked for cannot be.
        ctx.ignore_unknown_options = ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if parsing.trouble is not None and not ctx.resilient_parsing:
            raise parsing.trouble
        return rest

    def _look(self, ctx: click.Context, args: list[str]) -> _Parsing:
        """Load the task that these words name, and make options of its settings."""
        if ctx.resilient_parsing and not self._ends_with_another_option(args):
            return _Parsing(deferred=True)
        first = click.Command(
            self.name,
            params=[each for each in self.params if isinstance(each, click.Option)],
            add_help_option=False,
            context_settings={
                "ignore_unknown_options": True,
                "allow_extra_args": True,
                "default_map": ctx.default_map,
            },
        )
        with first.make_context(ctx.info_name, list(args), resilient_parsing=True) as found:
            return self._loaded(str(found.params["task"]))

    def _ends_with_another_option(self, args: list[str]) -> bool:
        """Whether the last of these words is an option that only the task could have."""
        own = {name for each in self.params for name in _names(each)}
        return bool(args) and args[-1].startswith("-") and args[-1] not in own

    def _loaded(self, reference: str) -> _Parsing:
        """Load the task called ``reference``, and make options of its settings."""
        parsing = _Parsing(values={})
        try:
            parsing.halves = tuple(load(reference) for load in self.loads)
            parsing.options = _options_of(*parsing.halves)
        except UserError as error:
            parsing.trouble = error
        return parsing

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        # To load a task takes longer than a person who pressed Tab should wait for other words.
        if ctx.meta[_STATE].deferred and incomplete.startswith("-"):
            ctx.meta[_STATE] = self._loaded(str(ctx.params["task"]))
        return super().shell_complete(ctx, incomplete)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        own = super().get_params(ctx)
        parsing = ctx.meta.get(_STATE)
        return [*own[:-1], *parsing.options, own[-1]] if parsing else own  # the last one is --help

    def sections(self, ctx: click.Context) -> list[tuple[str, Rows]]:
        parsing = ctx.meta.get(_STATE) or _Parsing()
        told = parameter_sections(ctx, super().get_params(ctx))
        if parsing.trouble is not None:
            reason = f"{parsing.trouble.cause} {parsing.trouble.cure}"
            told.append(("Options of the task", [("", f"The task could not be loaded. {reason}")]))
        elif parsing.options:
            _, own = parameter_sections(ctx, parsing.options)
            told.append((f"Options of the task {parsing.halves[0].name}", own[1]))
        else:
            name = parsing.halves[0].name if parsing.halves else ""
            told.append((f"Options of the task {name}", [("", "It has none.")]))
        return told

    def invoke(self, ctx: click.Context) -> Any:
        parsing = ctx.meta[_STATE]
        ctx.params[CHOSEN] = ChosenTask(parsing.halves, parsing.values)
        return super().invoke(ctx)


def _options_of(*halves: AnyHalf) -> tuple[click.Option, ...]:
    """One option for each field of the halves' settings; UserError if one cannot be."""
    made: dict[str, click.Option] = {}
    for half in halves:
        for field in _fields(half):
            option = _made(half, field)
            for name in _names(option):
                if name in _reserved():
                    _refuse(half, field, f"would be the option {name}, which the command has")
            made.setdefault(field.name, option)
    seen: set[str] = set()
    for option in made.values():
        names = set(_names(option))
        if seen & names:
            _refuse(halves[0], option, f"would be the option {(seen & names).pop()} a second time")
        seen |= names
    return tuple(made.values())


@cache
def _reserved() -> frozenset[str]:
    """The options of all commands that run a task. A settings field may be called like none."""
    from assay.cli import lab, miner, validator
    from assay.cli.up.command import up

    commands: tuple[click.Command, ...] = (miner.run, validator.run, lab.miner, up)
    taken = {name for command in commands for param in command.params for name in _names(param)}
    return frozenset(taken | {"-h", "--help"})


def _names(param: click.Parameter) -> list[str]:
    return [*param.opts, *param.secondary_opts]


def _fields(half: AnyHalf) -> Sequence[kinds.Field]:
    try:
        info = kinds.type_info(half.settings)
    except (NameError, TypeError) as error:  # an annotation that names nothing, or no type
        raise UserError(
            f"The settings {half.settings.__name__} of the task {half.name} cannot be read:"
            f" {error}.",
            "Annotate each field with a type that the task's file imports.",
        ) from None
    assert isinstance(info, kinds.StructType)
    return info.fields


def _made(half: AnyHalf, field: kinds.Field) -> click.Option:
    kind, told = _plain(field.type)
    several = isinstance(kind, kinds.ListType | kinds.VarTupleType)
    if isinstance(kind, kinds.ListType | kinds.VarTupleType):
        kind, _ = _plain(kind.item_type)
    name = _option(field.name)
    given: dict[str, Any] = {"help": told, "required": field.required}
    if isinstance(kind, kinds.BoolType) and not several:
        declaration = name if field.default is False else f"{name}/--no-{name[2:]}"
        given |= {"is_flag": True}
    else:
        declaration = name
        click_type = _click_type(kind)
        if click_type is None:
            _refuse(half, field, "has a type that no option can have")
        given |= {"type": click_type, "multiple": several, "metavar": _metavar(kind)}
    if not field.required:
        default = field.default
        if default is msgspec.NODEFAULT:
            default = field.default_factory()
        if isinstance(default, enum.Enum):
            default = default.name
        given["default"] = default
    return click.Option(
        [f"task__{field.name}", declaration],
        callback=_keep(field.name),
        expose_value=False,
        show_default=not field.required and given["default"] not in (None, (), []),
        **given,
    )


def _keep(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A callback that notes a value that was given; what was not is left to the settings class."""

    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        given = ctx.get_parameter_source(str(param.name)) is ParameterSource.COMMANDLINE
        if given and value is not None:
            ctx.meta[_STATE].values[name] = value
        return value

    return callback


def _plain(kind: kinds.Type) -> tuple[kinds.Type, str]:
    """A type without its description and without None; and the description."""
    told = ""
    while True:
        if isinstance(kind, kinds.Metadata):
            told = (kind.extra_json_schema or {}).get("description", told)
            kind = kind.type
        elif isinstance(kind, kinds.UnionType):
            rest = [each for each in kind.types if not isinstance(each, kinds.NoneType)]
            if len(rest) != 1:
                return kind, told
            kind = rest[0]
        else:
            return kind, told


def _click_type(kind: kinds.Type) -> click.ParamType[Any] | None:
    """The type of click for a type of field; None if there is none."""
    match kind:
        case kinds.IntType():
            return click.INT if _is_unbounded(kind) else click.IntRange(*_bounds(kind))
        case kinds.FloatType():
            return Finite() if _is_unbounded(kind) else Number(*_bounds(kind))
        case kinds.StrType():
            return click.STRING
        case kinds.BoolType():
            return click.BOOL
        case kinds.LiteralType(values=values) if all(isinstance(each, str) for each in values):
            return click.Choice([str(each) for each in values])
        case kinds.EnumType(cls=cls):
            return click.Choice(cls)
        case kinds.CustomType(cls=cls) if issubclass(cls, Path):
            return FILE
    return None


def _bounds(kind: Any) -> tuple[Any, Any, bool, bool]:
    """The least and the most that a number may be, and whether each itself is left out."""
    least = kind.ge if kind.ge is not None else kind.gt
    most = kind.le if kind.le is not None else kind.lt
    return least, most, kind.gt is not None, kind.lt is not None


def _is_unbounded(kind: Any) -> bool:
    return _bounds(kind)[:2] == (None, None)


def _metavar(kind: kinds.Type) -> str | None:
    match kind:
        case kinds.IntType():
            return "N"
        case kinds.FloatType():
            return "NUMBER"
        case kinds.StrType():
            return "TEXT"
        case kinds.CustomType():
            return "PATH"
    return None


def _words(name: str, value: Any) -> list[str]:
    option = _option(name)
    if isinstance(value, bool):
        return [option if value else f"--no-{option[2:]}"]
    if isinstance(value, tuple | list):
        return [word for each in value for word in _words(name, each)]
    return [f"{option}={value.name if isinstance(value, enum.Enum) else value}"]


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"


def _known(half: AnyHalf) -> str:
    options: Iterable[str] = (_option(field.name) for field in _fields(half))
    return ", ".join(options) or "no options"


def _as_is(kind: type, value: Any) -> Any:
    """msgspec's question how a value becomes a ``kind``: click has made it one already."""
    assert isinstance(value, kind)
    return value


def _refuse(half: AnyHalf, field: Any, why: str) -> NoReturn:
    raise UserError(
        f"The setting {field.name.removeprefix('task__')} of the task {half.name} {why}.",
        "Rename the field of its settings, or change its type.",
    )
