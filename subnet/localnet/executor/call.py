"""Makes one runtime call on an overlay.

Comes in: an entry point, its encoded arguments, the overlay that the call reads and writes, and a
budget. Goes out: the encoded result, or the error that names the cause. A call that traps leaves
the overlay as it was; a call that succeeds leaves its changes there, for the caller to keep or to
drop. This module knows nothing of blocks, of disks or of wasmtime.
"""

from __future__ import annotations

from functools import cached_property

from assay.localnet.errors import (
    BadRuntime,
    BudgetSpent,
    CallTimeSpent,
    MissingExport,
    RuntimeTrap,
)
from assay.localnet.executor.host import host_functions
from assay.localnet.executor.host.context import LOG_WARN, HostContext
from assay.localnet.executor.host.helper import helper_wat
from assay.localnet.executor.machine.call_meter import CallMeter
from assay.localnet.executor.machine.code import embedded_version, unpack
from assay.localnet.executor.machine.module_cache import ModuleCache
from assay.localnet.executor.machine.vm import Budget, NoSuchExport, Vm, VmTrap
from assay.localnet.executor.machine.wasm_binary import Outline
from assay.localnet.executor.machine.wasm_memory import WasmMemory
from assay.localnet.limits import CoreLimits
from assay.localnet.primitives.runtime_version import RuntimeVersion
from assay.localnet.primitives.scale import ScaleError
from assay.localnet.state.overlay import Overlay
from assay.localnet.time_limit import TimeLimit


class Executor:
    """A runtime, compiled and ready to be called. Not to be used from two threads."""

    def __init__(
        self,
        code: bytes,
        limits: CoreLimits,
        cache: ModuleCache | None = None,
        *,
        time: TimeLimit | None = None,
    ) -> None:
        """Compile ``code``, as it is stored under ``:code``. BadRuntime if it is no runtime.

        ``time`` limits what strangers may start: queries and the checks of transactions.
        """
        self._wasm = unpack(code)
        self._limits = limits
        self.query_budget = Budget(limits.fuel_per_query, limits.host_calls_per_query, timed=True)
        self.validation_budget = Budget(
            limits.fuel_per_validation, limits.host_calls_per_validation, timed=True
        )
        self.block_budget = Budget(limits.fuel_per_block_call, limits.host_calls_per_block_call)
        memory, meter = WasmMemory(), CallMeter(time)
        self._context = HostContext(memory, meter, limits)
        self._vm = Vm(
            self._wasm,
            host_functions(self._context),
            memory=memory,
            meter=meter,
            helper=_helper,
            pages_max=limits.memory_pages_max,
            cache=cache,
        )

    def call(
        self, method: str, argument: bytes, overlay: Overlay, budget: Budget | None = None
    ) -> bytes:
        """Call ``method`` with its encoded arguments; the encoded result.

        ``budget`` defaults to that of calls which strangers may start. RuntimeTrap, MissingExport,
        BudgetSpent; CallTimeSpent where the node's time ended the call.
        """
        if len(argument) > self._limits.argument_bytes_max:
            raise RuntimeTrap(method, f"an argument of {len(argument)} bytes is too long")
        context = self._context
        depth = overlay.depth
        overlay.start()
        context.begin(overlay)
        try:
            result = self._vm.call(method, argument, budget or self.query_budget)
            if overlay.depth != depth + 1:
                raise VmTrap("it returned with a transaction open")
        except BaseException as error:
            overlay.rollback_to(depth)
            if isinstance(error, NoSuchExport):
                raise MissingExport(method) from None
            if isinstance(error, VmTrap):
                kind = BudgetSpent if error.budget_spent else RuntimeTrap
                kind = CallTimeSpent if error.time_spent else kind
                raise kind(method, error.reason, tuple(context.logs)) from error
            raise
        finally:
            context.end()
        overlay.commit()
        return result

    @cached_property
    def version(self) -> RuntimeVersion:
        """The version in the module's custom sections. Nothing is run, so no state is needed."""
        try:
            encoded = embedded_version(self._wasm)
            if encoded is not None:
                return RuntimeVersion.decode(encoded)
        except ScaleError as error:
            raise BadRuntime(
                f"The runtime's embedded version cannot be read: {error}.",
                "Build it with its version sections, as Substrate's own build does.",
            ) from error
        raise BadRuntime(
            "The runtime carries no version in its custom sections.",
            "Build it with sp-version's `runtime_version` attribute.",
        )

    def close(self) -> None:
        """Free the instance."""
        self._vm.discard()


def _helper(outline: Outline) -> str:
    assert outline.memory_import is not None
    return helper_wat(*outline.memory_import, outline.memory_pages_min, LOG_WARN)
