"""How the fake chain's clients set weights, in clear and sealed by a hash.

Adds to ``weights.preflight`` what the fake's blocks decide: a row is stored or a hash noted, in the
order of the pool, and a sealed row is opened in its epoch alone. Hashes are kept among the values
that the state stores by item and keys, under the chain's own item. There is no beacon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

from assay.chain import fake_state as calls
from assay.chain.errors import ChainRefused, UnknownSubnet
from assay.chain.fake_state import FakeState
from assay.chain.fake_views import weight_rights_of
from assay.chain.interface import (
    BlockRef,
    Receipt,
    RefusalReason,
    RevealOutcome,
    Stage,
    WeightRow,
    WeightsOutcome,
    WeightsRefused,
    WeightsSet,
)
from assay.chain.sealing import RowSeal, SealedRow, WeightsOpened, WeightsSealed, seal
from assay.chain.weights import preflight, refused_by_chain, still_sealed
from assay.types import Signer, Ss58, Uid

_COMMITS: Final = "SubtensorModule.WeightCommits"


class FakeBlocks(Protocol):
    """What is needed of a client of the fake chain."""

    def state(self, *, finalized: bool) -> tuple[FakeState, BlockRef]: ...

    async def write(
        self, apply: Callable[[FakeState, int], tuple[FakeState, Any]], timeout_s: float | None
    ) -> tuple[Any, Receipt]: ...


class FakeWeights:
    """Sets and opens weights over one client's view of the fake chain."""

    def __init__(self, blocks: FakeBlocks) -> None:
        self._blocks = blocks

    async def set(
        self,
        netuid: int,
        hotkey: Signer,
        weights: Mapping[Uid, float],
        version_key: int,
        sealing: RowSeal | None,
        timeout_s: float | None,
    ) -> WeightsOutcome:
        """As ``Chain.set_weights``."""
        address = hotkey.address
        state, head = self._blocks.state(finalized=False)
        try:
            rights = weight_rights_of(state, state.subnet(netuid), address, head)
        except UnknownSubnet as error:
            return WeightsRefused(
                RefusalReason.UNKNOWN_SUBNET, Stage.PREFLIGHT, error.cause, error.cure
            )
        row = preflight(rights, weights, version_key, may_seal=sealing is not None)
        if isinstance(row, WeightsRefused):
            return row
        if rights.settings.commit_reveal and sealing is None:
            return WeightsRefused(
                RefusalReason.OTHER,
                Stage.PREFLIGHT,
                "The fake chain has no beacon to seal weights for.",
                "Give the means to seal a row by its hash.",
            )
        try:
            if rights.settings.commit_reveal and sealing is not None:
                return await self._seal(netuid, address, row, version_key, sealing, timeout_s)
            _, receipt = await self._blocks.write(
                lambda state, block: calls.set_row(state, block, netuid, address, row), timeout_s
            )
        except ChainRefused as refusal:
            reason = RefusalReason.NOT_REGISTERED
            return WeightsRefused(reason, Stage.DISPATCH, refusal.cause, refusal.cure)
        state, read_at = self._blocks.state(finalized=True)
        if state.subnet(netuid).rows.get(rights.uid or Uid(0)) != row:
            return WeightsRefused(
                RefusalReason.OVERWRITTEN,
                Stage.READ_BACK,
                "Another row stood at this uid when it was read back.",
                "Read the metagraph and set the weights again.",
            )
        return WeightsSet(receipt, read_at, row)

    async def _seal(
        self,
        netuid: int,
        address: str,
        row: WeightRow,
        version_key: int,
        sealing: RowSeal,
        timeout_s: float | None,
    ) -> WeightsSealed:
        sealed = seal(Ss58(address), netuid, row, version_key, sealing.salt)
        sealing.keep(sealed)
        epoch, _ = await self._blocks.write(
            lambda state, block: _commit(state, block, netuid, address, sealed.hash), timeout_s
        )
        state, _ = self._blocks.state(finalized=True)
        return WeightsSealed(sealed, epoch + state.rules.reveal_period_epochs)

    async def reveal(
        self, netuid: int, hotkey: Signer, sealed: SealedRow, timeout_s: float | None
    ) -> RevealOutcome:
        """As ``Chain.reveal_weights``."""
        address = hotkey.address
        state, head = self._blocks.state(finalized=False)
        subnet = state.subnet(netuid)
        uid = subnet.uid_of(address)
        if uid is not None and subnet.rows.get(uid) == sealed.row:
            return WeightsOpened(head.number)
        period = state.rules.reveal_period_epochs
        opens = {hash_: epoch + period for hash_, epoch in _commits(state, netuid, address)}
        waits = still_sealed(sealed, opens, subnet.epoch_index)
        if waits is not None:
            return waits
        try:
            await self._blocks.write(
                lambda state, block: _reveal(state, block, netuid, address, sealed), timeout_s
            )
        except ChainRefused as refusal:
            return refused_by_chain(refusal.reason, refusal.cause, Stage.DISPATCH)
        return WeightsOpened(self._blocks.state(finalized=True)[1].number)


def _commits(state: FakeState, netuid: int, hotkey: str) -> tuple[tuple[str, int], ...]:
    """The hashes that ``hotkey`` committed and did not open, each with the epoch of its commit."""
    found: Any = state.stored.get((_COMMITS, (netuid, hotkey)), ())
    return tuple(found)


def _commit(
    state: FakeState, block: int, netuid: int, hotkey: str, hash_: str
) -> tuple[FakeState, int]:
    """Note a hash in the running epoch, whose index is returned; a commit is a sign of life."""
    subnet = state.subnet(netuid)
    uid = subnet.need_uid(hotkey)
    slot = replace(subnet.slots[uid], last_update=block)
    state = state.with_subnet(subnet.with_slot(uid, slot))
    kept = (*_commits(state, netuid, hotkey), (hash_, subnet.epoch_index))
    return state.with_stored(_COMMITS, (netuid, hotkey), kept), subnet.epoch_index


def _reveal(
    state: FakeState, block: int, netuid: int, hotkey: str, sealed: SealedRow
) -> tuple[FakeState, None]:
    """Store the row of a hash whose epoch it is; older hashes go with it."""
    subnet = state.subnet(netuid)
    kept = _commits(state, netuid, hotkey)
    hashes = [hash_ for hash_, _ in kept]
    if sealed.hash not in hashes:
        raise ChainRefused("No such commit.", "Commit first.", "NoWeightsCommitFound")
    at = hashes.index(sealed.hash)
    if kept[at][1] + state.rules.reveal_period_epochs != subnet.epoch_index:
        raise ChainRefused("It is not its epoch.", "Wait for it.", "RevealTooEarly")
    state = state.with_stored(_COMMITS, (netuid, hotkey), kept[at + 1 :])
    uid = subnet.need_uid(hotkey)
    subnet = replace(subnet, rows={**subnet.rows, uid: sealed.row})
    return state.with_subnet(subnet), None
