"""A read cache inside Wasm: what one call read or wrote, it need not ask Python for again.

Part of the helper module (``helper.py``), whose functions stand before Python's: FRAME reads the
same few keys again and again (a transfer reads accounts 43 times, five of them different), and a
crossing costs ten times what a hit here does. The table lies in a memory of the helper's own, which
the runtime cannot reach.

Invariants: an entry holds what ``ext_storage_get`` would answer now, encoded; every write goes to
the overlay first and then here; what cannot be followed key by key (a cleared prefix, a rolled-back
transaction) forgets everything. Nothing outlives a call: the machine raises the *generation*, the
memory's first word, before each one, so what a call costs depends on that call alone. Keys and
answers that are longer than an entry has room for are not kept.
"""

from __future__ import annotations

from typing import Final

ENTRIES: Final = 512
"""A power of two. A block's extrinsic touches some thirty keys, an epoch thousands, once each."""
ENTRY_BYTES: Final = 512
_KEY_AT: Final = 32
_ANSWER_AT: Final = 256
KEY_BYTES_MAX: Final = _ANSWER_AT - _KEY_AT
"""A map of two accounts and a subnet has keys of 130 bytes."""
ANSWER_BYTES_MAX: Final = ENTRY_BYTES - _ANSWER_AT
VALUE_BYTES_MAX: Final = ANSWER_BYTES_MAX - 3
"""``Some``, a length of one or two bytes, the value. An account has 80 bytes."""

