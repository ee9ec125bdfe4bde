"""The Wasm machine: one compiled module, its memory, and calls into it.

Adds to wasmtime what any Substrate runtime needs, and nothing that is Substrate's: host functions
are given as a table of names, a helper module as text. An entry point takes an address and a length
and returns both packed into 64 bits; arguments and results lie on the heap of ``allocator``.

Every call sees a fresh instance, or one that cannot be told from it: where the module allows it
(``Outline.reusable``) the same instance is used again with its initial data written back, which is
four to six times as fast. A call that traps leaves its instance in an unknown state, so that one is
thrown away. A call is bounded by ``Budget``: fuel for Wasm instructions, and a count for host
functions, which burn none; a timed call also by the time that is left to the question it belongs
to. Fuel was taken over epoch interruption because it needs no second thread (the global lock is
held during a call, see ``vm_binding``) and because a call that makes a block stops at the same
instruction on every machine.
"""

from __future__ import annotations

import ctypes
import hashlib
import math
import resource
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import wasmtime

from assay.localnet.errors import BadRuntime, NotEnoughMemory, TimeSpent
from assay.localnet.executor.machine.allocator import PAGE_BYTES, AllocatorError, HostAllocator
from assay.localnet.executor.machine.call_meter import CallMeter, OutOfHostCalls
from assay.localnet.executor.machine.module_cache import ModuleCache
from assay.localnet.executor.machine.vm_binding import (
    HostFunction,
    select_binding,
    wasmtime_version,
)
from assay.localnet.executor.machine.wasm_binary import Outline, outline
from assay.localnet.executor.machine.wasm_memory import MemoryAccessError, WasmMemory

_HEAP_BASE: Final = "__heap_base"
_PER_CALL: Final = "per_call"
"""What the helper exports if it keeps something that must not outlive a call."""
_CONFIGURATION: Final = "fuel-1"
"""Part of a cached module's key: change it with the engine's settings below."""

_INSTANTIATION_FUEL: Final = 10_000_000
"""For a start function, which only a module that is not reusable may have."""

FUEL_PER_S: Final = 5_000_000_000
"""Wasm instructions that a processor core executes in a second, at the least: between 5.3 and 19
thousand million were measured (metadata, the check of a transaction of 4 MB), on the machine of
``docs/chain-core.md``. On a slower machine a call may overrun its time by as much."""

_KEPT_PAGES_MAX: Final = 1_024
"""An instance whose memory grew above 64 MiB is not kept: its pages would stay with the process."""

_NO_MEMORY: Final = ("mmap failed", "os error 12")
"""How wasmtime says that the system refused memory; it has no error code for it. Per memory it
reserves 4 GiB of addresses, so that no access needs a check."""

_MASK_32: Final = 0xFFFF_FFFF


