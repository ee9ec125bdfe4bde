"""The bittensor SDK 11.3 behind the ``Chain`` protocol.

Adds to the SDK one narrow, typed surface with deadlines, reconnection, exactly-once writes and
typed refusals (see ``sdk_session``, ``sdk_submit``, ``sdk_reads``, ``sdk_errors``). This file only
puts them together: which block a read is pinned to, what is looked at before a write, and what is
read back after it.

Registration goes by a plain ``burned_register`` call: the SDK's own intent insists on the MEV
shield. Weights go by a plain call as well, so that the row on the chain is the row predicted here;
the SDK's intent is used only to seal weights for commit-reveal. Import this file lazily: it pulls
in the SDK.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from bittensor.result import BittensorError
from bittensor.settings import FINNEY_GENESIS_HASH

from assay.chain.deadlines import WRITE_DEADLINE_S, Deadlines
from assay.chain.errors import (
    UNSTAKE_MORE_CURE,
    WAIT_CURE,
    AlreadyRegistered,
    BadAnswer,
    ChainRefused,
    ChainUnavailable,
    NotRegistered,
    NotStarted,
    RateLimited,
    TooCheap,
    TooDear,
    TooLittleBalance,
    TooLittleStake,
    UnknownBlock,
    UnknownSubnet,
)
from assay.chain.interface import (
    COMMITMENT_BYTES_MAX,
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
from assay.chain.sdk_heads import new_heads
from assay.chain.sdk_private import calls
from assay.chain.sdk_reads import BlockReader, read_block
from assay.chain.sdk_session import Lost, SdkSession, Sessions
from assay.chain.sdk_submit import FailedError, Landed, Submitter, composed, part_of
from assay.chain.sdk_weights import WeightsWriter
from assay.chain.sealing import RowSeal, SealedRow
from assay.clock import Clock
from assay.metrics import NO_METRICS, Metrics
from assay.types import AlphaRao, BlockNumber, NetUid, Rao, Signer, Ss58, Uid, checked_amount

T = TypeVar("T")

_TEST_GENESIS_HASH: Final = "0x8f9cf856bf558a14440e75569c9e58594757048d7b3a84b5d25f6bd978263105"
"""Of the public test network, as its nodes answer it; the SDK does not name it."""
_AXON_VERSION: Final = 1
_AXON_PROTOCOL: Final = 4
"""Tags stored beside the address; the SDK's own defaults, their meaning is the subnet's."""
_REGISTER_TRIES: Final = 6
"""A block takes one registration on a public subnet, and each attempt that fails costs a fee."""


class SdkChain:
    """One client of a chain at a URL; see ``Chain`` for what each method promises."""

    def __init__(
        self,
        url: str,
        cache_dir: Path,
        clock: Clock,
        rng: random.Random,
        deadlines: Deadlines,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        self._deadlines = deadlines
        self._sessions = Sessions(url, cache_dir, clock, rng, metrics)
        self._submitter = Submitter(self._sessions)
        self._weights = WeightsWriter(self._sessions, self._submitter, deadlines)
        self._final = -1
        """The newest block that is known to be finalized."""

    async def open(self, patience_s: float) -> None:
        """Connect now, so that a wrong address shows at the start."""
        await self._sessions.call(_finalized, timeout_s=patience_s, what="answer")

    async def close(self) -> None:
        await self._sessions.close()

    # Blocks

    async def head(self) -> BlockRef:
        return await self._ask("name its head", _head)

    async def finalized(self) -> BlockRef:
        return await self._ask("name its finalized head", _finalized)

    async def block_time_s(self) -> float:
        async def ask(session: SdkSession) -> float:
            return float(await session.block_time())

        return await self._ask("state its block time", ask)

    async def genesis_hash(self) -> str:
        async def ask(session: SdkSession) -> str:
            return session.genesis

        return await self._ask("name its genesis", ask)

    async def block_hash(self, number: int) -> bytes:
        async def ask(session: SdkSession) -> bytes:
            if number > self._final:
                self._final = max((await _finalized(session)).number, self._final)
            if 0 <= number <= self._final:
                told = await session.request("chain_getBlockHash", [number])
                if told is not None:
                    return _hash_bytes(told)
            raise UnknownBlock.of(number, self._final)

        return await self._ask("name a block", ask)

    async def is_money(self) -> bool:
        return bool(await self.genesis_hash() == FINNEY_GENESIS_HASH)

    async def is_public(self) -> bool:
        return await self.genesis_hash() in (FINNEY_GENESIS_HASH, _TEST_GENESIS_HASH)

    async def heads(
        self, *, finalized: bool = True, silence_s: float = WRITE_DEADLINE_S
    ) -> AsyncGenerator[BlockRef, None]:
        newest = -1
        attempt = 0
        loop = asyncio.get_running_loop()
        heard = loop.time()
        while True:
            left = max(silence_s - (loop.time() - heard), 0.0)
            try:
                async with contextlib.aclosing(self._stream(finalized, left, silence_s)) as refs:
                    async for ref in refs:
                        heard = loop.time()
                        self._sessions.met()
                        attempt = 0
                        if ref.number > newest:
                            newest = ref.number
                            yield ref
            except TimeoutError:
                await self._sessions.hang_up()
                raise ChainUnavailable(
                    f"The chain at {self._sessions.name} made no block for {silence_s:g} s.",
                    WAIT_CURE,
                ) from None
            except (Lost, BittensorError) as error:
                self._sessions.missed(error)
                await self._sessions.pause(attempt)
                attempt += 1

    async def _stream(
        self, finalized: bool, first_s: float, silence_s: float
    ) -> AsyncGenerator[BlockRef, None]:
        """Heads over one connection: the current one, then each that is announced.

        Once a connection the chain is recognised by its block 1. Else a chain that was begun anew
        would look like a silent one, since the numbers of its heads are lower than those before."""
        async with asyncio.timeout(first_s):
            session = await self._sessions.current()
        stream = new_heads(session, finalized=finalized)
        limit_s = first_s
        recognised = (
            not finalized
        )  # what is not finalized may be replaced on one and the same chain
        try:
            while True:
                async with asyncio.timeout(limit_s):
                    ref = await session.run(lambda _: anext(stream))
                    if not recognised and ref.number > 0:
                        await session.run(self._sessions.recognise)
                        recognised = True
                yield ref
                limit_s = silence_s
        finally:
            # A node that hangs leaves the stream waiting for its answer; it ends with the session.
            with contextlib.suppress(RuntimeError):
                await stream.aclose()

    async def wait_for_block(
        self, number: int, *, finalized: bool = True, timeout_s: float
    ) -> BlockRef:
        refs = self.heads(finalized=finalized, silence_s=timeout_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), contextlib.aclosing(refs):
                async for ref in refs:
                    if ref.number >= number:
                        return ref
        raise ChainUnavailable(
            f"The chain at {self._sessions.name} did not reach block {number} within"
            f" {timeout_s:g} s.",
            WAIT_CURE,
        )

    # Reads

    async def _ask(self, what: str, op: Callable[[SdkSession], Awaitable[T]]) -> T:
        return await self._sessions.call(op, timeout_s=self._deadlines.read_s, what=what)

    async def _read(
        self, what: str, ask: Callable[[BlockReader], Awaitable[T]], at: BlockRef | None = None
    ) -> T:
        async def op(session: SdkSession) -> T:
            hash_ = at.hash if at is not None else await session.head_hash(finalized=True)
            return await read_block(session, hash_, ask)

        return await self._ask(what, op)

    async def subnet_exists(self, netuid: int) -> bool:
        return await self._read("look for a subnet", lambda r: r.exists(netuid))

    async def subnets(self) -> Sequence[SubnetInfo]:
        return await self._read("list its subnets", lambda r: r.subnets())

    async def subnet(self, netuid: int) -> SubnetInfo:
        return await self._read("describe a subnet", lambda r: r.subnet(netuid))

    async def price_after(self, netuid: int, spent: Rao) -> Rao:
        return await self._read("foresee a price", lambda r: r.price_after(netuid, spent))

    async def hyperparameters(self, netuid: int, at: BlockRef | None = None) -> Hyperparameters:
        return await self._read(
            "state a subnet's settings", lambda r: r.hyperparameters(netuid), at
        )

    async def metagraph(self, netuid: int, at: BlockRef | None = None) -> Metagraph:
        return await self._read("give a metagraph", lambda r: r.metagraph(netuid), at)

    async def moment(self, netuid: int, at: BlockRef | None = None) -> Moment:
        return await self._read("give a subnet's moment", lambda r: r.moment(netuid), at)

    async def read(self, item: str, *keys: object, at: BlockRef | None = None) -> object:
        return await self._read(f"give {item:.80}", lambda r: r.named(item, keys), at)

    async def weights(self, netuid: int, at: BlockRef | None = None) -> Mapping[Uid, WeightRow]:
        return await self._read("give the weights", lambda r: r.rows(netuid), at)

    async def commitment(self, netuid: int, hotkey: str) -> Commitment | None:
        return await self._read("give a commitment", lambda r: r.commitment(netuid, hotkey))

    async def commitments(
        self, netuid: int, at: BlockRef | None = None
    ) -> Mapping[Ss58, Commitment]:
        return await self._read("give the commitments", lambda r: r.commitments(netuid), at)

    async def balance(self, address: str) -> Rao:
        return await self._read("give a balance", lambda r: r.balance(address))

    async def stake(
        self, hotkey: str, coldkey: str, netuid: int, at: BlockRef | None = None
    ) -> AlphaRao:
        return await self._read("give a stake", lambda r: r.stake(hotkey, coldkey, netuid), at)

    async def stakes(self, coldkey: str) -> Sequence[StakePosition]:
        return await self._read("list an account's stakes", lambda r: r.stakes(coldkey))

    # Writes

    async def _submit(
        self, call: Any, signer: Signer, what: str, timeout_s: float | None = None
    ) -> Landed:
        limit_s = timeout_s or self._deadlines.write_s
        try:
            return await self._submitter.submit(call, signer, what=what, timeout_s=limit_s)
        except FailedError as failed:
            raise failed.refusal from failed

    async def submit(
        self, call: Call, signer: Signer, *, timeout_s: float | None = None
    ) -> Receipt:
        async def compose(session: SdkSession) -> Any:
            return await composed(session, call)

        await self._ask(f"look at {call}", compose)  # a mistake in it shows before a signature
        landed = await self._submit(compose, signer, f"run {call}", timeout_s)
        return landed.receipt

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
        limit_s = timeout_s or self._deadlines.write_s
        return await self._weights.set(netuid, hotkey, weights, version_key, sealing, limit_s)

    async def reveal_weights(
        self, netuid: int, hotkey: Signer, sealed: SealedRow, *, timeout_s: float | None = None
    ) -> RevealOutcome:
        limit_s = timeout_s or self._deadlines.write_s
        return await self._weights.reveal(netuid, hotkey, sealed, limit_s)

    async def serve_axon(self, netuid: int, hotkey: Signer, endpoint: Endpoint) -> Receipt | None:
        who = hotkey.address
        uid, published = await self._read("give an axon", lambda r: r.axon(netuid, who))
        if uid is None:
            raise NotRegistered.of(who, netuid)
        if published == endpoint:
            return None
        address = ipaddress.ip_address(endpoint.host)
        call = calls.SubtensorModule.serve_axon(
            netuid=netuid,
            version=_AXON_VERSION,
            ip=int(address),
            port=endpoint.port,
            ip_type=address.version,
            protocol=_AXON_PROTOCOL,
            placeholder1=0,
            placeholder2=0,
        )
        return (await self._submit(call, hotkey, "publish the axon")).receipt

    async def set_commitment(self, netuid: int, hotkey: Signer, data: bytes) -> Receipt:
        if len(data) > COMMITMENT_BYTES_MAX:
            raise ChainRefused(
                f"A commitment holds {COMMITMENT_BYTES_MAX} bytes and {len(data)} were given.",
                "Commit a hash or a pointer and publish the rest elsewhere.",
                "TooManyFieldsInCommitmentInfo",
            )
        if not await self.subnet_exists(netuid):
            raise UnknownSubnet.of(netuid)
        field = {f"Raw{len(data)}": "0x" + data.hex()}
        call = calls.Commitments.set_commitment(netuid=netuid, info={"fields": [field]})
        return (await self._submit(call, hotkey, "publish the commitment")).receipt

    async def subnet_price(self) -> Rao:
        return await self._read("name the price of a subnet", lambda r: r.subnet_price())

    async def create_subnet(self, coldkey: Signer, hotkey: str) -> NewSubnet:
        price, balance = await asyncio.gather(self.subnet_price(), self.balance(coldkey.address))
        if balance < price:
            raise TooLittleBalance.of(coldkey.address, balance, "a subnet", price)
        call = calls.SubtensorModule.register_network(hotkey=hotkey)
        landed = await self._submit(call, coldkey, "create a subnet")
        netuid = part_of(landed.event("SubtensorModule", "NetworkAdded"), "netuid", 0)
        if netuid is None:
            raise BadAnswer.to("register_network", "the block holds no NetworkAdded event")
        return NewSubnet(NetUid(netuid), landed.receipt)

    async def start_subnet(self, netuid: int, coldkey: Signer) -> Receipt | None:
        if (await self.subnet(netuid)).started:
            return None
        call = calls.SubtensorModule.start_call(netuid=netuid)
        return (await self._submit(call, coldkey, "start the subnet")).receipt

    async def register(
        self, netuid: int, coldkey: Signer, hotkey: str, *, limit: Rao | None = None
    ) -> Registration:
        async def ask(reader: BlockReader) -> tuple[Uid | None, SubnetInfo, Rao]:
            subnet = await reader.subnet(netuid)
            return await reader.uid(netuid, hotkey), subnet, await reader.balance(coldkey.address)

        uid, subnet, balance = await self._read("say whether a hotkey is registered", ask)
        if uid is not None:
            return Registration(NetUid(netuid), uid, None)
        if limit is not None and subnet.registration_price > limit:
            raise TooDear.of(netuid, subnet.registration_price, limit)
        if balance < subnet.registration_price:
            raise TooLittleBalance.of(
                coldkey.address, balance, f"a uid of subnet {netuid}", subnet.registration_price
            )
        receipt = await self._buy_uid(netuid, coldkey, hotkey, limit)
        uid = await self._read("name the new uid", lambda r: r.uid(netuid, hotkey))
        if uid is None:
            raise NotRegistered.of(hotkey, netuid)
        return Registration(NetUid(netuid), uid, receipt)

    async def _buy_uid(
        self, netuid: int, coldkey: Signer, hotkey: str, limit: Rao | None
    ) -> Receipt | None:
        """Pay for a uid; later where a block is full. None: it was bought meanwhile."""
        call = calls.SubtensorModule.burned_register(netuid=netuid, hotkey=hotkey)
        if limit is not None:  # others may buy first, and each of them makes the next one dearer
            call = calls.SubtensorModule.register_limit(
                netuid=netuid, hotkey=hotkey, limit_price=checked_amount(limit)
            )
        attempt = 0
        while True:
            try:
                return (await self._submit(call, coldkey, "register the hotkey")).receipt
            except AlreadyRegistered:
                return None
            except RateLimited as refusal:
                attempt += 1
                full = refusal.reason == "TooManyRegistrationsThisBlock"
                if not full or attempt == _REGISTER_TRIES:
                    raise
            await self._sessions.pause(attempt)

    async def add_stake(
        self, netuid: int, coldkey: Signer, hotkey: str, amount: Rao, *, limit: Rao | None = None
    ) -> StakeAdded:
        if not (await self.subnet(netuid)).started:  # the pool would say no more than BadRequest
            raise NotStarted.of(netuid)
        bought = {"hotkey": hotkey, "netuid": netuid, "amount_staked": checked_amount(amount)}
        call = calls.SubtensorModule.add_stake(**bought)
        if limit is not None:  # others may buy before us, to sell to us, or we alone be too many
            call = calls.SubtensorModule.add_stake_limit(
                **bought, limit_price=checked_amount(limit), allow_partial=False
            )
        try:
            landed = await self._submit(call, coldkey, "stake")
        except TooDear as refusal:
            raise TooDear.stake(netuid, amount, limit or 0) from refusal
        alpha = part_of(landed.event("SubtensorModule", "StakeAdded"), "alpha", 3)
        if alpha is None:
            raise BadAnswer.to("add_stake", "the block holds no StakeAdded event")
        return StakeAdded(AlphaRao(alpha), landed.receipt)

    async def remove_stake(
        self, netuid: int, coldkey: Signer, hotkey: str, sold: AlphaRao, *, limit: Rao | None = None
    ) -> StakeRemoved:
        if not (await self.subnet(netuid)).started:  # the pool would say no more than BadRequest
            raise NotStarted.of(netuid)
        held = await self.stake(hotkey, coldkey.address, netuid)
        if held < checked_amount(sold):
            raise TooLittleStake.of(hotkey, netuid, held, sold)
        order = {"hotkey": hotkey, "netuid": netuid, "amount_unstaked": sold}
        call = calls.SubtensorModule.remove_stake(**order)
        if limit is not None:  # others may sell before us, to buy from us, or we alone be too many
            call = calls.SubtensorModule.remove_stake_limit(
                **order, limit_price=checked_amount(limit), allow_partial=False
            )
        try:
            landed = await self._submit(call, coldkey, "unstake")
        except TooDear as refusal:
            raise TooCheap.of(netuid, sold, limit or 0) from refusal
        except ChainRefused as refusal:
            if refusal.reason != "AmountTooLow":
                raise
            raise ChainRefused(refusal.cause, UNSTAKE_MORE_CURE, refusal.reason) from refusal
        tao = part_of(landed.event("SubtensorModule", "StakeRemoved"), "tao", 2)
        if tao is None:
            raise BadAnswer.to("remove_stake", "the block holds no StakeRemoved event")
        return StakeRemoved(Rao(tao), landed.receipt)

    async def transfer(self, coldkey: Signer, to: str, amount: Rao) -> Receipt:
        call = calls.Balances.transfer_keep_alive(dest=to, value=checked_amount(amount))
        return (await self._submit(call, coldkey, "transfer")).receipt


async def _head(session: SdkSession) -> BlockRef:
    return await _named(session, await session.head_hash(finalized=False))


async def _finalized(session: SdkSession) -> BlockRef:
    return await _named(session, await session.head_hash(finalized=True))


async def _named(session: SdkSession, hash_: str) -> BlockRef:
    return BlockRef(BlockNumber(await session.number_of(hash_)), hash_)


def _hash_bytes(told: Any) -> bytes:
    """The 32 bytes of a hash that a node told in hex."""
    try:
        found = bytes.fromhex(told.removeprefix("0x"))
    except (AttributeError, ValueError):
        found = b""
    if len(found) != 32:
        raise BadAnswer.to("a block's hash", "32 bytes were expected")
    return found
