"""Each request once: disorder, crashes, clock steps, full memory."""

from __future__ import annotations

import random

import pytest

from assay.wire.errors import Code, RequestRefused
from assay.wire.limits import DEFAULT, Limits
from assay.wire.replay import CeilingUnreadable, MemoryCeiling, ReplayGuard

SECOND = 1_000_000_000
NOW = 1_800_000_000 * SECOND
KEY = b"k" * 32
RESERVE = int(DEFAULT.reserve_s * SECOND)
SKEW = int(DEFAULT.skew_s * SECOND)
AGE = int(DEFAULT.max_age_s * SECOND)


def guard(
    store: MemoryCeiling | None = None, limits: Limits = DEFAULT, now: int = NOW
) -> ReplayGuard:
    return ReplayGuard(store or MemoryCeiling(), now_ns=now, limits=limits)


def code_of(replay: ReplayGuard, nonce: int, now: int, key: bytes = KEY) -> Code | None:
    try:
        replay.accept(key, nonce, now)
    except RequestRefused as refusal:
        return refusal.code
    return None


def test_once() -> None:
    replay = guard()
    assert code_of(replay, NOW, NOW) is None
    assert code_of(replay, NOW, NOW) == Code.REPLAYED


def test_the_same_nonce_of_two_keys_is_two_requests() -> None:
    replay = guard()
    assert code_of(replay, NOW, NOW, b"a" * 32) is None
    assert code_of(replay, NOW, NOW, b"b" * 32) is None


def test_window_at_its_edges() -> None:
    replay = guard(now=NOW - 60 * SECOND)
    assert code_of(replay, NOW - AGE, NOW) is None
    assert code_of(replay, NOW - AGE - 1, NOW) == Code.STALE
    assert code_of(replay, NOW + SKEW, NOW) is None
    assert code_of(replay, NOW + SKEW + 1, NOW) == Code.STALE


def test_shuffled_nonces_are_all_accepted_once() -> None:
    replay = guard()
    nonces = [NOW + n * 10_000_000 for n in range(200)]
    random.Random(1).shuffle(nonces)
    assert {code_of(replay, nonce, NOW) for nonce in nonces} == {None}
    random.Random(2).shuffle(nonces)
    assert {code_of(replay, nonce, NOW + SECOND) for nonce in nonces} == {Code.REPLAYED}


def test_checking_remembers_nothing() -> None:
    replay = guard()
    replay.check(KEY, NOW, NOW)
    replay.check(KEY, NOW, NOW)
    assert len(replay) == 0


def test_before_the_first_start_nothing_was_meant_for_us() -> None:
    replay = guard()
    assert code_of(replay, NOW - 1, NOW) == Code.BEFORE_RESTART
    assert code_of(replay, NOW, NOW) is None


def test_the_ceiling_is_on_disk_before_a_nonce_is_accepted() -> None:
    store = MemoryCeiling()
    replay = guard(store)
    for step in range(50):
        nonce = NOW + step * 100_000_000
        assert code_of(replay, nonce, nonce) is None
        assert store.value is not None
        assert store.value >= nonce
    assert store.saves <= 6  # five seconds, one second ahead


