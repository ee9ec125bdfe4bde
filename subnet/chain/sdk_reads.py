"""What a neuron asks of a chain, as storage items and runtime APIs of one block.

``BlockReader`` takes the state of one block and answers in the interface's types. Whatever an
answer needs of storage is read in one batch, so that a metagraph with its settings, its epoch
timing, its price and the commitments of its hotkeys takes three requests whatever the number of
neurons: one batch of storage, the metagraph's runtime API and the price's.

Items that old runtimes lack have a default here. This module knows pallets and runtime APIs by
name; it opens no connection and does not know how values are encoded.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from assay.chain.errors import BadAnswer, UnknownSubnet
from assay.chain.interface import (
    BlockRef,
    Commitment,
    Endpoint,
    EpochTiming,
    Hyperparameters,
    Metagraph,
    Moment,
    StakePosition,
    SubnetInfo,
    WeightRow,
)
from assay.chain.sdk_block import REQUIRED, BlockState, Item, StateSource, read_at
from assay.chain.sdk_parse import (
    address,
    commitment_of,
    commits_of,
    endpoint_of,
    flags,
    follows_quicknet,
    listed,
    neurons_of,
    row_of,
    uint,
)
from assay.chain.weights import WeightRights
from assay.types import (
    RAO_PER_TAO,
    U16_MAX,
    U64_MAX,
    AlphaRao,
    BlockNumber,
    NetUid,
    Rao,
    Ss58,
    U16Weight,
    Uid,
)

T = TypeVar("T")

PALLET: Final = "SubtensorModule"
_GROWTH_MAX: Final = math.log(2**64)
"""Whatever raises even a price of one rao beyond all that there is."""

_SETTINGS: Final[Mapping[str, int]] = {
    "Tempo": U16_MAX,
    "WeightsVersionKey": U64_MAX,
    "MinAllowedWeights": U16_MAX,
    "MaxWeightsLimit": U16_MAX,
    "WeightsSetRateLimit": U64_MAX,
    "MaxAllowedUids": U16_MAX,
    "ImmunityPeriod": U64_MAX,
    "ServingRateLimit": U64_MAX,
    "Burn": U64_MAX,
}
"""A subnet's settings that are numbers, each with the largest value of its type on the chain."""
_SWITCHES: Final = ("CommitRevealWeightsEnabled", "NetworkRegistrationAllowed")
_TIMING: Final = ("SubnetEpochIndex", "LastEpochBlock", "PendingEpochAt")
_DESCRIPTION: Final[Mapping[str, int]] = {
    "NetworkRegisteredAt": U64_MAX,
    "SubnetworkN": U16_MAX,
    "MaxAllowedUids": U16_MAX,
    "Tempo": U16_MAX,
    "Burn": U64_MAX,
}
_OWNERS: Final = ("SubnetOwner", "SubnetOwnerHotkey")


