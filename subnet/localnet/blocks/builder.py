"""Builds the next block on a state: initialise, inherents, extrinsics, finalise.

The result is a header and a body with the overlay that holds what they changed; nothing is stored
and no head moves here. Each extrinsic runs in a transaction of its own: one that the runtime
refuses, or that upsets it, leaves no trace in the state. After ``finalize_block`` the state root
that the runtime put into the header is compared with the root of the overlay. The builder reads no
clock and knows no pool: when to stop trying extrinsics is a question that its caller answers.

With a ``Shield`` it announces the shield's key in each block, and opens sealed extrinsics: what is
inside follows its envelope as an extrinsic of its own, which is refused or included as any other.
The envelope has paid whatever comes out of it, also nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from assay.localnet.blocks.inherents import inherent_data, inherent_extrinsics
from assay.localnet.blocks.validity import apply_refusal, dispatch_failed
from assay.localnet.errors import BlockRejected, RuntimeTrap, TransactionRefused
from assay.localnet.executor.call import Executor
from assay.localnet.limits import CoreLimits
from assay.localnet.primitives.hashing import blake2_256
from assay.localnet.primitives.header import ZERO_HASH, Block, Header, aura_pre_runtime
from assay.localnet.primitives.scale import ScaleError
from assay.localnet.shield.author import INHERENT_ID, Shield
from assay.localnet.shield.envelope import Sealed, Unsealed
from assay.localnet.state.overlay import Committed, Overlay, Result

_FOR_LATER: Final = frozenset(("ExhaustsResources", "Future"))
"""Refusals that time may heal: the block is full, or an earlier transaction is missing."""


@dataclass(frozen=True, slots=True)
class Built:
    """A finished block that is not committed yet."""

    block: Block
    included: tuple[bytes, ...]
    failed: tuple[tuple[bytes, TransactionRefused | RuntimeTrap], ...]
    postponed: tuple[bytes, ...]
    unsealed: tuple[Unsealed, ...]
    """What came out of sealed extrinsics and is in the block."""
    result: Result
    """What the block changed, and the trie after it."""


@dataclass(slots=True)
class _Sorted:
    """The hashes of what was tried, by what became of it."""

    included: list[bytes] = field(default_factory=list)
    failed: list[tuple[bytes, TransactionRefused | RuntimeTrap]] = field(default_factory=list)
    postponed: list[bytes] = field(default_factory=list)
    unsealed: list[Unsealed] = field(default_factory=list)
    too_large_in_a_row: int = 0


def never() -> bool:
    """The ``until`` of a block that tries all extrinsics that fit."""
    return False


def named(extrinsics: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Each extrinsic after its hash, as the builder takes them."""
    return ((blake2_256(extrinsic), extrinsic) for extrinsic in extrinsics)


