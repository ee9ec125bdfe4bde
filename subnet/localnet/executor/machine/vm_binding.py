"""How Python functions are bound into Wasm, and how Wasm is entered: two ways, one interface.

The *unchecked* way hands wasmtime a C callback that reads its arguments straight from an array of
16-byte slots, and enters Wasm while it keeps Python's global lock. It is six to seven times as fast
as wasmtime's own Python interface, and its layout is not promised from one release of wasmtime to
the next. So the version is pinned, ``select_binding`` tries the layout on a small module before it
trusts it, and where the trial fails the *checked* way, wasmtime's own, takes its place with a
warning.

An exception in a host function must not unwind through Wasm: it is kept in ``CallMeter.failure``
and becomes a trap; so does an interrupt from the keyboard, which the caller raises again. Because
the lock is held, no other Python thread runs during a call: a call is bounded by fuel and by the
``CallMeter``, never by a watchdog thread. This file, ``vm`` and ``wasm_memory`` are the only ones
that know wasmtime.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import wasmtime
from loguru import logger
from wasmtime import _ffi as ffi

from assay.localnet.executor.machine.call_meter import CallMeter

HostFunction = Callable[..., Any]
"""Takes unsigned integers, one a Wasm parameter; returns one, or None where Wasm expects none."""

SLOT_WORDS: Final = 2
"""A value is a 16-byte union (it has room for a v128): two words of 64 bits, the first one used."""

_MASK_32: Final = 0xFFFF_FFFF
_MASK_64: Final = 0xFFFF_FFFF_FFFF_FFFF
_MASKS: Final = {"i32": _MASK_32, "i64": _MASK_64}

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_size_t,  # the trap, 0 for none
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_uint64),
    ctypes.c_size_t,
)


class Binding(Protocol):
    """One way to cross between Python and Wasm."""

    def define(
        self,
        linker: wasmtime.Linker,
        module: str,
        name: str,
        kind: wasmtime.FuncType,
        function: HostFunction,
    ) -> None:
        """Make ``function`` importable as ``module.name``."""
        ...

    def call(self, store: wasmtime.Store, function: wasmtime.Func, pointer: int, size: int) -> int:
        """Call a Wasm function of type (i32, i32) -> i64; the unsigned result.

        Raises Trap, or WasmtimeError where a host function was the cause.
        """
        ...

    def set_fuel(self, store: wasmtime.Store, fuel: int) -> None:
        """Give the store ``fuel``, whatever it has."""
        ...

    def cut_fuel(self, store: wasmtime.Store, most: int) -> bool:
        """Leave the store at most ``most`` of its fuel; whether it had more.

        May be called from a host function.
        """
        ...


class CheckedBinding:
    """wasmtime's own Python interface: every value is checked and converted."""

    def __init__(self, meter: CallMeter) -> None:
        self._meter = meter

    def define(
        self,
        linker: wasmtime.Linker,
        module: str,
        name: str,
        kind: wasmtime.FuncType,
        function: HostFunction,
    ) -> None:
        masks = _parameter_masks(kind)
        bits = 32 if kind.results and str(kind.results[0]) == "i32" else 64
        meter = self._meter

        def bound(*values: int) -> int | None:
            try:
                meter.calls_left -= 1
                if meter.calls_left < 0:
                    meter.next_part()
                arguments = (value & mask for value, mask in zip(values, masks, strict=True))
                result: int | None = function(*arguments)
            except BaseException as failure:
                meter.fail(failure)
                raise
            return None if result is None else _signed(result, bits)

        linker.define_func(module, name, kind, bound)

    def call(self, store: wasmtime.Store, function: wasmtime.Func, pointer: int, size: int) -> int:
        try:
            result = function(store, _signed(pointer, 32), _signed(size, 32))
        except (wasmtime.Trap, wasmtime.WasmtimeError):
            raise
        except Exception as failure:  # wasmtime raises a host function's exception again
            raise wasmtime.WasmtimeError(str(failure)) from failure
        return int(result) & _MASK_64

    def set_fuel(self, store: wasmtime.Store, fuel: int) -> None:
        store.set_fuel(fuel)

    def cut_fuel(self, store: wasmtime.Store, most: int) -> bool:
        if store.get_fuel() <= most:
            return False
        store.set_fuel(most)
        return True


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _parameter_masks(kind: wasmtime.FuncType) -> list[int]:
    return [_MASKS[str(parameter)] for parameter in kind.params]


