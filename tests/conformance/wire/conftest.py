"""Every test here runs over HTTP and in memory with the same words."""

from __future__ import annotations

import pytest

from tests.unit.subnet.wire.world import HttpWorld, MemoryWorld, World


@pytest.fixture(params=[HttpWorld, MemoryWorld], ids=lambda kind: kind.name)
def world(request: pytest.FixtureRequest) -> World:
    kind: type[World] = request.param
    return kind()
