"""The library of the SDK's lines 9.x to 10.2 beside a run: it signs, it pays, and it reads."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.foreign.world import World

pytestmark = [pytest.mark.foreign, pytest.mark.e2e, pytest.mark.timeout(300)]

SENT_RAO = 234_567_891


@pytest.fixture(scope="module")
def seen(world: World) -> dict[str, Any]:
    return dict(world.script("old_client.py"))


def test_its_transfer_moved_what_it_says(world: World, seen: dict[str, Any]) -> None:
    assert seen["success"] is True
    before, after = world.chain.around(seen["block"])
    assert seen["nonce"] == before.account(seen["sender"]).nonce
    assert after.account(seen["other"]).free == seen["free"] == SENT_RAO
    paid = before.account(seen["sender"]).free - after.account(seen["sender"]).free
    assert 0 < paid - SENT_RAO <= seen["partial_fee"]


def test_it_reads_what_a_runtime_api_answers(seen: dict[str, Any]) -> None:
    assert seen["nonce_after"] == seen["nonce"] + 1
