"""The pool under random submissions and blocks: its invariants hold, nothing is lost.

The model is the chain itself: whatever the pool does, each account's transactions enter in order of
their nonces, each nonce once, and everything that could be included at the end is.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.localnet.errors import TransactionRefused
from assay.localnet.pool import BlockEffects, TransactionPool
from assay.localnet.pool.errors import PoolRefused
from assay.localnet.pool.limits import PoolLimits
from assay.localnet.pool.ordering import Entry, Ordering
from tests.unit.subnet.localnet.toy_chain import Kind, ToyChain, account, extrinsic

ACCOUNTS = 3
submissions = st.tuples(
    st.integers(0, ACCOUNTS - 1),
    st.integers(0, 6),
    st.integers(0, 3),
    st.sampled_from([Kind.GOOD, Kind.GOOD, Kind.FAILS_IN_BLOCK, Kind.TOO_BIG, Kind.POOR]),
)
steps = st.lists(st.one_of(submissions, st.just("block")), max_size=60)


def seal(pool: TransactionPool, chain: ToyChain) -> None:
    tried = list(pool.best())
    assert len(tried) == len(set(tried)) == pool.ready_count
    built = chain.build(chain.earliest_timestamp_ms(), iter(tried))
    pool.after_block(BlockEffects(built.block.number, built.included, built.failed), 0.0)
    followers = {data[1:33] for name, data in tried if name in dict(built.failed)}
    assert not any(data[1:33] in followers for data in pool.pending())


@given(steps=steps, small=st.booleans())
@settings(max_examples=150, deadline=None)
def test_invariants_hold_and_every_account_goes_in_order(
    steps: list[tuple[int, int, int, Kind] | str], small: bool
) -> None:
    chain = ToyChain()
    limits = PoolLimits(ready_count=4, future_count=3) if small else PoolLimits()
    pool = TransactionPool(chain, head_number=0, limits=limits)
    for step in steps:
        if isinstance(step, str):
            seal(pool, chain)
        else:
            who, nonce, priority, kind = step
            with suppress(PoolRefused, TransactionRefused):
                pool.submit(extrinsic(who, nonce, priority=priority, kind=kind), 0.0)
        pool._ordering.check()
        assert pool.ready_count <= limits.ready_count
        assert pool.future_count <= limits.future_count
    seal(pool, chain)
    seal(pool, chain)
    for who in range(ACCOUNTS):
        taken = [
            int.from_bytes(data[33:37], "little")
            for block in chain.blocks
            for data in block.extrinsics
            if data[1:33] == account(who)
        ]
        assert taken == list(range(len(taken)))
    assert not any(data[45] == Kind.GOOD and _next(chain, data) for data in pool.pending())


def _next(chain: ToyChain, data: bytes) -> bool:
    return chain.nonces.get(data[1:33], 0) == int.from_bytes(data[33:37], "little")


TAGS = st.sets(st.sampled_from([b"a", b"b", b"c", b"d", b"e"]), max_size=3)
moves = st.one_of(
    st.tuples(st.just("insert"), st.tuples(TAGS, TAGS.filter(bool), st.integers(0, 3))),
    st.tuples(st.just("include"), st.integers(0, 9)),
    st.tuples(st.just("remove"), st.integers(0, 9)),
)


@given(steps=st.lists(moves, max_size=40))
@settings(max_examples=300, deadline=None)
def test_the_graph_of_tags_holds_together_however_they_are_knotted(
    steps: list[tuple[str, Any]],
) -> None:
    """More tags than FRAME gives: chains, forks, joins, rivals that carry a part of the branch."""
    ordering = Ordering()
    for number, (what, how) in enumerate(steps):
        if what == "insert":
            requires, provides, priority = how
            entry = Entry(
                number.to_bytes(2, "big"),
                b"x",
                priority,
                frozenset(requires),
                tuple(provides),
                9,
                0,
            )
            if not requires & provides:
                with suppress(PoolRefused):
                    ordering.insert(entry)
        elif what == "include":
            for entry in islice(ordering.best(), how):
                ordering.remove_included(entry)
                for rival in ordering.rivals(entry.provides):
                    ordering.remove([rival] if rival.hash in ordering else [])
                ordering.satisfy(entry.provides)
        elif entries := list(ordering):
            chosen = entries[how % len(entries)]
            left = ordering.remove([chosen])
            assert left[0] is chosen
            assert not any(other.hash in ordering for other in left)
        ordering.check()
        assert sum(1 for _ in ordering.best()) == len(ordering.ready.entries)
