"""The read cache in Wasm against the overlay: whatever is read and written, the answers are equal.

The runtime here is an interpreter: it runs a script of storage calls and returns all answers. The
same script is run on a second overlay without any Wasm. Keys are few, so that they are read again;
some share a place in the cache's table, some are too long for it, some begin with a colon.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import wasmtime
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.localnet.executor.call import Executor
from assay.localnet.executor.host.read_cache import (
    ANSWER_BYTES_MAX,
    ENTRIES,
    KEY_BYTES_MAX,
    VALUE_BYTES_MAX,
)
from assay.localnet.limits import CoreLimits
from assay.localnet.primitives.scale import encode_bytes
from assay.localnet.state.head import HeadState
from assay.localnet.state.overlay import Overlay

GET, SET, CLEAR, APPEND, CLEAR_PREFIX, START, COMMIT, ROLLBACK = range(8)

# A step of the script: kind u8, length of key u16, length of value u16, key, value.
INTERPRETER = """(module
  (import "env" "memory" (memory 20))
  (import "env" "ext_storage_get_version_1" (func $get (param i64) (result i64)))
  (import "env" "ext_storage_set_version_1" (func $set (param i64 i64)))
  (import "env" "ext_storage_clear_version_1" (func $clear (param i64)))
  (import "env" "ext_storage_append_version_1" (func $append (param i64 i64)))
  (import "env" "ext_storage_clear_prefix_version_1" (func $clear_prefix (param i64)))
  (import "env" "ext_storage_start_transaction_version_1" (func $start))
  (import "env" "ext_storage_commit_transaction_version_1" (func $commit))
  (import "env" "ext_storage_rollback_transaction_version_1" (func $rollback))
  (global $__stack_pointer (mut i32) (i32.const 65536))
  (global (export "__heap_base") i32 (i32.const 600000))
  (data (i32.const 65536) "\\00")
  (func $pack (param $at i32) (param $size i32) (result i64)
    (i64.or (i64.extend_i32_u (local.get $at))
      (i64.shl (i64.extend_i32_u (local.get $size)) (i64.const 32))))
  (func (export "run") (param $at i32) (param $size i32) (result i64)
    (local $end i32) (local $out i32) (local $kind i32) (local $key i64) (local $value i64)
    (local $answer i64) (local $length i32)
    (local.set $end (i32.add (local.get $at) (local.get $size)))
    (local.set $out (i32.const 100000))
    (block $done
      (loop $steps
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $kind (i32.load8_u (local.get $at)))
        (local.set $key (call $pack
          (i32.add (local.get $at) (i32.const 5)) (i32.load16_u offset=1 (local.get $at))))
        (local.set $value (call $pack
          (i32.add (i32.add (local.get $at) (i32.const 5)) (i32.load16_u offset=1 (local.get $at)))
          (i32.load16_u offset=3 (local.get $at))))
        (local.set $at (i32.add
          (i32.wrap_i64 (local.get $value)) (i32.load16_u offset=3 (local.get $at))))
        (if (i32.eq (local.get $kind) (i32.const 0)) (then
          (local.set $answer (call $get (local.get $key)))
          (local.set $length (i32.wrap_i64 (i64.shr_u (local.get $answer) (i64.const 32))))
          (memory.copy
            (local.get $out) (i32.wrap_i64 (local.get $answer)) (local.get $length))
          (local.set $out (i32.add (local.get $out) (local.get $length)))))
        (if (i32.eq (local.get $kind) (i32.const 1)) (then
          (call $set (local.get $key) (local.get $value))))
        (if (i32.eq (local.get $kind) (i32.const 2)) (then (call $clear (local.get $key))))
        (if (i32.eq (local.get $kind) (i32.const 3)) (then
          (call $append (local.get $key) (local.get $value))))
        (if (i32.eq (local.get $kind) (i32.const 4)) (then (call $clear_prefix (local.get $key))))
        (if (i32.eq (local.get $kind) (i32.const 5)) (then (call $start)))
        (if (i32.eq (local.get $kind) (i32.const 6)) (then (call $commit)))
        (if (i32.eq (local.get $kind) (i32.const 7)) (then (call $rollback)))
        (br $steps)))
    (call $pack (i32.const 100000) (i32.sub (local.get $out) (i32.const 100000)))))"""


@pytest.fixture(scope="module")
def runtime() -> Iterator[Executor]:
    executor = Executor(bytes(wasmtime.wat2wasm(INTERPRETER)), CoreLimits())
    yield executor
    executor.close()


def place(key: bytes) -> int:
    """Where the cache's table has the key."""
    return xxhash.xxh64_intdigest(key) % ENTRIES


