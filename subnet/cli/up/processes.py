"""The processes of a run: what each is started with, as a supervisor takes it.

In go the plan, what was asked for and the chosen task; out come ``ChildSpec``s of the chain and of
the neurons, which are entered as a person's commands are. Nothing is started here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from assay.cli.task_options import ChosenTask
from assay.cli.up.plan import HONEST, HOTKEY, SLOW, SLOWDOWN, Member, MemberRole, Plan
from assay.cli.up.request import RunRequest
from assay.spawn import ChildSpec
from assay.types import NetUid

CHAIN: Final = "chain"
"""The name of the chain's process."""
ENTRY: Final = "assay.cli.main"
"""What every process of a run enters by, as a person's command does."""
ROUND_INTERVAL_S: Final = 0.5
"""Ten rounds an epoch of 5 s: averages settle before they are paid for."""
NOTHING_MORE: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})


def chain_spec(plan: Plan, request: RunRequest) -> ChildSpec:
    """The process of the run's chain."""
    place = ("--port", str(plan.chain_port), "--state-dir", str(plan.chain_dir))
    return ChildSpec(
        name=CHAIN,
        module=ENTRY,
        arguments=(
            *("chain", "start", *place, *_metrics_words(plan.metrics_port), "--json"),
            *log_words(plan.log(CHAIN), request),
        ),
        log=plan.log(CHAIN),
        ready_line=True,
    )


def neuron_specs(
    plan: Plan,
    netuid: NetUid,
    request: RunRequest,
    chosen: ChosenTask,
    role: MemberRole,
    more: Mapping[str, Sequence[str]] = NOTHING_MORE,
    *,
    niceness: int = 0,
) -> Iterator[ChildSpec]:
    """The processes of all members of one role, which may be miner or validator; ``more`` are the
    words of single members beside the role's, by their names. ``niceness`` is how far they, and
    what they start, give way to the machine's other processes."""
    validates = role is MemberRole.VALIDATOR
    own = chosen.words(chosen.validator if validates else chosen.miner)
    for member in plan.of(role):
        arguments = (
            *(_validator_words(plan, member, chosen) if validates else _miner_words(member)),
            *("--netuid", str(netuid), "--wallet", member.name, "--hotkey", HOTKEY),
            *("--task", plan.task, "--chain", plan.endpoint, "--state-dir", str(plan.state_dir)),
            *_metrics_words(member.metrics_port),
            *log_words(plan.log(member.name), request),
            *("--log-level", request.neuron_log_level),
            *own,
            *more.get(member.name, ()),
        )
        yield ChildSpec(
            name=member.name,
            module=ENTRY,
            arguments=arguments,
            log=plan.log(member.name),
            niceness=niceness,
            forked=True,
            stage=1,
        )


def log_words(log: Path, request: RunRequest) -> tuple[str, ...]:
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
