"""The queue: no long or many answers of a rival go before a validator's; everybody has a share."""

from __future__ import annotations

import random

import pytest

from assay.models.fair_queue import (
    BURSTS_MAX,
    FIRST_SHARING_MAX,
    SHARING_MAX,
    TOGETHER_LEAST,
    TOGETHER_MAX,
    AnswerQueue,
    Asker,
    Busy,
    CallerBusy,
    first_sharing,
    first_together,
)

RIVAL, OTHER = Asker("rival"), Asker("other")
FIRST, SECOND = Asker("first", first=True), Asker("second", first=True)


def run(queue: AnswerQueue[str], steps: dict[str, int], most: int = 10_000) -> list[str]:
    """Take turns until every answer had its steps; who had each turn."""
    left = dict(steps)
    taken = []
    while (job := queue.next()) is not None:
        taken.append(job)
        left[job] -= 1
        if not left[job]:
            queue.remove(job)
        assert len(taken) <= most
    return taken


def test_a_permit_goes_before_an_answer_under_way() -> None:
    queue: AnswerQueue[str] = AnswerQueue()
    queue.add("long", RIVAL)
    assert [queue.next() for _ in range(5)] == ["long"] * 5
    queue.add("asked", FIRST)
    assert run(queue, {"long": 3, "asked": 4}) == ["asked"] * 4 + ["long"] * 3


def test_callers_take_turns_and_one_callers_answers_follow_one_another() -> None:
    queue: AnswerQueue[str] = AnswerQueue()
    for number in range(3):
        queue.add(f"rival {number}", RIVAL)
    queue.add("other", OTHER)
    taken = run(queue, {"rival 0": 3, "rival 1": 3, "rival 2": 3, "other": 3})
    assert sorted(taken[:2]) == ["other", "rival 0"]
    assert taken.index("rival 1") > max(i for i, job in enumerate(taken) if job == "rival 0")
    assert max(i for i, job in enumerate(taken) if job == "other") <= 6


def test_a_hostile_permit_gets_a_share_and_no_more() -> None:
    queue: AnswerQueue[str] = AnswerQueue()
    for number in range(4):
        queue.add(f"long {number}", FIRST)
    for _ in range(7):
        queue.next()
    queue.add("short", SECOND)
    taken = [queue.next() for _ in range(10)]
    assert taken.count("short") == 5


def test_many_hostile_permits_get_a_share_each_and_no_more() -> None:
    """None of them need end for a validator's answer to be begun."""
    queue: AnswerQueue[str] = AnswerQueue()
    for number in range(20):
        queue.add(f"long {number}", Asker(f"hostile {number}", first=True))
    for _ in range(50):
        queue.next()
    queue.add("short", SECOND)
    taken = [queue.next() for _ in range(42)]
    assert taken.count("short") == 2


def test_many_hostile_permits_leave_each_of_the_others_a_place() -> None:
    queue: AnswerQueue[str] = AnswerQueue(first_max=16)
    opened = 0
    for number in range(8):
        for again in range(8):
            try:
                queue.add(f"{number}/{again}", Asker(f"hostile {number}", first=True))
                opened += 1
            except Busy:
                break
    assert opened == 16 + 6  # two take what is shared, and each of six its own
    queue.add("asked", FIRST)
    with pytest.raises(Busy):
        queue.add("asked again", FIRST)


def test_validators_that_measure_at_one_time_share_what_an_engine_computes_together() -> None:
    """Else the second would find the miner sixteen times as slow as it is."""
    queue: AnswerQueue[tuple[int, int]] = AnswerQueue(
        first_open_max=TOGETHER_MAX, first_max=BURSTS_MAX * TOGETHER_MAX
    )
    for number in range(TOGETHER_MAX):
        queue.add((0, number), Asker(_validator(0), first=True))
    assert len(queue.under_way()[0]) == TOGETHER_MAX
    for caller in range(1, BURSTS_MAX):
        for number in range(TOGETHER_MAX):
            queue.add((caller, number), Asker(_validator(caller), first=True))
    for number in range(4 * TOGETHER_MAX):
        ended = queue.under_way()[0][0]
        queue.remove(ended)
        queue.add((ended[0], 100 + number), Asker(_validator(ended[0]), first=True))
    under_way = [caller for caller, _ in queue.under_way()[0]]
    assert {caller: under_way.count(caller) for caller in range(BURSTS_MAX)} == dict.fromkeys(
        range(BURSTS_MAX), TOGETHER_MAX // BURSTS_MAX
    )


