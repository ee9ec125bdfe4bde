"""A block's state is decoded by the runtime that wrote it, whatever runtime was presumed."""

from __future__ import annotations

import pytest

from assay.chain.errors import BadAnswer
from assay.chain.sdk_block import KEYS_MAX, BlockState, Item, read_at
from assay.chain.sdk_heads import header_hash
from tests.unit.subnet.chain.told import AT, Told, ToldCodec


def tempo(netuid: int = 1) -> Item:
    return Item("SubtensorModule", "Tempo", (netuid,))


async def test_a_question_at_a_known_runtime_costs_its_own_requests_alone() -> None:
    told = Told()

    async def ask(state: BlockState) -> object:
        return await state.items([tempo(), tempo(2), Item("SubtensorModule", "Burn", (1,))])

    assert await read_at(told, AT.hash, ask) == [20, 20, 10**9]
    assert told.methods == {"state_queryStorageAt": 1}
    assert told.settled == 0


@pytest.mark.parametrize("asks_first", ["items", "api", "map"])
async def test_another_runtime_is_noticed_and_the_question_is_put_again(asks_first: str) -> None:
    told = Told(runtime=8, NetworksAdded=[(1, True), (3, True)])
    told.known = ToldCodec(7)  # type: ignore[assignment]

    async def ask(state: BlockState) -> object:
        if asks_first == "items":
            return await state.item(tempo())
        if asks_first == "map":
            return await state.entries("SubtensorModule", "NetworksAdded")
        return await state.call("SwapRuntimeApi", "current_alpha_price", 1)

    expected = {"items": 20, "api": 500_000_000, "map": [(1, True), (3, True)]}[asks_first]
    assert await read_at(told, AT.hash, ask) == expected
    assert told.settled == 1
    assert told.known is told.true
    assert await read_at(told, AT.hash, ask) == expected
    assert told.settled == 1  # it is known from now on


async def test_at_the_block_of_an_upgrade_storage_is_old_and_apis_are_new() -> None:
    told = Told(runtime=8, upgrades=True)

    async def ask(state: BlockState) -> object:
        price = await state.call("SwapRuntimeApi", "current_alpha_price", 1)
        return price, await state.item(tempo())

    assert await read_at(told, AT.hash, ask) == (500_000_000, 20)
    assert told.settled == 1
    assert told.known is told.after  # what the next block was made by


async def test_an_error_at_the_right_runtime_stands() -> None:
    told = Told()

    async def ask(state: BlockState) -> object:
        raise BadAnswer.to("everything", "nothing was understood")

    with pytest.raises(BadAnswer):
        await read_at(told, AT.hash, ask)
    assert told.settled == 0
    assert told.methods == {"state_queryStorageAt": 1}


async def test_more_keys_than_a_node_takes_at_once_are_asked_in_parts() -> None:
    told = Told()

    async def ask(state: BlockState) -> list[object]:
        return await state.items([tempo(netuid) for netuid in range(KEYS_MAX + 1)])

    assert await read_at(told, AT.hash, ask) == [20] * (KEYS_MAX + 1)
    assert told.methods == {"state_queryStorageAt": 2}


HEADER = {
    "parentHash": "0x1a9b9157d339bf93e4589bca041be3dc5655a0f291b46a6d242f23fea800ef95",
    "number": "0x1",
    "stateRoot": "0x5003abfecf671f477d4b1f62227d89fc20b3f8635b4b7cdfebcfd2388a9a72f4",
    "extrinsicsRoot": "0xaeaf996cf48638c63f15d2ecac017e18a00dda8742efa8d2891e3f536eccf1ff",
    "digest": {"logs": ["0x06617572612072463b1702000000"]},
}
"""A block of a local chain. The runtime itself wrote its hash into the next header."""
HASH = "0x95e3b49f24499e6620e4620b6c1f97c79a8215b62b84b60b3c58149e73f35e5f"


def test_a_headers_hash_is_the_runtimes() -> None:
    assert header_hash(HEADER) == HASH
    assert header_hash(HEADER | {"number": 1}) == HASH
    assert header_hash(HEADER | {"number": 2}) != HASH


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"number": None},
        HEADER | {"parentHash": "0x00"},
        HEADER | {"stateRoot": 5},
        HEADER | {"digest": None},
        HEADER | {"digest": {"logs": ["0xzz"]}},
    ],
)
def test_what_is_no_header(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"header|hex"):
        header_hash(wrong)
