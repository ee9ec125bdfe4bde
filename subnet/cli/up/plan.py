"""Who takes part in a run, drawn from the seed alone.

Adds to the options the cast: an owner, whose hotkey the gateway has if the task has a gateway,
validators, miners, which miner cheats and which one is slow, and the port and the folders of each.
A role is what a process is; nothing here is ever inferred from the chain. It starts nothing and
touches no file.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from assay.errors import UserError
from assay.types import PORT_MAX

SLOWDOWN: Final = 2.0
"""A slow miner takes twice as long: the least that a person would call slow."""


class MemberRole(StrEnum):
    OWNER = "owner"
    VALIDATOR = "validator"
    MINER = "miner"


NAMES: Final[Mapping[MemberRole, str]] = MappingProxyType(
    {MemberRole.VALIDATOR: "validator", MemberRole.MINER: "miner"}
)
"""What the members of a role are called, with a number each."""
HOTKEY: Final = "default"
"""The name of every member's hotkey, as btcli calls the first one."""
HONEST: Final = "honest"
SLOW: Final = "slow"


@dataclass(frozen=True, slots=True)
class Member:
    """One key on the subnet, and the process that it is (an owner is none)."""

    name: str
    """The wallet's name; its hotkey is ``HOTKEY``."""
    role: MemberRole
    behaviour: str
    """``honest``, ``slow`` or a cheat's name. Known to the supervisor alone."""
    port: int | None
    """Where its axon listens."""
    metrics_port: int | None = None
    """Where its process offers metrics, if the run was asked for any."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A run's cast and places."""

    seed: int
    task: str
    task_options: tuple[str, ...]
    chain_port: int
    state_dir: Path
    members: tuple[Member, ...]
    metrics_port: int | None = None
    """Where the chain offers metrics, if the run was asked for any."""
    gateway_port: int | None = None
    """Where clients are served; None for a task without a gateway."""
    chain_url: str | None = None
    """A chain that somebody else runs; None where the run has one of its own."""
    gateway_metrics_port: int | None = None
    """Where the gateway offers metrics, if there is one and the run was asked for any."""

    @property
    def gateway_url(self) -> str | None:
        """Where a browser and a client find the gateway."""
        return None if self.gateway_port is None else f"http://127.0.0.1:{self.gateway_port}"

    @property
    def endpoint(self) -> str:
        return self.chain_url or f"ws://127.0.0.1:{self.chain_port}"

    @property
    def ports(self) -> list[int]:
        """Every port that the run's processes listen on."""
        members = [port for each in self.members for port in (each.port, each.metrics_port)]
        chain = (self.chain_port, self.metrics_port) if self.chain_url is None else ()
        own = (*chain, self.gateway_port, self.gateway_metrics_port)
        return [port for port in (*own, *members) if port is not None]

    @property
    def wallets_dir(self) -> Path:
        return self.state_dir / "wallets"

    @property
    def chain_dir(self) -> Path:
        return self.state_dir / "chain"

    @property
    def cache_dir(self) -> Path:
        return self.state_dir / "cache"

    @property
    def pid_file(self) -> Path:
        """Says which process is whose, as JSON, while the run goes on."""
        return self.state_dir / "processes.json"

    def log(self, name: str) -> Path:
        """Where one process writes what it has to say."""
        return self.state_dir / "logs" / f"{name}.log"

    def of(self, role: MemberRole) -> Iterator[Member]:
        return (member for member in self.members if member.role is role)

    @property
    def owner(self) -> Member:
        return next(self.of(MemberRole.OWNER))


