"""One real run for all foreign clients of a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.foreign.raw import RawChain
from tests.conformance.foreign.world import CLIENTS_BIN, World
from tests.e2e.runs import up


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if not CLIENTS_BIN.exists():
        pytest.skip("the foreign clients' environment is not made: make clients")
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "home").mkdir()
    with up(folder / "state", "--task", "examples/reverse.py") as run:
        world = World(run, RawChain(run.url), folder / "home")
        run.wait(world.has_paid, "miners have incentive")
        yield world
        code, _ = run.stop()
        assert code == 0, run.log()