_numbered = [b"k%d" % number for number in range(4 * ENTRIES)]
NEIGHBOURS = [key for key in _numbered if place(key) == place(_numbered[0])][:3]
assert len(NEIGHBOURS) == 3

KEYS = [
    b"",
    b"a",
    b"ab",
    b"abcdefgh",
    b"abcdefghi",
    b":code",
    b":child_storage:default:x",
    b"k" * KEY_BYTES_MAX,
    b"k" * (KEY_BYTES_MAX + 1),
    *NEIGHBOURS,
]
LENGTHS = [0, 1, 63, 64, VALUE_BYTES_MAX, VALUE_BYTES_MAX + 1, ANSWER_BYTES_MAX, 300]

values = st.builds(
    lambda length, byte: bytes((byte,)) * length, st.sampled_from(LENGTHS), st.integers(0, 255)
)
Step = tuple[int, bytes, bytes]


def courses(keys: list[bytes]) -> st.SearchStrategy[list[list[Step]]]:
    """The steps of one or two calls, over few keys so that they meet again."""
    key, nothing = st.sampled_from(keys), st.just(b"")
    step: st.SearchStrategy[Step] = st.one_of(
        st.tuples(st.just(GET), key, nothing),
        st.tuples(st.just(SET), key, values),
        st.tuples(st.just(CLEAR), key, nothing),
        st.tuples(st.just(APPEND), key, values),
        st.tuples(st.just(CLEAR_PREFIX), st.sampled_from([b"a", b"k", b"z"]), nothing),
        st.tuples(st.sampled_from([START, COMMIT, ROLLBACK]), nothing, nothing),
    )
    return st.lists(st.lists(step, min_size=20, max_size=60), min_size=1, max_size=2)


def balanced(steps: list[Step]) -> list[Step]:
    """Without the endings of transactions that nobody began, and with those that are missing."""
    kept: list[Step] = []
    depth = 0
    for one in steps:
        if one[0] == START:
            depth += 1
        elif one[0] in (COMMIT, ROLLBACK):
            if not depth:
                continue
            depth -= 1
        kept.append(one)
    return kept + [(ROLLBACK, b"", b"")] * depth


def encoded(steps: list[Step]) -> bytes:
    return b"".join(
        bytes((kind,))
        + len(key).to_bytes(2, "little")
        + len(value).to_bytes(2, "little")
        + key
        + value
        for kind, key, value in steps
    )


def answers(steps: list[Step], overlay: Overlay) -> bytes:
    """What the steps' reads give, asked of the overlay directly."""
    out = []
    for kind, key, value in steps:
        if kind == GET:
            held = overlay.get(key)
            out.append(b"\0" if held is None else b"\1" + encode_bytes(held))
        elif kind == SET:
            overlay.put(key, value)
        elif kind == CLEAR:
            overlay.put(key, None)
        elif kind == APPEND:
            overlay.append(key, value)
        elif kind == CLEAR_PREFIX:
            overlay.clear_prefix(key)
        else:
            {START: overlay.start, COMMIT: overlay.commit, ROLLBACK: overlay.rollback}[kind]()
    return b"".join(out)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(KEYS), values),
    st.lists(st.sampled_from(KEYS), min_size=2, max_size=4).flatmap(courses),
)
def test_cached_reads_are_what_the_overlay_holds(
    runtime: Executor, stored: dict[bytes, bytes], calls: list[list[Step]]
) -> None:
    state = HeadState((key, value, False) for key, value in stored.items())
    through_wasm, directly = Overlay(state), Overlay(state)
    for steps in map(balanced, calls):
        assert runtime.call("run", encoded(steps), through_wasm) == answers(steps, directly)
    assert through_wasm.changes() == directly.changes()


def test_a_read_does_not_outlive_its_call(runtime: Executor) -> None:
    """The next call may be on another state."""
    read = encoded([(GET, b"a", b""), (GET, b"a", b"")])
    first = Overlay(HeadState([(b"a", b"1", False)]))
    second = Overlay(HeadState([(b"a", b"2", False)]))
    assert runtime.call("run", read, first) == b"\1\x041" * 2
    assert runtime.call("run", read, second) == b"\1\x042" * 2
    assert runtime.call("run", read, first) == b"\1\x041" * 2
