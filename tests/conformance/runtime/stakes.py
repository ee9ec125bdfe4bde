"""The stakes of an oracle's hotkeys written into a ``World``: members, takes, children, root.

Adds to ``subnet`` what payments need: pools with several members, coldkeys with several hotkeys and
a hotkey of their choice, TAO on root. The oracle's names of coldkeys are the world's.
"""

from __future__ import annotations

from typing import Final

from assay.scoring.reference.distribution import Hotkey
from tests.conformance.runtime.subnet import coldkey, hotkey
from tests.conformance.runtime.subnet import lay_stake as lay_root_stake
from tests.conformance.runtime.world import NETUID, World, address

ROOT: Final = 0


def lay_pool(world: World, uid: int, each: Hotkey) -> None:
    """The alpha behind a neuron's hotkey and the shares of its members."""
    hot = address(hotkey(uid))
    world.set("TotalHotkeyAlpha", hot, NETUID, to=each.pool.value)
    world.set("TotalHotkeyShares", hot, NETUID, to={"bits": each.pool.shares})
    for member, shares in each.pool.members.items():
        world.set("Alpha", hot, address(member), NETUID, to={"bits": shares})


def lay_hotkeys(world: World, hotkeys: list[Hotkey]) -> None:
    """The members, takes, children and root stake of an epoch that is laid already."""
    parents: dict[int, list[tuple[int, str]]] = {uid: [] for uid in range(len(hotkeys))}
    behind: dict[str, list[str]] = {}
    owned: dict[str, list[str]] = {}
    for uid, each in enumerate(hotkeys):
        hot = address(hotkey(uid))
        world.set("Owner", hot, to=address(each.owner))
        owned.setdefault(each.owner, []).append(hot)
        world.clear("Alpha", hot, address(coldkey(uid)), NETUID)
        lay_pool(world, uid, each)
        for member in each.pool.members:
            behind.setdefault(member, []).append(hot)
        lay_root_stake(world, uid, each.root, ROOT)
        world.set("Delegates", hot, to=each.take)
        world.set("ChildkeyTake", hot, NETUID, to=each.child_take)
        lent = [(part, address(hotkey(child))) for child, part in each.children.items()]
        world.set("ChildKeys", hot, NETUID, to=lent)
        for child, part in each.children.items():
            parents[child].append((part, hot))
        if each.pays_into is not None:
            chosen = address(hotkey(each.pays_into))
            world.set("AutoStakeDestination", address(each.owner), NETUID, to=chosen)
    for uid, lenders in parents.items():
        world.set("ParentKeys", address(hotkey(uid)), NETUID, to=lenders)
    for owner, hots in owned.items():
        world.set("OwnedHotkeys", address(owner), to=hots)
    for member, hots in behind.items():
        world.set("StakingHotkeys", address(member), to=hots)


def rate_of(world: World, hot: str) -> int:
    """What one rao of root stake behind the address ``hot`` has earned."""
    rates = dict(world.get("RootClaimable", hot))
    return sum(int(rate["bits"]) for rate in rates.values())
