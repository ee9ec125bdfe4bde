"""The small subnet that a run starts beside its own, once its own has paid.

``BesideRun.go`` waits for the first reward, brings its members onto a subnet of their own, starts
their processes and reads what comes of them, as ``run`` does for the run's own. All its processes
give way to the run's own ones. What goes wrong here ends this subnet alone: it is told once, and
the run goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn

import msgspec

from assay.aio import first
from assay.chain.interface import Chain
from assay.cli.task_options import ChosenTask
from assay.cli.up.bootstrap import Funds, bootstrap
from assay.cli.up.checks import listed
from assay.cli.up.earned import Earned
from assay.cli.up.keys import make_keys
from assay.cli.up.plan import MemberRole, Plan, make_plan
from assay.cli.up.presets import BESIDE, Beside, prepare_in_time
from assay.cli.up.processes import neuron_specs
from assay.cli.up.record import BesideRecord
from assay.cli.up.request import RunRequest
from assay.cli.up.watch import LOOK_INTERVAL_S, View, Watch
from assay.clock import Clock
from assay.errors import AssayError, Unavailable, UserError
from assay.neuron.run import validators_serve
from assay.supervise import Supervisor
from assay.types import NetUid


@dataclass(frozen=True, slots=True)
class BesidePlan:
    """What is to run beside a run's own subnet: ``plan`` has the same chain and state folder."""

    beside: Beside
    plan: Plan
    chosen: ChosenTask


def plan_beside(own: Plan, request: RunRequest) -> BesidePlan | None:
    """What runs beside the run ``own``; None if nothing does, or nothing is wanted. Its ports
    follow those of the run's own."""
    from assay.cli.task_options import miner_half, validator_half

    beside = BESIDE.get(own.task)
    if beside is None or not request.training or request.until_first_reward:
        return None
    task = beside.preset.task
    halves = (miner_half(task), validator_half(task))
    plan = make_plan(
        seed=own.seed,
        task=task,
        task_options=(),
        base_port=max(own.ports),
        state_dir=own.state_dir,
        validators=beside.validators,
        miners=beside.miners,
        cheat=None,
        slow=0,
        validators_serve=validators_serve(halves[1]),
        names=beside.names,
    )
    settings = {**beside.settings, **beside.preset.settings(own.state_dir)}
    return BesidePlan(
        beside,
        replace(plan, chain_port=own.chain_port, chain_url=own.chain_url),
        ChosenTask(halves, settings),
    )


@dataclass
class BesideRun:
    """One such subnet from its start to the run's end. ``view`` is the last that was seen of it."""

    wanted: BesidePlan
    request: RunRequest
    record: BesideRecord | None
    """What an earlier start remembered."""
    remember: Callable[[BesideRecord], None]
    supervisor: Supervisor
    say: Callable[[str], None]
    clock: Clock
    funds: Funds
    own_paid: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the run's own subnet has paid its first reward."""
    view: View | None = None

    async def go(self, chain: Chain, apart: NetUid) -> NoReturn:
        """Wait for the first reward of the run's own subnet, which is ``apart``; then start this
        one, and look at it until cancelled."""
        await self.own_paid.wait()
        task = self.wanted.plan.task
        try:
            await self._start(chain, apart)
        except (AssayError, OSError) as error:
            told = f"{error.cause} {error.cure}" if isinstance(error, UserError) else str(error)
            self.say(f"The small subnet of the task {task} is off, and all else goes on: {told}")
            await asyncio.to_thread(self.supervisor.stop)
            self.view = None
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")

    async def _start(self, chain: Chain, apart: NetUid) -> None:
        plan, beside = self.wanted.plan, self.wanted.beside
        self.say(
            f"Making a small subnet of the task {plan.task} beside it, which gives way to all else"
        )
        keys = make_keys(plan)
        known = None if self.record is None else self.record.netuid
        netuid, _ = await asyncio.gather(
            bootstrap(
                chain, plan, keys, self.funds, netuid=known, apart=apart, say=lambda step: None
            ),
            prepare_in_time(
                beside.preset, plan.state_dir, chain, self.clock, niceness=beside.niceness
            ),
        )
        record = self.record or BesideRecord(netuid=netuid)
        self.remember(record)
        own = keys[plan.owner.name]
        owned = (own.hotkey.address, own.coldkey.address)
        earned = Earned(chain, netuid, owned, dict(record.paid), record.paid_epoch)
        await earned.count(await chain.metagraph(netuid))
        watch = Watch(chain, plan, keys, netuid, earned, self.supervisor.is_ready)
        watch.shown = beside.preset.shown
        for role in (MemberRole.MINER, MemberRole.VALIDATOR):
            for spec in neuron_specs(
                plan, netuid, self.request, self.wanted.chosen, role, niceness=beside.niceness
            ):
                self.supervisor.start(spec)
        members = [member.name for member in plan.members if member.role is not MemberRole.OWNER]
        self.say(f"Subnet {netuid}, task {plan.task}: {listed(members)} start")
        await first(self._look(watch, record), self.supervisor.keep_alive())

    async def _look(self, watch: Watch, record: BesideRecord) -> NoReturn:
        while True:
            with contextlib.suppress(Unavailable):  # the chain is being started again
                self.view = await watch.look()
                earned = watch.earned
                if (earned.paid, earned.epoch) != (record.paid, record.paid_epoch):
                    record = msgspec.structs.replace(
                        record, paid=dict(earned.paid), paid_epoch=earned.epoch
                    )
                    self.remember(record)
            await self.clock.sleep(LOOK_INTERVAL_S)
