"""The RPC over real sockets on a toy chain: transports, subscriptions, limits, and bad input."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from subnet.clock import ManualClock
from subnet.errors import Unavailable, UserError
from subnet.localnet.errors import StorageFailed
from subnet.localnet.pool import Pool
from subnet.localnet.rpc.dispatch import Dispatcher
from subnet.localnet.rpc.limits import RpcLimits
from subnet.localnet.rpc.methods import registry
from subnet.localnet.rpc.node import RpcNode
from subnet.localnet.rpc.server import RpcServer, bind
from subnet.localnet.rpc.subscriptions import Hub
from subnet.localnet.sealing import Sealing, SealingMode
from subnet.localnet.service import Service
from subnet.types import ss58_encode
from tests.unit.subnet.localnet.toy_chain import Kind, ToyChain, account, extrinsic, hash_of

WAIT_S = 5.0


class Rig:
    """A server over a toy chain, sealed by hand."""

    def __init__(self, limits: RpcLimits, origins: tuple[str, ...]) -> None:
        clock = ManualClock()
        self.chain = ToyChain()
        self.pool = Pool(self.chain, head_number=0)
        sealing = Sealing(SealingMode.MANUAL, interval_s=1, now_s=0)
        self.service = Service(self.chain, self.pool, sealing, clock)
        self.hub = Hub(self.chain, limits)
        self.service.on_block(self.hub.tell_block)
        self.service.on_events(self.hub.tell_events)
        self.fatal: list[Exception] = []
        methods = registry(dev_methods=True)
        node = RpcNode(self.chain, self.pool, self.service, self.hub, limits, methods.names)
        self.server = RpcServer(
            Dispatcher(methods, node),
            self.hub,
            limits,
            origins=origins,
            on_fatal=self.fatal.append,
        )
        self.http: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/"

    @asynccontextmanager
    async def socket(self, **headers: str) -> AsyncIterator[Socket]:
        async with self.http.ws_connect(self.url, headers=headers, max_msg_size=0) as ws:
            yield Socket(ws)

    async def post(self, body: Any, **headers: str) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **headers}
        async with self.http.post(self.url, data=data, headers=sent) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text.startswith(("{", "[")) else text


class Socket:
    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.last_id = 0

    async def next(self) -> Any:
        message = await self.ws.receive(WAIT_S)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return json.loads(message.data)

    async def ask(self, method: str, *params: Any) -> Any:
        self.last_id += 1
        call = {"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params}
        await self.ws.send_str(json.dumps(call))
        reply = await self.next()
        assert reply["id"] == self.last_id
        return reply

    async def call(self, method: str, *params: Any) -> Any:
        reply = await self.ask(method, *params)
        assert "error" not in reply, reply
        return reply["result"]

    async def code(self, method: str, *params: Any) -> int:
        return int((await self.ask(method, *params))["error"]["code"])

    async def closed_with(self) -> int | None:
        for _ in range(100_000):
            message = await self.ws.receive(WAIT_S)
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
                break
            if message.type is aiohttp.WSMsgType.ERROR:
                break
        return self.ws.close_code


@asynccontextmanager
async def rig(origins: tuple[str, ...] = (), **limits: Any) -> AsyncIterator[Rig]:
    made = Rig(replace(RpcLimits(), **limits), origins)
    await made.server.start(bind("127.0.0.1", 0))
    made.http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WAIT_S))
    try:
        yield made
    finally:
        await made.http.close()
        await made.server.stop()


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


# -- calls


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
    from subnet.localnet.rpc.methods import author, chain, dev, payment, state, system

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


async def test_the_next_index_counts_what_waits() -> None:
    async with rig() as node, node.socket() as client:
        who = ss58_encode(account(1))
        assert await client.call("account_nextIndex", who) == 0
        await client.call("author_submitExtrinsic", hexed(extrinsic(1, 0)))
        assert await client.call("system_accountNextIndex", who) == 1
        await client.call("dev_newBlock")
        assert await client.call("account_nextIndex", hexed(account(1))) == 1


# -- frames


async def test_batches_answer_in_order_and_notifications_not_at_all() -> None:
    batch = [
        {"jsonrpc": "2.0", "id": 1, "method": "system_name"},
        {"jsonrpc": "2.0", "method": "system_name"},
        {"jsonrpc": "2.0", "id": "b", "method": "nope"},
        7,
    ]
    async with rig() as node, node.socket() as client:
        await client.ws.send_str(json.dumps(batch))
        over_ws = await client.next()
        status, over_http = await node.post(batch)
        assert status == 200
        assert over_ws == over_http
        assert [r["id"] for r in over_ws] == [1, "b", None]
        assert [r.get("error", {}).get("code") for r in over_ws] == [None, -32601, -32600]
        status, silent = await node.post({"jsonrpc": "2.0", "method": "system_name"})
        assert (status, silent) == (204, "")


async def test_malformed_frames_are_answered_and_the_connection_lives() -> None:
    async with rig(batch_calls_max=2) as node, node.socket() as client:
        for text, code in (("{", -32700), ("[]", -32600), ("[1,2,3]", -32010), ("7", -32600)):
            await client.ws.send_str(text)
            assert (await client.next())["error"]["code"] == code
        await client.ws.send_bytes(b'{"jsonrpc":"2.0","id":1,"method":"system_name"}')
        assert (await client.next())["result"] == "Assay"


async def test_a_frame_over_the_limit_closes_the_connection_and_a_body_gets_413() -> None:
    async with rig(frame_bytes_max=1_000) as node:
        status, _ = await node.post(b" " * 1_001)
        assert status == 413
        status, told = await node.post(b" " * 1_000)
        assert (status, told["error"]["code"]) == (200, -32700)
        async with node.socket() as client:
            await client.ws.send_str(" " * 1_001)
            assert await client.closed_with() == 1009


async def test_a_reply_over_the_limit_is_an_error() -> None:
    async with rig(reply_bytes_max=400) as node, node.socket() as client:
        assert await client.code("rpc_methods") == -32702
        assert await client.call("system_name") == "Assay"
        many = [{"jsonrpc": "2.0", "id": n, "method": "system_name"} for n in range(20)]
        await client.ws.send_str(json.dumps(many))
        assert (await client.next())["error"]["code"] == -32702


# -- subscriptions


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
        for _ in range(100):
            if not len(node.hub):
                break
            await asyncio.sleep(0.01)
        assert len(node.hub) == 0


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


# -- connections


async def test_connections_are_limited_and_free_again() -> None:
    async with rig(connections_max=2) as node:
        async with node.socket() as first, node.socket():
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                async with node.socket():
                    pass
            assert caught.value.status == 503
            assert await first.call("system_name") == "Assay"
        for _ in range(100):
            with_room = None
            try:
                async with node.socket() as again:
                    with_room = await again.call("system_name")
                break
            except aiohttp.ClientError:
                await asyncio.sleep(0.01)
        assert with_room == "Assay"


async def test_a_client_that_reads_late_gets_every_reply_in_order() -> None:
    async with rig(outbox_messages_max=8, slice_s=0.0) as node, node.socket() as client:
        for number in range(300):
            call = {"jsonrpc": "2.0", "id": number, "method": "rpc_methods"}
            await client.ws.send_str(json.dumps(call))
        assert [(await client.next())["id"] for _ in range(300)] == list(range(300))


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b"\x16\x03\x01\x00\xff" * 20 + b"\r\n\r\n"])
async def test_bytes_that_are_no_http_get_400(sent: bytes) -> None:
    async with rig() as node, node.socket() as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
        writer.write(sent)
        assert b" 400 " in await asyncio.wait_for(reader.readline(), WAIT_S)
        writer.close()
        await writer.wait_closed()
        assert await client.call("system_name") == "Assay"


async def test_a_connection_that_asks_for_nothing_is_closed() -> None:
    async with rig(first_request_s=0.05) as node, node.socket() as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
        assert await asyncio.wait_for(reader.read(), WAIT_S) == b""
        writer.close()
        await writer.wait_closed()
        assert await client.call("system_name") == "Assay", "one that has asked is not"


async def test_a_body_that_does_not_come_gets_408() -> None:
    async with rig(body_s=0.05) as node:
        reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
        head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: 10\r\n\r\n{{".encode())
        answer = await asyncio.wait_for(reader.readline(), WAIT_S)
        assert b" 408 " in answer
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("origin", "served"),
    [
        ("http://localhost:3000", True),
        ("http://127.0.0.1", True),
        ("https://[::1]:8443", True),
        ("https://polkadot.js.org", True),
        ("https://allowed.example", True),
        ("https://evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://localhost:3000.evil.example", False),
        ("null", False),
        ("", False),
    ],
)
async def test_only_known_origins_are_served(origin: str, served: bool) -> None:
    async with rig(origins=("https://allowed.example",)) as node:
        status, _ = await node.post(
            {"jsonrpc": "2.0", "id": 1, "method": "system_name"}, Origin=origin
        )
        assert status == (200 if served else 403)
        if served:
            async with node.socket(Origin=origin) as client:
                assert await client.call("system_name") == "Assay"
        else:
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                async with node.socket(Origin=origin):
                    pass
            assert caught.value.status == 403


async def test_plain_http_has_health_and_asks_for_json() -> None:
    async with rig() as node:
        async with node.http.get(node.url + "health") as answer:
            assert (await answer.json())["result"]["isSyncing"] is False
        async with node.http.get(node.url) as answer:
            assert answer.status == 405
        async with node.http.options(node.url, headers={"Origin": "http://localhost"}) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost"
        status, _ = await node.post(b"{}", **{"Content-Type": "text/plain"})
        assert status == 415


async def test_a_port_in_use_names_cause_and_cure() -> None:
    async with rig() as node:
        with pytest.raises(Unavailable) as caught:
            bind("127.0.0.1", node.server.port)
        assert str(node.server.port) in caught.value.cause
        assert "--port" in caught.value.cure


@pytest.mark.parametrize("host", ["203.0.113.7", "nonsense", "localhost:80", ""])
def test_an_address_that_is_not_ours_names_cause_and_cure(host: str) -> None:
    with pytest.raises(UserError) as caught:
        bind(host, 0)
    assert "--rpc-address" in caught.value.cure


async def test_stopping_says_so_to_clients() -> None:
    async with rig() as node, node.socket() as client:
        stopping = asyncio.ensure_future(node.server.stop())
        assert await client.closed_with() == 1001
        await stopping


async def test_a_failed_disk_reaches_whoever_runs_the_node() -> None:
    async with rig() as node, node.socket() as client:
        node.chain.build_fault = StorageFailed("The disk is full.", "Free some space.")
        call = {"jsonrpc": "2.0", "id": 1, "method": "dev_newBlock", "params": []}
        await client.ws.send_str(json.dumps(call))
        await client.closed_with()
        assert [type(error) for error in node.fatal] == [StorageFailed]


# -- fuzz

names = st.sampled_from(registry(dev_methods=False).names)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=40).map(lambda data: "0x" + data.hex()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
calls = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "id": st.integers(0, 9), "method": names, "params": values}
).map(lambda call: json.dumps(call).encode())
frames = st.lists(
    calls | st.binary(max_size=60) | values.map(lambda value: json.dumps(value).encode()),
    min_size=1,
    max_size=12,
)


@given(frames=frames)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_frame_takes_the_service_down(frames: list[bytes]) -> None:
    async def play() -> None:
        async with rig() as node, node.socket() as client:
            for frame in frames:
                await client.ws.send_bytes(frame)
            node.service.seal()
            call = {"jsonrpc": "2.0", "id": "last", "method": "system_name"}
            await client.ws.send_str(json.dumps(call))
            while True:
                told = await client.next()
                if isinstance(told, dict) and told.get("id") == "last":
                    break
                for one in told if isinstance(told, list) else [told]:
                    code = one.get("error", {}).get("code")
                    assert code != -32603, (frames, told)
            assert not node.fatal

    asyncio.run(play())
