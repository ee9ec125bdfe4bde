"""A node that is busy refuses nothing: it is asked again, over the connection that it kept."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bittensor._substrate import _public_request_error
from bittensor._transport.extrinsics import NonceCache
from bittensor._transport.rpc import classify_rpc_error
from websockets.exceptions import ConnectionClosedOK
from websockets.frames import Close

from assay.chain.errors import ChainRefused, ChainUnavailable, OtherChain
from assay.chain.sdk_session import SdkSession, Sessions, _Wire
from assay.clock import SystemClock
from assay.metrics import NO_METRICS, Metrics, PrometheusMetrics
from tests.support.scraping import samples

NODE = "ws://127.0.0.1:1"


def refused(code: int, message: str) -> Exception:
    """What the SDK makes of a node's refusal."""
    return _public_request_error(classify_rpc_error({"code": code, "message": message}))


def busy() -> Exception:
    return refused(-32009, "Server is busy, try again later")


class _Unconnected(Sessions):
    opened = 0

    async def _open(self) -> SdkSession:
        self.opened += 1
        return SdkSession(NODE)


class _Node:
    """A question to a node that answers it after so many errors."""

    def __init__(self, errors: list[Exception]) -> None:
        self.errors = errors
        self.asked_over: list[SdkSession] = []

    async def __call__(self, session: SdkSession) -> int:
        self.asked_over.append(session)
        if self.errors:
            raise self.errors.pop(0)
        return 7


def sessions(folder: Path, metrics: Metrics = NO_METRICS) -> _Unconnected:
    return _Unconnected(NODE, folder, SystemClock(), random.Random(1), metrics)


async def test_a_busy_node_is_asked_again_over_the_same_connection(tmp_path: Path) -> None:
    ours, node = sessions(tmp_path), _Node([busy(), busy()])
    assert await ours.call(node, timeout_s=5.0, what="count") == 7
    assert len(node.asked_over) == 3
    assert ours.opened == 1
    assert not node.asked_over[0].lost.is_set()


class _Told(SdkSession):
    """A session whose node says that block 1 has this hash."""

    def __init__(self, first: str | None) -> None:
        super().__init__(NODE)
        self.first = first

    async def request(self, method: str, params: list[Any]) -> Any:
        assert (method, params) == ("chain_getBlockHash", [1])
        return self.first


@pytest.mark.parametrize(
    ("told", "anew"),
    [
        (["0xaa", "0xaa"], False),
        (["0xaa", "0xbb"], True),
        (["0xaa", None, "0xaa"], False),
        ([None, "0xaa", None, "0xbb"], True),
    ],
)
async def test_a_chain_that_was_begun_anew_has_another_block_1(
    told: list[str | None], *, anew: bool, tmp_path: Path
) -> None:
    """A node need not keep block 1: its silence says nothing."""
    ours = sessions(tmp_path)
    *known, last = map(_Told, told)
    for session in known:
        await ours.recognise(session)
    with pytest.raises(OtherChain, match="begun anew") if anew else contextlib.nullcontext():
        await ours.recognise(last)


async def test_a_node_that_stays_busy_is_unavailable(tmp_path: Path) -> None:
    node = _Node([busy() for _ in range(100)])
    with pytest.raises(ChainUnavailable, match=r"did not count within 0\.3 s: Server is busy"):
        await sessions(tmp_path).call(node, timeout_s=0.3, what="count")
    assert 1 < len(node.asked_over) < 10


async def test_what_a_node_refuses_is_not_asked_again(tmp_path: Path) -> None:
    node = _Node([refused(4003, "Client error: Execution failed: the call used up its fuel")])
    with pytest.raises(ChainRefused, match="used up its fuel"):
        await sessions(tmp_path).call(node, timeout_s=5.0, what="count")
    assert len(node.asked_over) == 1


async def test_a_nonce_that_was_not_used_is_given_out_again() -> None:
    class Rpc:
        async def request(self, method: str, params: list[Any]) -> int:
            return 3

    session = SdkSession(NODE)
    nonces = NonceCache(Rpc())
    session._substrate = SimpleNamespace(get_account_next_index=nonces.next_for)
    assert [await session.account_next_index("5Sender") for _ in range(2)] == [3, 3]


