"""What the people of a run's subnet do on chain before its neurons start.

In this order: the owner's coldkey gets TAO, the owner creates and starts a subnet, every member
gets TAO and registers its hotkey, and the validators stake. Every step is an ordinary extrinsic,
signed by the key that it concerns, as a person would send it; the chain's development account only
gives TAO away. Each step first looks whether it is done, so that a run can be taken up again
wherever it was left.

This module knows the plan and the chain's interface. It starts no process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from assay.chain.interface import Chain
from assay.cli.up.plan import Member, MemberRole, Plan
from assay.errors import UserError
from assay.types import RAO_PER_TAO, NetUid, Rao, Signer

FUNDS: Final[Mapping[MemberRole, Rao]] = {
    # The price of a subnet starts at 1,000 TAO and doubles with each one.
    MemberRole.OWNER: Rao(4_000 * RAO_PER_TAO),
    MemberRole.VALIDATOR: Rao(3_000 * RAO_PER_TAO),
    # A uid starts at 1 TAO and gets dearer by a quarter with each registration.
    MemberRole.MINER: Rao(100 * RAO_PER_TAO),
}
"""What a member's coldkey is given. A member that has half of it left is given nothing."""
VALIDATOR_STAKE: Final = Rao(1_000 * RAO_PER_TAO)
"""Many times the owner's stake at the start: the owner sets no weights, and until the chain counts
that as inactivity, the owner's stake weighs as if the owner wanted nobody to be paid."""


@dataclass(frozen=True, slots=True)
class MemberKeys:
    """The two keys of one member of a run."""

    coldkey: Signer
    hotkey: Signer


async def bootstrap(
    chain: Chain,
    plan: Plan,
    keys: Mapping[str, MemberKeys],
    faucet: Signer,
    *,
    netuid: NetUid | None,
    say: Callable[[str], None],
) -> NetUid:
    """Bring every member of ``plan`` onto one subnet, and return its number.

    ``netuid`` is the subnet that an earlier start of the run made; with None the owner's subnet is
    taken, or one is made if the owner has none. ``faucet`` gives the TAO. ``say`` is told each
    step. It can be repeated after an end at any moment.
    """
    funding = asyncio.Lock()  # one account gives: its extrinsics go one after another

    async def fund(member: Member) -> None:
        need = FUNDS[member.role]
        address = keys[member.name].coldkey.address
        if await chain.balance(address) >= need // 2:
            return
        async with funding:
            await chain.transfer(faucet, address, need)

    owner = keys[plan.owner.name]
    if netuid is None:
        netuid = await _subnet_of(chain, owner)
    if netuid is None:
        await fund(plan.owner)
        say("Creating a subnet")
        netuid = (await chain.create_subnet(owner.coldkey, owner.hotkey.address)).netuid
    elif not await chain.subnet_exists(netuid):
        raise UserError(
            f"The state folder {plan.state_dir} speaks of subnet {netuid}, which its chain lacks.",
            "Give --fresh to start over, or another --state-dir.",
        )
    subnet = netuid
    await chain.start_subnet(subnet, owner.coldkey)
    say("Registering neurons and staking")

    async def join(member: Member) -> None:
        own = keys[member.name]
        if member.role is not MemberRole.OWNER:
            await fund(member)
        await chain.register(subnet, own.coldkey, own.hotkey.address)

    async def stake(member: Member) -> None:
        own = keys[member.name]
        held = await chain.stake(own.hotkey.address, own.coldkey.address, subnet)
        if held == 0:
            await chain.add_stake(subnet, own.coldkey, own.hotkey.address, VALIDATOR_STAKE)

    await asyncio.gather(*(join(member) for member in plan.members))
    await asyncio.gather(*(stake(member) for member in plan.of(MemberRole.VALIDATOR)))
    return subnet


async def _subnet_of(chain: Chain, owner: MemberKeys) -> NetUid | None:
    """The newest subnet of ``owner``: a run that ended before it could write its number down has
    made one already."""
    subnets = await chain.subnets()
    owned = [each.netuid for each in subnets if each.owner_coldkey == owner.coldkey.address]
    return max(owned, default=None)