_TABLE_AT: Final = ENTRY_BYTES
"""The entries begin after the generation, which has the first place for itself."""
_PAGES: Final = -(-(_TABLE_AT + ENTRIES * ENTRY_BYTES) // 65_536)

# An entry: generation u64, hash u64, length of key u32, length of answer u32, key, answer.
_GENERATION: Final = 0
_HASH: Final = 8
_KEY_SIZE: Final = 16
_ANSWER_SIZE: Final = 20
_COLON: Final = 0x3A

IMPORTS: Final = """
  (import "host" "ext_storage_get_version_1" (func $host_get (param i64) (result i64)))
  (import "host" "ext_storage_set_version_1" (func $host_set (param i64 i64)))
  (import "host" "ext_storage_clear_version_1" (func $host_clear (param i64)))
  (import "host" "ext_storage_append_version_1" (func $host_append (param i64 i64)))
  (import "host" "ext_storage_clear_prefix_version_1" (func $host_clear_prefix (param i64)))
  (import "host" "ext_storage_clear_prefix_version_2"
    (func $host_clear_limited (param i64 i64) (result i64)))
  (import "host" "ext_storage_rollback_transaction_version_1" (func $host_rollback))
"""
"""The functions that the ones below stand before."""

READ_CACHE: Final = f"""
  (memory $cache (export "per_call") {_PAGES} {_PAGES})

  (func $generation (result i64) (i64.load $cache (i32.const 0)))
  (func $forget_all
    (i64.store $cache (i32.const 0) (i64.add (call $generation) (i64.const 1))))

  (func $entry (param $hash i64) (result i32)
    (i32.add
      (i32.const {_TABLE_AT})
      (i32.mul
        (i32.and (i32.wrap_i64 (local.get $hash)) (i32.const {ENTRIES - 1}))
        (i32.const {ENTRY_BYTES}))))

  ;; Whether the entry is this call's and has this key.
  (func $holds
    (param $entry i32) (param $hash i64) (param $at i32) (param $size i32) (result i32)
    (local $mine i32)
    (if (i64.ne (i64.load $cache offset={_HASH} (local.get $entry)) (local.get $hash))
      (then (return (i32.const 0))))
    (if (i64.ne (i64.load $cache offset={_GENERATION} (local.get $entry)) (call $generation))
      (then (return (i32.const 0))))
    (if (i32.ne (i32.load $cache offset={_KEY_SIZE} (local.get $entry)) (local.get $size))
      (then (return (i32.const 0))))
    (local.set $mine (i32.add (local.get $entry) (i32.const {_KEY_AT})))
    (block $no_words
      (loop $words
        (br_if $no_words (i32.lt_u (local.get $size) (i32.const 8)))
        (if (i64.ne (i64.load $cache (local.get $mine)) (i64.load (local.get $at)))
          (then (return (i32.const 0))))
        (local.set $mine (i32.add (local.get $mine) (i32.const 8)))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (local.set $size (i32.sub (local.get $size) (i32.const 8)))
        (br $words)))
    (block $no_bytes
      (loop $bytes
        (br_if $no_bytes (i32.eqz (local.get $size)))
        (if (i32.ne (i32.load8_u $cache (local.get $mine)) (i32.load8_u (local.get $at)))
          (then (return (i32.const 0))))
        (local.set $mine (i32.add (local.get $mine) (i32.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $size (i32.sub (local.get $size) (i32.const 1)))
        (br $bytes)))
    (i32.const 1))

  ;; Make the entry this key's; its answer is for the caller to write.
  (func $take
    (param $entry i32) (param $hash i64) (param $at i32) (param $size i32)
    (i64.store $cache offset={_GENERATION} (local.get $entry) (call $generation))
    (i64.store $cache offset={_HASH} (local.get $entry) (local.get $hash))
    (i32.store $cache offset={_KEY_SIZE} (local.get $entry) (local.get $size))
    (memory.copy $cache 0
      (i32.add (local.get $entry) (i32.const {_KEY_AT})) (local.get $at) (local.get $size)))

  (func $forget (param $key i64)
    (local $entry i32) (local $at i32) (local $size i32) (local $hash i64)
    (local.set $at (i32.wrap_i64 (local.get $key)))
    (local.set $size (i32.wrap_i64 (i64.shr_u (local.get $key) (i64.const 32))))
    (if (i32.gt_u (local.get $size) (i32.const {KEY_BYTES_MAX})) (then (return)))
    (local.set $hash (call $xxh64 (local.get $at) (local.get $size) (i64.const 0)))
    (local.set $entry (call $entry (local.get $hash)))
    (if (call $holds (local.get $entry) (local.get $hash) (local.get $at) (local.get $size))
      (then (i64.store $cache offset={_GENERATION} (local.get $entry) (i64.const 0)))))

  (func (export "ext_storage_get_version_1") (param $key i64) (result i64)
    (local $entry i32) (local $at i32) (local $size i32) (local $hash i64) (local $out i32)
    (local $answer i64)
    (local.set $at (i32.wrap_i64 (local.get $key)))
    (local.set $size (i32.wrap_i64 (i64.shr_u (local.get $key) (i64.const 32))))
    (if (i32.gt_u (local.get $size) (i32.const {KEY_BYTES_MAX}))
      (then (return (call $host_get (local.get $key)))))
    (local.set $hash (call $xxh64 (local.get $at) (local.get $size) (i64.const 0)))
    (local.set $entry (call $entry (local.get $hash)))
    (if (call $holds (local.get $entry) (local.get $hash) (local.get $at) (local.get $size))
      (then
        (local.set $size (i32.load $cache offset={_ANSWER_SIZE} (local.get $entry)))
        (local.set $out (call $malloc (local.get $size)))
        (memory.copy 0 $cache
          (local.get $out)
          (i32.add (local.get $entry) (i32.const {_ANSWER_AT}))
          (local.get $size))
        (return
          (i64.or
            (i64.extend_i32_u (local.get $out))
            (i64.shl (i64.extend_i32_u (local.get $size)) (i64.const 32))))))
    (local.set $answer (call $host_get (local.get $key)))
    (if (i64.le_u
          (i64.shr_u (local.get $answer) (i64.const 32)) (i64.const {ANSWER_BYTES_MAX}))
      (then
        (call $take (local.get $entry) (local.get $hash) (local.get $at) (local.get $size))
        (local.set $size (i32.wrap_i64 (i64.shr_u (local.get $answer) (i64.const 32))))
        (i32.store $cache offset={_ANSWER_SIZE} (local.get $entry) (local.get $size))
        (memory.copy $cache 0
          (i32.add (local.get $entry) (i32.const {_ANSWER_AT}))
          (i32.wrap_i64 (local.get $answer))
          (local.get $size))))
    (local.get $answer))

  (func (export "ext_storage_set_version_1") (param $key i64) (param $value i64)
    (local $entry i32) (local $at i32) (local $size i32) (local $hash i64)
    (local $value_size i32) (local $head_size i32)
    (call $host_set (local.get $key) (local.get $value))
    (local.set $at (i32.wrap_i64 (local.get $key)))
    (local.set $size (i32.wrap_i64 (i64.shr_u (local.get $key) (i64.const 32))))
    (local.set $value_size (i32.wrap_i64 (i64.shr_u (local.get $value) (i64.const 32))))
    ;; Below ":" are keys which the host may refuse to set: what they hold is for it to say.
    (if (i32.or
          (i32.or
            (i32.eqz (local.get $size))
            (i32.gt_u (local.get $size) (i32.const {KEY_BYTES_MAX})))
          (i32.gt_u (local.get $value_size) (i32.const {VALUE_BYTES_MAX})))
      (then (call $forget (local.get $key)) (return)))
    (if (i32.eq (i32.load8_u (local.get $at)) (i32.const {_COLON}))
      (then (call $forget (local.get $key)) (return)))
    (local.set $hash (call $xxh64 (local.get $at) (local.get $size) (i64.const 0)))
    (local.set $entry (call $entry (local.get $hash)))
    (call $take (local.get $entry) (local.get $hash) (local.get $at) (local.get $size))
    ;; Some, then the compact length: one byte below 64, two below 2^14.
    (i32.store8 $cache offset={_ANSWER_AT} (local.get $entry) (i32.const 1))
    (if (i32.lt_u (local.get $value_size) (i32.const 64))
      (then
        (i32.store8 $cache offset={_ANSWER_AT + 1} (local.get $entry)
          (i32.shl (local.get $value_size) (i32.const 2)))
        (local.set $head_size (i32.const 2)))
      (else
        (i32.store16 $cache offset={_ANSWER_AT + 1} (local.get $entry)
          (i32.or (i32.shl (local.get $value_size) (i32.const 2)) (i32.const 1)))
        (local.set $head_size (i32.const 3))))
    (i32.store $cache offset={_ANSWER_SIZE} (local.get $entry)
      (i32.add (local.get $head_size) (local.get $value_size)))
    (memory.copy $cache 0
      (i32.add
        (i32.add (local.get $entry) (i32.const {_ANSWER_AT})) (local.get $head_size))
      (i32.wrap_i64 (local.get $value))
      (local.get $value_size)))

  (func (export "ext_storage_clear_version_1") (param $key i64)
    (call $host_clear (local.get $key))
    (call $forget (local.get $key)))
  (func (export "ext_storage_append_version_1") (param $key i64) (param $value i64)
    (call $host_append (local.get $key) (local.get $value))
    (call $forget (local.get $key)))
  (func (export "ext_storage_clear_prefix_version_1") (param $prefix i64)
    (call $host_clear_prefix (local.get $prefix))
    (call $forget_all))
  (func (export "ext_storage_clear_prefix_version_2")
    (param $prefix i64) (param $limit i64) (result i64)
    (call $forget_all)
    (call $host_clear_limited (local.get $prefix) (local.get $limit)))
  (func (export "ext_storage_rollback_transaction_version_1")
    (call $host_rollback)
    (call $forget_all))
"""
