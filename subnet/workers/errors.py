"""What can go wrong with a worker; every call ends with its reply or with one of these.

The tree::

    WorkerError (Unavailable)
    ├── WorkerNotStarted    its function could not be imported, raised, or took too long; or the
    │                       system had no process for it
    ├── WorkerFailed        its function raised on this call; the worker lives
    ├── WorkerTimedOut      no reply within the call's deadline
    ├── WorkerBroke         it answered what is no reply, or too much
    └── WorkerDied          its process ended under the call
        └── WorkerOutOfMemory

After each of them the worker takes the next call: it lives on, or is started again with back-off.
"""

from __future__ import annotations

from assay.errors import Unavailable
from assay.outcome import SourceLine


class WorkerError(Unavailable):
    """A call to a worker came to nothing. ``at`` is the builder's line, if one is to blame."""

    def __init__(self, cause: str, cure: str, at: SourceLine | None = None) -> None:
        super().__init__(cause, cure)
        self.at = at


class WorkerNotStarted(WorkerError):
    """The worker's process or its function cannot be brought to answer calls."""


class WorkerFailed(WorkerError):
    """The worker's function raised on this call. The worker lives on."""


class WorkerTimedOut(WorkerError):
    """There was no reply within the call's deadline."""


class WorkerBroke(WorkerError):
    """What the worker sent is no reply of the expected type, or is longer than replies may be."""


class WorkerDied(WorkerError):
    """The worker's process ended while the call ran."""


class WorkerOutOfMemory(WorkerDied):
    """The worker wanted more memory than it may have."""
