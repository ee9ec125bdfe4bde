"""Rows that a client seals by their hash, opened by the committed runtime."""

from __future__ import annotations

import pytest

from assay.chain.sealing import SealedRow, seal
from assay.types import Ss58, U16Weight, Uid
from tests.conformance.runtime.subnet import coldkey, hotkey, lay_stake, lay_subnet
from tests.conformance.runtime.world import NETUID, World, address

VALIDATOR = hotkey(0)
SALT = [7] * 8


def _world(size: int) -> World:
    """A subnet under commit-reveal, in its epoch 4, whose uid 0 may set weights."""
    world = World()
    lay_subnet(world, size)
    lay_stake(world, 0, 10**12)
    world.set("TotalAlphaStaked", NETUID, to=10**12)
    world.set("ValidatorPermit", NETUID, to=[uid == 0 for uid in range(size)])
    world.set("LastUpdate", NETUID, to=[0] * size)
    world.set("CommitRevealWeightsEnabled", NETUID, to=True)
    world.set("WeightsSetRateLimit", NETUID, to=0)
    world.set("MinAllowedWeights", NETUID, to=1)
    world.set("Tempo", NETUID, to=50_000)
    world.set("LastEpochBlock", NETUID, to=100)
    world.set("SubnetEpochIndex", NETUID, to=4)
    world.fund(VALIDATOR, coldkey(0))
    world.begin_block(100)
    return world


def _reveal(world: World, sealed: SealedRow) -> str | None:
    arguments = {
        "netuid": NETUID,
        "uids": [uid for uid, _ in sealed.row],
        "values": [value for _, value in sealed.row],
        "salt": list(sealed.salt),
        "version_key": sealed.version_key,
    }
    return world.submit(VALIDATOR, "reveal_weights", arguments)


@pytest.mark.parametrize("entries", [1, 63, 64, 200])
def test_the_runtime_opens_what_was_sealed_with_our_hash(entries: int) -> None:
    world = _world(entries + 1)
    row = [(Uid(uid), U16Weight(65_535 - uid)) for uid in range(1, entries + 1)]
    row[0] = (Uid(1), U16Weight(65_535))
    sealed = seal(Ss58(address(VALIDATOR)), NETUID, row, 9, SALT)
    commit = {"netuid": NETUID, "commit_hash": sealed.hash}
    assert world.submit(VALIDATOR, "commit_weights", commit) is None
    ((hash_, epoch, block, _),) = world.get("WeightCommits", NETUID, address(VALIDATOR))
    assert (hash_, epoch, block) == (sealed.hash, 4, 100)
    assert _reveal(world, sealed) == "RevealTooEarly"
    world.set("SubnetEpochIndex", NETUID, to=5)
    assert _reveal(world, sealed) is None
    assert [tuple(pair) for pair in world.get("Weights", NETUID, 0)] == row
