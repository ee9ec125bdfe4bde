"""Who is asked for what, with time moved by hand and no byte of any object."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from assay.objects.limits import CHUNK_BYTES, PAGE_CHUNKS, RANGE_CHUNKS_MAX, ObjectLimits
from assay.objects.schedule import FetchAsk, FetchSchedule, Part
from assay.objects.tree import Shape

LIMITS = ObjectLimits(in_flight_bytes_max=8 * 2**20, per_holder_max=4)


def schedule(*holders: str, limits: ObjectLimits = LIMITS) -> FetchSchedule:
    made = FetchSchedule(limits, lambda: 0.0, 0.0)
    for holder in holders:
        assert made.join(holder)
    return made


def begun(*holders: str, chunks: int = 1_000, limits: ObjectLimits = LIMITS) -> FetchSchedule:
    """A transfer whose first page's hashes are known and of which every chunk is missing."""
    made = schedule(*holders, limits=limits)
    shape = Shape(chunks * CHUNK_BYTES)
    made.begin(shape)
    ask = made.next(0.0)
    assert ask is not None and ask.part is Part.OPEN
    made.opened(ask, shape.page_mask(0), 0.0)
    return made


def drained(made: FetchSchedule, now_s: float) -> list[FetchAsk]:
    asks = []
    while (ask := made.next(now_s)) is not None:
        asks.append(ask)
    return asks


def full(ask: FetchAsk) -> int:
    return (1 << ask.count) - 1


def test_every_holder_is_asked_for_the_head_once() -> None:
    made = schedule("a", "b")
    asks = drained(made, 0.0)
    assert [(ask.part, ask.holder) for ask in asks] == [(Part.HEAD, "a"), (Part.HEAD, "b")]
    made.reject(asks[0], "does not hold the object")
    assert made.alive == ["b"]
    assert made.reasons == {"a": "does not hold the object"}
    assert not drained(made, 0.0)


def test_an_unproven_holder_is_asked_for_one_chunk_and_a_proven_one_for_more() -> None:
    made = begun("a")
    sizes = []
    for _ in range(7):
        (ask, *others) = drained(made, 0.0)
        sizes.append(ask.count)
        for other in [ask, *others]:
            made.took_chunks(other, full(other), 0, 0.0)
    assert sizes == [1, 2, 4, 8, 16, RANGE_CHUNKS_MAX, RANGE_CHUNKS_MAX]


def test_a_transfer_is_slow_by_what_comes_between_two_looks() -> None:
    limits = replace(LIMITS, pace_s=100.0, pace_bytes_min=3 * CHUNK_BYTES)
    made = begun("a", limits=limits)
    made.start(1_000.0)
    assert made.wake_s(1_000.0) <= limits.quiet_s_max
    assert made.wake_s(1_099.0) == 1.0

    def bring(chunks: int, now_s: float) -> None:
        for _ in range(chunks):
            (ask, *_) = drained(made, now_s - limits.slow_s - 1)
            made.took_chunks(ask, 1, 0, now_s)

    assert not made.is_slow(1_099.0)
    bring(3, 1_099.0)
    assert not made.is_slow(1_100.0), "just enough came"
    bring(2, 1_150.0)
    assert not made.is_slow(1_199.0), "no look is due"
    assert made.is_slow(1_200.0)


def test_what_is_found_on_the_disk_counts_for_the_pace() -> None:
    limits = replace(LIMITS, pace_s=100.0, pace_bytes_min=3 * CHUNK_BYTES)
    for missing, slow in ((0b11100, True), (0b11000, False)):
        made = schedule("a", limits=limits)
        made.begin(Shape(5 * CHUNK_BYTES))
        ask = made.next(0.0)
        assert ask is not None
        made.opened(ask, missing, 0.0)
        assert made.is_slow(100.0) is slow


