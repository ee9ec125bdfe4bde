"""The time limit of a question: it begins, it ends, and each reader of the clock meets it."""

from __future__ import annotations

import math

import pytest

from assay.localnet.errors import TimeSpent
from assay.localnet.time_limit import WALL_TIMES, TimeLimit, unlimited


class Time:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_question_has_its_time_and_no_more() -> None:
    time = Time()
    limit = TimeLimit(time)
    limit.check()
    assert limit.left_s == math.inf
    limit.begin(0.25)
    time.now_s += 0.125
    limit.check()
    assert limit.left_s == 0.125
    time.now_s += 0.125
    with pytest.raises(TimeSpent, match=r"more than 0\.25 s"):
        limit.check()
    time.now_s += 1
    assert limit.left_s == 0.0
    limit.end()
    limit.check()
    assert limit.left_s == math.inf


def test_a_question_pays_for_what_it_computes_and_not_for_what_other_programs_do() -> None:
    processor, wall = Time(), Time()
    limit = TimeLimit(processor, wall)
    limit.begin(0.25)
    processor.now_s += 0.125
    wall.now_s += 0.25 * (WALL_TIMES - 1)
    limit.check()
    assert limit.left_s == 0.125
    wall.now_s += 0.25  # as much as if it had waited for a disk all the time
    with pytest.raises(TimeSpent):
        limit.check()
    limit.begin(0.25)
    processor.now_s += 0.25
    with pytest.raises(TimeSpent):
        limit.check()


def test_work_of_our_own_has_no_limit() -> None:
    limit = unlimited()
    limit.begin(0.001)
    limit.check()
