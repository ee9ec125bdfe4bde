"""Calls by name: any call that the runtime has may be signed and sent."""

from __future__ import annotations

import pytest

from assay.chain.errors import BadQuery, TooLittleBalance
from assay.chain.interface import Call
from tests.conformance.chain.worlds import TAO, World, funded


def transfer(to: str, amount: int) -> Call:
    return Call("Balances", "transfer_keep_alive", {"dest": to, "value": amount})


async def test_a_call_is_signed_sent_and_takes_effect(world: World) -> None:
    sender, receiver = await funded(world, 10), world.key()
    receipt = await world.chain.submit(transfer(receiver.address, 3 * TAO), sender)
    assert receipt.block.number <= (await world.chain.finalized()).number
    assert await world.chain.balance(receiver.address) == 3 * TAO
    noted = await world.chain.submit(Call("System", "remark", {"remark": b"\xff\x00"}), sender)
    assert noted.extrinsic != receipt.extrinsic


async def test_a_call_that_is_refused_changes_nothing(world: World) -> None:
    sender, receiver = await funded(world, 1), world.key()
    with pytest.raises(TooLittleBalance):
        await world.chain.submit(transfer(receiver.address, 5 * TAO), sender)
    assert await world.chain.balance(receiver.address) == 0


WRONG = {
    "no such call": Call("Balances", "nonsense", {}),
    "no such pallet": Call("Nonsense", "remark", {}),
    "an argument is missing": Call("System", "remark", {}),
    "an argument of another type": Call("System", "remark", {"remark": 5}),
    "one argument too many": Call("System", "remark", {"remark": b"", "extra": 1}),
    "a number that is none": Call(
        "Balances",
        "transfer_keep_alive",
        {"dest": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "value": -1},
    ),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_call_that_the_runtime_does_not_have(world: World, name: str) -> None:
    with pytest.raises(BadQuery) as caught:
        await world.chain.submit(WRONG[name], world.rich)
    assert isinstance(caught.value, ValueError)
    assert caught.value.cause.endswith(".")
    assert caught.value.cure.endswith(".")
