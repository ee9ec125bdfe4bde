"""What is kept of a runtime's logs, and the meter of host calls."""

from __future__ import annotations

import pytest

from assay.localnet.executor.host.context import HostCallError, HostContext
from assay.localnet.executor.machine.call_meter import CallMeter, OutOfHostCalls
from assay.localnet.executor.machine.wasm_memory import MemoryAccessError, WasmMemory
from assay.localnet.limits import CoreLimits
from tests.unit.subnet.localnet.executor.wat_runtime import overlay


def context(**limits: int) -> HostContext:
    return HostContext(WasmMemory(), CallMeter(), CoreLimits(**limits))  # type: ignore[arg-type]


def test_logs_are_kept_up_to_their_limits() -> None:
    made = context(logs_per_call_max=2, log_line_chars_max=5)
    made.begin(overlay())
    for line in ("short", "longer", "dropped"):
        made.log(1, "runtime", line)
    assert made.logs == ["short", "longe"]
    made.begin(overlay())
    assert made.logs == []
    made.log(99, "runtime", "a level that is not known")


def test_the_runtime_closes_only_its_own_transactions() -> None:
    made, state = context(), overlay()
    state.start()
    made.begin(state)
    with pytest.raises(HostCallError, match="no open transaction"):
        made.close_transaction()
    state.start()
    assert made.close_transaction() is state


def test_the_meter_ends_at_its_last_call() -> None:
    meter = CallMeter()
    meter.begin(10)
    meter.charge(10)
    with pytest.raises(OutOfHostCalls, match="used up its host function calls"):
        meter.charge(1)


def test_the_first_failure_is_the_cause() -> None:
    meter = CallMeter()
    first = ValueError("first")
    meter.fail(first)
    meter.fail(ValueError("second"))
    assert meter.failure is first
    meter.begin(1)
    assert meter.failure is None


def test_memory_without_an_instance_is_an_error() -> None:
    memory = WasmMemory()
    with pytest.raises(MemoryAccessError, match="no instance"):
        memory.give(b"x")
    with pytest.raises(MemoryAccessError, match="no instance"):
        memory.read(1 << 32)
    assert memory.read(0) == b""
