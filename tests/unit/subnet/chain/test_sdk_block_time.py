"""The block time as the runtime states it, whatever a node answers."""

from __future__ import annotations

from typing import Any

import pytest

from assay.chain.errors import BadAnswer
from assay.chain.sdk_session import SdkSession


class Answering(SdkSession):
    """A session whose node gives one answer to everything."""

    def __init__(self, answer: object) -> None:
        super().__init__("ws://127.0.0.1:1")
        self.answer = answer
        self.asked: list[tuple[str, list[Any]]] = []

    async def request(self, method: str, params: list[Any]) -> Any:
        self.asked.append((method, params))
        return self.answer


async def test_it_is_asked_each_time() -> None:
    session = Answering("0xfa00000000000000")
    assert await session.block_time() == 0.25
    session.answer = "0xe02e000000000000"
    assert await session.block_time() == 12.0
    assert session.asked == 2 * [("state_call", ["AuraApi_slot_duration", "0x"])]


@pytest.mark.parametrize(
    "answer", [None, 250, "", "0x", "0xfa", "0x" + 16 * "0", "0x" + 18 * "1", 17 * "z", {"a": 1}]
)
async def test_what_is_no_duration_is_not_taken_for_one(answer: object) -> None:
    with pytest.raises(BadAnswer, match="is no duration"):
        await Answering(answer).block_time()