class UncheckedBinding:
    """Raw callbacks and raw calls through wasmtime's C interface."""

    def __init__(self, meter: CallMeter) -> None:
        self._meter = meter
        self._slots = (ctypes.c_uint64 * (2 * SLOT_WORDS))()
        self._callbacks: list[Any] = []  # ctypes callbacks must outlive the linker
        # Handles of our own: setting prototypes on them leaves wasmtime's own untouched.
        library = ctypes.CDLL(ffi.dll._name)
        self._define = library.wasmtime_linker_define_func_unchecked
        self._define.restype = ctypes.c_void_p
        self._define.argtypes = [
            ctypes.c_void_p,
            *(ctypes.c_char_p, ctypes.c_size_t) * 2,
            *(ctypes.c_void_p,) * 4,
        ]
        self._new_trap = library.wasmtime_trap_new
        self._new_trap.restype = ctypes.c_void_p
        self._new_trap.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        # PyDLL keeps the global lock. With CDLL each callback would take it anew, and any other
        # busy Python thread makes that 60 to 130 times slower.
        keeping_lock = ctypes.PyDLL(ffi.dll._name)
        self._enter = keeping_lock.wasmtime_func_call_unchecked
        self._enter.restype = ctypes.c_void_p
        self._enter.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_size_t, ctypes.c_void_p]
        self._fuel = keeping_lock.wasmtime_context_set_fuel
        self._fuel.restype = ctypes.c_void_p
        self._fuel.argtypes = [ctypes.c_void_p, ctypes.c_uint64]
        self._fuel_left = keeping_lock.wasmtime_context_get_fuel
        self._fuel_left.restype = ctypes.c_void_p
        self._fuel_left.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint64)]

    def define(
        self,
        linker: wasmtime.Linker,
        module: str,
        name: str,
        kind: wasmtime.FuncType,
        function: HostFunction,
    ) -> None:
        callback = _Callback(self._trampoline(name, kind, function))
        self._callbacks.append(callback)
        module_text, name_text = module.encode(), name.encode()
        error = self._define(
            ctypes.cast(linker.ptr(), ctypes.c_void_p),
            module_text,
            len(module_text),
            name_text,
            len(name_text),
            ctypes.cast(kind.ptr(), ctypes.c_void_p),
            ctypes.cast(callback, ctypes.c_void_p),
            None,
            None,
        )
        if error:
            raise _taken_error(error)

    def _trampoline(
        self, name: str, kind: wasmtime.FuncType, function: HostFunction
    ) -> Callable[[Any, Any, Any, int], int]:
        """The C callback. Written out by the number of parameters: this is the hottest code here.

        A slot's unused upper half of an i32 is not defined, hence the masks.
        """
        masks = _parameter_masks(kind)
        returns = bool(kind.results)
        meter = self._meter

        def trap(failure: BaseException) -> int:
            meter.fail(failure)
            message = f"{name}: {failure}".encode()
            return int(self._new_trap(message, len(message)))

        if len(masks) == 1:
            (first,) = masks

            def callback(_env: Any, _caller: Any, slots: Any, _size: int) -> int:
                try:
                    meter.calls_left -= 1
                    if meter.calls_left < 0:
                        meter.next_part()
                    result = function(slots[0] & first)
                    if returns:
                        slots[0] = result
                except BaseException as failure:
                    return trap(failure)
                return 0

        elif len(masks) == 2:
            first, second = masks

            def callback(_env: Any, _caller: Any, slots: Any, _size: int) -> int:
                try:
                    meter.calls_left -= 1
                    if meter.calls_left < 0:
                        meter.next_part()
                    result = function(slots[0] & first, slots[SLOT_WORDS] & second)
                    if returns:
                        slots[0] = result
                except BaseException as failure:
                    return trap(failure)
                return 0

        else:
            indexed = [(SLOT_WORDS * at, mask) for at, mask in enumerate(masks)]

            def callback(_env: Any, _caller: Any, slots: Any, _size: int) -> int:
                try:
                    meter.calls_left -= 1
                    if meter.calls_left < 0:
                        meter.next_part()
                    result = function(*[slots[at] & mask for at, mask in indexed])
                    if returns:
                        slots[0] = result
                except BaseException as failure:
                    return trap(failure)
                return 0

        return callback

    def call(self, store: wasmtime.Store, function: wasmtime.Func, pointer: int, size: int) -> int:
        slots = self._slots
        slots[0], slots[SLOT_WORDS] = pointer, size
        trap = ctypes.c_void_p()
        error = self._enter(
            ctypes.cast(store._context(), ctypes.c_void_p),
            ctypes.byref(function._func),
            slots,
            2,
            ctypes.byref(trap),
        )
        if error:
            raise _taken_error(error)
        if trap.value:
            raise wasmtime.Trap._from_ptr(ctypes.cast(trap, ctypes.POINTER(ffi.wasm_trap_t)))
        return int(slots[0])

    def set_fuel(self, store: wasmtime.Store, fuel: int) -> None:
        error = self._fuel(ctypes.cast(store._context(), ctypes.c_void_p), fuel)
        if error:
            raise _taken_error(error)

    def cut_fuel(self, store: wasmtime.Store, most: int) -> bool:
        left = ctypes.c_uint64()
        context = ctypes.cast(store._context(), ctypes.c_void_p)
        error = self._fuel_left(context, ctypes.byref(left))
        if error:
            raise _taken_error(error)
        if left.value <= most:
            return False
        self.set_fuel(store, most)
        return True


