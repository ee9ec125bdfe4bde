"""Exactly once: submissions against a scripted chain that breaks at every point it can."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import pytest
from bittensor._generated import calls
from bittensor._transport.contract import SignedExtrinsic
from bittensor._transport.rpc import classify_rpc_error
from bittensor.result import ChainError, ExtrinsicResult, chain_error_from_substrate_request

from assay.chain.errors import FUND_CURE, ChainUnavailable, OutcomeUnknown, TooLittleBalance
from assay.chain.interface import Stage
from assay.chain.sdk_session import Lost, Sessions
from assay.chain.sdk_submit import ERA_BLOCKS, SIGNATURES_MAX, FailedError, Submitter
from tests.conformance.chain.worlds import NamedKey

T = TypeVar("T")
KEY = NamedKey("sender")
BUSY = "Server is busy, try again later"
CALL = calls.Balances.transfer_keep_alive(dest=KEY.address, value=1)


def pool_error(message: str) -> ChainError:
    """What the SDK makes of a node's refusal in these words."""
    return chain_error_from_substrate_request(classify_rpc_error({"code": 1, "message": message}))


class ScriptedChain:
    """A chain of one account: nonces, blocks, a pool, and a fault for each step of a submission.

    ``faults`` is consumed one a submission: where the connection breaks, or what the pool says.
    """

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        self.nonce = 0
        self.head = 10
        self.landed: dict[str, tuple[int, bool]] = {}
        self.nonce_after: dict[int, int] = {}
        self.executed: list[bytes] = []
        self.signatures = 0
        self.fails_in_block = False
        self.version = 1
        self.lag = 0
        """Blocks that finality is behind the head."""
        self.refused: set[str] = set()
        """Hashes of bytes that the pool has called invalid."""

    def seal(self, *extrinsics: tuple[bytes, str, int]) -> int:
        self.nonce_after[self.head] = self.nonce
        self.head += 1
        for data, hash_, nonce in extrinsics:
            if nonce == self.nonce and hash_ not in self.landed:
                self.nonce += 1
                self.executed.append(data)
                self.landed[hash_] = (self.head, not self.fails_in_block)
        self.nonce_after[self.head] = self.nonce
        return self.head

    def outcome(self, hash_: str) -> ExtrinsicResult:
        number, success = self.landed[hash_]
        error = None if success else ChainError("too little", "InsufficientBalance")
        return ExtrinsicResult(
            success=success,
            block_hash=f"0x{number}",
            extrinsic_id=f"{number}-0001",
            error=error,
        )


class ScriptedSession:
    """What ``_Job`` asks of a session, over the scripted chain."""

    def __init__(self, chain: ScriptedChain) -> None:
        self.chain = chain
        self.known = chain.version

    def forget_runtime(self) -> None:
        self.known = self.chain.version

    async def head_hash(self, *, finalized: bool) -> str:
        return f"0x{self.chain.head - (self.chain.lag if finalized else 0)}"

    async def number_of(self, block_hash: str) -> int:
        return int(block_hash.removeprefix("0x"))

    async def run(self, op: Callable[[Any], Awaitable[T]]) -> T:
        return await op(self)

    async def compose(self, call: Any) -> Any:
        return call

    async def finalized_block_number(self) -> int:
        return self.chain.head - self.chain.lag

    async def account_next_index(self, address: str) -> int:
        return self.chain.nonce

    async def block_hash(self, number: int) -> str:
        return f"0x{number}"

    async def query(self, pallet: str, item: str, keys: list[Any], block_hash: str) -> Any:
        number = int(block_hash.removeprefix("0x"))
        return {"nonce": self.chain.nonce_after.get(number, 0)}

    async def decode_call(self, call: Any) -> Any:
        raise Lost("the connection broke")

    async def sign_extrinsic(
        self, call: Any, key: Any, *, nonce: int, period: int
    ) -> tuple[bytes, str]:
        self.chain.signatures += 1
        return f"{nonce} {self.known}".encode(), f"0xsig{self.chain.signatures}"

    async def find_extrinsic(self, hash_: str, block_hash: str) -> ExtrinsicResult | None:
        number = int(block_hash.removeprefix("0x"))
        if self.chain.landed.get(hash_, (None,))[0] != number:
            return None
        return self.chain.outcome(hash_)

    async def submit_signed(self, extrinsic: SignedExtrinsic, key: Any) -> ExtrinsicResult:
        chain = self.chain
        data, hash_ = extrinsic.data, extrinsic.extrinsic_hash
        nonce, version = map(int, data.split())
        fault = chain.faults.pop(0) if chain.faults else "none"
        if fault == "lost before":
            raise Lost("broke before it was sent")
        if fault == "someone else used the nonce":
            chain.seal((b"other", "0xother" + str(chain.head), nonce))
        if fault == "lost with the pool":
            chain.seal()
            raise Lost("the chain restarted and forgot its pool")
        if fault == "lost after":
            chain.seal((data, hash_, nonce))
            raise Lost("broke after it landed")
        if fault == "the era passes":
            for _ in range(ERA_BLOCKS + 1):
                chain.seal()
            raise Lost("down for a long time")
        if fault == "already imported":
            return ExtrinsicResult(False, error=ChainError("in the pool", "AlreadyImported"))
        if fault == "retracted":
            chain.seal((data, hash_, nonce))
            return ExtrinsicResult(False, error=ChainError("retracted", "Retracted"))
        if fault.startswith("busy"):
            if fault == "busy after":
                chain.seal((data, hash_, nonce))
            refused = classify_rpc_error({"code": -32009, "message": BUSY})
            return ExtrinsicResult(False, error=chain_error_from_substrate_request(refused))
        if fault == "upgraded":
            chain.version += 1
        if fault == "upgraded after it landed":
            chain.seal((data, hash_, nonce))
            chain.version += 1
            raise Lost("broke after it landed")
        if fault == "upgraded, and the pool was emptied":
            chain.seal()
            chain.version += 1
            return ExtrinsicResult(False, error=pool_error("Extrinsic invalid: invalid"))
        if fault == "poor":
            return ExtrinsicResult(False, error=pool_error("Inability to pay some fees"))
        if fault == "full":
            chain.seal()
            return ExtrinsicResult(False, error=pool_error("Immediately Dropped"))
        if version != chain.version:
            if hash_ in chain.refused:
                return ExtrinsicResult(False, error=pool_error("Transaction is temporarily banned"))
            chain.refused.add(hash_)
            return ExtrinsicResult(False, error=pool_error("Transaction has a bad signature"))
        if nonce < chain.nonce:
            chain.seal()
            return ExtrinsicResult(False, error=ChainError("outdated", "Stale"))
        chain.seal((data, hash_, nonce))
        return chain.outcome(hash_)


