"""Builds the next block on a state: initialise, inherents, extrinsics, finalise.

The result is a header and a body with the overlay that holds what they changed; nothing is stored
and no head moves here. Each extrinsic runs in a transaction of its own: one that the runtime
refuses, or that upsets it, leaves no trace in the state. After ``finalize_block`` the state root
that the runtime put into the header is compared with the root of the overlay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from assay.localnet.blocks.inherents import inherent_data, inherent_extrinsics
from assay.localnet.blocks.validity import apply_refusal, dispatch_failed
from assay.localnet.errors import BlockRejected, RuntimeTrap, TransactionRefused
from assay.localnet.executor.call import Executor
from assay.localnet.limits import CoreLimits
from assay.localnet.primitives.hashing import blake2_256
from assay.localnet.primitives.header import ZERO_HASH, Block, Header, aura_pre_runtime
from assay.localnet.primitives.scale import ScaleError
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
    result: Result
    """What the block changed, and the trie after it."""


def named(extrinsics: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Each extrinsic after its hash, as the builder takes them."""
    return ((blake2_256(extrinsic), extrinsic) for extrinsic in extrinsics)


class BlockBuilder:
    """One block in the making."""

    def __init__(
        self, executor: Executor, base: Committed, parent: Header, limits: CoreLimits
    ) -> None:
        self._executor = executor
        self._limits = limits
        self._parent = parent
        self._overlay = Overlay(base)
        self._body: list[bytes] = []

    def build(
        self,
        timestamp_ms: int,
        slot: int,
        ready: Iterable[tuple[bytes, bytes]],
        max_extrinsics: int | None,
    ) -> Built:
        """The whole course. RuntimeTrap or BlockRejected if the block itself cannot be made.

        ``ready``: the extrinsics to try, each after its hash.
        """
        self._initialize(slot)
        self._apply_inherents(timestamp_ms, slot)
        included, failed, postponed = self._apply_ready(ready, max_extrinsics)
        header = self._finalize()
        result = self._overlay.result(self._executor.version.state_version)
        if result.root_hash != header.state_root:
            raise BlockRejected(
                f"block {header.number} names the state root 0x{header.state_root.hex()}, "
                f"its state has 0x{result.root_hash.hex()}"
            )
        return Built(
            Block(header, tuple(self._body)),
            tuple(included),
            tuple(failed),
            tuple(postponed),
            result,
        )

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
        answer = self._call("BlockBuilder_inherent_extrinsics", inherent_data(timestamp_ms, slot))
        for extrinsic in inherent_extrinsics(answer):
            result = self._apply(extrinsic)
            if dispatch_failed(result):
                raise BlockRejected(f"an inherent was refused: 0x{result.hex()}")
            self._body.append(extrinsic)

    def _apply_ready(
        self, ready: Iterable[tuple[bytes, bytes]], max_extrinsics: int | None
    ) -> tuple[list[bytes], list[tuple[bytes, TransactionRefused | RuntimeTrap]], list[bytes]]:
        included: list[bytes] = []
        failed: list[tuple[bytes, TransactionRefused | RuntimeTrap]] = []
        postponed: list[bytes] = []
        too_large_in_a_row = 0
        if max_extrinsics is not None and max_extrinsics <= 0:
            return included, failed, postponed
        for name, extrinsic in ready:
            try:
                refusal = apply_refusal(self._apply(extrinsic))
            except RuntimeTrap as trap:
                failed.append((name, trap))
                continue
            if refusal is None:
                too_large_in_a_row = 0
                self._body.append(extrinsic)
                included.append(name)
                if len(included) == max_extrinsics:
                    break
            elif refusal.kind in _FOR_LATER:
                postponed.append(name)
                if refusal.kind == "ExhaustsResources":
                    # A smaller one may still fit; after a few in a row none will.
                    too_large_in_a_row += 1
                    if too_large_in_a_row == self._limits.skipped_extrinsics_max:
                        break
            else:
                failed.append((name, refusal))
        return included, failed, postponed

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
