"""What a subnet's people do on chain before its neurons run: fund, create, start, register, stake.

Adds to the chain's interface an order, and nothing that a person could not do: every step is an
ordinary extrinsic signed by the key it concerns. The local chain's development account only gives
TAO away. Each step looks first whether it is done, so that a run can be taken up again where it was
left. It starts no process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from assay.chain.interface import Chain
from assay.cli.up.plan import Member, Plan, Role
from assay.errors import UserError
from assay.types import RAO_PER_TAO, NetUid, Rao, Signer, Uid

FUNDS: Final[Mapping[Role, Rao]] = {
    # The price of a subnet starts at 1,000 TAO and doubles with each one.
    Role.OWNER: Rao(4_000 * RAO_PER_TAO),
    Role.VALIDATOR: Rao(3_000 * RAO_PER_TAO),
    # A uid starts at 1 TAO and gets dearer by a quarter with each registration.
    Role.MINER: Rao(100 * RAO_PER_TAO),
}
VALIDATOR_STAKE: Final = Rao(1_000 * RAO_PER_TAO)
STAKE_OVER_OWNER: Final = 10
"""A validator holds ten times the owner's stake, or the owner, who sets no weights, would weigh in
the consensus as one who wants nobody paid."""


@dataclass(frozen=True, slots=True)
class Keys:
    """One member's two keys."""

    coldkey: Signer
    hotkey: Signer


@dataclass(frozen=True, slots=True)
class Standup:
    """What bootstrap brought about: the subnet, and each member's uid by name."""

    netuid: NetUid
    uids: Mapping[str, Uid]


async def bootstrap(
    chain: Chain,
    plan: Plan,
    keys: Mapping[str, Keys],
    faucet: Signer,
    *,
    netuid: NetUid | None,
    say: Callable[[str], None],
) -> Standup:
    """Bring every member onto the subnet. Safe to repeat, also after an end at any moment.

    ``netuid`` None takes the owner's subnet, or creates one if the owner has none.
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
        # A run that ended before it could write the netuid down has one already.
        owned = [s for s in await chain.subnets() if s.owner_coldkey == owner.coldkey.address]
        netuid = max((subnet.netuid for subnet in owned), default=None)
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

    async def join(member: Member) -> tuple[str, Uid]:
        own = keys[member.name]
        if member.role is not Role.OWNER:
            await fund(member)
        registration = await chain.register(subnet, own.coldkey, own.hotkey.address)
        return member.name, registration.uid

    uids = dict(await asyncio.gather(*(join(member) for member in plan.members)))
    owner_stake = (await chain.metagraph(subnet)).neurons[uids[plan.owner.name]].total_stake

    async def stake(member: Member) -> None:
        own = keys[member.name]
        held = await chain.stake(own.hotkey.address, own.coldkey.address, subnet)
        if held == 0:
            await chain.add_stake(subnet, own.coldkey, own.hotkey.address, VALIDATOR_STAKE)

    await asyncio.gather(*(stake(member) for member in plan.of(Role.VALIDATOR)))
    metagraph = await chain.metagraph(subnet)
    weakest = min(
        metagraph.neurons[uids[member.name]].total_stake for member in plan.of(Role.VALIDATOR)
    )
    if weakest < STAKE_OVER_OWNER * owner_stake:
        say(
            f"The owner, who sets no weights, holds {owner_stake / 1e9:.3f} of stake, more than a"
            f" {STAKE_OVER_OWNER}th of a validator's: the consensus pays miners less"
            " for it until the chain counts its silence as inactivity"
        )
    return Standup(subnet, uids)
