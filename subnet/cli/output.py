"""The one place that prints. stdout is the result alone; everything else goes to stderr.

Adds to rich the project's output contract: with ``--json`` a command prints one JSON document and
nothing else on stdout, its result or why there is none; without it, the same facts for people, in
colour where the terminal has it. Progress, notes, warnings and errors never touch stdout. rich is
imported when it is first needed: the chain's start is measured and prints one line of JSON.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from assay.errors import AssayError, Unavailable
from assay.text import printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from assay.outcome import Outcome

    out: Console
    err: Console

ERROR: Final = "error"
CURE: Final = "cure"
"""What the two lines of an error begin with; a supervisor finds them in its children's logs."""
_HEAD_CHARS: Final = 7
"""The longer of the two words and two spaces: causes and cures stand below each other."""
LAST_COLUMN_MIN: Final = 12
"""Reasons and the like are still read in a column of two words."""


def __getattr__(name: str) -> Any:
    """``out`` and ``err``, rich's consoles, made on first use."""
    if name not in ("out", "err"):
        raise AttributeError(name)
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # for ``delivering``; rich would end the process with a 1

    # No markup: a path in brackets, or a miner's reasons, would be taken for it.
    globals()["out"] = Plain(highlight=False, markup=False, emoji=False)
    globals()["err"] = Plain(stderr=True, highlight=False, markup=False, emoji=False)
    return globals()[name]


def _out() -> Console:
    return globals().get("out") or __getattr__("out")  # type: ignore[no-any-return]


def _err() -> Console:
    return globals().get("err") or __getattr__("err")  # type: ignore[no-any-return]


class NobodyReads(AssayError):
    """Whoever read our stdout has left, as ``head`` does. No word about it."""

    exit_code = 141  # 128 + SIGPIPE, as shells expect


@contextlib.contextmanager
def delivering() -> Iterator[None]:
    """Around whatever writes to stdout: a full disk there is told, a closed pipe ends quietly."""
    try:
        yield
    except OSError as error:
        # What is still buffered would fail again when the interpreter ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        if isinstance(error, BrokenPipeError):
            raise NobodyReads("stdout is closed") from None
        raise Unavailable(
            f"The result could not be written ({error.strerror}).", "Send it somewhere else."
        ) from error


def document(value: Any) -> None:
    """One JSON document on stdout, and a newline."""
    import msgspec

    _write(msgspec.json.format(_encoded(value), indent=2))


def line(value: Any) -> None:
    """One JSON document on one line of stdout, flushed: for a reader that waits for it."""
    _write(_encoded(value))


def failure(outcome: Outcome, *, reason: str | None = None) -> None:
    """Why a command failed, as one JSON document on one line of stdout; ``reason`` is the chain's
    own name for a refusal."""
    told: dict[str, Any] = {
        "kind": outcome.kind.value,
        "code": outcome.code,
        "cause": outcome.cause,
        "cure": outcome.cure,
    }
    line({"error": told | ({"reason": reason} if reason else {})})


def _write(data: bytes) -> None:
    with delivering():
        sys.stdout.buffer.write(data + b"\n")
        sys.stdout.flush()


def _encoded(value: Any) -> bytes:
    """``value`` as JSON. JSON cannot say the bytes of a file's name that are not UTF-8: each is
    shown as a question mark."""
    import msgspec

    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_told(msgspec.to_builtins(value)))


def _told(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_told(key): _told(each) for key, each in value.items()}
    return [_told(each) for each in value] if isinstance(value, list) else value


def text(message: str) -> None:
    """A result for people."""
    with delivering():
        _out().print(_fit(message), soft_wrap=True)


def show(rendered: RenderableType) -> None:
    """A result for people that rich lays out."""
    with delivering():
        _out().print(rendered)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A result for people, in columns; those that hold numbers are set to the right.

    The last column takes what is left. Where the others do not fit, each row is a list.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table

    listed = [tuple(_fit(cell) for cell in row) for row in rows]
    grid = Table(
        title=title, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )  # fmt: skip
    needed = LAST_COLUMN_MIN
    for index, column in enumerate(columns):
        last = index == len(columns) - 1
        cells = [row[index].replace(".", "").replace(",", "") for row in listed if row[index]]
        numeric = all(cell.strip("-%").isdigit() for cell in cells)
        grid.add_column(column, justify="right" if numeric and cells else "left", no_wrap=not last)
        if not last:
            needed += 1 + max(cell_len(text) for text in (column, *(row[index] for row in listed)))
    for row in listed:
        grid.add_row(*row)
    show(grid if needed <= _out().width or not listed else _lists(title, columns, listed))


def _lists(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Text:
    from rich.text import Text

    wide = max(len(column) for column in columns)
    blocks = (
        "\n".join(
            f"{column:{wide}}  {cell}" for column, cell in zip(columns, row, strict=True) if cell
        )
        for row in rows
    )
    return Text("\n\n".join((title, *blocks)))


def _fit(words: str) -> str:
    """``words`` as a terminal may show them, in as many lines as they have."""
    return printable(words, keep="\n\t")


def note(message: str, indent: int = 0) -> None:
    """Progress and explanations, on stderr; a line that is broken goes on after ``indent``."""
    _err().print(_fitted(message, indent), style="dim", soft_wrap=True)


def warn(message: str) -> None:
    """Something the user should look at, on stderr."""
    _err().print(_fitted(message), style="yellow", soft_wrap=True)


def _fitted(message: str, indent: int = 0, taken: int = 0) -> str:
    """``message`` for stderr. A terminal would break a line within a word or a path: there it is
    broken between words, of which the first line has room for ``taken`` characters less. Elsewhere
    no line is broken, since programs read it."""
    from assay.cli.streams import is_person

    plain = _fit(message)
    if not is_person(_err().file):
        return plain
    from textwrap import TextWrapper

    wrapper = TextWrapper(
        max(_err().width, indent + LAST_COLUMN_MIN),
        initial_indent=" " * taken,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
        drop_whitespace=True,
    )
    lines = [wrapper.fill(line) if line.strip() else line for line in plain.split("\n")]
    return "\n".join(lines)[taken:]


def agreed(question: str) -> bool:
    """What the person at the terminal says to a question on stderr; anything but a yes is a no."""
    _err().print(f"{_fit(question)} [y/N] ", end="", soft_wrap=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def error(cause: str, cure: str = "") -> None:
    """Why a command failed and what to do, one sentence each, on stderr."""
    from rich.text import Text

    for name, style, words in ((ERROR, "bold red", cause), (CURE, "bold", cure)):
        if words:
            head = f"{name:{_HEAD_CHARS}}"
            told = _fitted(words, _HEAD_CHARS, _HEAD_CHARS)
            _err().print(Text.assemble((head, style), told), soft_wrap=True)
