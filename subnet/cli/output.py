"""The one place that prints. stdout is the result alone; everything else goes to stderr.

Adds to rich the project's output contract: with ``--json`` a command prints one JSON document and
nothing else on stdout; without it, the same facts for people, in colour where the terminal has it.
Progress, notes, warnings and errors never touch stdout. rich is imported when it is first needed:
the chain's start is measured and prints one line of JSON.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from rich.console import Console

    out: Console
    err: Console

ERROR: Final = "error"
CURE: Final = "cure"
"""What the two lines of an error begin with; a supervisor finds them in its children's logs."""


def __getattr__(name: str) -> Any:
    """``out`` and ``err``, rich's consoles, made on first use."""
    if name not in ("out", "err"):
        raise AttributeError(name)
    from rich.console import Console

    # No markup: a path in brackets, or a miner's reasons, would be taken for it.
    globals()["out"] = Console(highlight=False, markup=False, emoji=False)
    globals()["err"] = Console(stderr=True, highlight=False, markup=False, emoji=False)
    return globals()[name]


def _out() -> Console:
    return globals().get("out") or __getattr__("out")  # type: ignore[no-any-return]


def _err() -> Console:
    return globals().get("err") or __getattr__("err")  # type: ignore[no-any-return]


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
    _out().print(message, soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A result for people, in columns; those that hold numbers are set to the right."""
    from rich.table import Table

    grid = Table(title=title, title_justify="left", header_style="bold")
    listed = [tuple(row) for row in rows]
    for index, column in enumerate(columns):
        cells = [row[index].replace(".", "").replace(",", "") for row in listed if row[index]]
        numeric = all(cell.strip("-%").isdigit() for cell in cells)
        grid.add_column(column, justify="right" if numeric and cells else "left")
    for row in listed:
        grid.add_row(*row)
    _out().print(grid)


def note(message: str) -> None:
    """Progress and explanations, on stderr."""
    _err().print(message, style="dim", soft_wrap=True)


def warn(message: str) -> None:
    """Something the user should look at, on stderr."""
    _err().print(message, style="yellow", soft_wrap=True)


def error(cause: str, cure: str = "") -> None:
    """Why a command failed and what to do, one sentence each, on stderr."""
    from rich.text import Text

    _err().print(Text.assemble((f"{ERROR}  ", "bold red"), cause), soft_wrap=True)
    if cure:
        _err().print(Text.assemble((f"{CURE}   ", "bold"), cure), soft_wrap=True)
