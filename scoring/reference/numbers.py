"""The two kinds of numbers an epoch is computed in: the chain's fixed point, and exact rationals.

The epoch is written once, over ``Numbers``; which of the two is given decides whether the outcome
is what the chain stores or what the formulas mean. The difference is the fixed point's error.

``Fixed`` is I32F32 as executed runtimes use it: a number is an ``int`` that counts 2^-32. Products
round down, quotients round towards zero, sums are exact. Amounts become shares with 64 fractional
bits first, which are then cut to 32. A quotient by zero is zero.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from math import floor
from typing import Generic, TypeVar

N = TypeVar("N", int, Fraction)

U16_MAX = 65535
"""A full share, as it is stored."""
PER_MILLION = 10**6
"""The scale of BondsMovingAverage."""


class Numbers(ABC, Generic[N]):
    """What an epoch asks of its numbers. ``x`` is always one of them; the rest are integers."""

    zero: N
    one: N

    @abstractmethod
    def whole(self, value: int) -> N:
        """The integer itself."""

    @abstractmethod
    def ratio(self, numerator: int, denominator: int) -> N:
        """A quotient of integers."""

    @abstractmethod
    def amount_share(self, amount: int, total: int) -> N:
        """An amount as a share of the total of all."""

    @abstractmethod
    def mul(self, a: N, b: N) -> N: ...

    @abstractmethod
    def div(self, a: N, b: N) -> N:
        """Zero when the divisor is."""

    @abstractmethod
    def floor_times(self, x: N, count: int) -> int:
        """The whole part of ``x * count``."""

    def total(self, values: Iterable[N]) -> N:
        """The exact sum."""
        result = self.zero
        for value in values:
            result += value
        return result

    def normalise(self, values: Sequence[N]) -> list[N]:
        """Each value over the sum of all; unchanged when that is zero."""
        total = self.total(values)
        return [self.div(value, total) for value in values] if total else list(values)

    def amount_shares(self, amounts: Sequence[int]) -> list[N]:
        total = sum(amounts)
        return [self.amount_share(amount, total) if total else self.zero for amount in amounts]

    def stored(self, x: N) -> int:
        """A share as the chain stores it: of 65535, rounded down."""
        return self.floor_times(x, U16_MAX)

    def upscaled(self, values: Sequence[N]) -> list[int]:
        """Scaled so that the largest is 65535, halves up; the form of pruning scores."""
        largest = max(values, default=self.zero)
        if not largest:
            return [0] * len(values)
        half = self.div(self.one, self.whole(2))
        return [
            self.floor_times(self.div(self.mul(value, self.whole(U16_MAX)), largest) + half, 1)
            for value in values
        ]

    def map_rows(self, rows: Sequence[Sequence[N]], change: Callable[[int, int, N], N]) -> Rows[N]:
        return [[change(i, j, x) for j, x in enumerate(row)] for i, row in enumerate(rows)]

    def row_normalised(self, rows: Rows[N]) -> Rows[N]:
        return [self.normalise(row) for row in rows]

    def column_normalised(self, rows: Rows[N]) -> Rows[N]:
        return transposed(self.row_normalised(transposed(rows)))


class Fixed(Numbers[int]):
    """Counts of 2^-32."""

    bits = 32
    zero = 0
    one = 1 << bits

    def whole(self, value: int) -> int:
        return value << self.bits

    def ratio(self, numerator: int, denominator: int) -> int:
        return _truncated(numerator << self.bits, denominator)

    def amount_share(self, amount: int, total: int) -> int:
        return (amount << 64) // total >> 64 - self.bits

    def mul(self, a: int, b: int) -> int:
        return a * b >> self.bits

    def div(self, a: int, b: int) -> int:
        return _truncated(a << self.bits, b)

    def floor_times(self, x: int, count: int) -> int:
        return x * count >> self.bits


class Exact(Numbers[Fraction]):
    """Rationals: what the formulas mean."""

    zero = Fraction(0)
    one = Fraction(1)

    def whole(self, value: int) -> Fraction:
        return Fraction(value)

    def ratio(self, numerator: int, denominator: int) -> Fraction:
        return Fraction(numerator, denominator) if denominator else self.zero

    def amount_share(self, amount: int, total: int) -> Fraction:
        return Fraction(amount, total)

    def mul(self, a: Fraction, b: Fraction) -> Fraction:
        return a * b

    def div(self, a: Fraction, b: Fraction) -> Fraction:
        return a / b if b else self.zero

    def floor_times(self, x: Fraction, count: int) -> int:
        return floor(x * count)


Rows = list[list[N]]
"""A dense matrix: one row a validator, one column a neuron."""


def transposed(rows: Rows[N]) -> Rows[N]:
    return [list(column) for column in zip(*rows, strict=True)]


def _truncated(numerator: int, denominator: int) -> int:
    """The quotient towards zero; zero by zero."""
    if denominator == 0:
        return 0
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient
