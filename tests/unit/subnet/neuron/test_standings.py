"""Standings belong to hotkeys, and weights to whoever holds the uid now."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from assay.chain.interface import Endpoint, Metagraph
from assay.neuron import standings
from assay.neuron.checkpoint import Standing
from assay.neuron.rounds import Judged
from assay.neuron.task import Answer, Score, Target
from assay.types import Ss58, Uid
from assay.wire.synapse import Synapse
from tests.unit.subnet.neuron.worlds import key, make_world


class Ping(Synapse, frozen=True):
    pass


def judged(uid: int, hotkey: Ss58, value: float) -> Judged:
    target = Target(Uid(uid), hotkey, None)
    return Judged(Answer(target, Ping(), Ping(), None, 0.5), Score(value, ("said",)))


def with_owner_of(metagraph: Metagraph, uid: int, hotkey: Ss58) -> Metagraph:
    neurons = list(metagraph.neurons)
    neurons[uid] = dataclasses.replace(neurons[uid], hotkey=hotkey)
    return dataclasses.replace(metagraph, neurons=tuple(neurons))


@pytest.fixture
async def metagraph() -> Metagraph:
    world = await make_world({key(n): Endpoint("127.0.0.1", 20_000 + n) for n in (1, 2, 3)})
    return await world.chain.metagraph(world.netuid)


async def test_a_first_score_is_taken_whole_and_later_ones_blend(
    metagraph: Metagraph,
) -> None:
    first = standings.update({}, [judged(1, key(1).address, 0.8)], metagraph, alpha=0.25)
    assert first[key(1).address].average == 0.8
    second = standings.update(first, [judged(1, key(1).address, 0.4)], metagraph, alpha=0.25)
    assert second[key(1).address].average == pytest.approx(0.6), "while they are few: the mean"
    assert second[key(1).address].rounds == 2
    table = {key(1).address: msgspec.structs.replace(second[key(1).address], rounds=100)}
    later = standings.update(table, [judged(1, key(1).address, 1.0)], metagraph, alpha=0.25)
    assert later[key(1).address].average == pytest.approx(0.25 * 1.0 + 0.75 * 0.6)


async def test_a_miner_that_is_still_starting_is_noted_but_not_counted(
    metagraph: Metagraph,
) -> None:
    hotkey = key(1).address
    silent = Judged(
        Answer(Target(Uid(1), hotkey, None), Ping(), None, "cannot be reached", 0.1), Score(0.0)
    )
    table: dict[Ss58, Standing] = {}
    for _ in range(3):
        table = standings.update(table, [silent], metagraph, alpha=0.25)
        assert table[hotkey].rounds == 0
        assert table[hotkey].reasons == ("cannot be reached",)
        assert standings.weights(table, metagraph) == {}
    table = standings.update(table, [judged(1, hotkey, 0.8)], metagraph, alpha=0.25)
    assert table[hotkey].average == 0.8, "its first score is taken whole"
    table = standings.update(table, [silent], metagraph, alpha=0.25)
    assert table[hotkey].average == pytest.approx(0.4), "from then on silence costs"


async def test_a_score_never_passes_to_a_new_owner_of_the_uid(metagraph: Metagraph) -> None:
    before = standings.update({}, [judged(1, key(1).address, 1.0)], metagraph, alpha=0.5)
    newcomer = key(9).address
    changed = with_owner_of(metagraph, 1, newcomer)
    after = standings.update(before, [judged(1, newcomer, 0.1)], changed, alpha=0.5)
    assert set(after) == {newcomer}
    assert after[newcomer].average == pytest.approx(0.1)
    assert standings.weights(before, changed) == {}, "the old average must not pay the new owner"


async def test_who_falls_silent_loses_standing(metagraph: Metagraph) -> None:
    before = standings.update({}, [judged(1, key(1).address, 1.0)], metagraph, alpha=0.5)
    after = standings.update(before, [], metagraph, alpha=0.5)
    assert after[key(1).address].average == pytest.approx(0.5)
    assert after[key(1).address].reasons == (standings.ABSENT_REASON,)


async def test_weights_follow_a_hotkey_to_its_present_uid(metagraph: Metagraph) -> None:
    table = {
        key(1).address: Standing(uid=Uid(1), average=0.9, rounds=1, score=0.9, latency_s=0.0),
        key(2).address: Standing(uid=Uid(2), average=0.3, rounds=1, score=0.3, latency_s=0.0),
    }
    shares = standings.weights(table, metagraph)
    uids = {neuron.hotkey: neuron.uid for neuron in metagraph.neurons}
    assert shares == {
        uids[key(1).address]: pytest.approx(0.75),
        uids[key(2).address]: pytest.approx(0.25),
    }


async def test_nobody_earned_anything_is_not_everybody_equal(metagraph: Metagraph) -> None:
    table = standings.update({}, [judged(1, key(1).address, 0.0)], metagraph, alpha=0.5)
    assert standings.weights(table, metagraph) == {}
