"""Amounts of TAO as a person types them, and as the chain counts them.

Adds to ``decimal`` the exact step from a decimal number to whole rao. A float would round: of the
nine decimals that an amount may have, it loses the last ones from some million TAO on.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Final

from assay.errors import UserError
from assay.types import RAO_PER_TAO, U64_MAX, Rao

_CHARS_MAX: Final = 32
"""Twenty digits and a point hold every amount; a longer text is not read at all."""
_EXACT: Final = Context(prec=2 * _CHARS_MAX)
"""Holds all digits of such a text in rao. The usual 28 would round the last of them away, and what
is no whole number of rao would be taken for one."""


def in_tao(rao: int) -> str:
    """An amount as a person reads it, to the last rao."""
    return f"{Decimal(rao) / RAO_PER_TAO:f}"


def parse_amount(text: str, *, zero: bool = False, unit: str = "TAO") -> Rao:
    """Whole rao out of a decimal number of TAO, or of what ``unit`` names; UserError for anything
    else, also for nothing unless ``zero`` allows it."""
    try:
        rao = Decimal(text if len(text) <= _CHARS_MAX else -1)
        rao = _EXACT.multiply(rao, RAO_PER_TAO)
    except ArithmeticError:  # not a number, or one beyond all bounds
        rao = Decimal(-1)
    least = 0 if zero else 1
    if not (rao.is_finite() and least <= rao <= U64_MAX and rao == rao.to_integral_value()):
        raise UserError(
            f"{text[:_CHARS_MAX]!r} is not an amount of {unit}.",
            f"Give a {'' if zero else 'positive '}number with at most nine decimals, such as 12.5.",
        )
    return Rao(int(rao))
