"""A subnet written into a ``World`` from an oracle's inputs, and its outcome read back.

One subnet with as many neurons as the epoch has, each with a hotkey and a coldkey of its own whose
stake is one share pool with one member. Pending emission is the epoch's, half of it the servers';
the subnet has not started, so no block adds to it: what an epoch divides is what the test says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from assay.scoring.reference.epoch import Epoch, EpochOutcome, EpochRules
from tests.conformance.runtime.world import NETUID, World, address

SHARE_BITS: Final = 64
"""Fractional bits of the shares a pool starts with."""


def hotkey(uid: int) -> str:
    return f"hot{uid}"


def coldkey(uid: int) -> str:
    return f"cold{uid}"


def lay_subnet(world: World, size: int) -> None:
    """The subnet with so many neurons, its owner outside, nothing staked, nothing pending."""
    world.set("NetworksAdded", NETUID, to=True)
    world.set("TotalNetworks", to=2)
    world.set("SubnetMechanism", NETUID, to=1)
    world.set("SubnetOwner", NETUID, to=address("subnet owner"))
    world.set("SubnetOwnerHotkey", NETUID, to=address("subnet owner hot"))
    world.set("SubnetworkN", NETUID, to=size)
    world.set("CommitRevealWeightsEnabled", NETUID, to=False)
    world.set("OwnerCutEnabled", NETUID, to=False)
    for item, nothing in (
        ("Active", False),
        ("Consensus", 0),
        ("Incentive", 0),
        ("Dividends", 0),
        ("Emission", 0),
        ("ValidatorTrust", 0),
    ):
        world.set(item, NETUID, to=[nothing] * size)
    for uid in range(size):
        hot, cold = address(hotkey(uid)), address(coldkey(uid))
        world.set("Keys", NETUID, uid, to=hot)
        world.set("Uids", NETUID, hot, to=uid)
        world.set("IsNetworkMember", hot, NETUID, to=True)
        world.set("Owner", hot, to=cold)
        world.set("OwnedHotkeys", cold, to=[hot])
        world.set("StakingHotkeys", cold, to=[hot])


def lay_stake(world: World, uid: int, alpha: int, netuid: int = NETUID) -> None:
    """All of a hotkey's alpha, its owner's."""
    hot, cold = address(hotkey(uid)), address(coldkey(uid))
    shares = {"bits": alpha << SHARE_BITS}
    world.set("TotalHotkeyAlpha", hot, netuid, to=alpha)
    world.set("TotalHotkeyShares", hot, netuid, to=shares)
    world.set("Alpha", hot, cold, netuid, to=shares)


def lay_rules(world: World, rules: EpochRules, tempo: int) -> None:
    world.set("Kappa", NETUID, to=rules.kappa)
    world.set("BondsMovingAverage", NETUID, to=rules.bonds_moving_average)
    world.set("BondsPenalty", NETUID, to=rules.bonds_penalty)
    world.set("MaxAllowedValidators", NETUID, to=rules.permits_max)
    world.set("StakeThreshold", to=rules.stake_threshold)
    world.set("Tempo", NETUID, to=tempo)
    # The factor that gives the cutoff in blocks, whatever the tempo.
    factor = -(-rules.activity_cutoff * 1000 // tempo)
    world.set("ActivityCutoffFactorMilli", NETUID, to=factor)
    world.set("Yuma3On", NETUID, to=rules.yuma3)
    world.set("LiquidAlphaOn", NETUID, to=rules.liquid is not None)
    if rules.liquid is not None:
        world.set("AlphaValues", NETUID, to=(rules.liquid.low, rules.liquid.high))
        world.set("AlphaSigmoidSteepness", NETUID, to=rules.liquid.steepness)


def lay_epoch(world: World, epoch: Epoch, rules: EpochRules) -> None:
    """The whole input of an epoch."""
    neurons = epoch.neurons
    lay_subnet(world, len(neurons))
    lay_rules(world, rules, epoch.tempo)
    if epoch.owner is not None:
        world.set("SubnetOwnerHotkey", NETUID, to=address(hotkey(epoch.owner)))
        world.set("SubnetOwner", NETUID, to=address(coldkey(epoch.owner)))
    staked = sum(each.stake for each in neurons)
    world.set("TotalAlphaStaked", NETUID, to=staked)
    world.set("SubnetAlphaOut", NETUID, to=staked + epoch.emission)
    for uid, each in enumerate(neurons):
        lay_stake(world, uid, each.stake)
        world.set("BlockAtRegistration", NETUID, uid, to=each.registered)
        world.set("Weights", NETUID, uid, to=[tuple(pair) for pair in epoch.weights.get(uid, ())])
        world.set("Bonds", NETUID, uid, to=[tuple(pair) for pair in epoch.bonds.get(uid, ())])
    world.set("ValidatorPermit", NETUID, to=[each.permit for each in neurons])
    world.set("LastUpdate", NETUID, to=[each.last_update for each in neurons])
    world.set("LastMechansimStepBlock", NETUID, to=epoch.last_step)
    world.set("LastEpochBlock", NETUID, to=epoch.block - epoch.tempo)
    world.set("PendingServerEmission", NETUID, to=epoch.emission // 2)
    world.set("PendingValidatorEmission", NETUID, to=epoch.emission - epoch.emission // 2)


@dataclass(frozen=True, slots=True)
class Stored:
    """What the chain keeps of an epoch."""

    active: list[bool]
    permits: list[bool]
    consensus: list[int]
    incentive: list[int]
    dividends: list[int]
    validator_trust: list[int]
    emission: list[int]
    bonds: dict[int, list[tuple[int, int]]]

    @classmethod
    def of(cls, outcome: EpochOutcome[Any]) -> Stored:
        """What an oracle says is kept."""
        return cls(**{name: getattr(outcome, name) for name in cls.__slots__})


def read_epoch(world: World, size: int) -> Stored:
    rows = {uid: world.get("Bonds", NETUID, uid) for uid in range(size)}
    return Stored(
        active=world.get("Active", NETUID),
        permits=world.get("ValidatorPermit", NETUID),
        consensus=world.get("Consensus", NETUID),
        incentive=world.get("Incentive", NETUID),
        dividends=world.get("Dividends", NETUID),
        validator_trust=world.get("ValidatorTrust", NETUID),
        emission=world.get("Emission", NETUID),
        bonds={uid: [tuple(pair) for pair in row] for uid, row in rows.items() if row},
    )
