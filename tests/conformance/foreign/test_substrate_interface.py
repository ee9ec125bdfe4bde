"""substrate-interface beside a run: a transfer, its events, and storage of the subnet's pallet."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.foreign.raw import account, compact, number, text, u16, vector
from tests.conformance.foreign.world import NETUID, World

pytestmark = [pytest.mark.foreign, pytest.mark.e2e, pytest.mark.timeout(300)]

SENT_RAO = 1_234_567_890
BALANCES_TRANSFER = bytes([5, 2])
"""Pallet 5, event 2: the public chain's numbers."""


@pytest.fixture(scope="module")
def seen(world: World) -> dict[str, Any]:
    return dict(world.script("substrate_interface.py"))


def test_a_transfer_moved_what_it_says(world: World, seen: dict[str, Any]) -> None:
    assert seen["success"] is True
    before, after = world.chain.around(seen["block"])
    sender, other = seen["sender"], seen["other"]
    assert after.account(other).free - before.account(other).free == SENT_RAO
    paid = before.account(sender).free - after.account(sender).free
    assert paid == SENT_RAO + seen["fee_rao"]
    assert seen["free"] == after.account(sender).free


def test_its_events_are_those_in_storage(world: World, seen: dict[str, Any]) -> None:
    raw = world.chain.at(seen["block"]).get("System", "Events")
    assert raw is not None
    count, _ = compact(raw)
    assert len(seen["events"]) == count
    (transfer,) = [e for e in seen["own_events"] if e["name"] == "Balances.Transfer"]
    assert transfer["attributes"] == {
        "from": seen["sender"],
        "to": seen["other"],
        "amount": SENT_RAO,
    }
    # Phase ApplyExtrinsic(index), then the event, then no topics.
    record = (
        b"\x00"
        + seen["index"].to_bytes(4, "little")
        + BALANCES_TRANSFER
        + account(seen["sender"])
        + account(seen["other"])
        + SENT_RAO.to_bytes(8, "little")
        + b"\x00"
    )
    assert raw.count(record) == 1
    names = [e["name"] for e in seen["own_events"]]
    assert names[-1] == "System.ExtrinsicSuccess"
    assert "TransactionPayment.TransactionFeePaid" in names


def test_it_reads_the_subnet_as_stored(world: World, seen: dict[str, Any]) -> None:
    at = world.chain.at(seen["block"])
    keys = {int(uid): account(hotkey) for uid, hotkey in seen["keys"].items()}
    assert [keys[uid] for uid in sorted(keys)] == at.hotkeys(NETUID)
    assert seen["tempo"] == number(at.subtensor("Tempo", u16(NETUID)))
    assert account(seen["owner"]) == at.subtensor("SubnetOwner", u16(NETUID))
    assert seen["symbol"] == text(at.subtensor("TokenSymbol", u16(NETUID)))
    assert seen["incentive"] == vector(at.subtensor("Incentive", u16(NETUID)), 2)
    assert any(seen["incentive"])
    assert seen["existential_deposit"] > 0
