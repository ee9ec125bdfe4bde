"""Opinions belong to hotkeys, and weights to whoever holds the uid now."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import msgspec
import pytest

from assay.chain.interface import Endpoint, Metagraph
from assay.neuron import opinions
from assay.neuron.opinions import Opinion, Reason, Window
from assay.neuron.task import Verdict
from assay.types import BlockNumber, Ss58, Uid
from tests.unit.subnet.neuron.worlds import key, make_world


def judged(hotkey: Ss58, value: float, weight: float = 1.0) -> Verdict:
    return Verdict(hotkey, value, weight, reasons=("said",), latency_s=0.5)


def update(
    table: dict[Ss58, Opinion],
    verdicts: Sequence[Verdict],
    metagraph: Metagraph,
    *,
    turns: int = 1,
    epoch_turns: int = 0,
    askable: Collection[Ss58] = (),
    replied: Collection[Ss58] | None = None,
) -> dict[Ss58, Opinion]:
    """One turn in which everybody judged has replied, unless told otherwise."""
    who = {verdict.hotkey for verdict in verdicts} if replied is None else replied
    return opinions.update(
        table,
        verdicts,
        metagraph,
        window=Window(turns=turns, epoch_turns=epoch_turns),
        askable=askable,
        replied=who,
    )


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


async def test_an_average_is_the_mean_of_all_turns_since_weights_were_set(
    metagraph: Metagraph,
) -> None:
    hotkey, table = key(1).address, dict[Ss58, Opinion]()
    for turns, (value, mean) in enumerate([(0.8, 0.8), (0.4, 0.6), (0.0, 0.4), (0.4, 0.4)], 1):
        table = update(table, [judged(hotkey, value)], metagraph, turns=turns)
        assert table[hotkey].average == pytest.approx(mean)
        assert table[hotkey].rounds == turns


async def test_who_came_late_is_paid_for_the_turns_that_it_was_there(metagraph: Metagraph) -> None:
    late, table = key(1).address, dict[Ss58, Opinion]()
    for turns in (8, 9, 10):
        table = update(table, [judged(late, 1.0)], metagraph, turns=turns, epoch_turns=10)
    assert table[late].average == pytest.approx(3 / 10)


async def test_after_weights_were_set_the_average_begins_anew(metagraph: Metagraph) -> None:
    """A turn that ended while the chain took the weights is in the new window alone."""
    works, stopped = key(1).address, key(2).address
    table: dict[Ss58, Opinion] = {}
    both = [judged(works, 0.5), judged(stopped, 0.5)]
    for turns in range(1, 11):
        table = update(table, both, metagraph, turns=turns)
    counted, counted_window = table, Window(turns=10, since=BlockNumber(5))
    table = update(table, [judged(works, 0.5), judged(stopped, 0.0)], metagraph, turns=11)
    table, window = opinions.after_setting(
        table,
        Window(turns=11, since=BlockNumber(5)),
        counted=counted,
        counted_window=counted_window,
        at=BlockNumber(99),
    )
    assert window == Window(turns=1, epoch_turns=10, since=BlockNumber(99))
    assert table[works].average == pytest.approx(0.5)
    assert table[stopped].average == pytest.approx(0.5 * 9 / 10), "mostly the last window"
    for turns in range(2, 11):
        idle = [judged(works, 0.5), judged(stopped, 0.0)]
        table = update(table, idle, metagraph, turns=turns, epoch_turns=10)
    assert table[works].average == pytest.approx(0.5)
    assert table[stopped].average == 0.0, "who stopped is paid nothing for the epoch after"


async def test_what_is_forfeited_is_gone_from_this_window_and_the_next(
    metagraph: Metagraph,
) -> None:
    hotkey, table = key(1).address, dict[Ss58, Opinion]()
    for turns in range(1, 10):
        table = update(table, [judged(hotkey, 1.0)], metagraph, turns=turns)
    convicted = dataclasses.replace(judged(hotkey, 0.0), forfeits=True)
    lost = update(table, [convicted], metagraph, turns=10)
    assert lost[hotkey].average == 0.0
    again = update(lost, [judged(hotkey, 1.0)], metagraph, turns=11)
    assert again[hotkey].average == pytest.approx(1 / 11), "earned since"
    before = Window(turns=9, since=BlockNumber(1))
    rolled, _ = opinions.after_setting(
        lost, Window(turns=10), counted=table, counted_window=before, at=BlockNumber(2)
    )
    assert rolled[hotkey].average == 0.0, "convicted while the chain took the weights"


async def test_a_miner_that_is_still_starting_is_noted_but_not_counted(
    metagraph: Metagraph,
) -> None:
    hotkey = key(1).address
    silent = Verdict(hotkey, 0.0, reasons=(Reason("unreachable", "cannot be reached"),))
    table: dict[Ss58, Opinion] = {}
    for turns in (1, 2, 3):
        table = update(table, [silent], metagraph, turns=turns, replied=())
        assert (table[hotkey].rounds, table[hotkey].score) == (0, 0.0)
        assert table[hotkey].reasons == (Reason("unreachable", "cannot be reached"),)
        assert weights(table, metagraph) == {}
    table = update(table, [judged(hotkey, 0.8)], metagraph, turns=4)
    assert table[hotkey].average == pytest.approx(0.8 / 4), "paid for the one turn of four"
    table = update(table, [silent], metagraph, turns=5, replied=())
    assert table[hotkey].average == pytest.approx(0.8 / 5), "silence costs no more than the turn"


async def test_a_score_never_passes_to_a_new_owner_of_the_uid(metagraph: Metagraph) -> None:
    before = update({}, [judged(key(1).address, 1.0)], metagraph)
    newcomer = key(9).address
    changed = with_owner_of(metagraph, 1, newcomer)
    after = update(before, [judged(newcomer, 0.1)], changed)
    assert set(after) == {newcomer}
    assert after[newcomer].average == pytest.approx(0.1)
    assert weights(before, changed) == {}, "the old average must not pay the new owner"


async def test_who_publishes_no_address_any_more_counts_as_a_zero(metagraph: Metagraph) -> None:
    before = update({}, [judged(key(1).address, 1.0)], metagraph)
    after = update(before, [], metagraph, turns=2)
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
    table = update({}, [judged(key(1).address, 0.0)], metagraph)
    assert weights(table, metagraph) == {}


async def test_who_was_not_judged_keeps_its_opinion_while_it_can_be_asked(
    metagraph: Metagraph,
) -> None:
    hotkey = key(1).address
    before = update({}, [judged(hotkey, 1.0)], metagraph)
    for turns in (2, 3):
        after = update(before, [], metagraph, turns=turns, askable={hotkey})
        assert after == {hotkey: msgspec.structs.replace(before[hotkey], seen=turns)}
        before = after


async def test_who_is_judged_seldom_keeps_its_average_over_a_setting(metagraph: Metagraph) -> None:
    hotkey = key(1).address
    table = update({}, [judged(hotkey, 0.7)], metagraph)
    counted = Window(turns=1, since=BlockNumber(1))
    table, _ = opinions.after_setting(
        table, counted, counted=table, counted_window=counted, at=BlockNumber(30)
    )
    for turns in (1, 2, 3):
        table = update(table, [], metagraph, turns=turns, epoch_turns=1, askable={hotkey})
        assert table[hotkey].average == pytest.approx(0.7)


async def test_a_verdict_without_weight_leaves_its_reasons_only(metagraph: Metagraph) -> None:
    hotkey = key(1).address
    before = update({}, [judged(hotkey, 1.0)], metagraph)
    noted = Verdict(hotkey, 0.0, 0.0, (Reason("late", "came too late"),))
    after = update(before, [noted], metagraph, turns=2)[hotkey]
    assert (after.average, after.rounds, after.score) == (1.0, 1, 0.0)
    assert after.reasons == (Reason("late", "came too late"),)
    first = update({}, [noted], metagraph, replied={hotkey})[hotkey]
    assert (first.average, first.rounds) == (0.0, 0)


@pytest.mark.parametrize("weight", [2, 3])
async def test_a_heavy_verdict_counts_as_so_many(metagraph: Metagraph, weight: int) -> None:
    hotkey = key(1).address
    begun = update({}, [judged(hotkey, 0.2)], metagraph)
    once = update(begun, [judged(hotkey, 1.0, float(weight))], metagraph, turns=2)
    assert once[hotkey].average == pytest.approx((0.2 + weight) / (1 + weight))
    both = [judged(hotkey, 1.0, float(weight)), judged(hotkey, 1.0, 0.5)]
    joined = update(begun, both, metagraph, turns=2)
    assert joined[hotkey].average == once[hotkey].average, "the heaviest counts"


async def test_several_verdicts_of_one_turn_count_as_one_turn(metagraph: Metagraph) -> None:
    """A flood of a client's answers must not drown what the validator saw."""
    hotkey = key(1).address
    before = update({}, [judged(hotkey, 1.0)], metagraph)
    many = update(before, [judged(hotkey, 0.0)] * 50, metagraph, turns=2)
    assert many[hotkey].average == pytest.approx(0.5)
    mixed = update(before, [judged(hotkey, 1.0), judged(hotkey, 0.0)], metagraph, turns=2)
    assert mixed[hotkey].average == pytest.approx(0.75)


