"""A chain in memory behind the ``Chain`` protocol, for tests and for trying a task.

Adds to ``fake_state`` and ``fake_epoch`` what a client meets: blocks and their hashes, a pool,
finality behind the head, old states, waiting, deadlines, and a switch that takes the chain down.

``FakeLedger`` is the chain; any number of ``FakeChain`` clients share one. Blocks come by hand
(``advance``), with each write (``seal_on_write``), or by the clock (``run``). Hashes depend on the
seed and the number alone, so equal seeds give equal runs. Nothing here opens a socket; the only
clock is the one passed in.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, Generic, TypeVar

from assay.aio import bounded
from assay.chain import fake_state as calls
from assay.chain.deadlines import WRITE_DEADLINE_S, Deadlines
from assay.chain.errors import (
    WAIT_CURE,
    ChainRefused,
    ChainUnavailable,
    OutcomeUnknown,
    UnknownBlock,
)
from assay.chain.fake_epoch import Consensus, run_epochs, stake_weighted_mean
from assay.chain.fake_items import CALLS, ITEMS, FakeCall, FakeItem, bound_call, read_item
from assay.chain.fake_state import FakeState, Rules
from assay.chain.fake_views import metagraph_of, moment_of, subnet_info_of
from assay.chain.fake_weights import FakeWeights
from assay.chain.interface import (
    BlockRef,
    Call,
    Commitment,
    Endpoint,
    Hyperparameters,
    Metagraph,
    Moment,
    NewSubnet,
    Receipt,
    Registration,
    RevealOutcome,
    StakeAdded,
    StakePosition,
    StakeRemoved,
    SubnetInfo,
    WeightRow,
    WeightsOutcome,
)
from assay.chain.sealing import RowSeal, SealedRow
from assay.clock import Clock
from assay.types import AlphaRao, BlockNumber, NetUid, Rao, Signer, Ss58, Uid, checked_amount

T = TypeVar("T")

HISTORY_BLOCKS: Final = 4_096
"""States kept for reads at old blocks; unchanged states share everything, so this is cheap."""


@dataclass(slots=True)
class _Write(Generic[T]):
    """A call in the pool: the function to run in a block, and who waits for its outcome."""

    apply: Callable[[FakeState, int], tuple[FakeState, T]]
    done: asyncio.Future[tuple[T, Receipt]]
    sequence: int
    value: T | None = None


@dataclass(slots=True)
class _Block:
    ref: BlockRef
    state: FakeState
    landed: list[_Write[Any]] = field(default_factory=list)


class FakeLedger:
    """The chain itself: its blocks, its pool and the rules it runs by."""

    def __init__(
        self,
        clock: Clock,
        *,
        rules: Rules | None = None,
        balances: Mapping[str, int] | None = None,
        consensus: Consensus = stake_weighted_mean,
        block_time_s: float = 0.25,
        finality_lag: int = 0,
        seal_on_write: bool = True,
        seed: bytes = b"fake",
        money: bool = False,
        items: Mapping[str, FakeItem] | None = None,
        calls: Mapping[str, FakeCall] | None = None,
    ) -> None:
        self.items = {**ITEMS, **(items or {})}
        self.calls = {**CALLS, **(calls or {})}
        self.clock = clock
        self.money = money
        self.block_time_s = block_time_s
        self.down = False
        """While True every client gets ``ChainUnavailable``; the state is kept."""
        self._consensus = consensus
        self._lag = finality_lag
        self._seal_on_write = seal_on_write
        self._seed = seed
        self._writes = 0
        self._pool: list[_Write[Any]] = []
        funds = {Ss58(address): Rao(amount) for address, amount in (balances or {}).items()}
        genesis = _Block(self._ref(0), FakeState(rules or Rules(), balances=funds))
        self._blocks: deque[_Block] = deque([genesis], maxlen=HISTORY_BLOCKS)
        self._unsettled: deque[_Block] = deque()
        self._moved = asyncio.Event()

    def _ref(self, number: int) -> BlockRef:
        digest = blake2b(self._seed + number.to_bytes(8, "little"), digest_size=32).hexdigest()
        return BlockRef(BlockNumber(number), f"0x{digest}")

    @property
    def head(self) -> BlockRef:
        return self._blocks[-1].ref

    @property
    def finalized(self) -> BlockRef:
        return self._blocks[max(-1 - self._lag, -len(self._blocks))].ref

    def ref_of(self, number: int) -> BlockRef:
        """The finalized block ``number``; ``UnknownBlock`` if there is none yet."""
        if not 0 <= number <= self.finalized.number:
            raise UnknownBlock.of(number, self.finalized.number)
        return self._ref(number)

    def state_at(self, ref: BlockRef) -> FakeState:
        """The state after that block; ``UnknownBlock`` if it is gone or never was."""
        index = ref.number - self._blocks[0].ref.number
        if 0 <= index < len(self._blocks) and self._blocks[index].ref == ref:
            return self._blocks[index].state
        raise UnknownBlock.discarded(ref.number)

    def edit(self, change: Callable[[FakeState], FakeState]) -> None:
        """Change the head's state from outside, as sudo would: settings, balances, stakes."""
        self._blocks[-1].state = change(self._blocks[-1].state)

    def advance(self, blocks: int = 1) -> BlockRef:
        """Seal blocks: the pool's calls, then the epochs that are due, then finality moves."""
        for _ in range(blocks):
            number = self.head.number + 1
            state = self._blocks[-1].state
            block = _Block(self._ref(number), state)
            pool, self._pool = self._pool, []
            for write in pool:
                if write.done.done():  # its caller gave up
                    continue
                try:
                    state, write.value = write.apply(state, number)
                except ChainRefused as refusal:
                    write.done.set_exception(refusal)
                else:
                    block.landed.append(write)
            block.state = run_epochs(state, number, self._consensus)
            self._blocks.append(block)
            self._unsettled.append(block)
            self._settle()
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        return self.head

    def _settle(self) -> None:
        """Tell the callers of every call whose block is final now."""
        while self._unsettled and self._unsettled[0].ref.number <= self.finalized.number:
            block = self._unsettled.popleft()
            for write in block.landed:
                if not write.done.done():
                    name = blake2b(write.sequence.to_bytes(8, "little"), digest_size=32).hexdigest()
                    receipt = Receipt(block.ref, f"0x{name}", Rao(0))
                    write.done.set_result((write.value, receipt))

    async def moved(self) -> None:
        """Return when the next block has been sealed."""
        await self._moved.wait()

    async def run(self) -> None:
        """Seal a block every ``block_time_s`` of the clock, until cancelled."""
        while True:
            await self.clock.sleep(self.block_time_s)
            if not self.down:
                self.advance()

    def submit(self, apply: Callable[[FakeState, int], tuple[FakeState, T]]) -> _Write[T]:
        """Put a call into the pool; its future resolves once finalized."""
        self._writes += 1
        write = _Write(apply, asyncio.get_running_loop().create_future(), self._writes)
        self._pool.append(write)
        if self._seal_on_write:
            self.advance(1 + self._lag)
        return write


