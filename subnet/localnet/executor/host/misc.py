"""``ext_misc_*``, ``ext_logging_*`` and the panic handler: what a runtime says, and what it reads.

``runtime_version`` reads the version out of a blob's custom sections; a blob without them (built
before they existed) has none here, since a call within a call is not offered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from assay.localnet.errors import BadRuntime
from assay.localnet.executor.host.context import (
    LEVEL_DEBUG,
    LOG_WARN,
    HostCallError,
    HostContext,
)
from assay.localnet.executor.machine.code import embedded_version, unpack
from assay.localnet.primitives.scale import ScaleError, encode_bytes

_NONE: Final = b"\x00"
_SOME: Final = b"\x01"

_UNPACK_COST: Final = 25_000
"""Host calls charged for a look into a runtime: a small one may unpack to 50 MB, in 25 ms."""


def misc_functions(context: HostContext) -> Mapping[str, Callable[..., Any]]:
    """The table of this file's functions."""
    memory = context.memory

    def text(span: int) -> str:
        return memory.read(span).decode("utf-8", "replace")

    def log(level: int, target: int, message: int) -> None:
        context.log(level, text(target), text(message))

    def max_level() -> int:
        return LOG_WARN

    def print_utf8(data: int) -> None:
        context.log(LEVEL_DEBUG, "print", text(data))

    def print_hex(data: int) -> None:
        context.log(LEVEL_DEBUG, "print", "0x" + memory.read(data).hex())

    def print_num(number: int) -> None:
        context.log(LEVEL_DEBUG, "print", str(number))

    def runtime_version(code: int) -> int:
        context.charge(_UNPACK_COST)
        try:
            version = embedded_version(unpack(memory.read(code)))
        except (BadRuntime, ScaleError):
            version = None
        return memory.give(_NONE if version is None else _SOME + encode_bytes(version))

    def abort_on_panic(message: int) -> None:
        raise HostCallError(f"the runtime panicked: {text(message)}")

    return {
        "ext_logging_log_version_1": log,
        "ext_logging_max_level_version_1": max_level,
        "ext_misc_print_utf8_version_1": print_utf8,
        "ext_misc_print_hex_version_1": print_hex,
        "ext_misc_print_num_version_1": print_num,
        "ext_misc_runtime_version_version_1": runtime_version,
        "ext_panic_handler_abort_on_panic_version_1": abort_on_panic,
    }