class Batch:
    """Storage items of one block, read in one request and taken out by name and keys."""

    def __init__(self, state: BlockState) -> None:
        self._state = state
        self._wanted: dict[tuple[str, str, tuple[Any, ...]], Item] = {}
        self._found: dict[tuple[str, str, tuple[Any, ...]], Any] = {}

    def want(self, name: str, *keys: Any, pallet: str = PALLET, default: Any = REQUIRED) -> None:
        """Ask for one item more. ``default``: where the runtime or the state does not have it."""
        self._wanted[pallet, name, keys] = Item(pallet, name, keys, default)

    def want_settings(self, netuid: int) -> None:
        """Ask for whether the subnet exists, and for all that ``settings`` takes out."""
        for name in (*_SETTINGS, *_SWITCHES, "NetworksAdded"):
            self.want(name, netuid)
        self.want("StakeThreshold", default=0)

    def want_epoch(self, netuid: int) -> None:
        """Ask for all that ``epoch`` takes out, but for the settings."""
        for name in _TIMING:
            self.want(name, netuid)

    async def read(self) -> None:
        """Make the request."""
        values = await self._state.items(self._wanted.values())
        self._found = dict(zip(self._wanted, values, strict=True))

    def value(self, name: str, *keys: Any, pallet: str = PALLET) -> Any:
        return self._found[pallet, name, keys]

    def number(self, name: str, *keys: Any, most: int = U64_MAX, pallet: str = PALLET) -> int:
        return uint(self.value(name, *keys, pallet=pallet), name, most)

    def need(self, netuid: int) -> None:
        """``UnknownSubnet`` if there is none."""
        if not self.value("NetworksAdded", netuid):
            raise UnknownSubnet.of(netuid)

    def settings(self, netuid: int) -> Hyperparameters:
        number = {name: self.number(name, netuid, most=top) for name, top in _SETTINGS.items()}
        return Hyperparameters(
            tempo=number["Tempo"],
            weights_version=number["WeightsVersionKey"],
            min_allowed_weights=number["MinAllowedWeights"],
            max_weight_limit=U16Weight(number["MaxWeightsLimit"]),
            weights_rate_limit_blocks=number["WeightsSetRateLimit"],
            commit_reveal=bool(self.value("CommitRevealWeightsEnabled", netuid)),
            max_uids=number["MaxAllowedUids"],
            immunity_blocks=number["ImmunityPeriod"],
            serving_rate_limit_blocks=number["ServingRateLimit"],
            registration_allowed=bool(self.value("NetworkRegistrationAllowed", netuid)),
            registration_price=Rao(number["Burn"]),
            stake_threshold=self.number("StakeThreshold"),
        )

    def epoch(self, netuid: int) -> EpochTiming:
        index, last, pending = (self.number(name, netuid) for name in _TIMING)
        tempo = self.number("Tempo", netuid, most=U16_MAX)
        due = last + tempo
        return EpochTiming(
            index=index,
            last_block=BlockNumber(last),
            next_block=BlockNumber(min(due, pending) if pending else due),
            tempo=tempo,
        )


