"""What a builder's task may return as values, reasons and weights, and what ends its validator."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.chain.interface import Metagraph
from assay.neuron import Reason, Score, Verdict
from assay.neuron.asking import Played, checked_weights
from assay.neuron.checkpoint import Checkpoint, CheckpointFile
from assay.neuron.faults import BrokenTask
from assay.neuron.opinions import Window, update
from assay.neuron.peers import Answer, Target
from assay.types import NetUid, Ss58, Uid
from assay.wire.memory import MemoryNetwork
from examples.reverse import Reverse, ReverseTask
from tests.unit.subnet.neuron.worlds import (
    flowing,
    key,
    make_miner,
    make_validator,
    make_world,
    until,
)

VALIDATOR, MINER = key(1), key(2)


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5), np.mean([0.5]), True, 0, 1])
def test_numbers_of_any_kind_are_kept_as_floats(number: Any) -> None:
    verdict = Verdict(MINER.address, number, number, latency_s=number)
    for kept in (verdict.value, verdict.weight, verdict.latency_s, Score(number).value):
        assert type(kept) is float
        assert kept == float(number)


@pytest.mark.parametrize("number", [math.nan, math.inf, -0.1, 2e6, None, "much", [1.0]])
@pytest.mark.parametrize("field", ["value", "weight", "latency_s"])
def test_what_is_no_number_of_its_range_is_refused(field: str, number: Any) -> None:
    fields: dict[str, Any] = {"hotkey": MINER.address, "value": 0.5} | {field: number}
    with pytest.raises(ValueError, match=field):
        Verdict(**fields)


@pytest.mark.parametrize("reasons", [None, (None,), 5, [b"bytes"]])
def test_reasons_are_texts(reasons: Any) -> None:
    with pytest.raises(ValueError, match="reasons are texts"):
        Verdict(MINER.address, 0.5, reasons=reasons)
    with pytest.raises(ValueError, match="reasons are texts"):
        Score(0.5, reasons)


async def test_one_reason_may_stand_alone_and_odd_letters_are_kept(tmp_path: Path) -> None:
    world = await make_world({MINER: None})
    metagraph: Metagraph = await world.chain.metagraph(world.netuid)
    verdicts = [
        Verdict(MINER.address, 0.5, reasons="too slow"),
        Verdict(MINER.address, 0.5, reasons=Reason("odd", "file \udcff")),
    ]
    opinions = update(
        {},
        verdicts,
        metagraph,
        window=Window(turns=1),
        askable=[MINER.address],
        replied=[MINER.address],
    )
    file = CheckpointFile(tmp_path / "checkpoint.json")
    file.save(
        Checkpoint(genesis="0x00", netuid=NetUid(1), hotkey=VALIDATOR.address, opinions=opinions)
    )
    kept = file.load("0x00", NetUid(1), VALIDATOR.address).opinions[MINER.address]
    assert [(reason.code, reason.text) for reason in kept.reasons] == [
        ("told", "too slow"),
        ("odd", "file ?"),
    ]


def test_a_miners_own_word_is_no_excuse() -> None:
    """A refusal that calls itself peer_unreachable was an answer: somebody was there."""
    refused: Answer[Any, Any] = Answer(
        Target(Uid(1), MINER.address, None), Reverse(text=""), None, "said no", 0.1,
        code="peer_unreachable", outcome="peer_refused",
    )  # fmt: skip
    assert Played(answers=[refused]).unreached == set()


class Weighs(ReverseTask):
    def __init__(self, weights: Callable[[], Any]) -> None:
        self._weights = weights

    def weights(self, opinions: Any, moment: Any) -> Mapping[Ss58, float]:
        return self._weights()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "given", [None, [1.0], {"a": math.inf}, {"a": math.nan}, {"a": -1}, {"a": "x"}, {5: 1.0}]
)
def test_what_is_no_weights_is_named_with_its_place(given: Any) -> None:
    with pytest.raises(BrokenTask, match=r"test_judgements\.py:\d+.*weights\(\) of task reverse"):
        checked_weights(Weighs(lambda: given), given)


def test_weights_of_numpy_are_floats() -> None:
    weights = checked_weights(Weighs(dict), {"a": np.float32(2.0)})
    assert weights == {"a": 2.0}
    assert type(weights[Ss58("a")]) is float


async def ended(task: Any, folder: Path) -> BaseException | None:
    """What a validator with this task ends with, given a miner that works."""
    world = await make_world({VALIDATOR: None, MINER: None})
    network = MemoryNetwork()
    miner = make_miner(world, network, MINER, ReverseTask())
    validator = make_validator(world, network, VALIDATOR, folder, task)
    async with flowing(world):
        running = [asyncio.create_task(neuron.run()) for neuron in (miner, validator)]
        await until(running[1].done, "the validator ends")
        running[0].cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return running[1].exception()


@pytest.mark.parametrize("weights", [lambda: 1 / 0, lambda: None])
async def test_weights_that_fail_end_the_validator_with_the_builders_line(
    weights: Callable[[], Any], tmp_path: Path
) -> None:
    error = await ended(Weighs(weights), tmp_path)
    assert isinstance(error, BrokenTask)
    assert "test_judgements.py" in error.cause
