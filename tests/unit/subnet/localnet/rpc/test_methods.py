"""The methods over a real socket: Substrate's shapes, codes and words, and each read's limit."""

from __future__ import annotations

from typing import Any

import pytest

from assay.localnet.errors import BudgetSpent, CallTimeSpent
from assay.localnet.rpc.methods import registry
from assay.types import ss58_encode
from tests.unit.subnet.localnet.rpc.rig import hexed, rig
from tests.unit.subnet.localnet.toy_chain import Kind, account, extrinsic, hash_of


async def test_every_read_answers_in_substrates_shapes() -> None:
    async with rig() as node, node.socket() as client:
        head = hexed(node.chain.head.hash)
        assert await client.call("chain_getBlockHash") == head
        assert await client.call("chain_getBlockHash", 0) == head
        assert await client.call("chain_getBlockHash", "0x0") == head
        assert await client.call("chain_getBlockHash", [0, 9]) == [head, None]
        assert await client.call("chain_getHead") == head
        assert await client.call("chain_getFinalizedHead") == head
        assert (await client.call("chain_getHeader"))["number"] == "0x0"
        assert await client.call("chain_getHeader", "0x" + "11" * 32) is None
        assert await client.call("chain_getBlock", "0x" + "11" * 32) is None
        block = await client.call("chain_getBlock", head)
        assert block["block"]["extrinsics"] == []
        assert block["justifications"] is None
        version = await client.call("state_getRuntimeVersion", None)
        assert (version["specVersion"], version["transactionVersion"]) == (7, 1)
        assert version["apis"] == [["0x0101010101010101", 2]]
        assert await client.call("state_getMetadata") == hexed(b"meta")
        assert await client.call("state_getStorage", hexed(b"a")) == hexed(b"1")
        assert await client.call("state_getStorageAt", hexed(b"a"), head) == hexed(b"1")
        assert await client.call("state_getStorage", hexed(b"x")) is None
        assert await client.call("state_getStorageSize", hexed(b"a")) == 1
        assert await client.call("state_getStorageHash", hexed(b"a")) == hexed(hash_of(b"1"))
        keys = [hexed(b"a"), hexed(b"ab")]
        assert await client.call("state_getKeysPaged", hexed(b"a"), 10) == keys
        assert await client.call("state_getKeysPaged", hexed(b"a"), 10, keys[0], head) == keys[1:]
        assert await client.call("state_getKeys", hexed(b"a")) == keys
        assert await client.call("state_getPairs", hexed(b"ab")) == [[keys[1], hexed(b"2")]]
        assert await client.call("state_queryStorageAt", keys[:1], head) == [
            {"block": head, "changes": [[keys[0], hexed(b"1")]]}
        ]
        fee = await client.call("payment_queryInfo", hexed(extrinsic(1, 0)))
        assert fee == {
            "weight": {"ref_time": 1, "proof_size": 2},
            "class": "normal",
            "partialFee": "125",
        }
        assert await client.call("system_chain") == "Toy"
        assert (await client.call("system_properties"))["ss58Format"] == 42
        assert (await client.call("system_health"))["isSyncing"] is False


async def test_rpc_methods_is_the_registry() -> None:
    async with rig() as node, node.socket() as client:
        methods = (await client.call("rpc_methods"))["methods"]
    assert tuple(methods) == registry(dev_methods=True).names
    assert "dev_newBlock" not in registry(dev_methods=False).names


def test_each_method_is_in_the_file_of_its_prefix() -> None:
    from assay.localnet.rpc.methods import author, chain, dev, payment, state, system

    strays = {
        "chain_getRuntimeVersion": "state",
        "chain_subscribeRuntimeVersion": "state",
        "chain_unsubscribeRuntimeVersion": "state",
        "subscribe_newHead": "chain",
        "unsubscribe_newHead": "chain",
        "account_nextIndex": "system",
        "rpc_methods": "system",
    }  # Substrate's own aliases under a foreign prefix
    for file in (author, chain, dev, payment, state, system):
        prefix = file.__name__.rpartition(".")[2]
        assert file.methods.prefix == prefix
        for name in file.methods.entries:
            assert strays.get(name, name.split("_")[0]) == prefix, name


async def test_errors_carry_the_codes_and_words_that_clients_match_on() -> None:
    unknown = "0x" + "11" * 32
    async with rig() as node, node.socket() as client:
        assert await client.code("no_such") == -32601
        assert await client.code("state_getStorage", "zz") == -32602
        told = (await client.ask("state_getStorage", "0x", unknown))["error"]
        assert told["code"] == 4003
        assert "Header was not found in the database" in told["message"]
        told = (await client.ask("state_call", "Metadata_metadata_at_version", "0x"))["error"]
        assert "Exported method Metadata_metadata_at_version is not found" in told["message"]
        told = (await client.ask("state_call", "Toy_trap", "0x"))["error"]
        assert (told["code"], "panicked at toy" in told["message"]) == (4003, True)
        assert await client.code("state_getKeysPaged", "0x", 1_001) == 4002
        assert await client.code("dev_newBlock", 0) == -32602
        assert await client.code("state_subscribeStorage", None) == -32602


