"""The beacon as a process: its pulses reach a node over the RPC, and only where they belong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from assay.clock import ManualClock
from assay.errors import UserError
from assay.localnet.beacon import remote
from assay.localnet.beacon.pulse import LAST_ROUND_KEY, QUICKNET, Pulse, number_of
from assay.localnet.beacon.remote import RemoteBeacon, SigningPulses
from assay.localnet.beacon.schedule import IDLE_ROUNDS
from assay.localnet.node import Node
from assay.localnet.rpc_client import NodeGone, RpcClient
from assay.localnet.sealing import SealingMode
from assay.localnet.testing import running_node


@asynccontextmanager
async def node_and_client(
    clock: ManualClock, preset: str = "local"
) -> AsyncIterator[tuple[Node, RpcClient]]:
    async with running_node(sealing=SealingMode.MANUAL, clock=clock, preset=preset) as node:
        rpc = RpcClient(node.url, "The node", "--chain")
        node.service.seal()
        try:
            yield node, rpc
        finally:
            await rpc.close()


def last_round(node: Node) -> int:
    return number_of(node.backend.state().get(LAST_ROUND_KEY))


async def test_its_pulses_come_into_blocks_a_minute_apart() -> None:
    clock = ManualClock()
    async with node_and_client(clock) as (node, rpc):
        source = SigningPulses(rpc)
        beacon = RemoteBeacon(rpc, source, clock)
        config = await beacon.config()
        await source.check(config)
        assert await beacon.bring() == 1
        node.service.seal()
        first = last_round(node)
        assert first == await beacon.last_round()
        assert first == config.round_at(clock.now_ns() // 10**6)
        assert await beacon.bring() == 0
        clock.advance(3 * IDLE_ROUNDS)
        node.service.seal()
        assert await beacon.bring() == 1
        node.service.seal()
        assert last_round(node) == first + IDLE_ROUNDS


class Wrong:
    """A source whose signatures are none, ``ahead`` rounds late."""

    def __init__(self, ahead: int = 0) -> None:
        self._ahead = ahead

    async def pulse(self, number: int) -> Pulse | None:
        return Pulse(number + self._ahead, bytes(48))

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("ahead", [0, 1])
async def test_what_the_chain_does_not_take_is_not_counted(ahead: int) -> None:
    clock = ManualClock()
    async with node_and_client(clock) as (node, rpc):
        assert await RemoteBeacon(rpc, Wrong(ahead), clock).bring() == 0
        node.service.seal()
        assert last_round(node) == 0


class Gap:
    """A source that has nothing before one round."""

    def __init__(self, signing: SigningPulses, first: int) -> None:
        self._signing, self._first = signing, first

    async def pulse(self, number: int) -> Pulse | None:
        return await self._signing.pulse(max(number, self._first))

    async def close(self) -> None:
        pass


async def test_the_pulse_after_a_gap_is_brought_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    async with node_and_client(clock) as (node, rpc):
        beacon = RemoteBeacon(rpc, SigningPulses(rpc), clock)
        current = (await beacon.config()).round_at(clock.now_ns() // 10**6)
        due = range(current - 3, current + 1)
        monkeypatch.setattr(remote, "due_rounds", lambda *_, **__: due)
        assert await RemoteBeacon(rpc, Gap(SigningPulses(rpc), current), clock).bring() == 1
        node.service.seal()
        assert last_round(node) == current


async def test_the_development_key_is_nothing_to_a_chain_that_follows_quicknet() -> None:
    clock = ManualClock()
    async with node_and_client(clock, "upstream") as (_, rpc):
        beacon = RemoteBeacon(rpc, SigningPulses(rpc), clock)
        assert await beacon.config() == QUICKNET
        with pytest.raises(UserError, match="quicknet"):
            await SigningPulses(rpc).check(QUICKNET)


@pytest.mark.parametrize("number", ["-0x1", hex(2**32), "no number"])
async def test_a_number_that_no_block_has_is_no_nodes(
    number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    async with node_and_client(clock) as (_, rpc):
        truth = rpc.ask

        async def ask(method: str, *params: object) -> object:
            return (
                {"number": number} if method == "chain_getHeader" else await truth(method, *params)
            )

        monkeypatch.setattr(rpc, "ask", ask)
        with pytest.raises(NodeGone, match="as no Substrate node does"):
            await RemoteBeacon(rpc, SigningPulses(rpc), clock).bring()


async def test_a_node_that_is_away_is_told_of() -> None:
    rpc = RpcClient("ws://127.0.0.1:9", "The node", "--chain")
    with pytest.raises(NodeGone, match="The node does not answer"):
        await RemoteBeacon(rpc, SigningPulses(rpc), ManualClock()).bring()
    await rpc.close()
