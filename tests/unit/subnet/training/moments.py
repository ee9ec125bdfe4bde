"""Moments of a chain, written down by hand: who is on the subnet, and what each has published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from assay.chain.errors import UnknownBlock
from assay.chain.fake_state import LOCAL_SETTINGS
from assay.chain.interface import (
    BlockRef,
    Commitment,
    Endpoint,
    EpochTiming,
    Metagraph,
    Moment,
    Neuron,
)
from assay.neuron.record import NeuronRecord, Role
from assay.types import AlphaRao, BlockNumber, NetUid, Rao, Ss58, U16Weight, Uid


@dataclass(frozen=True)
class Row:
    """One neuron: ``data`` is what its task publishes."""

    hotkey: str
    role: Role = Role.MINER
    data: bytes | None = None
    stake: int = 0
    permit: bool = False
    incentive: int = 0
    addressed: bool = True


def moment(number: int, rows: list[Row]) -> Moment:
    """The block ``number`` of a subnet with these neurons, by uid."""
    at = BlockRef(BlockNumber(number), f"0x{number:064x}")
    neurons = tuple(
        Neuron(
            uid=Uid(uid), hotkey=Ss58(row.hotkey), coldkey=Ss58("cold"),
            alpha_stake=AlphaRao(row.stake), total_stake=row.stake, validator_permit=row.permit,
            active=True, last_update=BlockNumber(0), block_at_registration=BlockNumber(0),
            axon=Endpoint("127.0.0.1", 1000 + uid) if row.addressed else None,
            incentive=U16Weight(row.incentive), dividends=U16Weight(0), consensus=U16Weight(0),
            validator_trust=U16Weight(0), emission=AlphaRao(0),
        )
        for uid, row in enumerate(rows)
    )  # fmt: skip
    metagraph = Metagraph(
        NetUid(1), at, Ss58("cold"), Ss58("hot"), 256, neurons,
        EpochTiming(0, BlockNumber(0), BlockNumber(100), 100), LOCAL_SETTINGS, Rao(1),
    )  # fmt: skip
    said: dict[Ss58, Commitment] = {}
    for row in rows:
        packed = NeuronRecord(row.role, row.data).pack()
        if packed is not None:
            said[Ss58(row.hotkey)] = Commitment(packed, at.number)
    return Moment(at, metagraph, said)


@dataclass
class Past:
    """Moments by block; every other block is unknown."""

    moments: Mapping[int, Moment]
    asked: list[int] = field(default_factory=list)

    async def moment_at(self, number: int) -> Moment:
        self.asked.append(number)
        if number not in self.moments:
            raise UnknownBlock.of(number, max(self.moments, default=0))
        return self.moments[number]
