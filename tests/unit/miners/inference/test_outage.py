"""What the operator of a failing engine reads in the log: once, and when it is over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from loguru import logger

from assay.clock import ManualClock
from assay.miners.inference.outage import AGAIN_S, QUIET_S, EngineOutage
from assay.models.engine import EngineFailed, NotTaken, Trouble


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message).strip()), format="{message}")
    yield lines
    logger.remove(sink)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def outage(clock: ManualClock) -> EngineOutage:
    return EngineOutage(clock)


def trouble(kind: Trouble) -> EngineFailed:
    return EngineFailed(kind, f"Cause {kind}.", "Cure.", told="told", retry_after_s=1.0)


AWAY, KEY, BUSY = (trouble(kind) for kind in (Trouble.AWAY, Trouble.KEY, Trouble.BUSY))
TOO_LONG = NotTaken("Too long.", "Cure.", "told as too long")


def test_an_outage_is_told_when_it_begins_and_when_it_ends(
    outage: EngineOutage, clock: ManualClock, log: list[str]
) -> None:
    outage.answered()
    assert log == []
    for _ in range(50):
        outage.failed(AWAY)
        clock.advance(2.0)
    assert log == ["Cause away. Cure. Such a request earns nothing."]
    outage.answered()
    outage.answered()
    assert log[1:] == ["The engine answers again, after 100 s in which 50 requests got no answer"]


def test_one_that_lasts_is_told_anew(
    outage: EngineOutage, clock: ManualClock, log: list[str]
) -> None:
    outage.failed(AWAY)
    clock.advance(AGAIN_S - 1)
    outage.failed(AWAY)
    assert len(log) == 1
    clock.advance(1)
    outage.failed(AWAY)
    assert len(log) == 2


def test_another_kind_is_told_as_well(outage: EngineOutage, log: list[str]) -> None:
    for error in (AWAY, KEY, AWAY, KEY):
        outage.failed(error)
    assert [line.split(".")[0] for line in log] == ["Cause away", "Cause key"]


def test_the_next_outage_is_told_unless_it_follows_at_once(
    outage: EngineOutage, clock: ManualClock, log: list[str]
) -> None:
    def falls_out() -> int:
        before = len(log)
        outage.failed(AWAY)
        outage.answered()
        return len(log) - before

    assert falls_out() == 2
    clock.advance(QUIET_S - 1)
    assert falls_out() == 0
    clock.advance(1)
    assert falls_out() == 2


def test_a_busy_engine_is_no_outage(
    outage: EngineOutage, clock: ManualClock, log: list[str]
) -> None:
    for _ in range(10):
        outage.failed(BUSY)
        outage.answered()
        clock.advance(QUIET_S)
    assert len(log) == 1 and log[0].startswith("Cause busy.")
    clock.advance(AGAIN_S)
    outage.failed(BUSY)
    assert len(log) == 2


def test_what_a_caller_asks_wrongly_is_told_once(
    outage: EngineOutage, clock: ManualClock, log: list[str]
) -> None:
    for _ in range(5):
        outage.refused(TOO_LONG)
        clock.advance(QUIET_S)
    assert [line.split(".")[0] for line in log] == ["Too long"]


def test_a_refusal_is_an_answer_of_the_engine(outage: EngineOutage, log: list[str]) -> None:
    outage.failed(AWAY)
    outage.refused(TOO_LONG)
    assert log[-1].startswith("The engine answers again")
