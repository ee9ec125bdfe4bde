"""The chains as fixtures. The nodes' are marked ``e2e`` and share one process a module; Parity's
own node, which takes long to build, is marked ``stock`` as well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.conformance.chain.worlds import (
    BLOCK_MS,
    FakeWorld,
    NodeWorld,
    Restartable,
    RestartableNode,
    World,
)
from tests.e2e.stock_node import StockNode

KINDS = [
    pytest.param("fake", id="fake"),
    pytest.param("fake-lag", id="fake-2-blocks-behind"),
    pytest.param("node", id="node", marks=[pytest.mark.e2e, pytest.mark.timeout(300)]),
    pytest.param(
        "stock",
        id="stock-node",
        marks=[pytest.mark.e2e, pytest.mark.stock, pytest.mark.timeout(600)],
    ),
]


@pytest.fixture(scope="module")
def node_home() -> Iterator[dict[str, Restartable]]:
    """The module's nodes by their kind, each started by the first test that needs it."""
    nodes: dict[str, Restartable] = {}
    yield nodes
    for node in nodes.values():
        node.kill()


@pytest.fixture(params=KINDS)
async def world(
    request: pytest.FixtureRequest,
    node_home: dict[str, Restartable],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    if request.param.startswith("fake"):
        fake = FakeWorld(finality_lag=2 if request.param == "fake-lag" else 0)
        yield fake
        await fake.chain.close()
        return
    kind = str(request.param)
    if kind not in node_home:
        folder = tmp_path_factory.mktemp("chain")
        node_home[kind] = (
            StockNode(folder, block_ms=BLOCK_MS) if kind == "stock" else RestartableNode(folder)
        )
    node_home[kind].start()  # a test may have left it stopped
    cache: Path = tmp_path_factory.mktemp("sdk-cache")
    node = NodeWorld(node_home[kind], cache)
    await node.open()
    yield node
    await node.chain.close()
