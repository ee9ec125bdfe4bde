"""What a neuron may ask of a chain and tell it: the ``Chain`` protocol and its typed values.

Adds to a raw node: finalized reads pinned to one block, typed refusals, deadlines, reconnection and
read-back. Every value has been parsed and range-checked by the time it gets here, so the rest of
the program trusts it. Reads answer at the finalized head unless told otherwise: what has been seen
once is never taken back.

Invariants that both implementations keep, and ``tests/conformance`` holds:

- Every call ends within its deadline; a silent or busy chain raises ``ChainUnavailable``.
- A write returns only after its block was finalized, or raises. ``OutcomeUnknown`` says that the
  connection was lost in between and the write may still take effect.
- A restart of the chain between two calls is not visible, beyond the time it takes. A client over
  a network tells the log once when its chain has gone away, and once when it is back.

It knows nothing of the SDK, of scores, or of what a subnet's work is.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from assay.chain.deadlines import WRITE_DEADLINE_S
from assay.chain.sealing import RowSeal, SealedRow, WeightsOpened, WeightsSealed
from assay.types import AlphaRao, BlockNumber, NetUid, Rao, Signer, Ss58, U16Weight, Uid

COMMITMENT_BYTES_MAX: Final = 128
"""The longest raw field of the Commitments pallet."""
STAKE_MIN: Final = Rao(2_000_000)
"""The least that may be staked at once: the public chain's value, and the local runtime's."""


@dataclass(frozen=True, slots=True)
class BlockRef:
    """One block, by number and hash (``0x`` and 64 hex digits)."""

    number: BlockNumber
    hash: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a neuron's axon listens: an IP address in text form and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Neuron:
    """One uid's row at one block. u16 fields are fractions of 65535."""

    uid: Uid
    hotkey: Ss58
    coldkey: Ss58
    alpha_stake: AlphaRao
    """This subnet's alpha on the hotkey, of all its stakers."""
    total_stake: int
    """Stake weight in rao: alpha plus the weighted root stake; what consensus counts."""
    validator_permit: bool
    active: bool
    last_update: BlockNumber
    """When it set weights last; the block of its registration before that."""
    block_at_registration: BlockNumber
    axon: Endpoint | None
    incentive: U16Weight
    dividends: U16Weight
    consensus: U16Weight
    validator_trust: U16Weight
    emission: AlphaRao
    """Alpha paid to this uid by the last epoch."""


@dataclass(frozen=True, slots=True)
class EpochTiming:
    """When a subnet's epochs run. ``index`` counts the epochs that have run."""

    index: int
    last_block: BlockNumber
    next_block: BlockNumber
    tempo: int


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The settings of a subnet that the product reads."""

    tempo: int
    weights_version: int
    min_allowed_weights: int
    max_weight_limit: U16Weight
    weights_rate_limit_blocks: int
    commit_reveal: bool
    max_uids: int
    immunity_blocks: int
    serving_rate_limit_blocks: int
    registration_allowed: bool
    registration_price: Rao
    stake_threshold: int
    """Stake weight below which a hotkey may not set weights."""


@dataclass(frozen=True, slots=True)
class SubnetInfo:
    """What a subnet is, apart from its neurons."""

    netuid: NetUid
    owner_coldkey: Ss58
    owner_hotkey: Ss58
    registered_at: BlockNumber
    started: bool
    """True once ``start_subnet`` went through: alpha can be bought and sold."""
    neurons: int
    max_uids: int
    tempo: int
    registration_price: Rao
    alpha_price: Rao
    """What one whole alpha costs, in rao of TAO."""


@dataclass(frozen=True, slots=True)
class Metagraph:
    """A subnet's neurons and clock at one block; ``neurons[i].uid == i``."""

    netuid: NetUid
    at: BlockRef
    owner_coldkey: Ss58
    owner_hotkey: Ss58
    max_uids: int
    neurons: tuple[Neuron, ...]
    epoch: EpochTiming
    settings: Hyperparameters
    alpha_price: Rao

    @property
    def n(self) -> int:
        return len(self.neurons)

    def by_hotkey(self, hotkey: str) -> Neuron | None:
        """The neuron registered under this hotkey, or None."""
        return next((neuron for neuron in self.neurons if neuron.hotkey == hotkey), None)


