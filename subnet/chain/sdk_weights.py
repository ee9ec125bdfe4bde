"""Setting weights through the SDK: what is looked at before, what is sent, what is read back.

Weights go by a plain call, so that the row on the chain is the row predicted here; the SDK's intent
is used only to seal weights for commit-reveal. Who may set weights is read at the best block in one
request, and the row is read back at a finalized block in another.

Relative weights come in and an outcome goes out; a refusal is a value. This module does not know
scores, and signs nothing itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from bittensor.intents.weights import SetWeights

from assay.chain.errors import ChainRefused, UnknownSubnet
from assay.chain.interface import (
    BlockRef,
    Deadlines,
    Receipt,
    RefusalReason,
    Stage,
    WeightRow,
    WeightsCommitted,
    WeightsOutcome,
    WeightsRefused,
    WeightsSet,
)
from assay.chain.sdk_private import calls
from assay.chain.sdk_reads import BlockReader, read_block
from assay.chain.sdk_session import SdkSession, Sessions
from assay.chain.sdk_submit import FailedError, SdkKey, Submitter
from assay.chain.weights import WeightRights, preflight, refused_by_chain
from assay.types import Signer, Uid

T = TypeVar("T")


class WeightsWriter:
    """Sets weights over the sessions of one client."""

    def __init__(self, sessions: Sessions, submitter: Submitter, deadlines: Deadlines) -> None:
        self._sessions = sessions
        self._submitter = submitter
        self._deadlines = deadlines

    async def _read(
        self, what: str, ask: Callable[[BlockReader], Awaitable[T]], *, finalized: bool
    ) -> T:
        async def op(session: SdkSession) -> T:
            hash_ = await session.head_hash(finalized=finalized)
            return await read_block(session, hash_, ask)

        return await self._sessions.call(op, timeout_s=self._deadlines.read_s, what=what)

    async def set(
        self,
        netuid: int,
        hotkey: Signer,
        weights: Mapping[Uid, float],
        version_key: int,
        timeout_s: float,
    ) -> WeightsOutcome:
        """As ``Chain.set_weights``."""
        address = hotkey.address
        try:
            rights = await self._read(
                "say who may set weights",
                lambda r: r.rights(netuid, address),
                finalized=False,
            )
        except UnknownSubnet as error:
            return WeightsRefused(
                RefusalReason.UNKNOWN_SUBNET, Stage.PREFLIGHT, error.cause, error.cure
            )
        row = preflight(rights, weights, version_key)
        if isinstance(row, WeightsRefused):
            return row
        try:
            if rights.settings.commit_reveal:
                return await self._commit(rights, hotkey, row, version_key, timeout_s)
            call = calls.SubtensorModule.set_mechanism_weights(
                netuid=netuid,
                mecid=0,
                dests=[uid for uid, _ in row],
                weights=[weight for _, weight in row],
                version_key=version_key,
            )
            landed = await self._submitter.submit(
                call, hotkey, what="set weights", timeout_s=timeout_s
            )
        except FailedError as failed:
            name = getattr(failed.error, "name", None)
            return refused_by_chain(
                name, failed.refusal.cause, failed.stage, rights, cure=failed.refusal.cure
            )
        return await self._read_back(rights, row, landed.receipt)

    async def _read_back(
        self, rights: WeightRights, row: WeightRow, receipt: Receipt
    ) -> WeightsOutcome:
        uid = rights.uid
        assert uid is not None

        async def ask(reader: BlockReader) -> tuple[BlockRef, WeightRow, Uid | None]:
            stored, holder = await reader.row(rights.netuid, uid, rights.hotkey)
            return reader.at, stored, holder

        read_at, stored, holder = await self._read(
            "give back a row of weights", ask, finalized=True
        )
        if stored == row and holder == uid:
            return WeightsSet(receipt, read_at, row)
        return WeightsRefused(
            RefusalReason.OVERWRITTEN,
            Stage.READ_BACK,
            f"At block {read_at.number} another row stands at uid {uid} than the one that was set"
            f" in block {receipt.block.number}.",
            "Read the metagraph and set the weights again.",
        )

    async def _commit(
        self,
        rights: WeightRights,
        hotkey: Signer,
        row: WeightRow,
        version_key: int,
        timeout_s: float,
    ) -> WeightsOutcome:
        """Seal the row for a round of the beacon, with the SDK's own encryption."""
        intent = SetWeights(
            netuid=rights.netuid,
            weights={uid: float(weight) for uid, weight in row},
            version_key=version_key,
        )

        async def seal(session: SdkSession) -> Any:
            return await intent.build(session, SdkKey(hotkey))

        try:
            sealed = await self._sessions.call(
                seal, timeout_s=self._deadlines.read_s, what="seal the weights"
            )
        except ChainRefused as refusal:  # the SDK's own checks before signing
            return refused_by_chain(refusal.reason, refusal.cause, Stage.PREFLIGHT)
        landed = await self._submitter.submit(
            sealed.call, hotkey, what="commit weights", timeout_s=timeout_s
        )
        return WeightsCommitted(landed.receipt, int(sealed.extras["reveal_round"]))
