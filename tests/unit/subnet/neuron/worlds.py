"""A subnet in one process for the neurons' tests: a fake ledger, keys, and a task to run.

Everything here is the shipped fake behind the shipped interfaces; nothing is patched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from subnet.chain.fake import FakeChain, FakeLedger
from subnet.chain.interface import Endpoint
from subnet.clock import ManualClock
from subnet.types import NetUid, Rao
from subnet.wire.keys import SeedSigner

TAO = 10**9


def key(number: int) -> SeedSigner:
    return SeedSigner(bytes([number]) * 32)


@dataclass
class World:
    clock: ManualClock
    ledger: FakeLedger
    chain: FakeChain
    netuid: NetUid
    owner: SeedSigner


async def make_world(axons: Mapping[SeedSigner, Endpoint | None]) -> World:
    """A started subnet whose owner holds uid 0 and on which these hotkeys are registered in order.

    Each hotkey is its own coldkey, and holds 100 TAO of stake, so that it gets a permit.
    """
    clock = ManualClock()
    owner = key(200)
    money = {k.address: Rao(100_000 * TAO) for k in (owner, *axons)}
    ledger = FakeLedger(clock, balances=money)
    chain = FakeChain(ledger)
    netuid = (await chain.create_subnet(owner, key(201).address)).netuid
    await chain.start_subnet(netuid, owner)
    for hotkey, endpoint in axons.items():
        await chain.register(netuid, hotkey, hotkey.address)
        await chain.add_stake(netuid, hotkey, hotkey.address, Rao(100 * TAO))
        if endpoint is not None:
            await chain.serve_axon(netuid, hotkey, endpoint)
    return World(clock, ledger, chain, netuid, owner)
