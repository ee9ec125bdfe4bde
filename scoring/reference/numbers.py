"""The two kinds of numbers an epoch is computed in: the chain's fixed point, and exact rationals.

The epoch is written once, over ``Numbers``; the kind that it is given decides whether the outcome
is what the chain stores (``Fixed``) or what the formulas mean (``Exact``). The difference between
the two is the error of the fixed point.

``Fixed`` is I32F32 as executed runtimes use it: a number is an ``int`` that counts 2^-32. Products
round down, quotients round towards zero, sums are exact. An amount becomes a share with 64
fractional bits first, which is then cut to 32. A quotient by zero is zero.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from math import floor
from typing import Generic, TypeVar

N = TypeVar("N", int, Fraction)

U16_MAX = 65535
"""A full share, as the chain stores it."""
PER_MILLION = 10**6
"""The scale of BondsMovingAverage."""


class Numbers(ABC, Generic[N]):
    """The arithmetic that an epoch needs: values of type ``N`` are numbers, ``int`` are
    integers."""

    zero: N
    one: N

    @abstractmethod
    def whole(self, value: int) -> N:
        """Return the integer ``value`` as a number."""

    @abstractmethod
    def ratio(self, numerator: int, denominator: int) -> N:
        """Return the quotient of two integers as a number."""

    @abstractmethod
    def amount_share(self, amount: int, total: int) -> N:
        """Return ``amount`` as a share of ``total``."""

    @abstractmethod
    def mul(self, a: N, b: N) -> N:
        """Return the product of ``a`` and ``b``."""

    @abstractmethod
    def div(self, a: N, b: N) -> N:
        """Return ``a`` over ``b``; zero if ``b`` is zero."""

    @abstractmethod
    def floor_times(self, x: N, count: int) -> int:
        """Return the whole part of ``x * count``."""

    def total(self, values: Iterable[N]) -> N:
        """Return the exact sum of ``values``."""
        result = self.zero
        for value in values:
            result += value
        return result

    def normalise(self, values: Sequence[N]) -> list[N]:
        """Return each value over the sum of all; the values themselves if that sum is zero."""
        total = self.total(values)
        return [self.div(value, total) for value in values] if total else list(values)

    def amount_shares(self, amounts: Sequence[int]) -> list[N]:
        """Return each amount as a share of the sum of all."""
        total = sum(amounts)
        return [self.amount_share(amount, total) if total else self.zero for amount in amounts]

    def stored(self, x: N) -> int:
        """Return the share ``x`` as the chain stores it: parts of 65535, rounded down."""
        return self.floor_times(x, U16_MAX)

    def upscaled(self, values: Sequence[N]) -> list[int]:
        """Return ``values`` scaled so that the largest is 65535, halves rounded up: the form in
        which the chain stores pruning scores."""
        largest = max(values, default=self.zero)
        if not largest:
            return [0] * len(values)
        half = self.div(self.one, self.whole(2))
        return [
            self.floor_times(self.div(self.mul(value, self.whole(U16_MAX)), largest) + half, 1)
            for value in values
        ]

    def map_rows(self, rows: Sequence[Sequence[N]], change: Callable[[int, int, N], N]) -> Rows[N]:
        """Return the matrix ``rows`` with ``change(row, column, value)`` in place of each value."""
        return [[change(i, j, x) for j, x in enumerate(row)] for i, row in enumerate(rows)]

    def row_normalised(self, rows: Rows[N]) -> Rows[N]:
        """Return the matrix with each row normalised."""
        return [self.normalise(row) for row in rows]

    def column_normalised(self, rows: Rows[N]) -> Rows[N]:
        """Return the matrix with each column normalised."""
        return transposed(self.row_normalised(transposed(rows)))


class Fixed(Numbers[int]):
    """The chain's fixed point: integers that count 2^-32."""

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
    """Exact rationals: what the formulas mean."""

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
"""A dense matrix, with one row for each validator and one column for each neuron."""


def transposed(rows: Rows[N]) -> Rows[N]:
    """Return the matrix ``rows`` with rows and columns exchanged."""
    return [list(column) for column in zip(*rows, strict=True)]


def _truncated(numerator: int, denominator: int) -> int:
    """Return the quotient, rounded towards zero; zero if ``denominator`` is zero."""
    if denominator == 0:
        return 0
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient
