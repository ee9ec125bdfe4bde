"""Reads a Wasm binary's outline, without compiling it: sections, imports, globals, data segments.

The executor needs to know a few things that a Wasm engine does not tell: whether an instance may be
reused (which globals can change, where the initial data lies) and what the custom sections hold
(Substrate runtimes keep their version there). Everything is bounds-checked; what does not parse
raises ``BadRuntime``. Nothing here executes anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from assay.localnet.errors import BadRuntime

MAGIC: Final = b"\0asm\x01\0\0\0"

_SECTION_CUSTOM: Final = 0
_SECTION_IMPORT: Final = 2
_SECTION_GLOBAL: Final = 6
_SECTION_START: Final = 8
_SECTION_DATA: Final = 11

_KIND_FUNCTION: Final = 0
_KIND_TABLE: Final = 1
_KIND_MEMORY: Final = 2
_KIND_GLOBAL: Final = 3

_I32: Final = 0x7F
_OP_I32_CONST: Final = 0x41
_OP_I64_CONST: Final = 0x42
_OP_END: Final = 0x0B
_OPS_WITH_INDEX: Final = frozenset((0x23, 0xD2))  # global.get, ref.func
_OPS_WITH_BYTES: Final = {0x43: 4, 0x44: 8, 0xD0: 1}  # f32.const, f64.const, ref.null
_OPS_BARE: Final = frozenset((0x6A, 0x6B, 0x6C, 0x7C, 0x7D, 0x7E))  # add, sub, mul of i32 and i64


class _Cursor:
    """Walks over bytes; a read past the end is a malformed binary."""

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data = data
        self.at = at
        self.end = len(data) if end is None else end

    def byte(self) -> int:
        if self.at >= self.end:
            raise _malformed("it is cut off")
        self.at += 1
        return self.data[self.at - 1]

    def take(self, size: int) -> bytes:
        if size > self.end - self.at:
            raise _malformed("it is cut off")
        self.at += size
        return self.data[self.at - size : self.at]

    def unsigned(self) -> int:
        """A LEB128 number."""
        out = shift = 0
        while True:
            byte = self.byte()
            out |= (byte & 0x7F) << shift
            if byte < 0x80:
                return out
            shift += 7
            if shift > 63:
                raise _malformed("a number is too long")

    def signed(self) -> int:
        out = shift = 0
        while True:
            byte = self.byte()
            out |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return out - (1 << shift) if byte & 0x40 else out
            if shift > 63:
                raise _malformed("a number is too long")

    def name(self) -> str:
        return self.take(self.unsigned()).decode("utf-8", "replace")


def _malformed(why: str) -> BadRuntime:
    return BadRuntime(
        f"The runtime is not a well-formed Wasm module: {why}.",
        "Give the Wasm file that the runtime's build produced.",
    )


@dataclass(frozen=True, slots=True)
class Outline:
    """What the executor wants to know of a module."""

    memory_import: tuple[str, str] | None
    """(module, name) of the imported memory; None if the module brings its own."""
    memory_pages_min: int
    memory_pages_max: int | None
    mutable_globals: tuple[int, ...]
    """The value types of the module's own mutable globals."""
    imports_mutable_global: bool
    data_start: int | None
    """The lowest address of initial data; None if it is not a constant or there is none."""
    has_start: bool

    @property
    def reusable(self) -> bool:
        """Whether resetting the initial data makes an instance as good as new.

        True while nothing but memory survives a call: the one mutable global is the stack pointer
        (an i32 that is back at its start when a call returns), and all initial data is active.
        """
        return (
            self.mutable_globals in ((), (_I32,))
            and not self.imports_mutable_global
            and self.data_start is not None
            and not self.has_start
        )


def sections(wasm: bytes) -> Iterator[tuple[int, int, int]]:
    """(section id, begin, end) in order."""
    if not wasm.startswith(MAGIC):
        raise _malformed("it does not begin as one")
    cursor = _Cursor(wasm, len(MAGIC))
    while cursor.at < cursor.end:
        section = cursor.byte()
        size = cursor.unsigned()
        begin = cursor.at
        cursor.take(size)
        yield section, begin, begin + size


def custom_section(wasm: bytes, name: str) -> bytes | None:
    """The content of the custom section of that name."""
    for section, begin, end in sections(wasm):
        if section == _SECTION_CUSTOM:
            cursor = _Cursor(wasm, begin, end)
            if cursor.name() == name:
                return wasm[cursor.at : end]
    return None


def outline(wasm: bytes) -> Outline:
    """Read the outline of a module."""
    memory: tuple[str, str] | None = None
    pages_min, pages_max = 0, None
    imports_mutable = False
    mutable: tuple[int, ...] = ()
    data_start: int | None = None
    has_start = False
    for section, begin, end in sections(wasm):
        cursor = _Cursor(wasm, begin, end)
        if section == _SECTION_IMPORT:
            for _ in range(cursor.unsigned()):
                module, name, kind = cursor.name(), cursor.name(), cursor.byte()
                if kind == _KIND_MEMORY:
                    memory = module, name
                    pages_min, pages_max = _read_limits(cursor)
                elif kind == _KIND_TABLE:
                    cursor.byte()
                    _read_limits(cursor)
                elif kind == _KIND_GLOBAL:
                    cursor.byte()
                    imports_mutable |= cursor.byte() == 1
                elif kind == _KIND_FUNCTION:
                    cursor.unsigned()
                else:
                    raise _malformed(f"an import is of kind {kind}")
        elif section == _SECTION_GLOBAL:
            mutable = _read_mutable_globals(cursor)
        elif section == _SECTION_DATA:
            data_start = _read_data_start(cursor)
        elif section == _SECTION_START:
            has_start = True
    return Outline(memory, pages_min, pages_max, mutable, imports_mutable, data_start, has_start)


def _read_limits(cursor: _Cursor) -> tuple[int, int | None]:
    flags = cursor.byte()
    least = cursor.unsigned()
    return least, cursor.unsigned() if flags & 1 else None


def _read_mutable_globals(cursor: _Cursor) -> tuple[int, ...]:
    found = []
    for _ in range(cursor.unsigned()):
        value_type, is_mutable = cursor.byte(), cursor.byte()
        _read_constant(cursor)
        if is_mutable:
            found.append(value_type)
    return tuple(found)


def _read_constant(cursor: _Cursor) -> int | None:
    """A constant expression's value, if it is one integer written out."""
    values: list[int | None] = []
    while (operation := cursor.byte()) != _OP_END:
        if operation in (_OP_I32_CONST, _OP_I64_CONST):
            values.append(cursor.signed())
            continue
        values.append(None)
        if operation in _OPS_WITH_INDEX:
            cursor.unsigned()
        elif operation in _OPS_WITH_BYTES:
            cursor.take(_OPS_WITH_BYTES[operation])
        elif operation not in _OPS_BARE:
            raise _malformed(f"a constant expression has the operation {operation:#x}")
    return values[0] if len(values) == 1 else None


def _read_data_start(cursor: _Cursor) -> int | None:
    starts = []
    for _ in range(cursor.unsigned()):
        if cursor.unsigned() != 0:
            return None  # passive, or of a second memory
        start = _read_constant(cursor)
        if start is None:
            return None
        starts.append(start & 0xFFFFFFFF)
        cursor.take(cursor.unsigned())
    return min(starts, default=None)
