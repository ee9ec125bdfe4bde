"""How many clean answers a miner owes before it is paid again.

A miner that was convicted of a wrong answer must give ``AFTER_CONVICTION`` verified answers in a
row, unpaid, before it is paid again. A miner whose wrong answers pass with probability q is then
paid for about q ^ AFTER_CONVICTION of its time. This module counts; a validator keeps the count.
"""

from __future__ import annotations

from typing import Final

AFTER_CONVICTION: Final = 16
"""Clean answers before a convicted miner is paid again. At q = 0.8 its pay falls to 3 %."""


def owed_after(owed: int, *, verified: bool, convicted: bool) -> int:
    """Return how many clean answers a miner owes after one more answer, of ``owed`` before it.

    A conviction begins the count anew, a verified answer takes one off, and an answer that is
    neither changes nothing. ValueError for an answer that is both.
    """
    if verified and convicted:
        raise ValueError("an answer is not both verified and convicted")
    if convicted:
        return AFTER_CONVICTION
    return max(owed - 1, 0) if verified else owed
