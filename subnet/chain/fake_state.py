"""The fake chain's state and its calls: frozen values and pure functions from one to the next.

Adds the semantics that neurons depend on (who may register, serve, commit, set weights; what is
refused and by which name; who is pruned) without the arithmetic of the real chain: alpha costs a
fixed price, a registration burns a fixed amount, and fees are flat. Epochs are in ``fake_epoch``.

Every state is immutable, so an old block's state stays readable for free. A call either returns the
next state or raises ``ChainRefused`` and changes nothing. Nothing here reads a clock or waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from assay.chain.errors import (
    UNSTAKE_MORE_CURE,
    AlreadyRegistered,
    ChainRefused,
    NotRegistered,
    NotStarted,
    RateLimited,
    TooCheap,
    TooDear,
    TooLittleBalance,
    TooLittleStake,
    UnknownSubnet,
)
from assay.chain.interface import (
    COMMITMENT_BYTES_MAX,
    STAKE_MIN,
    Commitment,
    Endpoint,
    Hyperparameters,
    WeightRow,
)
from assay.types import (
    RAO_PER_TAO,
    U16_MAX,
    AlphaRao,
    BlockNumber,
    NetUid,
    Rao,
    Ss58,
    U16Weight,
    Uid,
)

LOCAL_SETTINGS: Final = Hyperparameters(
    tempo=20,
    weights_version=0,
    min_allowed_weights=1,
    max_weight_limit=U16Weight(U16_MAX),
    weights_rate_limit_blocks=0,
    commit_reveal=False,
    max_uids=256,
    immunity_blocks=5_000,
    serving_rate_limit_blocks=0,
    registration_allowed=True,
    registration_price=Rao(RAO_PER_TAO),
    stake_threshold=0,
)
"""What the ``local`` preset of the real runtime gives a new subnet."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The constants of one fake chain."""

    new_subnet: Hyperparameters = LOCAL_SETTINGS
    subnet_price: int = 1_000 * RAO_PER_TAO
    alpha_price: int = RAO_PER_TAO // 2
    alpha_per_block: int = RAO_PER_TAO
    transfer_fee: int = 125_000
    max_validators: int = 64
    activity_cutoff_blocks: int = 100
    reveal_period_epochs: int = 1
    beacon: bool = False
    """Whether sealed weights could ever open here."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One uid: who holds it and what the last epoch said of them."""

    hotkey: Ss58
    registered: int
    last_update: int
    axon: Endpoint | None = None
    axon_at: int = 0
    permit: bool = False
    incentive: int = 0
    dividends: int = 0
    consensus: int = 0
    validator_trust: int = 0
    emission: int = 0


@dataclass(frozen=True, slots=True)
class Subnet:
    netuid: NetUid
    owner_coldkey: Ss58
    owner_hotkey: Ss58
    registered_at: int
    settings: Hyperparameters
    last_epoch: int
    slots: tuple[Slot, ...] = ()
    rows: Mapping[Uid, WeightRow] = field(default_factory=dict)
    commitments: Mapping[Ss58, Commitment] = field(default_factory=dict)
    epoch_index: int = 0
    started: bool = False

    def uid_of(self, hotkey: str) -> Uid | None:
        return next((Uid(i) for i, slot in enumerate(self.slots) if slot.hotkey == hotkey), None)

    def need_uid(self, hotkey: str) -> Uid:
        uid = self.uid_of(hotkey)
        if uid is None:
            raise NotRegistered.of(hotkey, self.netuid)
        return uid

    def with_slot(self, uid: Uid, slot: Slot) -> Subnet:
        return replace(self, slots=(*self.slots[:uid], slot, *self.slots[uid + 1 :]))


StakeKey = tuple[Ss58, Ss58, NetUid]
"""(hotkey, coldkey, netuid)"""