def _validator(number: int) -> str:
    return f"validator {number}"


def test_who_goes_first_may_have_more_open_at_an_engine_that_takes_more() -> None:
    queue: AnswerQueue[int] = AnswerQueue(open_max=2, first_open_max=4)
    for number in range(4):
        queue.add(number, FIRST)
    queue.add(10, RIVAL)
    queue.add(11, RIVAL)
    for number, asker in ((4, FIRST), (12, RIVAL)):
        with pytest.raises(CallerBusy):
            queue.add(number, asker)


def test_short_answers_that_never_end_leave_the_others_their_turns() -> None:
    queue: AnswerQueue[str] = AnswerQueue(open_max=2)
    queue.add("long", SECOND)
    queue.add("short 0", FIRST)
    taken = []
    for number in range(1, 20):
        queue.add(f"short {number}", FIRST)
        taken.append(queue.next())
        if (job := taken[-1]) == "long":
            job = f"short {number}"  # taken back unserved
        queue.remove(job)
    assert taken.count("long") >= 9


def test_a_caller_has_a_bounded_number_of_answers_open() -> None:
    queue: AnswerQueue[str] = AnswerQueue(open_max=2)
    queue.add("a", RIVAL)
    queue.add("b", RIVAL)
    with pytest.raises(CallerBusy):
        queue.add("c", RIVAL)
    assert len(queue) == 2
    queue.add("mine", FIRST)  # nobody else is held up by it
    queue.remove("a")
    queue.add("c", RIVAL)


def test_many_rivals_leave_room_for_validators() -> None:
    queue: AnswerQueue[str] = AnswerQueue(open_max=2, others_max=3)
    for number in range(3):
        queue.add(f"rival {number}", Asker(f"rival {number}"))
    with pytest.raises(Busy) as caught:
        queue.add("rival 3", Asker("rival 3"))
    assert not isinstance(caught.value, CallerBusy)
    queue.add("asked", FIRST)
    queue.remove("asked")  # gives no room to others
    with pytest.raises(Busy):
        queue.add("rival 3", Asker("rival 3"))
    queue.remove("rival 0")
    queue.add("rival 3", Asker("rival 3"))
    assert len(queue.clear()) == 3
    for number in range(3):
        queue.add(f"{number}", Asker(f"rival {number}"))


def test_a_bounded_number_is_under_way_and_the_next_begins_when_one_ends() -> None:
    queue: AnswerQueue[str] = AnswerQueue(sharing_max=2)
    for number in range(4):
        queue.add(f"{number}", Asker(f"caller {number}"))
    queue.add("0 again", Asker("caller 0"))
    assert {queue.next() for _ in range(10)} == {"0", "1"}
    queue.remove("0")
    assert {queue.next() for _ in range(10)} == {"1", "2"}
    queue.remove("1")
    queue.remove("2")
    assert {queue.next() for _ in range(10)} == {"3", "0 again"}


