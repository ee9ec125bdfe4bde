"""Long work on the screen: a bar with the time left for a person, nothing for a program.

In comes what is worked on; out comes a function that is told how much of how much is done. The bar
stands on stderr, so that stdout is the result alone, and is gone when the work ends.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from assay.cli.streams import is_person


@contextlib.contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show the progress of ``what`` until the block ends. The function that is given takes how many
    steps are done, and of how many."""
    if not is_person(sys.stderr):
        yield _untold
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from assay.cli import output

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=output.err, transient=True) as shown:
        task: Any = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def _untold(done: int, total: int) -> None:
    """What progress is told to where nobody looks."""
