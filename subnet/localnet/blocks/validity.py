"""Decodes what the runtime answers about transactions.

In come the raw bytes that ``validate_transaction`` and ``apply_extrinsic`` answered; out come typed
results, or the refusal to raise. This module does not call the runtime.
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
from assay.localnet.primitives.scale import Reader, ScaleError


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
    """Decode ``data``, an answer of ``TaggedTransactionQueue_validate_transaction``.

    Raises the refusal if the runtime refused the transaction.
    """
    reader = Reader(data)
    if reader.uint(1):
        raise read_validity_error(reader)
    priority = reader.uint(8)
    requires = tuple(reader.bytes() for _ in range(reader.items()))
    provides = tuple(reader.bytes() for _ in range(reader.items()))
    return ValidTransaction(priority, requires, provides, reader.uint(8), reader.uint(1) == 1)


def apply_refusal(data: bytes) -> TransactionRefused | None:
    """The refusal in ``data``, an answer of ``BlockBuilder_apply_extrinsic``; None if it has none.

    An extrinsic whose dispatch failed was not refused: it is in the block, it paid its fee, and its
    events tell the error.
    """
    if data[:1] == b"\0":
        return None
    reader = Reader(data)
    reader.take(1)
    return read_validity_error(reader)


def dispatch_failed(data: bytes) -> bool:
    """Whether ``data``, the answer for an applied extrinsic, says that its dispatch failed."""
    return data[:2] != b"\0\0"
