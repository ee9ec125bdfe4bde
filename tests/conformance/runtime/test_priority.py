"""Weights come in under a flood: the real runtime says the priority, the real pool makes the room.

A chain in memory with one subnet. Funded senders fill the pool to its last place, or its last byte,
with what costs them least; then a validator and a miner do their work. What is counted is whether
the pool takes it, and in which block it is. ``tests/e2e/test_flood.py`` does the same live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final

import pytest
from bittensor_core import Keypair

from assay.localnet.backend import Backend, BuiltBlock
from assay.localnet.pool import BlockEffects, TransactionPool
from assay.localnet.pool.errors import ImmediatelyDropped
from assay.localnet.pool.limits import PoolLimits
from assay.localnet.primitives.scale import compact, encode_bytes
from scripts.bench.weights_calls import (
    account,
    add_stake,
    burned_register,
    register_network,
    serve_axon,
    set_weights,
    start_call,
)
from tests.conformance.runtime.world import address, key, machine
from tests.unit.subnet.localnet.core_chain import ALICE, BOB, open_chain, sign, step

NETUID: Final = 1
RAO: Final = 10**9
OWNER: Final = Keypair.create_from_uri("//Alice//hot")
MINER: Final = Keypair.create_from_uri("//Bob//hot")
SENDERS: Final = [Keypair.create_from_uri(f"//flood//{number}") for number in range(12)]
TIP_RAO: Final = 10 * RAO

LIMITS: Final = PoolLimits(
    ready_count=240, ready_bytes=2 * 2**20, sender_ready_count=60, future_count=24
)
"""A small pool, so that a test fills it in a moment; the proportions are the real one's."""

Flood = Callable[[Backend, Keypair, int], bytes]


def remark(size: int) -> bytes:
    return b"\x00\x00" + encode_bytes(bytes(size))


def transfer_to(receiver: Keypair, rao: int) -> bytes:
    return b"\x05\x03\x00" + account(receiver) + compact(rao)


def tipped(chain: Backend, signer: Keypair, call: bytes, nonce: int) -> bytes:
    """As ``sign``, with a tip: the extra bytes are era, nonce, tip, mode."""
    version = chain.runtime_version()
    extra = b"\x00" + compact(nonce) + compact(TIP_RAO) + b"\x00"
    implicit = version.spec_version.to_bytes(4, "little")
    implicit += version.transaction_version.to_bytes(4, "little") + chain.genesis_hash * 2 + b"\x00"
    signature = bytes(signer.sign(call + extra + implicit))
    body = b"\x84\x00" + account(signer) + b"\x01" + signature + extra + call
    return compact(len(body)) + body


