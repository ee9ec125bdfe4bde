"""The chains as fixtures. The node's are marked ``e2e`` and share one process a module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.conformance.chain.worlds import FakeWorld, NodeWorld, RestartableNode, World

KINDS = [
    pytest.param("fake", id="fake"),
    pytest.param("fake-lag", id="fake-2-blocks-behind"),
    pytest.param("node", id="node", marks=[pytest.mark.e2e, pytest.mark.timeout(300)]),
]


@pytest.fixture(scope="module")
def node_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RestartableNode]]:
    """The module's node, started by the first test that needs it."""
    nodes: list[RestartableNode] = []
    yield nodes
    for node in nodes:
        node.kill()


@pytest.fixture(params=KINDS)
async def world(
    request: pytest.FixtureRequest,
    node_home: list[RestartableNode],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    if request.param.startswith("fake"):
        fake = FakeWorld(finality_lag=2 if request.param == "fake-lag" else 0)
        yield fake
        await fake.chain.close()
        return
    if not node_home:
        node_home.append(RestartableNode(tmp_path_factory.mktemp("chain")))
    node_home[0].start()  # a test may have left it stopped
    cache: Path = tmp_path_factory.mktemp("sdk-cache")
    node = NodeWorld(node_home[0], cache)
    await node.open()
    yield node
    await node.chain.close()
