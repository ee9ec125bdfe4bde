"""When to build: each mode's answers, the beat that is kept, and chain time beside wall time."""

from __future__ import annotations

import pytest

from assay.localnet.sealing import Sealing, SealingMode, block_timestamp_ms


def sealing(mode: SealingMode) -> Sealing:
    return Sealing(mode, interval_s=0.25, now_s=10.0)


@pytest.mark.parametrize(
    ("mode", "empty", "with_ready"),
    [
        (SealingMode.INTERVAL, 0.25, 0.25),
        (SealingMode.TRANSACTION, None, 0.0),
        (SealingMode.MIXED, 0.25, 0.0),
        (SealingMode.MANUAL, None, None),
    ],
)
def test_modes(mode: SealingMode, empty: float | None, with_ready: float | None) -> None:
    assert sealing(mode).wait_s(10.0, 0) == empty
    assert sealing(mode).wait_s(10.0, 3) == with_ready


def test_the_interval_keeps_its_beat_after_a_late_block() -> None:
    beat = sealing(SealingMode.INTERVAL)
    assert beat.wait_s(10.3, 0) == 0.0
    beat.sealed(10.31)
    assert beat.wait_s(10.31, 0) == pytest.approx(0.19)


def test_missed_beats_are_skipped() -> None:
    beat = sealing(SealingMode.INTERVAL)
    beat.sealed(20.0)
    assert beat.wait_s(20.0, 0) == pytest.approx(0.25)


def test_a_block_by_hand_does_not_move_the_beat() -> None:
    beat = sealing(SealingMode.INTERVAL)
    beat.sealed(10.1)
    assert beat.wait_s(10.1, 0) == pytest.approx(0.15)


def test_in_mixed_mode_any_block_starts_the_interval_anew() -> None:
    mixed = sealing(SealingMode.MIXED)
    mixed.sealed(10.2)
    assert mixed.wait_s(10.2, 0) == pytest.approx(0.25)


@pytest.mark.parametrize("mode", [SealingMode.INTERVAL, SealingMode.MIXED])
@pytest.mark.parametrize("interval_s", [0.125, 0.5])
def test_another_interval_starts_the_beat_anew(mode: SealingMode, interval_s: float) -> None:
    beat = sealing(mode)
    beat.sealed(10.25)
    beat.set_interval(interval_s, 10.26)
    assert beat.wait_s(10.26, 0) == pytest.approx(interval_s)
    assert beat.beat_s == interval_s
    beat.sealed(10.26 + interval_s)
    assert beat.wait_s(10.26 + interval_s, 0) == pytest.approx(interval_s)


def test_the_same_interval_leaves_the_beat_where_it_is() -> None:
    beat = sealing(SealingMode.INTERVAL)
    beat.set_interval(0.25, 10.1)
    assert beat.wait_s(10.1, 0) == pytest.approx(0.15)


@pytest.mark.parametrize("interval_s", [0.0, -1.0, float("inf"), float("nan")])
def test_an_interval_must_be_one(interval_s: float) -> None:
    with pytest.raises(ValueError, match="interval"):
        Sealing(SealingMode.INTERVAL, interval_s=interval_s, now_s=0.0)
    with pytest.raises(ValueError, match="interval"):
        sealing(SealingMode.INTERVAL).set_interval(interval_s, 10.0)


def test_chain_time_is_never_behind_the_wall_and_ahead_only_as_the_chain_demands() -> None:
    assert block_timestamp_ms(1_000, 750) == 1_000
    assert block_timestamp_ms(1_000, 1_250) == 1_250
