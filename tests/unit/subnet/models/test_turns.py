"""Turns: no rival's long or many answers go before a validator's, and everybody gets a share."""

from __future__ import annotations

import random

import pytest

from assay.models.turns import (
    FIRST_SHARING_MAX,
    SHARING_MAX,
    Asker,
    Busy,
    CallerBusy,
    Turns,
    first_sharing,
)

RIVAL, OTHER = Asker("rival"), Asker("other")
FIRST, SECOND = Asker("first", first=True), Asker("second", first=True)


def run(turns: Turns[str], steps: dict[str, int], most: int = 10_000) -> list[str]:
    """Take turns until every answer had its steps; who had each turn."""
    left = dict(steps)
    taken = []
    while (job := turns.next()) is not None:
        taken.append(job)
        left[job] -= 1
        if not left[job]:
            turns.remove(job)
        assert len(taken) <= most
    return taken


def test_a_permit_goes_before_an_answer_under_way() -> None:
    turns: Turns[str] = Turns()
    turns.add("long", RIVAL)
    assert [turns.next() for _ in range(5)] == ["long"] * 5
    turns.add("asked", FIRST)
    assert run(turns, {"long": 3, "asked": 4}) == ["asked"] * 4 + ["long"] * 3


def test_callers_take_turns_and_one_callers_answers_follow_one_another() -> None:
    turns: Turns[str] = Turns()
    for number in range(3):
        turns.add(f"rival {number}", RIVAL)
    turns.add("other", OTHER)
    taken = run(turns, {"rival 0": 3, "rival 1": 3, "rival 2": 3, "other": 3})
    assert sorted(taken[:2]) == ["other", "rival 0"]
    assert taken.index("rival 1") > max(i for i, job in enumerate(taken) if job == "rival 0")
    assert max(i for i, job in enumerate(taken) if job == "other") <= 6


def test_a_hostile_permit_gets_a_share_and_no_more() -> None:
    turns: Turns[str] = Turns()
    for number in range(4):
        turns.add(f"long {number}", FIRST)
    for _ in range(7):
        turns.next()
    turns.add("short", SECOND)
    taken = [turns.next() for _ in range(10)]
    assert taken.count("short") == 5


def test_many_hostile_permits_get_a_share_each_and_no_more() -> None:
    """None of them need end for a validator's answer to be begun."""
    turns: Turns[str] = Turns()
    for number in range(20):
        turns.add(f"long {number}", Asker(f"hostile {number}", first=True))
    for _ in range(50):
        turns.next()
    turns.add("short", SECOND)
    taken = [turns.next() for _ in range(42)]
    assert taken.count("short") == 2


def test_many_hostile_permits_leave_each_of_the_others_a_place() -> None:
    turns: Turns[str] = Turns(first_max=16)
    opened = 0
    for number in range(8):
        for again in range(8):
            try:
                turns.add(f"{number}/{again}", Asker(f"hostile {number}", first=True))
                opened += 1
            except Busy:
                break
    assert opened == 16 + 6  # two take what is shared, and each of six its own
    turns.add("asked", FIRST)
    with pytest.raises(Busy):
        turns.add("asked again", FIRST)


def test_short_answers_that_never_end_leave_the_others_their_turns() -> None:
    turns: Turns[str] = Turns(open_max=2)
    turns.add("long", SECOND)
    turns.add("short 0", FIRST)
    taken = []
    for number in range(1, 20):
        turns.add(f"short {number}", FIRST)
        taken.append(turns.next())
        if (job := taken[-1]) == "long":
            job = f"short {number}"  # taken back unserved
        turns.remove(job)
    assert taken.count("long") >= 9


def test_a_caller_has_a_bounded_number_of_answers_open() -> None:
    turns: Turns[str] = Turns(open_max=2)
    turns.add("a", RIVAL)
    turns.add("b", RIVAL)
    with pytest.raises(CallerBusy):
        turns.add("c", RIVAL)
    assert len(turns) == 2
    turns.add("mine", FIRST)  # nobody else is held up by it
    turns.remove("a")
    turns.add("c", RIVAL)


def test_many_rivals_leave_room_for_validators() -> None:
    turns: Turns[str] = Turns(open_max=2, others_max=3)
    for number in range(3):
        turns.add(f"rival {number}", Asker(f"rival {number}"))
    with pytest.raises(Busy) as caught:
        turns.add("rival 3", Asker("rival 3"))
    assert not isinstance(caught.value, CallerBusy)
    turns.add("asked", FIRST)
    turns.remove("asked")  # gives no room to others
    with pytest.raises(Busy):
        turns.add("rival 3", Asker("rival 3"))
    turns.remove("rival 0")
    turns.add("rival 3", Asker("rival 3"))
    assert len(turns.clear()) == 3
    for number in range(3):
        turns.add(f"{number}", Asker(f"rival {number}"))


def test_a_bounded_number_is_under_way_and_the_next_begins_when_one_ends() -> None:
    turns: Turns[str] = Turns(sharing_max=2)
    for number in range(4):
        turns.add(f"{number}", Asker(f"caller {number}"))
    turns.add("0 again", Asker("caller 0"))
    assert {turns.next() for _ in range(10)} == {"0", "1"}
    turns.remove("0")
    assert {turns.next() for _ in range(10)} == {"1", "2"}
    turns.remove("1")
    turns.remove("2")
    assert {turns.next() for _ in range(10)} == {"3", "0 again"}


def test_what_nobody_wants_any_more_is_forgotten() -> None:
    turns: Turns[str] = Turns()
    turns.add("begun", RIVAL)
    assert turns.next() == "begun"
    turns.add("waits", RIVAL)
    turns.remove("waits")
    turns.remove("begun")
    turns.remove("begun")
    assert turns.next() is None
    assert len(turns) == 0
    turns.add("anew", RIVAL)
    assert turns.clear() == ["anew"]
    assert turns.next() is None


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_all_ends_and_permits_never_wait_for_others(seed: int) -> None:
    rng = random.Random(seed)
    turns: Turns[int] = Turns(open_max=3, sharing_max=2)
    askers = [Asker(f"{n}", first=n % 3 == 0) for n in range(7)]
    left: dict[int, int] = {}
    of: dict[int, Asker] = {}
    for number in range(300):
        asker = rng.choice(askers)
        try:
            turns.add(number, asker)
        except Busy:
            assert sum(1 for job in left if of[job] == asker) == 3
        else:
            left[number], of[number] = rng.randint(1, 6), asker
        for _ in range(rng.randint(0, 8)):
            job = turns.next()
            if job is None:
                assert not left
                break
            assert of[job].first or not any(of[other].first for other in left)
            left[job] -= 1
            if not left[job] or rng.random() < 0.05:
                turns.remove(job)
                del left[job]
    while (job := turns.next()) is not None:
        left[job] -= 1
        if not left[job]:
            turns.remove(job)
            del left[job]
    assert not left
    assert len(turns) == 0


def test_large_caches_leave_fewer_who_go_first_to_share() -> None:
    assert first_sharing(6 * 2**20) == FIRST_SHARING_MAX
    assert first_sharing(2**26) == 16
    assert first_sharing(2**33) == SHARING_MAX
