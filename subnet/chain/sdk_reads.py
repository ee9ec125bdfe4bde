"""Reads through the SDK, each parsed once into the interface's types.

Adds to the SDK's decoded dicts their meaning and their ranges: a number that does not fit, a list
of the wrong length, an address that is none, and the read ends in ``BadAnswer`` instead of a wrong
score later. All parts of an answer come from one block, named by hash.

Where items are missing differs between runtimes; the three that old ones lack have a default here.
It knows pallets and runtime APIs by name and opens no connection.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bittensor._transport.errors import StorageFunctionNotFound

from assay.chain.errors import BadAnswer, UnknownSubnet
from assay.chain.interface import (
    COMMITMENT_BYTES_MAX,
    BlockRef,
    Commitment,
    Endpoint,
    EpochTiming,
    Hyperparameters,
    Metagraph,
    Neuron,
    StakePosition,
    SubnetInfo,
    WeightRow,
)
from assay.chain.sdk_session import Session
from assay.chain.weights import Standing
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
    ss58_decode,
)

PALLET: Final = "SubtensorModule"
_GROWTH_MAX: Final = math.log(2**64)
"""Whatever raises even a price of one rao beyond all that there is."""


def _uint(value: Any, question: str, most: int = U64_MAX) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise BadAnswer.to(question, f"{value!r:.60} is not a number from 0 to {most}")
    return value


def _address(value: Any, question: str) -> Ss58:
    try:
        ss58_decode(str(value))
    except ValueError as error:
        raise BadAnswer.to(question, f"{error}") from error
    return Ss58(str(value))


def _list(value: Any, question: str, length: int | None = None) -> list[Any]:
    if not isinstance(value, (list, tuple)) or (length is not None and len(value) != length):
        raise BadAnswer.to(question, f"a list of {length} was expected")
    return list(value)


class Reader:
    """Reads at one block over one session."""

    def __init__(self, session: Session, at: BlockRef) -> None:
        self._session = session
        self.at = at

    async def item(self, name: str, *keys: Any, pallet: str = PALLET) -> Any:
        return await self._session.query(pallet, name, list(keys), block_hash=self.at.hash)

    async def item_or(self, default: Any, name: str, *keys: Any, pallet: str = PALLET) -> Any:
        """Like ``item``; ``default`` on a runtime that has no such item."""
        try:
            value = await self.item(name, *keys, pallet=pallet)
        except (StorageFunctionNotFound, KeyError):
            return default
        return default if value is None else value

    async def number(self, name: str, *keys: Any, most: int = U64_MAX) -> int:
        return _uint(await self.item(name, *keys), name, most)

    async def entries(self, name: str, *keys: Any, pallet: str = PALLET) -> list[tuple[Any, Any]]:
        return list(
            await self._session.query_map(pallet, name, list(keys), block_hash=self.at.hash)
        )

    async def api(self, api: str, method: str, *args: Any) -> Any:
        return await self._session.runtime_call(api, method, list(args), block_hash=self.at.hash)

    # Subnets

    async def exists(self, netuid: int) -> bool:
        return 0 <= netuid <= U16_MAX and bool(await self.item("NetworksAdded", netuid))

    async def need(self, netuid: int) -> None:
        if not await self.exists(netuid):
            raise UnknownSubnet.of(netuid)

    async def netuids(self) -> list[NetUid]:
        """All subnets but root."""
        found = await self.entries("NetworksAdded")
        return sorted(
            NetUid(_uint(netuid, "NetworksAdded", U16_MAX)) for netuid, on in found if on and netuid
        )

    async def alpha_price(self, netuid: int) -> Rao:
        price = await self.api("SwapRuntimeApi", "current_alpha_price", netuid)
        return Rao(_uint(price, "current_alpha_price"))

    async def price_after(self, netuid: int, spent: int) -> Rao:
        await self.need(netuid)
        price, pools, tao, alpha = await asyncio.gather(
            self.alpha_price(netuid),
            self.number("SubnetMechanism", netuid, most=U16_MAX),
            self.number("SubnetTAO", netuid),
            self.number("SubnetAlphaIn", netuid),
        )
        return _raised(price, tao, alpha, spent) if pools else price

    async def subnet_price(self) -> Rao:
        price = await self.api("SubnetRegistrationRuntimeApi", "get_network_registration_cost")
        return Rao(_uint(price, "get_network_registration_cost"))

    async def subnet(self, netuid: int) -> SubnetInfo:
        await self.need(netuid)
        coldkey, hotkey, started, registered, n, limit, tempo, burn, price = await asyncio.gather(
            self.item("SubnetOwner", netuid),
            self.item("SubnetOwnerHotkey", netuid),
            self.item_or(True, "SubtokenEnabled", netuid),
            self.number("NetworkRegisteredAt", netuid),
            self.number("SubnetworkN", netuid, most=U16_MAX),
            self.number("MaxAllowedUids", netuid, most=U16_MAX),
            self.number("Tempo", netuid, most=U16_MAX),
            self.number("Burn", netuid),
            self.alpha_price(netuid),
        )
        return SubnetInfo(
            netuid=NetUid(netuid),
            owner_coldkey=_address(coldkey, "SubnetOwner"),
            owner_hotkey=_address(hotkey, "SubnetOwnerHotkey"),
            registered_at=BlockNumber(registered),
            started=bool(started),
            neurons=n,
            max_uids=limit,
            tempo=tempo,
            registration_price=Rao(burn),
            alpha_price=price,
        )

    async def hyperparameters(self, netuid: int) -> Hyperparameters:
        await self.need(netuid)
        return await self._settings(netuid)

    async def _settings(self, netuid: int) -> Hyperparameters:
        (
            tempo,
            version,
            least,
            largest,
            rate,
            sealed,
            uids,
            immune,
            serving,
            open_,
            burn,
            floor,
        ) = await asyncio.gather(
            self.number("Tempo", netuid, most=U16_MAX),
            self.number("WeightsVersionKey", netuid),
            self.number("MinAllowedWeights", netuid, most=U16_MAX),
            self.number("MaxWeightsLimit", netuid, most=U16_MAX),
            self.number("WeightsSetRateLimit", netuid),
            self.item("CommitRevealWeightsEnabled", netuid),
            self.number("MaxAllowedUids", netuid, most=U16_MAX),
            self.number("ImmunityPeriod", netuid),
            self.number("ServingRateLimit", netuid),
            self.item("NetworkRegistrationAllowed", netuid),
            self.number("Burn", netuid),
            self.item_or(0, "StakeThreshold"),
        )
        return Hyperparameters(
            tempo=tempo,
            weights_version=version,
            min_allowed_weights=least,
            max_weight_limit=U16Weight(largest),
            weights_rate_limit_blocks=rate,
            commit_reveal=bool(sealed),
            max_uids=uids,
            immunity_blocks=immune,
            serving_rate_limit_blocks=serving,
            registration_allowed=bool(open_),
            registration_price=Rao(burn),
            stake_threshold=_uint(floor, "StakeThreshold"),
        )

    async def _epoch(self, netuid: int) -> EpochTiming:
        index, last, pending, tempo = await asyncio.gather(
            self.number("SubnetEpochIndex", netuid),
            self.number("LastEpochBlock", netuid),
            self.number("PendingEpochAt", netuid),
            self.number("Tempo", netuid, most=U16_MAX),
        )
        due = last + tempo
        return EpochTiming(
            index=index,
            last_block=BlockNumber(last),
            next_block=BlockNumber(min(due, pending) if pending else due),
            tempo=tempo,
        )

    async def metagraph(self, netuid: int) -> Metagraph:
        # One read first: it lets the SDK learn this block's runtime once, not once a read below.
        await self.need(netuid)
        graph, trust, epoch, settings, price = await asyncio.gather(
            self.api("SubnetInfoRuntimeApi", "get_metagraph", netuid),
            self.item_or([], "ValidatorTrust", netuid),
            self._epoch(netuid),
            self._settings(netuid),
            self.alpha_price(netuid),
        )
        if graph is None:
            raise UnknownSubnet.of(netuid)
        if not isinstance(graph, dict):
            raise BadAnswer.to("get_metagraph", "a record was expected")
        return Metagraph(
            netuid=NetUid(netuid),
            at=self.at,
            owner_coldkey=_address(graph.get("owner_coldkey"), "get_metagraph"),
            owner_hotkey=_address(graph.get("owner_hotkey"), "get_metagraph"),
            max_uids=settings.max_uids,
            neurons=_neurons(graph, _list(trust, "ValidatorTrust")),
            epoch=epoch,
            settings=settings,
            alpha_price=price,
        )

    # Neurons

    async def uid(self, netuid: int, hotkey: str) -> Uid | None:
        found = await self.item("Uids", netuid, hotkey)
        return None if found is None else Uid(_uint(found, "Uids", U16_MAX))

    async def row(self, netuid: int, uid: int) -> WeightRow:
        return _row(await self.item("Weights", netuid, uid))

    async def rows(self, netuid: int) -> Mapping[Uid, WeightRow]:
        await self.need(netuid)
        found = await self.entries("Weights", netuid)
        rows = {Uid(_uint(uid, "Weights", U16_MAX)): _row(row) for uid, row in found}
        return {uid: row for uid, row in sorted(rows.items()) if row}

    async def standing(self, netuid: int, hotkey: str) -> Standing:
        """All that decides whether the hotkey may set weights, from this one block."""
        graph = await self.metagraph(netuid)
        round_ = await self.item_or(0, "LastStoredRound", pallet="Drand")
        neuron = graph.by_hotkey(hotkey)
        return Standing(
            netuid=netuid,
            hotkey=hotkey,
            at=self.at,
            n=graph.n,
            uid=neuron.uid if neuron else None,
            owner=graph.owner_hotkey == hotkey,
            permit=neuron is not None and neuron.validator_permit,
            total_stake=neuron.total_stake if neuron else 0,
            last_update=neuron.last_update if neuron else 0,
            settings=graph.settings,
            beacon=bool(round_),
        )

    async def commitment(self, netuid: int, hotkey: str) -> Commitment | None:
        await self.need(netuid)
        found = await self.item("CommitmentOf", netuid, hotkey, pallet="Commitments")
        return None if found is None else _commitment(found)

    async def commitments(self, netuid: int) -> Mapping[Ss58, Commitment]:
        await self.need(netuid)
        found = await self.entries("CommitmentOf", netuid, pallet="Commitments")
        read = {_address(hotkey, "CommitmentOf"): _commitment(held) for hotkey, held in found}
        return {hotkey: held for hotkey, held in read.items() if held is not None}

    # Money

    async def balance(self, address: str) -> Rao:
        account = await self.item("Account", address, pallet="System")
        if not isinstance(account, dict) or not isinstance(account.get("data"), dict):
            raise BadAnswer.to("System.Account", "an account's record was expected")
        return Rao(_uint(account["data"].get("free"), "System.Account"))

    async def stake(self, hotkey: str, coldkey: str, netuid: int) -> AlphaRao:
        found = await self.api(
            "StakeInfoRuntimeApi",
            "get_stake_info_for_hotkey_coldkey_netuid",
            hotkey,
            coldkey,
            netuid,
        )
        if found is None:
            return AlphaRao(0)
        return AlphaRao(_uint(found.get("stake"), "get_stake_info"))

    async def stakes(self, coldkey: str) -> Sequence[StakePosition]:
        found = await self.api("StakeInfoRuntimeApi", "get_stake_info_for_coldkey", coldkey)
        question = "get_stake_info_for_coldkey"
        positions = [
            StakePosition(
                hotkey=_address(held.get("hotkey"), question),
                coldkey=_address(held.get("coldkey"), question),
                netuid=NetUid(_uint(held.get("netuid"), question, U16_MAX)),
                alpha=AlphaRao(_uint(held.get("stake"), question)),
            )
            for held in _list(found or [], question)
        ]
        return sorted((p for p in positions if p.alpha), key=lambda p: (p.hotkey, p.netuid))


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


def _neurons(graph: Mapping[str, Any], trust: list[Any]) -> tuple[Neuron, ...]:
    question = "get_metagraph"
    hotkeys = _list(graph.get("hotkeys"), question)
    n = len(hotkeys)

    def column(name: str) -> list[Any]:
        return _list(graph.get(name), f"{question} ({name})", n)

    def numbers(name: str, most: int = U64_MAX) -> list[int]:
        return [_uint(value, f"{question} ({name})", most) for value in column(name)]

    coldkeys, axons = column("coldkeys"), column("axons")
    permits, active = column("validator_permit"), column("active")
    alpha, total = numbers("alpha_stake"), numbers("total_stake")
    updated, registered = numbers("last_update"), numbers("block_at_registration")
    incentive, dividends = numbers("incentives", U16_MAX), numbers("dividends", U16_MAX)
    consensus, emission = numbers("consensus", U16_MAX), numbers("emission")
    # Written by the epoch, so it is shorter than the rest until the next one has run.
    trusted = [_uint(value, "ValidatorTrust", U16_MAX) for value in trust[:n]]
    trusted += [0] * (n - len(trusted))
    return tuple(
        Neuron(
            uid=Uid(uid),
            hotkey=_address(hotkeys[uid], question),
            coldkey=_address(coldkeys[uid], question),
            alpha_stake=AlphaRao(alpha[uid]),
            total_stake=total[uid],
            validator_permit=bool(permits[uid]),
            active=bool(active[uid]),
            last_update=BlockNumber(updated[uid]),
            block_at_registration=BlockNumber(registered[uid]),
            axon=_endpoint(axons[uid]),
            incentive=U16Weight(incentive[uid]),
            dividends=U16Weight(dividends[uid]),
            consensus=U16Weight(consensus[uid]),
            validator_trust=U16Weight(trusted[uid]),
            emission=AlphaRao(emission[uid]),
        )
        for uid in range(n)
    )


def _endpoint(axon: Any) -> Endpoint | None:
    if not isinstance(axon, dict) or not axon.get("ip") or not axon.get("port"):
        return None
    number = _uint(axon["ip"], "an axon's address", 2**128 - 1)
    port = _uint(axon["port"], "an axon's port", U16_MAX)
    try:
        # Anyone may publish nonsense here; one such axon must not hide the others.
        host = ipaddress.IPv6Address(number) if axon.get("ip_type") == 6 else _ipv4(number)
    except ipaddress.AddressValueError:
        return None
    return Endpoint(str(host), port)


def _ipv4(number: int) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(number)


def _row(stored: Any) -> WeightRow:
    pairs = []
    for pair in _list(stored or [], "Weights"):
        uid, weight = _list(pair, "Weights", 2)
        pairs.append((Uid(_uint(uid, "Weights", U16_MAX)), _uint(weight, "Weights", U16_MAX)))
    return tuple((uid, U16Weight(weight)) for uid, weight in sorted(pairs) if weight)


def _commitment(held: Any) -> Commitment | None:
    """The raw fields of a record, joined; None where it holds no raw field (sealed, or a hash)."""
    if not isinstance(held, dict):
        raise BadAnswer.to("CommitmentOf", "a record was expected")
    data, raw = b"", False
    for field in _list((held.get("info") or {}).get("fields"), "CommitmentOf"):
        for variant, value in field.items() if isinstance(field, dict) else [(field, "")]:
            if isinstance(variant, str) and variant.startswith("Raw"):
                raw = True
                data += _bytes(value)
    if not raw or len(data) > 3 * COMMITMENT_BYTES_MAX:  # a record has at most three fields
        return None
    return Commitment(data, BlockNumber(_uint(held.get("block"), "CommitmentOf")))


def _bytes(value: Any) -> bytes:
    """A decoded ``[u8; N]``: 0x and hex digits by the SDK's rule, and a list where N is 0."""
    try:
        return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else bytes(value)
    except (TypeError, ValueError) as error:
        raise BadAnswer.to("CommitmentOf", "a raw field holds no bytes") from error
