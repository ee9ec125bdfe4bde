"""The helper module: Wasm that answers the runtime's most frequent host calls inside Wasm.

Crossing into Python costs about a microsecond, and a runtime allocates and hashes a thousand times
a block. So ``malloc``, ``free``, twox-64/128, blake2b-128/256 and the log level are a small Wasm
module of our own, written as text and instantiated beside the runtime on the same memory. The
allocator's book-keeping is laid out in ``allocator.py``. The functions are compared with ``xxhash``
and ``hashlib`` by tests; a runtime that imports none of them never links it.

The text is generated because BLAKE2b's rounds are unrolled: message words stay in locals.
"""

from __future__ import annotations

from typing import Final

from assay.localnet.executor.host.read_cache import IMPORTS, READ_CACHE
from assay.localnet.executor.machine.allocator import (
    BLOCK_BYTES_MAX,
    BLOCK_BYTES_MIN,
    BOOK_BYTES,
    BUMP_AT,
    GROW_PAGES,
    IN_USE,
    SCRATCH_AT,
)

_MASK_64: Final = 2**64 - 1

# xxHash-64's primes, from its specification.
_P1: Final = 0x9E3779B185EBCA87
_P2: Final = 0xC2B2AE3D27D4EB4F
_P3: Final = 0x165667B19E3779F9
_P4: Final = 0x85EBCA77C2B2AE63
_P5: Final = 0x27D4EB2F165667C5

# BLAKE2b, RFC 7693: initial vector and message schedule.
_IV: Final = (
    0x6A09E667F3BCC908,
    0xBB67AE8584CAA73B,
    0x3C6EF372FE94F82B,
    0xA54FF53A5F1D36F1,
    0x510E527FADE682D1,
    0x9B05688C2B3E6C1F,
    0x1F83D9ABFB41BD6B,
    0x5BE0CD19137E2179,
)
_SIGMA: Final = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
)
_ROUNDS: Final = 12
_COLUMNS_AND_DIAGONALS: Final = (
    (0, 4, 8, 12),
    (1, 5, 9, 13),
    (2, 6, 10, 14),
    (3, 7, 11, 15),
    (0, 5, 10, 15),
    (1, 6, 11, 12),
    (2, 7, 8, 13),
    (3, 4, 9, 14),
)

# Scratch: one message block of 128 bytes, then the eight state words.
_BLOCK_AT: Final = SCRATCH_AT
_STATE_AT: Final = SCRATCH_AT + 128


def _word(value: int) -> str:
    value &= _MASK_64
    return f"(i64.const {value - (1 << 64) if value >> 63 else value})"


def helper_wat(memory_module: str, memory_name: str, pages_min: int, log_level: int) -> str:
    """The module's text, for a memory that is imported under that name."""
    return f"""(module
  (import "{memory_module}" "{memory_name}" (memory {pages_min}))
  (import "host" "grown" (func $grown))
{IMPORTS}
  (global $book (mut i32) (i32.const 0))
  (func (export "set_book") (param $at i32) (global.set $book (local.get $at)))
{_ALLOCATOR}
{_XXHASH}
{READ_CACHE}
{_blake2_compress()}
{_BLAKE2}
  (func (export "ext_logging_max_level_version_1") (result i32) (i32.const {log_level})))"""


