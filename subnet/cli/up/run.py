"""One run of a subnet: the order in which everything happens, and how it ends.

``run`` takes a plan and returns an exit code. The happy path reads top to bottom in ``_Run.go``;
what a step does is in the module of its name. A run ends at the first reward, if that was asked
for; on Ctrl-C; or with the cause when a process cannot be kept alive. In every case all processes
are stopped, the neurons before the chain. Ctrl-C before there is a result (the neurons run, or the
reward was paid that was asked for) leaves with 130 and an empty stdout.

A run that is taken up again finds its miners' addresses on chain before the miners listen there.
Its validators start once the miners do: they would judge them by their silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from assay.aio import first
from assay.chain.address import shown
from assay.chain.interface import Chain
from assay.cli import output
from assay.cli.neurons import open_chain
from assay.cli.process import stop_on_signals
from assay.cli.task_options import ChosenTask
from assay.cli.up.beside import BesidePlan, BesideRun
from assay.cli.up.bootstrap import Funds, bootstrap
from assay.cli.up.checks import check_machine, listed
from assay.cli.up.earned import Earned
from assay.cli.up.elsewhere import check_chain, funds
from assay.cli.up.gateway import GATEWAY, canary_words, gateway_spec, local_key
from assay.cli.up.keys import make_keys, own_funds
from assay.cli.up.no_reward import NoReward
from assay.cli.up.plan import MemberRole, Plan
from assay.cli.up.port_owner import check_own_chain
from assay.cli.up.presets import Preset, prepare_in_time
from assay.cli.up.processes import CHAIN, ENTRY, chain_spec, log_words, neuron_specs
from assay.cli.up.record import RecordFile, RunRecord
from assay.cli.up.request import RunRequest
from assay.cli.up.screen import RunScreen
from assay.cli.up.watch import LOOK_INTERVAL_S, View, Watch
from assay.clock import Clock, SystemClock
from assay.errors import AssayError, Unavailable, UserError
from assay.outcome import INTERRUPTED, SourceLine
from assay.spawn import compute_environment
from assay.supervise import Supervisor
from assay.types import NetUid

CHAIN_PATIENCE_S: Final = 20.0
"""A chain is up in under a second; a cold start compiles its runtime first, on a busy machine."""
MINER_PATIENCE_S: Final = 60.0
"""How long validators wait for the miners of a run that is taken up again: a model is loaded in
less. A miner that is not there by then is judged like any other."""
REWARD_PATIENCE_S: Final = 300.0
"""Five times what the first reward may take; beyond it something is broken."""
REWARD_PATIENCE_BLOCKS: Final = 1_200
"""The same in blocks of 0.25 s, for a chain whose blocks take longer."""
HEAVY_MODULES: Final = (
    ENTRY, "assay.chain.sdk_import", "assay.chain.sdk", "assay.cli.neurons", "numpy",
)  # fmt: skip
"""What every neuron imports, whatever its task; the SDK before what uses it."""


async def run(
    plan: Plan,
    request: RunRequest,
    chosen: ChosenTask,
    preset: Preset | None = None,
    beside: BesidePlan | None = None,
    check: Callable[[Plan], None] = check_machine,
) -> int:
    """Run ``plan`` as ``request`` asks for, with the ``chosen`` task, for which ``preset`` may make
    something first, and once it has paid what is wanted ``beside`` it; the exit code.

    ``check`` raises before anything is written or started if the machine cannot run it.
    """
    clock = SystemClock()
    screen = RunScreen(clock, clock.monotonic())
    stop = asyncio.Event()
    records = RecordFile(plan.state_dir)
    with records.held():
        for each in (plan, *(() if beside is None else (beside.plan,))):
            check(each)
        if request.fresh:
            records.clear()
        records.save(records.open(plan))  # from here on the folder is known to be this run's
        supervisor = Supervisor(clock, random.Random(), plan.pid_file)
        one = _Run(plan, request, chosen, preset, beside, records, supervisor, screen, clock)
        try:
            with screen:
                stop_on_signals(stop)
                await first(one.go(), supervisor.keep_alive(), stop.wait())
        except (AssayError, OSError) as error:
            one.stop()  # takes a moment, in which a folder that is being removed is gone
            records.check_there()  # which explains whatever else went wrong
            raise _advised(error) from error
        finally:
            one.stop()
    view = one.view
    if view is None or (request.until_first_reward and not view.rewarded):
        return INTERRUPTED
    screen.finish(view, one.view_beside, json=request.json)
    if not request.until_first_reward:
        output.note(f"Kept in {plan.state_dir}: the next run goes on there; --fresh starts over.")
    return 0


def _advised(error: AssayError | OSError) -> AssayError | OSError:
    """``error``, with this command's own cure where what is stored cannot be used."""
    if isinstance(error, UserError) and error.needs_fresh:
        return UserError(error.cause, "Give --fresh to start over there, or another --state-dir.")
    return error


