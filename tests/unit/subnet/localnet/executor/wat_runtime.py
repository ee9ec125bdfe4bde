"""A runtime of a few lines for tests of the executor: one entry point for each thing to try.

It obeys the calling convention of Substrate runtimes (address and length in, both packed out) and
imports host functions by their real names. ``assemble`` makes the binary; variants of its globals
and data let tests reach both ways of instantiating.
"""

from __future__ import annotations

import wasmtime

from assay.localnet.executor.call import Executor
from assay.localnet.limits import CoreLimits
from assay.localnet.state.head import HeadState
from assay.localnet.state.overlay import Overlay
from assay.localnet.time_limit import TimeLimit

ONE_POINTER_HASHES = {
    "twox_64": 8,
    "twox_128": 16,
    "twox_256": 32,
    "blake2_128": 16,
    "blake2_256": 32,
    "keccak_256": 32,
    "keccak_512": 64,
    "sha2_256": 32,
}


def _hash_imports() -> str:
    return "\n".join(
        f'(import "env" "ext_hashing_{name}_version_1" (func ${name} (param i64) (result i32)))'
        for name in ONE_POINTER_HASHES
    )


def _hash_exports() -> str:
    return "\n".join(
        f"""(func (export "{name}") (param $at i32) (param $size i32) (result i64)
          (call $pack
            (call ${name} (call $pack (local.get $at) (local.get $size))) (i32.const {size})))"""
        for name, size in ONE_POINTER_HASHES.items()
    )


