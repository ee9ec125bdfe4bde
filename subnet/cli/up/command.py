"""`assay up`: the order in which everything happens, from an empty folder to the first reward.

The happy path reads top to bottom in ``_Run.go``. What a step does is in the file of its name; this
one knows the options, the order, and how it all ends: at the first reward if that was asked for,
on Ctrl-C, or with the cause when a process cannot be kept alive. In every case all processes are
stopped, in the reverse order of their start. Ctrl-C before there is a result (the neurons run, or
the reward was paid that was asked for) leaves with 130 and an empty stdout.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from assay.cli.task_options import ChosenTask, TaskCommand
from assay.cli.up.wishes import Wishes, run_options
from assay.outcome import INTERRUPTED

if TYPE_CHECKING:
    from assay.cli.up.plan import Member, Plan
    from assay.cli.up.record import RecordFile
    from assay.cli.up.screen import Screen
    from assay.cli.up.watch import View, Watch
    from assay.clock import Clock
    from assay.supervise import Supervisor

from assay.neuron.loader import load_miner, load_validator

CHAIN: Final = "chain"
ENTRY: Final = "assay.cli.main"
"""What every process of a run enters by, as a person's command does."""
CHAIN_PATIENCE_S: Final = 20.0
"""A chain is up in under a second; a cold start compiles its runtime first, on a busy machine."""
REWARD_PATIENCE_S: Final = 300.0
"""Five times what the first reward may take; beyond it something is broken."""
LOOK_INTERVAL_S: Final = 0.5
ROUND_INTERVAL_S: Final = 0.5
"""Ten rounds an epoch of 5 s: averages settle before they are paid for."""
HEAVY_MODULES: Final = (ENTRY, "bittensor", "assay.chain.sdk", "assay.cli.neurons", "numpy")
"""What every neuron imports, whatever its task."""


@click.command(cls=TaskCommand, loads=[load_miner, load_validator])
@run_options
def up(chosen: ChosenTask, **given: Any) -> int:
    """Run a whole subnet here: a chain, validators, miners of which one cheats, and rewards.

    Ctrl-C stops everything.
    """
    from assay.cli.process import configure_log, run_async
    from assay.cli.up.plan import make_plan
    from assay.lab.cheats import wrap_cheat

    wishes = Wishes(**given)
    configure_log(wishes.log_level)
    # A broken task, a cheat nobody knows or a wrong option is told before anything starts.
    for half in chosen.halves:
        chosen.settings(half)
    if wishes.cheating is not None:
        wrap_cheat(wishes.cheating, chosen.miner())
    plan = make_plan(
        seed=wishes.seed,
        task=wishes.task,
        task_options=tuple(chosen.words(*chosen.halves)),
        base_port=wishes.base_port,
        state_dir=wishes.state_dir,
        validators=wishes.validators,
        miners=wishes.miners,
        cheat=wishes.cheating,
        slow=wishes.slow,
    )
    return run_async(lambda: _run(plan, wishes, chosen))


async def _run(plan: Plan, wishes: Wishes, chosen: ChosenTask) -> int:
    from assay.aio import first
    from assay.cli import output
    from assay.cli.process import stop_on_signals
    from assay.cli.up.record import RecordFile
    from assay.cli.up.screen import Screen
    from assay.clock import SystemClock
    from assay.errors import AssayError, UserError
    from assay.supervise import Supervisor

    clock = SystemClock()
    screen = Screen(clock, clock.monotonic())
    stop = asyncio.Event()
    records = RecordFile(plan.state_dir)
    with records.held():
        if wishes.fresh:
            records.clear()
        records.save(records.open(plan))  # from here on the folder is known to be this run's
        _check_ports(plan)
        supervisor = Supervisor(clock, random.Random(), plan.pid_file)
        run = _Run(plan, wishes, chosen, records, supervisor, screen)
        try:
            with screen:
                stop_on_signals(stop)
                await first(run.go(clock), run.children.keep_alive(), stop.wait())
        except (AssayError, OSError) as error:
            records.check_there()  # a folder that is gone explains whatever else went wrong
            if isinstance(error, UserError) and error.needs_fresh:
                raise UserError(
                    error.cause, "Give --fresh to start over there, or another --state-dir."
                ) from error
            raise
        finally:
            run.children.stop()
    view = run.view
    if view is None or (wishes.until_first_reward and not view.rewarded):
        return INTERRUPTED
    screen.finish(view, json=wishes.json)
    if not wishes.until_first_reward:
        output.note(f"Kept in {plan.state_dir}: the next run goes on there; --fresh starts over.")
    return 0


