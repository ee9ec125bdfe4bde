"""A neuron's folder has one owner, and a key without a uid is refused before anything is done."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from assay.chain.errors import NotRegistered
from assay.chain.fake import FakeChain, FakeLedger
from assay.chain.interface import Endpoint
from assay.chain.wallet_addresses import WalletInfo
from assay.chain.wallets import create_wallet
from assay.cli.neurons import Identity, OpensSubnet, run_miner, run_validator
from assay.clock import SystemClock
from assay.errors import Refused, Unavailable, UserError
from assay.metrics import Metrics
from assay.neuron import Answer, Score, TaskContext, TaskSettings
from assay.neuron.faults import BrokenTask
from assay.neuron.reach import reach_for
from assay.neuron.run import OpenSubnet, use_subnet
from assay.types import NetUid, Rao
from assay.wire.dendrite import Dendrite
from assay.wire.errors import PeerRefused
from assay.wire.interface import Peer
from examples.reverse import Reverse, Reversed, ReverseTask
from tests.unit.subnet.neuron.worlds import key

TAO = 10**9
Starts = Callable[[Identity, Any, FakeLedger], Coroutine[Any, Any, None]]


class Noting(ReverseTask):
    """Says when it was started."""

    def __init__(self) -> None:
        self.started = asyncio.Event()

    async def start(self, context: TaskContext) -> None:
        self.started.set()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def wallet(state: Path) -> WalletInfo:
    return create_wallet(state / "wallets", "w", "default")


@pytest.fixture
async def ledger(wallet: WalletInfo) -> AsyncIterator[FakeLedger]:
    """A chain with one started subnet, at every address, that seals twenty blocks a second."""
    owner = key(200)
    funds = {owner.address: Rao(9_000 * TAO), wallet.coldkey: Rao(9_000 * TAO)}
    made = FakeLedger(SystemClock(), balances=funds, block_time_s=0.05)
    chain = FakeChain(made)
    netuid = (await chain.create_subnet(owner, key(201).address)).netuid
    await chain.start_subnet(netuid, owner)
    sealing = asyncio.create_task(made.run())
    yield made
    sealing.cancel()
    await asyncio.gather(sealing, return_exceptions=True)


def opening(ledger: FakeLedger) -> OpensSubnet:
    """Opens a subnet of ``ledger``, whatever address was given."""

    @contextlib.asynccontextmanager
    async def opened(
        network: str, netuid: int, *, state_dir: Path, metrics: Metrics
    ) -> AsyncIterator[OpenSubnet]:
        chain = FakeChain(ledger)
        reach = reach_for(network, public=await chain.is_public())
        async with use_subnet(
            chain, netuid, state_dir=state_dir, clock=SystemClock(), reach=reach, metrics=metrics
        ) as subnet:
            yield subnet

    return opened


def identity(state: Path, *, register: bool, max_price: Rao | None = None) -> Identity:
    return Identity("local", NetUid(1), "w", "default", state, None, register, max_price=max_price)


async def mine(who: Identity, task: Any, ledger: FakeLedger) -> None:
    await run_miner(
        who,
        lambda: task,
        TaskSettings(),
        bind=Endpoint("127.0.0.1", 0),
        announce=None,
        serve="registered",
        open_subnet=opening(ledger),
    )


async def validate(who: Identity, task: Any, ledger: FakeLedger) -> None:
    await run_validator(
        who,
        lambda: task,
        TaskSettings(),
        seed="s",
        round_interval_s=0.0,
        answer_deadline_s=1.0,
        bind=Endpoint("127.0.0.1", 0),
        announce=None,
        open_subnet=opening(ledger),
    )


@pytest.mark.parametrize("run", [mine, validate])
async def test_a_neurons_folder_has_one_process(
    run: Starts, state: Path, ledger: FakeLedger
) -> None:
    first, second = Noting(), Noting()
    running = asyncio.create_task(run(identity(state, register=True), first, ledger))
    await asyncio.wait(
        (running, asyncio.ensure_future(first.started.wait())),
        return_when=asyncio.FIRST_COMPLETED,
    )
    assert first.started.is_set()
    with pytest.raises(Unavailable, match="runs a neuron in") as refused:
        await run(identity(state, register=True), second, ledger)
    assert "--state-dir" in refused.value.cure
    assert not second.started.is_set()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    third = Noting()
    again = asyncio.create_task(run(identity(state, register=False), third, ledger))
    await asyncio.wait_for(third.started.wait(), 5)
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)


@pytest.mark.parametrize("run", [mine, validate])
async def test_a_key_without_a_uid_is_refused_before_anything_is_done(
    run: Starts, state: Path, ledger: FakeLedger
) -> None:
    task = Noting()
    with pytest.raises(NotRegistered):
        await run(identity(state, register=False), task, ledger)
    assert not task.started.is_set()
    assert not (state / "neurons").exists()


class Hearing(ReverseTask):
    """Keeps why the first round's calls failed, by uid."""

    def __init__(self) -> None:
        self.failures: dict[int, str] = {}
        self.judged = asyncio.Event()

    async def score(
        self, rng: random.Random, answers: Sequence[Answer[Reverse, Reversed]]
    ) -> list[Score]:
        self.failures = {answer.target.uid: answer.failure or "" for answer in answers}
        self.judged.set()
        return await super().score(rng, answers)


