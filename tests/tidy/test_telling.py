"""What the bench of canaries rests on: a classifier that can tell, and time that waits for work."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from scripts.bench import telling
from scripts.bench.virtual_time import LoopClock, run

ROWS = 1_500
DICE = np.random.default_rng(3)
LABELS = (DICE.random(ROWS) < 0.5).astype(np.float64)
ONE = np.zeros(ROWS)
"""All rows are one owner's."""


def fold(groups: np.ndarray) -> np.ndarray:
    return telling.folds([str(group) for group in groups])


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    labels = np.array([0.0, 0.0, 1.0, 1.0])
    for scores, area in (([1, 2, 3, 4], 1.0), ([4, 3, 2, 1], 1.0), ([1, 3, 2, 4], 0.75),
                         ([0, 0, 0, 0], 0.5), ([0, 1, 1, 2], 0.875)):  # fmt: skip
        assert telling.auc(np.array(scores, float), labels, np.zeros(4)) == pytest.approx(area)
    # What differs from owner to owner tells no owner anything.
    assert telling.auc(labels, labels, labels) == 0.5


def test_trees_find_what_no_column_tells_alone() -> None:
    columns = DICE.normal(size=(ROWS, 6))
    labels = ((columns[:, 1] > 0) == (columns[:, 4] > 0)).astype(np.float64)
    groups = fold(np.arange(ROWS))
    assert telling.auc(telling.told(columns, labels, groups), labels, ONE) > 0.95
    assert telling.auc(telling.told(columns, LABELS, groups), LABELS, ONE) < 0.55


def test_words_are_told_and_chance_is_not() -> None:
    few = 400
    alike = ["".join(DICE.choice(list("abcdef "), 60)) for _ in range(few)]
    groups, labels = fold(np.arange(few)), LABELS[:few]
    found = telling.read(telling.grams(alike), labels, groups)
    assert telling.auc(found, labels, ONE[:few]) < 0.6
    marked = [
        text + (" the" if label else " que") for text, label in zip(alike, labels, strict=True)
    ]
    found = telling.read(telling.grams(marked), labels, groups)
    assert telling.auc(found, labels, ONE[:few]) > 0.95


def test_what_is_known_of_a_group_tells_nothing_of_it() -> None:
    groups = np.repeat(np.arange(ROWS // 5), 5)
    of_group = (DICE.random(ROWS // 5) < 0.5)[groups].astype(np.float64)
    columns = np.column_stack([groups % 7, groups, groups * 7 % 11]).astype(np.float64)
    found = telling.auc(telling.told(columns, of_group, fold(groups)), of_group, ONE)
    apart = telling.auc(telling.told(columns, of_group, fold(np.arange(ROWS))), of_group, ONE)
    assert apart > found + 0.05
    assert found < 0.58


def test_hours_pass_at_once_and_work_is_waited_for() -> None:
    async def main() -> tuple[float, list[str]]:
        clock, order = LoopClock(), []

        async def work() -> None:
            await asyncio.to_thread(time.sleep, 0.2)
            order.append("work")

        async def hours() -> None:
            await clock.sleep(7_200.0)
            order.append("hours")

        await asyncio.gather(hours(), work())
        return clock.monotonic(), order

    began_s = time.monotonic()
    passed_s, order = run(main())
    assert time.monotonic() - began_s < 30.0
    assert passed_s == pytest.approx(7_200.0, abs=1.0)
    assert order == ["work", "hours"]
