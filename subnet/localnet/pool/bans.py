"""Hashes that were found invalid for good, remembered for a while. Pure: time is passed in.

A client that repeats a bad transaction costs a signature check each time without this. Only
verdicts that no later state can change earn a ban (a bad signature, a used nonce): whoever lacked
the fee may send the same bytes again once the account is funded.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from assay.localnet.errors import InvalidTransaction

LASTING: Final = frozenset({"BadProof", "Stale", "AncientBirthBlock", "BadMandatory", "BadSigner"})
"""Kinds of ``InvalidTransaction`` that hold until the runtime itself changes."""


def is_lasting(refusal: Exception) -> bool:
    """Whether the same bytes would be refused again whatever happens to the accounts."""
    return isinstance(refusal, InvalidTransaction) and refusal.kind in LASTING


class Bans:
    """A bounded table of hash -> the moment until which it is refused unseen."""

    def __init__(self, *, count_max: int, duration_s: float) -> None:
        self._until: OrderedDict[bytes, float] = OrderedDict()
        self._count_max = count_max
        self._duration_s = duration_s

    def __len__(self) -> int:
        return len(self._until)

    def add(self, transaction_hash: bytes, now_s: float) -> None:
        self._until[transaction_hash] = now_s + self._duration_s
        self._until.move_to_end(transaction_hash)
        while len(self._until) > self._count_max:
            self._until.popitem(last=False)

    def holds(self, transaction_hash: bytes, now_s: float) -> bool:
        until = self._until.get(transaction_hash)
        if until is None:
            return False
        if until > now_s:
            return True
        del self._until[transaction_hash]
        return False

    def clear(self) -> None:
        """Forget all: a new runtime may judge otherwise."""
        self._until.clear()
