"""kill -9 at random times under load: nothing that was announced is lost, and rewards go on.

Three promises are checked for each kill. Chain: every head that was announced as finalized has the
same hash after the restart. Validator: its averages after the restart are those of the last round
on disk, and the next round continues from them to the last bit. All: epochs and rewards go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from assay.chain.errors import WalletError
from assay.chain.wallets import open_hotkey
from assay.neuron.checkpoint import Checkpoint, CheckpointFile
from tests.e2e.runs import Run, up

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]

KILLS = 21
PAUSE_S = (1.0, 5.0)
VICTIMS = ("chain", "miner-{}", "validator-{}")
SENDERS = ("//Bob", "//Charlie", "//Dave", "//Eve")
"""Each sends one transfer after the other, to its finality: some are in the pool at every kill."""


class Heads:
    """Every finalized head that the chain announced, collected over its restarts."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.announced: dict[int, str] = {}
        self.connections = 0

    async def follow(self) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    await self._listen(session)
                await asyncio.sleep(0.05)

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(self._url) as socket:
            self.connections += 1
            await socket.send_json(
                {"jsonrpc": "2.0", "id": 1, "method": "chain_subscribeFinalizedHeads", "params": []}
            )
            async for message in socket:
                frame = json.loads(message.data)
                if "params" not in frame:
                    continue
                header = frame["params"]["result"]
                self._note(int(header["number"], 16), header_hash(header))

    def _note(self, number: int, block_hash: str) -> None:
        known = self.announced.setdefault(number, block_hash)
        assert known == block_hash, f"block {number} was {known} and is now {block_hash}"


def header_hash(header: dict[str, Any]) -> str:
    """blake2b-256 of the SCALE header (Polkadot spec, appendix A.2): a block's hash."""

    def compact(number: int) -> bytes:
        if number < 1 << 6:
            return bytes([number << 2])
        if number < 1 << 14:
            return (number << 2 | 1).to_bytes(2, "little")
        return (number << 2 | 2).to_bytes(4, "little")

    logs = [bytes.fromhex(log[2:]) for log in header["digest"]["logs"]]
    encoded = b"".join(
        [
            bytes.fromhex(header["parentHash"][2:]),
            compact(int(header["number"], 16)),
            bytes.fromhex(header["stateRoot"][2:]),
            bytes.fromhex(header["extrinsicsRoot"][2:]),
            compact(len(logs)),
            *logs,
        ]
    )
    return "0x" + hashlib.blake2b(encoded, digest_size=32).hexdigest()


async def rpc(url: str, method: str, *params: Any) -> Any:
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            url.replace("ws://", "http://"),
            json={"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)},
            timeout=aiohttp.ClientTimeout(total=10),
        ) as response,
    ):
        answer = await response.json()
    assert "error" not in answer, answer
    return answer["result"]


@contextlib.asynccontextmanager
async def background(*coroutines: Any) -> AsyncIterator[list[asyncio.Task[Any]]]:
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
    for result in done:
        if isinstance(result, Exception) and not isinstance(result, asyncio.CancelledError):
            raise result


async def load(run: Run, sender: str, landed: list[str]) -> None:
    """Transfers without end, each to its finality, over whatever restarts there are."""
    from assay.chain.connect import connect
    from assay.chain.errors import ChainRefused, ChainUnavailable
    from assay.chain.wallets import dev_signer
    from assay.types import Rao

    source, ferdie = (dev_signer(uri, chain_url=run.url) for uri in (sender, "//Ferdie"))
    chain = await connect(run.url, cache_dir=run.state_dir / "cache" / f"load{sender[2:]}")
    try:
        while True:
            try:
                await chain.transfer(source, ferdie.address, Rao(1_000_000))
                landed.append(sender)
            except (ChainUnavailable, ChainRefused):
                await asyncio.sleep(0.05)  # it was killed; it comes back
    finally:
        await chain.close()


def memory_of(run: Run, name: str) -> Checkpoint:
    try:
        hotkey = open_hotkey(run.state_dir / "wallets", name, "default").address
    except WalletError as error:  # the run has not made it yet
        raise AssertionError(str(error)) from None
    (path,) = (run.state_dir / "neurons").glob(f"*/1/{hotkey}/checkpoint.json")
    memory = CheckpointFile(path).read()
    assert memory is not None
    return memory


