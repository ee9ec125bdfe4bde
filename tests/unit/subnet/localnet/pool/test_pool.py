"""The pool: who comes in, in what order they leave, what a block does to those that stay."""

from __future__ import annotations

import pytest

from assay.localnet.blocks.validity import ValidTransaction
from assay.localnet.errors import InvalidTransaction, RuntimeTrap
from assay.localnet.pool import BlockEffects, Event, Status, TransactionPool
from assay.localnet.pool.errors import (
    AlreadyImported,
    CycleDetected,
    ImmediatelyDropped,
    NoTags,
    TemporarilyBanned,
    TooLowPriority,
)
from assay.localnet.pool.limits import PoolLimits
from assay.localnet.pool.ordering import nonce_tag
from tests.unit.subnet.localnet.toy_chain import Kind, ToyChain, account, extrinsic, hash_of

NOW = 1_000.0


def pool_of(chain: ToyChain, **limits: int) -> TransactionPool:
    return TransactionPool(chain, head_number=chain.head.number, limits=PoolLimits(**limits))


def seal(pool: TransactionPool, chain: ToyChain, now_s: float = NOW) -> list[Event]:
    built = chain.build(chain.earliest_timestamp_ms(), pool.best())
    effects = BlockEffects(
        built.block.number, built.included, built.failed, b":code" in built.changes
    )
    return pool.after_block(effects, now_s)


def test_priority_then_arrival_but_never_before_what_is_required() -> None:
    pool = pool_of(ToyChain())
    first = extrinsic(1, 0, priority=1)
    second = extrinsic(1, 1, priority=9)  # a high tip does not overtake its own sender
    other = extrinsic(2, 0, priority=5)
    late = extrinsic(3, 0, priority=5)
    for data in (first, second, other, late):
        pool.submit(data, NOW)
    assert pool.pending() == [other, late, first, second]


def test_a_gap_in_nonces_waits_and_is_closed() -> None:
    pool = pool_of(ToyChain())
    assert pool.submit(extrinsic(1, 2), NOW).events[0].status is Status.FUTURE
    assert pool.submit(extrinsic(1, 1), NOW).events[0].status is Status.FUTURE
    assert (pool.ready_count, pool.future_count) == (0, 2)
    events = pool.submit(extrinsic(1, 0), NOW).events
    assert [e.status for e in events] == [Status.READY] * 3
    assert [e.hash for e in events] == [hash_of(extrinsic(1, n)) for n in range(3)]
    assert pool.pending() == [extrinsic(1, n) for n in range(3)]


def test_the_pool_knows_the_next_nonce() -> None:
    chain = ToyChain()
    pool = pool_of(chain)
    assert pool.next_nonce(account(1), 0) == 0
    for nonce in (0, 1, 3):
        pool.submit(extrinsic(1, nonce), NOW)
    assert pool.next_nonce(account(1), 0) == 2, "a waiting transaction leaves its gap open"
    assert pool.next_nonce(account(2), 5) == 5


def test_the_same_bytes_come_in_once() -> None:
    pool = pool_of(ToyChain())
    pool.submit(extrinsic(1, 0), NOW)
    with pytest.raises(AlreadyImported):
        pool.submit(extrinsic(1, 0), NOW)


def test_replacement_needs_a_higher_priority_and_keeps_dependents() -> None:
    pool = pool_of(ToyChain())
    pool.submit(extrinsic(1, 0, priority=5), NOW)
    pool.submit(extrinsic(1, 1, priority=5), NOW)
    with pytest.raises(TooLowPriority):
        pool.submit(extrinsic(1, 0, priority=5, kind=Kind.UPGRADE), NOW)
    new = extrinsic(1, 0, priority=6)
    events = pool.submit(new, NOW).events
    assert Event(hash_of(extrinsic(1, 0, priority=5)), Status.USURPED, hash_of(new)) in events
    assert pool.pending() == [new, extrinsic(1, 1, priority=5)]


def test_a_lasting_refusal_is_banned_for_a_while_and_not_asked_again() -> None:
    chain = ToyChain()
    pool = pool_of(chain)
    bad = extrinsic(1, 0, kind=Kind.BAD_PROOF)
    with pytest.raises(InvalidTransaction):
        pool.submit(bad, NOW)
    with pytest.raises(TemporarilyBanned):
        pool.submit(bad, NOW + PoolLimits().ban_s - 1)
    assert len(chain.validated) == 1
    with pytest.raises(InvalidTransaction):
        pool.submit(bad, NOW + PoolLimits().ban_s + 1)