WeightRow = tuple[tuple[Uid, U16Weight], ...]
"""One validator's stored weights: (uid, weight) pairs in ascending order of uid, no zeros."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """What a hotkey published in the Commitments pallet, and when."""

    data: bytes
    block: BlockNumber


@dataclass(frozen=True, slots=True)
class Moment:
    """One subnet at one block: all fields are of the block ``at``."""

    at: BlockRef
    metagraph: Metagraph
    commitments: Mapping[Ss58, Commitment]
    """By hotkey, for the hotkeys of the metagraph that published one in clear."""

    @property
    def epoch(self) -> EpochTiming:
        """When the subnet's epochs run."""
        return self.metagraph.epoch


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the chain's runtime by its names, with its arguments by name: numbers, text, bytes,
    lists, dicts and other calls, which the chain's metadata gives their types."""

    pallet: str
    name: str
    arguments: Mapping[str, object]

    def __str__(self) -> str:
        return f"{self.pallet}.{self.name}"


@dataclass(frozen=True, slots=True)
class StakePosition:
    """Alpha of one subnet that a coldkey holds on a hotkey (netuid 0: TAO on root)."""

    hotkey: Ss58
    coldkey: Ss58
    netuid: NetUid
    alpha: AlphaRao


@dataclass(frozen=True, slots=True)
class Receipt:
    """A write that took effect: the finalized block that holds it and the fee paid."""

    block: BlockRef
    extrinsic: str
    """The extrinsic's hash, ``0x`` and 64 hex digits."""
    fee: Rao


@dataclass(frozen=True, slots=True)
class Registration:
    """A hotkey's place on a subnet. ``receipt`` is None where it was registered already."""

    netuid: NetUid
    uid: Uid
    receipt: Receipt | None


@dataclass(frozen=True, slots=True)
class NewSubnet:
    """A subnet that was just created. Its owner's hotkey holds uid 0."""

    netuid: NetUid
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class StakeAdded:
    """TAO turned into alpha; ``alpha`` is what the position grew by."""

    alpha: AlphaRao
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class StakeRemoved:
    """Alpha turned back into TAO; ``tao`` is what the account got, before the extrinsic's fee."""

    tao: Rao
    receipt: Receipt


class RefusalReason(StrEnum):
    """Why weights were not set."""

    UNKNOWN_SUBNET = "unknown_subnet"
    NOT_REGISTERED = "not_registered"
    NO_PERMIT = "no_validator_permit"
    TOO_LITTLE_STAKE = "too_little_stake"
    STALE_VERSION = "stale_version_key"
    RATE_LIMITED = "rate_limited"
    COMMIT_REVEAL_WITHOUT_BEACON = "commit_reveal_without_beacon"
    NOT_SEALED = "not_sealed"
    """Nothing to open: the chain holds no such commit, or its epoch is over."""
    NOTHING_TO_SET = "nothing_to_set"
    BAD_WEIGHT = "bad_weight"
    UNKNOWN_UID = "unknown_uid"
    TOO_FEW_WEIGHTS = "too_few_weights"
    OVERWRITTEN = "overwritten"
    """They were included, but another row stood there when it was read back."""
    OTHER = "other"


class Stage(StrEnum):
    """Who refused: the client before signing, the pool, the block's execution, the read-back."""

    PREFLIGHT = "preflight"
    POOL = "pool"
    DISPATCH = "dispatch"
    READ_BACK = "read_back"


@dataclass(frozen=True, slots=True)
class WeightsSet:
    """The weights stand on the chain: ``row`` was read back at ``read_at``, a finalized block."""

    receipt: Receipt
    read_at: BlockRef
    row: WeightRow


@dataclass(frozen=True, slots=True)
class WeightsCommitted:
    """Commit-reveal is on: the sealed row was included; beacon round ``reveal_round`` opens it."""

    receipt: Receipt
    reveal_round: int


