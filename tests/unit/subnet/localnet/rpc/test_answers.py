"""Frames over both transports: batches, malformed text, limits, and frames that are made up."""

from __future__ import annotations

import asyncio
import json
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.localnet.limits import CoreLimits
from assay.localnet.rpc.limits import RpcLimits
from assay.localnet.rpc.methods import registry
from tests.unit.subnet.localnet.rpc.rig import rig


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
        await client.ws.send_str("[1,2]")
        assert [one["error"]["code"] for one in await client.next()] == [-32600, -32600]
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


async def test_the_largest_extrinsic_fits_into_a_frame() -> None:
    largest = bytes(CoreLimits().extrinsic_bytes_max)
    async with rig() as node, node.socket() as client:
        assert await client.code("author_submitExtrinsic", "0x" + largest.hex()) == 1001


@pytest.mark.parametrize(
    "frame",
    [
        b"[" + b"0," * 400_000 + b"0]",
        b'{"jsonrpc":"2.0","id":1,"method":"state_queryStorageAt","params":[['
        + b'"",' * 300_000
        + b'""]]}',
    ],
)
async def test_a_frame_of_countless_values_is_not_decoded(frame: bytes) -> None:
    async with rig() as node:
        tracemalloc.start()
        try:
            status, told = await node.post(frame)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert (status, told["error"]["code"]) == (200, -32007)
        assert peak < 4 * len(frame)
        most = RpcLimits().frame_values_max
        status, told = await node.post(b"[" + b"0," * (most - 1) + b"0]")
        assert told["error"]["code"] == -32010, "so many are looked at"


async def test_a_reply_over_the_limit_is_an_error() -> None:
    async with rig(reply_bytes_max=400) as node, node.socket() as client:
        assert await client.code("rpc_methods") == -32008
        assert await client.call("system_name") == "Assay"
        many = [{"jsonrpc": "2.0", "id": n, "method": "system_name"} for n in range(20)]
        await client.ws.send_str(json.dumps(many))
        assert (await client.next())["error"]["code"] == -32011


# -- frames that are made up

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
