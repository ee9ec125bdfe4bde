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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from assay.aio import bounded, first
from assay.chain.interface import Chain
from assay.cli import output
from assay.cli.neurons import open_chain
from assay.cli.process import stop_on_signals
from assay.cli.task_options import ChosenTask
from assay.cli.up.bootstrap import bootstrap
from assay.cli.up.checks import check_machine, listed
from assay.cli.up.earned import Earned
from assay.cli.up.gateway import GATEWAY, canary_words, gateway_spec, local_key
from assay.cli.up.keys import faucet, make_keys
from assay.cli.up.no_reward import NoReward
from assay.cli.up.plan import HONEST, HOTKEY, SLOW, SLOWDOWN, Member, MemberRole, Plan
from assay.cli.up.port_owner import check_own_chain
from assay.cli.up.presets import Preset, prepare
from assay.cli.up.record import RecordFile, RunRecord
from assay.cli.up.request import RunRequest
from assay.cli.up.screen import RunScreen
from assay.cli.up.watch import View, Watch
from assay.clock import Clock, SystemClock
from assay.errors import AssayError, Unavailable, UserError
from assay.outcome import INTERRUPTED, SourceLine
from assay.spawn import ChildSpec, compute_environment
from assay.supervise import Supervisor
from assay.types import NetUid

CHAIN: Final = "chain"
ENTRY: Final = "assay.cli.main"
"""What every process of a run enters by, as a person's command does."""
CHAIN_PATIENCE_S: Final = 20.0
"""A chain is up in under a second; a cold start compiles its runtime first, on a busy machine."""
PREPARE_PATIENCE_S: Final = 600.0
"""In which a preset's files are made: the run of ``training`` takes ten seconds, and an hour would
mean that its command hangs."""
MINER_PATIENCE_S: Final = 60.0
"""How long validators wait for the miners of a run that is taken up again: a model is loaded in
less. A miner that is not there by then is judged like any other."""
REWARD_PATIENCE_S: Final = 300.0
"""Five times what the first reward may take; beyond it something is broken."""
LOOK_INTERVAL_S: Final = 0.5
ROUND_INTERVAL_S: Final = 0.5
"""Ten rounds an epoch of 5 s: averages settle before they are paid for."""
NOTHING_MORE: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})
HEAVY_MODULES: Final = (
    ENTRY, "assay.chain.sdk_import", "assay.chain.sdk", "assay.cli.neurons", "numpy",
)  # fmt: skip
"""What every neuron imports, whatever its task; the SDK before what uses it."""


async def run(
    plan: Plan,
    request: RunRequest,
    chosen: ChosenTask,
    preset: Preset | None = None,
    check: Callable[[Plan], None] = check_machine,
) -> int:
    """Run ``plan`` as ``request`` asks for, with the ``chosen`` task, for which ``preset`` may make
    something first; the exit code.

    ``check`` raises before anything is written or started if the machine cannot run it.
    """
    clock = SystemClock()
    screen = RunScreen(clock, clock.monotonic())
    stop = asyncio.Event()
    records = RecordFile(plan.state_dir)
    with records.held():
        check(plan)
        if request.fresh:
            records.clear()
        records.save(records.open(plan))  # from here on the folder is known to be this run's
        supervisor = Supervisor(clock, random.Random(), plan.pid_file)
        one = _Run(plan, request, chosen, preset, records, supervisor, screen, clock)
        try:
            with screen:
                stop_on_signals(stop)
                await first(one.go(), supervisor.keep_alive(), stop.wait())
        except (AssayError, OSError) as error:
            supervisor.stop()  # takes a moment, in which a folder that is being removed is gone
            records.check_there()  # which explains whatever else went wrong
            raise _advised(error) from error
        finally:
            supervisor.stop()
    view = one.view
    if view is None or (request.until_first_reward and not view.rewarded):
        return INTERRUPTED
    screen.finish(view, json=request.json)
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
    records: RecordFile
    supervisor: Supervisor
    screen: RunScreen
    clock: Clock
    view: View | None = None
    slipped: set[SourceLine] = field(default_factory=set)
    """The builder's lines that a person was told of, though they ended no neuron."""

    async def go(self) -> None:
        """Start everything; then look until the reward that was asked for, or without an end."""
        plan, say = self.plan, self.screen.say
        record = self.records.open(plan)
        say("Starting the chain")
        self.supervisor.start(_chain_spec(plan, self.request))
        # The demo's neurons share a few processor cores: one thread each.
        modules = [module for half in self.chosen.halves for module in half.preload]
        self.supervisor.preload([*HEAVY_MODULES, *modules], compute_environment(threads=1))
        ready = await self.supervisor.first_line(CHAIN, CHAIN_PATIENCE_S)
        # Until this returns, whoever answers at the port may be anybody's chain.
        await asyncio.to_thread(check_own_chain, plan.chain_port, ready)
        keys = make_keys(plan)
        async with open_chain(
            plan.endpoint, plan.state_dir, self.clock, patience_s=CHAIN_PATIENCE_S
        ) as chain:
            netuid, _ = await asyncio.gather(
                bootstrap(
                    chain, plan, keys, faucet(plan), netuid=record.netuid,
                    commit_reveal=self.request.commit_reveal, say=say,
                ),
                self._prepare(chain),
            )  # fmt: skip
            again = record.netuid is not None
            record = msgspec.structs.replace(record, netuid=netuid)
            self.records.save(record)
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
            await self._follow(watch, record)

    async def _prepare(self, chain: Chain) -> None:
        """Make what the preset makes."""
        if self.preset is None:
            return
        making = prepare(self.preset, self.plan.state_dir, (await chain.head()).number)
        try:
            await bounded(self.clock, PREPARE_PATIENCE_S, making)
        except TimeoutError:
            raise Unavailable(
                f"The files of the preset {self.preset.name} were not made within"
                f" {PREPARE_PATIENCE_S:g} s.",
                "Start again on a machine that is less busy.",
            ) from None

    async def _start_neurons(self, chain: Chain, netuid: NetUid, *, again: bool) -> None:
        """Start the miners and the validators; the validators once the miners answer, if the chain
        may show the miners' addresses already."""
        for spec in _neuron_specs(self.plan, netuid, self.request, self.chosen, MemberRole.MINER):
            self.supervisor.start(spec)
        if again:
            self.screen.say("Waiting until the miners answer")
            until_s = self.clock.monotonic() + MINER_PATIENCE_S
            while self.clock.monotonic() < until_s and not await self._miners_answer(chain, netuid):
                await self.clock.sleep(LOOK_INTERVAL_S)
        for spec in _neuron_specs(
            self.plan, netuid, self.request, self.chosen, MemberRole.VALIDATOR,
            canary_words(self.plan, self.chosen, self.clock),
        ):  # fmt: skip
            self.supervisor.start(spec)

    def _start_gateway(self, netuid: NetUid) -> None:
        """Open the door for clients, if the task has one, and show the key, which nothing keeps."""
        plan = self.plan
        if plan.gateway_url is None:
            return
        log_words = _log_words(plan.log(GATEWAY), self.request)
        level = ("--log-level", self.request.neuron_log_level)
        spec = gateway_spec(plan, netuid, self.chosen, ENTRY, (*log_words, *level))
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

    async def _follow(self, watch: Watch, record: RunRecord) -> None:
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
                self.screen.show(self.view)
                earned = watch.earned
                if (earned.paid, earned.epoch) != (record.paid, record.paid_epoch):
                    record = msgspec.structs.replace(
                        record, paid=dict(earned.paid), paid_epoch=earned.epoch
                    )
                    self.records.save(record)
                if told := no_reward.see(self.view):
                    self.screen.say(told)
            if self.request.until_first_reward:
                if self.view is not None and self.view.rewarded:
                    return
                no_reward.check()
                if self.screen.seconds > REWARD_PATIENCE_S:
                    raise AssayError(
                        f"No reward within {REWARD_PATIENCE_S:.0f} s; "
                        f"the logs are in {(self.plan.state_dir / 'logs').absolute()}."
                    )
            await self.clock.sleep(LOOK_INTERVAL_S)


