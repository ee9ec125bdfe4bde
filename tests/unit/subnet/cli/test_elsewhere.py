"""On which chains of others a run is brought up, and what is told of those on which it is not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from assay.chain.fake import FakeChain, FakeLedger
from assay.chain.fake_items import FakeItem
from assay.chain.wallets import dev_signer
from assay.cli.up.bootstrap import MemberKeys
from assay.cli.up.elsewhere import GIVER, check_address, check_chain, funds
from assay.cli.up.plan import Plan, make_plan
from assay.clock import SystemClock
from assay.errors import UserError
from assay.types import RAO_PER_TAO

URL = "ws://127.0.0.1:9"
SUBNETS = {"SubtensorModule.TotalNetworks": FakeItem(default=1)}
LOCAL = {**SUBNETS, "SubtensorModule.LoopbackAxonsAllowed": FakeItem(default=True)}


def plan(folder: Path) -> Plan:
    return make_plan(
        seed=0, task="task", task_options=(), base_port=30_000, state_dir=folder,
        validators=2, miners=2, cheat=None, slow=0, chain_url=URL,
    )  # fmt: skip


def keys(of: Plan) -> dict[str, MemberKeys]:
    return {
        each.name: MemberKeys(
            dev_signer(f"//cold//{each.name}", chain_url=URL),
            dev_signer(f"//hot//{each.name}", chain_url=URL),
        )
        for each in of.members
    }


def chain(items: Mapping[str, FakeItem], **balances: int) -> FakeChain:
    """A chain with these ``items`` beside the usual ones, and with ``balances`` in TAO, by URI."""
    owned = {
        dev_signer(f"//{name}", chain_url=URL).address: tao * RAO_PER_TAO
        for name, tao in balances.items()
    }
    return FakeChain(FakeLedger(SystemClock(), balances=owned, items=items))


@pytest.mark.parametrize("network", ["finney", "test"])
def test_nobody_is_given_anything_on_a_public_network(network: str) -> None:
    with pytest.raises(UserError, match="public network"):
        check_address(network)


def test_a_chain_elsewhere_than_here_cannot_reach_the_neurons() -> None:
    with pytest.raises(UserError, match="not on this machine") as caught:
        check_address("wss://user:secret@chain.example:443/key")
    assert "secret" not in str(caught.value) and "key" not in caught.value.cause
    check_address("local")
    check_address(URL)


def test_a_run_has_no_port_of_a_chain_that_others_run(tmp_path: Path) -> None:
    made = plan(tmp_path)
    assert made.endpoint == URL
    assert made.chain_port not in made.ports


async def test_a_chain_is_known_by_its_genesis(tmp_path: Path) -> None:
    there = chain(LOCAL)
    genesis = await check_chain(there, plan(tmp_path), None)
    assert await check_chain(there, plan(tmp_path), genesis) == genesis
    with pytest.raises(UserError, match="was on the chain 0xff"):
        await check_chain(there, plan(tmp_path), "0xff")


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ({}, "has no subnets"),
        (SUBNETS, "loopback address"),
        ({**LOCAL, "SubtensorModule.LoopbackAxonsAllowed": FakeItem(default=False)}, "loopback"),
    ],
)
async def test_a_runtime_on_which_no_run_can_be_is_named(
    tmp_path: Path, items: Mapping[str, FakeItem], told: str
) -> None:
    with pytest.raises(UserError, match=told):
        await check_chain(chain(items), plan(tmp_path), None)


async def test_who_gives_is_root_where_the_chain_says_so(tmp_path: Path) -> None:
    made = plan(tmp_path)
    alice = dev_signer(GIVER, chain_url=URL).address
    bob = dev_signer("//Bob", chain_url=URL).address
    for sudo, is_root in ((alice, True), (bob, False), (None, False)):
        items = {**LOCAL, "Sudo.Key": FakeItem(default=sudo)}
        found = await funds(chain(items, Alice=1_000_000), made, keys(made))
        assert (found.giver.address, found.is_root) == (alice, is_root)


async def test_too_little_money_is_told_before_anything_is_spent(tmp_path: Path) -> None:
    made = plan(tmp_path)
    items = {**LOCAL, "Sudo.Key": FakeItem()}
    members = keys(made)
    # An owner, two validators and two miners: 4,000, 2 times 3,000 and 2 times 100.
    with pytest.raises(UserError, match="need 10200 TAO") as caught:
        await funds(chain(items, Alice=10_200), made, members)
    assert members["owner"].coldkey.address in caught.value.cure
    await funds(chain(items, Alice=10_210), made, members)
    # Who was given money by hand needs none.
    rich = chain(items, **{f"cold//{each.name}": 4_000 for each in made.members})
    await funds(rich, made, members)
