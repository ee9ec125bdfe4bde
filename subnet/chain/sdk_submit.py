"""Send a call exactly once, over broken connections, restarts and upgrades of the chain.

The SDK's submit does not answer "did it happen?". Here an extrinsic is signed once and its bytes
are kept: its nonce lets it take effect once at most, so after a break the same bytes may go out
again, and whether they landed is read from the finalized blocks since it was signed. A new
signature is made only when the old one can no longer land: its nonce was used by another
extrinsic, its era is over, or the chain's head calls its bytes invalid and no finalized block up to
that head holds them.

The last case is an upgrade of the runtime. A signature covers the runtime's version, so that a new
runtime refuses what was signed for the old one (``BadProof``). The runtime is therefore asked for
before each signature.

One submission an account at a time, because a nonce is taken from the node and held until it is
used. It knows calls as opaque values and nothing of what they do.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bittensor.result import BittensorError, ExtrinsicResult
from loguru import logger

from assay.chain.errors import (
    WAIT_CURE,
    BadAnswer,
    BadQuery,
    ChainRefused,
    ChainUnavailable,
    OutcomeUnknown,
)
from assay.chain.interface import BlockRef, Call, Receipt, Stage
from assay.chain.sdk_errors import is_banned, is_busy, is_pool_full, refusal_of, sentence
from assay.chain.sdk_fees import UNPAYABLE, unpaid
from assay.chain.sdk_private import SignedExtrinsic
from assay.chain.sdk_session import Lost, SdkSession, Sessions
from assay.types import SS58_PREFIX, BlockNumber, Rao, Signer

ERA_BLOCKS: Final = 128
"""How long a signature may land: 32 s on a chain of 250 ms, 25 minutes on a public one."""
SIGNATURES_MAX: Final = 5
"""New signatures for one call; more means that another process fights over the same account."""
_SR25519: Final = 1

_NONCE_GONE: Final = frozenset({"Stale", "PriorityTooLow", "Future", "AncientBirthBlock"})
"""The pool's words for a nonce or an era that does not fit (any more)."""
_UNSETTLED: Final = frozenset(
    {"AlreadyImported", "Usurped", "Retracted", "FinalityTimeout", "Dropped"}
)
"""The bytes are, or were, in a pool: what became of them shows in the finalized blocks."""
_VOID: Final = frozenset({"BadProof", "Invalid"})
"""The head's runtime does not accept the bytes, which an earlier one may have accepted."""


async def composed(session: SdkSession, call: Call) -> Any:
    """The bytes of ``call`` for the head's runtime; ``BadQuery`` if they cannot be made of it."""
    try:
        arguments = {name: await _plain(session, each) for name, each in call.arguments.items()}
        made = await session.compose((call.pallet, call.name, arguments))
        read = await session.decode_call(made)
        unknown = set(call.arguments) - {str(each["name"]) for each in read["call_args"]}
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise BadQuery(
            f"The chain's runtime has no such call as {call}: {sentence(error)}",
            "Name a call that its metadata has, with arguments of its types.",
        ) from None
    if unknown:
        raise BadQuery(
            f"{call} has no argument {min(unknown)!r}.",
            "Give the arguments that the chain's metadata names.",
        )
    return made


async def _plain(session: SdkSession, argument: object) -> Any:
    """An argument as the SDK takes it: a call within a call as its bytes."""
    if isinstance(argument, Call):
        return await composed(session, argument)
    if isinstance(argument, (list, tuple)):
        return [await _plain(session, each) for each in argument]
    return argument


class SdkKey:
    """A ``Signer`` in the shape that the SDK signs with."""

    crypto_type = _SR25519
    ss58_format = SS58_PREFIX

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self.ss58_address = str(signer.address)
        self.public_key = signer.public_key

    def sign(self, data: bytes | str) -> bytes:
        payload = bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else data
        return self._signer.sign(payload)

    def __repr__(self) -> str:
        return f"SdkKey({self.ss58_address})"


class FailedError(Exception):
    """A call that the chain refused, with where that happened; internal to the adapter."""

    def __init__(self, refusal: ChainRefused, error: Any, stage: Stage) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
        self.error = error
        self.stage = stage


@dataclass(frozen=True, slots=True)
class Landed:
    """An extrinsic in a finalized block whose call succeeded."""

    receipt: Receipt
    events: Sequence[Any]

    def event(self, pallet: str, name: str) -> Any:
        """The attributes of the first such event, or None."""
        for entry in self.events:
            event = entry.get("event", entry) if isinstance(entry, Mapping) else {}
            if event.get("module_id") == pallet and event.get("event_id") == name:
                return event.get("attributes")
        return None