class ScriptedSessions:
    name = "ws://scripted"

    def __init__(self, chain: ScriptedChain) -> None:
        self.session = ScriptedSession(chain)

    async def current(self) -> ScriptedSession:
        return self.session

    async def pause(self, attempt: int) -> None:
        if self.session.chain.lag:
            self.session.chain.seal()
        await asyncio.sleep(0)

    async def hang_up(self) -> None:
        pass


def submitter(chain: ScriptedChain) -> Submitter:
    return Submitter(cast(Sessions, ScriptedSessions(chain)))


FAULTS = [
    "none",
    "lost before",
    "lost after",
    "lost with the pool",
    "the era passes",
    "already imported",
    "retracted",
    "busy before",
    "busy after",
    "someone else used the nonce",
    "upgraded",
    "upgraded after it landed",
    "upgraded, and the pool was emptied",
    "full",
]
RESIGNED = {
    "someone else used the nonce",
    "the era passes",
    "upgraded",
    "upgraded, and the pool was emptied",
}


@pytest.mark.parametrize("lag", [0, 3])
@pytest.mark.parametrize("fault", FAULTS)
async def test_one_fault_one_execution(fault: str, lag: int) -> None:
    chain = ScriptedChain([fault])
    chain.lag = lag
    landed = await submitter(chain).submit(CALL, KEY, what="transfer", timeout_s=5)
    ours = [data for data in chain.executed if data != b"other"]
    assert len(ours) == 1
    assert landed.receipt.block.number == chain.landed[landed.receipt.extrinsic][0]
    assert chain.signatures == (2 if fault in RESIGNED else 1)


@pytest.mark.parametrize("seed", range(200))
async def test_any_faults_one_execution(seed: int) -> None:
    rng = random.Random(seed)
    faults = [f for f in FAULTS if f != "someone else used the nonce"]
    chain = ScriptedChain(rng.choices(faults, k=rng.randint(1, 4)))
    chain.lag = rng.choice([0, 1, 4])
    await submitter(chain).submit(CALL, KEY, what="transfer", timeout_s=5)
    assert len(chain.executed) == 1


async def test_no_second_signature_while_the_first_may_still_land() -> None:
    """Blocks are made while it is signed, so its era ends as much later than its search began."""
    chain = ScriptedChain([])

    class Slow(ScriptedSession):
        async def sign_extrinsic(
            self, call: Any, key: Any, *, nonce: int, period: int
        ) -> tuple[bytes, str]:
            for _ in range(3):
                chain.seal()
            return await super().sign_extrinsic(call, key, nonce=nonce, period=period)

        async def submit_signed(self, extrinsic: SignedExtrinsic, key: Any) -> ExtrinsicResult:
            first_of_the_era = 10 + 3
            if chain.head == first_of_the_era:
                while chain.head < first_of_the_era + ERA_BLOCKS - 2:
                    chain.seal()
                raise Lost("it waits in the pool, and the connection broke")
            return await super().submit_signed(extrinsic, key)

    sessions = ScriptedSessions(chain)
    sessions.session = Slow(chain)
    await Submitter(cast(Sessions, sessions)).submit(CALL, KEY, what="transfer", timeout_s=5)
    assert (len(chain.executed), chain.signatures) == (1, 1)


