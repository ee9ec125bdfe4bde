"""The chain client against a node that hangs, is replaced, or is only looked at."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import pytest

from assay.chain.connect import connect
from assay.chain.deadlines import Deadlines
from assay.chain.errors import ChainUnavailable, OtherChain, TooLittleBalance
from assay.chain.interface import (
    Endpoint,
)
from assay.chain.wallets import dev_signer
from assay.localnet.testing import node_process
from assay.types import Rao

DEPOSIT = 500
"""The existential deposit in rao, as the chain's runtime has it (``runtime/src/config.rs``)."""

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


async def test_a_node_that_hangs_costs_one_deadline(tmp_path: Path) -> None:
    with node_process("--in-memory", "--log-level", "WARNING") as node:
        chain = await connect(
            node.url, cache_dir=tmp_path, deadlines=Deadlines(read_s=1.0), patience_s=20
        )
        try:
            os.kill(node.pid, signal.SIGSTOP)
            began = time.monotonic()
            with pytest.raises(ChainUnavailable):
                await chain.finalized()
            assert time.monotonic() - began < 12  # the default deadline is 15 s
            os.kill(node.pid, signal.SIGCONT)
            assert (await chain.wait_for_block(1, timeout_s=20)).number >= 1
        finally:
            os.kill(node.pid, signal.SIGCONT)
            await chain.close()


async def test_a_node_that_hangs_under_its_heads(tmp_path: Path) -> None:
    with node_process("--in-memory", "--log-level", "WARNING") as node:
        chain = await connect(node.url, cache_dir=tmp_path, patience_s=20)
        seen: list[int] = []

        async def watch(count: int, *, then_hang: bool = False) -> None:
            async with contextlib.aclosing(chain.heads(silence_s=2.0)) as heads:
                async for ref in heads:
                    seen.append(ref.number)
                    if len(seen) >= count:
                        if not then_hang:
                            return
                        os.kill(node.pid, signal.SIGSTOP)

        try:
            with pytest.raises(ChainUnavailable):
                await watch(3, then_hang=True)
            os.kill(node.pid, signal.SIGCONT)
            await watch(6)
            assert seen == sorted(seen)
        finally:
            os.kill(node.pid, signal.SIGCONT)
            await chain.close()


async def test_a_node_that_hangs_under_a_transfer(tmp_path: Path) -> None:
    with node_process("--in-memory", "--block-time", "500", "--log-level", "WARNING") as node:
        chain = await connect(
            node.url,
            cache_dir=tmp_path,
            deadlines=Deadlines(read_s=10.0, write_s=2.0),
            patience_s=20,
        )
        alice = dev_signer("//Alice", chain_url=node.url)
        bob = dev_signer("//Bob//nobody", chain_url=node.url).address
        try:
            sending = asyncio.create_task(chain.transfer(alice, bob, Rao(10**9)))
            await asyncio.sleep(0.25)  # it is in the pool, or near it
            os.kill(node.pid, signal.SIGSTOP)
            began = time.monotonic()
            with pytest.raises(ChainUnavailable):
                await sending
            assert time.monotonic() - began < 9  # a read's deadline would be longer
            os.kill(node.pid, signal.SIGCONT)
            now = await chain.finalized()
            await chain.wait_for_block(now.number + 2, timeout_s=20)
            assert await chain.balance(bob) in (0, 10**9)
        finally:
            os.kill(node.pid, signal.SIGCONT)
            await chain.close()


async def test_another_chain_at_the_address_is_noticed(tmp_path: Path) -> None:
    with node_process("--in-memory", "--block-time", "250") as first:
        chain = await connect(first.url, cache_dir=tmp_path, patience_s=20)
        try:
            await chain.finalized()
            first.kill()
            again = ("--in-memory", "--port", str(first.port), "--block-time", "300")
            with node_process(*again), pytest.raises(OtherChain) as caught:
                await chain.finalized()
            assert caught.value.exit_code == 3
        finally:
            await chain.close()


