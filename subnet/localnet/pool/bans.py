"""Remembers for a while the hashes of transactions that were found invalid for good.

Without this table, a client that repeats a bad transaction would cost a signature check each time.
Only a verdict that no later state can change leads to a ban (a bad signature, a used nonce). A
sender that lacked the fee may send the same bytes again once the account is funded. Time is passed
in; the table reads no clock.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from assay.localnet.errors import InvalidTransaction

LASTING: Final = frozenset({"BadProof", "Stale", "AncientBirthBlock", "BadMandatory", "BadSigner"})
"""Kinds of ``InvalidTransaction`` that hold until the runtime itself changes."""


def is_lasting(refusal: Exception) -> bool:
    """Whether ``refusal`` will hold for the same bytes, whatever happens to the accounts."""
    return isinstance(refusal, InvalidTransaction) and refusal.kind in LASTING


class Bans:
    """A bounded table: each hash with the time until which the pool refuses it unread."""

    def __init__(self, *, count_max: int, duration_s: float) -> None:
        self._until: OrderedDict[bytes, float] = OrderedDict()
        self._count_max = count_max
        self._duration_s = duration_s

    def __len__(self) -> int:
        return len(self._until)

    def add(self, transaction_hash: bytes, now_s: float) -> None:
        """Ban ``transaction_hash`` from ``now_s`` on. The oldest ban goes if there are too many."""
        self._until[transaction_hash] = now_s + self._duration_s
        self._until.move_to_end(transaction_hash)
        while len(self._until) > self._count_max:
            self._until.popitem(last=False)

    def holds(self, transaction_hash: bytes, now_s: float) -> bool:
        """Whether ``transaction_hash`` is still banned at ``now_s``."""
        until = self._until.get(transaction_hash)
        if until is None:
            return False
        if until > now_s:
            return True
        del self._until[transaction_hash]
        return False

    def clear(self) -> None:
        """Lift all bans, because a new runtime may judge otherwise."""
        self._until.clear()
