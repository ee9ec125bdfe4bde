"""The errors that cross a room's border, and what a person is told.

The tree::

    AssayError                exit 1: our fault unless a subclass says otherwise
    └── UserError             exit 2: the user's mistake, with cause and cure
        ├── Refused           exit 3: the other side (a chain, a peer) or a rule said no
        └── Unavailable       exit 4: something is down, busy or full (a chain, a port, a disk)

A room adds its own leaves below these in a file of its own (``wire/errors.py`` and so on). An error
that a person may see carries one sentence of cause and one of cure; secrets never enter either.
"""

from __future__ import annotations


class AssayError(Exception):
    """Our own fault: a broken invariant, an unexpected state. Exit code 1."""

    exit_code = 1


class UserError(AssayError):
    """The user's mistake, unless a subclass says otherwise. Exit code 2.

    ``cause`` and ``cure`` are one sentence each, shown as they are.
    """

    exit_code = 2
    needs_fresh = False
    """Whether only a start without what is stored helps. A caller that keeps the folder knows how
    a user asks it for that."""

    def __init__(self, cause: str, cure: str) -> None:
        super().__init__(f"{cause} {cure}")
        self.cause = cause
        self.cure = cure

    def __reduce__(self) -> tuple[type[UserError], tuple[str, str]]:
        return type(self), (self.cause, self.cure)


class Unavailable(UserError):
    """Something outside is down, busy or too slow; the same call may go through later. Exit
    code 4."""

    exit_code = 4


class Refused(UserError):
    """The other side answered no, and the same call would be refused again. Exit code 3."""

    exit_code = 3
