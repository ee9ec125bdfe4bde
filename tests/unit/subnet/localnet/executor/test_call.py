"""One runtime call: what it sees, what stops it, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assay.localnet.errors import BadRuntime, BudgetSpent, MissingExport, RuntimeTrap
from assay.localnet.executor.call import Executor
from assay.localnet.limits import CoreLimits
from assay.localnet.state.head import HeadState
from assay.localnet.state.overlay import Overlay
from assay.localnet.state.root import slow_root
from tests.unit.subnet.localnet.executor import wat_runtime
from tests.unit.subnet.localnet.executor.wat_runtime import overlay


@pytest.fixture(
    scope="module",
    params=[wat_runtime.ONE_GLOBAL, wat_runtime.TWO_GLOBALS],
    ids=["reused instance", "fresh instances"],
)
def runtime(request: pytest.FixtureRequest) -> Iterator[Executor]:
    executor = wat_runtime.executor(request.param)
    yield executor
    executor.close()


def test_arguments_and_results_cross(runtime: Executor) -> None:
    for argument in (b"", b"x", bytes(range(256)) * 700):
        assert runtime.call("echo", argument, overlay()) == argument


def test_a_batch_of_checks_that_were_answered_at_once_is_true(runtime: Executor) -> None:
    assert runtime.call("batch", b"", overlay()) == b"\x01\0\0\0"


def test_each_call_sees_a_new_instance(runtime: Executor) -> None:
    counts = [runtime.call("count", b"", overlay()) for _ in range(3)]
    assert counts == [b"\x08\0\0\0"] * 3


def test_storage_is_read_through_the_overlay(runtime: Executor) -> None:
    state = overlay(here=b"value")
    assert runtime.call("get", b"here", state) == b"\x01\x14value"
    assert runtime.call("get", b"there", state) == b"\x00"
    assert runtime.call("read_from_2", b"here", state) == b"lue"
    runtime.call("set", b"there", state)
    assert runtime.call("get", b"there", state) == b"\x01\x14there"


def test_a_limited_prefix_says_what_remains(runtime: Executor) -> None:
    state = overlay(a1=b"1", a2=b"2", b=b"3")
    assert runtime.call("clear", b"a", state) == b"\x01\x01\0\0\0"
    assert (state.get(b"a1"), state.get(b"a2")) == (None, b"2")


def test_a_panic_leaves_the_overlay_clean_and_tells_what_was_logged(runtime: Executor) -> None:
    state = overlay()
    state.start()
    with pytest.raises(RuntimeTrap, match="the runtime panicked") as caught:
        runtime.call("set_then_panic", b"why it stopped", state)
    assert caught.value.logs == ("why it stopped",)
    assert "why it stopped" in str(caught.value)
    assert state.depth == 1
    assert state.get(b"why it stopped") is None
    assert runtime.call("echo", b"on it goes", state) == b"on it goes"


def test_a_panic_takes_back_what_was_written_outside_of_any_transaction(
    runtime: Executor,
) -> None:
    for depth in (0, 1):
        state = overlay(kept=b"1")
        state.put(b"before", b"2")
        for _ in range(depth):
            state.start()
        with pytest.raises(RuntimeTrap, match="panicked"):
            runtime.call("set_bare_then_panic", b"kept", state)
        assert (state.get(b"kept"), state.get(b"before"), state.depth) == (b"1", b"2", depth)
        runtime.call("set", b"kept", state)
        assert state.get(b"kept") == b"kept"


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("spin", "the call used up its fuel"),
        ("hammer", "the call used up its host function calls"),
        ("deep", "the call used up its stack"),
        ("outside", "outside the memory"),
        ("read_outside", "outside the memory"),
        ("eat", "the runtime panicked"),
        ("too_much", "the runtime panicked"),
        ("free_twice", "the runtime panicked"),
        ("sign", "this node has no keystore"),
        ("nonsense", "ext_offchain_nonsense_version_9 is not available"),
        ("close_foreign", "there is no open transaction"),
        ("leave_open", "it returned with a transaction open"),
    ],
)
def test_what_stops_a_call_is_named_and_the_next_call_works(
    runtime: Executor, method: str, reason: str
) -> None:
    state = overlay()
    state.start()
    with pytest.raises(RuntimeTrap, match=reason) as caught:
        runtime.call(method, b"", state)
    assert caught.value.method == method
    assert isinstance(caught.value, BudgetSpent) == (method in ("spin", "hammer"))
    assert state.depth == 1
    assert runtime.call("echo", b"next", state) == b"next"


def test_the_root_is_that_of_the_overlay_if_there_is_a_trie(runtime: Executor) -> None:
    state = overlay(here=b"value")
    runtime.call("set", b"there", state)
    assert runtime.call("root_1", b"", state) == slow_root(
        {b"here": b"value", b"there": b"there"}, 1
    )

    class Old(HeadState):
        has_trie = False  # type: ignore[assignment]

    with pytest.raises(RuntimeTrap, match="the root of an old state is not kept"):
        runtime.call("root_1", b"", Overlay(Old()))


@pytest.mark.parametrize("name", ["Nope_nope", "memory", "__heap_base", "no_entry_point", ""])
def test_a_method_that_is_not_there_is_named(runtime: Executor, name: str) -> None:
    """A function of another type would write beyond the slots that it is handed."""
    with pytest.raises(MissingExport, match=f"Exported method {name} is not found"):
        runtime.call(name, b"", overlay())


def test_memory_that_the_runtime_grew_itself_is_read(runtime: Executor) -> None:
    assert runtime.call("grow_then_get", b"here", overlay(here=b"v")) == b"\x01\x04v"


def test_a_freed_block_is_handed_out_again(runtime: Executor) -> None:
    assert runtime.call("reuse_block", b"", overlay()) == b"\x01\0\0\0\0\0\0\0"


def test_an_argument_above_the_limit_is_refused() -> None:
    executor = Executor(wat_runtime.assemble(), CoreLimits(argument_bytes_max=8))
    assert executor.call("echo", b"12345678", overlay()) == b"12345678"
    with pytest.raises(RuntimeTrap, match="too long"):
        executor.call("echo", b"123456789", overlay())


def test_what_is_no_runtime_is_refused_with_a_cure() -> None:
    whole = wat_runtime.assemble()
    own_memory = wat_runtime.assemble("(module (memory 1))")
    no_heap = wat_runtime.assemble('(module (import "env" "memory" (memory 1)))')
    for code in (b"", b"ELF", whole[:100], b"\0asm\x01\0\0\0\xff", own_memory, no_heap):
        with pytest.raises(BadRuntime):
            Executor(code, CoreLimits()).call("x", b"", overlay())


def test_an_interrupt_is_raised_again_and_leaves_nothing(runtime: Executor) -> None:
    class Interrupted(HeadState):
        def __init__(self) -> None:
            super().__init__()
            self.get = self.interrupt  # type: ignore[assignment]

        def interrupt(self, key: bytes) -> bytes | None:
            raise KeyboardInterrupt

    state = Overlay(Interrupted())
    with pytest.raises(KeyboardInterrupt):
        runtime.call("get", b"k", state)
    assert state.depth == 0
    assert runtime.call("echo", b"next", state) == b"next"


def test_a_call_within_a_call_is_our_own_mistake(runtime: Executor) -> None:
    class Reentrant:
        def get(self, key: bytes) -> bytes | None:
            runtime.call("echo", b"", overlay())
            return None

    state = overlay()
    state.base.get = Reentrant().get  # type: ignore[method-assign]
    inner = type(state)(state.base)
    with pytest.raises(RuntimeTrap, match="within a runtime call"):
        runtime.call("get", b"k", inner)