def test_who_lacked_the_fee_may_try_the_same_bytes_again() -> None:
    chain = ToyChain()
    pool = pool_of(chain)
    data = extrinsic(1, 0)
    chain.refuse[hash_of(data)] = InvalidTransaction("Payment")
    with pytest.raises(InvalidTransaction):
        pool.submit(data, NOW)
    chain.refuse.clear()
    pool.submit(data, NOW)
    assert pool.ready_count == 1


def test_bytes_that_upset_the_runtime_pass_through_and_leave_nothing() -> None:
    pool = pool_of(ToyChain())
    with pytest.raises(RuntimeTrap):
        pool.submit(b"\x04\xff", NOW)
    assert pool.ready_count == pool.future_count == 0


def test_bans_are_bounded() -> None:
    pool = pool_of(ToyChain(), banned_count=2)
    for who in range(3):
        with pytest.raises(InvalidTransaction):
            pool.submit(extrinsic(who, 0, kind=Kind.BAD_PROOF), NOW)
    with pytest.raises(InvalidTransaction):  # the oldest was forgotten
        pool.submit(extrinsic(0, 0, kind=Kind.BAD_PROOF), NOW)


def test_a_block_takes_what_it_included() -> None:
    chain = ToyChain()
    pool = pool_of(chain)
    for nonce in range(3):
        pool.submit(extrinsic(1, nonce), NOW)
    assert seal(pool, chain) == []
    assert chain.nonces[account(1)] == 3
    assert pool.ready_count == 0


def test_with_one_that_failed_leaves_all_that_could_only_follow_it() -> None:
    """As in a Substrate node: the dependents are invalid, and their watchers are told."""
    chain = ToyChain()
    pool = pool_of(chain)
    failing = extrinsic(1, 1, kind=Kind.FAILS_IN_BLOCK)
    branch = [extrinsic(1, 0), failing, extrinsic(1, 2), extrinsic(1, 3)]
    for data in [*branch, extrinsic(1, 5), extrinsic(2, 0)]:
        pool.submit(data, NOW)
    events = seal(pool, chain)
    assert events == [Event(hash_of(data), Status.INVALID) for data in branch[1:]]
    assert (pool.ready_count, pool.future_count) == (0, 1), "what had a gap before waits on"
    for data in (extrinsic(1, 1), extrinsic(1, 2), extrinsic(1, 3), extrinsic(1, 4)):
        pool.submit(data, NOW)  # none of them is banned
    seal(pool, chain)
    assert (pool.ready_count, pool.future_count, chain.nonces[account(1)]) == (0, 0, 6)


def test_an_old_follower_never_runs_behind_what_is_sent_instead() -> None:
    chain = ToyChain()
    pool = pool_of(chain)
    pool.submit(extrinsic(1, 0, kind=Kind.FAILS_IN_BLOCK), NOW)
    pool.submit(extrinsic(1, 1, priority=7), NOW)
    seal(pool, chain)
    pool.submit(extrinsic(1, 0), NOW)
    assert pool.pending() == [extrinsic(1, 0)]


@pytest.mark.parametrize("how", ["expelled", "too old", "found invalid", "another runtime"])
def test_however_one_becomes_invalid_its_dependents_do_too(how: str) -> None:
    chain = ToyChain()
    pool = pool_of(chain, revalidate_after_blocks=1 if how == "found invalid" else 99)
    first = extrinsic(1, 0, kind=Kind.TOO_BIG)  # stays, block after block
    chain.longevity = 1 if how == "too old" else 64
    pool.submit(first, NOW)
    chain.longevity = 64
    pool.submit(extrinsic(1, 1), NOW)
    pool.submit(extrinsic(1, 2), NOW)
    if how == "expelled":
        events = pool.expel(hash_of(first), NOW)
    else:
        if how != "too old":
            chain.refuse[hash_of(first)] = InvalidTransaction("Payment")
        effects = BlockEffects(1, (), runtime_changed=how == "another runtime")
        events = pool.after_block(effects, NOW)
    gone = [first, extrinsic(1, 1), extrinsic(1, 2)]
    assert events == [Event(hash_of(data), Status.INVALID) for data in gone]
    assert (pool.ready_count, pool.future_count) == (0, 0)
    pool._ordering.check()