class BlockReader:
    """Answers from the state of one block."""

    def __init__(self, state: BlockState, hash_: str) -> None:
        self._state = state
        self._hash = hash_

    @property
    def at(self) -> BlockRef:
        """The block, once something of its storage was read."""
        return BlockRef(BlockNumber(self._state.number), self._hash)

    def _batch(self) -> Batch:
        return Batch(self._state)

    async def item(
        self, name: str, *keys: Any, pallet: str = PALLET, default: Any = REQUIRED
    ) -> Any:
        return await self._state.item(Item(pallet, name, keys, default))

    async def named(self, name: str, keys: Sequence[object]) -> object:
        """The item "Pallet.Item" under ``keys``; ``BadQuery`` for what the metadata lacks."""
        return await self._state.item(self._state.described(name, keys))

    async def _of_subnet(self, netuid: int, name: str, *keys: Any, pallet: str = PALLET) -> Any:
        """One item of a subnet; ``UnknownSubnet`` if there is none."""
        _need_netuid(netuid)
        batch = self._batch()
        batch.want("NetworksAdded", netuid)
        batch.want(name, *keys, pallet=pallet, default=None)
        await batch.read()
        batch.need(netuid)
        return batch.value(name, *keys, pallet=pallet)

    # Subnets

    async def exists(self, netuid: int) -> bool:
        return 0 <= netuid <= U16_MAX and bool(await self.item("NetworksAdded", netuid))

    async def need(self, netuid: int) -> None:
        if not await self.exists(netuid):
            raise UnknownSubnet.of(netuid)

    async def alpha_price(self, netuid: int) -> Rao:
        price = await self._state.call("SwapRuntimeApi", "current_alpha_price", netuid)
        return Rao(uint(price, "current_alpha_price"))

    async def price_after(self, netuid: int, spent: int) -> Rao:
        _need_netuid(netuid)
        batch = self._batch()
        for name in ("NetworksAdded", "SubnetMechanism", "SubnetTAO", "SubnetAlphaIn"):
            batch.want(name, netuid)
        await batch.read()
        batch.need(netuid)
        price = await self.alpha_price(netuid)
        if not batch.number("SubnetMechanism", netuid, most=U16_MAX):
            return price
        tao, alpha = batch.number("SubnetTAO", netuid), batch.number("SubnetAlphaIn", netuid)
        return _raised(price, tao, alpha, spent)

    async def subnet_price(self) -> Rao:
        price = await self._state.call(
            "SubnetRegistrationRuntimeApi", "get_network_registration_cost"
        )
        return Rao(uint(price, "get_network_registration_cost"))

    async def subnets(self) -> list[SubnetInfo]:
        """All subnets but root."""
        found = await self._state.entries(PALLET, "NetworksAdded")
        netuids = sorted(
            uint(netuid, "NetworksAdded", U16_MAX) for netuid, on in found if on and netuid
        )
        batch = self._batch()
        for netuid in netuids:
            _want_description(batch, netuid)
        told, _ = await asyncio.gather(
            self._state.call("SwapRuntimeApi", "current_alpha_price_all"), batch.read()
        )
        question = "current_alpha_price_all"
        prices = {
            uint(each.get("netuid"), question, U16_MAX): uint(each.get("price"), question)
            for each in listed(told, question)
            if isinstance(each, dict)
        }
        if missing := [netuid for netuid in netuids if netuid not in prices]:
            raise BadAnswer.to(question, f"it has no price of subnet {missing[0]}")
        return [_described(batch, netuid, Rao(prices[netuid])) for netuid in netuids]

    async def subnet(self, netuid: int) -> SubnetInfo:
        _need_netuid(netuid)
        batch = self._batch()
        _want_description(batch, netuid)
        price, _ = await asyncio.gather(self.alpha_price(netuid), batch.read())
        batch.need(netuid)
        return _described(batch, netuid, price)

    async def hyperparameters(self, netuid: int) -> Hyperparameters:
        _need_netuid(netuid)
        batch = self._batch()
        batch.want_settings(netuid)
        await batch.read()
        batch.need(netuid)
        return batch.settings(netuid)

    async def metagraph(self, netuid: int) -> Metagraph:
        return (await self._moment(netuid, with_commitments=False)).metagraph

    async def moment(self, netuid: int) -> Moment:
        """The metagraph, and the commitments of its hotkeys."""
        return await self._moment(netuid, with_commitments=True)

    async def _moment(self, netuid: int, *, with_commitments: bool) -> Moment:
        _need_netuid(netuid)
        graph, price = await asyncio.gather(
            self._state.call("SubnetInfoRuntimeApi", "get_metagraph", netuid),
            self.alpha_price(netuid),
        )
        if graph is None:
            raise UnknownSubnet.of(netuid)
        if not isinstance(graph, dict):
            raise BadAnswer.to("get_metagraph", "a record was expected")
        batch = self._batch()
        batch.want_settings(netuid)
        batch.want_epoch(netuid)
        batch.want("ValidatorTrust", netuid, default=[])
        for hotkey in listed(graph.get("hotkeys"), "get_metagraph") if with_commitments else ():
            who = address(hotkey, "get_metagraph")
            batch.want("CommitmentOf", netuid, who, pallet="Commitments", default=None)
        await batch.read()
        settings = batch.settings(netuid)
        metagraph = Metagraph(
            netuid=NetUid(netuid),
            at=self.at,
            owner_coldkey=address(graph.get("owner_coldkey"), "get_metagraph"),
            owner_hotkey=address(graph.get("owner_hotkey"), "get_metagraph"),
            max_uids=settings.max_uids,
            neurons=neurons_of(
                graph, listed(batch.value("ValidatorTrust", netuid), "ValidatorTrust")
            ),
            epoch=batch.epoch(netuid),
            settings=settings,
            alpha_price=price,
        )
        held = {
            neuron.hotkey: commitment_of(found)
            for neuron in (metagraph.neurons if with_commitments else ())
            if (found := batch.value("CommitmentOf", netuid, neuron.hotkey, pallet="Commitments"))
            is not None
        }
        commitments = {hotkey: said for hotkey, said in held.items() if said is not None}
        return Moment(metagraph.at, metagraph, commitments)

    # Neurons

    async def uid(self, netuid: int, hotkey: str) -> Uid | None:
        found = await self.item("Uids", netuid, hotkey)
        return None if found is None else Uid(uint(found, "Uids", U16_MAX))

    async def axon(self, netuid: int, hotkey: str) -> tuple[Uid | None, Endpoint | None]:
        """The hotkey's uid, and where it says that its axon listens."""
        _need_netuid(netuid)
        batch = self._batch()
        batch.want("NetworksAdded", netuid)
        batch.want("Uids", netuid, hotkey, default=None)
        batch.want("Axons", netuid, hotkey, default=None)
        await batch.read()
        batch.need(netuid)
        uid = batch.value("Uids", netuid, hotkey)
        axon = endpoint_of(batch.value("Axons", netuid, hotkey))
        return None if uid is None else Uid(uint(uid, "Uids", U16_MAX)), axon

    async def row(self, netuid: int, uid: int, hotkey: str) -> tuple[WeightRow, Uid | None]:
        """The row that stands at the uid, and the uid that the hotkey holds."""
        batch = self._batch()
        batch.want("Weights", netuid, uid)
        batch.want("Uids", netuid, hotkey, default=None)
        await batch.read()
        held = batch.value("Uids", netuid, hotkey)
        row = row_of(batch.value("Weights", netuid, uid))
        return row, None if held is None else Uid(uint(held, "Uids", U16_MAX))

    async def sealed(
        self, netuid: int, hotkey: str
    ) -> tuple[EpochTiming, Mapping[str, int], WeightRow]:
        """The subnet's epoch, the epoch in which each hash that ``hotkey`` committed can be opened,
        and the row that stands at its uid."""
        _need_netuid(netuid)
        batch = self._batch()
        batch.want("Tempo", netuid)
        batch.want_epoch(netuid)
        batch.want("RevealPeriodEpochs", netuid)
        batch.want("Uids", netuid, hotkey, default=None)
        batch.want("WeightCommits", netuid, hotkey, default=None)
        await batch.read()
        period = batch.number("RevealPeriodEpochs", netuid)
        opens = commits_of(batch.value("WeightCommits", netuid, hotkey))
        uid = batch.value("Uids", netuid, hotkey)
        row: WeightRow = ()
        if uid is not None:
            row = row_of(await self.item("Weights", netuid, uint(uid, "Uids", U16_MAX)))
        return batch.epoch(netuid), {hash_: at + period for hash_, at in opens.items()}, row

    async def rows(self, netuid: int) -> Mapping[Uid, WeightRow]:
        await self.need(netuid)
        found = await self._state.entries(PALLET, "Weights", netuid)
        rows = {Uid(uint(uid, "Weights", U16_MAX)): row_of(row) for uid, row in found}
        return {uid: row for uid, row in sorted(rows.items()) if row}

    async def rights(self, netuid: int, hotkey: str) -> WeightRights:
        """All that decides whether the hotkey may set weights: one request where the subnet asks
        for no stake, and two where it does."""
        _need_netuid(netuid)
        batch = self._batch()
        batch.want_settings(netuid)
        batch.want_epoch(netuid)
        for name in ("SubnetOwnerHotkey", "SubnetworkN", "ValidatorPermit", "LastUpdate"):
            batch.want(name, netuid)
        batch.want("Uids", netuid, hotkey, default=None)
        batch.want("LastStoredRound", pallet="Drand", default=0)
        batch.want("BeaconConfig", pallet="Drand", default=None)
        await batch.read()
        batch.need(netuid)
        settings = batch.settings(netuid)
        held = batch.value("Uids", netuid, hotkey)
        uid = None if held is None else Uid(uint(held, "Uids", U16_MAX))
        permits = flags(batch.value("ValidatorPermit", netuid), "ValidatorPermit")
        updates = listed(batch.value("LastUpdate", netuid), "LastUpdate")
        stake = 0
        if uid is not None and settings.stake_threshold:
            neuron = (await self.metagraph(netuid)).by_hotkey(hotkey)
            stake = neuron.total_stake if neuron else 0
        return WeightRights(
            netuid=netuid,
            hotkey=hotkey,
            at=self.at,
            n=batch.number("SubnetworkN", netuid, most=U16_MAX),
            uid=uid,
            owner=batch.value("SubnetOwnerHotkey", netuid) == hotkey,
            permit=uid is not None and uid < len(permits) and permits[uid],
            total_stake=stake,
            last_update=(
                uint(updates[uid], "LastUpdate") if uid is not None and uid < len(updates) else 0
            ),
            settings=settings,
            beacon=bool(batch.value("LastStoredRound", pallet="Drand"))
            and follows_quicknet(batch.value("BeaconConfig", pallet="Drand")),
            next_epoch=batch.epoch(netuid).next_block,
        )

    async def commitment(self, netuid: int, hotkey: str) -> Commitment | None:
        found = await self._of_subnet(netuid, "CommitmentOf", netuid, hotkey, pallet="Commitments")
        return None if found is None else commitment_of(found)

    async def commitments(self, netuid: int) -> Mapping[Ss58, Commitment]:
        await self.need(netuid)
        found = await self._state.entries("Commitments", "CommitmentOf", netuid)
        read = {address(hotkey, "CommitmentOf"): commitment_of(held) for hotkey, held in found}
        return {hotkey: held for hotkey, held in read.items() if held is not None}

    # Money

    async def balance(self, account: str) -> Rao:
        found = await self.item("Account", account, pallet="System")
        if not isinstance(found, dict) or not isinstance(found.get("data"), dict):
            raise BadAnswer.to("System.Account", "an account's record was expected")
        return Rao(uint(found["data"].get("free"), "System.Account"))

    async def stake(self, hotkey: str, coldkey: str, netuid: int) -> AlphaRao:
        found = await self._state.call(
            "StakeInfoRuntimeApi",
            "get_stake_info_for_hotkey_coldkey_netuid",
            hotkey,
            coldkey,
            netuid,
        )
        if found is None:
            return AlphaRao(0)
        return AlphaRao(uint(found.get("stake"), "get_stake_info"))

    async def stakes(self, coldkey: str) -> Sequence[StakePosition]:
        question = "get_stake_info_for_coldkey"
        found = await self._state.call("StakeInfoRuntimeApi", question, coldkey)
        positions = [
            StakePosition(
                hotkey=address(held.get("hotkey"), question),
                coldkey=address(held.get("coldkey"), question),
                netuid=NetUid(uint(held.get("netuid"), question, U16_MAX)),
                alpha=AlphaRao(uint(held.get("stake"), question)),
            )
            for held in listed(found or [], question)
        ]
        return sorted((p for p in positions if p.alpha), key=lambda p: (p.hotkey, p.netuid))