_ALLOCATOR: Final = f"""
  (func $malloc (export "ext_allocator_malloc_version_1") (param $size i32) (result i32)
    (local $order i32) (local $head i32) (local $header i32) (local $end i32)
    (if (i32.gt_u (local.get $size) (i32.const {BLOCK_BYTES_MAX})) (then unreachable))
    (if (i32.lt_u (local.get $size) (i32.const {BLOCK_BYTES_MIN}))
      (then (local.set $size (i32.const {BLOCK_BYTES_MIN}))))
    ;; The bits of (size - 1), less the three bits of the smallest block.
    (local.set $order
      (i32.sub (i32.const 29) (i32.clz (i32.sub (local.get $size) (i32.const 1)))))
    (local.set $head (i32.add (global.get $book) (i32.shl (local.get $order) (i32.const 2))))
    (local.set $header (i32.load (local.get $head)))
    (if (local.get $header)
      (then (i32.store (local.get $head) (i32.load (local.get $header))))
      (else
        (local.set $header (i32.load offset={BUMP_AT} (global.get $book)))
        (local.set $end
          (i32.add
            (i32.add (local.get $header) (i32.const 8))
            (i32.shl (i32.const {BLOCK_BYTES_MIN}) (local.get $order))))
        (i32.store offset={BUMP_AT} (global.get $book) (local.get $end))
        (if (i64.gt_u
              (i64.extend_i32_u (local.get $end))
              (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16)))
          (then (call $grow_to (local.get $end))))))
    (i64.store (local.get $header)
      (i64.or (i64.extend_i32_u (local.get $order)) (i64.const {IN_USE << 32})))
    (i32.add (local.get $header) (i32.const 8)))

  (func $grow_to (param $end i32)
    (local $pages i32)
    (local.set $pages
      (i32.sub
        (i32.shr_u (i32.add (local.get $end) (i32.const 65535)) (i32.const 16))
        (memory.size)))
    ;; Ask for room to spare; where a limit forbids it, for what is needed.
    (if (i32.eq
          (memory.grow (i32.add (local.get $pages) (i32.const {GROW_PAGES}))) (i32.const -1))
      (then
        (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then unreachable))))
    (call $grown))

  (func (export "ext_allocator_free_version_1") (param $at i32)
    (local $head i32)
    (local.set $at (i32.sub (local.get $at) (i32.const 8)))
    (if (i32.ne (i32.load offset=4 (local.get $at)) (i32.const 1)) (then unreachable))
    (local.set $head
      (i32.add (global.get $book) (i32.shl (i32.load8_u (local.get $at)) (i32.const 2))))
    (i64.store (local.get $at) (i64.extend_i32_u (i32.load (local.get $head))))
    (i32.store (local.get $head) (local.get $at)))
"""

