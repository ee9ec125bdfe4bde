"""Amounts are exact to the rao, and what is none is refused."""

from __future__ import annotations

import pytest

from assay.cli.amounts import in_tao, parse_amount
from assay.errors import UserError
from assay.types import U64_MAX


@pytest.mark.parametrize(
    ("text", "rao"),
    [
        ("1", 10**9),
        ("12.5", 12_500_000_000),
        ("0.000000001", 1),
        ("18000000.000000001", 18_000_000_000_000_001),  # a float has no such number
        ("1e3", 10**12),
        ("1.00000000000000000000000000000", 10**9),
        (f"{U64_MAX / 10**9:.0f}"[:-1], int(f"{U64_MAX / 10**9:.0f}"[:-1]) * 10**9),
    ],
)
def test_an_amount_is_exact(text: str, rao: int) -> None:
    assert parse_amount(text) == rao


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "0",
        "-1",
        "nan",
        "inf",
        "-inf",
        "0.0000000001",
        "1e99",
        "1e999999999",
        "9" * 400,
        "1,5",
        "1.000000000000000000000000000001",  # 28 digits of it would be a whole one
        "0.0100000000000000000000000000001",
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is not an amount") as refused:
        parse_amount(text)
    assert len(refused.value.cause) < 100


def test_nothing_is_an_amount_where_it_may_be() -> None:
    assert parse_amount("0", zero=True) == 0
    with pytest.raises(UserError):
        parse_amount("-0.1", zero=True)


@pytest.mark.parametrize(
    ("rao", "text"), [(0, "0"), (1, "0.000000001"), (10**9, "1"), (12_500_000_000, "12.5")]
)
def test_an_amount_is_shown_to_the_last_rao(rao: int, text: str) -> None:
    assert in_tao(rao) == text
    assert parse_amount(text, zero=True) == rao
    assert parse_amount(in_tao(U64_MAX)) == U64_MAX
