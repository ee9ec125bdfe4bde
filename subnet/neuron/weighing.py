"""Setting weights: once an epoch, by uid, read back, and told when the chain says no.

``WeightSetter.keep`` looks at a moment and at the validator's memory, and sends a row in the last
quarter of each epoch, so that an epoch pays for the work done in it. Weights count only once they
were read back from a finalized block and no uid among them changed hands meanwhile; then the
averages begin a new window (``opinions``). A refusal is told when it begins, when it changes and
when it ends, and tried again when waiting can have helped. When a whole epoch passes in which
nobody earned anything, the last row is withdrawn.

Under commit-reveal a row is sealed, and counts from the epoch in which it is opened (``sealed``).
This module does not know where opinions come from: it is handed weights by hotkey.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Final

from loguru import logger

from assay.chain.interface import (
    Chain,
    Metagraph,
    RefusalReason,
    WeightsCommitted,
    WeightsRefused,
    WeightsSet,
)
from assay.chain.sealing import WeightsSealed
from assay.chain.view import Moment
from assay.errors import Unavailable
from assay.metrics import NO_METRICS, Metrics
from assay.neuron.checkpoint import ValidatorMemory
from assay.neuron.opinions import after_setting, by_uid
from assay.neuron.retry import Retry
from assay.neuron.sealed import SealedRows
from assay.types import NetUid, Signer, Ss58, Uid

NEXT_EPOCH: Final = frozenset({RefusalReason.NO_PERMIT, RefusalReason.TOO_LITTLE_STAKE})
"""Permits and stake weights change at an epoch's end; asking sooner cannot help."""
LAST_PART: Final = 0.25
"""The part of an epoch, at its end, in which weights are set. An epoch pays by the row that stands
when it ends: set at its beginning, the row would pay a miner that has stopped for one more epoch. A
quarter is five blocks of a local chain, enough for an extrinsic to be included and seen in a
finalized block, and eighteen minutes of a public one."""
WINDOW_EPOCHS: Final = (0.5, 2.0)
"""The lengths of a window of averages. A row that is sent sooner, such as a validator's first, goes
on with the window; where no row can be sent, a window of two epochs ends all the same, or the first
row would pay miners that stopped long ago."""


