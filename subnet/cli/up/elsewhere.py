"""Whether a run can be brought up on a chain that somebody else runs, and who gives it TAO there.

``check_address`` looks at the address alone, before anything is made; ``check_chain`` asks the
chain that answers there; ``funds`` says who pays. Each refuses with one sentence of cause and one
of cure. Nothing is written to the chain here, and no process is started.

A run's neurons are at loopback addresses, and a neuron calls those only where the chain is on the
same machine. So the address is one of this machine: a node's own, or a tunnel's end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from assay.chain.address import NETWORKS, is_loopback, resolve, shown
from assay.chain.errors import BadQuery
from assay.chain.interface import Chain
from assay.chain.wallets import dev_signer
from assay.cli.amounts import in_tao
from assay.cli.up.bootstrap import FUNDS, Funds, MemberKeys
from assay.cli.up.plan import Plan
from assay.errors import UserError
from assay.types import RAO_PER_TAO, Rao, ss58_decode

GIVER: Final = "//Alice"
"""To whom every development chain gives its first coins."""
_FEES: Final = Rao(10 * RAO_PER_TAO)
"""What the giver keeps back: its own fees are a thousandth of it."""
_ONE_BY_ONE: Final = (
    "Start the neurons one by one, with `assay miner run` and `assay validator run`, whose"
    " addresses others reach."
)


def check_address(network: str) -> None:
    """UserError unless ``network`` is the address of a chain on this machine."""
    if network in NETWORKS and NETWORKS[network] != NETWORKS["local"]:
        raise UserError(
            f"{network} is a public network, where nobody is given TAO to begin with.",
            "Register on it with wallets of your own: `assay register`, `assay miner run`.",
        )
    url = resolve(network)
    if not is_loopback(url):
        raise UserError(
            f"{shown(url)} is not on this machine, and a run's neurons are at addresses that only"
            " this machine reaches.",
            f"Give the address of a node here, or of a tunnel. {_ONE_BY_ONE}",
        )


async def check_chain(chain: Chain, plan: Plan, known: str | None) -> str:
    """The genesis of ``chain``, the one at the plan's address.

    UserError if the run was on a chain with another genesis, ``known``, if it is a public network
    through a node here, or if its runtime is not one that a run can be brought up on.
    """
    genesis = await chain.genesis_hash()
    if known is not None and genesis != known:
        raise UserError(
            f"The chain at {shown(plan.endpoint)} has the genesis {genesis}, and the run in"
            f" {plan.state_dir} was on the chain {known}.",
            "Name the chain that it was on, give --fresh to start over, or another --state-dir.",
        )
    if await chain.is_public():
        raise UserError(
            f"The node at {shown(plan.endpoint)} belongs to a public network, where nobody is given"
            " TAO to begin with.",
            "Register on it with wallets of your own: `assay register`, `assay miner run`.",
        )
    await _check_runtime(chain, plan)
    return genesis


async def _check_runtime(chain: Chain, plan: Plan) -> None:
    at = shown(plan.endpoint)
    try:
        await chain.read("SubtensorModule.TotalNetworks")
    except BadQuery:
        raise UserError(
            f"The chain at {at} has no subnets: its runtime lacks the pallet SubtensorModule.",
            "Begin a chain with Assay's runtime: `assay chain export-spec` writes its spec.",
        ) from None
    try:
        allowed = await chain.read("SubtensorModule.LoopbackAxonsAllowed")
    except BadQuery:  # a public runtime, which takes no such address
        allowed = False
    if not allowed:
        raise UserError(
            f"The chain at {at} lets no neuron have a loopback address, as all of a run's have.",
            f"Begin a chain with the preset local or fast-localnet. {_ONE_BY_ONE}",
        )


async def funds(chain: Chain, plan: Plan, keys: Mapping[str, MemberKeys]) -> Funds:
    """Who gives TAO to the members of ``plan`` that have too little of it, and whether that account
    is the chain's root. UserError if they need more than the giver has."""
    giver = dev_signer(GIVER, chain_url=plan.endpoint)
    held, *balances = await asyncio.gather(
        chain.balance(giver.address),
        *(chain.balance(keys[member.name].coldkey.address) for member in plan.members),
    )
    lacking = {
        member.name: FUNDS[member.role]
        for member, balance in zip(plan.members, balances, strict=True)
        if balance < FUNDS[member.role] // 2
    }
    need = sum(lacking.values())
    if lacking and held < need + _FEES:
        first = next(iter(lacking))
        raise UserError(
            f"The run's members need {in_tao(Rao(need))} TAO, and {GIVER}, which gives it on a"
            f" development chain, has {in_tao(held)} at {shown(plan.endpoint)}.",
            f"Send each what it lacks: {first}, for instance, {in_tao(lacking[first])} TAO to"
            f" {keys[first].coldkey.address}; `assay wallet list` names the others.",
        )
    return Funds(giver, _is(await chain.read("Sudo.Key"), giver.public_key))


def _is(account: object, public_key: bytes) -> bool:
    """Whether ``account``, as the chain's metadata has it decoded, is the key's."""
    try:
        return isinstance(account, str) and ss58_decode(account) == public_key
    except ValueError:
        return False