@pytest.mark.parametrize(
    ("network", "public", "called"),
    [
        ("local", False, {1}),
        ("ws://10.9.9.9:9944", False, {2}),
        ("ws://10.9.9.9:9944", True, set()),
        ("wss://chain.example:443", False, set()),
    ],
)
async def test_a_validator_calls_nobody_inside_its_own_networks(
    network: str,
    public: bool,
    called: set[int],
    state: Path,
    ledger: FakeLedger,
    wallet: WalletInfo,
) -> None:
    """What a chain says of a miner's address is that miner's word, and 169.254.169.254 is where
    clouds keep their secrets. Only a chain of this machine may name this machine, and only one of
    a private network others in it."""
    chain = FakeChain(ledger)
    hosts = {1: "127.0.0.1", 2: "10.255.255.1", 3: "169.254.169.254"}
    rich = {key(uid).address: Rao(9_000 * TAO) for uid in hosts}
    ledger.edit(lambda state: dataclasses.replace(state, balances={**state.balances, **rich}))
    for uid, host in hosts.items():
        miner = key(uid)
        registration = await chain.register(NetUid(1), miner, miner.address)
        assert registration.uid == uid
        await chain.serve_axon(NetUid(1), miner, Endpoint(host, 1))
    await chain.register(NetUid(1), key(200), str(wallet.hotkeys["default"]))
    ledger.money = public
    task = Hearing()
    who = dataclasses.replace(identity(state, register=False), network=network)
    running = asyncio.create_task(validate(who, task, ledger))
    await asyncio.wait(
        (running, asyncio.ensure_future(task.judged.wait())),
        return_when=asyncio.FIRST_COMPLETED,
        timeout=20,
    )
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert {uid for uid in hosts if "private network" not in task.failures[uid]} == called


@pytest.mark.parametrize("run", [mine, validate])
async def test_a_local_wallet_in_clear_buys_nothing_for_real_money(
    run: Starts, state: Path, ledger: FakeLedger, wallet: WalletInfo
) -> None:
    ledger.money = True
    task, before = Noting(), await FakeChain(ledger).balance(wallet.coldkey)
    who = dataclasses.replace(identity(state, register=True), network="finney", yes=True)
    with pytest.raises(Refused, match="lies in clear"):
        await run(who, task, ledger)
    assert await FakeChain(ledger).balance(wallet.coldkey) == before