async def test_an_opinion_says_what_the_last_turn_said(metagraph: Metagraph) -> None:
    hotkey = key(1).address
    before = update({}, [judged(hotkey, 1.0)], metagraph)
    last = update(before, [judged(hotkey, 0.25)], metagraph, turns=2)[hotkey]
    assert (last.score, last.latency_s) == (0.25, 0.5)
    assert last.reasons == (Reason(opinions.TOLD, "said"),)


async def test_reasons_are_few_short_and_told_once(metagraph: Metagraph) -> None:
    hotkey = key(1).address
    many = ["x" * 500, Reason("c" * 500, "t" * 500), "x" * 500, *map(str, range(20))]
    kept = update({}, [Verdict(hotkey, 1.0, reasons=many)], metagraph)[hotkey].reasons
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
    before = update({}, [judged(one, 1.0), judged(two, 1.0)], metagraph)
    swapped = with_owner_of(with_owner_of(metagraph, 1, two), 2, one)
    after = update(before, [judged(one, 0.0)], swapped, turns=2, askable={one, two})
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
    seen = update({}, [judged(hotkey, 0.5)], metagraph, replied=())[hotkey]
    assert (seen.average, seen.rounds, seen.score) == (0.5, 1, 0.5)


async def test_weights_of_those_who_hold_a_uid_add_up_to_one(metagraph: Metagraph) -> None:
    table = update({}, [judged(key(1).address, 0.5), judged(key(2).address, 0)], metagraph)
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
