"""What a node counts of its RPC, its pool and its blocks; a client chooses no label of these."""

from __future__ import annotations

import aiohttp
import pytest

from assay.localnet.errors import RuntimeTrap
from assay.localnet.rpc.errors import INVALID_PARAMS, INVALID_TRANSACTION, METHOD_NOT_FOUND
from assay.metrics import PrometheusMetrics
from tests.support.scraping import samples
from tests.unit.subnet.localnet.rpc.rig import hexed, rig
from tests.unit.subnet.localnet.toy_chain import Kind, extrinsic

CALLS = "assay_rpc_calls_total"


async def test_calls_are_counted_by_group_and_outcome() -> None:
    metrics = PrometheusMetrics()
    async with rig(metrics=metrics) as node, node.socket() as client:
        await client.call("chain_getHeader")
        await client.call("chain_getBlockHash")
        assert await client.code("chain_getBlockHash", {}) == INVALID_PARAMS
        for name in ("chain_a", "chain_b", "made up"):
            assert await client.code(name) == METHOD_NOT_FOUND
        assert samples(metrics)["assay_rpc_open_connections",] == 1
        await node.post(b"no JSON")
    found = samples(metrics)
    assert found[CALLS, "chain", "reply"] == 2
    assert found[CALLS, "chain", str(INVALID_PARAMS)] == 1
    assert found[CALLS, "unknown", str(METHOD_NOT_FOUND)] == 3
    assert sum(value for (name, *_), value in found.items() if name == CALLS) == 7
    assert found["assay_rpc_connections_total", "kept"] == 2
    assert found["assay_rpc_open_connections",] == 0


async def test_a_connection_without_a_place_is_counted() -> None:
    metrics = PrometheusMetrics()
    async with rig(metrics=metrics, connections_max=1) as node, node.socket() as client:
        await client.call("system_chain")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with node.socket():
                pass
    found = samples(metrics)
    assert found["assay_rpc_connections_total", "kept"] == 1
    assert found["assay_rpc_connections_total", "refused"] == 1


async def test_the_pool_and_the_blocks_are_counted() -> None:
    metrics = PrometheusMetrics()
    async with rig(metrics=metrics) as node, node.socket() as client:
        await client.call("author_submitExtrinsic", hexed(extrinsic(1, 0)))
        await client.call("author_submitExtrinsic", hexed(extrinsic(1, 2)))
        bad = hexed(extrinsic(2, 0, kind=Kind.BAD_PROOF))
        assert await client.code("author_submitExtrinsic", bad) == INVALID_TRANSACTION
        found = samples(metrics)
        assert found["assay_pool_submissions_total", "accepted"] == 2
        assert found["assay_pool_submissions_total", "InvalidTransaction"] == 1
        assert found["assay_pool_transactions", "ready"] == 1
        assert found["assay_pool_transactions", "future"] == 1
        node.service.seal()
        node.chain.build_fault = RuntimeTrap("Toy", "unreachable")
        with pytest.raises(RuntimeTrap):
            node.service.seal()
    found = samples(metrics)
    assert found["assay_blocks_total", "made"] == 1
    assert found["assay_blocks_total", "failed"] == 1
    assert found["assay_block_seconds_count",] == 1
    assert found["assay_finalized_block",] == 1
    assert found["assay_pool_transactions", "ready"] == 0
