"""A run whose honest miners never get a score ends with the reason, not by patience."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from assay.cli.up.no_reward import FAILING_EPOCHS, TOLD_LOOKS, NoReward
from assay.cli.up.plan import MemberRole, Plan, make_plan
from assay.cli.up.watch import View
from assay.errors import UserError
from assay.neuron.opinions import ABSENT
from tests.unit.subnet.cli.test_table import VIEW, row


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make_plan(
        seed=0, task="t", task_options=(), base_port=20_000, state_dir=tmp_path, validators=1,
        miners=2, cheat="garbage", slow=0,
    )  # fmt: skip


def view(epoch: int, score: float | None, *reasons: str) -> View:
    codes = frozenset({ABSENT.code} if ABSENT.text in reasons else {"told"})
    honest = dataclasses.replace(
        row(3, "miner-2", MemberRole.MINER, "honest", score), reasons=reasons, codes=codes
    )
    return dataclasses.replace(VIEW, epoch=epoch, rows=(*VIEW.rows, honest))


def test_three_whole_epochs_of_nothing_are_enough(plan: Plan) -> None:
    failing = NoReward(plan)
    for epoch in range(7, 7 + FAILING_EPOCHS + 1):
        failing.see(view(epoch, 0.0, "refused (handler_failed): \x1b[2J"))
        failing.check()
    failing.see(view(7 + FAILING_EPOCHS + 1, 0.0, "refused (handler_failed): \x1b[2J"))
    with pytest.raises(UserError, match=r"miner-2 .* refused \(handler_failed\): \?") as told:
        failing.check()
    assert str(plan.log("miner-2")) in told.value.cure


@pytest.mark.parametrize("good", [(None,), (0.2, "slow"), (0.0, ABSENT.text), (0.0,)], ids=repr)
def test_a_miner_that_may_still_come_up_has_not_failed(
    plan: Plan, good: tuple[float | None, str]
) -> None:
    failing = NoReward(plan)
    for epoch in range(20):
        seen = view(epoch, *good) if epoch % 3 == 0 else view(epoch, 0.0, "no answer")
        assert failing.see(seen) is None
        failing.check()


def test_why_is_told_once_and_soon(plan: Plan) -> None:
    failing = NoReward(plan)
    told = [failing.see(view(7, 0.0, "the handler failed", "no answer")) for _ in range(20)]
    assert [words is not None for words in told].index(True) == TOLD_LOOKS - 1
    (words,) = filter(None, told)
    assert "miner-2 the validators say: the handler failed; no answer." in words
    assert words.endswith(str(plan.log("miner-2").absolute()))