def test_with_one_that_is_pushed_out_its_dependents_are_dropped() -> None:
    pool = pool_of(ToyChain(), ready_count=3)
    for nonce in range(3):
        pool.submit(extrinsic(1, nonce, priority=nonce), NOW)
    events = pool.submit(extrinsic(2, 0, priority=1), NOW).events
    dropped = [event.hash for event in events if event.status is Status.DROPPED]
    assert dropped == [hash_of(extrinsic(1, nonce, priority=nonce)) for nonce in range(3)]
    assert pool.pending() == [extrinsic(2, 0, priority=1)]


def test_rivals_of_an_included_one_are_usurped() -> None:
    chain = ToyChain()
    pool = pool_of(chain)
    waiting = extrinsic(1, 1, priority=1)
    rival = extrinsic(1, 1, priority=2)
    pool.submit(waiting, NOW)
    pool.submit(rival, NOW)  # both wait for nonce 0: both are kept
    events = pool.submit(extrinsic(1, 0), NOW).events
    assert Event(hash_of(waiting), Status.USURPED, hash_of(rival)) in events
    seal(pool, chain)
    assert (pool.ready_count, pool.future_count) == (0, 0)
    assert chain.nonces[account(1)] == 2


def test_a_bigger_one_that_stays_keeps_its_followers() -> None:
    chain = ToyChain()
    pool = pool_of(chain)
    pool.submit(extrinsic(1, 1), NOW)
    pool.submit(extrinsic(1, 0, kind=Kind.TOO_BIG), NOW)
    assert pool.ready_count == 2
    seal(pool, chain)
    assert pool.ready_count == 2, "postponed ones stay"


def test_longevity_ends() -> None:
    chain = ToyChain()
    chain.longevity = 2
    pool = pool_of(chain)
    pool.submit(extrinsic(1, 5), NOW)
    assert seal(pool, chain) == []
    assert seal(pool, chain) == [Event(hash_of(extrinsic(1, 5)), Status.INVALID)]
    assert pool.future_count == 0


def test_what_waits_long_is_validated_again_and_only_that() -> None:
    chain = ToyChain()
    pool = pool_of(chain, revalidate_after_blocks=3)
    waiting = extrinsic(1, 1)
    pool.submit(waiting, NOW)
    chain.refuse[hash_of(waiting)] = InvalidTransaction("Payment")
    assert seal(pool, chain) == seal(pool, chain) == []
    assert len(chain.validated) == 1
    assert seal(pool, chain) == [Event(hash_of(waiting), Status.INVALID)]
    assert len(chain.validated) == 2


def test_a_new_runtime_judges_all_again_and_lifts_bans() -> None:
    chain = ToyChain()
    pool = pool_of(chain)
    bad = extrinsic(3, 0, kind=Kind.BAD_PROOF)
    with pytest.raises(InvalidTransaction):
        pool.submit(bad, NOW)
    pool.submit(extrinsic(1, 0, kind=Kind.UPGRADE), NOW)
    pool.submit(extrinsic(2, 1), NOW)
    chain.refuse[hash_of(extrinsic(2, 1))] = InvalidTransaction("Call")
    assert seal(pool, chain) == [Event(hash_of(extrinsic(2, 1)), Status.INVALID)]
    with pytest.raises(InvalidTransaction):
        pool.submit(bad, NOW)


@pytest.mark.parametrize(
    ("limit", "fits", "over"),
    [
        ({"ready_count": 2}, [(1, 0), (2, 0)], (3, 0)),
        ({"sender_ready_count": 2}, [(1, 0), (1, 1)], (1, 2)),
        ({"future_count": 2}, [(1, 1), (2, 1)], (3, 1)),
        ({"sender_future_count": 2}, [(1, 1), (1, 2)], (1, 3)),
        ({"ready_bytes": 92}, [(1, 0), (2, 0)], (3, 0)),
        ({"future_bytes": 92}, [(1, 1), (2, 1)], (3, 1)),
    ],
)
def test_each_limit_holds_at_its_value_and_not_beyond(
    limit: dict[str, int], fits: list[tuple[int, int]], over: tuple[int, int]
) -> None:
    pool = pool_of(ToyChain(), **limit)
    for who, nonce in fits:
        pool.submit(extrinsic(who, nonce), NOW)
    with pytest.raises(ImmediatelyDropped):
        pool.submit(extrinsic(*over), NOW)
    assert pool.ready_count + pool.future_count == 2