async def test_reads_are_counted_by_how_they_ended(tmp_path: Path) -> None:
    metrics = PrometheusMetrics()
    ours = sessions(tmp_path, metrics)
    await ours.call(_Node([busy()]), timeout_s=5.0, what="count")
    with pytest.raises(ChainRefused):
        await ours.call(_Node([refused(4003, "no")]), timeout_s=5.0, what="count")
    with pytest.raises(ChainUnavailable):
        await ours.call(_Node([busy() for _ in range(100)]), timeout_s=0.1, what="count")
    found = samples(metrics)
    reads = "assay_chain_reads_total"
    assert found[reads, "answered"] == found[reads, "refused"] == found[reads, "unavailable"] == 1
    assert found[reads, "lost"] >= 2
    assert found["assay_chain_read_seconds_count",] == 1


async def test_requests_are_counted_by_method_and_by_no_word_of_their_parameters() -> None:
    class Socket:
        async def send(self, message: str) -> None: ...

    metrics = PrometheusMetrics()
    wire = _Wire(Socket(), asyncio.Event(), metrics)
    one = {"jsonrpc": "2.0", "id": 1, "method": "chain_getHeader", "params": []}
    sly = {"method": "state_call", "params": ['"method": "made_up"', {"text": "method"}]}
    await wire.send(json.dumps(one))
    await wire.send(json.dumps([one, sly], separators=(",", ":")))
    requests = {k: v for k, v in samples(metrics).items() if k[0] == "assay_chain_requests_total"}
    assert {key[1]: value for key, value in requests.items()} == {
        "chain_getHeader": 2,
        "state_call": 1,
    }


@pytest.mark.parametrize("answer", ["HTTP/1.0 200 OK", "HTTP/1.1 404 Not Found"])
async def test_a_port_that_is_no_chains_is_named_as_such(answer: str, tmp_path: Path) -> None:
    async def metrics(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"{answer}\r\nContent-Length: 2\r\n\r\n# ".encode())
        writer.close()

    async with await asyncio.start_server(metrics, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ours = Sessions(url, tmp_path, SystemClock(), random.Random(1))
        with pytest.raises(ChainUnavailable, match="is no chain: a metrics port") as caught:
            await ours.call(_Node([]), timeout_s=1.0, what="answer")
        assert "`assay up` names it" in caught.value.cure


async def test_a_local_chain_that_is_not_there_can_be_started_in_two_ways(tmp_path: Path) -> None:
    ours = Sessions(NODE, tmp_path, SystemClock(), random.Random(1))
    with pytest.raises(ChainUnavailable) as caught:
        await ours.call(_Node([]), timeout_s=0.3, what="answer")
    assert "`assay up` or `assay chain start`" in caught.value.cure


async def test_a_node_that_says_goodbye_under_a_request_leaves_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The SDK trips over an orderly end; its task's exception would go to stderr."""

    class Leaving:
        asked = asyncio.Event()

        async def send(self, message: str) -> None:
            self.asked.set()

        async def recv(self) -> str:
            await self.asked.wait()
            going = Close(1001, "shutting down")
            raise ConnectionClosedOK(going, going, rcvd_then_sent=True)

        async def close(self) -> None: ...

    async def dial(url: str) -> Leaving:
        return Leaving()

    monkeypatch.setattr("assay.chain.sdk_session.dial", dial)
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    session = SdkSession(NODE)
    request = asyncio.create_task(session._interface(NODE, []).rpc_request("chain_getHeader", []))
    await session.lost.wait()
    reader = next(task for task in asyncio.all_tasks() if task.get_name() == "rpc-session")
    await asyncio.wait({reader})
    request.cancel()
    await asyncio.wait({request})
    failed = not reader.cancelled() and reader._exception is not None  # type: ignore[attr-defined]
    del reader, request, session
    gc.collect()
    assert failed, "the SDK no longer trips: the callback on its task can go"
    assert told == []