class VmTrap(Exception):
    """A call did not return. ``reason`` says why, in words.

    ``budget_spent``: it used up what it was given. ``time_spent``: of that, the time.
    """

    def __init__(
        self, reason: str, *, budget_spent: bool = False, time_spent: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.budget_spent = budget_spent
        self.time_spent = time_spent


class NoSuchExport(Exception):
    """The module does not export an entry point of that name."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one call may spend. ``timed``: it is held to its question's time limit as well."""

    fuel: int
    host_calls: int
    timed: bool = False

    def part(self, share: float) -> Budget:
        """A budget of ``share`` of this one."""
        return Budget(int(self.fuel * share), int(self.host_calls * share), self.timed)


class _Instance:
    """A store with the module instantiated in it, and what it takes to make it new again."""

    def __init__(
        self,
        store: wasmtime.Store,
        exports: wasmtime.InstanceExports,
        allocator: HostAllocator,
        image: tuple[int, bytes] | None,
        per_call: memoryview | None,
    ) -> None:
        self.store = store
        self.allocator = allocator
        self.image = image
        self.per_call = per_call
        """The words of a memory whose first one the helper wants counted up before each call."""
        self._exports = exports
        self._functions: dict[str, wasmtime.Func] = {}

    def function(self, name: str) -> wasmtime.Func:
        found = self._functions.get(name)
        if found is None:
            export = self._exports[name]
            assert isinstance(export, wasmtime.Func)
            found = self._functions[name] = export
        return found


class Vm:
    """A compiled module with its host functions, ready for calls."""

    def __init__(
        self,
        code: bytes,
        functions: Mapping[str, HostFunction],
        *,
        memory: WasmMemory,
        meter: CallMeter,
        helper: Callable[[Outline], str],
        pages_max: int,
        cache: ModuleCache | None = None,
    ) -> None:
        """``helper`` makes the text of a module whose exports go before ``functions``."""
        self.memory = memory
        self.outline = outline(code)
        if self.outline.memory_import is None:
            raise BadRuntime(
                "The runtime brings its own memory, which a Substrate host cannot share.",
                "Build it with --import-memory, as Substrate's own build does.",
            )
        self._pages_max = pages_max
        self._engine = _new_engine()
        self._meter = meter
        self._binding = select_binding(self._engine, meter)
        meter.on_part = self._cut_fuel
        self._cache = cache
        self._module = self._compile(code)
        self._entry_points = _entry_points(self._module)
        self._helper_module = self._compile(helper(self.outline))
        self._linker = wasmtime.Linker(self._engine)
        self._linker.allow_shadowing = True  # memory and helper are defined anew for each instance
        self._helper_linker = wasmtime.Linker(self._engine)
        self._helper_linker.allow_shadowing = True
        no_values = wasmtime.FuncType([], [])
        self._binding.define(self._helper_linker, "host", "grown", no_values, memory.renew)
        self._define_behind_helper(functions)
        self._imported: set[tuple[str, str]] = set()
        self._define_functions(functions)
        self._instance: _Instance | None = None
        self._running = False

    # -- making

    def _compile(self, source: bytes | str) -> wasmtime.Module:
        """A module from its binary or its text, through the cache."""
        material = source.encode() if isinstance(source, str) else source
        digest = hashlib.blake2b(material, digest_size=32).hexdigest()
        key = f"{digest}-{wasmtime_version()}-{_CONFIGURATION}"
        found = self._cache.find(key) if self._cache else None
        if found is not None:
            try:
                return wasmtime.Module.deserialize_file(self._engine, str(found))
            except wasmtime.WasmtimeError:
                pass  # made by another build of wasmtime or for another processor: compile
        try:
            module = wasmtime.Module(self._engine, source)
        except wasmtime.WasmtimeError as error:
            raise BadRuntime(
                f"The runtime does not compile: {str(error).splitlines()[0]}.",
                "Give the Wasm file that the runtime's build produced.",
            ) from error
        if self._cache is not None:
            self._cache.keep(key, module.serialize())
        _give_back_memory()
        return module

    def _define_functions(self, functions: Mapping[str, HostFunction]) -> None:
        for wanted in self._module.imports:
            kind, name = wanted.type, wanted.name or ""
            if not isinstance(kind, wasmtime.FuncType):
                continue
            if not {str(value) for value in (*kind.params, *kind.results)} <= {"i32", "i64"}:
                raise BadRuntime(
                    f"The runtime imports {name} with values that no host function has.",
                    "Build it for a Substrate host.",
                )
            function = functions.get(name) or _missing(name)
            self._binding.define(self._linker, wanted.module, name, kind, function)
            self._imported.add((wanted.module, name))

    def _define_behind_helper(self, functions: Mapping[str, HostFunction]) -> None:
        """The host functions before which the helper's stand: it calls them itself."""
        for wanted in self._helper_module.imports:
            kind, name = wanted.type, wanted.name or ""
            if name in functions and isinstance(kind, wasmtime.FuncType):
                self._binding.define(
                    self._helper_linker, wanted.module, name, kind, functions[name]
                )

    def _new_instance(self) -> _Instance:
        facts = self.outline
        assert facts.memory_import is not None
        store = wasmtime.Store(self._engine)
        store.set_limits(memory_size=self._pages_max * PAGE_BYTES)
        self._binding.set_fuel(store, _INSTANTIATION_FUEL)
        try:
            limits = wasmtime.Limits(facts.memory_pages_min, facts.memory_pages_max)
            memory = wasmtime.Memory(store, wasmtime.MemoryType(limits))
            self._linker.define(store, *facts.memory_import, memory)
            helper = self._link_helper(store, memory)
            exports = self._linker.instantiate(store, self._module).exports(store)
            heap_base = _heap_base(store, exports)
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            told = str(error).splitlines()[0]
            if any(sign in told for sign in _NO_MEMORY):
                raise _no_memory(told) from error
            raise BadRuntime(
                f"The runtime cannot be started: {told}.", "Build it for a Substrate host."
            ) from error
        self.memory.attach(store, memory)
        allocator = HostAllocator(self.memory, heap_base)
        self.memory.set_heap(allocator)
        set_book = helper["set_book"]
        assert isinstance(set_book, wasmtime.Func)
        set_book(store, allocator.base)
        image = None
        if facts.reusable and facts.data_start is not None:
            start = facts.data_start
            image = start, bytes(self.memory.view[start:heap_base])
        counted = helper.get(_PER_CALL)
        per_call = _words(store, counted) if isinstance(counted, wasmtime.Memory) else None
        return _Instance(store, exports, allocator, image, per_call)

    def _link_helper(
        self, store: wasmtime.Store, memory: wasmtime.Memory
    ) -> wasmtime.InstanceExports:
        """Instantiate the helper on this memory and let it answer what the module imports."""
        assert self.outline.memory_import is not None
        self._helper_linker.define(store, *self.outline.memory_import, memory)
        helper = self._helper_linker.instantiate(store, self._helper_module).exports(store)
        for module, name in self._imported:
            offered = helper.get(name)
            if offered is not None:
                self._linker.define(store, module, name, offered)
        return helper

    # -- calling

    def call(self, name: str, argument: bytes, budget: Budget) -> bytes:
        """Call an entry point. VmTrap, NoSuchExport; the instance is as new for the next call."""
        if self._running:
            raise AssertionError("a runtime call was made from within a runtime call")
        self._running = True
        try:
            return self._call(name, argument, budget)
        finally:
            self._running = False

    def _call(self, name: str, argument: bytes, budget: Budget) -> bytes:
        instance = self._fresh_instance()
        if name not in self._entry_points:
            raise NoSuchExport(name)
        function = instance.function(name)
        meter, memory = self._meter, self.memory
        meter.begin(budget.host_calls, timed=budget.timed)
        self._fuel_was_cut = False
        try:
            self._binding.set_fuel(instance.store, budget.fuel)
            address = memory.give_address(argument) if argument else 0
            span = self._binding.call(instance.store, function, address, len(argument))
            result = memory.read(span)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            self.discard()
            failure = meter.failure
            if failure is not None and not isinstance(failure, Exception):
                raise failure from None  # an interrupt: it was never the runtime's
            out_of_fuel = failure is None and _out_of_fuel(error)
            late = isinstance(failure, TimeSpent) or (out_of_fuel and self._fuel_was_cut)
            spent = late or out_of_fuel or isinstance(failure, OutOfHostCalls)
            reason = _reason(error, failure)
            raise VmTrap(reason, budget_spent=spent, time_spent=late) from failure
        except (AllocatorError, MemoryAccessError) as error:
            self.discard()
            raise VmTrap(str(error)) from error
        if len(memory.view) > _KEPT_PAGES_MAX * PAGE_BYTES:
            self.discard()
        return result

    def _cut_fuel(self, left_s: float) -> None:
        """Leave the running call as much fuel as burns in ``left_s``.

        Else a call could use up its time in host functions and then its fuel in Wasm.
        """
        if self._instance is not None and left_s < math.inf:
            most = int(left_s * FUEL_PER_S)
            self._fuel_was_cut |= self._binding.cut_fuel(self._instance.store, most)

    def _fresh_instance(self) -> _Instance:
        instance = self._instance
        if instance is None or instance.image is None:
            self.discard()
            instance = self._instance = self._new_instance()
        else:
            start, image = instance.image
            self.memory.view[start : start + len(image)] = image
        instance.allocator.reset()
        if instance.per_call is not None:
            instance.per_call[0] += 1
        return instance

    def discard(self) -> None:
        """Drop the instance; the next call makes a new one."""
        self.memory.detach()
        self._instance = None


def _new_engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.consume_fuel = True
    config.cranelift_opt_level = "speed"
    return wasmtime.Engine(config)


def _entry_points(module: wasmtime.Module) -> frozenset[str]:
    """The names of the functions that can be called as entry points.

    The unchecked binding believes the types: a function that takes or returns more than an entry
    point does would read and write beyond the slots that it is handed.
    """
    return frozenset(
        export.name
        for export in module.exports
        if isinstance(export.type, wasmtime.FuncType)
        and [str(value) for value in export.type.params] == ["i32", "i32"]
        and [str(value) for value in export.type.results] == ["i64"]
    )


def _give_back_memory() -> None:
    """Compiling takes some 70 MB for a moment, which glibc would keep for this process."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))


def _heap_base(store: wasmtime.Store, exports: wasmtime.InstanceExports) -> int:
    export = exports.get(_HEAP_BASE)
    if not isinstance(export, wasmtime.Global):
        raise BadRuntime(
            f"The runtime does not export {_HEAP_BASE}, so its heap cannot be placed.",
            f"Build it with --export={_HEAP_BASE}, as Substrate's own build does.",
        )
    return int(export.value(store)) & _MASK_32


def _no_memory(told: str) -> NotEnoughMemory:
    """The error for an instance that the system gave no memory; ``told`` is wasmtime's reason."""
    limit_bytes = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit_bytes != resource.RLIM_INFINITY:
        return NotEnoughMemory(
            f"This process may use {limit_bytes >> 20} MiB of addresses (ulimit -v); to run the "
            "chain's runtime takes some 5,000 MiB of them, most of which are never used.",
            "Start it where that is not limited (ulimit -v unlimited).",
        )
    return NotEnoughMemory(
        f"The system gives this process no more memory: {told}.",
        "End other programs, or run it where it may have more memory.",
    )


def _words(store: wasmtime.Store, memory: wasmtime.Memory) -> memoryview:
    """A memory that cannot grow, and so cannot move, in words of 64 bits."""
    base = ctypes.addressof(memory.data_ptr(store).contents)
    view = memoryview((ctypes.c_ubyte * memory.data_len(store)).from_address(base))
    return view.cast("B").cast("Q")


def _missing(name: str) -> HostFunction:
    """A function that this host does not have: calling it is an error that names it."""

    def missing(*_values: int) -> int:
        raise NotImplementedError(f"the host function {name} is not available in this host")

    return missing


def _out_of_fuel(error: wasmtime.Trap | wasmtime.WasmtimeError) -> bool:
    return isinstance(error, wasmtime.Trap) and error.trap_code is wasmtime.TrapCode.OUT_OF_FUEL


def _reason(error: wasmtime.Trap | wasmtime.WasmtimeError, failure: Exception | None) -> str:
    """Why a call stopped: a host function's own words, else the kind of trap."""
    if failure is not None:
        return str(failure) or type(failure).__name__
    code = error.trap_code if isinstance(error, wasmtime.Trap) else None
    if code is wasmtime.TrapCode.UNREACHABLE:
        return "the runtime panicked"
    if _out_of_fuel(error):
        return "the call used up its fuel"
    if code is wasmtime.TrapCode.STACK_OVERFLOW:
        return "the call used up its stack"
    if code is wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS:
        return "the call reached outside the memory"
    if code is not None:
        return f"wasm trap: {code.name.lower().replace('_', ' ')}"
    return str(error).strip().splitlines()[-1].strip()
