"""What the fake chain's state looks like through the interface: the aggregated reads.

Adds nothing to the state; it only lays it out as ``SubnetInfo``, ``Metagraph``, ``Moment`` and
``WeightRights``. Stake weight is the alpha alone, as the fake has no root network.
"""

from __future__ import annotations

from assay.chain.fake_state import FakeState, Subnet
from assay.chain.interface import BlockRef, EpochTiming, Metagraph, Moment, Neuron, SubnetInfo
from assay.chain.weights import WeightRights
from assay.types import AlphaRao, BlockNumber, Rao, U16Weight, Uid


def subnet_info_of(state: FakeState, netuid: int) -> SubnetInfo:
    subnet = state.subnet(netuid)
    return SubnetInfo(
        netuid=subnet.netuid,
        owner_coldkey=subnet.owner_coldkey,
        owner_hotkey=subnet.owner_hotkey,
        registered_at=BlockNumber(subnet.registered_at),
        started=subnet.started,
        neurons=len(subnet.slots),
        max_uids=subnet.settings.max_uids,
        tempo=subnet.settings.tempo,
        registration_price=subnet.settings.registration_price,
        alpha_price=Rao(state.rules.alpha_price),
    )


def metagraph_of(state: FakeState, netuid: int, at: BlockRef) -> Metagraph:
    subnet = state.subnet(netuid)
    alphas: dict[str, int] = {}
    for (hotkey, _, held_on), alpha in state.stakes.items():
        if held_on == netuid:
            alphas[hotkey] = alphas.get(hotkey, 0) + alpha
    cutoff = state.rules.activity_cutoff_blocks
    neurons = tuple(
        Neuron(
            uid=Uid(uid),
            hotkey=slot.hotkey,
            coldkey=state.owners[slot.hotkey],
            alpha_stake=AlphaRao(alphas.get(slot.hotkey, 0)),
            total_stake=alphas.get(slot.hotkey, 0),
            validator_permit=slot.permit,
            active=slot.last_update + cutoff >= at.number,
            last_update=BlockNumber(slot.last_update),
            block_at_registration=BlockNumber(slot.registered),
            axon=slot.axon,
            incentive=U16Weight(slot.incentive),
            dividends=U16Weight(slot.dividends),
            consensus=U16Weight(slot.consensus),
            validator_trust=U16Weight(slot.validator_trust),
            emission=AlphaRao(slot.emission),
        )
        for uid, slot in enumerate(subnet.slots)
    )
    timing = EpochTiming(
        index=subnet.epoch_index,
        last_block=BlockNumber(subnet.last_epoch),
        next_block=BlockNumber(subnet.last_epoch + subnet.settings.tempo),
        tempo=subnet.settings.tempo,
    )
    return Metagraph(
        netuid=subnet.netuid,
        at=at,
        owner_coldkey=subnet.owner_coldkey,
        owner_hotkey=subnet.owner_hotkey,
        max_uids=subnet.settings.max_uids,
        neurons=neurons,
        epoch=timing,
        settings=subnet.settings,
        alpha_price=Rao(state.rules.alpha_price),
    )


def moment_of(state: FakeState, netuid: int, at: BlockRef) -> Moment:
    metagraph = metagraph_of(state, netuid, at)
    said = state.subnet(netuid).commitments
    held = {n.hotkey: said[n.hotkey] for n in metagraph.neurons if n.hotkey in said}
    return Moment(at, metagraph, held)


def weight_rights_of(state: FakeState, subnet: Subnet, hotkey: str, at: BlockRef) -> WeightRights:
    uid = subnet.uid_of(hotkey)
    slot = subnet.slots[uid] if uid is not None else None
    return WeightRights(
        netuid=subnet.netuid,
        hotkey=hotkey,
        at=at,
        n=len(subnet.slots),
        uid=uid,
        owner=hotkey == subnet.owner_hotkey,
        permit=slot is not None and slot.permit,
        total_stake=state.alpha_on(hotkey, subnet.netuid),
        last_update=slot.last_update if slot else 0,
        settings=subnet.settings,
        beacon=state.rules.beacon,
        next_epoch=subnet.last_epoch + subnet.settings.tempo,
    )