@dataclass(frozen=True, slots=True)
class FakeState:
    rules: Rules
    balances: Mapping[Ss58, Rao] = field(default_factory=dict)
    owners: Mapping[Ss58, Ss58] = field(default_factory=dict)
    """hotkey -> coldkey, set at the hotkey's first registration and kept."""
    subnets: Mapping[NetUid, Subnet] = field(default_factory=dict)
    stakes: Mapping[StakeKey, AlphaRao] = field(default_factory=dict)
    stored: Mapping[tuple[str, tuple[object, ...]], object] = field(default_factory=dict)
    """Values of the storage items that a test brings along, by item and keys."""

    def with_stored(self, item: str, keys: tuple[object, ...], value: object) -> FakeState:
        """The state with ``value`` under ``item`` ("Pallet.Item") and ``keys``."""
        return replace(self, stored={**self.stored, (item, keys): value})

    def subnet(self, netuid: int) -> Subnet:
        found = self.subnets.get(NetUid(netuid))
        if found is None:
            raise UnknownSubnet.of(netuid)
        return found

    def with_subnet(self, subnet: Subnet) -> FakeState:
        return replace(self, subnets={**self.subnets, subnet.netuid: subnet})

    def alpha_on(self, hotkey: str, netuid: int) -> AlphaRao:
        return AlphaRao(
            sum(v for (hot, _, net), v in self.stakes.items() if hot == hotkey and net == netuid)
        )

    def paid(self, coldkey: str, amount: int) -> FakeState:
        """The state after the account paid; the chain keeps what was burned from nobody else."""
        have = self.balances.get(Ss58(coldkey), Rao(0))
        if have < amount:
            raise TooLittleBalance.of(coldkey, have, "this", amount)
        return replace(self, balances={**self.balances, Ss58(coldkey): Rao(have - amount)})

    def credited(self, address: str, amount: int) -> FakeState:
        have = self.balances.get(Ss58(address), Rao(0))
        return replace(self, balances={**self.balances, Ss58(address): Rao(have + amount)})

    def staked(self, key: StakeKey, amount: int) -> FakeState:
        if amount == 0:
            return self
        total = AlphaRao(self.stakes.get(key, AlphaRao(0)) + amount)
        return replace(self, stakes={**self.stakes, key: total})


# Calls: each takes the state before and the block it runs in


def create_subnet(
    state: FakeState, block: int, coldkey: str, hotkey: str
) -> tuple[FakeState, NetUid]:
    owner = state.owners.get(Ss58(hotkey))
    if owner is not None and owner != coldkey:
        raise ChainRefused(
            f"Hotkey {hotkey} belongs to another coldkey.",
            "Use a hotkey of this coldkey.",
            "NonAssociatedColdKey",
        )
    state = state.paid(coldkey, state.rules.subnet_price)
    netuid = NetUid(max(state.subnets, default=0) + 1)
    subnet = Subnet(
        netuid, Ss58(coldkey), Ss58(hotkey), block, state.rules.new_subnet, last_epoch=block
    )
    state, _ = _seat(state.with_subnet(subnet), block, netuid, coldkey, hotkey)
    return state, netuid


def start_subnet(state: FakeState, block: int, netuid: int, coldkey: str) -> tuple[FakeState, None]:
    subnet = state.subnet(netuid)
    if subnet.owner_coldkey != coldkey:
        raise ChainRefused(
            f"{coldkey} does not own subnet {netuid}.", "Sign with its owner's coldkey.", "NotOwner"
        )
    return state.with_subnet(replace(subnet, started=True)), None


def register(
    state: FakeState, block: int, netuid: int, coldkey: str, hotkey: str, limit: int | None = None
) -> tuple[FakeState, Uid]:
    subnet = state.subnet(netuid)
    if subnet.uid_of(hotkey) is not None:
        raise AlreadyRegistered.of(hotkey, netuid)
    if not subnet.settings.registration_allowed:
        raise ChainRefused(
            f"Registration on subnet {netuid} is closed.",
            "Wait until its owner opens it.",
            "SubNetRegistrationDisabled",
        )
    owner = state.owners.get(Ss58(hotkey))
    if owner is not None and owner != coldkey:
        raise ChainRefused(
            f"Hotkey {hotkey} belongs to another coldkey.",
            "Use a hotkey of this coldkey.",
            "NonAssociatedColdKey",
        )
    price = subnet.settings.registration_price
    if limit is not None and price > limit:
        raise TooDear.of(netuid, price, limit)
    return _seat(state.paid(coldkey, price), block, NetUid(netuid), coldkey, hotkey)


def _seat(
    state: FakeState, block: int, netuid: NetUid, coldkey: str, hotkey: str
) -> tuple[FakeState, Uid]:
    """Give the hotkey a free uid, or the one of the least paid neuron that is not immune."""
    subnet = state.subnet(netuid)
    state = replace(state, owners={Ss58(hotkey): Ss58(coldkey), **state.owners})
    slot = Slot(Ss58(hotkey), registered=block, last_update=block)
    if len(subnet.slots) < subnet.settings.max_uids:
        uid = Uid(len(subnet.slots))
        return state.with_subnet(replace(subnet, slots=(*subnet.slots, slot))), uid
    candidates = [
        (old.emission, old.registered, index)
        for index, old in enumerate(subnet.slots)
        if old.hotkey != subnet.owner_hotkey
        and block - old.registered >= subnet.settings.immunity_blocks
    ]
    if not candidates:
        raise ChainRefused(
            f"Subnet {netuid} is full and every neuron on it is immune.",
            "Try again when the oldest immunity has run out.",
            "NoNeuronIdAvailable",
        )
    uid = Uid(min(candidates)[2])
    gone = subnet.slots[uid].hotkey
    subnet = replace(
        subnet.with_slot(uid, slot),
        rows={i: row for i, row in subnet.rows.items() if i != uid},
        commitments={h: c for h, c in subnet.commitments.items() if h != gone},
    )
    return state.with_subnet(subnet), uid


