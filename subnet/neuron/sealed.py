"""The rows of weights that a validator has sealed: kept on disk, and opened in their epoch.

Where a subnet has commit-reveal on and its chain has no beacon, a row is committed by its hash and
opened by a second call, in one epoch alone (``assay.chain.sealing``). ``SealedRows.sealing`` gives
what a commit needs, and writes each row with its salt to the validator's memory before its hash is
sent; so a crash at any moment loses nothing that the chain may hold. ``SealedRows.open`` looks at a
moment and opens what is due, newest first. What the chain holds decides, never what was answered.

This module does not know what a row says or when one is sent.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from loguru import logger

from assay.chain.interface import Chain, Moment, RefusalReason, WeightsRefused
from assay.chain.sealing import SALT_WORDS, RowSeal, SealedRow, WeightsOpened, WeightsSealed
from assay.errors import Unavailable
from assay.neuron.checkpoint import KeptRow, ValidatorMemory
from assay.types import U16_MAX, NetUid, Signer

ROWS_MAX: Final = 10
"""As many commits of a hotkey as the chain lets wait. An older row than the newest so many is
forgotten: the chain has refused or dropped it."""
UNSURE_EPOCHS: Final = 8
"""How long a commit whose answer was lost is looked for. Its signature holds for 128 blocks, which
is 6.4 epochs of a local chain."""


class SealedRows:
    """The sealed rows of one validator."""

    def __init__(
        self,
        chain: Chain,
        netuid: NetUid,
        hotkey: Signer,
        memory: ValidatorMemory,
        *,
        rng: random.Random,
        count: Callable[[str], None],
    ) -> None:
        """``rng`` must not be guessable: salts are drawn from it. ``count(outcome)`` is told what
        became of each row."""
        self._chain = chain
        self._netuid = netuid
        self._hotkey = hotkey
        self._memory = memory
        self._rng = rng
        self._count = count
        self._due_at_block = 0
        self._told = ""
        """The refusal that was told last, by the hash of its row and its reason."""

    def sealing(self, epoch: int) -> RowSeal:
        """What sealing a row in the epoch of index ``epoch`` needs."""
        salt = tuple(self._rng.randint(0, U16_MAX) for _ in range(SALT_WORDS))

        def keep(sealed: SealedRow) -> None:
            kept = (*self._memory.now.sealed, KeptRow(row=sealed, epoch=epoch))
            self._memory.remember(sealed=kept[-ROWS_MAX:])

        return RowSeal(salt, keep)

    def committed(self, found: WeightsSealed) -> None:
        """Remember in which epoch a row can be opened."""
        self._memory.remember(
            sealed=tuple(
                KeptRow(row=kept.row, epoch=kept.epoch, reveal_epoch=found.reveal_epoch)
                if kept.row.hash == found.sealed.hash
                else kept
                for kept in self._memory.now.sealed
            )
        )

    async def open(self, moment: Moment) -> bool:
        """Open the newest row that is due at ``moment``.

        Return True if the chain turned out to hold a commit of the moment's epoch whose answer was
        lost, so that no other need be sent.
        """
        if moment.at.number < self._due_at_block:
            return False
        found = False
        for kept in reversed(self._memory.now.sealed):
            if kept.reveal_epoch is not None and moment.epoch.index < kept.reveal_epoch:
                continue
            try:
                outcome = await self._chain.reveal_weights(self._netuid, self._hotkey, kept.row)
            except Unavailable as error:
                self._count("unavailable")
                logger.warning("Sealed weights were not opened: {} Trying again.", error.cause)
                self._due_at_block = moment.at.number + 1
                return found
            match outcome:
                case WeightsOpened(read_at=block):
                    self._count("opened")
                    logger.info("Weights of epoch {} stand open, read at block {}",
                                kept.epoch, block)  # fmt: skip
                    self._forget(kept, older=True)
                    return found
                case WeightsSealed():
                    self.committed(outcome)
                    found = found or kept.epoch == moment.epoch.index
                case WeightsRefused():
                    self._refused(kept, outcome, moment)
        return found

    def _forget(self, kept: KeptRow, *, older: bool = False) -> None:
        """Drop a row; with ``older`` those before it as well, as the chain does."""
        rows = self._memory.now.sealed
        at = rows.index(kept)
        self._memory.remember(sealed=rows[at + 1 :] if older else rows[:at] + rows[at + 1 :])

    def _refused(self, kept: KeptRow, refused: WeightsRefused, moment: Moment) -> None:
        epoch, known = moment.epoch.index, kept.reveal_epoch is not None
        if refused.reason is RefusalReason.NOT_SEALED:
            if not known and epoch < kept.epoch + UNSURE_EPOCHS:
                self._due_at_block = moment.epoch.next_block  # it may still be on its way
                return
            if known:
                self._count("not_opened")
                logger.warning(
                    "The sealed weights of epoch {} were not opened in their epoch {}: {} The row"
                    " before them goes on to count. {}",
                    kept.epoch, kept.reveal_epoch, refused.cause, refused.cure,
                )  # fmt: skip
            self._forget(kept)
            return
        self._due_at_block = moment.at.number + (refused.retry_after_blocks or 1)
        told = f"{kept.row.hash} {refused.reason}"
        if told != self._told:
            self._told = told
            self._count(refused.reason.value)
            logger.warning(
                "The sealed weights of epoch {} cannot be opened: {} {} Tried again from block {}"
                " on, until their epoch is over; this is said once.",
                kept.epoch, refused.cause, refused.cure, self._due_at_block,
            )  # fmt: skip