@pytest.mark.parametrize("run", [mine, validate])
async def test_a_uid_that_costs_too_much_is_not_bought(
    run: Starts, state: Path, ledger: FakeLedger, wallet: WalletInfo
) -> None:
    chain, task = FakeChain(ledger), Noting()
    price = (await chain.subnet(1)).registration_price
    before = await chain.balance(wallet.coldkey)
    with pytest.raises(
        Refused, match=r"costs 1 TAO, more than the 0\.999999999 allowed"
    ) as refused:
        await run(identity(state, register=True, max_price=Rao(price - 1)), task, ledger)
    assert "--max-price" in refused.value.cure
    assert await chain.balance(wallet.coldkey) == before
    task = Noting()
    running = asyncio.create_task(
        run(identity(state, register=True, max_price=price), task, ledger)
    )
    await asyncio.wait_for(task.started.wait(), 5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    # Whoever has its uid pays nothing more, whatever one costs now.
    again = Noting()
    running = asyncio.create_task(
        run(identity(state, register=True, max_price=Rao(1)), again, ledger)
    )
    await asyncio.wait_for(again.started.wait(), 5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_miner_serves_members_only_and_remembers_on_disk_whom_it_answered(
    state: Path, ledger: FakeLedger
) -> None:
    chain = FakeChain(ledger)
    member, stranger = key(1), key(2)
    rich = {member.address: Rao(9_000 * TAO)}
    ledger.edit(lambda state: dataclasses.replace(state, balances={**state.balances, **rich}))
    await chain.register(NetUid(1), member, member.address)
    who = identity(state, register=True)
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        run_miner(
            who, ReverseTask, TaskSettings(), bind=Endpoint("127.0.0.1", 0), announce=None,
            serve="registered", ready=ready.set_result, open_subnet=opening(ledger),
        )
    )  # fmt: skip
    await asyncio.wait((running, ready), return_when=asyncio.FIRST_COMPLETED, timeout=20)
    (miner,) = [
        neuron.hotkey
        for neuron in (await chain.metagraph(NetUid(1))).neurons
        if neuron.hotkey not in (member.address, key(201).address)
    ]
    peer = Peer(miner, "127.0.0.1", ready.result())
    for signer, served in ((member, True), (stranger, False)):
        dendrite = Dendrite(signer)
        call = dendrite.call(peer, "reverse", Reverse(text="ab"), Reversed, deadline_s=10)
        if served:
            assert (await call).message.text == "ba"
        else:
            with pytest.raises(PeerRefused, match="not registered"):
                await call
        await dendrite.close()
    (nonces,) = who.state_dir.glob("neurons/*/1/*/nonces")
    assert nonces.read_bytes().startswith(b"assay-nonces/1 ")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class Unready(ReverseTask):
    async def start(self, context: TaskContext) -> None:
        raise RuntimeError("no GPU")


@pytest.mark.parametrize("run", [mine, validate])
async def test_nothing_is_paid_for_a_task_that_does_not_start(
    run: Starts, state: Path, ledger: FakeLedger, wallet: WalletInfo
) -> None:
    before = await FakeChain(ledger).balance(wallet.coldkey)
    with pytest.raises(BrokenTask, match=r"test_neurons.py:\d+ in start\(\): RuntimeError: no GPU"):
        await run(identity(state, register=True), Unready(), ledger)
    assert await FakeChain(ledger).balance(wallet.coldkey) == before


async def test_nothing_is_paid_where_the_port_is_taken(
    state: Path, ledger: FakeLedger, wallet: WalletInfo
) -> None:
    before = await FakeChain(ledger).balance(wallet.coldkey)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = Endpoint("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(UserError, match="Cannot listen"):
            await run_miner(
                identity(state, register=True),
                ReverseTask,
                TaskSettings(),
                bind=bind,
                announce=None,
                serve="registered",
                open_subnet=opening(ledger),
            )
    assert await FakeChain(ledger).balance(wallet.coldkey) == before
