"""What a run shows while it goes on, and what it leaves when it ends.

Where stderr is a terminal, the table stands there and is drawn anew in place, below the progress
lines. Where it is not, a line is written now and then. The result goes to stdout, once, at the end.
Whether a stream is a terminal is asked of the stream: a preference for colours makes none of it.

Views come in; what is in them is ``watch``'s, and how they look is ``table``'s.
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
REDRAWS_PER_S: Final = 4
"""A block takes a quarter of a second."""


def _nothing() -> None:
    pass


def _hide_control_keys() -> Callable[[], None]:
    """Keep the terminal from writing ``^C`` into the table, which would then be drawn twice.

    Returns the function that undoes it.
    """
    import termios

    try:
        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)
        changed = [*before]
        changed[3] &= ~termios.ECHOCTL
        termios.tcsetattr(terminal, termios.TCSANOW, changed)
    except (OSError, ValueError, AttributeError, termios.error):  # stdin is closed, or no terminal
        return _nothing

    def restore() -> None:
        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(terminal, termios.TCSANOW, before)

    return restore


class RunScreen:
    """A run's display: progress and the table while it goes on, the result at its end."""

    def __init__(self, clock: Clock, started: float) -> None:
        """``started`` is the clock's time when the command began."""
        self._clock = clock
        self._started = started
        self._live: Live | None = None
        self._restore: Callable[[], None] = _nothing
        self._shown_at = float("-inf")

    @property
    def seconds(self) -> float:
        """Seconds since the command began."""
        return self._clock.monotonic() - self._started

    def __enter__(self) -> Self:
        if is_person(output.err.file):
            # The result is the same table: where a person sees both, one of them is enough.
            self._live = Live(
                Text(""),
                console=output.err,
                refresh_per_second=REDRAWS_PER_S,
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
        """Tell one step of the run, with the time."""
        time = f"{self.seconds:5.1f} s  "
        output.note(f"{time}{message}", indent=len(time))

    def show(self, view: View, beside: View | None = None) -> None:
        """Show the run as it is in ``view``, and the subnet ``beside`` its own, if there is one."""
        if self._live is not None:
            self._live.update(render(view, self.seconds, output.err.width, beside))
        elif self.seconds - self._shown_at >= PLAIN_INTERVAL_S:
            self._shown_at = self.seconds
            output.note(f"{self.seconds:5.1f} s  block {view.at.number}, epoch {view.epoch}")

    def finish(self, view: View, beside: View | None = None, *, json: bool) -> None:
        """Write the result, ``view`` and what is ``beside``, to stdout."""
        if json:
            output.document(document(view, self.seconds, beside))
        else:
            output.show(render(view, self.seconds, output.out.width, beside))