@dataclass
class _Run:
    """One run from its first process to its end. ``view``: the last that was seen of it."""

    plan: Plan
    wishes: Wishes
    chosen: ChosenTask
    records: RecordFile
    children: Supervisor
    screen: Screen
    view: View | None = None

    async def go(self, clock: Clock) -> None:
        """Start everything; then look until the reward that was asked for, or without an end."""
        import msgspec

        from assay.cli.neurons import open_chain
        from assay.cli.up.bootstrap import bootstrap
        from assay.cli.up.keys import faucet, make_keys
        from assay.cli.up.stranger import check_own_chain
        from assay.cli.up.watch import Watch
        from assay.spawn import compute_environment

        plan, say = self.plan, self.screen.say
        record = self.records.open(plan)
        say("Starting the chain")
        _start_chain(plan, self.children)
        # The demo's miners share two or four processor cores: one thread each.
        self.children.preload(
            [*HEAVY_MODULES, *_modules_of(self.chosen)], compute_environment(threads=1)
        )
        # Before that, whoever answers at the port is a stranger.
        ready = await self.children.first_line(CHAIN, CHAIN_PATIENCE_S)
        await asyncio.to_thread(check_own_chain, plan.chain_port, ready)
        keys = make_keys(plan)
        async with open_chain(
            plan.endpoint, plan.state_dir, clock, patience_s=CHAIN_PATIENCE_S
        ) as chain:
            standup = await bootstrap(
                chain, plan, keys, faucet(plan), netuid=record.netuid, say=say
            )
            watch = Watch(chain, plan, keys, standup, dict(record.baseline))
            await watch.start()
            self.records.save(
                msgspec.structs.replace(record, netuid=standup.netuid, baseline=watch.baseline)
            )
            say("Starting the neurons")
            _start_neurons(plan, standup.netuid, self.children, self.wishes, self.chosen)
            await self._follow(watch)

    async def _follow(self, watch: Watch) -> None:
        from assay.cli.up.failing import Failing
        from assay.errors import AssayError, Unavailable

        failing = Failing(self.plan)
        while True:
            self.records.check_there()
            with contextlib.suppress(Unavailable):  # the chain is being started again
                self.view = await watch.look()
                self.screen.show(self.view)
                if told := failing.see(self.view):
                    self.screen.say(told)
            if self.wishes.until_first_reward:
                if self.view is not None and self.view.rewarded:
                    return
                failing.check()
                if self.screen.seconds > REWARD_PATIENCE_S:
                    raise AssayError(
                        f"No reward within {REWARD_PATIENCE_S:.0f} s; "
                        f"the logs are in {(self.plan.state_dir / 'logs').absolute()}."
                    )
            await asyncio.sleep(LOOK_INTERVAL_S)


def _check_ports(plan: Plan) -> None:
    """Refuse a port in use before anything is started."""
    from assay.errors import Unavailable

    for port in (plan.chain_port, *(member.port for member in plan.members if member.port)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise Unavailable(
                    f"Port {port} is in use.",
                    "Stop what listens there, or give another --base-port.",
                ) from error


def _modules_of(chosen: ChosenTask) -> Sequence[str]:
    return [module for half in chosen.halves for module in half.preload]


def _start_chain(plan: Plan, children: Supervisor) -> None:
    from assay.spawn import ChildSpec

    argv = ["chain", "start", "--port", str(plan.chain_port), "--state-dir", str(plan.chain_dir)]
    argv.append("--json")
    children.start(
        ChildSpec(
            name=CHAIN, module=ENTRY, arguments=tuple(argv), log=plan.log(CHAIN), ready_line=True
        )
    )


def _start_neurons(
    plan: Plan, netuid: int, children: Supervisor, wishes: Wishes, chosen: ChosenTask
) -> None:
    from assay.cli.up.plan import HOTKEY, Role
    from assay.spawn import ChildSpec

    mining, validating = (chosen.words(half) for half in chosen.halves)
    for member in plan.members:
        if member.role is Role.OWNER:
            continue
        validates = member.role is Role.VALIDATOR
        argv = [
            *(_validator_argv(plan, member) if validates else _miner_argv(plan, member)),
            *("--netuid", str(netuid), "--wallet", member.name, "--hotkey", HOTKEY),
            *("--task", plan.task, "--chain", plan.endpoint, "--state-dir", str(plan.state_dir)),
            *("--log-level", wishes.neuron_log_level),
            *(validating if validates else mining),
        ]
        children.start(
            ChildSpec(
                name=member.name,
                module=ENTRY,
                arguments=tuple(argv),
                log=plan.log(member.name),
                forked=True,
                stage=1,
            )
        )


def _validator_argv(plan: Plan, member: Member) -> list[str]:
    # Fixed by the run's seed, so that a run can be repeated; in earnest it is drawn unguessably.
    seed = f"{plan.seed}/{member.name}"
    return ["validator", "run", "--seed", seed, "--round-interval", str(ROUND_INTERVAL_S)]


def _miner_argv(plan: Plan, member: Member) -> list[str]:
    from assay.cli.up.plan import HONEST, SLOW, SLOWDOWN

    port = ["--port", str(member.port)]
    if member.behaviour == HONEST:
        return ["miner", "run", *port]
    if member.behaviour == SLOW:
        return ["lab", "miner", "--slow", str(SLOWDOWN), *port]
    return ["lab", "miner", "--cheat", member.behaviour, *port]
