"""What a call may spend: its price is what it takes, in Wasm and in host functions alike."""

from __future__ import annotations

import time

import pytest

from assay.localnet.errors import BudgetSpent, CallTimeSpent
from assay.localnet.executor.machine import vm
from assay.localnet.executor.machine.call_meter import PART_CALLS, CallMeter
from assay.localnet.executor.machine.vm import FUEL_PER_S, Budget
from assay.localnet.executor.machine.vm_binding import CheckedBinding, UncheckedBinding
from assay.localnet.primitives.scale import compact, encode_bytes
from assay.localnet.state.head import HeadState
from assay.localnet.state.overlay import Overlay
from assay.localnet.state.trie import ordered_root
from assay.localnet.time_limit import TimeLimit
from tests.unit.subnet.localnet.executor import wat_runtime
from tests.unit.subnet.localnet.executor.wat_runtime import overlay


class SlowState(HeadState):
    """An old state on a slow disk: each read moves the clock."""

    def __init__(self, read_s: float) -> None:
        super().__init__()
        self.reads = 0
        self.now_s = 0.0
        self._read_s = read_s
        self.get = self.read  # type: ignore[assignment]

    def read(self, key: bytes) -> bytes | None:
        self.reads += 1
        self.now_s += self._read_s
        return None

    def time(self) -> float:
        return self.now_s


def test_slow_reads_are_paid_for_by_the_time_they_take() -> None:
    """The count of host calls would let them go on 500 times as long."""
    state = SlowState(read_s=0.001)
    limit = TimeLimit(state.time)
    runtime = wat_runtime.executor(time=limit)
    limit.begin(0.1)
    with pytest.raises(CallTimeSpent, match=r"more than 0\.1 s of the node's time"):
        runtime.call("hammer", b"", Overlay(state))
    assert state.reads <= 100 + PART_CALLS
    limit.begin(0.1)
    assert runtime.call("echo", b"next", Overlay(state)) == b"next"


def test_making_a_block_has_no_time_limit() -> None:
    state = SlowState(read_s=1.0)
    limit = TimeLimit(state.time)
    runtime = wat_runtime.executor(time=limit)
    limit.begin(0.1)
    with pytest.raises(BudgetSpent, match="used up its host function calls") as caught:
        runtime.call("hammer", b"", Overlay(state), Budget(10**7, 1_000))
    assert state.reads == 1_000
    assert not isinstance(caught.value, CallTimeSpent)


def test_fuel_that_no_time_limit_cut_is_not_the_nodes_time() -> None:
    """The call before it had its fuel cut: that must not be held against this one."""
    state = SlowState(read_s=0.001)
    limit = TimeLimit(state.time)
    runtime = wat_runtime.executor(time=limit)
    limit.begin(0.1)
    with pytest.raises(CallTimeSpent):
        runtime.call("hammer", b"", Overlay(state))
    limit.end()
    with pytest.raises(BudgetSpent, match="used up its fuel") as caught:
        runtime.call("spin", b"", Overlay(state), Budget(10**6, 1_000, timed=True))
    assert not isinstance(caught.value, CallTimeSpent)


@pytest.mark.parametrize("binding", [UncheckedBinding, CheckedBinding])
def test_time_that_host_functions_took_is_not_left_for_computation(
    binding: type[UncheckedBinding] | type[CheckedBinding], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vm, "select_binding", lambda engine, meter: binding(meter))
    state = SlowState(read_s=0.001)
    limit = TimeLimit(state.time)
    runtime = wat_runtime.executor(time=limit)
    whole_s = 2.0
    limit.begin(0.001 * (PART_CALLS + 10))
    budget = Budget(int(whole_s * FUEL_PER_S), 10**6, timed=True)
    started_s = time.process_time()
    with pytest.raises(CallTimeSpent, match="used up its fuel"):
        runtime.call("hammer_then_spin", bytes(PART_CALLS + 5), Overlay(state), budget)
    assert time.process_time() - started_s < whole_s / 4


def test_a_list_is_paid_for_before_it_is_read() -> None:
    runtime = wat_runtime.executor()
    budget = Budget(10**9, 1_000)
    few = compact(100) + b"".join(encode_bytes(b"x") for _ in range(100))
    root = ordered_root([b"x"] * 100, 1)
    assert runtime.call("list_root", few, overlay(), budget) == root
    many = compact(300_000) + bytes(300_000)
    started_s = time.process_time()
    with pytest.raises(BudgetSpent, match="host function calls"):
        runtime.call("list_root", many, overlay(), budget)
    assert time.process_time() - started_s < 0.1


def test_a_root_is_paid_for_by_what_was_written() -> None:
    runtime = wat_runtime.executor()
    state = overlay()
    assert len(runtime.call("root_1", b"", state, Budget(10**7, 1_000))) == 32
    for number in range(1_000):
        state.put(b"%d" % number, b"v")
    with pytest.raises(BudgetSpent, match="host function calls"):
        runtime.call("root_1", b"", state, Budget(10**7, 1_000))


@pytest.mark.parametrize("name", ["keccak_256", "keccak_512", "sha2_256"])
def test_hashing_is_paid_for_by_length(name: str) -> None:
    runtime = wat_runtime.executor()
    budget = Budget(10**9, 100)
    assert runtime.call(name, bytes(10_000), overlay(), budget)
    with pytest.raises(BudgetSpent, match="host function calls"):
        runtime.call(name, bytes(1_000_000), overlay(), budget)


def test_a_charge_larger_than_a_part_is_taken_from_what_follows() -> None:
    meter = CallMeter(TimeLimit(lambda: 0.0))
    meter.begin(1_000, timed=True)
    meter.charge(900)
    for _ in range(10):
        meter.charge(10)
    with pytest.raises(Exception, match="host function calls"):
        meter.charge(1)
