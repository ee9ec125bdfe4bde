"""A training subnet in one process: real miners over loopback, a chain whose blocks a test seals.

Miners, axons, object stores and records are the shipped ones. Two things stand in: trainers run in
threads (``local_workers``), and ``Words`` says on chain what two validators hold, as real ones do
after the phase reveal.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from assay.chain.fake import FakeChain, FakeLedger
from assay.clock import SystemClock
from assay.lab.around import Around
from assay.lab.cheats import wrap_cheat
from assay.miners.training import TrainingMiner, TrainingMinerSettings
from assay.neuron import TaskContext
from assay.neuron.record import NeuronRecord, Role
from assay.neuron.run import OpenSubnet, run_miner, use_subnet
from assay.protocol.training.peer import PeerState
from assay.protocol.training.records import STATE_BYTES, ValidatorRecord
from assay.protocol.training.schedule import Phase, Schedule
from assay.protocol.training.seal import PeerSeal
from assay.training.chain_records import ChainRecords
from assay.training.exchange import Exchange
from assay.training.follower import RunFollower
from assay.training.run_folder import RunFolder
from assay.training.run_parts import RunParts
from assay.training.trainer import Trainer
from assay.types import Rao, Ss58
from assay.wire.interface import Reach
from assay.wire.keys import SeedSigner
from tests.unit.subnet.neuron.worlds import TAO, key
from tests.unit.subnet.training.local_workers import LocalWorkers
from tests.unit.subnet.training.runs import small_run

SCHEDULE = Schedule(
    start=60, windows=30, train=4, upload=3, reveal=4, attest=4, evaluate=1, advance=1
)
WAIT_S = 60.0
"""On a machine that does much else; alone a block takes 20 ms, and a window's work 0.2 s."""


class Local(Around):
    """A miner whose trainer runs in a thread."""

    async def start(self, context: TaskContext) -> None:
        workers: Any = LocalWorkers()
        await super().start(replace(context, workers=workers))


class LocalMiner(TrainingMiner):
    """The shipped miner, and the parts of it that tests look at."""

    @property
    def open_parts(self) -> RunParts:
        assert self.parts is not None
        return self.parts

    @property
    def trainer(self) -> Trainer:
        return self.open_parts.trainer

    @property
    def exchange(self) -> Exchange:
        return self.open_parts.exchange

    @property
    def follower(self) -> RunFollower:
        return self.open_parts.follower


@dataclass
class Seat:
    """A hotkey, and the miner that runs under it now."""

    hotkey: SeedSigner
    state_dir: Path
    miner: LocalMiner | None = None
    running: asyncio.Task[None] | None = None

    @property
    def address(self) -> Ss58:
        return self.hotkey.address

    @property
    def root(self) -> bytes:
        """The newest state's hash."""
        assert self.miner is not None and self.miner.follower.newest is not None
        return self.miner.follower.newest.root