@dataclass(frozen=True, slots=True)
class WeightsRefused:
    """The weights do not stand. ``retry_after_blocks``: after how many blocks another try may go
    through, where the chain's state tells it: the rest of a rate limit, or the next epoch, which
    hands out permits and counts stakes anew."""

    reason: RefusalReason
    stage: Stage
    cause: str
    cure: str
    retry_after_blocks: int | None = None


WeightsOutcome = WeightsSet | WeightsCommitted | WeightsSealed | WeightsRefused
RevealOutcome = WeightsOpened | WeightsSealed | WeightsRefused


class Chain(Protocol):
    """A chain, local or public. Not safe for use from two event loops."""

    async def close(self) -> None:
        """Let go of the connection. Idempotent; later calls raise."""
        ...

    # Blocks

    async def head(self) -> BlockRef:
        """The best block."""
        ...

    async def finalized(self) -> BlockRef:
        """The newest block that cannot be taken back."""
        ...

    async def genesis_hash(self) -> str:
        """The hash of block 0, ``0x`` and 64 hex digits: which chain this is."""
        ...

    async def block_time_s(self) -> float:
        """Seconds between blocks, as the chain states it."""
        ...

    async def block_hash(self, number: int) -> bytes:
        """The 32-byte hash of the finalized block ``number``; ``UnknownBlock`` if there is none yet
        or the chain does not know it any more."""
        ...

    async def is_money(self) -> bool:
        """Whether this is the public chain, whose TAO is worth something, by its genesis: through
        whatever node it is reached, one on this machine included."""
        ...

    async def is_public(self) -> bool:
        """Whether anybody may write to it: the public chain or its test network, by its genesis."""
        ...

    def heads(
        self, *, finalized: bool = True, silence_s: float = WRITE_DEADLINE_S
    ) -> AsyncGenerator[BlockRef, None]:
        """New heads, numbers strictly growing; some may be left out when the reader is slow.
        Reconnects by itself; ``ChainUnavailable`` after ``silence_s`` without a new head,
        ``OtherChain`` for another chain. Leave it through ``contextlib.aclosing``, so that its
        subscription ends with it.
        """
        ...

    async def wait_for_block(
        self, number: int, *, finalized: bool = True, timeout_s: float
    ) -> BlockRef:
        """The first head seen at or above ``number``; ``ChainUnavailable`` after ``timeout_s``."""
        ...

    # Reads, at the finalized head unless ``at`` names another block

    async def subnet_exists(self, netuid: int) -> bool: ...

    async def subnets(self) -> Sequence[SubnetInfo]:
        """All subnets but root, by netuid."""
        ...

    async def subnet_price(self) -> Rao:
        """What creating a subnet costs now."""
        ...

    async def subnet(self, netuid: int) -> SubnetInfo:
        """One subnet; ``UnknownSubnet`` if there is none."""
        ...

    async def price_after(self, netuid: int, spent: Rao) -> Rao:
        """What one alpha would cost once somebody had spent that much on alpha of the subnet, by a
        stake or for a uid; with nothing spent, what it costs."""
        ...

    async def hyperparameters(self, netuid: int, at: BlockRef | None = None) -> Hyperparameters: ...

    async def metagraph(self, netuid: int, at: BlockRef | None = None) -> Metagraph:
        """All about a subnet's neurons, from one block; ``UnknownSubnet`` if there is none."""
        ...

    async def moment(self, netuid: int, at: BlockRef | None = None) -> Moment:
        """The metagraph and the commitments of its hotkeys, from one block; ``UnknownSubnet`` if
        there is none. Three requests, whatever the number of neurons, where ``at`` is given."""
        ...

    async def read(self, item: str, *keys: object, at: BlockRef | None = None) -> object:
        """The decoded value of the storage item ``item`` ("Pallet.Item") under ``keys``; the item's
        default, or None, where nothing is stored. ``BadQuery`` for an item that the chain's
        metadata does not have, and for keys of the wrong number or type."""
        ...

    async def weights(self, netuid: int, at: BlockRef | None = None) -> Mapping[Uid, WeightRow]:
        """The stored row of every validator that has one."""
        ...

    async def commitment(self, netuid: int, hotkey: str) -> Commitment | None: ...

    async def commitments(
        self, netuid: int, at: BlockRef | None = None
    ) -> Mapping[Ss58, Commitment]:
        """Every hotkey's commitment in clear on this subnet."""
        ...

    async def balance(self, address: str) -> Rao:
        """Free TAO of an account; 0 for one that the chain has never seen."""
        ...

    async def stake(
        self, hotkey: str, coldkey: str, netuid: int, at: BlockRef | None = None
    ) -> AlphaRao:
        """What the coldkey holds on the hotkey, on this subnet."""
        ...

    async def stakes(self, coldkey: str) -> Sequence[StakePosition]:
        """All that a coldkey has staked."""
        ...

    # Writes. Each returns once finalized, or raises ``ChainRefused`` or ``ChainUnavailable``

    async def submit(
        self, call: Call, signer: Signer, *, timeout_s: float | None = None
    ) -> Receipt:
        """Sign ``call`` and send it. ``BadQuery`` for a call that the chain's metadata does not
        have, and for arguments that do not fit it."""
        ...

    async def set_weights(
        self,
        netuid: int,
        hotkey: Signer,
        weights: Mapping[Uid, float],
        *,
        version_key: int = 0,
        sealing: RowSeal | None = None,
        timeout_s: float | None = None,
    ) -> WeightsOutcome:
        """Replace the hotkey's row by these relative weights (each finite and >= 0).

        Under commit-reveal the row is sealed: for the beacon of a chain that has one, else with
        ``sealing`` if that is given. A refusal is a value here, not an exception: a validator's
        loop expects it. Only a chain that does not answer raises, after ``timeout_s`` or the
        client's own deadline. A lost answer is settled by looking at what the chain holds.
        """
        ...

    async def reveal_weights(
        self, netuid: int, hotkey: Signer, sealed: SealedRow, *, timeout_s: float | None = None
    ) -> RevealOutcome:
        """Open a row that ``set_weights`` sealed; nothing is sent before its epoch, nor where it
        stands open already. It raises as ``set_weights`` does."""
        ...

    async def serve_axon(self, netuid: int, hotkey: Signer, endpoint: Endpoint) -> Receipt | None:
        """Publish where the hotkey's axon listens; None if the chain says so already."""
        ...

    async def set_commitment(self, netuid: int, hotkey: Signer, data: bytes) -> Receipt:
        """Publish up to ``COMMITMENT_BYTES_MAX`` bytes under the hotkey."""
        ...

    async def create_subnet(self, coldkey: Signer, hotkey: str) -> NewSubnet:
        """Create a subnet owned by the coldkey; the hotkey takes uid 0."""
        ...

    async def start_subnet(self, netuid: int, coldkey: Signer) -> Receipt | None:
        """Let the subnet's token trade and its emission flow; None if it was started already."""
        ...

    async def register(
        self, netuid: int, coldkey: Signer, hotkey: str, *, limit: Rao | None = None
    ) -> Registration:
        """Buy the hotkey a uid; ``TooDear`` if it costs more than ``limit`` once its turn comes. A
        hotkey that has one keeps it and nothing is paid."""
        ...

    async def add_stake(
        self, netuid: int, coldkey: Signer, hotkey: str, amount: Rao, *, limit: Rao | None = None
    ) -> StakeAdded:
        """Turn ``amount`` of TAO into alpha on the hotkey. All of it, or ``TooDear`` and none if
        that would raise what one alpha costs above ``limit``, by itself or after others' trades."""
        ...

    async def remove_stake(
        self, netuid: int, coldkey: Signer, hotkey: str, sold: AlphaRao, *, limit: Rao | None = None
    ) -> StakeRemoved:
        """Turn ``sold`` alpha on the hotkey into TAO. All of it, or ``TooCheap`` and none if that
        would lower what one alpha costs below ``limit``, or ``TooLittleStake`` and none."""
        ...

    async def transfer(self, coldkey: Signer, to: str, amount: Rao) -> Receipt:
        """Send TAO; the sender's account is kept alive. ValueError: an amount that is no u64."""
        ...
