"""The fake chain's epochs: who may validate, and what each uid earned.

Adds time to ``fake_state``: at each tempo a subnet's rows become shares, shares become alpha on the
hotkeys, and permits go to the largest stakes. The shares come from a callable, by default
``stake_weighted_mean``, a stand-in for Yuma consensus that has neither clipping nor bonds and is
not meant to agree with it in any digit. As on the chain, half of the pot goes by incentive and half
by dividends, and where nobody earned anything the stakes share it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from assay.chain.fake_state import FakeState, Subnet
from assay.chain.interface import WeightRow
from assay.types import U16_MAX, Uid


@dataclass(frozen=True, slots=True)
class EpochInput:
    """What an epoch's arithmetic sees. Rows of uids without a permit are not in ``rows``."""

    stakes: tuple[int, ...]
    rows: Mapping[Uid, WeightRow]
    last_update: tuple[int, ...]
    registered: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FakeShares:
    """Shares of one, per uid: each vector sums to 1, or to 0 where nobody earned anything."""

    incentive: tuple[float, ...]
    dividends: tuple[float, ...]


Consensus = Callable[[EpochInput], FakeShares]


def stake_weighted_mean(given: EpochInput) -> FakeShares:
    """incentive_j ~ sum_i S_i w_ij over row-normalised weights; dividends_i ~ S_i sum_j w_ij inc_j.

    Like the chain it ignores self-weights and weights that are older than their target.
    """
    n = len(given.stakes)
    total = sum(given.stakes[uid] for uid in given.rows) or 1
    incentive = [0.0] * n
    normal: dict[int, list[tuple[int, float]]] = {}
    for uid, row in given.rows.items():
        kept = [
            (target, weight)
            for target, weight in row
            if target < n and target != uid and given.last_update[uid] > given.registered[target]
        ]
        mass = sum(weight for _, weight in kept)
        normal[uid] = [(target, weight / mass) for target, weight in kept] if mass else []
        for target, share in normal[uid]:
            incentive[target] += given.stakes[uid] / total * share
    incentive = _normalised(incentive)
    dividends = [0.0] * n
    for validator, shares in normal.items():
        found = sum(share * incentive[target] for target, share in shares)
        dividends[validator] = given.stakes[validator] * found
    return FakeShares(tuple(incentive), tuple(_normalised(dividends)))


def _normalised(values: list[float]) -> list[float]:
    total = sum(values)
    return [value / total for value in values] if total > 0 else [0.0] * len(values)


def run_epochs(state: FakeState, block: int, consensus: Consensus) -> FakeState:
    """Every epoch that is due at this block, in order of netuid."""
    for netuid in sorted(state.subnets):
        subnet = state.subnets[netuid]
        tempo = subnet.settings.tempo
        if tempo and block - subnet.last_epoch >= tempo:
            state = _run_epoch(state, subnet, block, consensus)
    return state


def _run_epoch(state: FakeState, subnet: Subnet, block: int, consensus: Consensus) -> FakeState:
    slots = subnet.slots
    stakes = tuple(int(state.alpha_on(slot.hotkey, subnet.netuid)) for slot in slots)
    cutoff = state.rules.activity_cutoff_blocks
    rows = {
        uid: row
        for uid, row in subnet.rows.items()
        if slots[uid].permit and slots[uid].last_update + cutoff >= block
    }
    shares = consensus(
        EpochInput(
            stakes,
            rows,
            tuple(slot.last_update for slot in slots),
            tuple(slot.registered for slot in slots),
        )
    )
    blocks = block - subnet.last_epoch if subnet.started else 0
    pot = blocks * state.rules.alpha_per_block
    earned = any(shares.incentive)
    staked = sum(stakes) or 1
    richest = sorted((uid for uid in range(len(slots)) if stakes[uid]), key=lambda u: -stakes[u])
    permitted = set(richest[: state.rules.max_validators])
    seated = []
    for uid, slot in enumerate(slots):
        won = (shares.incentive[uid] + shares.dividends[uid]) / 2
        pay = int(pot * (won if earned else stakes[uid] / staked))
        seated.append(
            replace(
                slot,
                permit=uid in permitted or slot.hotkey == subnet.owner_hotkey,
                incentive=int(shares.incentive[uid] * U16_MAX),
                dividends=int(shares.dividends[uid] * U16_MAX),
                consensus=int(shares.incentive[uid] * U16_MAX),
                validator_trust=U16_MAX if uid in rows else 0,
                emission=pay,
            )
        )
        state = state.staked((slot.hotkey, state.owners[slot.hotkey], subnet.netuid), pay)
    return state.with_subnet(
        replace(subnet, slots=tuple(seated), epoch_index=subnet.epoch_index + 1, last_epoch=block)
    )