@dataclass
class _Run:
    """One run from its first process to its end. ``view`` is the last that was seen of it."""

    plan: Plan
    request: RunRequest
    chosen: ChosenTask
    preset: Preset | None
    wanted: BesidePlan | None
    """What is to run beside the run's own subnet."""
    records: RecordFile
    supervisor: Supervisor
    screen: RunScreen
    clock: Clock
    view: View | None = None
    slipped: set[SourceLine] = field(default_factory=set)
    """The builder's lines that a person was told of, though they ended no neuron."""

    record: RunRecord = field(init=False)
    _patience_s: float = REWARD_PATIENCE_S
    """For the first reward."""
    beside: BesideRun | None = None

    @property
    def view_beside(self) -> View | None:
        """What was last seen of the subnet beside the run's own."""
        return None if self.beside is None else self.beside.view

    def stop(self) -> None:
        """End all processes, those beside the run's own first. May be called twice."""
        if self.beside is not None:
            self.beside.supervisor.stop()
        self.supervisor.stop()

    async def go(self) -> None:
        """Start everything; then look until the reward that was asked for, or without an end."""
        plan, say = self.plan, self.screen.say
        record = self.record = self.records.open(plan)
        if plan.chain_url is None:
            say("Starting the chain")
            self.supervisor.start(chain_spec(plan, self.request))
        else:
            say(f"Looking at the chain at {shown(plan.endpoint)}")
        # The demo's neurons share a few processor cores: one thread each.
        modules = [module for half in self.chosen.halves for module in half.preload]
        self.supervisor.preload([*HEAVY_MODULES, *modules], compute_environment(threads=1))
        if plan.chain_url is None:
            ready = await self.supervisor.first_line(CHAIN, CHAIN_PATIENCE_S)
            # Until this returns, whoever answers at the port may be anybody's chain.
            await asyncio.to_thread(check_own_chain, plan.chain_port, ready)
        async with open_chain(
            plan.endpoint, plan.state_dir, self.clock, patience_s=CHAIN_PATIENCE_S
        ) as chain:
            if plan.chain_url is not None:
                self._remember(genesis=await check_chain(chain, plan, record.genesis))
            self._patience_s = max(
                REWARD_PATIENCE_S, REWARD_PATIENCE_BLOCKS * await chain.block_time_s()
            )
            keys = make_keys(plan)
            paying = own_funds(plan) if plan.chain_url is None else await funds(chain, plan, keys)
            netuid, _ = await asyncio.gather(
                bootstrap(
                    chain, plan, keys, paying, netuid=record.netuid,
                    commit_reveal=self.request.commit_reveal, say=say,
                ),
                self._prepare(chain),
            )  # fmt: skip
            again = record.netuid is not None
            self._remember(netuid=netuid)
            owner = next(keys[member.name] for member in plan.of(MemberRole.OWNER))
            owned = (owner.hotkey.address, owner.coldkey.address)
            earned = Earned(chain, netuid, owned, dict(record.paid), record.paid_epoch)
            await earned.count(await chain.metagraph(netuid))
            watch = Watch(chain, plan, keys, netuid, earned, self.supervisor.is_ready)
            if self.preset is not None:
                watch.shown = self.preset.shown
            say(f"Starting the neurons{_loading(self.chosen)}")
            await self._start_neurons(chain, netuid, again=again)
            self._start_gateway(netuid)
            if self.wanted is None:
                await self._follow(watch)
            else:
                self.beside = self._beside(self.wanted, paying)
                await first(self._follow(watch), self.beside.go(chain, netuid))

    def _remember(self, **changed: Any) -> None:
        """Write down what has ``changed`` of what is remembered of the run."""
        self.record = msgspec.structs.replace(self.record, **changed)
        self.records.save(self.record)

    def _beside(self, wanted: BesidePlan, paying: Funds) -> BesideRun:
        return BesideRun(
            wanted,
            self.request,
            self.record.beside,
            lambda record: self._remember(beside=record),
            self.supervisor.beside(self.plan.state_dir / "processes-beside.json"),
            self.screen.say,
            self.clock,
            paying,
        )

    async def _prepare(self, chain: Chain) -> None:
        """Make what the preset makes."""
        if self.preset is not None:
            await prepare_in_time(self.preset, self.plan.state_dir, chain, self.clock)

    async def _start_neurons(self, chain: Chain, netuid: NetUid, *, again: bool) -> None:
        """Start the miners and the validators; the validators once the miners answer, if the chain
        may show the miners' addresses already."""
        for spec in neuron_specs(self.plan, netuid, self.request, self.chosen, MemberRole.MINER):
            self.supervisor.start(spec)
        if again:
            self.screen.say("Waiting until the miners answer")
            until_s = self.clock.monotonic() + MINER_PATIENCE_S
            while self.clock.monotonic() < until_s and not await self._miners_answer(chain, netuid):
                await self.clock.sleep(LOOK_INTERVAL_S)
        for spec in neuron_specs(
            self.plan, netuid, self.request, self.chosen, MemberRole.VALIDATOR,
            canary_words(self.plan, self.chosen, self.clock),
        ):  # fmt: skip
            self.supervisor.start(spec)

    def _start_gateway(self, netuid: NetUid) -> None:
        """Open the door for clients, if the task has one, and show the key, which nothing keeps."""
        plan = self.plan
        if plan.gateway_url is None:
            return
        words = log_words(plan.log(GATEWAY), self.request)
        level = ("--log-level", self.request.neuron_log_level)
        spec = gateway_spec(plan, netuid, self.chosen, ENTRY, (*words, *level))
        self.supervisor.start(spec)
        key = local_key(plan, self.clock)
        self.screen.say(f"Clients: {plan.gateway_url}/v1 with the key {key}")
        self.screen.say(f"A page to chat: {plan.gateway_url}/#key={key}")

    async def _miners_answer(self, chain: Chain, netuid: NetUid) -> bool:
        """Whether every miner serves, and the chain says where."""
        miners = list(self.plan.of(MemberRole.MINER))
        if not all(self.supervisor.is_ready(miner.name) for miner in miners):
            return False
        with contextlib.suppress(Unavailable):  # the chain is being started again
            metagraph = await chain.metagraph(netuid)
            ports = {neuron.axon.port for neuron in metagraph.neurons if neuron.axon is not None}
            return all(miner.port in ports for miner in miners)
        return False

    def _tell_slips(self) -> None:
        """Say what the neurons tell of the builder's mistakes: each line of the source once, for
        all neurons that came upon it."""
        for member in self.plan.members:
            if member.role is MemberRole.OWNER:
                continue
            for slip in self.supervisor.slips(member.name):
                if slip.at not in self.slipped:
                    self.slipped.add(slip.at)
                    self.screen.say(f"{member.name}: {slip.cause} {slip.cure}")

    async def _follow(self, watch: Watch) -> None:
        """Show the run until the first reward if that was asked for, else without an end."""
        no_reward = NoReward(self.plan)
        silent = {member.name for member in self.plan.of(MemberRole.MINER)}
        while True:
            self.records.check_there()
            self._tell_slips()
            if silent and all(map(self.supervisor.is_ready, silent)):
                silent.clear()
                self.screen.say("Every miner serves")
            with contextlib.suppress(Unavailable):  # the chain is being started again
                self.view = await watch.look()
                self.screen.show(self.view, self.view_beside)
                earned = watch.earned
                if (earned.paid, earned.epoch) != (self.record.paid, self.record.paid_epoch):
                    self._remember(paid=dict(earned.paid), paid_epoch=earned.epoch)
                if self.beside is not None and self.view.rewarded:
                    self.beside.own_paid.set()
                if told := no_reward.see(self.view):
                    self.screen.say(told)
            if self.request.until_first_reward:
                if self.view is not None and self.view.rewarded:
                    return
                no_reward.check()
                if self.screen.seconds > self._patience_s:
                    raise AssayError(
                        f"No reward within {self._patience_s:.0f} s; "
                        f"the logs are in {(self.plan.state_dir / 'logs').absolute()}."
                    )
            await self.clock.sleep(LOOK_INTERVAL_S)


def _loading(chosen: ChosenTask) -> str:
    """What the neurons import before they can do anything, if the task has told; else nothing."""
    modules = {module.partition(".")[0] for half in chosen.halves for module in half.preload}
    return f"; they load {listed(sorted(modules))} first" if modules else ""
