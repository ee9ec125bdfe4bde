"""How early a peer's steps end: as long before the deadline as its seal takes."""

from __future__ import annotations

from assay.miners.training.sending import SendingTime


def test_as_long_is_kept_as_the_last_seals_took_and_a_block_more() -> None:
    sending = SendingTime(3, 9)
    assert sending.kept == 3
    for ended, sealed, kept in ((10, 11, 3), (30, 34, 6), (50, 70, 9), (80, 81, 8), (90, 91, 7)):
        sending.begun()
        sending.ended(ended)
        sending.ended(ended + 1)  # told again with each block
        sending.sealed(sealed)
        assert sending.kept == kept


def test_after_a_miss_twice_as_long_is_kept_within_bounds() -> None:
    sending = SendingTime(3, 9)
    sending.begun()
    sending.ended(10)
    for kept in (6, 9, 9):
        sending.missed()
        assert sending.kept == kept
    sending.begun()
    sending.sealed(20)  # of a window that was sealed before a restart: nothing was measured
    assert sending.kept == 9
    assert SendingTime(5, 2).kept == 5
