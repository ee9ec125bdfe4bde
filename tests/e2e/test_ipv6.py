"""A whole subnet over IPv6: the chain's RPC, the address on chain, axon and dendrite."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from pathlib import Path

import pytest

from assay import Endpoint, open_hotkey, open_subnet, run_miner, run_validator
from assay.chain.connect import connect
from assay.localnet.testing import node_process
from examples.reverse import ReverseTask
from tests.e2e.test_embedding import stand_up
from tests.support.waiting import soon

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

HERE = "::1"


async def test_a_miner_at_an_ipv6_address_is_found_asked_and_paid(tmp_path: Path) -> None:
    with node_process("--in-memory", "--block-time", "250", "--rpc-address", HERE) as node:
        assert node.url.startswith(f"ws://[{HERE}]:")
        async with contextlib.AsyncExitStack() as stack:
            chain = await connect(node.url, cache_dir=tmp_path / "cache", patience_s=30.0)
            stack.push_async_callback(chain.close)
            netuid, miner, _ = await stand_up(chain, node.url, tmp_path)
            subnet = await stack.enter_async_context(
                open_subnet(node.url, netuid, state_dir=tmp_path / "state")
            )
            port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            running = asyncio.gather(
                run_miner(
                    subnet, open_hotkey(tmp_path, "miner"), ReverseTask(),
                    bind=Endpoint(HERE, 0), ready=port.set_result,
                ),
                run_validator(subnet, open_hotkey(tmp_path, "judge"), ReverseTask()),
            )  # fmt: skip
            stack.callback(running.cancel)

            async def paid() -> bool:
                if running.done():
                    await running
                row = (await chain.metagraph(netuid)).by_hotkey(str(miner.hotkeys["default"]))
                assert row is not None
                return row.emission > 0

            await soon(paid, "the miner earns", 60.0)
            row = (await chain.metagraph(netuid)).by_hotkey(str(miner.hotkeys["default"]))
            assert row is not None
            assert row.axon == Endpoint(HERE, await port)
            assert ipaddress.ip_address(row.axon.host).version == 6
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
