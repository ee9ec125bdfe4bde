"""The slots of a cache: the lowest in use, beginnings found again, nothing shared among callers."""

from __future__ import annotations

import random

import pytest

from assay.models.slots import KEPT_MAX, REUSED_MIN, CacheSlots, Taken

TEXT = list(range(100, 160))


def test_the_lowest_free_slot_is_taken() -> None:
    slots = CacheSlots(4)
    assert [slots.take("a", [1, 2]).slot for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(LookupError):
        slots.take("a", [1, 2])
    slots.give_back(2)
    slots.give_back(1)
    assert slots.take("a", [1, 2]).slot == 1


def test_a_beginning_is_found_again_while_it_is_in_use_and_after() -> None:
    slots = CacheSlots(4)
    first = slots.take("a", TEXT)
    slots.holds(first.slot, TEXT)
    longer = [*TEXT[:40], 7, 8, 9]
    assert slots.take("a", longer) == Taken(1, 0, 40)
    slots.give_back(0)
    assert slots.take("a", TEXT) == Taken(0, 0, len(TEXT) - 1)


def test_what_is_kept_makes_room_for_what_is_in_use() -> None:
    slots = CacheSlots(4)
    slots.holds(slots.take("a", TEXT).slot, TEXT)
    slots.give_back(0)
    assert slots.take("b", [1, 2, 3]) == Taken(0, 0, 0, moved_to=1)
    assert slots.take("a", TEXT) == Taken(1, 1, len(TEXT) - 1)


def test_what_could_not_be_filled_is_found_by_nobody() -> None:
    slots = CacheSlots(4)
    slots.holds(slots.take("a", TEXT).slot, TEXT)
    slots.give_back(0)
    taken = slots.take("b", [1, 2, 3])
    assert taken.moved_to == 1
    slots.spoil(taken)
    assert slots.take("a", TEXT).reused == 0


def test_a_beginning_is_not_shared_with_another_caller() -> None:
    slots = CacheSlots(4)
    slots.holds(slots.take("a", TEXT).slot, TEXT)
    assert slots.take("b", TEXT).reused == 0


def test_a_short_beginning_is_computed_again() -> None:
    slots = CacheSlots(4)
    slots.holds(slots.take("a", TEXT).slot, TEXT)
    assert slots.take("a", [*TEXT[: REUSED_MIN - 1], 1, 2]).reused == 0
    assert slots.take("a", [*TEXT[:REUSED_MIN], 1, 2]).reused == REUSED_MIN


def test_no_more_is_kept_than_the_bound() -> None:
    slots = CacheSlots(100)
    for number in range(3 * KEPT_MAX):
        taken = slots.take("a", [number] * 50)
        assert taken.slot == 0
        assert (taken.moved_to or 0) <= KEPT_MAX
        slots.holds(0, [number] * 50)
        slots.give_back(0)


def test_what_a_slot_is_said_to_hold_is_what_was_put_there() -> None:
    """Against a cache of lists that does what ``Taken`` says, for random callers and texts."""
    chance = random.Random(2)
    slots, cache = CacheSlots(6), [("", list[int]())] * 6
    in_use: dict[int, list[int]] = {}
    for _ in range(3_000):
        if in_use and (len(in_use) == 6 or chance.random() < 0.5):
            slot = chance.choice([*in_use])
            text = in_use.pop(slot)
            done = chance.randrange(len(text) + 1)
            cache[slot] = (cache[slot][0], max(cache[slot][1], text[:done], key=len))
            slots.holds(slot, cache[slot][1])
            slots.give_back(slot)
            continue
        name = chance.choice("ab")
        stem = chance.choice([TEXT, TEXT[::-1]])[: chance.randrange(1, 60)]
        text = [*stem, *(chance.randrange(9) for _ in range(chance.randrange(1, 4)))]
        taken = slots.take(name, text)
        assert taken.slot not in in_use
        assert taken.slot == min({*range(6)} - in_use.keys())
        if taken.moved_to is not None:
            assert taken.moved_to not in in_use
            cache[taken.moved_to] = cache[taken.slot]
        if taken.reused:
            assert cache[taken.source][0] == name
        cache[taken.slot] = (name, cache[taken.source][1][: taken.reused])
        assert cache[taken.slot][1] == text[: taken.reused]
        assert taken.reused < len(text)
        in_use[taken.slot] = text
