#!/usr/bin/env python3
"""Write docs/commands.md: every command and every option, from the commands themselves.

    scripts/commands_page.py          write the page
    scripts/commands_page.py --check  say whether it is stale; exit code 1 if it is

The page holds what ``--help`` shows. A task's own options are not in it: they are the task's, and
``assay miner run --task TASK --help`` lists them.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts import interpreter  # noqa: E402  of this checkout

interpreter.enter()

import click  # noqa: E402

from assay.cli.app import EXIT_CODES, app  # noqa: E402
from assay.cli.command import parameter_sections  # noqa: E402

PAGE = ROOT / "docs" / "commands.md"
HEAD = """\
# Commands

Made from the commands by `make docs`; a test says when it is stale. A shell completes all of it
after `assay --install-completion`. A command that runs a task (`up`, `miner run`, `validator run`)
has the task's own settings as options too: `assay miner run --task TASK --help` lists them.

An option's value may come from the variable in brackets, where one is named. With `--json` a
command prints one JSON document on stdout, also where it fails.
"""


def leaves(
    command: click.Command, context: click.Context
) -> Iterator[tuple[click.Command, click.Context]]:
    """Every command below ``command`` that is not hidden, with its context, in the help's order."""
    if not isinstance(command, click.Group):
        yield command, context
        return
    for name in command.list_commands(context):
        member = command.get_command(context, name)
        assert member is not None
        if not member.hidden:
            settings = member.context_settings
            yield from leaves(
                member, click.Context(member, parent=context, info_name=name, **settings)
            )


def render() -> str:
    """The whole page."""
    root = click.Context(app, info_name="assay", **app.context_settings)
    parts = [HEAD, *_options(app, root)]
    for command, context in leaves(app, root):
        usage = " ".join(command.collect_usage_pieces(context))
        parts.append(f"## {context.command_path}\n")
        parts.append(f"{inspect.cleandoc(command.help or '')}\n")
        parts.append(f"```\n{context.command_path} {usage}\n```\n")
        parts += _options(command, context)
    codes = "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items())
    parts.append("## Exit codes\n")
    parts.append(f"| code | meaning |\n|---|---|\n{codes}\n")
    parts.append("[Operating](operating.md) says what to do about each.\n")
    return "\n".join(parts)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for heading, rows in parameter_sections(context, command.params):
        if rows:
            told = "\n".join(f"| `{_cell(left)}` | {_cell(right)} |" for left, right in rows)
            yield f"| {heading.lower()} | |\n|---|---|\n{told}\n"


def _cell(text: str) -> str:
    return " ".join(click.unstyle(text).split()).replace("|", "\\|")


def main() -> int:
    """Write the page, or with --check compare it."""
    page = render()
    if sys.argv[1:] == ["--check"]:
        stale = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page
        if stale:
            print("docs/commands.md is stale: run `make docs`", file=sys.stderr)
        return int(stale)
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
