"""Opinions belong to hotkeys, and weights to whoever holds the uid now."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import msgspec
import pytest

from assay.chain.interface import Endpoint, Metagraph
from assay.neuron import opinions
from assay.neuron.opinions import Opinion, Reason
from assay.neuron.task import Verdict
from assay.types import Ss58, Uid
from tests.unit.subnet.neuron.worlds import key, make_world


def judged(hotkey: Ss58, value: float, weight: float = 1.0) -> Verdict:
    return Verdict(hotkey, value, weight, reasons=("said",), latency_s=0.5)


def update(
    table: dict[Ss58, Opinion],
    verdicts: Sequence[Verdict],
    metagraph: Metagraph,
    *,
    alpha: float,
    askable: Collection[Ss58] = (),
    replied: Collection[Ss58] | None = None,
) -> dict[Ss58, Opinion]:
    """One turn in which everybody judged has replied, unless told otherwise."""
    who = {verdict.hotkey for verdict in verdicts} if replied is None else replied
    return opinions.update(table, verdicts, metagraph, alpha=alpha, askable=askable, replied=who)


def weights(table: dict[Ss58, Opinion], metagraph: Metagraph) -> dict[Uid, float]:
    return opinions.by_uid(opinions.proportional(table), metagraph)


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
    first = update({}, [judged(key(1).address, 0.8)], metagraph, alpha=0.25)
    assert first[key(1).address].average == 0.8
    second = update(first, [judged(key(1).address, 0.4)], metagraph, alpha=0.25)
    assert second[key(1).address].average == pytest.approx(0.6), "while they are few: the mean"
    assert second[key(1).address].rounds == 2
    table = {key(1).address: msgspec.structs.replace(second[key(1).address], rounds=100)}
    later = update(table, [judged(key(1).address, 1.0)], metagraph, alpha=0.25)
    assert later[key(1).address].average == pytest.approx(0.25 * 1.0 + 0.75 * 0.6)


async def test_a_miner_that_is_still_starting_is_noted_but_not_counted(
    metagraph: Metagraph,
) -> None:
    hotkey = key(1).address
    silent = Verdict(hotkey, 0.0, reasons=(Reason("unreachable", "cannot be reached"),))
    table: dict[Ss58, Opinion] = {}
    for _ in range(3):
        table = update(table, [silent], metagraph, alpha=0.25, replied=())
        assert (table[hotkey].rounds, table[hotkey].score) == (0, 0.0)
        assert table[hotkey].reasons == (Reason("unreachable", "cannot be reached"),)
        assert weights(table, metagraph) == {}
    table = update(table, [judged(hotkey, 0.8)], metagraph, alpha=0.25)
    assert table[hotkey].average == 0.8, "its first score is taken whole"
    table = update(table, [silent], metagraph, alpha=0.25, replied=())
    assert table[hotkey].average == pytest.approx(0.4), "from then on silence costs"


async def test_a_score_never_passes_to_a_new_owner_of_the_uid(metagraph: Metagraph) -> None:
    before = update({}, [judged(key(1).address, 1.0)], metagraph, alpha=0.5)
    newcomer = key(9).address
    changed = with_owner_of(metagraph, 1, newcomer)
    after = update(before, [judged(newcomer, 0.1)], changed, alpha=0.5)
    assert set(after) == {newcomer}
    assert after[newcomer].average == pytest.approx(0.1)
    assert weights(before, changed) == {}, "the old average must not pay the new owner"


async def test_who_publishes_no_address_any_more_counts_as_a_zero(metagraph: Metagraph) -> None:
    before = update({}, [judged(key(1).address, 1.0)], metagraph, alpha=0.5)
    after = update(before, [], metagraph, alpha=0.5)
    assert after[key(1).address].average == pytest.approx(0.5)
    absent = after[key(1).address]
    assert (absent.reasons, absent.latency_s, absent.score) == ((opinions.ABSENT,), 0.0, 0.0)


async def test_weights_follow_a_hotkey_to_its_present_uid(metagraph: Metagraph) -> None:
    table = {
        key(1).address: Opinion(uid=Uid(1), average=0.9, rounds=1, score=0.9, latency_s=0.0),
        key(2).address: Opinion(uid=Uid(2), average=0.3, rounds=1, score=0.3, latency_s=0.0),
    }
    shares = weights(table, metagraph)
    uids = {neuron.hotkey: neuron.uid for neuron in metagraph.neurons}
    assert shares == {
        uids[key(1).address]: pytest.approx(0.75),
        uids[key(2).address]: pytest.approx(0.25),
    }


async def test_nobody_earned_anything_is_not_everybody_equal(metagraph: Metagraph) -> None:
    table = update({}, [judged(key(1).address, 0.0)], metagraph, alpha=0.5)
    assert weights(table, metagraph) == {}


async def test_who_was_not_judged_keeps_its_opinion_while_it_can_be_asked(
    metagraph: Metagraph,
) -> None:
    hotkey = key(1).address
    before = update({}, [judged(hotkey, 1.0)], metagraph, alpha=0.5)
    assert update(before, [], metagraph, alpha=0.5, askable={hotkey}) == before


async def test_a_verdict_without_weight_leaves_its_reasons_only(metagraph: Metagraph) -> None:
    hotkey = key(1).address
    before = update({}, [judged(hotkey, 1.0)], metagraph, alpha=0.5)
    noted = Verdict(hotkey, 0.0, 0.0, (Reason("late", "came too late"),))
    after = update(before, [noted], metagraph, alpha=0.5)[hotkey]
    assert (after.average, after.rounds, after.score) == (1.0, 1, 0.0)
    assert after.reasons == (Reason("late", "came too late"),)
    first = update({}, [noted], metagraph, alpha=0.5, replied={hotkey})[hotkey]
    assert (first.average, first.rounds) == (0.0, 0)


@pytest.mark.parametrize("weight", [2, 3])
async def test_a_heavy_verdict_counts_as_so_many_in_a_row(
    metagraph: Metagraph, weight: int
) -> None:
    hotkey = key(1).address
    begun = {hotkey: Opinion(uid=Uid(1), average=0.2, rounds=10**6, score=0.2, latency_s=0.0)}
    once = update(begun, [judged(hotkey, 1.0, float(weight))], metagraph, alpha=0.1)
    often = begun
    for _ in range(weight):
        often = update(often, [judged(hotkey, 1.0)], metagraph, alpha=0.1)
    assert once[hotkey].average == pytest.approx(often[hotkey].average)
    both = [judged(hotkey, 1.0, float(weight)), judged(hotkey, 1.0, 0.5)]
    joined = update(begun, both, metagraph, alpha=0.1)
    assert joined[hotkey].average == once[hotkey].average, "the heaviest counts"


async def test_several_verdicts_of_one_turn_count_as_one_turn(metagraph: Metagraph) -> None:
    """A flood of a client's answers must not drown what the validator saw."""
    hotkey = key(1).address
    before = {hotkey: Opinion(uid=Uid(1), average=1.0, rounds=10**6, score=1.0, latency_s=0.0)}
    many = update(before, [judged(hotkey, 0.0)] * 50, metagraph, alpha=0.25)
    assert many[hotkey].average == pytest.approx(0.75)
    mixed = update(before, [judged(hotkey, 1.0), judged(hotkey, 0.0)], metagraph, alpha=0.25)
    assert mixed[hotkey].average == pytest.approx(0.75 + 0.25 * 0.5)