class BlockBuilder:
    """One block in the making."""

    def __init__(
        self,
        executor: Executor,
        base: Committed,
        parent: Header,
        limits: CoreLimits,
        shield: Shield | None = None,
    ) -> None:
        self._executor = executor
        self._shield = shield
        self._limits = limits
        self._parent = parent
        self._overlay = Overlay(base)
        self._body: list[bytes] = []
        self._tried: list[bytes] = []

    def build(
        self,
        timestamp_ms: int,
        slot: int,
        candidates: Iterable[tuple[bytes, bytes]],
        until: Callable[[], bool],
        max_extrinsics: int | None,
    ) -> Built:
        """Build the block of ``timestamp_ms`` and ``slot``.

        ``candidates`` are the extrinsics to try, each after its hash; ``until`` is asked before
        each of them, and none is tried any more once it says yes. RuntimeTrap or BlockRejected,
        with what was tried, if the block itself cannot be made.
        """
        try:
            self._initialize(slot)
            self._apply_inherents(timestamp_ms, slot)
            found = self._apply_candidates(candidates, until, max_extrinsics)
            header = self._finalize()
            result = self._overlay.result(self._executor.version.state_version)
            if result.root_hash != header.state_root:
                raise BlockRejected(
                    f"block {header.number} names the state root 0x{header.state_root.hex()}, "
                    f"its state has 0x{result.root_hash.hex()}"
                )
            return Built(
                Block(header, tuple(self._body)),
                tuple(found.included),
                tuple(found.failed),
                tuple(found.postponed),
                tuple(found.unsealed),
                result,
            )
        except (RuntimeTrap, BlockRejected) as fault:
            fault.tried = self.tried
            raise

    @property
    def tried(self) -> tuple[bytes, ...]:
        """The hashes of the extrinsics that were tried, in order."""
        return tuple(self._tried)

    def _call(self, method: str, argument: bytes) -> bytes:
        executor = self._executor
        return executor.call(method, argument, self._overlay, executor.block_budget)

    def _initialize(self, slot: int) -> None:
        parent = self._parent
        header = Header(
            parent.hash, parent.number + 1, ZERO_HASH, ZERO_HASH, (aura_pre_runtime(slot),)
        )
        self._call("Core_initialize_block", header.encode())

    def _apply_inherents(self, timestamp_ms: int, slot: int) -> None:
        more = []
        if self._shield is not None:
            number = self._parent.number + 1
            more.append((INHERENT_ID, self._shield.announcement(number, timestamp_ms)))
        data = inherent_data(timestamp_ms, slot, more)
        answer = self._call("BlockBuilder_inherent_extrinsics", data)
        for extrinsic in inherent_extrinsics(answer):
            result = self._apply(extrinsic)
            if dispatch_failed(result):
                raise BlockRejected(f"an inherent was refused: 0x{result.hex()}")
            self._body.append(extrinsic)

    def _apply_candidates(
        self,
        candidates: Iterable[tuple[bytes, bytes]],
        until: Callable[[], bool],
        max_extrinsics: int | None,
    ) -> _Sorted:
        found = _Sorted()
        if max_extrinsics is not None and max_extrinsics <= 0:
            return found
        for name, extrinsic in candidates:
            if until():
                break
            self._tried.append(name)
            self._try(name, extrinsic, found)
            full = found.too_large_in_a_row == self._limits.skipped_extrinsics_max
            if full or len(found.included) == max_extrinsics:
                break
        return found

    def _try(self, name: bytes, extrinsic: bytes, found: _Sorted) -> None:
        """Apply one extrinsic, and note in ``found`` what became of it."""
        try:
            sealed = None if self._shield is None else self._shield.sealed_in(extrinsic, self._ask)
            result = self._apply(extrinsic)
            refusal = apply_refusal(result)
        except (RuntimeTrap, TransactionRefused) as fault:
            found.failed.append((name, fault))
            return
        if refusal is None:
            found.too_large_in_a_row = 0
            self._body.append(extrinsic)
            found.included.append(name)
            if sealed is not None and not dispatch_failed(result):
                self._unseal(sealed, found)
        elif refusal.kind in _FOR_LATER:
            found.postponed.append(name)
            if refusal.kind == "ExhaustsResources":
                # A smaller one may still fit; after a few in a row none will.
                found.too_large_in_a_row += 1
        else:
            found.failed.append((name, refusal))

    def _unseal(self, sealed: Sealed, found: _Sorted) -> None:
        """Open what an extrinsic of the block carries, and apply what is inside.

        What it holds may be sealed once more: that is opened no further.
        """
        unsealed = self._shield.open(sealed) if self._shield is not None else None
        if unsealed is None:
            return
        try:
            refusal = apply_refusal(self._apply(unsealed.extrinsic))
        except RuntimeTrap:
            return
        if refusal is None:
            self._body.append(unsealed.extrinsic)
            found.unsealed.append(unsealed)
        elif refusal.kind == "ExhaustsResources":
            found.too_large_in_a_row += 1

    def _ask(self, method: str, argument: bytes) -> bytes:
        """Call ``method`` on the block as it is now, and drop what it changes."""
        self._overlay.start()
        try:
            return self._call(method, argument)
        finally:
            self._overlay.rollback()

    def _apply(self, extrinsic: bytes) -> bytes:
        """Run one extrinsic; its changes stay only if it belongs into the block."""
        overlay = self._overlay
        overlay.start()
        try:
            result = self._call("BlockBuilder_apply_extrinsic", extrinsic)
        except BaseException:
            overlay.rollback()
            raise
        if result[:1] == b"\0":
            overlay.commit()
        else:
            overlay.rollback()
        return result

    def _finalize(self) -> Header:
        answer = self._call("BlockBuilder_finalize_block", b"")
        try:
            header = Header.decode(answer)
        except ScaleError as error:
            raise BlockRejected(f"the runtime finished a block that cannot be read: {error}") from (
                error
            )
        if (header.number, header.parent) != (self._parent.number + 1, self._parent.hash):
            raise BlockRejected("the runtime finished another block than the one begun")
        return header
