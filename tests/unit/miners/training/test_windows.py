"""Miners that train one run together, through the chain and each other's objects."""

from __future__ import annotations

from pathlib import Path

from tests.unit.miners.training.net import training_net

PEERS = 4


async def test_four_peers_hold_one_state_after_six_windows(tmp_path: Path) -> None:
    async with training_net(tmp_path, PEERS) as net:
        for window in range(6):
            await net.to_window(window + 1)
            assert len(net.roots) == 1
            closing = await net.records.closing(window)
            assert len(closing.counted) == PEERS, window