@dataclass
class Net:
    """The subnet, and what a test does with it."""

    ledger: FakeLedger
    chain: FakeChain
    subnet: OpenSubnet
    run: RunFolder
    folder: Path
    validators: Sequence[SeedSigner]
    seats: list[Seat] = field(default_factory=list)
    schedule: Schedule = SCHEDULE
    speaking: int = 2
    """How many validators say what they hold."""
    not_waited_for: Seat | None = None
    """A miner that blocks do not wait for."""

    @property
    def block(self) -> int:
        return self.ledger.head.number

    @property
    def records(self) -> ChainRecords:
        """Read anew each time: nothing is remembered."""
        return ChainRecords(self.subnet.view, self.schedule)

    async def add(
        self, number: int, *, miner: LocalMiner | None = None, run: str = "", cheat: str = ""
    ) -> Seat:
        """Register a hotkey and run a miner under it, with a cheat around it if one is named."""
        hotkey = key(number)
        await self.chain_does(self.chain.register(self.subnet.netuid, hotkey, hotkey.address))
        seat = Seat(hotkey, self.folder / f"state-{number}")
        self.seats.append(seat)
        await self.start(seat, miner=miner, run=run, cheat=cheat)
        return seat

    async def start(
        self,
        seat: Seat,
        *,
        miner: LocalMiner | None = None,
        run: str = "",
        cheat: str = "",
    ) -> None:
        """Run a miner under a seat's hotkey, in the same folder as the miner before it."""
        seat.miner = miner or LocalMiner()
        task = Local(wrap_cheat(cheat, seat.miner) if cheat else seat.miner)
        ready = asyncio.Event()
        subnet = replace(self.subnet, state_dir=seat.state_dir)
        settings = TrainingMinerSettings(run=run or str(self.run.path))
        seat.running = asyncio.create_task(
            run_miner(subnet, seat.hotkey, task, settings=settings, ready=lambda port: ready.set())
        )
        waiting = asyncio.create_task(ready.wait())
        done, _ = await asyncio.wait(
            {seat.running, waiting}, timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED
        )
        assert waiting in done, seat.running.exception() if seat.running.done() else "not ready"

    async def kill(self, seat: Seat) -> None:
        """End a miner where it stands, whatever it does."""
        assert seat.running is not None
        seat.running.cancel()
        await asyncio.gather(seat.running, return_exceptions=True)
        seat.miner = seat.running = None

    @property
    def alive(self) -> list[LocalMiner]:
        return [seat.miner for seat in self.seats if seat.miner is not None]

    # -- time

    async def chain_does(self, write: Any) -> Any:
        """Let a write of the test's own come to the chain."""
        doing = asyncio.ensure_future(write)
        while not doing.done():
            await asyncio.sleep(0)
            self.ledger.advance()
        return doing.result()

    async def quiet(self) -> None:
        """Wait until every miner has taken in the newest block and has nothing to do."""

        def is_quiet() -> bool:
            for seat in self.seats:
                if seat.running is not None and seat.running.done():
                    seat.running.result()
            return all(
                miner.peer is not None and miner.peer.block == self.block and not miner.peer.is_busy
                for miner in self.alive
                if self.not_waited_for is None or miner is not self.not_waited_for.miner
            )

        await until(is_quiet, lambda: str([(m.peer and m.peer.state) for m in self.alive]))
        for _ in range(20):
            await asyncio.sleep(0)

    async def to_block(self, number: int) -> None:
        """Seal blocks up to ``number``, each when all is quiet."""
        while self.block < number:
            await self.quiet()
            self.ledger.advance()
        await self.quiet()

    async def to_phase(self, window: int, phase: Phase) -> None:
        """Go to the first block of a phase."""
        await self.to_block(self.schedule.blocks(window, phase)[0])

    async def to_window(self, window: int) -> None:
        """Go to the beginning of ``window``, with the validators' words of all windows between."""
        while True:
            place = self.schedule.place(self.block)
            number = place.window if place.phase is not Phase.JOIN else 0
            if place.phase is not Phase.JOIN and number >= window:
                return
            if place.phase is Phase.JOIN:
                await self.to_phase(0, Phase.TRAIN)
            else:
                await self.close_window(number)

    async def close_window(self, window: int) -> None:
        """Go through ``window`` to the first block of the next one."""
        await self.to_phase(window, Phase.ATTEST)
        await self.speak(window)
        await self.to_phase(window + 1, Phase.TRAIN)

    async def speak(self, window: int) -> None:
        """The validators say what they hold, in the next block."""
        states = [m.follower.state_of(window) for m in self.alive]
        state = next(each for each in states if each is not None)
        held = frozenset(await self.records.opened(window))
        record = ValidatorRecord(window, state.root[:STATE_BYTES], held)
        await self.publish(record, self.validators[: self.speaking])

    async def publish(self, record: ValidatorRecord, validators: Sequence[SeedSigner]) -> None:
        packed = NeuronRecord(Role.VALIDATOR, record.pack()).pack()
        assert packed is not None
        writes = [
            asyncio.ensure_future(self.chain.set_commitment(self.subnet.netuid, validator, packed))
            for validator in validators
        ]
        for _ in range(5):
            await asyncio.sleep(0)
        self.ledger.advance()
        await asyncio.gather(*writes)
        await self.quiet()

    # -- what is so

    async def seal_of(self, seat: Seat, window: int) -> PeerSeal:
        """What a peer sealed in a window that is closed."""
        peer = (await self.records.peers(window)).of(seat.address)
        assert peer is not None and seat.miner is not None
        record = (await self.records.sealed(window))[peer.uid]
        return await seat.miner.exchange.seal(record.seal, (), window)

    async def counted(self, window: int) -> set[Ss58]:
        """The hotkeys of the peers that a closed window counts."""
        closing = await self.records.closing(window)
        return {each.peer.hotkey for each in closing.counted.values()}

    @property
    def states(self) -> list[PeerState]:
        return [miner.peer.state for miner in self.alive if miner.peer is not None]

    @property
    def roots(self) -> set[bytes]:
        return {seat.root for seat in self.seats if seat.miner is not None}


async def until(condition: Callable[[], bool], what: Callable[[], str]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise AssertionError(f"never quiet: {what()}")
        await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def training_net(folder: Path, miners: int, **changes: Any) -> AsyncIterator[Net]:
    """A subnet with two validators and so many miners, just before the run begins."""
    schedule = changes.pop("schedule", SCHEDULE)
    run = small_run(folder, schedule=schedule, **changes)
    owner, validators = key(200), [key(101), key(102)]
    money = {key(n).address: Rao(100_000 * TAO) for n in (*range(1, 20), 101, 102, 200)}
    ledger = FakeLedger(SystemClock(), balances=money, seal_on_write=False)
    chain = FakeChain(ledger)
    async with contextlib.AsyncExitStack() as stack:
        sealing = asyncio.create_task(_seal(ledger))
        netuid = (await chain.create_subnet(owner, key(201).address)).netuid
        await chain.start_subnet(netuid, owner)
        for stake, validator in zip((60, 50), validators, strict=True):
            await chain.register(netuid, validator, validator.address)
            await chain.add_stake(netuid, validator, validator.address, Rao(stake * TAO))
        sealing.cancel()
        subnet = await stack.enter_async_context(
            use_subnet(
                chain, netuid, state_dir=folder, clock=SystemClock(), reach=Reach.HERE_AND_PUBLIC
            )
        )
        net = Net(ledger, chain, subnet, run, folder, validators, schedule=schedule)
        stack.push_async_callback(_end, net)
        silent = ValidatorRecord(0, bytes(STATE_BYTES), frozenset())
        await net.publish(silent, validators)
        for number in range(1, miners + 1):
            await net.add(number)
        await net.to_block(schedule.start - 1)
        yield net


async def _seal(ledger: FakeLedger) -> None:
    while True:
        await asyncio.sleep(0)
        ledger.advance()


async def _end(net: Net) -> None:
    for seat in net.seats:
        if seat.running is not None:
            await net.kill(seat)