async def test_calls_of_one_key_take_turns() -> None:
    chain = ScriptedChain(["lost before", "lost after", "none", "lost with the pool"])
    ours = submitter(chain)
    landed = await asyncio.gather(
        *(ours.submit(CALL, KEY, what="transfer", timeout_s=5) for _ in range(8))
    )
    assert chain.executed == [f"{nonce} 1".encode() for nonce in range(8)]
    assert len({each.receipt.extrinsic for each in landed}) == 8


@pytest.mark.parametrize("fault", ["none", "lost after"])
async def test_a_failed_call_is_not_repeated(fault: str) -> None:
    chain = ScriptedChain([fault])
    chain.fails_in_block = True
    with pytest.raises(FailedError) as caught:
        await submitter(chain).submit(CALL, KEY, what="transfer", timeout_s=5)
    assert caught.value.stage is Stage.DISPATCH
    assert isinstance(caught.value.refusal, TooLittleBalance)
    assert caught.value.refusal.reason == "InsufficientBalance"
    assert len(chain.executed) == 1


async def test_a_fee_that_cannot_be_read_leaves_the_pools_own_words() -> None:
    """The scripted session knows no prices, as a node that lost its connection meanwhile."""
    with pytest.raises(FailedError) as caught:
        await submitter(ScriptedChain(["poor"])).submit(CALL, KEY, what="transfer", timeout_s=5)
    assert isinstance(caught.value.refusal, TooLittleBalance)
    assert caught.value.refusal.reason == "Payment"
    assert caught.value.refusal.cure == FUND_CURE


async def test_bytes_that_landed_before_an_upgrade_are_not_signed_again() -> None:
    """They are invalid at the head, but a block that is not final yet holds them."""
    chain = ScriptedChain(["upgraded after it landed", "none", "none"])
    chain.lag = 5
    landed = await submitter(chain).submit(CALL, KEY, what="transfer", timeout_s=5)
    assert (len(chain.executed), chain.signatures) == (1, 1)
    assert landed.receipt.extrinsic == "0xsig1"


async def test_a_signature_that_no_runtime_accepts_is_refused_in_the_end() -> None:
    chain = ScriptedChain(["upgraded"] * 50)
    with pytest.raises(FailedError) as caught:
        await submitter(chain).submit(CALL, KEY, what="transfer", timeout_s=5)
    assert caught.value.refusal.reason == "BadProof"
    assert chain.signatures == SIGNATURES_MAX
    assert chain.executed == []


async def test_a_pool_that_stays_full_is_an_outage_and_nothing_was_sent() -> None:
    chain = ScriptedChain(["full"] * 100_000)
    with pytest.raises(ChainUnavailable, match="pool is full") as caught:
        await submitter(chain).submit(CALL, KEY, what="transfer", timeout_s=0.2)
    assert not isinstance(caught.value, OutcomeUnknown)
    assert chain.signatures < SIGNATURES_MAX or chain.executed == []


async def test_a_key_that_others_fight_over_is_named() -> None:
    chain = ScriptedChain(["someone else used the nonce"] * 20)
    with pytest.raises(FailedError) as caught:
        await submitter(chain).submit(CALL, KEY, what="transfer", timeout_s=5)
    assert caught.value.refusal.reason == "NonceContention"
    assert set(chain.executed) == {b"other"}


async def test_a_node_that_is_busy_while_it_is_signed_is_no_fight_over_the_key() -> None:
    """A neuron gives up over such a fight, but waits for a busy node."""
    chain = ScriptedChain([])
    answers = [BUSY] * (SIGNATURES_MAX + 1)

    class Busy(ScriptedSession):
        async def account_next_index(self, address: str) -> int:
            if answers:
                raise Lost(answers.pop())
            return await super().account_next_index(address)

    sessions = ScriptedSessions(chain)
    sessions.session = Busy(chain)
    await Submitter(cast(Sessions, sessions)).submit(CALL, KEY, what="transfer", timeout_s=5)
    assert not answers
    assert (len(chain.executed), chain.signatures) == (1, 1)


async def test_silence_after_sending_is_an_unknown_outcome() -> None:
    chain = ScriptedChain([])

    async def never(*_: object) -> ExtrinsicResult:
        await asyncio.Event().wait()
        raise AssertionError

    ours = ScriptedSessions(chain)
    ours.session.submit_signed = never  # type: ignore[assignment, method-assign]
    with pytest.raises(OutcomeUnknown) as caught:
        await Submitter(cast(Sessions, ours)).submit(CALL, KEY, what="transfer", timeout_s=0.05)
    assert "0xsig1" in caught.value.cause


async def test_silence_before_sending_is_an_outage() -> None:
    chain = ScriptedChain([])

    async def never() -> ScriptedSession:
        await asyncio.Event().wait()
        raise AssertionError

    ours = ScriptedSessions(chain)
    ours.current = never  # type: ignore[method-assign]
    with pytest.raises(ChainUnavailable) as caught:
        await Submitter(cast(Sessions, ours)).submit(CALL, KEY, what="transfer", timeout_s=0.05)
    assert not isinstance(caught.value, OutcomeUnknown)