TEXT = f"""(module
  (import "env" "memory" (memory 2))
  (import "env" "ext_storage_get_version_1" (func $get (param i64) (result i64)))
  (import "env" "ext_storage_set_version_1" (func $set (param i64 i64)))
  (import "env" "ext_storage_read_version_1" (func $read (param i64 i64 i32) (result i64)))
  (import "env" "ext_storage_root_version_2" (func $root (param i32) (result i64)))
  (import "env" "ext_storage_clear_prefix_version_2" (func $clear (param i64 i64) (result i64)))
  (import "env" "ext_storage_start_transaction_version_1" (func $start))
  (import "env" "ext_storage_commit_transaction_version_1" (func $commit))
  (import "env" "ext_storage_exists_version_1" (func $exists (param i64) (result i32)))
  (import "env" "ext_trie_blake2_256_ordered_root_version_2"
    (func $list_root (param i64 i32) (result i32)))
  (import "env" "ext_allocator_malloc_version_1" (func $malloc (param i32) (result i32)))
  (import "env" "ext_allocator_free_version_1" (func $free (param i32)))
  (import "env" "ext_crypto_start_batch_verify_version_1" (func $start_batch))
  (import "env" "ext_crypto_finish_batch_verify_version_1" (func $finish_batch (result i32)))
  (import "env" "ext_logging_log_version_1" (func $log (param i32 i64 i64)))
  (import "env" "ext_crypto_sr25519_sign_version_1"
    (func $sign (param i32 i32 i64) (result i64)))
  (import "env" "ext_offchain_nonsense_version_9" (func $nonsense (param i64) (result i64)))
  {_hash_imports()}
  %(globals)s
  (global (export "__heap_base") i32 (i32.const 131080))
  (data (i32.const 65536) "\\07\\00\\00\\00")
  (func $pack (param $at i32) (param $size i32) (result i64)
    (i64.or (i64.extend_i32_u (local.get $at))
      (i64.shl (i64.extend_i32_u (local.get $size)) (i64.const 32))))
  (func (export "echo") (param i32 i32) (result i64) (call $pack (local.get 0) (local.get 1)))
  (func (export "count") (param i32 i32) (result i64)
    (i32.store (i32.const 65536) (i32.add (i32.load (i32.const 65536)) (i32.const 1)))
    (call $pack (i32.const 65536) (i32.const 4)))
  (func (export "batch") (param i32 i32) (result i64)
    (call $start_batch)
    (i32.store (i32.const 65536) (call $finish_batch))
    (call $pack (i32.const 65536) (i32.const 4)))
  (func (export "get") (param i32 i32) (result i64)
    (call $get (call $pack (local.get 0) (local.get 1))))
  (func (export "read_from_2") (param i32 i32) (result i64)
    ;; up to three bytes of the value, from its third one on, into address 70000
    (drop (call $read (call $pack (local.get 0) (local.get 1))
      (call $pack (i32.const 70000) (i32.const 3)) (i32.const 2)))
    (call $pack (i32.const 70000) (i32.const 3)))
  (func (export "set_then_panic") (param i32 i32) (result i64)
    (call $start)
    (call $set (call $pack (local.get 0) (local.get 1)) (call $pack (local.get 0) (local.get 1)))
    (call $log (i32.const 0) (i64.const 0) (call $pack (local.get 0) (local.get 1)))
    unreachable)
  (func (export "set_bare_then_panic") (param i32 i32) (result i64)
    (call $set (call $pack (local.get 0) (local.get 1)) (call $pack (local.get 0) (local.get 1)))
    unreachable)
  (func (export "set") (param i32 i32) (result i64)
    (call $set (call $pack (local.get 0) (local.get 1)) (call $pack (local.get 0) (local.get 1)))
    (i64.const 0))
  (func (export "leave_open") (param i32 i32) (result i64) (call $start) (i64.const 0))
  (func (export "close_foreign") (param i32 i32) (result i64) (call $commit) (i64.const 0))
  (func (export "root_1") (param i32 i32) (result i64) (call $root (i32.const 1)))
  (func (export "clear") (param i32 i32) (result i64)
    ;; limit Some(1)
    (i32.store8 (i32.const 70000) (i32.const 1))
    (i32.store (i32.const 70001) (i32.const 1))
    (call $clear (call $pack (local.get 0) (local.get 1))
      (call $pack (i32.const 70000) (i32.const 5))))
  (func (export "spin") (param i32 i32) (result i64) (loop $l (br $l)) (i64.const 0))
  (func (export "hammer") (param i32 i32) (result i64)
    (loop $l (drop (call $exists (i64.const 0))) (br $l)) (i64.const 0))
  (func (export "hammer_then_spin") (param i32 i32) (result i64)
    ;; as many host calls as the argument has bytes, then pure computation
    (block $asked
      (loop $ask
        (br_if $asked (i32.eqz (local.get 1)))
        (drop (call $exists (i64.const 0)))
        (local.set 1 (i32.sub (local.get 1) (i32.const 1)))
        (br $ask)))
    (loop $l (br $l)) (i64.const 0))
  (func (export "list_root") (param i32 i32) (result i64)
    (call $pack
      (call $list_root (call $pack (local.get 0) (local.get 1)) (i32.const 1)) (i32.const 32)))
  (func $deep (export "deep") (param i32 i32) (result i64)
    (i64.add (i64.const 1) (call $deep (local.get 0) (local.get 1))))
  (func (export "outside") (param i32 i32) (result i64)
    (call $pack (i32.const 0x7fffffff) (i32.const 16)))
  (func (export "read_outside") (param i32 i32) (result i64)
    (call $get (call $pack (i32.const 0x7ffffff0) (i32.const 64))))
  (func (export "eat") (param i32 i32) (result i64)
    (loop $l (drop (call $malloc (i32.const 0x1000000))) (br $l)) (i64.const 0))
  (func (export "too_much") (param i32 i32) (result i64)
    (i64.extend_i32_u (call $malloc (i32.const 0x2000001))))
  (func (export "free_twice") (param i32 i32) (result i64) (local $at i32)
    (local.set $at (call $malloc (i32.const 9)))
    (call $free (local.get $at)) (call $free (local.get $at)) (i64.const 0))
  (func (export "reuse_block") (param i32 i32) (result i64) (local $at i32) (local $other i32)
    ;; a freed block of an order is the next one handed out; another order is not
    (local.set $at (call $malloc (i32.const 100)))
    (call $free (local.get $at))
    (local.set $other (call $malloc (i32.const 9)))
    (i32.store (i32.const 70000) (i32.eq (local.get $at) (call $malloc (i32.const 128))))
    (i32.store (i32.const 70004) (i32.eq (local.get $at) (local.get $other)))
    (call $pack (i32.const 70000) (i32.const 8)))
  (func (export "grow_then_get") (param i32 i32) (result i64)
    ;; the runtime grows memory itself, unseen by the host, and hands over an address up there
    (local $up i32)
    (local.set $up (i32.shl (memory.grow (i32.const 64)) (i32.const 16)))
    (memory.copy (local.get $up) (local.get 0) (local.get 1))
    (call $get (call $pack (local.get $up) (local.get 1))))
  (func (export "sign") (param i32 i32) (result i64)
    (call $sign (i32.const 0) (i32.const 0) (i64.const 0)))
  (func (export "no_entry_point") (param i32 i32 i64 i64 i64) (result i64 i64 i64 i64 i64)
    (local.get 4) (local.get 3) (local.get 2) (i64.const 3) (i64.const 4))
  (func (export "nonsense") (param i32 i32) (result i64) (call $nonsense (i64.const 0)))
  {_hash_exports()}
)"""

ONE_GLOBAL = "(global $__stack_pointer (mut i32) (i32.const 65536))"
TWO_GLOBALS = ONE_GLOBAL + "(global (mut i32) (i32.const 0))"
"""With a second mutable global an instance may not be used twice."""


def assemble(text: str = TEXT, global_text: str = ONE_GLOBAL) -> bytes:
    return bytes(wasmtime.wat2wasm(text.replace("%(globals)s", global_text)))


LIMITS = CoreLimits(fuel_per_query=50_000_000, host_calls_per_query=50_000, memory_pages_max=1_024)


def executor(global_text: str = ONE_GLOBAL, *, time: TimeLimit | None = None) -> Executor:
    return Executor(assemble(global_text=global_text), LIMITS, time=time)


def overlay(**pairs: bytes) -> Overlay:
    """An overlay over a state of these pairs."""
    return Overlay(HeadState((key.encode(), value, False) for key, value in pairs.items()))