async def test_every_way_to_refuse_an_extrinsic_has_its_code() -> None:
    async with rig() as node, node.socket() as client:

        async def submit(data: bytes) -> Any:
            return (await client.ask("author_submitExtrinsic", hexed(data)))["error"]

        assert (await submit(b""))["code"] == 1001
        assert (await submit(b"\x00"))["code"] == 1001
        assert (await submit(b"\x08\x01"))["code"] == 1001
        assert (await submit(b"\x04\x01\x02"))["code"] == 1001
        assert (await submit(b"\x04\x01"))["code"] == 1002
        told = await submit(extrinsic(1, 0, kind=Kind.POOR))
        assert (told["code"], told["message"]) == (1010, "Invalid Transaction")
        assert told["data"].startswith("Inability to pay some fees")
        assert (await submit(extrinsic(1, 0, kind=Kind.CUSTOM)))["data"] == "Custom error: 6"
        bad = extrinsic(1, 0, kind=Kind.BAD_PROOF)
        assert (await submit(bad))["data"] == "Transaction has a bad signature"
        assert (await submit(bad))["code"] == 1012
        good = extrinsic(1, 0, priority=3)
        assert await client.call("author_submitExtrinsic", hexed(good)) == hexed(hash_of(good))
        assert (await submit(good))["code"] == 1013
        assert (await submit(extrinsic(1, 0, priority=2)))["code"] == 1014
        assert await client.call("author_pendingExtrinsics") == [hexed(good)]


async def test_a_check_that_the_nodes_time_ended_is_no_refusal() -> None:
    """A runtime upgrade of 2.5 MB was refused for good by a node that was busy."""
    async with rig() as node, node.socket() as client:
        data = extrinsic(1, 0)
        entry_point = "TaggedTransactionQueue_validate_transaction"
        for method in ("author_submitExtrinsic", "author_submitAndWatchExtrinsic"):
            node.chain.refuse[hash_of(data)] = CallTimeSpent(entry_point, "it takes too long")
            told = (await client.ask(method, hexed(data)))["error"]
            assert (told["code"], told["message"]) == (-32009, "Server is busy, try again later")
            node.chain.refuse[hash_of(data)] = BudgetSpent(entry_point, "it used up its fuel")
            assert await client.code(method, hexed(data)) == 1002, "it would at any time"
        node.chain.refuse.clear()
        assert await client.call("author_submitExtrinsic", hexed(data)) == hexed(hash_of(data))


async def test_the_next_index_counts_what_waits() -> None:
    async with rig() as node, node.socket() as client:
        who = ss58_encode(account(1))
        assert await client.call("account_nextIndex", who) == 0
        await client.call("author_submitExtrinsic", hexed(extrinsic(1, 0)))
        assert await client.call("system_accountNextIndex", who) == 1
        await client.call("dev_newBlock")
        assert await client.call("account_nextIndex", hexed(account(1))) == 1


@pytest.mark.parametrize(
    ("limit", "method", "fits", "over", "code"),
    [
        ("hashes_max", "chain_getBlockHash", [[0, 0]], [[0, 0, 0]], -32602),
        ("storage_keys_max", "state_queryStorageAt", [["0x", "0x"]], [["0x"] * 3], -32602),
        ("storage_keys_max", "state_subscribeStorage", [["0x", "0x"]], [["0x"] * 3], -32602),
        ("keys_page_max", "state_getKeysPaged", ["0x", 2], ["0x", 3], 4002),
        ("keys_unpaged_max", "state_getKeys", [hexed(b"a")], ["0x"], 4003),
        ("keys_unpaged_max", "state_getPairs", [hexed(b"a")], ["0x"], 4003),
        ("dev_blocks_max", "dev_newBlock", [2], [3], -32602),
    ],
)
async def test_each_limit_of_a_read_holds_at_its_value_and_not_beyond(
    limit: str, method: str, fits: list[Any], over: list[Any], code: int
) -> None:
    limits: Any = {limit: 2}
    async with rig(**limits) as node, node.socket() as client:
        assert await client.code(method, *over) == code
        assert "error" not in await client.ask(method, *fits)


async def test_a_query_over_blocks_tells_changes_and_is_bounded() -> None:
    async with rig(block_range_max=3) as node, node.socket() as client:
        hashes = [hexed(node.chain.head.hash)]
        for _ in range(3):
            hashes.append(await client.call("dev_newBlock"))
        found = await client.call("state_queryStorage", [hexed(b"a")], hashes[0], hashes[2])
        assert found == [{"block": hashes[0], "changes": [[hexed(b"a"), hexed(b"1")]]}]
        assert await client.code("state_queryStorage", [], hashes[0], hashes[3]) == 4003
        assert await client.code("state_queryStorage", [], hashes[2], hashes[0]) == 4001
        assert await client.code("state_queryStorage", [], "0x" + "11" * 32) == 4001