def _taken_error(pointer: int) -> wasmtime.WasmtimeError:
    """wasmtime's error at ``pointer``, which we own from here on."""
    owned = ctypes.cast(ctypes.c_void_p(pointer), ctypes.POINTER(ffi.wasmtime_error_t))
    return wasmtime.WasmtimeError._from_ptr(owned)


def wasmtime_version() -> str:
    """The installed release, read off the name of its metadata's folder where there is one.

    ``importlib.metadata`` knows it too, but importing that takes a start ten milliseconds.
    """
    site_packages = Path(wasmtime.__file__).parents[1]
    for folder in site_packages.glob("wasmtime-*.dist-info"):
        return folder.name.removeprefix("wasmtime-").removesuffix(".dist-info")
    from importlib.metadata import version

    return version("wasmtime")


# -- choosing

_TRIAL_WAT: Final = """(module
  (import "trial" "mix" (func $mix (param i32 i64 i32) (result i64)))
  (import "trial" "one" (func $one (param i64) (result i32)))
  (import "trial" "two" (func $two (param i64 i32)))
  (import "trial" "fail" (func $fail (param i64)))
  (func (export "run") (param $left i32) (param $right i32) (result i64)
    (call $two (i64.const -2) (local.get $right))
    (i64.add
      (call $mix (local.get $left) (i64.const -7) (local.get $right))
      (i64.extend_i32_u (call $one (i64.const 0x0123456789abcdef)))))
  (func (export "refuse") (param i32 i32) (result i64)
    (call $fail (i64.const 1)) (i64.const 0)))"""

_TRIAL_LEFT: Final = 0xFFFF_FFFE
_TRIAL_RIGHT: Final = 41


def passes_trial(engine: wasmtime.Engine, binding: Binding, meter: CallMeter) -> bool:
    """Whether values of each kind cross in each place as they should, and failures as traps."""
    seen: list[tuple[int, ...]] = []

    def mix(*values: int) -> int:
        seen.append(values)
        return 1 << 40

    def one(value: int) -> int:
        seen.append((value,))
        return 0xFFFF_FFFF

    def two(*values: int) -> None:
        seen.append(values)

    def fail(_value: int) -> None:
        raise ArithmeticError("trial")

    functions: Mapping[str, HostFunction] = {"mix": mix, "one": one, "two": two, "fail": fail}
    module = wasmtime.Module(engine, _TRIAL_WAT)
    linker = wasmtime.Linker(engine)
    for wanted in module.imports:
        kind = wanted.type
        assert isinstance(kind, wasmtime.FuncType) and wanted.name is not None
        binding.define(linker, "trial", wanted.name, kind, functions[wanted.name])
    store = wasmtime.Store(engine)
    binding.set_fuel(store, 1_000_000)
    meter.begin(100)
    exports = linker.instantiate(store, module).exports(store)
    run, refuse = exports["run"], exports["refuse"]
    assert isinstance(run, wasmtime.Func) and isinstance(refuse, wasmtime.Func)
    result = binding.call(store, run, _TRIAL_LEFT, _TRIAL_RIGHT)
    try:
        binding.call(store, refuse, 0, 0)
    except (wasmtime.Trap, wasmtime.WasmtimeError):
        refused = isinstance(meter.failure, ArithmeticError)
    else:
        refused = False
    meter.failure = None
    return refused and (result, seen) == (
        (1 << 40) + 0xFFFF_FFFF,
        [
            (2**64 - 2, _TRIAL_RIGHT),
            (_TRIAL_LEFT, 2**64 - 7, _TRIAL_RIGHT),
            (0x0123456789ABCDEF,),
        ],
    )


def select_binding(engine: wasmtime.Engine, meter: CallMeter) -> Binding:
    """The unchecked binding if it passes its trial, else the checked one."""
    try:
        unchecked = UncheckedBinding(meter)
        if passes_trial(engine, unchecked, meter):
            return unchecked
        why = "values did not cross as expected"
    except (AttributeError, OSError, ValueError, wasmtime.WasmtimeError) as error:
        why = str(error)
    logger.warning(
        "wasmtime {} does not take unchecked callbacks ({}); the chain runs several times slower",
        wasmtime_version(),
        why,
    )
    return CheckedBinding(meter)