async def kill(run: Run, name: str) -> None:
    before = run.pids()[name]
    os.kill(before, signal.SIGKILL)
    await started_again(run, name, before)


async def started_again(run: Run, name: str, before: int) -> None:
    deadline = time.monotonic() + 30
    while run.pids().get(name, before) == before:  # none while its fork has not begun
        assert time.monotonic() < deadline, f"{name} was not started again"
        await asyncio.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether the process still has its memory: a killed one that its parent has not waited for
    has none."""
    try:
        return Path(f"/proc/{pid}/statm").read_text().split()[0] != "0"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for_its_end(pid: int) -> None:
    """A killed process is gone within milliseconds; no other is started by then."""
    deadline = time.monotonic() + 30
    while is_running(pid):
        assert time.monotonic() < deadline, f"process {pid} does not end"
        time.sleep(0.001)


async def check_validator(run: Run, name: str) -> None:
    """Kill a validator and hold its next round against what was on disk when it died."""
    pid = run.pids()[name]
    os.kill(pid, signal.SIGKILL)
    wait_for_its_end(pid)
    died_with = memory_of(run, name)  # the next one plays its first round 50 ms after its start
    await started_again(run, name, pid)
    deadline = time.monotonic() + 60
    while (now := memory_of(run, name)).round == died_with.round:
        assert time.monotonic() < deadline, f"{name} plays no more rounds"
        assert now.opinions == died_with.opinions
        await asyncio.sleep(0.01)
    assert now.round == died_with.round + 1, "the first round after the restart was missed"
    for hotkey, opinion in now.opinions.items():
        before = died_with.opinions.get(hotkey)
        if before is None or before.rounds == 0:
            continue  # nothing was remembered of it yet
        assert opinion.rounds == before.rounds + 1, (name, hotkey)
        if now.window.since == died_with.window.since:  # no weights were set in between
            assert now.window.turns == died_with.window.turns + 1
            assert opinion.value_sum == before.value_sum + opinion.score, (name, hotkey)
            assert opinion.weight_sum == before.weight_sum + 1.0


def rewards(run: Run) -> tuple[int, int]:
    """The epoch and all alpha on the subnet's hotkeys."""
    status = run.assay("status", "--netuid", "1")
    return status["epoch"], sum(neuron["alpha_stake_rao"] for neuron in status["neurons"])


async def test_twenty_kills_lose_nothing(tmp_path: Path) -> None:
    dice = random.Random(20)
    with up(tmp_path / "state", "--task", "examples/reverse.py") as run:
        run.wait(lambda: memory_of(run, "validator-1").weights_epoch, "weights are set")
        heads = Heads(run.url)
        landed: list[str] = []
        senders = [load(run, sender, landed) for sender in SENDERS]
        async with background(heads.follow(), *senders) as tasks:
            for number in range(KILLS):
                await asyncio.sleep(dice.uniform(*PAUSE_S))
                victim = VICTIMS[number % len(VICTIMS)].format(dice.randint(1, 2))
                if victim.startswith("validator"):
                    await check_validator(run, victim)
                else:
                    await kill(run, victim)
                for task in tasks:
                    assert not task.done(), task.exception()
            epoch, alpha = await asyncio.to_thread(
                run.wait, lambda: rewards(run), "the chain answers"
            )
            await asyncio.sleep(1)
        assert heads.connections > KILLS // len(VICTIMS), "the chain was not killed often enough"
        assert len(heads.announced) > 100
        assert len(landed) > KILLS, "there was no load"
        assert set(landed) == set(SENDERS)
        for block, block_hash in heads.announced.items():
            assert await rpc(run.url, "chain_getBlockHash", block) == block_hash, block
        later = await asyncio.to_thread(
            run.wait,
            lambda: now if (now := rewards(run))[0] >= epoch + 2 and now[1] > alpha else None,
            "epochs and rewards go on",
        )
        assert later[1] > alpha
        code, _ = run.stop()
        assert code == 0, run.log()
