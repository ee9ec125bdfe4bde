"""A training subnet in one process with real validators beside real miners.

As ``tests.unit.miners.training.net``, whose validators only speak: here two validators of the
shipped task mirror, attest, audit and set weights.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from assay.neuron import TaskContext, Turn, Verdict
from assay.neuron.run import run_validator
from assay.protocol.training.schedule import Phase, Schedule
from assay.training.profile import this_machine
from assay.types import Ss58
from assay.validators.training import TrainingValidator, TrainingValidatorSettings
from assay.validators.training.judge import RunJudge
from assay.wire.keys import SeedSigner
from tests.unit.miners.training.net import WAIT_S, Net, training_net, until
from tests.unit.subnet.training.local_workers import LocalWorkers

SCHEDULE = Schedule(
    start=60, windows=60, train=6, upload=3, reveal=4, attest=4, evaluate=1, advance=1
)


class LocalValidator(TrainingValidator):
    """The validator with its processes in threads; it remembers its verdicts."""

    def __init__(self) -> None:
        super().__init__()
        self.verdicts: list[Verdict] = []

    async def start(self, context: TaskContext) -> None:
        await super().start(replace(context, workers=LocalWorkers()))  # type: ignore[arg-type]

    async def turn(self, turn: Turn) -> Any:
        found = await super().turn(turn)
        if isinstance(found, Sequence):
            self.verdicts += found
        return found

    @property
    def now(self) -> RunJudge:
        assert self.judge is not None
        return self.judge


@dataclass
class Judge:
    """A validator's hotkey, and the validator that runs under it now."""

    hotkey: SeedSigner
    state_dir: Path
    settings: TrainingValidatorSettings
    task: LocalValidator = field(default_factory=LocalValidator)
    running: asyncio.Task[None] | None = None

    def of(self, hotkey: SeedSigner) -> list[Verdict]:
        """The verdicts on a miner so far."""
        return [each for each in self.task.verdicts if each.hotkey == hotkey.address]


@dataclass
class JudgedNet:
    """The subnet with its validators."""

    net: Net
    judges: list[Judge]

    async def start(self, judge: Judge) -> None:
        """Run a validator, in the same folder as the one before it."""
        judge.task = LocalValidator()
        ready = asyncio.Event()
        subnet = replace(self.net.subnet, state_dir=judge.state_dir)
        judge.running = asyncio.create_task(
            run_validator(
                subnet,
                judge.hotkey,
                judge.task,
                settings=judge.settings,
                seed="seed",
                ready=lambda port: ready.set(),
            )
        )
        waiting = asyncio.create_task(ready.wait())
        done, _ = await asyncio.wait(
            {judge.running, waiting}, timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED
        )
        if judge.running in done:
            judge.running.result()
        assert waiting in done, "not ready"

    async def stop(self, judge: Judge) -> None:
        """End a validator where it stands."""
        assert judge.running is not None
        judge.running.cancel()
        await asyncio.gather(judge.running, return_exceptions=True)
        judge.running = None

    async def quiet(self) -> None:
        """Wait until every neuron has taken in the newest block, and does nothing."""
        net = self.net
        await net.quiet()

        def is_quiet() -> bool:
            alive = [judge for judge in self.judges if judge.running is not None]
            for judge in alive:
                if judge.running is not None and judge.running.done():
                    judge.running.result()
            return all(
                judge.task.judge is not None
                and judge.task.judge.block == net.block
                and not judge.task.judge.is_busy
                for judge in alive
            )

        await until(is_quiet, lambda: f"validators at {net.block}")
        for _ in range(30):
            await asyncio.sleep(0)

    async def to_block(self, number: int) -> None:
        while self.net.block < number:
            await self.quiet()
            self.net.ledger.advance()
            await asyncio.sleep(0.005)
        await self.quiet()

    async def to_phase(self, window: int, phase: Phase) -> None:
        """Go to the first block of a phase."""
        await self.to_block(self.net.schedule.blocks(window, phase)[0])

    def counted(self, window: int) -> Any:
        return self.net.records.closing(window)


def told(verdicts: Sequence[Verdict]) -> list[str]:
    """The codes of all reasons."""
    return [getattr(reason, "code", "") for each in verdicts for reason in each.reasons]


@contextlib.asynccontextmanager
async def judged_net(
    folder: Path,
    miners: int,
    *,
    validators: int = 2,
    cheats: Sequence[str] = (),
    settings: dict[str, Any] | None = None,
    **changes: Any,
) -> AsyncIterator[JudgedNet]:
    """A subnet with so many honest miners, and behind them others with the ``cheats`` of these
    names around them."""
    schedule = changes.pop("schedule", SCHEDULE)
    machine = changes.pop("machine", None) or this_machine()
    async with training_net(folder, miners, schedule=schedule, machine=machine, **changes) as net:
        for at, cheat in enumerate(cheats):
            await net.add(miners + 1 + at, cheat=cheat)
        given = TrainingValidatorSettings(run=str(net.run.path), **(settings or {}))
        judges = [
            Judge(hotkey, folder / f"validator-{at}", given)
            for at, hotkey in enumerate(net.validators[:validators])
        ]
        judged = JudgedNet(net, judges)
        try:
            for judge in judges:
                await judged.start(judge)
            yield judged
        finally:
            for judge in judges:
                if judge.running is not None:
                    await judged.stop(judge)


def hotkeys(net: Net) -> list[Ss58]:
    return [seat.hotkey.address for seat in net.seats]
