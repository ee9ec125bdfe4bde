"""How long a convicted miner is not paid.

A miner that was convicted of a wrong answer loses what it earned since weights were last set. It is
paid again once three whole epochs of the chain have passed and it has given a number of verified
answers in a row, unpaid. Epochs make the punishment as long on every chain for whoever answers
seldom; answers make it as long where epochs are short. ``posp`` says how long is long enough. This
module counts; a validator keeps the count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

AFTER_CONVICTION: Final = 96
"""Clean answers before a convicted miner is paid again: twice what keeps fp16 from paying at the
tolerance for fp32, on a chain whose epochs have only a few rounds (``posp``)."""
EPOCHS: Final = 3
"""Whole epochs without pay, as in Verathos. On a public chain, with some seventy rounds an epoch,
fp16 at twice the speed earned 1.05 of honest pay after 16 clean answers, 0.56 after one epoch's and
0.37 after three."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a miner owes before it is paid again; nothing by default."""

    answers: int = 0
    """Clean answers in a row."""
    until_epoch: int = 0
    """The first epoch of the chain that may pay."""

    def served(self, epoch: int) -> bool:
        """Return whether a verified answer in ``epoch`` is paid."""
        return self.answers == 0 and epoch >= self.until_epoch


def sentence_after(
    sentence: Sentence,
    *,
    verified: bool,
    convicted: bool,
    epoch: int,
    answers: int = AFTER_CONVICTION,
) -> Sentence:
    """Return what a miner owes after one more answer, of ``sentence`` before it.

    A conviction in ``epoch`` begins the count of ``answers`` anew, a verified answer takes one off,
    and an answer that is neither changes nothing. ValueError for an answer that is both.
    """
    if verified and convicted:
        raise ValueError("an answer is not both verified and convicted")
    if convicted:
        return Sentence(answers, epoch + 1 + EPOCHS)
    if verified:
        return Sentence(max(sentence.answers - 1, 0), sentence.until_epoch)
    return sentence
