"""Setting weights through the SDK: what is looked at before, what is sent, what is read back.

Weights go by a plain call, so that the row on the chain is the row predicted here. Under
commit-reveal they are sealed: by the SDK's intent where the chain has a beacon, else by their hash,
which a second call opens in its epoch. Who may set weights is read at the best block in one
request, and what stands is read back at a finalized block in another.

Relative weights come in and an outcome goes out; a refusal is a value. This module does not know
scores, and signs nothing itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from bittensor.intents.weights import SetWeights

from assay.chain.deadlines import Deadlines
from assay.chain.errors import ChainRefused, UnknownSubnet
from assay.chain.interface import (
    BlockRef,
    Call,
    EpochTiming,
    Receipt,
    RefusalReason,
    RevealOutcome,
    Stage,
    WeightRow,
    WeightsCommitted,
    WeightsOutcome,
    WeightsRefused,
    WeightsSet,
)
from assay.chain.sdk_private import calls
from assay.chain.sdk_reads import PALLET, BlockReader, read_block
from assay.chain.sdk_session import SdkSession, Sessions
from assay.chain.sdk_submit import FailedError, SdkKey, Submitter, composed
from assay.chain.sealing import RowSeal, SealedRow, WeightsOpened, WeightsSealed, seal
from assay.chain.weights import WeightRights, preflight, refused_by_chain, still_sealed
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
        sealing: RowSeal | None,
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
        row = preflight(rights, weights, version_key, may_seal=sealing is not None)
        if isinstance(row, WeightsRefused):
            return row
        try:
            if rights.settings.commit_reveal and rights.beacon:
                return await self._commit(rights, hotkey, row, version_key, timeout_s)
            if rights.settings.commit_reveal and sealing is not None:
                sealed = seal(address, netuid, row, version_key, sealing.salt)
                sealing.keep(sealed)
                return await self._commit_hash(netuid, hotkey, sealed, timeout_s)
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

    async def _commit_hash(
        self, netuid: int, hotkey: Signer, sealed: SealedRow, timeout_s: float
    ) -> WeightsOutcome:
        """Send the hash of a row whose salt is safe, and read back in which epoch it opens."""
        call = Call(PALLET, "commit_weights", {"netuid": netuid, "commit_hash": sealed.hash})
        await self._submitter.submit(
            partial(_composed, call), hotkey, what="commit weights", timeout_s=timeout_s
        )
        epoch, opens, _ = await self._sealed(netuid, hotkey, finalized=True)
        return still_sealed(sealed, opens, epoch.index) or WeightsSealed(sealed, epoch.index)

    async def _sealed(
        self, netuid: int, hotkey: Signer, *, finalized: bool
    ) -> tuple[EpochTiming, Mapping[str, int], WeightRow]:
        address = hotkey.address
        return await self._read(
            "say what is sealed", lambda r: r.sealed(netuid, address), finalized=finalized
        )

    async def reveal(
        self, netuid: int, hotkey: Signer, sealed: SealedRow, timeout_s: float
    ) -> RevealOutcome:
        """As ``Chain.reveal_weights``."""
        epoch, opens, row = await self._sealed(netuid, hotkey, finalized=False)
        if sealed.hash in opens or row != sealed.row:
            if waits := still_sealed(sealed, opens, epoch.index):
                return waits
            arguments = {
                "netuid": netuid,
                "uids": [uid for uid, _ in sealed.row],
                "values": [value for _, value in sealed.row],
                "salt": list(sealed.salt),
                "version_key": sealed.version_key,
            }
            call = Call(PALLET, "reveal_weights", arguments)
            try:
                await self._submitter.submit(
                    partial(_composed, call), hotkey, what="open weights", timeout_s=timeout_s
                )
            except FailedError as failed:
                name = getattr(failed.error, "name", None)
                return refused_by_chain(
                    name, failed.refusal.cause, failed.stage, cure=failed.refusal.cure
                )

        async def ask(reader: BlockReader) -> tuple[int, WeightRow]:
            _, _, stored = await reader.sealed(netuid, hotkey.address)
            return reader.at.number, stored

        read_at, stored = await self._read("give back a row of weights", ask, finalized=True)
        if stored == sealed.row:
            return WeightsOpened(read_at)
        return WeightsRefused(
            RefusalReason.OVERWRITTEN,
            Stage.READ_BACK,
            f"At block {read_at} another row stands than the one that was opened.",
            "Stop the second validator that uses this hotkey.",
        )


async def _composed(call: Call, session: SdkSession) -> Any:
    return await composed(session, call)