class FakeChain:
    """One client of a ``FakeLedger``; see ``Chain`` for what each method promises."""

    def __init__(self, ledger: FakeLedger, deadlines: Deadlines | None = None) -> None:
        self._ledger = ledger
        self._deadlines = deadlines or Deadlines()
        self._closed = False

    async def close(self) -> None:
        self._closed = True

    def _reach(self) -> FakeLedger:
        if self._closed:
            raise RuntimeError("this chain client was closed")
        if self._ledger.down:
            raise ChainUnavailable("The chain does not answer.", WAIT_CURE)
        return self._ledger

    async def _within(self, awaitable: Awaitable[T], timeout_s: float, what: str) -> T:
        try:
            return await bounded(self._ledger.clock, timeout_s, awaitable)
        except TimeoutError:
            raise ChainUnavailable(
                f"{what} did not happen within {timeout_s:g} s.", WAIT_CURE
            ) from None

    # Blocks

    async def head(self) -> BlockRef:
        return self._reach().head

    async def finalized(self) -> BlockRef:
        return self._reach().finalized

    async def block_time_s(self) -> float:
        return self._reach().block_time_s

    async def genesis_hash(self) -> str:
        return self._reach().ref_of(0).hash

    async def block_hash(self, number: int) -> bytes:
        return bytes.fromhex(self._reach().ref_of(number).hash.removeprefix("0x"))

    async def is_money(self) -> bool:
        return self._reach().money

    async def is_public(self) -> bool:
        return self._reach().money

    async def heads(
        self, *, finalized: bool = True, silence_s: float = WRITE_DEADLINE_S
    ) -> AsyncGenerator[BlockRef, None]:
        last = -1
        while True:
            number = last + 1
            ref = await self.wait_for_block(number, finalized=finalized, timeout_s=silence_s)
            last = ref.number
            yield ref

    async def wait_for_block(
        self, number: int, *, finalized: bool = True, timeout_s: float
    ) -> BlockRef:
        async def reached() -> BlockRef:
            while True:
                ledger = self._ledger
                ref = ledger.finalized if finalized else ledger.head
                if ref.number >= number and not ledger.down:
                    return ref
                await ledger.moved()

        if self._closed:
            self._reach()
        return await self._within(reached(), timeout_s, f"Block {number}")

    # Reads

    def state(self, *, finalized: bool) -> tuple[FakeState, BlockRef]:
        """The chain's state after its newest block, or after its newest finalized one."""
        return self._state(None if finalized else self._reach().head)

    def _state(self, at: BlockRef | None) -> tuple[FakeState, BlockRef]:
        ledger = self._reach()
        ref = at or ledger.finalized
        return ledger.state_at(ref), ref

    async def subnet_exists(self, netuid: int) -> bool:
        return NetUid(netuid) in self._state(None)[0].subnets

    async def subnets(self) -> Sequence[SubnetInfo]:
        state, _ = self._state(None)
        return [subnet_info_of(state, netuid) for netuid in sorted(state.subnets)]

    async def subnet_price(self) -> Rao:
        return Rao(self._state(None)[0].rules.subnet_price)

    async def subnet(self, netuid: int) -> SubnetInfo:
        return subnet_info_of(self._state(None)[0], netuid)

    async def price_after(self, netuid: int, spent: Rao) -> Rao:
        return subnet_info_of(self._state(None)[0], netuid).alpha_price

    async def hyperparameters(self, netuid: int, at: BlockRef | None = None) -> Hyperparameters:
        return self._state(at)[0].subnet(netuid).settings

    async def metagraph(self, netuid: int, at: BlockRef | None = None) -> Metagraph:
        state, ref = self._state(at)
        return metagraph_of(state, netuid, ref)

    async def moment(self, netuid: int, at: BlockRef | None = None) -> Moment:
        state, ref = self._state(at)
        return moment_of(state, netuid, ref)

    async def read(self, item: str, *keys: object, at: BlockRef | None = None) -> object:
        return read_item(self._ledger.items, self._state(at)[0], item, keys)

    async def weights(self, netuid: int, at: BlockRef | None = None) -> Mapping[Uid, WeightRow]:
        return dict(self._state(at)[0].subnet(netuid).rows)

    async def commitment(self, netuid: int, hotkey: str) -> Commitment | None:
        return (await self.commitments(netuid)).get(Ss58(hotkey))

    async def commitments(
        self, netuid: int, at: BlockRef | None = None
    ) -> Mapping[Ss58, Commitment]:
        return dict(self._state(at)[0].subnet(netuid).commitments)

    async def balance(self, address: str) -> Rao:
        return self._state(None)[0].balances.get(Ss58(address), Rao(0))

    async def stake(
        self, hotkey: str, coldkey: str, netuid: int, at: BlockRef | None = None
    ) -> AlphaRao:
        state, _ = self._state(at)
        return state.stakes.get((Ss58(hotkey), Ss58(coldkey), NetUid(netuid)), AlphaRao(0))

    async def stakes(self, coldkey: str) -> Sequence[StakePosition]:
        state, _ = self._state(None)
        return [
            StakePosition(hot, cold, netuid, alpha)
            for (hot, cold, netuid), alpha in sorted(state.stakes.items())
            if cold == coldkey and alpha
        ]

    # Writes

    async def write(
        self,
        apply: Callable[[FakeState, int], tuple[FakeState, T]],
        timeout_s: float | None = None,
    ) -> tuple[T, Receipt]:
        write = self._reach().submit(apply)
        limit_s = timeout_s or self._deadlines.write_s
        try:
            return await self._within(write.done, limit_s, "The block that holds the call")
        except ChainUnavailable as error:
            raise OutcomeUnknown(error.cause, error.cure) from None

    async def submit(
        self, call: Call, signer: Signer, *, timeout_s: float | None = None
    ) -> Receipt:
        _, receipt = await self.write(
            bound_call(self._ledger.calls, call, signer.address), timeout_s
        )
        return receipt

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
        return await FakeWeights(self).set(netuid, hotkey, weights, version_key, sealing, timeout_s)

    async def reveal_weights(
        self, netuid: int, hotkey: Signer, sealed: SealedRow, *, timeout_s: float | None = None
    ) -> RevealOutcome:
        return await FakeWeights(self).reveal(netuid, hotkey, sealed, timeout_s)

    async def serve_axon(self, netuid: int, hotkey: Signer, endpoint: Endpoint) -> Receipt | None:
        subnet = self._state(None)[0].subnet(netuid)
        if subnet.slots[subnet.need_uid(hotkey.address)].axon == endpoint:
            return None
        _, receipt = await self.write(
            lambda state, block: calls.serve_axon(state, block, netuid, hotkey.address, endpoint)
        )
        return receipt

    async def set_commitment(self, netuid: int, hotkey: Signer, data: bytes) -> Receipt:
        _, receipt = await self.write(
            lambda state, block: calls.set_commitment(state, block, netuid, hotkey.address, data)
        )
        return receipt

    async def create_subnet(self, coldkey: Signer, hotkey: str) -> NewSubnet:
        netuid, receipt = await self.write(
            lambda state, block: calls.create_subnet(state, block, coldkey.address, hotkey)
        )
        return NewSubnet(netuid, receipt)

    async def start_subnet(self, netuid: int, coldkey: Signer) -> Receipt | None:
        if self._state(None)[0].subnet(netuid).started:
            return None
        _, receipt = await self.write(
            lambda state, block: calls.start_subnet(state, block, netuid, coldkey.address)
        )
        return receipt

    async def register(
        self, netuid: int, coldkey: Signer, hotkey: str, *, limit: Rao | None = None
    ) -> Registration:
        held = self._state(None)[0].subnet(netuid).uid_of(hotkey)
        if held is not None:
            return Registration(NetUid(netuid), held, None)
        uid, receipt = await self.write(
            lambda state, block: calls.register(
                state, block, netuid, coldkey.address, hotkey, limit
            )
        )
        return Registration(NetUid(netuid), uid, receipt)

    async def add_stake(
        self, netuid: int, coldkey: Signer, hotkey: str, amount: Rao, *, limit: Rao | None = None
    ) -> StakeAdded:
        value = checked_amount(amount)
        alpha, receipt = await self.write(
            lambda state, block: calls.add_stake(
                state, block, netuid, coldkey.address, hotkey, value, limit
            )
        )
        return StakeAdded(alpha, receipt)

    async def remove_stake(
        self, netuid: int, coldkey: Signer, hotkey: str, sold: AlphaRao, *, limit: Rao | None = None
    ) -> StakeRemoved:
        value = checked_amount(sold)
        tao, receipt = await self.write(
            lambda state, block: calls.remove_stake(
                state, block, netuid, coldkey.address, hotkey, value, limit
            )
        )
        return StakeRemoved(tao, receipt)

    async def transfer(self, coldkey: Signer, to: str, amount: Rao) -> Receipt:
        value = checked_amount(amount)
        _, receipt = await self.write(
            lambda state, block: calls.transfer(state, block, coldkey.address, to, value)
        )
        return receipt
