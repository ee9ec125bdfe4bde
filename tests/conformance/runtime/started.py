"""A subnet made by ordinary calls in a ``World``, and the people about it.

Adds to ``world`` what tests of calls and settings begin with: "owner" has registered subnet 1 with
the hotkey "owner hot" and started it; "validator" and "miner" are in with a hotkey each ("validator
hot", "miner hot"), the first with stake, and a permit by the epoch that has run. "stranger" has
money alone. All of that came about by extrinsics and blocks; nothing is written by hand but the
money.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.conformance.runtime.world import NETUID, World, address

TAO: Final = 10**9
STAKE: Final = 1_000 * TAO
WEALTH: Final = 100_000 * TAO
"""Of each: all together far from what halves the emission."""
PEOPLE: Final = ("owner", "validator", "miner", "stranger")
FIRST_BLOCK: Final = 10
NOW: Final = 100
"""The block that is begun: some epochs after the start, and none runs in it."""


def done(world: World, signer: str, function: str, arguments: Mapping[str, Any]) -> None:
    """A call of the chain's own pallet that succeeds."""
    refused = world.submit(signer, function, arguments)
    assert refused is None, (function, refused)


def started(now: int = NOW) -> World:
    """The subnet as the file's header describes it, in block ``now``."""
    world = World()
    world.issue(*PEOPLE, *(f"{name} hot" for name in PEOPLE), rao=WEALTH)
    world.begin_block(FIRST_BLOCK)
    done(world, "owner", "register_network", {"hotkey": address("owner hot")})
    world.begin_block(FIRST_BLOCK + 1)
    done(world, "owner", "start_call", {"netuid": NETUID})
    for name in ("validator", "miner"):
        done(world, name, "burned_register", {"netuid": NETUID, "hotkey": address(f"{name} hot")})
    done(world, "validator", "add_stake", stake_of("validator", STAKE))
    for block in range(FIRST_BLOCK + 2, now + 1):
        world.begin_block(block)
    return world


def whole(world: World) -> None:
    """Nothing that a test did breaks an invariant of the chain's money, at the end of the block."""
    world.end_block()
    assert world.ask("InvariantsRuntimeApi_broken_invariant") is None


def borrowed(world: World) -> Iterator[World]:
    """The world for one test: whole after it, and then as it was before."""
    world.overlay.start()
    try:
        yield world
        whole(world)
    finally:
        world.overlay.rollback()


def stake_of(name: str, rao: int, netuid: int = NETUID) -> dict[str, Any]:
    """The arguments of ``add_stake`` behind the person's own hotkey."""
    return {"hotkey": address(f"{name} hot"), "netuid": netuid, "amount_staked": rao}
