"""The memory of the running Wasm instance, as host functions and the allocator see it.

Host functions read arguments out of it and put results onto the runtime's heap. In come addresses
that a runtime chose, so every access is checked against the memory's size. It knows the store and
the memory of wasmtime only through what ``vm`` attaches.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Final

import wasmtime

from assay.localnet.executor.machine.allocator import AllocatorError, HostAllocator

_MASK_32: Final = 0xFFFF_FFFF


class MemoryAccessError(Exception):
    """A host function was given an address outside the memory."""


class WasmMemory:
    """The memory of the running instance, as host functions see it.

    A *span* is an address in the lower and a length in the upper half of 64 bits. ``view`` goes
    stale when the memory grows; reads and writes that do not fit renew it and try once more.
    """

    def __init__(self) -> None:
        self.view = memoryview(b"")
        self.words = self.view
        self._instance: tuple[wasmtime.Store, wasmtime.Memory] | None = None
        self._allocate: Callable[[int], int] = _no_instance

    def attach(self, store: wasmtime.Store, memory: wasmtime.Memory) -> None:
        self._instance = store, memory
        self.renew()

    def set_heap(self, allocator: HostAllocator) -> None:
        self._allocate = allocator.allocate

    def detach(self) -> None:
        """Forget the instance, before its memory goes."""
        self.view = self.words = memoryview(b"")
        self._instance = None
        self._allocate = _no_instance

    def renew(self) -> None:
        """Look at the memory as it is now."""
        if self._instance is None:
            raise MemoryAccessError("no instance is running")
        store, memory = self._instance
        size = memory.data_len(store)
        base = ctypes.addressof(memory.data_ptr(store).contents)
        self.view = memoryview((ctypes.c_ubyte * size).from_address(base)).cast("B")
        self.words = self.view.cast("I")

    def grow(self, pages: int) -> None:
        if self._instance is None:
            raise MemoryAccessError("no instance is running")
        store, memory = self._instance
        try:
            memory.grow(store, pages)
        except wasmtime.WasmtimeError as error:
            raise AllocatorError("the memory may not grow further") from error
        self.renew()

    def read(self, span: int) -> bytes:
        address, size = span & _MASK_32, span >> 32
        data = bytes(self.view[address : address + size])
        return data if len(data) == size else self.read_at(address, size)

    def read_at(self, address: int, size: int) -> bytes:
        end = address + size
        if end > len(self.view):
            self.renew()
            if end > len(self.view):
                raise MemoryAccessError(f"{size} bytes at {address:#x} lie outside the memory")
        return bytes(self.view[address:end])

    def write_at(self, address: int, data: bytes) -> None:
        end = address + len(data)
        if end > len(self.view):
            self.renew()
            if end > len(self.view):
                raise MemoryAccessError(f"{len(data)} bytes at {address:#x} lie outside the memory")
        self.view[address:end] = data

    def give(self, data: bytes) -> int:
        """Put ``data`` on the heap; its span."""
        size = len(data)
        address = self._allocate(size)
        self.view[address : address + size] = data
        return address | size << 32

    def give_address(self, data: bytes) -> int:
        """Put ``data`` on the heap; its address."""
        return self.give(data) & _MASK_32


def _no_instance(_size: int) -> int:
    raise MemoryAccessError("no instance is running")
