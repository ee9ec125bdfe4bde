"""Subscriptions: what is told, in which order, until when, and what a slow client costs."""

from __future__ import annotations

from typing import Any

from tests.unit.subnet.localnet.rpc.rig import hexed, rig, until
from tests.unit.subnet.localnet.toy_chain import Kind, extrinsic, hash_of


async def test_heads_come_after_the_reply_and_with_each_block() -> None:
    async with rig() as node, node.socket() as client:
        for method, note, end in (
            ("chain_subscribeNewHeads", "chain_newHead", "chain_unsubscribeNewHeads"),
            ("chain_subscribeAllHeads", "chain_allHead", "chain_unsubscribeAllHeads"),
            (
                "chain_subscribeFinalizedHeads",
                "chain_finalizedHead",
                "chain_unsubscribeFinalisedHeads",
            ),
        ):
            height = node.chain.head.number
            subscription = await client.call(method)
            for number in (height, height + 1):
                told = await client.next()
                assert told["method"] == note
                assert told["params"]["subscription"] == subscription
                assert told["params"]["result"]["number"] == hex(number)
                node.service.seal()
            await client.next()
            assert await client.call(end, subscription) is True
            assert await client.call(end, subscription) is False
            node.service.seal()
        assert len(node.hub) == 0


async def test_a_watched_transaction_is_followed_to_its_end() -> None:
    async with rig() as node, node.socket() as client:
        data = extrinsic(1, 1)
        subscription = await client.call("author_submitAndWatchExtrinsic", hexed(data))

        async def status() -> Any:
            told = await client.next()
            assert told["method"] == "author_extrinsicUpdate"
            assert told["params"]["subscription"] == subscription
            return told["params"]["result"]

        assert await status() == "future"
        node.service.submit(extrinsic(1, 0))
        assert await status() == "ready"
        built = node.service.seal()
        assert await status() == {"inBlock": hexed(built.block.hash)}
        assert await status() == {"finalized": hexed(built.block.hash)}
        assert len(node.hub) == 0
        assert await client.call("author_unwatchExtrinsic", subscription) is False


async def test_a_watched_transaction_may_fail_or_be_usurped() -> None:
    async with rig() as node, node.socket() as client:
        failing = extrinsic(1, 0, kind=Kind.FAILS_IN_BLOCK)
        await client.call("author_submitAndWatchExtrinsic", hexed(failing))
        assert (await client.next())["params"]["result"] == "ready"
        node.service.seal()
        assert (await client.next())["params"]["result"] == "invalid"
        await client.call("author_submitAndWatchExtrinsic", hexed(extrinsic(2, 0)))
        await client.next()
        better = extrinsic(2, 0, priority=1)
        node.service.submit(better)
        usurped = (await client.next())["params"]["result"]
        assert usurped == {"usurped": hexed(hash_of(better))}
        assert await client.code("author_submitAndWatchExtrinsic", "0x0401") == 1002
        assert len(node.hub) == 0


async def test_storage_and_runtime_versions_are_told_when_they_change() -> None:
    async with rig() as node, node.socket() as client:
        await client.call("state_subscribeStorage", [hexed(b"now"), hexed(b"a")])
        first = (await client.next())["params"]["result"]["changes"]
        assert sorted(first) == [[hexed(b"a"), hexed(b"1")], [hexed(b"now"), None]]
        await client.call("state_subscribeRuntimeVersion")
        assert (await client.next())["params"]["result"]["specVersion"] == 7
        built = node.service.seal()
        told = (await client.next())["params"]["result"]
        assert told["block"] == hexed(built.block.hash)
        assert [key for key, _ in told["changes"]] == [hexed(b"now")]
        node.service.submit(extrinsic(1, 0, kind=Kind.UPGRADE))
        node.service.seal()
        methods = {(await client.next())["method"] for _ in range(2)}
        assert methods == {"state_storage", "state_runtimeVersion"}


async def test_subscriptions_end_with_their_connection_and_are_counted() -> None:
    async with rig(subscriptions_max=2) as node:
        async with node.socket() as client:
            for _ in range(2):
                await client.call("chain_subscribeNewHeads")
                await client.next()
            assert await client.code("chain_subscribeNewHeads") == -32006
            watch = await client.code("author_submitAndWatchExtrinsic", hexed(extrinsic(1, 0)))
            assert (watch, node.pool.ready_count) == (-32006, 0), "nothing came into the pool"
            assert len(node.hub) == 2
        await until(lambda: len(node.hub) == 0)


async def test_over_http_there_are_no_subscriptions() -> None:
    async with rig() as node:
        call = {"jsonrpc": "2.0", "id": 1, "method": "chain_subscribeNewHeads"}
        _, told = await node.post(call)
        assert told["error"]["code"] == -32601


async def test_a_client_that_reads_too_slowly_is_parted_with_and_others_are_not() -> None:
    async with rig(outbox_messages_max=50) as node, node.socket() as slow, node.socket() as good:
        await slow.call("chain_subscribeNewHeads")
        for _ in range(60):  # nothing is sent in between: the loop is not given a turn
            node.service.seal()
        assert await slow.closed_with() == 1013
        assert await good.call("system_name") == "Assay"
        assert len(node.hub) == 0


async def test_unread_bytes_are_bounded_as_well() -> None:
    async with rig(outbox_bytes_max=2_000, reply_bytes_max=1_000) as node, node.socket() as slow:
        await slow.call("chain_subscribeNewHeads")
        for _ in range(9):
            node.service.seal()
        assert await slow.closed_with() == 1013
