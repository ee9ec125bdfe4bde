"""Which runtime answers for which block, and how many stay compiled."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from assay.localnet.errors import BadRuntime
from assay.localnet.executor.runtimes import Runtimes
from assay.localnet.limits import CoreLimits
from assay.localnet.state.head import HeadState
from tests.unit.subnet.localnet.executor.wat_runtime import assemble

# Different bytes, same module: a custom section tells them apart.
CODES = [assemble() + b"\x00\x03\x01v" + bytes((number,)) for number in range(5)]


@dataclass
class Upgrades:
    """The code changed at these blocks; counts how often a state was asked for its code."""

    at: list[int]
    asked: int = 0

    def changed_at(self, key: bytes, block: int) -> int | None:
        assert key == b":code"
        return max((number for number in self.at if number <= block), default=None)

    def state(self, block: int) -> HeadState:
        upgrades = sum(number <= block for number in self.at)
        state = HeadState([(b":code", CODES[upgrades - 1], True)] if upgrades else [])
        get = state.get

        def counted(key: bytes) -> bytes | None:
            self.asked += 1
            return get(key)

        state.get = counted  # type: ignore[method-assign]
        return state


def test_each_block_has_the_runtime_of_its_time() -> None:
    runtimes = Runtimes(CoreLimits(), None)
    history = Upgrades([0, 10])
    head = runtimes.of_code(CODES[1], None)
    old = runtimes.of_block(history, history.state(5), 5)
    assert old is not head
    assert runtimes.of_block(history, history.state(9), 9) is old
    assert runtimes.of_block(history, history.state(12), 12) is head
    asked = history.asked
    for block in (0, 5, 9, 10, 12):
        runtimes.of_block(history, history.state(block), block)
    assert history.asked == asked, "a known block's code is not read again"
    runtimes.close()


def test_equal_code_is_compiled_once_and_the_head_stays() -> None:
    runtimes = Runtimes(CoreLimits(), None)
    head = runtimes.of_code(CODES[0], None)
    assert runtimes.of_code(bytes(bytearray(CODES[0])), None) is head
    history = Upgrades([0, 10, 20, 30, 40])
    executors = {
        block: runtimes.of_block(history, history.state(block), block) for block in (40, 30, 20)
    }
    assert len(runtimes._by_hash) == 3
    assert runtimes.of_block(history, history.state(20), 20) is executors[20]
    assert runtimes.of_block(history, history.state(40), 40) is not executors[40]  # was dropped
    assert runtimes.of_code(bytes(bytearray(CODES[0])), None) is head
    runtimes.close()


def test_a_state_without_code() -> None:
    history = Upgrades([5])
    with pytest.raises(BadRuntime, match="holds no runtime"):
        Runtimes(CoreLimits(), None).of_block(history, history.state(1), 1)
