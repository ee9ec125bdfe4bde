"""A validator's desk for clients' answers: who is heard, what is judged, and whom it costs what.

The judge here looks at one token; ``test_client_calls`` has the real one. Calls are truly signed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.chain.interface import BlockNumber, Commitment, Endpoint, Moment
from assay.clock import ManualClock
from assay.gateway.handing_on import HandingOn
from assay.neuron import Caller, RequestRefused, Role
from assay.neuron.record import NeuronRecord
from assay.neuron.seeds import target_rng, turn_seed
from assay.protocol.client_receipts import CallRecord, ClientReceipt, ReadCall, SignedCall
from assay.protocol.handing_on import (
    COMPLAIN,
    OFFER,
    OFFERED_MAX,
    SHOW,
    SHOWN_BYTES_MAX,
    CallTaken,
    DrawnIn,
    Judgement,
    Offer,
    ShownCall,
    Wanted,
    digest,
    is_drawn,
)
from assay.protocol.inference import NAME, Complete, Ending, ModelCommitment, NumericPath, Piece
from assay.types import Ss58
from assay.validators.inference.answers import Finding
from assay.validators.inference.chain_history import MARGIN_NS, ChainHistory
from assay.validators.inference.client_desk import (
    AGE_S_MAX,
    COMPLAINTS_A_MINUTE,
    QUEUE_MAX,
    REST_S,
    WANTED_MAX,
    ClientDesk,
)
from assay.wire.errors import PeerUnreachable
from assay.wire.interface import Membership, Method
from assay.wire.memory import MemoryAxon, MemoryDendrite, MemoryNetwork
from tests.unit.subnet.gateway.miners import (
    GATEWAY,
    GENESIS,
    ROOT,
    _moment,
    _neuron,
    key,
)
from tests.unit.validators.inference.signed_calls import answered_again, signed

WRONG = 13
"""The token that the judge of these tests convicts by."""
MINER = Ss58(key(1).address)
TURN = DrawnIn(7, 70, b"h" * 32)
PACKED = ModelCommitment(ROOT, NumericPath.SEEDED_FP32).pack()


def by_token(call: ReadCall, commitment: ModelCommitment | None, owed: bool) -> Finding:
    assert commitment == ModelCommitment.parse(PACKED)
    wrong = WRONG in call.tokens
    return Finding(not wrong, wrong, ("wrong token" if wrong else "agrees",))


def caller(number: int = 250) -> Caller:
    return Caller(
        Ss58(key(number).address), bytes(32), Membership.PERMIT, "here", 1, bytes(32), 9.0
    )


def ask(seed: int = 1, **changes: Any) -> Complete:
    fields: dict[str, Any] = {
        "model": ROOT, "prompt": "secret words", "max_tokens": 4, "seed": seed,
        "temperature": 1.0, "miner": MINER,
    }  # fmt: skip
    return Complete(**(fields | changes))


def say(*tokens: int) -> list[Piece]:
    ending = Ending(finish="length", queued_s=0.0, first_token_s=0.0, total_s=0.0)
    return [Piece(tokens=list(tokens), text="", end=ending)]


@dataclass
class Place:
    """A desk, its clock, and the subnet that it sees."""

    folder: Path
    clock: ManualClock = field(default_factory=ManualClock)
    registered: set[int] = field(default_factory=lambda: {1, 2, 250})
    desk: ClientDesk = field(init=False)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        self.desk = ClientDesk(
            by_token, ROOT, share=1.0, now=self.now, clock=self.clock,
            path=self.folder / "convictions.json",
        )  # fmt: skip
        self.desk.history.note(self.now(), self.clock.now_ns())
        self.desk.begin_turn(bytes(32), TURN)

    def now(self) -> Moment:
        neurons = [
            _neuron(uid, key(number).address, None, 0, permit=False)
            for uid, number in enumerate(sorted(self.registered))
        ]
        record = NeuronRecord(Role.MINER, PACKED).pack()
        return _moment(neurons, {MINER: Commitment(record, BlockNumber(1))})

    async def call(self, *tokens: int, seed: int = 1, **changes: Any) -> CallRecord:
        return await signed(ask(seed, **changes), say(*tokens), clock=self.clock)

    async def complain(self, call: SignedCall, number: int = 2) -> Judgement:
        async with judging(self):
            return await self.desk.complain(ShownCall(call=bare(call)), caller(number))


def bare(call: SignedCall) -> SignedCall:
    return SignedCall(request=call.request, evidence=call.evidence, frames=call.frames)


@contextlib.asynccontextmanager
async def judging(place: Place) -> AsyncIterator[None]:
    working = asyncio.create_task(place.desk.judge_all())
    try:
        yield
    finally:
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_a_wrong_answer_convicts_once_and_not_after_a_restart(place: Place) -> None:
    wrong, again = await place.call(1, WRONG), await place.call(2, WRONG, seed=2)
    assert (await place.complain(wrong)).right is False
    [answer] = place.desk.take()
    finding = place.desk.finding(answer)
    assert finding is not None
    assert finding.convicted
    assert answer.target.hotkey == MINER
    assert not place.desk.take()
    place.clock.advance(1.0)
    place.desk.convicted([MINER])
    for _ in range(2):
        with pytest.raises(RequestRefused, match="convicted since then"):
            await place.complain(again)
        place.open()
    with pytest.raises(RequestRefused, match="convicted since then"):
        await place.complain(wrong)
    place.clock.advance(1.0)
    assert (await place.complain(await place.call(WRONG, seed=3))).right is False


async def test_a_false_complaint_costs_who_complains(place: Place) -> None:
    assert (await place.complain(await place.call(1, 2))).right is True
    assert not any(f.convicted for f in map(place.desk.finding, place.desk.take()) if f)
    with pytest.raises(RequestRefused, match="of a right answer"):
        await place.complain(await place.call(WRONG, seed=2))
    place.clock.advance(REST_S[0] + 1.0)
    assert (await place.complain(await place.call(3, seed=3))).right is True
    place.clock.advance(REST_S[0] + 1.0)
    with pytest.raises(RequestRefused, match="of a right answer"):
        await place.complain(await place.call(WRONG, seed=4))
    assert (await place.complain(await place.call(WRONG, seed=5), 250)).right is False


async def test_complaints_are_few_and_the_queue_is_short(place: Place) -> None:
    for seed in range(COMPLAINTS_A_MINUTE):
        assert (await place.complain(await place.call(WRONG, seed=seed))).right is False
        place.clock.advance(0.1)
    with pytest.raises(RequestRefused, match="complaints in a minute"):
        await place.complain(await place.call(WRONG, seed=99))
    place.desk.begin_turn(bytes(32), TURN)
    calls = [bare(await place.call(WRONG, seed=200 + n)) for n in range(QUEUE_MAX + 4)]
    wanted = await place.desk.offer(Offer(calls=list(map(digest, calls))), caller())
    assert len(wanted.places) == QUEUE_MAX
    for number in wanted.places:
        await place.desk.show(ShownCall(call=calls[number]), caller())
    assert (await place.desk.offer(Offer(calls=[digest(calls[-1])]), caller())).places == []
    with pytest.raises(RequestRefused, match="too many calls"):
        await place.desk.complain(ShownCall(call=calls[-1]), caller())


@pytest.mark.parametrize("word", ["part", "whole"])
async def test_a_right_reply_to_a_request_hides_no_wrong_one_to_the_same(
    place: Place, word: str
) -> None:
    """A miner that lies to a client has an accomplice complain of a little that is right, before
    the gateway can show what the client was told."""
    wrong = await place.call(1, WRONG)
    right = answered_again(wrong, say(1) if word == "whole" else [Piece(tokens=[1], text="")], word)
    assert (await place.complain(right)).right is True
    assert (await place.complain(wrong, 250)).right is False


async def test_who_offers_the_digest_of_anothers_call_keeps_it_from_nobody(place: Place) -> None:
    call = bare(await place.call(WRONG))
    offer = Offer(calls=[digest(call)])
    assert (await place.desk.offer(offer, caller())).places == [0]
    assert (await place.desk.offer(offer, caller(2))).places == [0]
    for number in range(WANTED_MAX):
        others = [digest(call)[:24] + number.to_bytes(4, "big") + bytes([n, 0, 0, 0])
                  for n in range(QUEUE_MAX)]  # fmt: skip
        await place.desk.offer(Offer(calls=others), caller(2))
    await place.desk.show(ShownCall(call=call), caller())
    assert len(place.desk._queue) == 1


async def test_one_sender_without_end_keeps_no_other_from_the_judge(place: Place) -> None:
    calls = [bare(await place.call(1, seed=200 + n)) for n in range(QUEUE_MAX)]
    wanted = await place.desk.offer(Offer(calls=list(map(digest, calls))), caller())
    for number in wanted.places:
        await place.desk.show(ShownCall(call=calls[number]), caller())
    own, wrong = bare(await place.call(WRONG, seed=1)), bare(await place.call(WRONG, seed=2))
    place.desk.take_own(own)
    complaint = asyncio.create_task(place.desk.complain(ShownCall(call=wrong), caller(2)))
    await asyncio.sleep(0)
    assert len(place.desk._queue) == QUEUE_MAX
    async with judging(place):
        assert (await complaint).right is False
        told = [place.desk.finding(answer) for answer in place.desk.take()]
    assert [each.convicted for each in told if each] == [False, True, True]


async def test_a_complaint_that_had_to_leave_is_told_so(place: Place) -> None:
    async def complaining(seed: int, number: int) -> asyncio.Task[Judgement]:
        shown = ShownCall(call=bare(await place.call(1, seed=seed)))
        task = asyncio.create_task(place.desk.complain(shown, caller(number)))
        await asyncio.sleep(0)
        return task

    first, second = await complaining(1, 2), await complaining(2, 2)
    rest = [await complaining(number, number) for number in range(10, 10 + QUEUE_MAX - 2)]
    assert len(place.desk._queue) == QUEUE_MAX
    other = await complaining(3, 9)
    with pytest.raises(RequestRefused, match="too many calls wait"):
        await (await complaining(4, 8))
    async with judging(place):
        assert (await first).right is True
        with pytest.raises(RequestRefused, match="too many calls wait"):
            await second
        assert (await other).right is True
        assert all([(await each).right for each in rest])
    place.clock.advance(REST_S[0] + 1.0)
    again = await place.call(1, seed=2)
    assert (await place.complain(again)).right is True


async def old(place: Place) -> SignedCall:
    call = await place.call(WRONG)
    place.clock.advance(AGE_S_MAX + 1.0)
    return call


async def other_model(place: Place) -> SignedCall:
    return await place.call(WRONG, model=bytes(32))


async def before_it_was_watched(place: Place) -> SignedCall:
    call = await place.call(WRONG)
    place.clock.advance(1.0)
    place.open()
    return call


async def of_a_stranger(place: Place) -> SignedCall:
    return await signed(ask(miner=key(9).address), say(WRONG), miner=key(9), clock=place.clock)


async def through_a_stranger(place: Place) -> SignedCall:
    return await signed(ask(), say(WRONG), gateway=key(9), clock=place.clock)


async def another_mans_words(place: Place) -> SignedCall:
    """The frames of one call under the evidence of another."""
    right, wrong = await place.call(1), await place.call(WRONG, seed=2)
    return msgspec.structs.replace(right, frames=wrong.frames)


async def twice(place: Place) -> SignedCall:
    call = await place.call(WRONG)
    await place.complain(call, 250)
    return call


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (old, "too old"), (other_model, "another model"), (before_it_was_watched, "not known here"),
        (of_a_stranger, "not registered"), (through_a_stranger, "not registered"),
        (another_mans_words, "shows nothing"), (twice, "judged already"),
    ],
)  # fmt: skip
async def test_what_is_no_evidence_is_refused_before_it_is_replayed(
    place: Place, make: Callable[[Place], Any], why: str
) -> None:
    call = await make(place)
    with pytest.raises(RequestRefused, match=why):
        await place.complain(call)


async def test_whoever_has_the_link_of_the_named_turn_draws_again(place: Place) -> None:
    link, validator = b"l" * 32, key(77).address
    drawing = target_rng(turn_seed(link, TURN.block_hash, TURN.turn), validator)
    place.desk._share = 0.5
    place.desk.begin_turn(drawing.randbytes(32), TURN)
    offered = [random.Random(number).randbytes(32) for number in range(40)]
    wanted = await place.desk.offer(Offer(calls=offered), caller())
    assert wanted.drawn_in is not None
    told = wanted.drawn_in
    own = target_rng(turn_seed(link, told.block_hash, told.turn), validator).randbytes(32)
    assert 5 < len(wanted.places) < 35
    assert wanted.places == [n for n, each in enumerate(offered) if is_drawn(own, each, 0.5)]


async def test_a_gateway_shows_what_was_drawn_and_nothing_else(place: Place) -> None:
    drawn, other = bare(await place.call(WRONG)), bare(await place.call(WRONG, seed=2))
    wanted = await place.desk.offer(Offer(calls=[digest(drawn)]), caller())
    assert wanted.places == [0]
    for shown, sender in ((other, caller()), (drawn, caller(2))):
        with pytest.raises(RequestRefused, match="not asked for"):
            await place.desk.show(ShownCall(call=shown), sender)


def test_what_is_drawn_follows_from_the_key_and_is_the_share_of_all() -> None:
    names = [random.Random(n).randbytes(32) for n in range(4000)]
    drawn = [is_drawn(b"k" * 32, name, 0.25) for name in names]
    assert 900 < sum(drawn) < 1100
    assert drawn == [is_drawn(b"k" * 32, name, 0.25) for name in names]
    assert drawn != [is_drawn(b"l" * 32, name, 0.25) for name in names]
    assert not any(is_drawn(b"k" * 32, name, 0.0) for name in names)
    assert all(is_drawn(b"k" * 32, name, 1.0) for name in names)


def test_a_change_of_what_is_committed_leaves_its_time_uncertain(place: Place) -> None:
    history, start = ChainHistory(), 10**18
    other = NeuronRecord(Role.MINER, b"other").pack()
    history.note(place.now(), start)
    later = start + 10 * MARGIN_NS
    history.note(_changed(place.now(), other), later)
    assert history.at(MINER, start - 1) is None
    assert history.at(MINER, start) == PACKED
    assert history.at(MINER, later - 2 * MARGIN_NS) == PACKED
    assert history.at(MINER, later - MARGIN_NS // 2) is None
    assert history.at(MINER, later + MARGIN_NS // 2) is None
    assert history.at(MINER, later + 2 * MARGIN_NS) == b"other"


def test_a_permit_that_came_or_went_is_not_certain(place: Place) -> None:
    history, start = ChainHistory(), 10**18
    later = start + 10 * MARGIN_NS
    history.note(_moment([_neuron(1, GATEWAY.address, None, 0, permit=True)], {}), start)
    history.note(_moment([_neuron(1, GATEWAY.address, None, 0, permit=False)], {}), later)
    had = [
        history.had_permit(GATEWAY.address, time_ns)
        for time_ns in (
            start - 1, start, start + MARGIN_NS, later - 2 * MARGIN_NS, later - MARGIN_NS // 2,
            later * 2,
        )
    ]  # fmt: skip
    assert had == [False, False, True, True, False, False]
    assert not history.had_permit(MINER, later)


def _changed(moment: Moment, record: bytes) -> Moment:
    return Moment(moment.at, moment.metagraph, {MINER: Commitment(record, BlockNumber(2))})


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_change_to_a_signed_call_makes_evidence_of_it(data: st.DataObject, place: Place) -> None:
    """A right answer is changed in any one byte, or cut: it is refused, and convicts nobody."""
    call = bare(asyncio.run(place.call(1, 2)))
    part = data.draw(st.sampled_from(["request", "evidence", "frame"]))
    whole = call.frames[0] if part == "frame" else getattr(call, part)
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        changed = whole[:at]
    else:
        changed = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    fields = {"frames": [changed]} if part == "frame" else {part: changed}
    forged = msgspec.structs.replace(call, **fields)
    with pytest.raises(RequestRefused):
        asyncio.run(place.complain(forged))
    assert not place.desk.take()


async def test_a_gateway_hands_on_and_the_validator_convicts(place: Place) -> None:
    """Through the axon: what the gateway's receipt holds reaches the desk, prompts in no log."""
    network = MemoryNetwork()
    axon = MemoryAxon(key(77), network, clock=place.clock)
    for name, request, reply, handler in (
        (OFFER, Offer, Wanted, place.desk.offer),
        (SHOW, ShownCall, CallTaken, place.desk.show),
        (COMPLAIN, ShownCall, Judgement, place.desk.complain),
    ):
        method: Any = Method(f"{NAME}.{name}", request, reply, handler)
        axon.attach(method)
    await axon.start()

    def now() -> Moment:
        validator = _neuron(5, key(77).address, Endpoint("127.0.0.1", axon.port), 0, permit=True)
        record = NeuronRecord(Role.VALIDATOR, None, bytes(32), bytes(32)).pack()
        return _moment([validator], {key(77).address: Commitment(record, BlockNumber(1))})

    handing_on = HandingOn(
        MemoryDendrite(GATEWAY, network, clock=place.clock),
        own=Ss58(GATEWAY.address), now=now, clock=place.clock, rng=random.Random(1),
    )  # fmt: skip
    calls: Sequence[CallRecord] = [await place.call(1), await place.call(WRONG, seed=2)]
    handing_on.note(
        ClientReceipt(
            id=f"rcpt-{1:032x}", created=1, genesis=GENESIS, netuid=1,
            gateway=Ss58(GATEWAY.address), model=ROOT, key="0badcafe", calls=list(calls),
        )
    )  # fmt: skip
    await handing_on.offer_held()
    assert len(place.desk._queue) == 2
    await handing_on.offer_held()
    assert len(place.desk._queue) == 2, "each is shown once"
    await axon.stop()