def _loading(chosen: ChosenTask) -> str:
    """What the neurons import before they can do anything, if the task has told; else nothing."""
    modules = {module.partition(".")[0] for half in chosen.halves for module in half.preload}
    return f"; they load {listed(sorted(modules))} first" if modules else ""


def _chain_spec(plan: Plan, request: RunRequest) -> ChildSpec:
    place = ("--port", str(plan.chain_port), "--state-dir", str(plan.chain_dir))
    return ChildSpec(
        name=CHAIN,
        module=ENTRY,
        arguments=(
            *("chain", "start", *place, *_metrics_words(plan.metrics_port), "--json"),
            *_log_words(plan.log(CHAIN), request),
        ),
        log=plan.log(CHAIN),
        ready_line=True,
    )


def _neuron_specs(
    plan: Plan,
    netuid: NetUid,
    request: RunRequest,
    chosen: ChosenTask,
    role: MemberRole,
    more: Mapping[str, Sequence[str]] = NOTHING_MORE,
) -> Iterator[ChildSpec]:
    """The processes of all members of one role, which may be miner or validator; ``more`` are the
    words of single members beside the role's, by their names."""
    validates = role is MemberRole.VALIDATOR
    own = chosen.words(chosen.validator if validates else chosen.miner)
    for member in plan.of(role):
        arguments = (
            *(_validator_words(plan, member, chosen) if validates else _miner_words(member)),
            *("--netuid", str(netuid), "--wallet", member.name, "--hotkey", HOTKEY),
            *("--task", plan.task, "--chain", plan.endpoint, "--state-dir", str(plan.state_dir)),
            *_metrics_words(member.metrics_port),
            *_log_words(plan.log(member.name), request),
            *("--log-level", request.neuron_log_level),
            *own,
            *more.get(member.name, ()),
        )
        yield ChildSpec(
            name=member.name,
            module=ENTRY,
            arguments=arguments,
            log=plan.log(member.name),
            forked=True,
            stage=1,
        )


def _log_words(log: Path, request: RunRequest) -> tuple[str, ...]:
    """A child's log is its stderr's file as well, and its own to keep short."""
    return ("--log-format", request.log_format, "--log-file", str(log.absolute()))


def _metrics_words(port: int | None) -> tuple[str, ...]:
    return () if port is None else ("--metrics-port", str(port))


def _validator_words(plan: Plan, member: Member, chosen: ChosenTask) -> tuple[str, ...]:
    # Fixed by the run's seed, so that a run can be repeated; in earnest it is drawn unguessably.
    seed = f"{plan.seed}/{member.name}"
    # A task that counts in blocks or epochs knows best when its turns are.
    in_seconds = chosen.validator.pace.unit == "seconds"
    return (
        *("validator", "run", "--seed", seed),
        *(("--round-interval", str(ROUND_INTERVAL_S)) if in_seconds else ()),
        *(() if member.port is None else ("--port", str(member.port))),
    )


def _miner_words(member: Member) -> tuple[str, ...]:
    port = ("--port", str(member.port))
    if member.behaviour == HONEST:
        return ("miner", "run", *port)
    if member.behaviour == SLOW:
        return ("lab", "miner", "--slow", str(SLOWDOWN), *port)
    return ("lab", "miner", "--cheat", member.behaviour, *port)
