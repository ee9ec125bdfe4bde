"""How the validators of a run come to hold equal stakes, so that consensus needs two of them.

The chain's consensus follows the weights that more than kappa of the stake stands behind. Alpha
gets dearer with each purchase, so that equal amounts of TAO give the first buyer most of the stake:
three quarters where two buy, and that validator alone would decide who is paid. Here the first
buyer spends little, and each other one what the same alpha costs by then. Two equal validators hold
half each, where the chain's kappa of one half would let either of them decide; for a run of two,
``KAPPA_OF_TWO`` is to be set. A validator that is alone decides alone.

Prices and amounts come in, amounts go out. This module asks no chain.
"""

from __future__ import annotations

import math
from typing import Final

from assay.types import RAO_PER_TAO, AlphaRao, Rao

STAKE_MAX: Final = Rao(1_000 * RAO_PER_TAO)
"""The most that a validator stakes: what the pool of a first subnet holds, so that one validator
buys half of the pool's alpha. More would buy little more alpha."""
KAPPA_OF_TWO: Final = 39_321
"""Of 65,535: three fifths. Two equal validators stay below it while their dividends differ by less
than half; at one half either of two would be above it."""


def first_stake(validators: int) -> Rao:
    """The TAO that the first of so many ``validators`` spends.

    In a pool that holds ``STAKE_MAX``, all of them together then buy half of its alpha, and the
    last of them spends no more than ``STAKE_MAX``.
    """
    return Rao(STAKE_MAX // (2 * validators - 1))


def cost_of(alpha: AlphaRao, price: Rao, price_after: Rao) -> Rao:
    """The TAO that buys ``alpha`` where one alpha costs ``price`` now, and would cost
    ``price_after`` once ``STAKE_MAX`` had been spent; ``STAKE_MAX`` where it would cost more.

    The pool keeps the product of its two reserves: what multiplies its TAO by g multiplies the
    price by g squared. So the two prices tell how much TAO the pool holds.
    """
    at_once = alpha * price / RAO_PER_TAO  # if buying did not raise the price
    growth = math.sqrt(price_after / price) - 1.0
    left = 1.0 - at_once * growth / STAKE_MAX
    if left <= 0.0:
        return STAKE_MAX  # the pool does not hold as much
    return Rao(min(round(at_once / left), STAKE_MAX))