async def test_an_opinion_says_what_the_last_turn_said(metagraph: Metagraph) -> None:
    hotkey = key(1).address
    before = update({}, [judged(hotkey, 1.0)], metagraph, alpha=0.5)
    last = update(before, [judged(hotkey, 0.25)], metagraph, alpha=0.5)[hotkey]
    assert (last.score, last.latency_s) == (0.25, 0.5)
    assert last.reasons == (Reason(opinions.TOLD, "said"),)


async def test_reasons_are_few_short_and_told_once(metagraph: Metagraph) -> None:
    hotkey = key(1).address
    many = ["x" * 500, Reason("c" * 500, "t" * 500), "x" * 500, *map(str, range(20))]
    kept = update({}, [Verdict(hotkey, 1.0, reasons=many)], metagraph, alpha=0.5)[hotkey].reasons
    assert kept[:3] == (
        Reason("told", "x" * opinions.REASON_CHARS_MAX),
        Reason("c" * opinions.CODE_CHARS_MAX, "t" * opinions.REASON_CHARS_MAX),
        Reason("told", "0"),
    )
    assert len(kept) == opinions.REASONS_MAX


async def test_who_was_not_judged_hides_nobody_and_moves_with_its_uid(
    metagraph: Metagraph,
) -> None:
    one, two = key(1).address, key(2).address
    before = update({}, [judged(one, 1.0), judged(two, 1.0)], metagraph, alpha=0.5)
    swapped = with_owner_of(with_owner_of(metagraph, 1, two), 2, one)
    after = update(before, [judged(one, 0.0)], swapped, alpha=0.5, askable={one, two})
    uids = {neuron.hotkey: neuron.uid for neuron in swapped.neurons}
    assert {hotkey: after[hotkey].uid for hotkey in (one, two)} == {
        one: uids[one],
        two: uids[two],
    }
    assert (after[two].average, after[one].average) == (1.0, 0.5)


async def test_a_value_above_zero_counts_though_nothing_was_replied(
    metagraph: Metagraph,
) -> None:
    """A validator may judge from what it sees without asking."""
    hotkey = key(1).address
    seen = update({}, [judged(hotkey, 0.5)], metagraph, alpha=0.5, replied=())[hotkey]
    assert (seen.average, seen.rounds, seen.score) == (0.5, 1, 0.5)


async def test_weights_of_those_who_hold_a_uid_add_up_to_one(metagraph: Metagraph) -> None:
    table = update({}, [judged(key(1).address, 0.5), judged(key(2).address, 0)], metagraph, alpha=1)
    gone = Opinion(uid=Uid(9), average=0.5, rounds=1, score=0.5, latency_s=0.0)
    table[key(9).address] = gone
    shares = opinions.proportional(table)
    assert shares == {key(1).address: 0.5, key(9).address: 0.5}, "nothing earned, no entry"
    uids = {neuron.hotkey: neuron.uid for neuron in metagraph.neurons}
    assert opinions.by_uid(shares, metagraph) == {uids[key(1).address]: 1.0}


@pytest.mark.parametrize("value", [float("nan"), -0.1, 1.1, float("inf")])
def test_a_verdict_outside_its_range_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="verdict"):
        Verdict(key(1).address, value)
    with pytest.raises(ValueError, match="weight"):
        Verdict(key(1).address, 0.5, float("nan") if value < 2 else float("inf"))
