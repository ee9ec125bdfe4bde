"""The fixtures of the tests that begin with a started subnet: ``subnet`` is made once for each file
and ``world`` borrowed by each test of it. A file that begins otherwise has its own ``subnet``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.runtime.started import borrowed, started
from tests.conformance.runtime.world import World


@pytest.fixture(scope="module")
def subnet() -> World:
    return started()


@pytest.fixture
def world(subnet: World) -> Iterator[World]:
    """The one subnet of this file, as it was again after each test."""
    yield from borrowed(subnet)