def serve_axon(
    state: FakeState, block: int, netuid: int, hotkey: str, endpoint: Endpoint
) -> tuple[FakeState, None]:
    subnet = state.subnet(netuid)
    uid = subnet.need_uid(hotkey)
    slot = subnet.slots[uid]
    limit = subnet.settings.serving_rate_limit_blocks
    if slot.axon_at and block - slot.axon_at < limit:
        wait = limit - (block - slot.axon_at)
        raise RateLimited(
            f"The axon was published {block - slot.axon_at} blocks ago; the limit is {limit}.",
            f"Wait {wait} blocks.",
            "ServingRateLimitExceeded",
            wait,
        )
    return state.with_subnet(
        subnet.with_slot(uid, replace(slot, axon=endpoint, axon_at=block))
    ), None


def set_commitment(
    state: FakeState, block: int, netuid: int, hotkey: str, data: bytes
) -> tuple[FakeState, None]:
    subnet = state.subnet(netuid)
    subnet.need_uid(hotkey)
    if len(data) > COMMITMENT_BYTES_MAX:
        raise ChainRefused(
            f"A commitment holds {COMMITMENT_BYTES_MAX} bytes and {len(data)} were given.",
            "Commit a hash or a pointer and publish the rest elsewhere.",
            "TooManyFieldsInCommitmentInfo",
        )
    held = Commitment(bytes(data), BlockNumber(block))
    return state.with_subnet(
        replace(subnet, commitments={**subnet.commitments, Ss58(hotkey): held})
    ), None


def set_row(
    state: FakeState, block: int, netuid: int, hotkey: str, row: WeightRow
) -> tuple[FakeState, None]:
    """Store a row that ``weights.preflight`` has passed at this very state."""
    subnet = state.subnet(netuid)
    uid = subnet.need_uid(hotkey)
    subnet = subnet.with_slot(uid, replace(subnet.slots[uid], last_update=block))
    return state.with_subnet(replace(subnet, rows={**subnet.rows, uid: row})), None


def add_stake(
    state: FakeState,
    block: int,
    netuid: int,
    coldkey: str,
    hotkey: str,
    amount: int,
    limit: int | None = None,
) -> tuple[FakeState, AlphaRao]:
    subnet = state.subnet(netuid)
    if not subnet.started:
        raise NotStarted.of(netuid)
    if Ss58(hotkey) not in state.owners:
        raise ChainRefused(
            f"Hotkey {hotkey} is not known to this chain.",
            "Register it on a subnet first.",
            "HotKeyAccountNotExists",
        )
    if amount < STAKE_MIN:
        raise ChainRefused(
            f"{amount} rao are too little to stake.", "Stake a larger amount.", "AmountTooLow"
        )
    if limit is not None and state.rules.alpha_price > limit:
        raise TooDear.stake(netuid, amount, limit)
    alpha = AlphaRao(amount * RAO_PER_TAO // state.rules.alpha_price)
    state = state.paid(coldkey, amount)
    return state.staked((Ss58(hotkey), Ss58(coldkey), NetUid(netuid)), alpha), alpha


def transfer(
    state: FakeState, block: int, coldkey: str, to: str, amount: int
) -> tuple[FakeState, None]:
    return state.paid(coldkey, amount + state.rules.transfer_fee).credited(to, amount), None


def remove_stake(
    state: FakeState,
    block: int,
    netuid: int,
    coldkey: str,
    hotkey: str,
    amount: int,
    limit: int | None = None,
) -> tuple[FakeState, Rao]:
    if not state.subnet(netuid).started:
        raise NotStarted.of(netuid)
    key = (Ss58(hotkey), Ss58(coldkey), NetUid(netuid))
    held = state.stakes.get(key, 0)
    if held < amount:
        raise TooLittleStake.of(hotkey, netuid, held, amount)
    if limit is not None and state.rules.alpha_price < limit:
        raise TooCheap.of(netuid, amount, limit)
    tao = Rao(amount * state.rules.alpha_price // RAO_PER_TAO)
    if amount == 0 or (tao < STAKE_MIN and amount < held):
        raise ChainRefused(
            f"{amount} rao of alpha are too little to sell.", UNSTAKE_MORE_CURE, "AmountTooLow"
        )
    return state.credited(coldkey, tao).staked(key, -amount), tao