FLOODS: Final[dict[str, Flood]] = {
    "transfers": lambda chain, who, n: sign(chain, who, transfer_to(BOB, RAO // 1_000), n),
    "remarks": lambda chain, who, n: sign(chain, who, remark(0), n),
    "long remarks": lambda chain, who, n: sign(chain, who, remark(64 * 1024), n),
    "transfers with tips": lambda chain, who, n: tipped(chain, who, transfer_to(BOB, 1_000), n),
}


class Chain:
    """A backend and a pool in step, as the node's service holds them."""

    def __init__(self) -> None:
        self.backend = open_chain()
        self.pool = TransactionPool(self.backend, head_number=0, limits=LIMITS)

    def nonce(self, signer: Keypair) -> int:
        answer = self.backend.call("AccountNonceApi_account_nonce", account(signer))
        return int.from_bytes(answer, "little")

    def submit(self, signer: Keypair, call: bytes, ahead: int = 0) -> bytes:
        extrinsic = sign(self.backend, signer, call, self.nonce(signer) + ahead)
        return self.pool.submit(extrinsic, 0.0).hash

    def seal(self, most: int | None = None) -> BuiltBlock:
        built = self.backend.build(
            self.backend.earliest_timestamp_ms(), self.pool.best(), max_extrinsics=most
        )
        self.pool.after_block(BlockEffects(built.block.number, built.included, built.failed), 0.0)
        return built

    def flood(self, kind: Flood) -> int:
        """Fill the pool; how many were taken. Every sender was refused once at the end."""
        taken = 0
        for sender in SENDERS:
            first = self.pool.next_nonce(account(sender), self.nonce(sender))
            for number in range(LIMITS.sender_ready_count + 1):
                try:
                    self.pool.submit(kind(self.backend, sender, first + number), 0.0)
                except ImmediatelyDropped:
                    break
                taken += 1
        return taken


@pytest.fixture
def chain() -> Iterator[Chain]:
    made = Chain()
    with closing(made.backend):
        chain = made.backend

        def do(signer: Keypair, *calls: bytes) -> None:
            first = made.nonce(signer)
            built = step(
                chain, *(sign(chain, signer, call, first + n) for n, call in enumerate(calls))
            )
            assert len(built.included) == len(calls), built.failed

        do(ALICE, register_network(OWNER), start_call(NETUID))
        do(BOB, burned_register(NETUID, MINER))
        do(ALICE, add_stake(OWNER, NETUID, 100 * RAO))
        do(ALICE, *(transfer_to(sender, 10_000 * RAO) for sender in SENDERS))
        made.pool.after_block(BlockEffects(chain.head.number, ()), 0.0)
        yield made


def full(pool: TransactionPool) -> bool:
    size_bytes = pool._ordering.ready.size_bytes
    return pool.ready_count == LIMITS.ready_count or size_bytes > LIMITS.ready_bytes - 70_000


@pytest.mark.parametrize("kind", FLOODS)
def test_weights_are_in_the_next_block_whatever_fills_the_pool(chain: Chain, kind: str) -> None:
    """They waited 370 blocks, or were refused."""
    chain.flood(FLOODS[kind])
    assert full(chain.pool)
    weights = chain.submit(OWNER, set_weights(NETUID, range(2)))
    served = chain.submit(MINER, serve_axon(8091))
    built = chain.seal(most=4)
    assert set(built.included) >= {weights, served}
    assert built.included.index(weights) < built.included.index(served), "by stake"


@pytest.mark.parametrize("kind", FLOODS)
def test_block_after_block_weights_get_in_while_the_flood_goes_on(chain: Chain, kind: str) -> None:
    for _ in range(5):
        chain.flood(FLOODS[kind])
        weights = chain.submit(OWNER, set_weights(NETUID, range(2)))
        assert weights in chain.seal(most=30).included


def test_a_key_lifts_only_its_next_few_so_it_cannot_be_the_flood(chain: Chain) -> None:
    """A validator's own nonsense takes no more room than anybody's."""
    chain.flood(FLOODS["transfers"])
    taken = 0
    for ahead in range(LIMITS.sender_ready_count):
        try:
            chain.submit(OWNER, set_weights(NETUID, range(2)), ahead)
        except ImmediatelyDropped:
            break
        taken += 1
    # Four of them by priority; the others only as far as any sender has a share of a full pool.
    others = [chain.pool._ordering.ready.count_by_sender.of(account(sender)) for sender in SENDERS]
    assert 4 <= taken <= max(others) + 1


def test_who_sees_a_registration_in_the_pool_cannot_get_ahead_of_it_by_a_tip(chain: Chain) -> None:
    """It made another the owner of the hotkey, for good, for 0.0003 TAO."""
    victim, thief = BOB, SENDERS[0]
    hotkey = key("victim//hot")
    registered = chain.submit(victim, burned_register(NETUID, hotkey))
    grab = bytes((7, 91)) + account(hotkey)  # try_associate_hotkey
    chain.pool.submit(tipped(chain.backend, thief, grab, chain.nonce(thief)), 0.0)
    assert chain.seal().included[0] == registered
    item = machine().codec.storage_key("SubtensorModule", "Owner", [address("victim//hot")])
    assert chain.backend.state().get(bytes(item)) == account(victim)


def test_equal_calls_go_in_the_order_in_which_they_came(chain: Chain) -> None:
    names = [
        chain.pool.submit(kind(chain.backend, sender, chain.nonce(sender)), 0.0).hash
        for kind, sender in zip(
            [*FLOODS.values(), *reversed(FLOODS.values())], SENDERS[:8], strict=True
        )
    ]
    assert list(chain.seal().included) == names


def test_the_sudo_key_gets_through(chain: Chain) -> None:
    chain.flood(FLOODS["remarks"])
    sudo = chain.submit(ALICE, b"\x0c\x00" + remark(1))
    assert chain.seal(most=1).included == (sudo,)