def test_what_comes_twice_counts_once_for_the_pace() -> None:
    limits = replace(LIMITS, pace_s=100.0, pace_bytes_min=3 * CHUNK_BYTES)
    made = begun("a", "b", chunks=2, limits=limits)
    first, second = drained(made, 0.0)
    made.took_chunks(first, 1, 0, 0.0)
    (again,) = drained(made, limits.late_s)
    assert again.mask == second.mask
    made.took_chunks(second, 1, 0, limits.late_s)
    made.took_chunks(again, 1, 0, limits.late_s)
    assert made.is_slow(100.0)


def test_a_page_that_is_being_opened_is_not_finished() -> None:
    made = schedule("a")
    made.begin(Shape(CHUNK_BYTES))
    ask = made.next(0.0)
    assert ask is not None and ask.part is Part.OPEN
    assert not made.finished
    made.opened(ask, 0, 0.0)
    assert made.finished


def test_a_liar_is_asked_for_nothing_more_and_others_for_what_it_owed() -> None:
    made = begun("liar", "b")
    first, second = drained(made, 0.0)
    assert (first.holder, first.first, second.first) == ("liar", 0, 1)
    made.took_chunks(first, 0, 1, 0.0)
    assert made.reasons == {"liar": "sent a wrong chunk (number 0)"}
    made.took_chunks(second, 1, 0, 0.0)
    after = drained(made, 0.0)
    assert {ask.holder for ask in after} == {"b"}
    assert after[0].first == 0


def test_no_chunk_is_asked_for_twice_unless_late() -> None:
    made = begun("a", "b", "c", chunks=3_000)
    taken: set[int] = set()
    waiting: deque[FetchAsk] = deque(drained(made, 0.0))
    while waiting:
        ask = waiting.popleft()
        if ask.part is Part.OPEN:
            made.opened(ask, Shape(3_000 * CHUNK_BYTES).page_mask(ask.first), 0.0)
        else:
            numbers = set(range(ask.first, ask.first + ask.count))
            assert not taken & numbers
            taken |= numbers
            made.took_chunks(ask, full(ask), 0, 0.0)
        waiting += drained(made, 0.0)
    assert made.finished
    assert taken == set(range(3_000))


def test_a_late_ask_goes_to_one_idle_holder_too() -> None:
    made = begun("slow", "b", "c", chunks=3)
    late, second, third = drained(made, 0.0)
    assert late.holder == "slow"
    made.took_chunks(second, 1, 0, 0.0)
    made.took_chunks(third, 1, 0, 0.0)
    assert not drained(made, LIMITS.late_s - 0.1)
    assert abs(made.wake_s(LIMITS.late_s - 0.1) - 0.1) < 0.01
    (again,) = drained(made, LIMITS.late_s)
    assert (again.first, again.holder) == (late.first, "b")
    made.took_chunks(again, 1, 0, LIMITS.late_s)
    assert made.finished


def test_what_is_in_flight_is_bounded() -> None:
    limits = ObjectLimits(in_flight_bytes_max=RANGE_CHUNKS_MAX * CHUNK_BYTES)
    made = begun("a", "b", "c", limits=limits)
    for _ in range(20):
        asks = drained(made, 0.0)
        assert sum(ask.count for ask in asks) <= RANGE_CHUNKS_MAX
        for ask in asks:
            made.took_chunks(ask, full(ask), 0, 0.0)


def test_a_holder_that_fails_is_paused_longer_each_time_and_then_dropped() -> None:
    made = begun("a")
    now_s = 0.0
    pauses = []
    for _ in range(LIMITS.failures_max):
        (ask,) = drained(made, now_s)
        made.failed(ask, "did not answer within 30 s", now_s)
        if made.alive:
            pauses.append(made.wake_s(now_s))
            assert not made.is_stuck(now_s)
            assert not drained(made, now_s + pauses[-1] - 0.01)
            now_s += pauses[-1]
    assert pauses == [LIMITS.retry_s, 2 * LIMITS.retry_s]
    assert made.reasons == {"a": "did not answer within 30 s"}
    assert made.is_stuck(now_s)