async def test_a_chain_that_was_begun_anew_is_noticed_at_its_first_block(tmp_path: Path) -> None:
    """Its genesis is the same, and its heads are below the last one: that looked like silence."""
    options = ("--in-memory", "--block-time", "250", "--log-level", "WARNING")
    with node_process(*options) as first:
        chain = await connect(first.url, cache_dir=tmp_path, patience_s=20)
        try:
            async with contextlib.aclosing(chain.heads(silence_s=30.0)) as heads:
                seen = [(await anext(heads)).number for _ in range(8)]
                first.kill()
                with node_process(*options, "--port", str(first.port)) as again:
                    with pytest.raises(OtherChain, match="begun anew") as caught:
                        await anext(heads)
                    assert caught.value.reason == "BegunAnew"
                    now = await connect(again.url, cache_dir=tmp_path, patience_s=20)
                    try:
                        assert (await now.finalized()).number < seen[-1], (
                            "well before it is as long"
                        )
                    finally:
                        await now.close()
        finally:
            await chain.close()


async def test_an_empty_purse_is_named_with_what_it_lacks(tmp_path: Path) -> None:
    """The amount that is told is the least that helps, whoever signs and whatever the call is."""
    with node_process("--in-memory", "--block-time", "100", "--log-level", "WARNING") as node:
        chain = await connect(node.url, cache_dir=tmp_path, patience_s=20)
        alice, cold, hot = (
            dev_signer(name, chain_url=node.url) for name in ("//Alice", "//Cold", "//Hot")
        )

        async def fund(rao: int) -> None:
            await chain.transfer(alice, cold.address, Rao(rao))

        async def lacking(call: Callable[[], Awaitable[object]]) -> int:
            """What the refusal of ``call`` says that the coldkey has to be given, in rao."""
            with pytest.raises(TooLittleBalance) as caught:
                await call()
            refusal = caught.value
            assert f"which {cold.address} pays" in refusal.cause, "who"
            (told,) = re.findall(rf"Fund {cold.address} with at least ([0-9.]+) TAO", refusal.cure)
            return int(Decimal(told) * 10**9)

        try:
            created = await chain.create_subnet(alice, alice.address)
            await fund(10 * 10**9)
            await chain.register(created.netuid, cold, hot.address)
            fee = (await chain.transfer(cold, alice.address, Rao(10**9))).fee
            left = await chain.balance(cold.address)
            # A longer number costs some rao more.
            await chain.transfer(cold, alice.address, Rao(left - fee - DEPOSIT - 100))
            assert await chain.balance(cold.address) < 2 * DEPOSIT

            async def commit() -> object:
                return await chain.set_commitment(created.netuid, hot, b"root")

            async def serve() -> object:
                return await chain.serve_axon(created.netuid, hot, Endpoint("127.0.0.1", 20_001))

            async def pay() -> object:
                return await chain.transfer(cold, alice.address, Rao(1))

            for call in (commit, serve):
                missing = await lacking(call)
                await fund(missing - 1)
                assert await lacking(call) == 1
                await fund(1)
                await call()
                assert await chain.balance(cold.address) < 2 * DEPOSIT
            assert await lacking(pay) > 0
        finally:
            await chain.close()


LOOK = """
import asyncio, sys
from pathlib import Path
from assay.chain.connect import connect

async def main() -> None:
    chain = await connect(sys.argv[1], cache_dir=Path(sys.argv[2]), patience_s=20)
    await chain.subnets()
    await chain.balance("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")
    await chain.close()

asyncio.run(main())
"""


def test_a_client_writes_to_its_cache_folder_alone(tmp_path: Path) -> None:
    home, cache = tmp_path / "home", tmp_path / "cache"
    home.mkdir()
    with node_process("--in-memory", "--log-level", "WARNING") as node:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", LOOK, node.url, str(cache)],
            env=os.environ | {"HOME": str(home)},
            capture_output=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == b""
    assert list(home.rglob("*")) == []
    assert [path.suffix for path in cache.rglob("*") if path.is_file()] == [".bin"]
