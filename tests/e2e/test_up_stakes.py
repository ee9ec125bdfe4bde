"""The stakes that `assay up` gives validators: no validator decides alone who is paid."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from assay.chain.connect import connect
from assay.chain.interface import Chain
from assay.chain.wallets import dev_signer
from assay.cli.up.bootstrap import Funds, MemberKeys, bootstrap
from assay.cli.up.plan import MemberRole, Plan, make_plan
from assay.localnet.testing import node_process
from assay.types import U16_MAX, AlphaRao, NetUid, Rao

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


class Begun:
    """A run's people on their subnet, without its neurons."""

    def __init__(self, chain: Chain, url: str, plan: Plan) -> None:
        self.chain = chain
        self.plan = plan
        self._funds = Funds(dev_signer("//Alice", chain_url=url), is_root=True)
        self.keys = {
            each.name: MemberKeys(
                dev_signer(f"//cold//{each.name}", chain_url=url),
                dev_signer(f"//hot//{each.name}", chain_url=url),
            )
            for each in plan.members
        }

    async def go(self, netuid: NetUid | None = None) -> NetUid:
        return await bootstrap(
            self.chain, self.plan, self.keys, self._funds, netuid=netuid, say=lambda _: None
        )

    async def stakes(self, netuid: NetUid) -> dict[str, AlphaRao]:
        found = await self.chain.metagraph(netuid)
        names = {own.hotkey.address: name for name, own in self.keys.items()}
        return {names[neuron.hotkey]: neuron.alpha_stake for neuron in found.neurons}

    async def free(self) -> dict[str, Rao]:
        return {
            name: await self.chain.balance(own.coldkey.address) for name, own in self.keys.items()
        }


def _plan(folder: Path, validators: int) -> Plan:
    return make_plan(
        seed=1, task="task", task_options=(), base_port=9944, state_dir=folder,
        validators=validators, miners=2, cheat=None, slow=0,
    )  # fmt: skip


@pytest.mark.parametrize("validators", [1, 2, 3])
async def test_no_validator_has_more_than_kappa(tmp_path: Path, validators: int) -> None:
    with node_process("--in-memory", "--log-level", "WARNING") as node:
        chain = await connect(node.url, cache_dir=tmp_path, rng=random.Random(1), patience_s=20)
        try:
            begun = Begun(chain, node.url, _plan(tmp_path, validators))
            netuid = await begun.go()
            stakes = await begun.stakes(netuid)
            kappa = await chain.read("SubtensorModule.Kappa", netuid)
            assert isinstance(kappa, int)
            held = [stakes[each.name] for each in begun.plan.of(MemberRole.VALIDATOR)]
            assert min(held) > 0.98 * max(held)
            shares = [each / sum(stakes.values()) for each in held]
            if validators == 1:
                assert shares == [1.0]
            else:
                assert max(shares) <= kappa / U16_MAX
                assert sum(sorted(shares)[-2:]) > kappa / U16_MAX
            before = await begun.free()
            assert await begun.go(netuid) == netuid  # taken up again, it costs nothing
            assert await begun.free() == before
        finally:
            await chain.close()
