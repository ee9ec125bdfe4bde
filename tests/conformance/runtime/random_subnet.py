"""A random subnet over many epochs in the committed Wasm, beside the oracle, with churn.

In: a seed. A walk lays one subnet of up to 256 neurons, once; then, epoch by epoch, some validators
set weights, neurons are replaced, stake comes and goes, alpha becomes pending, and the runtime runs
the epoch from what it kept itself, as the oracle does. Every stored vector, bond, pool, share, rate
and sum must be the oracle's, exactly. Most subnets are small, for the oracle is slow; one in fifty
has up to 256 neurons. It knows no formula: those are the oracle's.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Final

from assay.scoring.reference.distribution import Hotkey, Landlord, Pending, distribute, stakes
from assay.scoring.reference.epoch import Epoch, EpochNeuron, EpochRules, after, run
from assay.scoring.reference.liquid import Liquid
from tests.conformance.runtime.stakes import ROOT, lay_hotkeys, lay_pool, rate_of
from tests.conformance.runtime.subnet import Stored, coldkey, hotkey, lay_epoch, read_epoch
from tests.conformance.runtime.world import NETUID, World, address

FIRST_BLOCK: Final = 100_000
SIZES: Final = ((0.85, 2, 16), (0.13, 17, 64), (0.02, 65, 256))
"""How often, and how many neurons. The oracle is dense: 256 neurons take it a second an epoch."""
FULL_SIZE: Final = 256
STAKE_MAX: Final = 10**13
PENDING: Final = (0, 1, 7, 10**9, 10**12 + 1)


class DiffersError(AssertionError):
    """The runtime and the oracle say different things."""


@dataclass
class Walk:
    """One subnet on its way, on both sides."""

    chance: random.Random
    rules: EpochRules
    epoch: Epoch
    hotkeys: list[Hotkey]
    landlord: Landlord
    world: World = field(default_factory=World)
    tao_weight: int = 0
    outside: int = 0
    """The oracle's SubnetAlphaOut."""
    burned: int = 0
    replaced: int = 0

    def lay(self) -> None:
        """Everything that the first epoch reads; later ones find what the runtime left."""
        world = self.world
        lay_epoch(world, self.epoch, self.rules)
        lay_hotkeys(world, self.hotkeys)
        root = sum(each.root for each in self.hotkeys)
        self.outside = sum(each.pool.value for each in self.hotkeys)
        world.set("SubnetTAO", ROOT, to=root)
        world.set("TotalAlphaStaked", ROOT, to=root)
        world.set("TotalAlphaStaked", NETUID, to=self.outside)
        world.set("SubnetAlphaOut", NETUID, to=self.outside)
        world.set("SubnetOwner", NETUID, to=address(self.landlord.coldkey))
        kind = "Recycle" if self.landlord.recycles else "Burn"
        world.set("RecycleOrBurn", NETUID, to=kind)
        self.tao_weight = world.get("TaoWeight")

    def churn(self) -> None:
        """What happens between two epochs, on both sides."""
        chance, size = self.chance, len(self.hotkeys)
        neurons, weights = list(self.epoch.neurons), dict(self.epoch.weights)
        bonds = dict(self.epoch.bonds)
        for uid in chance.sample(range(size), max(1, size // 6)):
            weights[uid] = random_row(chance, size)
            said = self.epoch.block - chance.randint(1, self.epoch.tempo - 1)
            neurons[uid] = replace(neurons[uid], last_update=said)
            self.world.set("Weights", NETUID, uid, to=weights[uid])
        for uid in chance.sample(range(size), size // 20 + (chance.random() < 0.3)):
            if uid != self.landlord.uid:
                at = self.epoch.block - chance.randint(1, self.epoch.tempo - 1)
                neurons[uid] = EpochNeuron(0, at, at, False)
                weights.pop(uid, None)
                bonds.pop(uid, None)
                self.world.set("Weights", NETUID, uid, to=[])
                self.world.set("Bonds", NETUID, uid, to=[])
                self.world.set("BlockAtRegistration", NETUID, uid, to=at)
                self.replaced += 1
        self.epoch = replace(self.epoch, neurons=neurons, weights=weights, bonds=bonds)
        self.world.set("LastUpdate", NETUID, to=[each.last_update for each in neurons])
        self.world.set("ValidatorPermit", NETUID, to=[each.permit for each in neurons])
        for uid in chance.sample(range(size), max(1, size // 10)):
            self.move_stake(uid)
        staked = sum(each.pool.value for each in self.hotkeys)
        self.outside += staked - self.world.get("TotalAlphaStaked", NETUID)
        self.world.set("TotalAlphaStaked", NETUID, to=staked)

    def move_stake(self, uid: int) -> None:
        """Somebody who is behind a neuron stakes more, or takes a part back."""
        each = self.hotkeys[uid]
        member = self.chance.choice([*each.pool.members, coldkey(uid)])
        if self.chance.random() < 0.5 and each.pool.worth(member) > 1:
            each.pool.withdraw(member, self.chance.randint(1, each.pool.worth(member)))
        else:
            each.pool.deposit(member, self.chance.randint(1, STAKE_MAX))
            hot, who = address(hotkey(uid)), address(member)
            behind = self.world.get("StakingHotkeys", who)
            if hot not in behind:
                self.world.set("StakingHotkeys", who, to=[*behind, hot])
        lay_pool(self.world, uid, each)

    def step(self) -> None:
        """One epoch on both sides; DiffersError where they part."""
        chance = self.chance
        pending = Pending(
            owner=chance.choice(PENDING),
            server=chance.choice(PENDING),
            validator=chance.choice(PENDING),
            root=chance.choice(PENDING),
        )
        self.outside += pending.divided + pending.owner
        self.world.set("PendingOwnerCut", NETUID, to=pending.owner)
        self.world.set("PendingServerEmission", NETUID, to=pending.server)
        self.world.set("PendingValidatorEmission", NETUID, to=pending.validator)
        self.world.set("PendingRootAlphaDivs", NETUID, to=pending.root)
        self.world.set("SubnetAlphaOut", NETUID, to=self.outside)
        with_stakes = [
            replace(neuron, stake=stake)
            for neuron, stake in zip(
                self.epoch.neurons, stakes(self.hotkeys, self.tao_weight), strict=True
            )
        ]
        epoch = replace(self.epoch, neurons=with_stakes, emission=pending.divided)
        self.world.begin_block(epoch.block)
        outcome = run(epoch, self.rules)
        same(Stored.of(outcome), read_epoch(self.world, len(self.hotkeys)), "what is stored")
        paid = distribute(
            self.hotkeys, pending, outcome.server_emission, outcome.validator_emission,
            self.tao_weight, self.landlord,
        )  # fmt: skip
        self.burned += paid.burned
        self.outside -= paid.recycled
        self.compare_balances(paid.alpha, paid.root)
        self.epoch = after(epoch, outcome, epoch.block + epoch.tempo)

    def compare_balances(self, alpha: list[int], root: list[int]) -> None:
        get = self.world.get
        for uid, each in enumerate(self.hotkeys):
            hot = address(hotkey(uid))
            same(each.pool.value, get("TotalHotkeyAlpha", hot, NETUID), f"alpha behind {uid}")
            for member, shares in each.pool.members.items():
                stored = get("Alpha", hot, address(member), NETUID)["bits"]
                same(shares, stored, f"the shares of {member} behind {uid}")
            same(alpha[uid], get("AlphaDividendsPerSubnet", NETUID, hot), f"dividends of {uid}")
            same(root[uid], get("RootAlphaDividendsPerSubnet", NETUID, hot), f"of root at {uid}")
            same(each.rate, rate_of(self.world, hot), f"the rate of {uid}")
        staked = sum(each.pool.value for each in self.hotkeys)
        same(staked, get("TotalAlphaStaked", NETUID), "all that is staked")
        same(self.outside, get("SubnetAlphaOut", NETUID), "all that is outside")
        same(self.burned, get("SubnetAlphaBurned", NETUID), "all that is burned")


def same(oracle: object, runtime: object, what: str) -> None:
    if oracle != runtime:
        raise DiffersError(f"{what}: the oracle has {oracle}, the runtime {runtime}")


def random_row(chance: random.Random, size: int) -> list[tuple[int, int]]:
    """A row of weights: a few neurons, sometimes all, in the order of their uids."""
    many = size if chance.random() < 0.2 else min(size, chance.randint(1, 12))
    # Values at the edges now and then, and sometimes all the same.
    equal = chance.random() < 0.1
    return [
        (uid, 65535 if equal else chance.choice((chance.randint(0, 65535), 0, 1, 65535)))
        for uid in sorted(chance.sample(range(size), many))
    ]


def random_rules(chance: random.Random) -> EpochRules:
    yuma3 = chance.random() < 0.5
    low, high = sorted((chance.randint(0, 65535), chance.randint(0, 65535)))
    liquid = Liquid(low, high, chance.choice((0, 1, 1000, 32767, -1000)))
    return EpochRules(
        kappa=chance.choice((32767, 32767, 32768, 0, 65535, chance.randint(0, 65535))),
        bonds_moving_average=chance.choice((900_000, 975_000, 0, 1_000_000)),
        bonds_penalty=chance.choice((0, 65535, chance.randint(0, 65535))),
        permits_max=chance.choice((1, 8, 64)),
        stake_threshold=chance.choice((0, 0, 10**9)),
        activity_cutoff=chance.choice((1000, 5000)),
        yuma3=yuma3,
        liquid=liquid if yuma3 and chance.random() < 0.5 else None,
    )


def random_hotkeys(chance: random.Random, size: int) -> list[Hotkey]:
    """Neurons with stake of their own, of nominators and on root, a part of it lent."""
    found = []
    choices: dict[str, int | None] = {}
    for uid in range(size):
        owner = coldkey(uid if chance.random() < 0.8 else chance.randrange(size))
        each = Hotkey(
            owner=owner,
            root=chance.choice((0, 0, 1, chance.randint(1, STAKE_MAX))),
            take=chance.choice((0, 1, 5000, 11796)),
            child_take=chance.choice((0, 5000, 11796)),
            pays_into=choices.setdefault(
                owner, chance.randrange(size) if chance.random() < 0.1 else None
            ),
        )
        for member in (coldkey(uid), f"nominator {chance.randrange(4)}"):
            if chance.random() < 0.6:
                each.pool.deposit(member, chance.choice((1, 10**9, chance.randint(1, STAKE_MAX))))
        if size > 1 and chance.random() < 0.15:
            child = (uid + chance.randint(1, size - 1)) % size
            each.children = {child: chance.choice((1, 2**63, 2**64 - 1))}
        found.append(each)
    return found


def random_size(chance: random.Random) -> int:
    at, drawn = 0.0, chance.random()
    for often, least, most in SIZES:
        at += often
        if drawn < at:
            return chance.choice((most, chance.randint(least, most), least))
    return FULL_SIZE


def begin(seed: int, size: int | None = None) -> Walk:
    """The subnet of ``seed``, laid; of ``size`` neurons where that is given."""
    chance = random.Random(seed)
    drawn = random_size(chance)
    size = drawn if size is None else size
    rules, hotkeys = random_rules(chance), random_hotkeys(chance, size)
    tempo = chance.choice((10, 20, 360))
    owner = chance.randrange(size) if chance.random() < 0.5 else None
    epoch = Epoch(
        block=FIRST_BLOCK,
        tempo=tempo,
        neurons=[
            EpochNeuron(
                0, FIRST_BLOCK - chance.choice((1, tempo, rules.activity_cutoff + 1)),
                FIRST_BLOCK - chance.choice((2, tempo, 10 * tempo)), chance.random() < 0.5,
            )
            for _ in range(size)
        ],
        weights={uid: random_row(chance, size) for uid in range(size) if chance.random() < 0.7},
        bonds={},
        emission=0,
        last_step=FIRST_BLOCK - tempo,
        owner=owner,
    )  # fmt: skip
    landlord = Landlord(
        coldkey="subnet owner" if owner is None else hotkeys[owner].owner,
        uid=owner,
        recycles=chance.random() < 0.5,
    )
    walk = Walk(chance, rules, epoch, hotkeys, landlord)
    walk.lay()
    return walk


def walk(seed: int, epochs: int, size: int | None = None) -> Walk:
    """Go ``epochs`` epochs with the subnet of ``seed``; DiffersError says where and in what."""
    going = begin(seed, size)
    for number in range(epochs):
        try:
            if number:
                going.churn()
            going.step()
        except DiffersError as differs:
            size = len(going.hotkeys)
            raise DiffersError(f"seed {seed} ({size} neurons), epoch {number}: {differs}") from None
    return going
