"""The page on embedding, run: a miner and a validator in one process, from Python, that earn."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path
from typing import Any

import pytest

from assay.chain.connect import connect
from assay.chain.interface import Chain
from assay.chain.wallet_addresses import WalletInfo
from assay.chain.wallets import create_wallet, dev_signer
from assay.clock import SystemClock
from assay.localnet.testing import node_process
from assay.types import RAO_PER_TAO, Rao

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
(CODE,) = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)

pytestmark = pytest.mark.e2e


def test_the_program_is_ten_lines() -> None:
    assert len([line for line in CODE.splitlines() if line.strip()]) <= 10


async def stand_up(chain: Chain, url: str, wallets: Path) -> tuple[int, WalletInfo, WalletInfo]:
    """A started subnet with a miner's and a staked validator's hotkey registered."""
    alice = dev_signer("//Alice", chain_url=url)
    owner = create_wallet(wallets, "owner", "default")
    netuid = (await chain.create_subnet(alice, str(owner.hotkeys["default"]))).netuid
    await chain.start_subnet(netuid, alice)
    found = []
    for name in ("miner", "judge"):
        wallet = create_wallet(wallets, name, "default")
        hotkey = str(wallet.hotkeys["default"])
        await chain.register(netuid, alice, hotkey)
        if name == "judge":
            await chain.add_stake(netuid, alice, hotkey, Rao(1_000 * RAO_PER_TAO))
        found.append(wallet)
    return netuid, found[0], found[1]


async def test_the_program_of_the_page_earns(tmp_path: Path) -> None:
    with node_process("--in-memory", "--block-time", "250") as node:
        chain = await connect(
            node.url, cache_dir=tmp_path / "cache", clock=SystemClock(), patience_s=30.0
        )
        wallets = tmp_path / "wallets"
        netuid, miner, judge = await stand_up(chain, node.url, wallets)
        program: dict[str, Any] = {}
        exec(CODE, program)
        running = asyncio.create_task(
            program["main"](node.url, netuid, wallets, tmp_path / "state")
        )
        async with asyncio.timeout(60):
            while True:
                if running.done():
                    await running
                paid = (await chain.metagraph(netuid)).by_hotkey(str(miner.hotkeys["default"]))
                assert paid is not None
                if paid.emission > 0:
                    break
                await asyncio.sleep(0.2)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        row = await chain.weights(netuid)
        assert row, "the validator's weights stand"
        await chain.close()
    assert judge.hotkeys["default"] in {
        folder.name for folder in (tmp_path / "state" / "neurons").glob("*/*/*")
    }
