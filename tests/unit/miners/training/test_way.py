"""A miner's states on the way: who gets them, when, and at what cost for the miner."""

from __future__ import annotations

from pathlib import Path

from assay.miners.training import way
from assay.miners.training.way import WayStates
from assay.protocol.training.asking import WhichStep
from assay.protocol.training.manifest import AuditTerms
from assay.protocol.training.schedule import Phase
from assay.training.state import array_root
from assay.training.stored import parse_step
from tests.unit.miners.training.net import LocalMiner, Net, training_net
from tests.unit.subnet.training.runs import INNER, small_network


def way_of(net: Net) -> WayStates:
    miner = net.seats[0].miner
    assert miner is not None and miner._way is not None
    return miner._way


async def held(net: Net, window: int, step: int) -> bytes | None:
    return (await way_of(net).which(WhichStep(window=window, step=step))).root


async def test_states_are_computed_when_asked_after_the_keys_and_so_often_as_a_dispute_needs(
    tmp_path: Path,
) -> None:
    async with training_net(tmp_path, 1) as net:
        await net.to_phase(0, Phase.REVEAL)
        assert await held(net, 0, 2) is None, "it would show the message before the key is due"
        await net.to_phase(0, Phase.ATTEST)
        seal = await net.seal_of(net.seats[0], 0)
        miner = net.seats[0].miner
        assert isinstance(miner, LocalMiner)
        for step, named in zip(INNER.boundary_steps, seal.boundaries, strict=True):
            root = await held(net, 0, step)
            assert root is not None
            into = tmp_path / "got"
            await miner.exchange.step_state(root, (), 0, into)
            state = parse_step(into.read_bytes(), small_network().shape)
            assert (state.step, array_root("model", state.model)) == (step, named)
        assert await held(net, 0, INNER.steps + 1) is None
        assert await held(net, 1, 1) is None, "that window is not over"
        async with way_of(net).computing(1):
            assert await held(net, 0, 2) is not None, "it is here"
            assert await held(net, 0, 3) is None, "its own window comes first"
        for step in (6, 5, 3):
            assert await held(net, 0, step) is not None
        assert way_of(net)._taken[0] == 4 + 2 + 1 + 1
        way_of(net)._taken[0] = round(way.WINDOWS_COMPUTED * INNER.steps)
        assert await held(net, 0, 1) is None, "it has done enough for this window"


async def test_where_bits_vary_the_states_are_kept_for_as_long_as_a_window_may_be_disputed(
    tmp_path: Path,
) -> None:
    audit = AuditTerms(share=0.5, distance=1e-3)
    async with training_net(tmp_path, 1, audit=audit) as net:
        await net.close_window(0)
        folder = way_of(net)._folder
        assert sorted(path.name for path in (folder / "0").iterdir()) == ["2", "4"]
        assert await held(net, 0, 4) is not None
        assert not way_of(net)._taken, "nothing was computed for it"
        for window in range(1, 5):
            await net.close_window(window)
        kept = sorted(int(path.name) for path in folder.iterdir())
        assert 0 not in kept
        assert len(kept) <= 3
        assert await held(net, 0, 4) is None
        miner = net.seats[0].miner
        assert isinstance(miner, LocalMiner)
        small = WayStates(miner.open_parts, net.subnet.view, net.seats[0].address, bytes_max=1_000)
        async with small.computing(9) as into:
            assert into is None, "they do not fit"