def make_plan(
    *,
    seed: int,
    task: str,
    task_options: tuple[str, ...],
    base_port: int,
    state_dir: Path,
    validators: int,
    miners: int,
    cheat: str | None,
    slow: int,
    metrics_port: int | None = None,
    gateway: bool = False,
    validators_serve: bool = False,
    chain_url: str | None = None,
    names: Mapping[MemberRole, str] = NAMES,
) -> Plan:
    """Draw the cast, and hand out the ports: the chain's, the miners', the gateway's if there is to
    be one, and the validators' if they serve anything.

    ``names`` says what the members of a role are called. ``chain_url`` is the chain that somebody
    else runs; the port and the metrics of a chain of the run's own stay unused then. With None as
    ``cheat`` everybody is honest. The chain offers its metrics at ``metrics_port`` and each neuron
    at one of the ports after it, validators first and the gateway last; with None nobody does.
    UserError for a cast or for ports that cannot be.
    """
    _check_cast(validators, miners, slow + (cheat is not None))
    behind = miners + gateway + (validators if validators_serve else 0)
    _check_ports(base_port, behind, metrics_port, validators + miners + gateway)
    behaviours = _drawn(seed, miners, cheat, slow)

    def measured(index: int) -> int | None:
        return None if metrics_port is None else metrics_port + 1 + index

    members = [Member("owner", MemberRole.OWNER, HONEST, None)]
    members += [
        Member(
            f"{names[MemberRole.VALIDATOR]}-{index + 1}",
            MemberRole.VALIDATOR,
            HONEST,
            base_port + 1 + miners + gateway + index if validators_serve else None,
            measured(index),
        )
        for index in range(validators)
    ]
    members += [
        Member(
            f"{names[MemberRole.MINER]}-{index + 1}",
            MemberRole.MINER,
            behaviour,
            base_port + 1 + index,
            measured(validators + index),
        )
        for index, behaviour in enumerate(behaviours)
    ]
    gateway_port = base_port + 1 + miners if gateway else None
    return Plan(
        seed,
        task,
        task_options,
        base_port,
        state_dir,
        tuple(members),
        metrics_port,
        gateway_port,
        chain_url,
        measured(validators + miners) if gateway else None,
    )


def _drawn(seed: int, miners: int, cheat: str | None, slow: int) -> list[str]:
    """How each of so many ``miners`` behaves: one is the ``cheat``, if there is any, and ``slow``
    others are slow."""
    unfit = [*(() if cheat is None else (cheat,)), *[SLOW] * slow]
    drawn = random.Random(f"assay/up/{seed}").sample(range(miners), len(unfit))
    behaviours = [HONEST] * miners
    for index, behaviour in zip(drawn, unfit, strict=True):
        behaviours[index] = behaviour
    return behaviours


def _check_cast(validators: int, miners: int, unfit: int) -> None:
    """UserError for a cast in which nobody is paid; ``unfit`` miners are slow or cheat."""
    if miners < 1 or validators < 1:
        raise UserError(
            f"A subnet of {validators} validators and {miners} miners pays nobody.",
            "Ask for at least one of each.",
        )
    if unfit >= miners:
        raise UserError(
            f"Of {miners} miners none would be honest and unhindered.",
            "Ask for more miners, or for fewer that are slow or cheat.",
        )


def _check_ports(base_port: int, behind: int, metrics_port: int | None, measured: int) -> None:
    """UserError for ports that cannot be: the chain's ``base_port`` with the ``behind`` ones after
    it, and ``metrics_port``, if there is one, with the ``measured`` ones after it."""
    if not 1 <= base_port <= PORT_MAX - behind:
        raise UserError(
            f"The ports {base_port} to {base_port + behind} do not exist.",
            f"Give a --base-port of at most {PORT_MAX - behind}.",
        )
    if metrics_port is not None:
        _check_metrics_ports(metrics_port, measured, base_port, behind)


def _check_metrics_ports(first: int, neurons: int, base_port: int, behind: int) -> None:
    """UserError if the ports from ``first`` on do not exist, or are the chain's and the ``behind``
    ones after it."""
    last = first + neurons
    if not 1 <= first <= PORT_MAX - neurons:
        raise UserError(
            f"The ports {first} to {last} do not exist.",
            f"Give a --metrics-port of at most {PORT_MAX - neurons}.",
        )
    if first <= base_port + behind and base_port <= last:
        raise UserError(
            f"The ports {first} to {last} for metrics include the chain's or a miner's,"
            f" or the gateway's ({base_port} to {base_port + behind}).",
            "Give a --metrics-port that is further from --base-port.",
        )
