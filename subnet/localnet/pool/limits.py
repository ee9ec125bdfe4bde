"""The limits of the transaction pool, each with its reason.

The pool keeps what strangers send until a block includes it. So each limit bounds memory or work
that a stranger could otherwise make grow without end. A transaction that a limit excludes is
answered with ``ImmediatelyDropped``. This module is data only.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """What one pool may hold. A default is Substrate's, unless its comment gives another reason."""

    ready_count: int = 8_192
    """Transactions that the next blocks could take: several blocks full of transfers."""

    ready_bytes: int = 20 * 2**20
    """The same in bytes; runtime upgrades are the only large ones (about 4 MB each)."""

    future_count: int = 819
    """Transactions that wait for another one (a nonce gap): a tenth of the ready ones. When all
    places are taken, the sender that has most of them gives one up (``room``)."""

    future_bytes: int = 2 * 2**20
    """The same in bytes."""

    sender_ready_count: int = 2_048
    """Of one sender: a quarter of the pool, so that one account cannot shut out all others."""

    sender_future_count: int = 64
    """Of one sender: no client that sends nonces out of order is this far ahead."""

    tags_per_transaction: int = 16
    """Tags that a transaction requires or provides. The runtime names one or two; more would make
    each block's ordering slow."""

    longevity_blocks_max: int = 4_096
    """How long an immortal transaction waits at most: old ones would pile up for ever."""

    banned_count: int = 8_192
    """Hashes that are remembered as invalid; the oldest are forgotten first."""

    ban_s: float = 1_800.0
    """How long. Half an hour: longer than any client repeats itself."""

    revalidate_after_blocks: int = 16
    """A transaction that stays in the pool so long is validated again: its sender may have been
    emptied since. A younger one would be found out by the block that tries it."""

    revalidate_per_block: int = 64
    """At most so many after one block: about 20 ms, below a tenth of the shortest block time."""
