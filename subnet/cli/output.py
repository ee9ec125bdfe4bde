"""The one place that prints. stdout is the result alone; everything else goes to stderr.

Adds to rich the project's output contract: with ``--json`` a command prints one JSON document and
nothing else on stdout; without it, the same facts for people, in colour where the terminal has it.
Progress, notes, warnings and errors never touch stdout.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def document(value: Any) -> None:
    """One JSON document on stdout, and a newline."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    sys.stdout.flush()


def line(value: Any) -> None:
    """One JSON document on one line of stdout, flushed: for a reader that waits for it."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.flush()


def text(message: str) -> None:
    """A result for people."""
    out.print(message)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A result for people, in columns; those that hold numbers are set to the right."""
    grid = Table(title=title, title_justify="left", header_style="bold")
    listed = [tuple(row) for row in rows]
    for index, column in enumerate(columns):
        cells = [row[index].replace(".", "").replace(",", "") for row in listed if row[index]]
        numeric = all(cell.strip("-%").isdigit() for cell in cells)
        grid.add_column(column, justify="right" if numeric and cells else "left")
    for row in listed:
        grid.add_row(*row)
    out.print(grid)


def note(message: str) -> None:
    """Progress and explanations, on stderr."""
    err.print(message, style="dim")


def warn(message: str) -> None:
    """Something the user should look at, on stderr."""
    err.print(f"[yellow]{message}[/yellow]")


def error(cause: str, cure: str = "") -> None:
    """Why a command failed and what to do, one sentence each, on stderr."""
    err.print(f"[bold red]error[/bold red]  {cause}", soft_wrap=True)
    if cure:
        err.print(f"[bold]cure[/bold]   {cure}", soft_wrap=True)
