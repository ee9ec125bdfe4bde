"""Random subnets over many epochs, with churn: the runtime's results are the oracle's.

Here a few; `scripts/random_subnets` goes on for a thousand.
"""

from __future__ import annotations

import pytest

from tests.conformance.runtime.random_subnet import FULL_SIZE, DiffersError, same, walk


@pytest.mark.parametrize("seed", range(1, 7))
def test_a_small_subnet_over_some_epochs(seed: int) -> None:
    gone = walk(seed, epochs=6, size=8)
    assert gone.epoch.block > 6 * gone.epoch.tempo


def test_what_differs_is_said() -> None:
    with pytest.raises(DiffersError, match="all that is burned: the oracle has 1, the runtime 2"):
        same(1, 2, "all that is burned")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(100, 120, 3))
def test_a_subnet_of_any_size_over_fifty_epochs(seed: int) -> None:
    assert walk(seed, epochs=50, size=4 + 3 * (seed - 100)).replaced > 10


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_full_subnet_with_churn() -> None:
    assert walk(1, epochs=5, size=FULL_SIZE).replaced > 10
