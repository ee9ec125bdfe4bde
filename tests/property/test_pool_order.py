"""The pool under random submissions and blocks: its invariants hold, nothing is lost.

The model is the chain itself: whatever the pool does, each account's transactions enter in order of
their nonces, each nonce once, and everything that could be included at the end is.
"""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.localnet.errors import TransactionRefused
from assay.localnet.pool import BlockEffects, Pool
from assay.localnet.pool.errors import PoolRefused
from assay.localnet.pool.limits import PoolLimits
from tests.unit.subnet.localnet.toy_chain import Kind, ToyChain, account, extrinsic

ACCOUNTS = 3
submissions = st.tuples(
    st.integers(0, ACCOUNTS - 1),
    st.integers(0, 6),
    st.integers(0, 3),
    st.sampled_from([Kind.GOOD, Kind.GOOD, Kind.FAILS_IN_BLOCK, Kind.TOO_BIG, Kind.POOR]),
)
steps = st.lists(st.one_of(submissions, st.just("block")), max_size=60)


def seal(pool: Pool, chain: ToyChain) -> None:
    tried = list(pool.best())
    assert len(tried) == len(set(tried)) == pool.ready_count
    built = chain.build(chain.earliest_timestamp_ms(), iter(tried))
    pool.after_block(BlockEffects(built.block.number, built.included, built.failed), 0.0)


@given(steps=steps, small=st.booleans())
@settings(max_examples=150, deadline=None)
def test_invariants_hold_and_every_account_goes_in_order(
    steps: list[tuple[int, int, int, Kind] | str], small: bool
) -> None:
    chain = ToyChain()
    limits = PoolLimits(ready_count=4, future_count=3) if small else PoolLimits()
    pool = Pool(chain, head_number=0, limits=limits)
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
    assert not any(data[45] == Kind.GOOD and _next(chain, data) for data in pool.best())


def _next(chain: ToyChain, data: bytes) -> bool:
    return chain.nonces.get(data[1:33], 0) == int.from_bytes(data[33:37], "little")
