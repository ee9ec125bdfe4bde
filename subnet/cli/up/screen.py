"""What a run shows while it goes on, and what it leaves when it ends.

Adds to ``table`` a place: the live table and the progress lines on stderr, redrawn in place where
that is a terminal and written now and then where it is not; the result on stdout, once, at the end.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from rich.live import Live
from rich.text import Text

from assay.cli import output
from assay.cli.streams import is_person
from assay.cli.up.table import document, render
from assay.cli.up.watch import View
from assay.clock import Clock

PLAIN_INTERVAL_S: Final = 5.0
"""How often a log that is not a terminal gets a line: about once an epoch."""


def _nothing() -> None:
    pass


def _hide_control_keys() -> Callable[[], None]:
    """Let the terminal not write ``^C`` into the table, which would then be drawn beside itself.

    Returns what undoes it.
    """
    import termios

    try:
        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)
        changed = [*before]
        changed[3] &= ~termios.ECHOCTL
        termios.tcsetattr(terminal, termios.TCSANOW, changed)
    except (OSError, ValueError, termios.error):  # stdin is no terminal, or is not ours
        return _nothing

    def restore() -> None:
        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(terminal, termios.TCSANOW, before)

    return restore


class Screen:
    """A run's display."""

    def __init__(self, clock: Clock, started: float) -> None:
        self._clock = clock
        self._started = started
        self._live: Live | None = None
        self._restore: Callable[[], None] = _nothing
        self._shown_at = float("-inf")

    @property
    def seconds(self) -> float:
        """Since the command was started."""
        return self._clock.monotonic() - self._started

    def __enter__(self) -> Self:
        if is_person(output.err.file):
            # The result is the same table: where a person sees both, one of them is enough.
            self._live = Live(
                Text(""),
                console=output.err,
                refresh_per_second=4,
                transient=is_person(output.out.file),
            )
            self._live.start()
            self._restore = _hide_control_keys()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._live is not None:
            if self._live.transient:
                # Drawn whole once more, as ``stop`` does, a table higher than the terminal would
                # leave its head above what can be erased again.
                self._live.update(Text(""), refresh=True)
            self._live.stop()
            self._live = None
            self._restore()

    def say(self, message: str) -> None:
        """One step of the way."""
        output.note(f"{self.seconds:5.1f} s  {message}")

    def show(self, view: View) -> None:
        """The run as it is now."""
        if self._live is not None:
            self._live.update(render(view, self.seconds, output.err.width))
        elif self.seconds - self._shown_at >= PLAIN_INTERVAL_S:
            self._shown_at = self.seconds
            output.note(f"{self.seconds:5.1f} s  block {view.at.number}, epoch {view.epoch}")

    def finish(self, view: View, *, json: bool) -> None:
        """The result on stdout."""
        if json:
            output.document(document(view, self.seconds))
        else:
            output.show(render(view, self.seconds, output.out.width))
