"""The pool of a subnet: a weighted constant product of TAO and alpha.

    buy  t TAO:   alpha out = a * (1 - (y / (y + t)) ^ (w_y / w_a))
    sell x alpha: TAO out   = y * (1 - (a / (a + x)) ^ (w_a / w_y))

The rule is that of ``balancer.rs`` and ``swap_step.rs`` in ``pallets/swap/src/pallet``. With equal
weights the outcome is the exact whole part, as all executed runtimes gave. Ours, where the source
leaves it open: the fee is ``floor(amount * rate / 65535)`` and is taken from what comes in; other
weights give the whole part of the exact amount, or of an amount less than a millionth of a rao
below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from math import floor

from assay.scoring.reference.numbers import U16_MAX

WEIGHT_ONE = 10**18
"""The sum of both weights, as the chain stores them."""
_SLACK = Decimal(10) ** -6
_DIGITS = 120
"""Digits of the logarithms: an amount has twenty, and the rest is far below the slack."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool's reserves of TAO and alpha, and the weight of TAO."""

    tao: int
    alpha: int
    tao_weight: int = WEIGHT_ONE // 2

    def bought(self, tao: int) -> tuple[int, int]:
        """Return the least and the most alpha that the rule allows for ``tao`` TAO."""
        return _out(self.tao, self.alpha, tao, self.tao_weight)

    def sold(self, alpha: int) -> tuple[int, int]:
        """Return the least and the most TAO that the rule allows for ``alpha`` alpha."""
        return _out(self.alpha, self.tao, alpha, WEIGHT_ONE - self.tao_weight)


def fee(amount: int, rate: int) -> int:
    """Return the fee of ``amount``, at ``rate`` parts of 65535."""
    return amount * rate // U16_MAX


def _out(reserve_in: int, reserve_out: int, amount: int, weight_in: int) -> tuple[int, int]:
    if 2 * weight_in == WEIGHT_ONE:
        exact = reserve_out * amount // (reserve_in + amount)
        return exact, exact
    with localcontext() as context:
        context.prec = _DIGITS
        exponent = Decimal(weight_in) / Decimal(WEIGHT_ONE - weight_in)
        base = Decimal(reserve_in) / Decimal(reserve_in + amount)
        out = Decimal(reserve_out) * (1 - (base.ln() * exponent).exp())
        return max(floor(out - _SLACK), 0), floor(out)
