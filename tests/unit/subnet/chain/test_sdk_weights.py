"""Setting weights through the SDK's adapter: what is sent, what is read back, what is refused."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, cast

from bittensor.result import BittensorError, ChainError

from assay.chain.deadlines import Deadlines
from assay.chain.errors import ChainRefused, TooLittleBalance
from assay.chain.interface import (
    BlockRef,
    Receipt,
    RefusalReason,
    Stage,
    WeightsCommitted,
    WeightsRefused,
    WeightsSet,
)
from assay.chain.sdk import SdkChain
from assay.chain.sdk_errors import refusal_of
from assay.chain.sdk_session import Sessions
from assay.chain.sdk_submit import FailedError, Landed, Submitter
from assay.chain.sdk_weights import WeightsWriter
from assay.clock import ManualClock
from assay.types import U16_MAX, BlockNumber, Rao, Uid
from tests.conformance.chain.worlds import NamedKey
from tests.unit.subnet.chain.told import AT, OWNER, Told

T = TypeVar("T")
KEY = NamedKey("b")
"""uid 1 of the metagraph that ``Told`` tells; not the owner, so it needs a permit."""
RECEIPT = Receipt(BlockRef(BlockNumber(41), "0x41"), "0xee", Rao(0))
PERMITTED = [True, True]


class Session(Told):
    """Adds to the told answers what sealing a row asks for."""

    then: Mapping[str, Any] = MappingProxyType({})
    """What changes before the row is read back."""

    async def head_hash(self, *, finalized: bool) -> str:
        if finalized:
            self.items |= self.then
        return AT.hash

    async def number_of(self, block_hash: str) -> int:
        return AT.number

    async def block_number(self) -> int:
        return AT.number

    async def block_hash(self, number: int) -> str:
        return AT.hash

    async def block_time(self) -> float:
        return 12.0

    async def compose(self, call: Any) -> Any:
        return call

    async def query(self, pallet: str, name: str, keys: list[Any], block_hash: Any = None) -> Any:
        return self.items.get(name)


class OneSession:
    name = "ws://told"

    def __init__(self, session: Session) -> None:
        self.session = session

    async def call(self, op: Callable[[Any], Awaitable[T]], *, timeout_s: float, what: str) -> T:
        try:
            return await op(self.session)
        except BittensorError as error:  # as ``Sessions`` does
            raise refusal_of(error, what) from error


class Recorder:
    """A submitter that lands everything, or fails as told."""

    def __init__(self, failure: FailedError | None = None) -> None:
        self.calls: list[Any] = []
        self._failure = failure

    async def submit(self, call: Any, signer: Any, *, what: str, timeout_s: float) -> Landed:
        self.calls.append(call)
        if self._failure is not None:
            raise self._failure
        return Landed(RECEIPT, [])


def chain_of(session: Session, recorder: Recorder) -> SdkChain:
    chain = SdkChain("ws://127.0.0.1:1", Path(), ManualClock(), random.Random(1), Deadlines())
    sessions, submitter = cast(Sessions, OneSession(session)), cast(Submitter, recorder)
    chain._weights = WeightsWriter(sessions, submitter, Deadlines())
    return chain


async def test_the_row_is_sent_and_read_back() -> None:
    session = Session(ValidatorPermit=PERMITTED, Weights=[(0, U16_MAX), (1, 32_768)], Uids=1)
    recorder = Recorder()
    outcome = await chain_of(session, recorder).set_weights(
        1, KEY, {Uid(0): 2.0, Uid(1): 1.0}, version_key=3
    )
    assert outcome == WeightsSet(RECEIPT, AT, ((Uid(0), U16_MAX), (Uid(1), 32_768)))  # type: ignore[arg-type]
    (call,) = recorder.calls
    assert call.function == "set_mechanism_weights"
    assert call.params == {
        "netuid": 1,
        "mecid": 0,
        "dests": [0, 1],
        "weights": [U16_MAX, 32_768],
        "version_key": 3,
    }


async def test_another_row_or_another_holder_is_no_success() -> None:
    for row, holder in ([(0, 5)], 1), ([(0, U16_MAX)], 7):
        session = Session(ValidatorPermit=PERMITTED, Weights=row, Uids=1)
        session.then = {"Uids": holder}
        outcome = await chain_of(session, Recorder()).set_weights(1, KEY, {Uid(0): 1.0})
        assert isinstance(outcome, WeightsRefused)
        assert (outcome.reason, outcome.stage) == (RefusalReason.OVERWRITTEN, Stage.READ_BACK)


async def test_no_permit_sends_nothing() -> None:
    recorder = Recorder()
    outcome = await chain_of(Session(Uids=1), recorder).set_weights(1, KEY, {Uid(0): 1.0})
    assert isinstance(outcome, WeightsRefused)
    assert outcome.reason is RefusalReason.NO_PERMIT
    assert recorder.calls == []


async def test_a_fee_that_cannot_be_paid_keeps_its_cure() -> None:
    poor = TooLittleBalance.fee("5Cold", "set weights", 12_000, 0, 500)
    failure = FailedError(poor, ChainError("no", "Payment"), Stage.POOL)
    session = Session(ValidatorPermit=PERMITTED, Uids=1)
    outcome = await chain_of(session, Recorder(failure)).set_weights(1, KEY, {Uid(0): 1.0})
    assert isinstance(outcome, WeightsRefused)
    assert (outcome.cause, outcome.cure) == (poor.cause, poor.cure)


async def test_a_refusal_in_the_block_is_named() -> None:
    error = ChainError("too fast", "SettingWeightsTooFast")
    failure = FailedError(ChainRefused("It said no.", "Wait."), error, Stage.DISPATCH)
    session = Session(ValidatorPermit=PERMITTED, Uids=1)
    outcome = await chain_of(session, Recorder(failure)).set_weights(1, KEY, {Uid(0): 1.0})
    assert isinstance(outcome, WeightsRefused)
    assert (outcome.reason, outcome.stage) == (RefusalReason.RATE_LIMITED, Stage.DISPATCH)


SEALED = {
    "CommitRevealWeightsEnabled": True,
    "Uids": 1,
    "LastUpdate": [31, 32],
    "SubnetEpochConsensus": "Yuma",
    "RevealPeriodEpochs": 1,
    "BlocksSinceLastStep": 10,
}


async def test_commit_reveal_without_a_beacon_is_refused() -> None:
    recorder = Recorder()
    session = Session(ValidatorPermit=PERMITTED, **SEALED)
    outcome = await chain_of(session, recorder).set_weights(1, KEY, {Uid(0): 1.0})
    assert isinstance(outcome, WeightsRefused)
    assert outcome.reason is RefusalReason.COMMIT_REVEAL_WITHOUT_BEACON
    assert "beacon" in outcome.cause
    assert recorder.calls == []


async def test_commit_reveal_with_a_beacon_seals_the_row() -> None:
    recorder = Recorder()
    session = Session(ValidatorPermit=PERMITTED, LastStoredRound=20_000_000, **SEALED)
    outcome = await chain_of(session, recorder).set_weights(1, KEY, {Uid(0): 1.0})
    assert isinstance(outcome, WeightsCommitted), outcome
    (call,) = recorder.calls
    assert call.function == "commit_timelocked_mechanism_weights"
    assert call.params["reveal_round"] == outcome.reveal_round > 0
    assert OWNER.encode() not in bytes(call.params["commit"])
    assert len(call.params["commit"]) > 100


async def test_the_sdks_own_refusal_to_seal_is_typed() -> None:
    recorder = Recorder()
    items = SEALED | {"WeightsSetRateLimit": 100, "LastStoredRound": 20_000_000}
    session = Session(ValidatorPermit=PERMITTED, **items)
    outcome = await chain_of(session, recorder).set_weights(1, KEY, {Uid(0): 1.0})
    assert isinstance(outcome, WeightsRefused)
    assert (outcome.reason, outcome.stage) == (RefusalReason.RATE_LIMITED, Stage.PREFLIGHT)
    assert "8 blocks ago" in outcome.cause
    assert recorder.calls == []
