"""Who takes part in a run, drawn from the seed alone.

Adds to the options the cast: an owner that runs no process, validators, miners, which miner cheats
and which one is slow, and the port and the folders of each. A role is what a process is; nothing
here is ever inferred from the chain. It starts nothing and touches no file.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from assay.errors import UserError
from assay.types import PORT_MAX

SLOWDOWN: Final = 2.0
"""A slow miner takes twice as long: the least that a person would call slow."""


class MemberRole(StrEnum):
    OWNER = "owner"
    VALIDATOR = "validator"
    MINER = "miner"


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


@dataclass(frozen=True, slots=True)
class Plan:
    """A run's cast and places."""

    seed: int
    task: str
    task_options: tuple[str, ...]
    chain_port: int
    state_dir: Path
    members: tuple[Member, ...]

    @property
    def endpoint(self) -> str:
        return f"ws://127.0.0.1:{self.chain_port}"

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
) -> Plan:
    """Draw the cast. ``cheat`` None: everybody is honest. UserError for a cast that cannot be."""
    if miners < 1 or validators < 1:
        raise UserError(
            f"A subnet of {validators} validators and {miners} miners pays nobody.",
            "Ask for at least one of each.",
        )
    if slow + (cheat is not None) >= miners:
        raise UserError(
            f"Of {miners} miners none would be honest and unhindered.",
            "Ask for more miners, or for fewer that are slow or cheat.",
        )
    if not 1 <= base_port <= PORT_MAX - miners:
        raise UserError(
            f"The ports {base_port} to {base_port + miners} do not exist.",
            f"Give a --base-port of at most {PORT_MAX - miners}.",
        )
    drawn = random.Random(f"assay/up/{seed}").sample(range(miners), slow + (cheat is not None))
    cheating = drawn[0] if cheat is not None else None
    slowed = set(drawn[1:] if cheat is not None else drawn)

    def behaviour(index: int) -> str:
        if index == cheating and cheat is not None:
            return cheat
        return SLOW if index in slowed else HONEST

    members = [Member("owner", MemberRole.OWNER, HONEST, None)]
    members += [
        Member(f"validator-{index + 1}", MemberRole.VALIDATOR, HONEST, None)
        for index in range(validators)
    ]
    members += [
        Member(f"miner-{index + 1}", MemberRole.MINER, behaviour(index), base_port + 1 + index)
        for index in range(miners)
    ]
    return Plan(seed, task, task_options, base_port, state_dir, tuple(members))
