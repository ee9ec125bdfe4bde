"""Commands and groups of commands as this project shows them: one layout of help, lazy imports.

Adds three things to click. The members of a ``LazyGroup`` are imported when they are used, so that
no command pays for another's imports. Every option that takes a value shows the environment
variable it can come from and its default. Help is one table a command: names and values in the left
column, meaning in the right one, in colour where the terminal has it.

No command is known here by name.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from assay.cli.output import delivering

Rows = Sequence[tuple[str, str]]

WIDTH_MAX: Final = 100
"""Lines longer than that are hard to read; the width of the terminal bounds them as well."""
LEFT_COLUMN_MAX: Final = 30
"""A name longer than that stands on a line of its own."""
SETTINGS: Final[Mapping[str, Any]] = {
    "help_option_names": ["-h", "--help"],
    "show_default": True,
    "max_content_width": WIDTH_MAX,
}
_NAME: Final = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")


class Command(click.Command):
    """One command."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.context_settings = {**SETTINGS, **self.context_settings}
        for each in self.params:
            if isinstance(each, click.Option):
                each.show_envvar = each.envvar is not None

    def invoke(self, ctx: click.Context) -> Any:
        """Let the types of the parameters check their values, which are all known now: a type may
        have a method ``check`` that raises."""
        for each in self.params:
            if (check := getattr(each.type, "check", None)) and each.name in ctx.params:
                check(ctx, ctx.params[each.name])
        return super().invoke(ctx)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _show_help
        return option

    def format_arguments(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write nothing: arguments stand in the same table as the options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_table(formatter, self.sections(ctx))

    def sections(self, ctx: click.Context) -> list[tuple[str, Rows]]:
        """The parts of the help's table: a heading, and its rows."""
        return parameter_sections(ctx, self.get_params(ctx))


class LazyGroup(Command, click.Group):
    """A group whose members are imported on demand. Their modules keep heavy imports inside.

    ``members`` has for each command's name the module and the attribute that hold it, as
    ``module:attribute``, and the line that the group's help shows.
    """

    def __init__(
        self, *args: Any, members: Mapping[str, tuple[str, str]] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.members = members or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.members, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.members:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.members[cmd_name][0].partition(":")
        found = getattr(importlib.import_module(module), attribute)
        assert isinstance(found, click.Command)
        return found

    def sections(self, ctx: click.Context) -> list[tuple[str, Rows]]:
        told = [(name, line) for name, (_, line) in self.members.items()]
        told += [
            (name, command.get_short_help_str(limit=WIDTH_MAX))
            for name, command in self.commands.items()
        ]
        return [("Commands", told), *super().sections(ctx)]


def parameter_sections(
    ctx: click.Context, parameters: Sequence[click.Parameter]
) -> list[tuple[str, Rows]]:
    """Arguments and options as sections of a help's table."""
    arguments = [
        (each.make_metavar(ctx), each.help or "")
        for each in parameters
        if isinstance(each, click.Argument)
    ]
    options = [
        row
        for each in parameters
        if isinstance(each, click.Option) and (row := each.get_help_record(ctx)) is not None
    ]
    return [("Arguments", arguments), ("Options", options)]


def write_table(formatter: click.HelpFormatter, sections: Sequence[tuple[str, Rows]]) -> None:
    """Write all sections as one table: their right columns begin at the same place."""
    rows = [row for _, part in sections for row in part]
    width = min(max((len(left) for left, _ in rows), default=0), LEFT_COLUMN_MAX)
    for heading, part in sections:
        if part:
            with formatter.section(click.style(heading, bold=True)):
                formatter.write_dl(
                    [(_coloured(left) + " " * (width - len(left)), right) for left, right in part],
                    col_max=width,
                )


def _coloured(left: str) -> str:
    found = _NAME.sub(lambda name: click.style(name[0], fg="cyan"), left)
    return found if found != left else click.style(left, fg="cyan")


def _show_help(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    """Print the help through the one place that knows what a closed or a full stdout means."""
    if asked and not ctx.resilient_parsing:
        with delivering():
            click.echo(ctx.get_help(), color=ctx.color)
        ctx.exit()
