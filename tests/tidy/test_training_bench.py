"""The benchmark of training compares fairly: equal trials, paired seeds, all bytes, one trace."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from pathlib import Path
from typing import Any

import pytest

from assay.scoring.training.windows import WindowPace
from scripts.bench import training_deadlines
from scripts.bench.chaos_faults import KINDS, planned
from scripts.bench.training_cells import (
    FULL,
    METHODS,
    OURS_RATIO,
    PUBLISHED_RATIO,
    QUICK,
    TRIALS,
    Method,
    Results,
    Setting,
    cell_of,
    compared,
    cost_s,
)
from scripts.bench.training_figures import at_bytes, comparisons, paired, tables, tokens_until


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_every_method_has_the_same_number_of_trials(method: Method) -> None:
    first = method.first_trials()
    second = method.second_trials(first[0])
    assert len(first) + len(second) == TRIALS
    assert len({*first, *second}) == TRIALS
    assert all(setting.rate > 0 for setting in first + second)


def test_a_bench_that_was_stopped_goes_on_behind_what_is_there(tmp_path: Path) -> None:
    method = METHODS["ours"]
    cells = [
        cell_of(FULL, method, 30, OURS_RATIO, seed, Setting(1e-3, decay=decay))
        for seed in (0, 1)
        for decay in (0.9, 0.85)
    ]
    assert len({cell.name for cell in cells}) == 4
    results = Results(tmp_path)
    assert results.missing(cells) == cells
    for cell, loss in zip(cells[:3], (3.0, None, 2.5), strict=True):
        results.put(cell, {"loss": loss})
    assert Results(tmp_path).missing(cells) == cells[3:]
    assert results.best(cells) == cells[2].setting
    assert results.best(cells[1:2] + cells[:1]) == cells[0].setting
    longer = dataclasses.replace(cells[0], tokens=cells[0].tokens + 1)
    assert results.get(longer) is None


def test_what_decides_runs_first_and_all_ratios_at_one_number_of_steps() -> None:
    cells = compared(FULL, METHODS["ours"], FULL.frontier_steps, Setting(1e-3))
    assert len(cells) == 18
    assert {cell.ratio for cell in cells[:3]} == {OURS_RATIO}
    for steps in set(FULL.steps) - {FULL.frontier_steps}:
        elsewhere = compared(FULL, METHODS["sparseloco-tuned"], steps, Setting(1e-3))
        assert {cell.ratio for cell in elsewhere} == {PUBLISHED_RATIO}
    assert {cell.ratio for cell in compared(QUICK, METHODS["diloco"], 10, Setting(1e-3))} == {1}


def test_what_is_left_is_told_from_what_cells_took() -> None:
    one, two = (cell_of(FULL, METHODS["ours"], 30, 300, seed, Setting(1e-3)) for seed in (0, 1))
    half = dataclasses.replace(two, tokens=two.tokens // 2)
    assert cost_s(two, [(one, 200.0), (half, 160.0)]) == pytest.approx(240.0)
    assert cost_s(two) == cost_s(two, [(dataclasses.replace(one, size="0.2M"), 9.0)])


def test_differences_are_of_runs_with_one_seed() -> None:
    mean, half = paired([1.0, 2.0, 3.0], [1.1, 2.1, 3.1])
    assert mean == pytest.approx(-0.1)
    assert half == pytest.approx(0.0, abs=1e-9)
    # scipy.stats.ttest_rel's interval of these three differences
    mean, half = paired([0.1, 0.3, 0.2], [0.0, 0.0, 0.0])
    assert (mean, half) == (pytest.approx(0.2), pytest.approx(0.2484, abs=1e-3))
    assert math.isinf(paired([1.0], [2.0])[1])


def test_tokens_and_bytes_lie_between_points() -> None:
    curve = [(0, 5.0), (100, 4.0), (200, 3.5)]
    assert tokens_until(curve, 4.5) == pytest.approx(50)
    assert tokens_until(curve, 3.75) == pytest.approx(150)
    assert tokens_until(curve, 3.0) is None
    assert at_bytes([(1_000, 3.0), (100, 4.0)], math.sqrt(1e5)) == pytest.approx(3.5)
    assert at_bytes([(1_000, 3.0), (100, 4.0)], 99) is None
    assert at_bytes([], 1) is None


def result(loss: float | None, sent: float) -> dict[str, Any]:
    return {
        "loss": loss, "bytes": sent, "ratio": 300.0, "curve": [(0, 5.0), (100, loss)],
        "audit_bytes": 0, "sync_bytes": 1_000, "sync_s": 2.0,
    }  # fmt: skip


def test_rows_say_who_is_ahead() -> None:
    found = {
        ("ours", 30, OURS_RATIO): [result(3.0, 100), result(3.2, 100)],
        ("ours", 30, PUBLISHED_RATIO): [result(2.8, 200), result(3.0, 200)],
        ("sparseloco", 30, PUBLISHED_RATIO): [result(3.1, 150), result(3.25, 150)],
        ("diloco", 30, 1): [result(2.5, 9e4), result(2.6, 9e4)],
        ("ddp", 30, 1): [result(2.4, 9e6), result(None, 9e6)],
    }
    rows = {row["metric"]: row for row in tables(found) + comparisons(found, 30)}
    assert rows["held-out loss: ours 300x, H 30"]["value"] == pytest.approx(3.1)
    assert rows["held-out loss: ours 300x, H 30"]["peak_bytes_per_s"] == 9_500
    ahead = rows["loss of ours 300x less that of sparseloco 146x, H 30"]
    assert (ahead["met"], ahead["value"]) == (True, pytest.approx(-0.075))
    assert rows["loss of ours 300x less that of diloco, H 30"]["met"] is None
    assert not any("ddp" in name for name in rows)  # one of its runs has no loss
    price = rows["tokens that 300x costs beside tuned dense DiLoCo, H 30"]
    assert price["value"] == pytest.approx((25 + 100 * (2.4 / 1.8 - 1)) / 2, abs=0.01)
    (frontier,) = (row for name, row in rows.items() if name.startswith("frontier"))
    assert frontier["met"] is True


@pytest.mark.parametrize("seed", range(20))
def test_a_chaos_run_has_each_fault_three_times_in_nine_minutes(seed: int) -> None:
    plan = planned(random.Random(seed), 540.0, range(2, 10))
    kinds = [fault.kind for fault in plan]
    assert min(kinds.count(kind) for kind in KINDS) >= 3
    assert all(10.0 <= fault.after_s <= 30.0 and 2 <= fault.peer < 10 for fault in plan)
    assert all(one.peer != other.peer for one, other in itertools.pairwise(plan))
    assert sum(fault.after_s for fault in plan) <= 540.0
    assert planned(random.Random(seed), 540.0, range(2, 10)) == plan


def test_late_work_is_discarded_and_a_window_ends_when_all_are_there() -> None:
    block = training_deadlines.BLOCK_S
    trace = [(2 * block, 2 * block), (2 * block, 9 * block), (3 * block, 3 * block)]
    found = training_deadlines.replay(trace, training_deadlines.fixed(4))
    assert found.discarded == pytest.approx(100 / 6)
    assert found.mean == pytest.approx((2 + 4 + 3) / 3)
    assert found.p95 == 4
    assert found.counted == pytest.approx(500 / 6)
    # 4 of 5 blocks: so far is who is not done; 9 are more than twice what the middle one took.
    late = [(3 * block, 3 * block, 5 * block), (2 * block, 2 * block, 9 * block)]
    found = training_deadlines.replay(late, training_deadlines.fixed(4), by_steps=True)
    assert found.discarded == pytest.approx(100 / 6)
    assert found.counted == pytest.approx(100 * 4.8 / 6)
    told = training_deadlines.rows(training_deadlines.recorded())
    assert [row["met"] for row in told if row["target"]] == [True] * 3
    pace = WindowPace(shortest=1, longest=10, spread=4, slack=2)
    told = training_deadlines.adaptive(pace)
    assert told(None) == 10
    assert told([2.0, 2.0, 2.0]) == 4
    assert told([2.0, math.inf, 2.0]) == 4
