"""How long a client waits for its chain.

``Deadlines`` goes to a client when it is made; a call may be given a limit of its own. The numbers
are for a public chain; tests pass shorter ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

READ_DEADLINE_S: Final = 15.0
"""A read is one or two round trips; a node that needs longer is as good as down."""
WRITE_DEADLINE_S: Final = 90.0
"""Pool, inclusion and finality on a chain with 12 s blocks, with room for one empty slot."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a client waits for the chain before it says that the chain is not there."""

    read_s: float = READ_DEADLINE_S
    write_s: float = WRITE_DEADLINE_S