async def test_one_client_cannot_hide_what_a_miner_answers_to_others(place: Place) -> None:
    """By many answers, or by a few large ones, between two offers."""
    offered: list[bytes] = []

    class Desk(MemoryDendrite):
        async def call(self, peer: Any, name: str, request: Any, *rest: Any, **more: Any) -> Any:
            offered.extend(request.calls)
            raise PeerUnreachable(peer.address, "is away.", "Ask later.")

    def now() -> Moment:
        validator = _neuron(5, key(77).address, Endpoint("127.0.0.1", 1), 0, permit=True)
        record = NeuronRecord(Role.VALIDATOR, None, bytes(32), bytes(32)).pack()
        return _moment([validator], {key(77).address: Commitment(record, BlockNumber(1))})

    handing_on = HandingOn(
        Desk(GATEWAY, MemoryNetwork(), clock=place.clock),
        own=Ss58(GATEWAY.address), now=now, clock=place.clock, rng=random.Random(1),
    )  # fmt: skip

    def note(owner: str, *calls: CallRecord) -> None:
        handing_on.note(
            ClientReceipt(
                id=f"rcpt-{1:032x}", created=1, genesis=GENESIS, netuid=1,
                gateway=Ss58(GATEWAY.address), model=ROOT, key=owner, calls=list(calls),
            )
        )  # fmt: skip

    wrong = await place.call(WRONG)
    other = await place.call(1, seed=2)
    for flood in (
        [msgspec.structs.replace(other, evidence=other.evidence + bytes([n % 256, n // 256]))
         for n in range(2 * OFFERED_MAX)],
        [msgspec.structs.replace(other, frames=[bytes(SHOWN_BYTES_MAX - 4_096)])] * 12,
    ):  # fmt: skip
        note("ada", wrong)
        note("hostile", *flood)
        await handing_on.offer_held()
        assert len(offered) <= OFFERED_MAX
        assert digest(wrong) in offered[:2], "and keys take turns in the offer"
        offered.clear()