def test_what_nobody_wants_any_more_is_forgotten() -> None:
    queue: AnswerQueue[str] = AnswerQueue()
    queue.add("begun", RIVAL)
    assert queue.next() == "begun"
    queue.add("waits", RIVAL)
    queue.remove("waits")
    queue.remove("begun")
    queue.remove("begun")
    assert queue.next() is None
    assert len(queue) == 0
    queue.add("anew", RIVAL)
    assert queue.clear() == ["anew"]
    assert queue.next() is None


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_all_ends_and_permits_never_wait_for_others(seed: int) -> None:
    rng = random.Random(seed)
    queue: AnswerQueue[int] = AnswerQueue(open_max=3, sharing_max=2)
    askers = [Asker(f"{n}", first=n % 3 == 0) for n in range(7)]
    left: dict[int, int] = {}
    of: dict[int, Asker] = {}
    for number in range(300):
        asker = rng.choice(askers)
        try:
            queue.add(number, asker)
        except Busy:
            assert sum(1 for job in left if of[job] == asker) == 3
        else:
            left[number], of[number] = rng.randint(1, 6), asker
        for _ in range(rng.randint(0, 8)):
            job = queue.next()
            if job is None:
                assert not left
                break
            assert of[job].first or not any(of[other].first for other in left)
            left[job] -= 1
            if not left[job] or rng.random() < 0.05:
                queue.remove(job)
                del left[job]
    while (job := queue.next()) is not None:
        left[job] -= 1
        if not left[job]:
            queue.remove(job)
            del left[job]
    assert not left
    assert len(queue) == 0


def test_large_caches_leave_fewer_who_go_first_to_share() -> None:
    assert first_sharing(6 * 2**20) == FIRST_SHARING_MAX
    assert first_sharing(2**26) == 16
    assert first_sharing(2**33) == SHARING_MAX
    assert first_together(3 * 2**20) == TOGETHER_MAX  # the demo model's
    assert first_together(2**23) == 32
    assert first_together(2**26) == TOGETHER_LEAST
    assert first_together(2**33) == SHARING_MAX


def together(queue: AnswerQueue[str], steps: dict[str, int]) -> list[tuple[list[str], list[str]]]:
    """Work on all answers under way in each step until every answer had its steps."""
    left = dict(steps)
    taken = []
    while any(under_way := queue.under_way()):
        taken.append(under_way)
        for job in [*under_way[0], *under_way[1]]:
            left[job] -= 1
            if not left[job]:
                queue.remove(job)
        assert len(taken) < 1_000
    return taken


def test_together_all_are_under_way_and_the_turn_passes_on() -> None:
    queue: AnswerQueue[str] = AnswerQueue()
    for number in range(3):
        queue.add(f"first {number}", Asker(f"permit {number}", first=True))
    queue.add("rival", RIVAL)
    taken = together(queue, {f"first {number}": 3 for number in range(3)} | {"rival": 3})
    assert [firsts[0] for firsts, _ in taken] == ["first 0", "first 1", "first 2"]
    assert all(len(firsts) == 3 and others == ["rival"] for firsts, others in taken)


def test_together_a_caller_has_more_places_while_there_is_room() -> None:
    queue: AnswerQueue[str] = AnswerQueue(together_max=4)
    for number in range(6):
        queue.add(f"mine {number}", FIRST)
    queue.add("yours", SECOND)
    (firsts, others) = queue.under_way()
    assert firsts == ["mine 0", "yours", "mine 1", "mine 2"]
    assert others == []
    queue.remove("mine 1")
    assert set(queue.under_way()[0]) == {"mine 0", "yours", "mine 2", "mine 3"}


@pytest.mark.parametrize("first", [True, False])
def test_together_many_answers_of_one_caller_keep_nobody_from_beginning(first: bool) -> None:
    queue: AnswerQueue[str] = AnswerQueue(
        sharing_max=4, first_sharing_max=4, together_max=4, open_max=8, others_max=100
    )
    for number in range(8):
        queue.add(f"hostile {number}", Asker("hostile", first))
    queue.under_way()
    for number in range(5):
        queue.add(f"honest {number}", Asker(f"honest {number}", first))
    under_way = {*queue.under_way()[0 if first else 1]}
    # Four callers share; the hostile one is one of them, and its further places count in no bound.
    assert {f"honest {number}" for number in range(3)} <= under_way
    assert len(under_way) == 4 + 3
    queue.remove("honest 1")
    assert "honest 3" in queue.under_way()[0 if first else 1]
