"""What the runtime answers about itself and about transactions, decoded.

Adds typed results to the raw bytes of ``Core_version``, ``validate_transaction`` and
``apply_extrinsic``. Reads only; it neither calls the runtime nor knows where the bytes came from.
"""

from __future__ import annotations

from dataclasses import dataclass

from assay.localnet.errors import (
    INVALID_KINDS,
    UNKNOWN_KINDS,
    InvalidTransaction,
    TransactionRefused,
    UnknownTransaction,
)
from assay.localnet.scale import Reader, ScaleError


@dataclass(frozen=True, slots=True)
class RuntimeVersion:
    """``sp_version::RuntimeVersion``."""

    spec_name: str
    impl_name: str
    authoring_version: int
    spec_version: int
    impl_version: int
    apis: tuple[tuple[bytes, int], ...]
    """(8-byte id of the API, its version)"""
    transaction_version: int
    state_version: int

    @classmethod
    def decode(cls, data: bytes) -> RuntimeVersion:
        """Older runtimes leave out the last two fields: 1 and 0 then, as Substrate reads it."""
        reader = Reader(data)
        spec_name, impl_name = reader.text(), reader.text()
        authoring, spec, impl = reader.uint(4), reader.uint(4), reader.uint(4)
        apis = tuple((reader.take(8), reader.uint(4)) for _ in range(reader.items(12)))
        transaction = reader.uint(4) if reader.left >= 4 else 1
        state = reader.uint(1) if reader.left else 0
        return cls(spec_name, impl_name, authoring, spec, impl, apis, transaction, state)


@dataclass(frozen=True, slots=True)
class ValidTransaction:
    """``sp_runtime::transaction_validity::ValidTransaction``."""

    priority: int
    requires: tuple[bytes, ...]
    provides: tuple[bytes, ...]
    longevity: int
    """Blocks for which the answer holds."""
    propagate: bool


def read_validity_error(reader: Reader) -> TransactionRefused:
    """``TransactionValidityError`` at the reader's position, as the exception to raise."""
    group, kind = reader.uint(1), reader.uint(1)
    if group == 0 and kind < len(INVALID_KINDS):
        name = INVALID_KINDS[kind]
        return InvalidTransaction(name, reader.uint(1) if name == "Custom" else None)
    if group == 1 and kind < len(UNKNOWN_KINDS):
        name = UNKNOWN_KINDS[kind]
        return UnknownTransaction(name, reader.uint(1) if name == "Custom" else None)
    raise ScaleError(f"a validity error {group}.{kind} is not known")


def decode_validity(data: bytes) -> ValidTransaction:
    """The result of ``TaggedTransactionQueue_validate_transaction``; a refusal is raised."""
    reader = Reader(data)
    if reader.uint(1):
        raise read_validity_error(reader)
    priority = reader.uint(8)
    requires = tuple(reader.bytes() for _ in range(reader.items()))
    provides = tuple(reader.bytes() for _ in range(reader.items()))
    return ValidTransaction(priority, requires, provides, reader.uint(8), reader.uint(1) == 1)


def apply_refusal(data: bytes) -> TransactionRefused | None:
    """The result of ``BlockBuilder_apply_extrinsic``: None if the extrinsic is in the block.

    A dispatch that failed is in the block as well: it paid its fee, its events tell the error.
    """
    if data[:1] == b"\0":
        return None
    reader = Reader(data)
    reader.take(1)
    return read_validity_error(reader)


def dispatch_failed(data: bytes) -> bool:
    """Whether an applied extrinsic's dispatch ended in an error."""
    return data[:2] != b"\0\0"