_XXHASH: Final = f"""
  (func $round (param $lane i64) (param $input i64) (result i64)
    (i64.mul
      (i64.rotl
        (i64.add (local.get $lane) (i64.mul (local.get $input) {_word(_P2)})) (i64.const 31))
      {_word(_P1)}))
  (func $merge (param $hash i64) (param $lane i64) (result i64)
    (i64.add
      (i64.mul
        (i64.xor (local.get $hash) (call $round (i64.const 0) (local.get $lane)))
        {_word(_P1)})
      {_word(_P4)}))
  (func $xxh64 (param $at i32) (param $size i32) (param $seed i64) (result i64)
    (local $end i32) (local $hash i64) (local $a i64) (local $b i64) (local $c i64) (local $d i64)
    (local.set $end (i32.add (local.get $at) (local.get $size)))
    (if (i32.ge_u (local.get $size) (i32.const 32))
      (then
        (local.set $a (i64.add (local.get $seed) {_word(_P1 + _P2)}))
        (local.set $b (i64.add (local.get $seed) {_word(_P2)}))
        (local.set $c (local.get $seed))
        (local.set $d (i64.sub (local.get $seed) {_word(_P1)}))
        (loop $stripes
          (local.set $a (call $round (local.get $a) (i64.load (local.get $at))))
          (local.set $b (call $round (local.get $b) (i64.load offset=8 (local.get $at))))
          (local.set $c (call $round (local.get $c) (i64.load offset=16 (local.get $at))))
          (local.set $d (call $round (local.get $d) (i64.load offset=24 (local.get $at))))
          (local.set $at (i32.add (local.get $at) (i32.const 32)))
          (br_if $stripes
            (i32.ge_u (i32.sub (local.get $end) (local.get $at)) (i32.const 32))))
        (local.set $hash
          (i64.add
            (i64.add
              (i64.rotl (local.get $a) (i64.const 1)) (i64.rotl (local.get $b) (i64.const 7)))
            (i64.add
              (i64.rotl (local.get $c) (i64.const 12)) (i64.rotl (local.get $d) (i64.const 18)))))
        (local.set $hash (call $merge (local.get $hash) (local.get $a)))
        (local.set $hash (call $merge (local.get $hash) (local.get $b)))
        (local.set $hash (call $merge (local.get $hash) (local.get $c)))
        (local.set $hash (call $merge (local.get $hash) (local.get $d))))
      (else (local.set $hash (i64.add (local.get $seed) {_word(_P5)}))))
    (local.set $hash (i64.add (local.get $hash) (i64.extend_i32_u (local.get $size))))
    (block $no_words
      (loop $words
        (br_if $no_words (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 8)))
        (local.set $hash
          (i64.add
            (i64.mul
              (i64.rotl
                (i64.xor
                  (local.get $hash) (call $round (i64.const 0) (i64.load (local.get $at))))
                (i64.const 27))
              {_word(_P1)})
            {_word(_P4)}))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br $words)))
    (if (i32.ge_u (i32.sub (local.get $end) (local.get $at)) (i32.const 4))
      (then
        (local.set $hash
          (i64.add
            (i64.mul
              (i64.rotl
                (i64.xor
                  (local.get $hash)
                  (i64.mul (i64.load32_u (local.get $at)) {_word(_P1)}))
                (i64.const 23))
              {_word(_P2)})
            {_word(_P3)}))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))))
    (block $no_bytes
      (loop $bytes
        (br_if $no_bytes (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $hash
          (i64.mul
            (i64.rotl
              (i64.xor
                (local.get $hash) (i64.mul (i64.load8_u (local.get $at)) {_word(_P5)}))
              (i64.const 11))
            {_word(_P1)}))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $bytes)))
    (local.set $hash
      (i64.mul
        (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 33)))
        {_word(_P2)}))
    (local.set $hash
      (i64.mul
        (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 29)))
        {_word(_P3)}))
    (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 32))))

  (func (export "ext_hashing_twox_64_version_1") (param $data i64) (result i32)
    (local $out i32)
    (local.set $out (call $malloc (i32.const 8)))
    (i64.store (local.get $out)
      (call $xxh64
        (i32.wrap_i64 (local.get $data))
        (i32.wrap_i64 (i64.shr_u (local.get $data) (i64.const 32)))
        (i64.const 0)))
    (local.get $out))
  (func (export "ext_hashing_twox_128_version_1") (param $data i64) (result i32)
    (local $out i32) (local $at i32) (local $size i32)
    (local.set $at (i32.wrap_i64 (local.get $data)))
    (local.set $size (i32.wrap_i64 (i64.shr_u (local.get $data) (i64.const 32))))
    (local.set $out (call $malloc (i32.const 16)))
    (i64.store (local.get $out)
      (call $xxh64 (local.get $at) (local.get $size) (i64.const 0)))
    (i64.store offset=8 (local.get $out)
      (call $xxh64 (local.get $at) (local.get $size) (i64.const 1)))
    (local.get $out))
"""


def _blake2_compress() -> str:
    """BLAKE2b's compression of the block in scratch, all twelve rounds written out."""
    out = ["  (func $compress (param $book i32) (param $bytes_so_far i64) (param $last i64)"]
    out += [f"    (local $v{i} i64) (local $m{i} i64)" for i in range(16)]
    for i in range(16):
        load = f"(i64.load offset={_BLOCK_AT + 8 * i} (local.get $book))"
        out.append(f"    (local.set $m{i} {load})")
    for i in range(8):
        load = f"(i64.load offset={_STATE_AT + 8 * i} (local.get $book))"
        out.append(f"    (local.set $v{i} {load})")
        out.append(f"    (local.set $v{i + 8} {_word(_IV[i])})")
    out.append("    (local.set $v12 (i64.xor (local.get $v12) (local.get $bytes_so_far)))")
    out.append("    (local.set $v14 (i64.xor (local.get $v14) (local.get $last)))")
    for number in range(_ROUNDS):
        schedule = _SIGMA[number % len(_SIGMA)]
        for i, (a, b, c, d) in enumerate(_COLUMNS_AND_DIAGONALS):
            out += _mix(a, b, c, d, schedule[2 * i], schedule[2 * i + 1])
    for i in range(8):
        at = _STATE_AT + 8 * i
        halves = f"(i64.xor (local.get $v{i}) (local.get $v{i + 8}))"
        old = f"(i64.load offset={at} (local.get $book))"
        out.append(f"    (i64.store offset={at} (local.get $book) (i64.xor {old} {halves}))")
    return "\n".join(out) + ")"