def test_one_outage_counts_once_however_many_calls_it_broke() -> None:
    made = begun("a")
    now_s = 0.0
    while len(asks := drained(made, now_s)) < LIMITS.per_holder_max:
        for ask in asks:
            made.took_chunks(ask, full(ask), 0, now_s)
    for ask in asks:
        made.failed(ask, "cannot be reached", now_s)
    assert made.alive == ["a"]
    assert [ask.count for ask in drained(made, LIMITS.retry_s)] == [1], "small steps again"


def test_a_busy_holder_is_left_alone_as_long_as_it_says_within_bounds() -> None:
    made = begun("a")
    (ask,) = drained(made, 0.0)
    made.busy(ask, 10.0, 0.0)
    assert not drained(made, 9.9)
    (ask,) = drained(made, 10.0)
    made.busy(ask, 1e9, 10.0)
    assert drained(made, 10.0 + LIMITS.busy_s_max)
    assert made.alive == ["a"]


def test_a_slow_holder_is_asked_for_less() -> None:
    made = begun("a")
    now_s = 0.0
    for _ in range(6):
        for ask in drained(made, now_s):
            made.took_chunks(ask, full(ask), 0, now_s)
    asks = drained(made, now_s)
    assert max(ask.count for ask in asks) == RANGE_CHUNKS_MAX
    now_s += LIMITS.slow_s + 1
    for ask in asks:
        made.took_chunks(ask, full(ask), 0, now_s)
    assert max(ask.count for ask in drained(made, now_s)) < RANGE_CHUNKS_MAX


def test_what_a_holder_lacks_is_asked_of_the_other() -> None:
    made = begun("part", "all", chunks=2)
    first, second = drained(made, 0.0)
    made.took_chunks(first, 0, 0, 0.0)
    made.took_chunks(second, 1, 0, 0.0)
    (again,) = drained(made, 0.0)
    assert (again.first, again.holder) == (first.first, "all")
    assert made.alive == ["part", "all"]


def test_what_nobody_has_ends_the_transfer() -> None:
    made = begun("part", chunks=1)
    (ask,) = drained(made, 0.0)
    made.took_chunks(ask, 0, 0, 0.0)
    assert not drained(made, 0.0)
    assert made.is_stuck(0.0)


def test_hashes_are_asked_for_before_chunks_and_again_if_late() -> None:
    made = schedule("a", "b")
    shape = Shape(5 * CHUNK_BYTES)
    made.begin(shape)
    ask = made.next(0.0)
    assert ask is not None
    made.opened(ask, None, 0.0)
    (first,) = drained(made, 0.0)
    assert (first.part, first.holder) == (Part.PAGE, "a")
    (second,) = drained(made, LIMITS.late_s)
    assert (second.part, second.holder) == (Part.PAGE, "b")
    made.took_page(second, shape.page_mask(0), LIMITS.late_s)
    assert {ask.part for ask in drained(made, LIMITS.late_s)} == {Part.CHUNKS}
    made.took_page(first, shape.page_mask(0), LIMITS.late_s)
    assert not made.finished


def test_a_few_pages_are_open_at_once_however_large_the_object() -> None:
    shape = Shape(10 * PAGE_CHUNKS * CHUNK_BYTES)
    made = schedule("a")
    made.begin(shape)
    opened = 0
    while (ask := made.next(0.0)) is not None and ask.part is Part.OPEN:
        made.opened(ask, shape.page_mask(ask.first), 0.0)
        opened += 1
    assert opened == 2


def test_silence_ends_the_transfer() -> None:
    made = begun("a")
    drained(made, 0.0)
    assert not made.is_quiet(LIMITS.quiet_s_max)
    assert made.is_quiet(LIMITS.quiet_s_max + 1)


def test_a_crowd_of_holders_is_bounded() -> None:
    made = schedule()
    joined = [made.join(str(number)) for number in range(LIMITS.holders_max + 10)]
    assert sum(joined) == LIMITS.holders_max
    assert not made.join("0")
