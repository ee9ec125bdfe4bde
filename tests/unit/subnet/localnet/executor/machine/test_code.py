"""A runtime's blob: packed, unpacked, and its version read without running it."""

from __future__ import annotations

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.localnet.errors import BadRuntime
from assay.localnet.executor.machine import code
from assay.localnet.executor.machine.wasm_binary import MAGIC, custom_section, outline
from assay.localnet.primitives.runtime_version import RuntimeVersion
from assay.localnet.primitives.scale import compact, encode_bytes
from tests.unit.subnet.localnet.executor import wat_runtime


def _custom(name: bytes, content: bytes) -> bytes:
    body = bytes((len(name),)) + name + content
    assert len(body) < 128
    return b"\x00" + bytes((len(body),)) + body


def test_a_packed_runtime_is_unpacked() -> None:
    wasm = wat_runtime.assemble()
    packed = code.COMPRESSED_MAGIC + zstandard.ZstdCompressor().compress(wasm)
    assert code.unpack(packed) == wasm
    assert code.unpack(wasm) == wasm


@pytest.mark.parametrize("blob", [b"", b"\x7fELF", code.COMPRESSED_MAGIC + b"no zstd at all"])
def test_what_is_no_runtime_is_refused(blob: bytes) -> None:
    with pytest.raises(BadRuntime):
        code.unpack(blob)


def test_a_bomb_is_refused() -> None:
    bomb = zstandard.ZstdCompressor(level=1).compress(MAGIC + bytes(code.CODE_BYTES_MAX))
    assert len(bomb) < 100_000
    with pytest.raises(BadRuntime, match="larger than"):
        code.unpack(code.COMPRESSED_MAGIC + bomb)


def test_the_version_is_spliced_from_its_two_sections() -> None:
    names = encode_bytes(b"spec") + encode_bytes(b"impl")
    numbers = b"".join(number.to_bytes(4, "little") for number in (1, 2, 3))
    tail = (4).to_bytes(4, "little") + b"\x01"
    api = bytes(range(8)) + (6).to_bytes(4, "little")
    wasm = (
        MAGIC
        + _custom(b"runtime_version", names + numbers + compact(0) + tail)
        + _custom(b"runtime_apis", api)
    )
    encoded = code.embedded_version(wasm)
    assert encoded is not None
    assert RuntimeVersion.decode(encoded) == RuntimeVersion(
        "spec", "impl", 1, 2, 3, ((bytes(range(8)), 6),), 4, 1
    )
    assert code.embedded_version(MAGIC) is None


def test_an_old_version_without_its_last_fields() -> None:
    encoded = encode_bytes(b"a") * 2 + bytes(12) + compact(0)
    decoded = RuntimeVersion.decode(encoded)
    assert (decoded.transaction_version, decoded.state_version) == (1, 0)


def test_the_outline_tells_what_may_be_reused() -> None:
    one = outline(wat_runtime.assemble())
    assert one.memory_import == ("env", "memory")
    assert (one.memory_pages_min, one.memory_pages_max) == (2, None)
    assert one.data_start == 65_536
    assert one.reusable
    assert not outline(wat_runtime.assemble(global_text=wat_runtime.TWO_GLOBALS)).reusable
    wide = "(global (mut i64) (i64.const 0))"
    assert not outline(wat_runtime.assemble(global_text=wide)).reusable
    memory = '(import "env" "memory" (memory 1 9))'
    for rest in (
        "(global (mut i32) (i32.const 0))",  # no data
        '(data "passive") (global (mut i32) (i32.const 0))',
        '(data (i32.const 4) "x") (func $f) (start $f)',
        '(import "env" "g" (global $g (mut i32))) (data (i32.const 4) "x")',
    ):
        body = (
            f"(module {rest} {memory})"
            if rest.startswith("(import")
            else (f"(module {memory} {rest})")
        )
        found = outline(wat_runtime.assemble(body))
        assert not found.reusable
        assert found.memory_pages_max == 9


def test_constant_expressions_of_every_kind_are_read() -> None:
    found = outline(
        wat_runtime.assemble(
            """(module
              (import "env" "memory" (memory 1))
              (import "env" "g" (global $g i32))
              (func $f)
              (global f32 (f32.const 1.5)) (global f64 (f64.const 2.5))
              (global funcref (ref.null func)) (global funcref (ref.func $f))
              (global i32 (i32.add (i32.const 1) (i32.const 2)))
              (global (mut i32) (i32.const -1))
              (data (i32.const 8) "x") (data (i32.const 4) "y"))"""
        )
    )
    assert (found.mutable_globals, found.data_start, found.reusable) == ((0x7F,), 4, True)
    relative = wat_runtime.assemble(
        """(module (import "env" "memory" (memory 1)) (import "env" "g" (global $g i32))
          (data (global.get $g) "x"))"""
    )
    assert outline(relative).data_start is None


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_broken_module_is_refused_and_nothing_worse(data: st.DataObject) -> None:
    wasm = bytearray(_WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(wasm) - 1))
        wasm[at] = data.draw(st.integers(0, 255))
    del wasm[data.draw(st.integers(0, len(wasm))) :]
    try:
        outline(bytes(wasm))
        custom_section(bytes(wasm), "name")
    except BadRuntime:
        pass


_WHOLE = wat_runtime.assemble()


def test_custom_sections_are_found_by_name() -> None:
    wasm = MAGIC + _custom(b"one", b"1") + _custom(b"two", b"2")
    assert custom_section(wasm, "two") == b"2"
    assert custom_section(wasm, "three") is None
    with pytest.raises(BadRuntime):
        custom_section(MAGIC + b"\x00\x7f\x01", "one")
