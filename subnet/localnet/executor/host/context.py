"""What the host functions of one executor share: memory, the overlay of the running call, its logs.

Host functions are closures over one ``HostContext``; ``call`` sets the overlay before it enters
Wasm. The functions know neither wasmtime nor SQLite: memory gives and takes bytes, the overlay
gives and takes values. Work that is dear in Python is charged as several host calls, so that a
call's budget holds its time.
"""

from __future__ import annotations

from typing import Final, Protocol

from loguru import logger

from assay.localnet.executor.machine.call_meter import CallMeter
from assay.localnet.limits import CoreLimits
from assay.localnet.state.head import HeadState
from assay.localnet.state.overlay import Overlay

LOG_WARN: Final = 2
"""``LogLevelFilter::Warn``: panics and warnings arrive, chatter is not even formatted."""

LEVEL_DEBUG: Final = 3
_LEVELS: Final = ("ERROR", "WARNING", "INFO", "DEBUG", "TRACE")
"""loguru's names by ``RuntimeInterfaceLogLevel``, which begins at 0 (the filter's Off has 0)."""

_BYTES_PER_CALL_BITS: Final = 8
"""256 bytes count as a host call. The slowest hash, Keccak, takes 0.8 microseconds for them."""


class HostMemory(Protocol):
    """The memory of the running instance (``wasm_memory``). A span is address | length << 32."""

    def read(self, span: int) -> bytes: ...
    def read_at(self, address: int, size: int) -> bytes: ...
    def write_at(self, address: int, data: bytes) -> None: ...
    def give(self, data: bytes) -> int: ...
    def give_address(self, data: bytes) -> int: ...


class HostCallError(Exception):
    """A host function was used in a way that it does not allow; the call traps with this text."""


_NOTHING: Final = Overlay(HeadState())
"""What functions see between calls. Nothing calls them then."""


class HostContext:
    """One per executor."""

    def __init__(self, memory: HostMemory, meter: CallMeter, limits: CoreLimits) -> None:
        self.memory = memory
        self.charge = meter.charge
        self.limits = limits
        self.logs: list[str] = []
        self.overlay = _NOTHING
        """The overlay of the running call."""
        self._transactions_below = 0

    def charge_bytes(self, size_bytes: int) -> None:
        """Charge work over ``size_bytes``, before it is done: hashing, checking a signature."""
        self.charge(size_bytes >> _BYTES_PER_CALL_BITS)

    def begin(self, overlay: Overlay) -> None:
        """A call begins; transactions that are open now are not the runtime's to close."""
        self.overlay = overlay
        self._transactions_below = overlay.depth
        self.logs.clear()

    def end(self) -> None:
        self.overlay = _NOTHING

    def close_transaction(self) -> Overlay:
        """The overlay, once it is sure that its innermost transaction is the runtime's own."""
        overlay = self.overlay
        if overlay.depth <= self._transactions_below:
            raise HostCallError("there is no open transaction to close")
        return overlay

    def log(self, level: int, target: str, message: str) -> None:
        """Keep a line for the error message of a trap, and pass it on."""
        line = message[: self.limits.log_line_chars_max]
        if len(self.logs) < self.limits.logs_per_call_max:
            self.logs.append(line)
        name = _LEVELS[level] if level < len(_LEVELS) else "TRACE"
        # A panic becomes an exception that says the same: no need to shout it twice.
        logger.log("DEBUG" if name == "ERROR" else name, "runtime {}: {}", target, line)
