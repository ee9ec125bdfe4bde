"""A running neuron's events: what took effect on its chain, told once, as the page lists them."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import random
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from assay.chain.errors import ChainUnavailable
from assay.chain.fake import FakeChain, FakeLedger
from assay.chain.follow import Follower
from assay.chain.interface import BlockRef, Endpoint, Moment, WeightsSet
from assay.chain.wallets import create_wallet
from assay.cli import output
from assay.cli.events import Event, events_between, telling
from assay.cli.neurons import run_miner, run_validator
from assay.clock import ManualClock, SystemClock
from assay.neuron.task import TaskSettings
from assay.types import BlockNumber, NetUid, Rao, Uid
from examples.reverse import ReverseTask
from tests.tidy.sources import ROOT
from tests.unit.subnet.cli.test_neurons import identity, opening
from tests.unit.subnet.neuron.worlds import key

TAO = 10**9
OWNER, OWN = key(200), key(7)
PAGE = ROOT / "docs" / "events.md"


@pytest.fixture
async def ledger() -> FakeLedger:
    funds: dict[str, int] = {OWNER.address: 9_000 * TAO, OWN.address: 9_000 * TAO}
    made = FakeLedger(ManualClock(), balances=funds)
    chain = FakeChain(made)
    await chain.create_subnet(OWNER, key(201).address)
    await chain.start_subnet(1, OWNER)
    return made


def documented() -> dict[str, set[str]]:
    """By event: the names of its fields, out of the page's table."""
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", PAGE.read_text(encoding="utf-8"), re.M)
    return {name: set(re.findall(r"`([a-z_]+)`", fields)) for name, fields in rows}


def names(events: list[Event]) -> list[str]:
    return [str(event["event"]) for event in events]


async def test_what_happens_to_a_hotkey_is_told_once_and_as_the_page_says(
    ledger: FakeLedger,
) -> None:
    chain, seen = FakeChain(ledger), list[Event]()
    last: Moment | None = None

    async def told() -> list[str]:
        nonlocal last
        moment = await chain.moment(1)
        fresh = list(events_between(last, moment, OWN.address))
        last = moment
        seen.extend(fresh)
        return names(fresh)

    assert await told() == []
    await chain.register(1, OWN, OWN.address)
    assert await told() == ["registered"]
    assert await told() == []
    await chain.serve_axon(1, OWN, Endpoint("127.0.0.1", 4000))
    assert await told() == ["axon"]
    ledger.advance(20)
    assert await told() == ["epoch"]
    await chain.add_stake(1, OWN, OWN.address, Rao(1_000 * TAO))
    ledger.advance(20)
    assert await told() == ["epoch"]
    assert isinstance(await chain.set_weights(1, OWN, {Uid(0): 1.0}), WeightsSet)
    assert await told() == ["weights"]
    assert last is not None
    gone = dataclasses.replace(
        last, metagraph=dataclasses.replace(last.metagraph, neurons=last.metagraph.neurons[:1])
    )
    seen += list(events_between(last, gone, OWN.address))
    # Out and in again between two looks: the uid was bought anew, and nothing was lost unseen.
    again = list(events_between(elsewhere(last), last, OWN.address))
    assert names(again)[0] == "registered"
    page = documented()
    assert {*page} == {*names(seen), "ready"}
    for event in seen:
        assert {*event} == {"event", "netuid", "block"} | page[str(event["event"])]
        json.dumps(event)


def elsewhere(moment: Moment) -> Moment:
    """The same moment, had the hotkey been registered at another block."""
    neurons = tuple(
        dataclasses.replace(each, block_at_registration=BlockNumber(10**6))
        for each in moment.metagraph.neurons
    )
    return dataclasses.replace(
        moment, metagraph=dataclasses.replace(moment.metagraph, neurons=neurons)
    )


async def test_what_holds_at_the_start_is_told(ledger: FakeLedger) -> None:
    chain = FakeChain(ledger)
    await chain.register(1, OWN, OWN.address)
    await chain.serve_axon(1, OWN, Endpoint("::1", 4000))
    events = list(events_between(None, await chain.moment(1), OWN.address))
    assert names(events) == ["registered", "axon", "epoch"]
    assert events[1]["address"] == "[::1]:4000"


async def test_a_reader_that_left_ends_the_neuron(ledger: FakeLedger) -> None:
    await FakeChain(ledger).register(1, OWN, OWN.address)
    stop = asyncio.Event()

    def leave(_: Event) -> None:
        raise output.NobodyReads("stdout is closed")

    async with Follower(
        FakeChain(ledger), NetUid(1), clock=ManualClock(), rng=random.Random(1)
    ) as view:
        with pytest.raises(output.NobodyReads):
            async with telling(view, OWN.address, leave, stop):
                await asyncio.wait_for(stop.wait(), 5)


class Silent:
    """A view that has been silent once, then goes on."""

    def __init__(self, moment: Moment) -> None:
        self._moment, self.turns = moment, 0

    def now(self) -> Moment:
        return self._moment

    async def blocks(self) -> AsyncIterator[Moment]:
        self.turns += 1
        if self.turns == 1:
            raise ChainUnavailable("The chain is silent.", "Wait.")
        yield self._moment
        await asyncio.Event().wait()

    async def block_hash(self, number: int) -> bytes:
        raise NotImplementedError

    async def read(self, item: str, *keys: object, at: BlockRef | None = None) -> object:
        raise NotImplementedError


async def test_an_outage_ends_no_neuron(ledger: FakeLedger) -> None:
    await FakeChain(ledger).register(1, OWN, OWN.address)
    stop, came = asyncio.Event(), asyncio.Event()
    view = Silent(await FakeChain(ledger).moment(1))
    async with telling(view, OWN.address, lambda _: came.set(), stop):
        await asyncio.wait_for(came.wait(), 5)
    assert view.turns == 2


@pytest.mark.parametrize("kind", ["miner", "validator"])
async def test_both_kinds_of_neuron_tell_their_events(kind: str, tmp_path: Path) -> None:
    wallet = create_wallet(tmp_path / "wallets", "w")
    funds: dict[str, int] = {OWNER.address: 9_000 * TAO, wallet.coldkey: 9_000 * TAO}
    made = FakeLedger(SystemClock(), balances=funds, block_time_s=0.05)
    await FakeChain(made).create_subnet(OWNER, key(201).address)
    sealing = asyncio.create_task(made.run())
    seen: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
    common: dict[str, Any] = {
        "bind": Endpoint("127.0.0.1", 0), "announce": None, "tell": seen.put_nowait,
        "ready": lambda port: seen.put_nowait({"event": "ready", "port": port}),
        "open_subnet": opening(made),
    }  # fmt: skip
    who = identity(tmp_path, register=True)
    running = asyncio.create_task(
        run_miner(who, ReverseTask, TaskSettings(), serve="registered", **common)
        if kind == "miner"
        else run_validator(
            who,
            ReverseTask,
            TaskSettings(),
            seed="s",
            round_interval_s=0.0,
            answer_deadline_s=1.0,
            **common,
        )
    )
    wanted = {"ready", "registered", "epoch"} | ({"axon"} if kind == "miner" else set())
    async with asyncio.timeout(20):
        while wanted:
            wanted.discard((await seen.get())["event"])
    for task in (running, sealing):
        task.cancel()
    await asyncio.gather(running, sealing, return_exceptions=True)