def test_whoever_holds_most_of_the_waiting_places_gives_way() -> None:
    """A dozen senders held nearly all places for nonce gaps, and everybody else was refused."""
    pool = pool_of(ToyChain(), future_count=24, sender_future_count=8)
    for who in range(3):
        for nonce in range(1, 9):
            pool.submit(extrinsic(who, nonce), NOW)
    dropped: list[bytes] = []
    for who in range(3, 24):
        events = pool.submit(extrinsic(who, 1), NOW).events
        dropped += [event.hash for event in events if event.status is Status.DROPPED]
    assert pool.future_count == 24
    assert len(dropped) == len(set(dropped)) == 21
    kept = [extrinsic(who, 1) for who in range(24)]
    assert {entry.extrinsic for entry in pool._ordering} == set(kept), "the youngest went first"
    with pytest.raises(ImmediatelyDropped, match="waiting transactions"):
        pool.submit(extrinsic(99, 1), NOW)  # nobody holds more than it would
    pool._ordering.check()


def test_nobody_gives_way_to_one_who_would_hold_as_much() -> None:
    pool = pool_of(ToyChain(), future_count=4)
    for who, nonce in ((1, 1), (1, 2), (1, 3), (2, 1)):
        pool.submit(extrinsic(who, nonce), NOW)
    pool.submit(extrinsic(2, 2), NOW)  # 3 and 1 become 2 and 2
    for who in (1, 2):
        with pytest.raises(ImmediatelyDropped):
            pool.submit(extrinsic(who, 9), NOW)
    assert {entry.extrinsic for entry in pool._ordering} == {
        extrinsic(who, nonce) for who in (1, 2) for nonce in (1, 2)
    }


def test_a_full_pool_of_equals_is_shared_among_senders() -> None:
    pool = pool_of(ToyChain(), ready_count=6)
    for nonce in range(6):
        pool.submit(extrinsic(1, nonce, priority=5), NOW)
    with pytest.raises(ImmediatelyDropped):
        pool.submit(extrinsic(2, 0, priority=4), NOW)  # a higher priority does not yield
    for nonce in range(3):
        events = pool.submit(extrinsic(2, nonce, priority=5), NOW).events
        last = extrinsic(1, 5 - nonce, priority=5)
        assert Event(hash_of(last), Status.DROPPED) in events
    with pytest.raises(ImmediatelyDropped):
        pool.submit(extrinsic(2, 3, priority=5), NOW)
    pool._ordering.check()


class Tagger(ToyChain):
    """Answers with the tags that it was given."""

    def __init__(self, requires: tuple[bytes, ...], provides: tuple[bytes, ...]) -> None:
        super().__init__()
        self._tags = requires, provides

    def validate(self, extrinsic: bytes, source: int = 2) -> ValidTransaction:
        requires, provides = self._tags
        return ValidTransaction(0, requires, provides, 2**63, True)


def tags(count: int) -> tuple[bytes, ...]:
    return tuple(bytes((number,)) for number in range(count))