def test_after_a_crash_everything_at_or_below_the_ceiling_is_refused() -> None:
    store = MemoryCeiling()
    replay = guard(store)
    nonces = [NOW + n for n in range(0, SECOND, SECOND // 7)]
    assert {code_of(replay, nonce, NOW) for nonce in nonces} == {None}

    restarted = guard(store, now=NOW + SECOND)
    assert store.value is not None
    assert {code_of(restarted, nonce, NOW + SECOND) for nonce in nonces} == {Code.BEFORE_RESTART}
    assert code_of(restarted, store.value, NOW + 2 * SECOND) == Code.BEFORE_RESTART
    assert code_of(restarted, store.value + 1, NOW + 2 * SECOND) is None


def test_a_crash_costs_callers_no_more_than_reserve_and_skew() -> None:
    store = MemoryCeiling()
    replay = guard(store)
    assert code_of(replay, NOW + SKEW, NOW) is None  # the most a caller can do
    assert store.value is not None
    assert store.value <= NOW + SKEW + RESERVE
    restarted = guard(store, now=NOW)
    with pytest.raises(RequestRefused) as caught:
        restarted.check(KEY, NOW, NOW)
    assert caught.value.retry_after_s == pytest.approx((SKEW + RESERVE) / SECOND)


def test_after_a_clean_stop_new_requests_are_served_at_once() -> None:
    store = MemoryCeiling()
    replay = guard(store)
    assert code_of(replay, NOW, NOW) is None
    replay.close()
    restarted = guard(store, now=NOW + 5)
    assert code_of(restarted, NOW, NOW + 5) == Code.BEFORE_RESTART
    assert code_of(restarted, NOW + 1, NOW + 5) is None


def test_an_unreadable_ceiling_is_taken_as_the_highest_possible() -> None:
    class Broken(MemoryCeiling):
        def load(self) -> int | None:
            raise CeilingUnreadable

    replay = guard(Broken())
    assert code_of(replay, NOW + SKEW, NOW) == Code.BEFORE_RESTART
    later = NOW + SKEW + RESERVE + 1
    assert code_of(replay, later, later) is None


def test_a_store_that_cannot_save_accepts_nothing() -> None:
    class Full(MemoryCeiling):
        def save(self, ceiling_ns: int) -> None:
            raise OSError

    replay = guard(Full())
    with pytest.raises(OSError):  # noqa: PT011 - any failure of the disk
        replay.accept(KEY, NOW, NOW)
    assert len(replay) == 0


# -- clock steps


def test_a_step_forward_and_back_costs_nothing_if_nobody_called() -> None:
    replay = guard()
    assert code_of(replay, NOW, NOW) is None
    day = 86_400 * SECOND
    assert code_of(replay, NOW + 1, NOW + day) == Code.STALE
    assert code_of(replay, NOW + 1, NOW + 1) is None
    assert code_of(replay, NOW, NOW + 1) == Code.REPLAYED


def test_a_step_back_lets_no_replay_in() -> None:
    """What was forgotten as stale becomes fresh again by a step back; it stays refused."""
    replay = guard()
    assert code_of(replay, NOW, NOW) is None
    later = NOW + 60 * SECOND
    assert code_of(replay, later, later) is None  # forgets NOW
    assert len(replay) == 1
    assert code_of(replay, NOW, NOW + 1) == Code.BEFORE_RESTART
    assert code_of(replay, later, later - SECOND) == Code.REPLAYED


def test_an_accepted_future_holds_until_time_catches_up() -> None:
    """Both clocks a minute ahead, then set right: safety first, then service again."""
    replay = guard()
    ahead = NOW + 60 * SECOND
    assert code_of(replay, ahead, ahead) is None
    assert code_of(replay, ahead, NOW) == Code.STALE
    assert code_of(replay, NOW + 1, NOW + 1) is None
    assert code_of(replay, ahead, ahead) == Code.REPLAYED


# -- bounds


def test_memory_is_bounded_and_full_memory_lets_no_replay_in() -> None:
    limits = Limits(nonces_max=100)
    replay = guard(limits=limits)
    nonces = [NOW + n * (SECOND // 50) for n in range(400)]  # eight seconds of 50
    for nonce in nonces:
        assert code_of(replay, nonce, nonce) is None
        assert len(replay) <= 101
    now = nonces[-1]
    assert {code_of(replay, nonce, now) for nonce in nonces} == {Code.REPLAYED, Code.BEFORE_RESTART}
    assert code_of(replay, now + 1, now) is None


def test_stale_seconds_are_forgotten() -> None:
    replay = guard()
    for second in range(60):
        assert code_of(replay, NOW + second * SECOND, NOW + second * SECOND) is None
    assert len(replay) <= int(DEFAULT.max_age_s + DEFAULT.body_s_max) + 3


def test_freshness_is_the_heads() -> None:
    """A body may arrive for longer than a nonce stays fresh; a late head is stale all the same."""
    replay = guard()
    later = NOW + int(DEFAULT.body_s_max * SECOND)
    replay.accept(KEY, NOW, later, arrived_ns=NOW + AGE)
    with pytest.raises(RequestRefused) as caught:
        replay.accept(KEY, NOW + 1, later, arrived_ns=NOW + 1 + AGE + 1)
    assert caught.value.code == Code.STALE
    with pytest.raises(RequestRefused) as caught:
        replay.accept(KEY, NOW, later, arrived_ns=NOW + AGE)
    assert caught.value.code == Code.REPLAYED


def test_a_slow_body_is_accepted_among_quick_ones_and_only_once() -> None:
    """Forty seconds of other requests pass while it arrives: its second is not given up yet."""
    replay = guard()
    arrived = NOW + AGE
    for second in range(int(DEFAULT.max_age_s + DEFAULT.body_s_max)):
        quick = NOW + 1 + second * SECOND
        assert code_of(replay, quick, quick) is None
    done = arrived + int(DEFAULT.body_s_max * SECOND)
    replay.accept(KEY, NOW, done, arrived_ns=arrived)
    with pytest.raises(RequestRefused):
        replay.accept(KEY, NOW, done, arrived_ns=arrived)


def test_what_cannot_be_paid_for_uses_up_no_nonce() -> None:
    replay = guard()

    def poor() -> None:
        raise RequestRefused(Code.CALLER_LIMITED, "no")

    for _ in range(2):
        with pytest.raises(RequestRefused) as caught:
            replay.accept(KEY, NOW, NOW, pay=poor)
        assert caught.value.code == Code.CALLER_LIMITED
    assert len(replay) == 0
    paid: list[int] = []
    replay.accept(KEY, NOW, NOW, pay=lambda: paid.append(1))
    with pytest.raises(RequestRefused):
        replay.accept(KEY, NOW, NOW, pay=lambda: paid.append(1))
    assert paid == [1], "a repetition is not paid for"


def test_a_driver_can_save_aside() -> None:
    store = MemoryCeiling()
    replay = guard(store)
    wanted = replay.wanted(NOW)
    assert wanted == NOW + RESERVE
    store.save(wanted)
    replay.reserved(wanted)
    assert code_of(replay, NOW, NOW) is None
    assert store.saves == 1
    assert replay.wanted(NOW + 1) is None
    assert replay.wanted(NOW + RESERVE * 2 // 3) == NOW + RESERVE * 2 // 3 + RESERVE
    assert replay.wanted(NOW + RESERVE // 2) is None, "half of the reserve is left"


def test_nothing_is_saved_for_a_nonce_at_the_ceiling_nor_for_an_idle_stop() -> None:
    store = MemoryCeiling()
    replay = guard(store)
    assert code_of(replay, NOW, NOW) is None
    assert code_of(replay, replay.ceiling, NOW + RESERVE) is None
    assert store.saves == 1
    idle = MemoryCeiling()
    guard(idle).close()
    assert (idle.saves, idle.value) == (0, None)


def test_a_stop_lets_go_of_its_store_and_leaves_the_newest_nonce_in_it() -> None:
    class Closable(MemoryCeiling):
        closed = False

        def close(self) -> None:
            assert self.value == NOW
            self.closed = True

    store = Closable()
    replay = guard(store)
    assert code_of(replay, NOW, NOW) is None
    replay.close()
    assert store.closed
    assert (replay.floor, replay.ceiling) == (NOW, NOW)


def test_as_many_nonces_are_remembered_as_may_be() -> None:
    replay = guard(limits=Limits(nonces_max=3))
    nonces = [NOW + second * SECOND for second in range(4)]
    assert [code_of(replay, nonce, nonce) for nonce in nonces[:3]] == [None] * 3
    assert len(replay) == 3
    assert code_of(replay, nonces[3], nonces[3]) is None
    assert len(replay) == 3
    assert code_of(replay, nonces[0], nonces[3]) == Code.BEFORE_RESTART


def test_a_second_is_kept_until_its_last_part_is_stale() -> None:
    replay = guard()
    assert code_of(replay, NOW, NOW) is None
    kept = int((DEFAULT.max_age_s + DEFAULT.body_s_max) * SECOND)
    edge = NOW + kept + SECOND - 1
    assert code_of(replay, edge, edge) is None
    assert len(replay) == 2
    replay.accept(KEY, NOW + 1, edge, arrived_ns=NOW + AGE)
    assert code_of(replay, NOW + kept + SECOND, edge + 1) is None
    assert len(replay) == 2, "of this second and of the last one before it"


@pytest.mark.parametrize(("floor", "wait_s"), [(0, 1), (1, 1), (SECOND + 1, 2)])
def test_who_comes_before_a_restart_is_told_when_to_come_again(floor: int, wait_s: int) -> None:
    store = MemoryCeiling()
    store.value = NOW + floor
    with pytest.raises(RequestRefused) as caught:
        guard(store).check(KEY, NOW, NOW)
    assert (caught.value.code, caught.value.retry_after_s) == (Code.BEFORE_RESTART, wait_s)


def test_a_clock_that_was_set_back_is_told_from_a_crash() -> None:
    store = MemoryCeiling()
    store.value = NOW
    replay = guard(store)
    back = SKEW + RESERVE + 100 * SECOND
    assert replay.shut_s(NOW - back) == 100.0
    assert replay.shut_s(NOW - SKEW - RESERVE) == 0.0
    assert replay.shut_s(NOW) == 0.0
