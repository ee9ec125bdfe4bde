"""The errors of the node's core, below those of ``assay.errors``.

The tree::

    AssayError
    ├── BlockFault             no block can be made this way
    │   ├── RuntimeTrap        the Wasm runtime stopped: a panic, a failed host function, no fuel
    │   │   ├── MissingExport  the runtime has no such entry point
    │   │   └── BudgetSpent    the call used up its fuel or its host function calls
    │   │       └── CallTimeSpent  the call used up the time that the node had for it
    │   └── BlockRejected      a block and its execution do not agree (roots, inherents, order)
    ├── NoSuchBlock            no block of that hash or number on this chain
    ├── StateDiscarded         the block is known, its state was pruned
    ├── HistoryTooLong         a question about an old state takes more reads than one may
    ├── TimeSpent              a question takes more of the node's time than one may
    ├── TransactionRefused     the runtime said no to a transaction
    │   ├── InvalidTransaction     for good, or for now (``Future``, ``ExhaustsResources``)
    │   └── UnknownTransaction     the runtime cannot tell
    └── UserError
        ├── BadRuntime         the code is not a runtime that this host can run
        ├── BadGenesis         the preset or the overrides do not make a genesis
        ├── GenesisDiffers     the stored chain was made from another genesis
        ├── ChainDamaged       the database cannot be read, or contradicts itself
        └── Unavailable
            ├── NotEnoughMemory  the system gives this process no memory for a runtime
            ├── ChainInUse     another process has the database open
            └── StorageFailed  the disk is full, read-only or broken; the last good block is kept

The texts of ``NoSuchBlock`` and ``StateDiscarded`` are those of Substrate nodes: clients match on
them. Nothing here knows of JSON-RPC; its codes are given out in ``rpc/errors.py``.
"""

from __future__ import annotations

from typing import Final

from assay.errors import AssayError, Unavailable, UserError

INVALID_KINDS: Final = (
    "Call",
    "Payment",
    "Future",
    "Stale",
    "BadProof",
    "AncientBirthBlock",
    "ExhaustsResources",
    "Custom",
    "BadMandatory",
    "MandatoryValidation",
    "BadSigner",
    "IndeterminateImplicit",
    "UnknownOrigin",
)
"""``sp_runtime::transaction_validity::InvalidTransaction`` in the order of its variants."""

UNKNOWN_KINDS: Final = ("CannotLookup", "NoUnsignedValidator", "Custom")
"""``UnknownTransaction`` in the order of its variants."""


class BlockFault(AssayError):
    """What may end a block as a whole. ``tried`` are the hashes of the extrinsics tried until then.

    Empty where no block was being built.
    """

    tried: tuple[bytes, ...] = ()


class RuntimeTrap(BlockFault):
    """A runtime call stopped. ``method`` is the entry point, ``reason`` the cause in words.

    ``logs`` are the runtime's last log lines of that call: a panic's message is one of them.
    """

    def __init__(self, method: str, reason: str, logs: tuple[str, ...] = ()) -> None:
        told = f" [{' | '.join(logs)}]" if logs else ""
        super().__init__(f"{method}: {reason}{told}")
        self.method = method
        self.reason = reason
        self.logs = logs


class MissingExport(RuntimeTrap):
    """The runtime does not export the method that was called."""

    def __init__(self, method: str) -> None:
        super().__init__(method, f"Exported method {method} is not found")


class BudgetSpent(RuntimeTrap):
    """The runtime did not come to an end within the call's budget."""


class CallTimeSpent(BudgetSpent):
    """The runtime did not come to an end within the time that the node had for the call.

    This says nothing of the call itself: at another time, the same call may come to its end.
    """


class NoSuchBlock(AssayError):
    """No such block on this chain."""

    def __init__(self, which: bytes | int) -> None:
        name = f"0x{which.hex()}" if isinstance(which, bytes) else str(which)
        super().__init__(f"Header was not found in the database: {name}")


class StateDiscarded(AssayError):
    """The block is on the chain, but what its state was is no longer kept."""

    def __init__(self, block_hash: bytes) -> None:
        super().__init__(f"State already discarded for 0x{block_hash.hex()}")
        self.block_hash = block_hash


class HistoryTooLong(AssayError):
    """An old state lies on disk; a question that goes through too much of it is not answered."""

    def __init__(self, number: int) -> None:
        super().__init__(f"too many keys of the old state of block {number} would have to be read")


class TimeSpent(AssayError):
    """The answer would take more than the ``limit_s`` that a question may take of the node."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"it takes more than {limit_s:.2g} s of the node's time; ask for less")
        self.limit_s = limit_s


class BlockRejected(BlockFault):
    """A block does not agree with its own execution."""


class TransactionRefused(AssayError):
    """The runtime refused a transaction. ``kind`` is the variant's name, as in Substrate."""

    def __init__(self, kind: str, custom_code: int | None = None) -> None:
        code = "" if custom_code is None else f"({custom_code})"
        super().__init__(f"{type(self).__name__}::{kind}{code}")
        self.kind = kind
        self.custom_code = custom_code


class InvalidTransaction(TransactionRefused):
    """``kind`` is one of ``INVALID_KINDS``."""


class UnknownTransaction(TransactionRefused):
    """``kind`` is one of ``UNKNOWN_KINDS``."""


class BadRuntime(UserError):
    """The code is no Wasm runtime, or it needs what this host does not have."""


class NotEnoughMemory(Unavailable):
    """The system does not give this process the memory that running a runtime takes."""


class BadGenesis(UserError):
    """No genesis can be made of this preset and these overrides."""


class GenesisDiffers(UserError):
    """The database holds a chain that began otherwise."""

    needs_fresh = True


class ChainDamaged(UserError):
    """The database is unreadable or contradicts itself."""

    needs_fresh = True


class ChainInUse(Unavailable):
    """Another process holds the database."""


class StorageFailed(Unavailable):
    """A write did not go through; the chain stays at its last committed block."""