async def read_block(
    source: StateSource, hash_: str, ask: Callable[[BlockReader], Awaitable[T]]
) -> T:
    """The answer of ``ask`` at one block, decoded by the block's own runtime."""
    return await read_at(source, hash_, lambda state: ask(BlockReader(state, hash_)))


def _need_netuid(netuid: int) -> None:
    """``UnknownSubnet`` for what cannot be the number of a subnet."""
    if not 0 <= netuid <= U16_MAX:
        raise UnknownSubnet.of(netuid)


def _want_description(batch: Batch, netuid: int) -> None:
    for name in (*_OWNERS, *_DESCRIPTION, "NetworksAdded"):
        batch.want(name, netuid)
    batch.want("SubtokenEnabled", netuid, default=True)


def _described(batch: Batch, netuid: int, price: Rao) -> SubnetInfo:
    coldkey, hotkey = (address(batch.value(name, netuid), name) for name in _OWNERS)
    number = {name: batch.number(name, netuid, most=top) for name, top in _DESCRIPTION.items()}
    return SubnetInfo(
        netuid=NetUid(netuid),
        owner_coldkey=coldkey,
        owner_hotkey=hotkey,
        registered_at=BlockNumber(number["NetworkRegisteredAt"]),
        started=bool(batch.value("SubtokenEnabled", netuid)),
        neurons=number["SubnetworkN"],
        max_uids=number["MaxAllowedUids"],
        tempo=number["Tempo"],
        registration_price=Rao(number["Burn"]),
        alpha_price=price,
    )


def _raised(price: Rao, tao: int, alpha: int, spent: int) -> Rao:
    """What one alpha of a pool costs once ``spent`` has joined its TAO.

    Of a pool with the weights u (TAO) and v (alpha), the price is v/u · TAO/alpha, so the reserves
    and the price tell the weights; and a trade keeps TAO^u · alpha^v, so that it raises the price
    by the power 1 + u/v of what it raises the TAO by. Its fee stays outside the pool and is left
    out here: the price that is foreseen is above the true one by no more than that.
    """
    if not (price and tao and alpha):
        return Rao(U64_MAX)  # nothing can be bought of it
    growth = (1 + tao / alpha * RAO_PER_TAO / price) * math.log1p(spent / tao)
    return Rao(min(round(price * math.exp(min(growth, _GROWTH_MAX))), U64_MAX))
