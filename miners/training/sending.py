"""When a peer ends its steps, so that those it has taken are sealed in time.

In come the blocks at which the peer's steps ended and its seal stood on chain, and the windows that
it missed; out comes how many blocks before the deadline the next window's steps end. On a machine
with much else to do a seal takes longer, so it is measured and not fixed. Nobody else has to agree:
how many steps a peer has taken is its own affair, and stands in its seal.
"""

from __future__ import annotations


class SendingTime:
    """How many blocks one peer keeps for sending, between ``least`` and ``most``."""

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, max(least, most)
        self._ended_at: int | None = None
        self.kept = least
        """Blocks before the deadline at which steps end; the deadline's own block is one of
        them."""

    def begun(self) -> None:
        """Note that a window has begun."""
        self._ended_at = None

    def ended(self, block: int) -> None:
        """Note that the window's steps end, or ended before, at ``block``."""
        if self._ended_at is None:
            self._ended_at = block

    def sealed(self, block: int) -> None:
        """Note that the seal stands on chain in ``block``: as long is kept from now on, and a block
        to spare, or a block less than before: a machine that was busy once is so again."""
        if self._ended_at is not None:
            self._keep(max(block - self._ended_at + 2, self.kept - 1))

    def missed(self) -> None:
        """Note that the window's seal came too late: twice as long is kept from now on."""
        self._keep(2 * self.kept)

    def _keep(self, blocks: int) -> None:
        self.kept = min(max(blocks, self._least), self._most)