@pytest.mark.parametrize(
    ("requires", "provides", "refusal"),
    [
        ((), (), NoTags),
        ((b"a",), (b"b", b"a"), CycleDetected),
        ((), tags(17), ImmediatelyDropped),
        (tags(17), (b"z",), ImmediatelyDropped),
    ],
)
def test_tags_that_make_no_order_are_refused(
    requires: tuple[bytes, ...], provides: tuple[bytes, ...], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        pool_of(Tagger(requires, provides)).submit(extrinsic(1, 0), NOW)


def test_as_many_tags_as_allowed_are_taken() -> None:
    pool = pool_of(Tagger((), tags(16)))
    pool.submit(extrinsic(1, 0), NOW)
    assert pool.ready_count == 1


def test_even_an_immortal_transaction_waits_only_so_long() -> None:
    pool = pool_of(Tagger((b"never",), (b"z",)), longevity_blocks_max=2)
    pool.submit(extrinsic(1, 0), NOW)
    assert pool.after_block(BlockEffects(1, ()), NOW) == []
    assert [e.status for e in pool.after_block(BlockEffects(2, ()), NOW)] == [Status.INVALID]


def test_only_so_many_are_validated_again_after_one_block() -> None:
    chain = ToyChain()
    pool = pool_of(chain, revalidate_after_blocks=1, revalidate_per_block=2)
    for who in range(5):
        pool.submit(extrinsic(who, 1), NOW)
    seal(pool, chain)
    assert len(chain.validated) == 5 + 2
    seal(pool, chain)
    seal(pool, chain)
    assert set(chain.validated[5:10]) == set(chain.validated[:5]), "each in its turn"


def test_a_full_pool_lets_the_better_in_and_the_worst_go() -> None:
    pool = pool_of(ToyChain(), ready_count=2)
    low, high = extrinsic(1, 0, priority=1), extrinsic(2, 0, priority=3)
    pool.submit(low, NOW)
    pool.submit(high, NOW)
    better = extrinsic(3, 0, priority=2)
    events = pool.submit(better, NOW).events
    assert Event(hash_of(low), Status.DROPPED) in events
    assert pool.pending() == [high, better]
    with pytest.raises(ImmediatelyDropped):
        pool.submit(extrinsic(4, 0, priority=2), NOW)  # equal is not better


def test_a_full_pool_still_lets_a_tip_be_raised_but_not_the_own_branch_be_sawn_off() -> None:
    pool = pool_of(ToyChain(), ready_count=2)
    pool.submit(extrinsic(1, 0, priority=1), NOW)
    pool.submit(extrinsic(1, 1, priority=5), NOW)
    with pytest.raises(ImmediatelyDropped):
        pool.submit(extrinsic(1, 2, priority=9), NOW)
    raised = extrinsic(1, 0, priority=2)
    pool.submit(raised, NOW)
    assert pool.pending() == [raised, extrinsic(1, 1, priority=5)]


def test_a_long_chain_that_waited_becomes_ready_at_once() -> None:
    pool = pool_of(ToyChain(), future_count=2_000, sender_future_count=2_000)
    for nonce in range(1, 1_500):
        pool.submit(extrinsic(1, nonce), NOW)
    assert (pool.ready_count, pool.future_count) == (0, 1_499)
    pool.submit(extrinsic(1, 0), NOW)
    assert (pool.ready_count, pool.future_count) == (1_500, 0)
    pool._ordering.check()


def test_what_left_the_pool_is_not_kept_in_mind() -> None:
    chain = ToyChain()
    pool = pool_of(chain)
    for nonce in range(3_000):
        pool.submit(extrinsic(1, nonce), NOW)
        if nonce % 100 == 99:
            seal(pool, chain)
    assert pool.ready_count == 0
    assert len(pool._ordering._worst) < 2_000


def test_what_became_ready_with_another_stays_within_the_limits() -> None:
    pool = pool_of(ToyChain(), ready_count=3)
    pool.submit(extrinsic(2, 0), NOW)
    for nonce in range(1, 6):
        pool.submit(extrinsic(1, nonce), NOW)
    events = pool.submit(extrinsic(1, 0), NOW).events
    assert pool.pending() == [extrinsic(2, 0), extrinsic(1, 0), extrinsic(1, 1)]
    dropped = {event.hash for event in events if event.status is Status.DROPPED}
    assert dropped == {hash_of(extrinsic(1, nonce)) for nonce in range(2, 6)}
    pool._ordering.check()


class Sized(ToyChain):
    """Each extrinsic is its account, its priority, and bytes that only take up room."""

    def validate(self, extrinsic: bytes, source: int = 2) -> ValidTransaction:
        return ValidTransaction(extrinsic[1], (), (extrinsic[:1],), 64, True)


def sized(who: int, priority: int, size_bytes: int) -> bytes:
    return bytes((who, priority)).ljust(size_bytes, b".")


def test_whoever_does_not_fit_after_all_has_pushed_out_nobody() -> None:
    pool = pool_of(Sized(), ready_bytes=20)
    low, high = sized(1, 1, 10), sized(2, 9, 10)
    pool.submit(low, NOW)
    pool.submit(high, NOW)
    with pytest.raises(ImmediatelyDropped):
        pool.submit(sized(3, 5, 20), NOW)  # it would need the room of both
    assert pool.pending() == [high, low]
    events = pool.submit(sized(3, 5, 10), NOW).events
    assert Event(hash_of(low), Status.DROPPED) in events


def test_a_replacement_may_not_grow_beyond_the_limit() -> None:
    pool = pool_of(Sized(), ready_bytes=20)
    pool.submit(sized(1, 1, 10), NOW)
    pool.submit(sized(2, 9, 10), NOW)
    with pytest.raises(ImmediatelyDropped):
        pool.submit(sized(1, 5, 11), NOW)
    longer = sized(2, 10, 15)
    events = pool.submit(longer, NOW).events
    assert Event(hash_of(sized(1, 1, 10)), Status.DROPPED) in events
    assert pool.pending() == [longer]


def test_a_replacement_that_is_refused_has_pushed_out_nobody() -> None:
    pool = pool_of(Sized(), ready_bytes=20)
    pool.submit(sized(1, 1, 10), NOW)
    pool.submit(sized(2, 9, 10), NOW)
    with pytest.raises(TooLowPriority):
        pool.submit(sized(2, 9, 15), NOW)
    assert pool.ready_count == 2


def test_whoever_holds_most_bytes_gives_way_to_a_smaller_one() -> None:
    pool = pool_of(Sized(), ready_bytes=40)
    large = [sized(1, 5, 30), sized(2, 5, 10)]
    for data in large:
        pool.submit(data, NOW)
    with pytest.raises(ImmediatelyDropped):
        pool.submit(sized(3, 5, 30), NOW)
    events = pool.submit(sized(3, 5, 29), NOW).events
    assert Event(hash_of(large[0]), Status.DROPPED) in events


class Linked(ToyChain):
    """Each extrinsic is its priority, the tags it requires, a bar, and the tags it provides."""

    def validate(self, extrinsic: bytes, source: int = 2) -> ValidTransaction:
        requires, provides = (
            tuple(bytes((tag,)) for tag in tags) for tags in extrinsic[1:].split(b"|")
        )
        return ValidTransaction(int(extrinsic[:1]), requires, provides, 64, True)


def test_with_one_that_is_replaced_leaves_what_the_new_one_does_not_carry() -> None:
    pool = pool_of(Linked())
    for data in (b"1|ab", b"5a|x", b"5b|y", b"5y|z", b"5yq|w"):
        pool.submit(data, NOW)
    assert (pool.ready_count, pool.future_count) == (4, 1)
    events = pool.submit(b"2|a", NOW).events
    usurped = {event.hash for event in events if event.status is Status.USURPED}
    assert usurped == {hash_of(data) for data in (b"1|ab", b"5b|y", b"5y|z")}
    assert {event.other for event in events if event.status is Status.USURPED} == {hash_of(b"2|a")}
    assert pool.pending() == [b"2|a", b"5a|x"]
    pool._ordering.check()
    pool.submit(b"1|q", NOW)
    pool.submit(b"1|y", NOW)
    assert b"5yq|w" in pool.pending(), "it missed again what it had found before"
    pool._ordering.check()


def test_nothing_can_replace_what_it_stands_on() -> None:
    pool = pool_of(Linked())
    for data in (b"1|ab", b"1b|y"):
        pool.submit(data, NOW)
    with pytest.raises(CycleDetected):
        pool.submit(b"9y|a", NOW)
    assert pool.pending() == [b"1|ab", b"1b|y"]
    pool._ordering.check()


def test_what_was_sealed_in_another_counts_as_included() -> None:
    """Its nonce is used: who waited for it is ready, and its rival in the pool is stale."""
    chain = ToyChain()
    pool = pool_of(chain)
    pool.submit(extrinsic(1, 0), NOW)
    pool.submit(extrinsic(1, 2), NOW)
    rival = pool.submit(extrinsic(2, 0), NOW).hash
    inner, other = b"\x01" * 32, b"\x02" * 32
    effects = BlockEffects(
        1,
        (hash_of(extrinsic(1, 0)), inner, other),
        beside=((inner, nonce_tag(account(1), 1)), (other, nonce_tag(account(2), 0))),
    )
    events = pool.after_block(effects, NOW)
    assert Event(hash_of(extrinsic(1, 2)), Status.READY) in events
    assert Event(rival, Status.USURPED, other) in events
    assert pool.pending() == [extrinsic(1, 2)]
    assert pool.future_count == 0
