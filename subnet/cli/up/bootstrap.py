"""What the people of a run's subnet do on chain before its neurons start.

In this order: the owner's coldkey gets TAO, the owner creates and starts a subnet, every member
gets TAO and registers its hotkey, and each validator stakes, one after the other, as much as the
others (``stakes``). Every step is an ordinary extrinsic, signed by the key that it concerns, as a
person would send it; the chain's development account gives TAO away, and where it is the
chain's root it sets the kappa of a run with two validators. Each step first looks whether it is
done, so that a run can be taken up again wherever it was left.

This module knows the plan and the chain's interface. It starts no process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from assay.chain.interface import Call, Chain
from assay.cli.up.plan import Member, MemberRole, Plan
from assay.cli.up.stakes import KAPPA_OF_TWO, STAKE_MAX, cost_of, first_stake
from assay.errors import UserError
from assay.types import RAO_PER_TAO, AlphaRao, NetUid, Rao, Signer

FUNDS: Final[Mapping[MemberRole, Rao]] = {
    # The price of a subnet starts at 1,000 TAO and doubles with each one.
    MemberRole.OWNER: Rao(4_000 * RAO_PER_TAO),
    MemberRole.VALIDATOR: Rao(3_000 * RAO_PER_TAO),
    # A uid starts at 1 TAO and gets dearer by a quarter with each registration.
    MemberRole.MINER: Rao(100 * RAO_PER_TAO),
}
"""What a member's coldkey is given. A member that has half of it left is given nothing."""


@dataclass(frozen=True, slots=True)
class Funds:
    """Who gives a run's members their TAO."""

    giver: Signer
    is_root: bool
    """Whether that account is the chain's root as well, and may set what only root may set."""


@dataclass(frozen=True, slots=True)
class MemberKeys:
    """The two keys of one member of a run."""

    coldkey: Signer
    hotkey: Signer


async def bootstrap(
    chain: Chain,
    plan: Plan,
    keys: Mapping[str, MemberKeys],
    funds: Funds,
    *,
    netuid: NetUid | None,
    apart: NetUid | None = None,
    commit_reveal: bool = False,
    say: Callable[[str], None],
) -> NetUid:
    """Bring every member of ``plan`` onto one subnet, and return its number.

    ``netuid`` is the subnet that an earlier start of the run made; with None the owner's subnet is
    taken, or one is made if the owner has none; the subnet ``apart``, which is the owner's as well,
    is left alone. ``funds`` gives the TAO. With ``commit_reveal``
    the owner lets weights be sealed; without it the subnet stays as it is. ``say`` is told each
    step. It can be repeated after an end at any moment.
    """
    funding = asyncio.Lock()  # one account gives: its extrinsics go one after another

    async def fund(member: Member) -> None:
        need = FUNDS[member.role]
        address = keys[member.name].coldkey.address
        if await chain.balance(address) >= need // 2:
            return
        async with funding:
            await chain.transfer(funds.giver, address, need)

    owner = keys[plan.owner.name]
    if netuid is None:
        netuid = await _subnet_of(chain, owner, apart)
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
    if commit_reveal and not (await chain.hyperparameters(subnet)).commit_reveal:
        await chain.submit(_commit_reveal(subnet), owner.coldkey)
    say("Registering neurons and staking")
    staking = _Staking(chain, subnet, [keys[each.name] for each in plan.of(MemberRole.VALIDATOR)])

    async def join(member: Member) -> None:
        own = keys[member.name]
        if member.role is not MemberRole.OWNER:
            await fund(member)
        await chain.register(subnet, own.coldkey, own.hotkey.address)
        if member.role is MemberRole.VALIDATOR:
            await staking.stake(own)

    async def need_two() -> None:
        if staking.validators != 2:
            return
        if funds.is_root:
            async with funding:
                await _set_kappa(chain, subnet, funds.giver)
        else:
            say("The chain's root is somebody else: one of two validators alone can decide")

    await asyncio.gather(*(join(member) for member in plan.members), need_two())
    return subnet


class _Staking:
    """Lets the validators of a subnet stake in turns, each as much alpha as the first."""

    def __init__(self, chain: Chain, netuid: NetUid, keys: Sequence[MemberKeys]) -> None:
        self._chain = chain
        self._netuid = netuid
        self._keys = keys
        self._turn = asyncio.Lock()

    @property
    def validators(self) -> int:
        return len(self._keys)

    async def stake(self, own: MemberKeys) -> None:
        """Stake for the validator with the keys ``own``, unless it holds a stake already."""
        async with self._turn:
            held = [await self._held(each) for each in self._keys]
            if held[self._keys.index(own)]:
                return
            amount = first_stake(self.validators)
            if any(held):
                price, after = await asyncio.gather(
                    self._chain.price_after(self._netuid, Rao(0)),
                    self._chain.price_after(self._netuid, STAKE_MAX),
                )
                amount = cost_of(min(filter(None, held)), price, after)
            await self._chain.add_stake(self._netuid, own.coldkey, own.hotkey.address, amount)

    async def _held(self, keys: MemberKeys) -> AlphaRao:
        return await self._chain.stake(keys.hotkey.address, keys.coldkey.address, self._netuid)


def _commit_reveal(netuid: NetUid) -> Call:
    arguments = {"netuid": netuid, "enabled": True}
    return Call("AdminUtils", "sudo_set_commit_reveal_weights_enabled", arguments)


async def _set_kappa(chain: Chain, netuid: NetUid, root: Signer) -> None:
    """Let consensus on the subnet need more stake than one of two equal validators has."""
    if await chain.read("SubtensorModule.Kappa", netuid) != KAPPA_OF_TWO:
        setting = Call("AdminUtils", "sudo_set_kappa", {"netuid": netuid, "kappa": KAPPA_OF_TWO})
        await chain.submit(Call("Sudo", "sudo", {"call": setting}), root)


async def _subnet_of(chain: Chain, owner: MemberKeys, apart: NetUid | None) -> NetUid | None:
    """The newest subnet of ``owner`` but the one ``apart``: a run that ended before it could write
    its number down has made one already."""
    subnets = await chain.subnets()
    owned = [
        each.netuid
        for each in subnets
        if each.owner_coldkey == owner.coldkey.address and each.netuid != apart
    ]
    return max(owned, default=None)