@dataclass(slots=True)
class _Signed:
    extrinsic: SignedExtrinsic
    nonce: int
    last: int
    """The last block that it may land in."""
    call: Any
    """What the bytes hold, as the codec composed it."""
    scanned: int
    """The newest finalized block that was searched for it."""
    sent: bool = False
    void_from: int | None = None
    """The head that called the bytes invalid: no later block holds them."""

    @property
    def hash(self) -> str:
        return str(self.extrinsic.extrinsic_hash)


class Submitter:
    """Submissions of one client."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def submit(self, call: Any, signer: Signer, *, what: str, timeout_s: float) -> Landed:
        """The finalized success of ``call``: one of the SDK's generated calls, or a function that
        composes it. The function is called again for each new signature, since another runtime may
        give the call other bytes.

        ``FailedError`` if the chain refused it, ``ChainUnavailable`` if it was never sent,
        ``OutcomeUnknown`` if it was sent and nothing was heard of it before the deadline.
        """
        job = _Job(self._sessions, call, SdkKey(signer), what)
        try:
            async with asyncio.timeout(timeout_s), self._turns[str(signer.address)]:
                return await job.run()
        except TimeoutError:
            await self._sessions.hang_up()
            name = self._sessions.name
            if job.signed is not None and job.signed.sent:
                raise OutcomeUnknown(
                    f"The chain at {name} did not say within {timeout_s:g} s whether it did"
                    f" {what} (extrinsic {job.signed.hash}).",
                    "Look at the chain's state before trying again.",
                ) from None
            why = f": {job.waits_for}" if job.waits_for else ""
            raise ChainUnavailable(
                f"The chain at {name} did not {what} within {timeout_s:g} s{why}.", WAIT_CURE
            ) from None


class _Job:
    """One call on its way, with its current signature."""

    def __init__(self, sessions: Sessions, call: Any, key: SdkKey, what: str) -> None:
        self._sessions = sessions
        self._call = call
        self._key = key
        self._what = what
        self._signatures = 0
        self._refused: FailedError | None = None
        """Why the last signature was refused, where a new one may be accepted."""
        self.signed: _Signed | None = None
        self.waits_for = ""
        """Why the bytes did not enter the pool, where it may have room later."""

    async def run(self) -> Landed:
        attempt = 0
        while True:
            try:
                session = await self._sessions.current()
                landed = await session.run(self._step)
                if landed is not None:
                    return landed
            except Lost as error:
                logger.debug("{}: {}; trying again", self._what, error)
            except BittensorError as error:
                raise self._failed(error, Stage.PREFLIGHT) from error
            await self._sessions.pause(attempt)
            attempt += 1

    async def _step(self, session: SdkSession) -> Landed | None:
        """Look whether it landed, else send it (signed anew if need be); None: not settled."""
        signed = self.signed
        if signed is not None and signed.sent:
            landed = await self._find(session, signed)
            if landed is not None:
                return landed
            if not await self._may_land(session, signed):
                logger.debug("{}: {} can no longer land", self._what, signed.hash)
                signed = None
            elif signed.void_from is not None:
                return None  # to send them again would help nothing; finality is waited for
        if signed is None:
            signed = self.signed = await self._sign(session)
        before, signed.sent = signed.sent, True
        result = await session.submit_signed(signed.extrinsic, self._key)
        if self._is_void(result):
            signed.void_from = await session.number_of(await session.head_hash(finalized=False))
            self._refused = self._failed(result.error, Stage.POOL)
            logger.debug("{}: {} is void: {}", self._what, signed.hash, result.error)
            return None
        if is_pool_full(result.error):
            signed.sent = before  # these bytes did not enter it
            self.waits_for = "its transaction pool is full"
            return None
        self._refused, self.waits_for = None, ""
        if not result.success and getattr(result.error, "name", None) == UNPAYABLE:
            raise FailedError(await self._unpaid(session, signed, result), result.error, Stage.POOL)
        return self._judge(signed, result)

    async def _unpaid(
        self, session: SdkSession, signed: _Signed, result: ExtrinsicResult
    ) -> ChainRefused:
        """Who has to be funded, and with how much; the pool's own words if that cannot be read."""
        data, signer = signed.extrinsic.data, self._key.ss58_address
        try:
            return await unpaid(session, data, signed.call, signer, self._what)
        except (Lost, BittensorError, BadAnswer, ValueError, KeyError, TypeError) as error:
            logger.debug("{}: the fee cannot be read: {}", self._what, error)
            return refusal_of(result.error, self._what)

    async def _sign(self, session: SdkSession) -> _Signed:
        if self._signatures >= SIGNATURES_MAX:
            if self._refused is not None:
                raise self._refused
            refusal = ChainRefused(
                f"The nonce of {self._key.ss58_address} was taken {SIGNATURES_MAX} times while"
                f" trying to {self._what}.",
                "Let one process at a time use this key.",
                "NonceContention",
            )
            raise FailedError(refusal, None, Stage.POOL)
        session.forget_runtime()
        composed = await self._composed(session)
        born = await session.finalized_block_number()
        nonce = await session.account_next_index(self._key.ss58_address)
        data, hash_ = await session.sign_extrinsic(
            composed, self._key, nonce=nonce, period=ERA_BLOCKS
        )
        # The SDK asks for the block that the era begins with after we did, and does not tell it.
        last = await session.finalized_block_number() + ERA_BLOCKS
        # Not counted before: a read that was lost above is an outage, and no fight over the nonce.
        self._signatures += 1
        return _Signed(SignedExtrinsic(data, hash_), int(nonce), last, composed, scanned=born)

    async def _composed(self, session: SdkSession) -> Any:
        if callable(self._call):
            return await self._call(session)
        try:
            return await session.compose(self._call)
        except (ValueError, KeyError, TypeError) as error:  # how the codec refuses
            refusal = BadAnswer.to(f"the request to {self._what}", sentence(error))
            raise FailedError(refusal, error, Stage.PREFLIGHT) from error

    def _is_void(self, result: ExtrinsicResult) -> bool:
        """Whether the head's runtime refused the bytes in a way that new bytes may mend."""
        if result.success or result.block_hash:
            return False
        return getattr(result.error, "name", None) in _VOID or is_banned(result.error)

    def _judge(self, signed: _Signed, result: ExtrinsicResult) -> Landed | None:
        """What the SDK's result means; None: not settled, look and try again."""
        if result.success:
            return _landed(signed, result)
        if result.block_hash:
            raise self._failed(result.error, Stage.DISPATCH)
        name = getattr(result.error, "name", None)
        # Where a node was busy it was so perhaps after it had taken the bytes, which then land.
        if name in _UNSETTLED or name in _NONCE_GONE or is_busy(result.error):
            return None
        raise self._failed(result.error, Stage.POOL)

    def _failed(self, error: Any, stage: Stage) -> FailedError:
        return FailedError(refusal_of(error, self._what), error, stage)

    async def _find(self, session: SdkSession, signed: _Signed) -> Landed | None:
        """Search the finalized blocks since it was signed for the bytes."""
        final = await session.finalized_block_number()
        for number in range(signed.scanned + 1, min(final, signed.last) + 1):
            found = await session.find_extrinsic(signed.hash, await session.block_hash(number))
            if found is not None:
                if not found.success:
                    raise self._failed(found.error, Stage.DISPATCH)
                return _landed(signed, found)
            signed.scanned = number
        return None

    async def _may_land(self, session: SdkSession, signed: _Signed) -> bool:
        """Whether bytes that are in no searched block can still get into a later one.

        Not if the nonce of the state at the newest searched block has passed theirs (another
        extrinsic used it), nor once their era is over or the head has called them invalid.
        """
        if signed.scanned >= signed.last:
            return False
        if signed.void_from is not None and signed.scanned >= signed.void_from:
            return False
        at = await session.block_hash(signed.scanned)
        account = await session.query("System", "Account", [self._key.ss58_address], block_hash=at)
        return int(account["nonce"]) <= signed.nonce


def _landed(signed: _Signed, result: ExtrinsicResult) -> Landed:
    number = int(str(result.extrinsic_id).partition("-")[0])
    block = BlockRef(BlockNumber(number), str(result.block_hash))
    fee = Rao(int(result.fee.rao) if result.fee is not None else 0)
    return Landed(Receipt(block, signed.hash, fee), list(result.events))


def part_of(attributes: Any, name: str, index: int) -> int | None:
    """A number from an event whose fields are named or positional, as runtimes differ."""
    value = attributes.get(name) if isinstance(attributes, Mapping) else attributes
    if isinstance(value, (list, tuple)):
        value = value[index] if index < len(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