def _mix(a: int, b: int, c: int, d: int, x: int, y: int) -> list[str]:
    """BLAKE2b's G function on four words of the working vector."""

    def add(into: int, other: str) -> str:
        return f"    (local.set $v{into} (i64.add (local.get $v{into}) {other}))"

    def turn(into: int, other: int, bits: int) -> str:
        mixed = f"(i64.xor (local.get $v{into}) (local.get $v{other}))"
        return f"    (local.set $v{into} (i64.rotr {mixed} (i64.const {bits})))"

    return [
        add(a, f"(i64.add (local.get $v{b}) (local.get $m{x}))"),
        turn(d, a, 32),
        add(c, f"(local.get $v{d})"),
        turn(b, c, 24),
        add(a, f"(i64.add (local.get $v{b}) (local.get $m{y}))"),
        turn(d, a, 16),
        add(c, f"(local.get $v{d})"),
        turn(b, c, 63),
    ]


def _blake2_export(bits: int) -> str:
    size = bits // 8
    return f"""
  (func (export "ext_hashing_blake2_{bits}_version_1") (param $data i64) (result i32)
    (local $out i32)
    (call $blake2b (local.get $data) (i64.const {size}))
    (local.set $out (call $malloc (i32.const {size})))
    (memory.copy (local.get $out)
      (i32.add (global.get $book) (i32.const {_STATE_AT})) (i32.const {size}))
    (local.get $out))"""


def _initial_state() -> str:
    return "\n".join(
        f"    (i64.store offset={_STATE_AT + 8 * i} (local.get $book) {_word(_IV[i])})"
        for i in range(8)
    )


_BLAKE2: Final = f"""
  (func $blake2b (param $data i64) (param $digest_size i64)
    (local $at i32) (local $left i32) (local $done i64) (local $book i32)
    (local.set $book (global.get $book))
    (local.set $at (i32.wrap_i64 (local.get $data)))
    (local.set $left (i32.wrap_i64 (i64.shr_u (local.get $data) (i64.const 32))))
{_initial_state()}
    ;; The parameter block: fan-out 1, depth 1, no key, the digest's size.
    (i64.store offset={_STATE_AT} (local.get $book)
      (i64.xor {_word(_IV[0])} (i64.or (i64.const 0x01010000) (local.get $digest_size))))
    (block $last
      (loop $blocks
        (br_if $last (i32.le_u (local.get $left) (i32.const 128)))
        (memory.copy
          (i32.add (local.get $book) (i32.const {_BLOCK_AT})) (local.get $at) (i32.const 128))
        (local.set $done (i64.add (local.get $done) (i64.const 128)))
        (call $compress (local.get $book) (local.get $done) (i64.const 0))
        (local.set $at (i32.add (local.get $at) (i32.const 128)))
        (local.set $left (i32.sub (local.get $left) (i32.const 128)))
        (br $blocks)))
    (memory.fill
      (i32.add (local.get $book) (i32.const {_BLOCK_AT})) (i32.const 0) (i32.const 128))
    (memory.copy
      (i32.add (local.get $book) (i32.const {_BLOCK_AT})) (local.get $at) (local.get $left))
    (call $compress (local.get $book)
      (i64.add (local.get $done) (i64.extend_i32_u (local.get $left))) (i64.const -1)))
{_blake2_export(128)}
{_blake2_export(256)}
"""

assert _STATE_AT + 64 <= BOOK_BYTES, "the scratch fits into the book-keeping"
