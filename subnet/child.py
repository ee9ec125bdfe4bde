"""What a supervised process does for its supervisor: it follows a lifeline and says how it ended.

A supervisor (``assay.supervise``) names in a child's environment a file descriptor, which is
readable once the supervisor is gone, and files for its outcome and for its being ready. A program
that may be a child calls ``Supervised.attend()`` first and ``report`` last, and ``tell_ready()``
when it does its work; without a supervisor all three do nothing. ``leave`` ends a process that code
which cannot be ended would hold for ever.

This module does not know what the process does, nor who started it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assay.outcome import Outcome, Slip, append_slip, write_outcome

LIFELINE: Final = "ASSAY_LIFELINE_FD"
"""Names a file descriptor whose end of file means that the supervisor is gone."""
OUTCOME: Final = "ASSAY_OUTCOME_FILE"
"""Names the file that takes the child's outcome."""
READY: Final = "ASSAY_READY_FILE"
"""Names a file that the child makes once it does its work."""
SLIPS: Final = "ASSAY_SLIPS_FILE"
"""Names the file that takes the child's slips: a builder's mistakes that end nothing."""
NICENESS: Final = "ASSAY_NICENESS"
"""How much nicer than its supervisor a child is to the other processes of the machine."""
ORPHAN_GRACE_S: Final = 15.0
"""From the supervisor's end to the child's, if it does not end in order before: longer than any
child takes to drain. A person who starts again before that may find ports and locks taken."""


@dataclass(frozen=True, slots=True)
class Supervised:
    """This process's side of its supervision. ``outcome_file`` None: nobody wants to know."""

    outcome_file: Path | None = None

    @classmethod
    def attend(cls) -> Supervised:
        """Take on what the environment asks for. The variables are removed from it, so that a
        process which this one starts is nobody's child by mistake."""
        lifeline = os.environ.pop(LIFELINE, None)
        outcome = os.environ.pop(OUTCOME, None)
        ready = os.environ.pop(READY, None)
        slips = os.environ.pop(SLIPS, None)
        niceness = os.environ.pop(NICENESS, None)
        if niceness is not None:
            os.nice(int(niceness))
        if lifeline is not None:
            threading.Thread(
                target=_follow, args=(int(lifeline),), name="lifeline", daemon=True
            ).start()
        global _ready_file, _slips_file
        _ready_file = Path(ready) if ready else None
        _slips_file = Path(slips) if slips else None
        return cls(Path(outcome) if outcome else None)

    def report(self, outcome: Outcome) -> None:
        """Leave ``outcome`` for the supervisor."""
        if self.outcome_file is not None:
            write_outcome(self.outcome_file, outcome)


_hung = False
"""Whether code of this process goes on that cannot be ended."""


def mark_hung() -> None:
    """Note that code goes on in this process which cannot be ended: its end must not wait."""
    global _hung
    _hung = True


def leave(code: int) -> int:
    """The exit code ``code``, for whoever ends this process in order. Does not return if code goes
    on that cannot be ended: the process then ends here, with that exit code."""
    if _hung:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


_ready_file: Path | None = None
_slips_file: Path | None = None
"""Of this process; what becomes ready, or slips, is far from where ``attend`` was called."""


def tell_ready() -> None:
    """Tell this process's supervisor, if it has one, that it does its work from now on."""
    if _ready_file is not None:
        with contextlib.suppress(OSError):  # a full disk: the supervisor's patience will end
            _ready_file.touch()


def tell_slip(slip: Slip) -> None:
    """Tell this process's supervisor, if it has one, of a builder's mistake that ends nothing."""
    if _slips_file is not None:
        append_slip(_slips_file, slip)


def _follow(descriptor: int) -> None:
    """End this process when ``descriptor`` does: in order if it can, at once if it cannot."""
    with contextlib.suppress(OSError):
        while os.read(descriptor, 1):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(ORPHAN_GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)
