"""What a task may say: its pace, its verdicts and scores, and what its halves do by default."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import pytest

from assay.chain.view import Moment
from assay.neuron import MinerTask
from assay.neuron.opinions import Reason
from assay.neuron.task import LATENCY_S_MAX, WEIGHT_MAX, Pace, Score, Verdict
from assay.types import BlockNumber, Ss58
from assay.wire.interface import Caller, Membership
from tests.unit.subnet.neuron.worlds import key, make_world

HOTKEY = Ss58("5Hotkey")


@pytest.mark.parametrize(
    ("unit", "length"),
    [
        ("minutes", 1), ("", 1), ("seconds", -0.1), ("seconds", math.nan),
        ("blocks", 0), ("blocks", 0.5), ("blocks", 1.5), ("epochs", 0), ("epochs", 2.5),
    ],
)  # fmt: skip
def test_a_pace_is_some_seconds_or_whole_blocks_or_epochs(unit: str, length: float) -> None:
    with pytest.raises(ValueError, match=r"a pace is|come whole"):
        Pace(unit, length)


async def test_a_turn_has_its_number_from_the_block_or_the_epoch_or_none() -> None:
    world = await make_world({key(1): None})
    at = await world.chain.finalized()
    metagraph = await world.chain.metagraph(world.netuid, at)
    at = dataclasses.replace(at, number=BlockNumber(35))
    moment = Moment(at, metagraph, {})
    epoch = moment.epoch.index
    assert Pace.blocks(1).number(moment) == 35
    assert Pace.blocks(10).number(moment) == 3
    assert Pace.blocks(10).number_at(BlockNumber(40)) == 4
    assert Pace.epochs(1).number(moment) == epoch
    assert Pace.epochs(epoch + 1).number(moment) == 0
    assert Pace.epochs(1).number_at(BlockNumber(40)) is None, "the block alone does not tell it"
    assert Pace.seconds(0).number(moment) is None
    assert Pace.seconds(0.5).number_at(BlockNumber(40)) is None


def test_a_verdicts_numbers_are_kept_as_floats_up_to_their_bounds() -> None:
    verdict = Verdict(HOTKEY, 1, WEIGHT_MAX, "a text", LATENCY_S_MAX)
    assert (verdict.value, verdict.weight, verdict.latency_s) == (1.0, 1e6, 1e6)
    assert type(verdict.value) is float
    assert verdict.reasons == ("a text",)
    least = Verdict(HOTKEY, 0, 0, (), 0)
    assert (least.value, least.weight, least.latency_s) == (0.0, 0.0, 0.0)
    assert Verdict(HOTKEY, 0.5).weight == 1.0


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"hotkey": 7}, "a hotkey's address"),
        ({"value": 1.000001}, "value lies in"),
        ({"value": -0.1}, "value lies in"),
        ({"value": math.nan}, "value lies in"),
        ({"value": "much"}, "value is a number"),
        ({"value": None}, "value is a number"),
        ({"weight": WEIGHT_MAX * 1.01}, "weight lies in"),
        ({"latency_s": LATENCY_S_MAX * 1.01}, "latency_s lies in"),
        ({"reasons": 7}, "reasons are texts"),
        ({"reasons": ("a text", 7)}, "reasons are texts"),
    ],
)
def test_what_is_no_verdict_is_named(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Verdict(**{"hotkey": HOTKEY, "value": 0.5, **fields})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a text", ("a text",)),
        (Reason("code", "text"), (Reason("code", "text"),)),
        (["a", Reason("code", "text")], ("a", Reason("code", "text"))),
        ((), ()),
    ],
)
def test_reasons_are_one_or_several(given: Any, kept: Sequence[Reason | str]) -> None:
    assert Score(0.5, given).reasons == kept
    assert Verdict(HOTKEY, 0.5, reasons=given).reasons == kept


def test_a_score_lies_between_nothing_and_all() -> None:
    assert (Score(0).value, Score(1).value) == (0.0, 1.0)
    for value in (1.1, -0.1, math.inf):
        with pytest.raises(ValueError, match="a score lies in"):
            Score(value)


def test_by_default_a_half_serves_nothing_and_takes_nothing() -> None:
    caller = Caller(HOTKEY, bytes(32), Membership.PERMIT, "127.0.0.1", 1, bytes(32), 1.0)
    task = MinerTask()
    assert list(task.methods()) == []
    assert task.may_put(caller, 1) is not None, "a reason why not"
