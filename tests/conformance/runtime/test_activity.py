"""A validator that stops: what it still earns, epoch by epoch, in the runtime and in the oracle."""

from __future__ import annotations

from assay.scoring.reference.epoch import Epoch, EpochNeuron, EpochRules, run
from tests.conformance.runtime.subnet import Stored, lay_epoch, read_epoch
from tests.conformance.runtime.world import NETUID, World, address

TEMPO = 20
VALIDATORS, MINERS = 3, 3
EPOCHS_LOCAL = 5
"""Epochs of silence after which a validator of a local chain is inactive."""
TOTAL = 10**12
FIRST, STOPPED = 1_000, 995
"""The first epoch's block, and the one in which the sleeper set weights for the last time."""


def _cutoff_of_a_new_subnet() -> int:
    """The activity cut-off in blocks that the local preset gives a subnet of this tempo."""
    world = World()
    world.fund("founder hot", "founder")
    world.begin_block(10)
    assert world.submit("founder", "register_network", {"hotkey": address("founder hot")}) is None
    assert world.get("Tempo", NETUID) == TEMPO
    factor: int = world.get("ActivityCutoffFactorMilli", NETUID)
    return factor * TEMPO // 1000


def test_a_local_subnet_waits_a_few_epochs_for_a_validator() -> None:
    assert _cutoff_of_a_new_subnet() == EPOCHS_LOCAL * TEMPO


def test_a_validator_that_sleeps_earns_nothing_after_the_cutoff() -> None:
    """Both others go on, each once an epoch; weights, and so the bonds, stay what they were."""
    rules = EpochRules(activity_cutoff=_cutoff_of_a_new_subnet(), yuma3=True)
    row = [(VALIDATORS + miner, 65_535) for miner in range(MINERS)]
    bonds: dict[int, list[tuple[int, int]]] = {}
    dividends = []
    for epoch in range(EPOCHS_LOCAL + 3):
        block = FIRST + epoch * TEMPO
        updated = [STOPPED, block - 5, block - 5]
        given = Epoch(
            block=block,
            neurons=[
                *(EpochNeuron(10**12, last_update=at, registered=1, permit=True) for at in updated),
                *[EpochNeuron(0, registered=1)] * MINERS,
            ],
            weights=dict.fromkeys(range(VALIDATORS), row),
            bonds=bonds,
            emission=TOTAL,
            tempo=TEMPO,
            last_step=block - TEMPO,
        )
        world = World()
        lay_epoch(world, given, rules)
        world.begin_block(block)
        found = read_epoch(world, VALIDATORS + MINERS)
        assert found == Stored.of(run(given, rules))
        assert found.active[0] == (block <= STOPPED + rules.activity_cutoff)
        assert found.active[1]
        bonds = found.bonds
        dividends.append(found.dividends[0])
    assert all(each == dividends[0] > 0 for each in dividends[:EPOCHS_LOCAL])
    assert dividends[EPOCHS_LOCAL:] == [0, 0, 0]