class WeightSetter:
    """Sets one validator's weights."""

    def __init__(
        self,
        chain: Chain,
        netuid: NetUid,
        hotkey: Signer,
        memory: ValidatorMemory,
        *,
        weights: Callable[[Moment], Mapping[Ss58, float]],
        retry: Retry,
        rng: random.Random,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        """``weights(moment)`` gives the relative weights to set, by hotkey. ``rng`` must not be
        guessable: the salts of sealed rows are drawn from it."""
        self._chain = chain
        self._netuid = netuid
        self._hotkey = hotkey
        self._memory = memory
        self._weights = weights
        self._retry = retry
        self._metrics = metrics
        self._sealed = SealedRows(chain, netuid, hotkey, memory, rng=rng, count=self._count)
        self._due_at_block = 0
        self._refused: str | None = None
        self._counted = memory.now
        """What was known when the weights that are under way were made."""

    async def keep(self, moment: Moment, *, awaiting: bool = False) -> None:
        """Set weights if this epoch has none yet, its last quarter has begun, and a refusal has had
        the time it needs. A validator whose row is not of the epoch before sets one sooner: as soon
        as it is not ``awaiting`` answers. A row that went out with the first answer would leave out
        all others for the whole epoch, and counts no earlier than at the epoch's end. Sealed rows
        are opened first, where their epoch has come."""
        if self._memory.now.sealed and await self._sealed.open(moment):
            self._counted = self._memory.now
            self._stands(moment)
        epoch, before = moment.epoch.index, self._memory.now.weights_epoch
        last = moment.at.number >= moment.epoch.next_block - LAST_PART * moment.epoch.tempo
        if before == epoch or ((before == epoch - 1 or awaiting) and not last):
            return
        if moment.at.number < self._due_at_block:
            return
        self._counted = self._memory.now
        since = self._counted.window.since
        if since is not None and moment.at.number - since > WINDOW_EPOCHS[1] * moment.epoch.tempo:
            self._memory.remember(**self._new_window(moment))
            self._counted = self._memory.now
        wanted = self._wanted(moment)
        if not wanted:
            return  # nobody earned anything yet: silence, not equal shares
        settings = moment.metagraph.settings
        version = settings.weights_version
        try:
            outcome = await self._chain.set_weights(
                self._netuid,
                self._hotkey,
                wanted,
                version_key=version,
                sealing=self._sealed.sealing(epoch) if settings.commit_reveal else None,
            )
        except Unavailable as error:
            self._count("unavailable")
            logger.warning("Weights were not set: {} Trying again.", error.cause)
            self._due_at_block = moment.at.number + 1
            return
        match outcome:
            case WeightsSet(receipt=receipt, read_at=read_at):
                self._count("set")
                now = await self._retry(
                    "metagraph", lambda: self._chain.metagraph(self._netuid, read_at)
                )
                if _changed_hands(wanted, moment.metagraph, now):
                    logger.warning("A uid changed hands meanwhile; weights are set again.")
                    self._due_at_block = read_at.number
                    return
                logger.info("Weights of epoch {} stand since block {}", epoch, receipt.block.number)
                self._stands(moment)
            case WeightsCommitted(reveal_round=reveal):
                self._count("sealed")
                logger.info("Weights of epoch {} are sealed until beacon round {}", epoch, reveal)
                self._stands(moment)
            case WeightsSealed(reveal_epoch=reveal):
                self._count("sealed")
                logger.info("Weights of epoch {} are sealed; they open in epoch {}", epoch, reveal)
                self._sealed.committed(outcome)
                self._stands(moment)
            case WeightsRefused(reason=reason):
                self._count(reason.value)
                self._put_off(moment, outcome)

    def _count(self, outcome: str) -> None:
        self._metrics.count("assay_weights_total", outcome=outcome)

    def _wanted(self, moment: Moment) -> Mapping[Uid, float]:
        """The weights to set now, by uid. A row on this validator alone withdraws the last one: the
        chain counts no weight on oneself. It is withdrawn if turns ended and paid nobody; where a
        turn takes longer than an epoch, the averages are what is known."""
        memory = self._memory.now
        if memory.earned is not False or memory.weights_epoch is None:
            return by_uid(self._weights(moment), moment.metagraph)
        own = moment.metagraph.by_hotkey(self._hotkey.address)
        logger.warning("Nobody earned anything for a whole epoch: the last weights are withdrawn.")
        return {own.uid: 1.0} if own is not None else {}

    def _stands(self, moment: Moment) -> None:
        if self._refused is not None:
            logger.info("The chain takes weights again.")
            self._refused = None
        self._memory.remember(
            weights_epoch=moment.epoch.index, earned=None, **self._new_window(moment)
        )

    def _new_window(self, moment: Moment) -> dict[str, object]:
        """What changes in the memory when a window ends; nothing where it has only begun, and where
        no turn has judged anybody since."""
        now, counted = self._memory.now, self._counted
        since, at = counted.window.since, moment.at.number
        if not counted.window.turns:
            return {}  # nobody was judged since: the averages are still what is known
        if since is None or at - since < WINDOW_EPOCHS[0] * moment.epoch.tempo:
            return {}
        opinions, window = after_setting(
            now.opinions,
            now.window,
            counted=counted.opinions,
            counted_window=counted.window,
            at=at,
        )
        return {"opinions": opinions, "window": window}

    def _put_off(self, moment: Moment, refused: WeightsRefused) -> None:
        wait = refused.retry_after_blocks or 1
        if refused.reason in NEXT_EPOCH:
            wait = max(wait, moment.epoch.next_block - moment.at.number + 1)
        self._due_at_block = moment.at.number + wait
        if self._refused != refused.reason:
            self._refused = refused.reason
            logger.warning(
                "Weights were refused: {} {} Tried again from block {} on; this is said once.",
                refused.cause,
                refused.cure,
                self._due_at_block,
            )


def _changed_hands(wanted: Mapping[Uid, float], believed: Metagraph, now: Metagraph) -> bool:
    """Whether any uid that was given a weight had another owner when the weights stood."""
    return any(
        uid >= now.n or now.neurons[uid].hotkey != believed.neurons[uid].hotkey for uid in wanted
    )
