"""What every transport must do, run over HTTP and in memory with the same words."""

from __future__ import annotations

import asyncio
import random

import msgspec
import pytest

from subnet.errors import Refused, Unavailable
from subnet.types import Ss58
from subnet.wire.admission import Admission, Serve
from subnet.wire.errors import (
    CallError,
    Code,
    DeadlineExceeded,
    PeerBusy,
    PeerFailed,
    PeerRefused,
    PeerUnreachable,
    ReplyForged,
    ReplyMalformed,
    ReplyUnsigned,
    RequestRefused,
)
from subnet.wire.interface import Caller, Peer, Standing
from subnet.wire.limits import DEFAULT, Limits
from subnet.wire.memory import RawReply, RawRequest
from subnet.wire.replay import MemoryCeiling
from subnet.wire.synapse import Synapse, decode, encode
from tests.unit.subnet.wire.world import (
    ALICE,
    BOB,
    CLOCK,
    MALLORY,
    Answered,
    HttpWorld,
    MemoryWorld,
    Question,
    World,
    refusal_in,
    serving,
    signed,
    with_header,
)

SECOND = 1_000_000_000


@pytest.fixture(params=[HttpWorld, MemoryWorld], ids=lambda kind: kind.name)
def world(request: pytest.FixtureRequest) -> World:
    kind: type[World] = request.param
    return kind()


def peer_of(port: int, address: Ss58 = BOB.address) -> Peer:
    return Peer(address, "127.0.0.1", port)


# -- honest calls


async def test_a_call_is_answered_and_the_caller_is_known(world: World) -> None:
    seen: list[Caller] = []

    async def handler(question: Question, caller: Caller) -> Answered:
        seen.append(caller)
        return Answered(text=question.text.upper())

    dendrite = world.dendrite()
    async with serving(world, handler) as axon:
        peer = peer_of(axon.port)
        reply = await dendrite.call(peer, "echo", Question(text="hi"), Answered, deadline_s=5)
    await dendrite.close()
    assert reply.message == Answered(text="HI")
    assert reply.peer == peer
    assert 0 < reply.latency_s < 5
    assert decode(Answered, reply.body) == reply.message
    (caller,) = seen
    assert (caller.address, caller.public_key) == (ALICE.address, ALICE.public_key)
    assert caller.source == "127.0.0.1"
    assert caller.request_hash == reply.request_hash
    assert 4 < caller.budget_s <= 5


async def test_many_calls_at_once_each_get_their_own_answer(world: World) -> None:
    dendrite = world.dendrite()
    async with serving(world) as axon:
        peer = peer_of(axon.port)
        replies = await asyncio.gather(
            *(
                dendrite.call(peer, "echo", Question(text=str(n)), Answered, deadline_s=10)
                for n in range(64)
            )
        )
    await dendrite.close()
    assert [reply.message.text for reply in replies] == [str(n) for n in range(64)]


async def test_a_body_of_one_and_a_half_megabytes_passes(world: World) -> None:
    text = "x" * 1_500_000
    dendrite = world.dendrite()
    async with serving(world) as axon:
        reply = await dendrite.call(
            peer_of(axon.port), "echo", Question(text=text), Answered, deadline_s=10
        )
    await dendrite.close()
    assert reply.message.text == text


async def test_the_same_dendrite_survives_a_restart_of_the_axon(world: World) -> None:
    dendrite = world.dendrite()
    async with serving(world) as axon:
        port = axon.port
        await dendrite.call(peer_of(port), "echo", Question(), Answered, deadline_s=5)
    with pytest.raises(PeerUnreachable):
        await dendrite.call(peer_of(port), "echo", Question(), Answered, deadline_s=5)
    async with serving(world, port=port):
        await dendrite.call(peer_of(port), "echo", Question(), Answered, deadline_s=5)
    await dendrite.close()


async def test_a_taken_port_is_unavailable_with_a_cure(world: World) -> None:
    async with serving(world) as axon:
        second = await world.axon(port=axon.port)
        with pytest.raises(Unavailable, match="Choose another port"):
            await second.start()


# -- refusals, each signed


async def refused(
    world: World, request: RawRequest, code: Code, *, status: int | None = None, **options: object
) -> None:
    """Bob's axon answers ``request`` with a signed refusal of this code."""
    async with serving(world, **options) as axon:
        reply = await world.send(axon, request)
    assert refusal_in(reply, request).code == code
    if status is not None:
        assert reply.status == status


@pytest.mark.parametrize(
    "name",
    ["X-Bittensor-Version", "X-Bittensor-Hotkey", "X-Bittensor-Nonce", "X-Bittensor-Signature"],
)
async def test_missing_header(world: World, name: str) -> None:
    await refused(world, with_header(signed(), name, None), Code.MALFORMED_AUTH, status=401)


@pytest.mark.parametrize(
    "name",
    ["X-Bittensor-Version", "X-Bittensor-Hotkey", "X-Bittensor-Nonce", "X-Bittensor-Signature"],
)
async def test_empty_header(world: World, name: str) -> None:
    await refused(world, with_header(signed(), name, ""), Code.MALFORMED_AUTH, status=401)


async def test_short_signature(world: World) -> None:
    short = with_header(signed(), "X-Bittensor-Signature", "0x" + "ab" * 63)
    await refused(world, short, Code.MALFORMED_AUTH, status=401)


async def test_foreign_signature(world: World) -> None:
    """Mallory's signature under Alice's name."""
    stolen = dict(signed(MALLORY).headers)[b"X-Bittensor-Signature"].decode()
    forged = with_header(signed(), "X-Bittensor-Signature", stolen)
    await refused(world, forged, Code.BAD_SIGNATURE, status=401)


async def test_foreign_hotkey(world: World) -> None:
    forged = with_header(signed(MALLORY), "X-Bittensor-Hotkey", ALICE.address)
    await refused(world, forged, Code.BAD_SIGNATURE, status=401)


async def test_hotkey_that_is_no_address(world: World) -> None:
    wrong = ALICE.address[:-1] + ("1" if ALICE.address[-1] != "1" else "2")
    await refused(
        world, with_header(signed(), "X-Bittensor-Hotkey", wrong), Code.MALFORMED_AUTH, status=401
    )


async def test_another_crypto_is_refused_by_name(world: World) -> None:
    other = with_header(signed(), "X-Bittensor-Crypto", "ed25519")
    await refused(world, other, Code.UNSUPPORTED_CRYPTO, status=401)


async def test_stale(world: World) -> None:
    old = CLOCK.now_ns() - int((DEFAULT.max_age_s + 1) * SECOND)
    await refused(world, signed(nonce_ns=old), Code.STALE, status=401)


async def test_from_the_future(world: World) -> None:
    ahead = CLOCK.now_ns() + int((DEFAULT.skew_s + 1) * SECOND)
    await refused(world, signed(nonce_ns=ahead), Code.STALE, status=401)


async def test_replayed(world: World) -> None:
    async with serving(world) as axon:
        request = signed()
        assert (await world.send(axon, request)).status == 200
        reply = await world.send(axon, request)
    assert refusal_in(reply, request).code == Code.REPLAYED


async def test_replayed_with_another_body(world: World) -> None:
    async with serving(world) as axon:
        nonce = CLOCK.now_ns()
        first = signed(nonce_ns=nonce)
        assert (await world.send(axon, first)).status == 200
        second = signed(nonce_ns=nonce, message=Question(text="other"))
        reply = await world.send(axon, second)
    assert refusal_in(reply, second).code == Code.REPLAYED


async def test_replayed_while_the_first_still_runs(world: World) -> None:
    """Sixteen copies at once: one runs."""
    ran = 0

    async def slow(question: Question, _: Caller) -> Answered:
        nonlocal ran
        ran += 1
        await asyncio.sleep(0.05)
        return Answered(text=question.text)

    async with serving(world, slow) as axon:
        request = signed()
        replies = await asyncio.gather(*(world.send(axon, request) for _ in range(16)))
    assert ran == 1
    assert sorted(reply.status for reply in replies) == [200] + [401] * 15


async def test_wrong_receiver(world: World) -> None:
    await refused(world, signed(receiver=MALLORY.address), Code.WRONG_RECEIVER, status=401)


async def test_absent_receiver(world: World) -> None:
    await refused(world, signed(receiver=None), Code.WRONG_RECEIVER, status=401)


async def test_absent_receiver_is_served_where_configured(world: World) -> None:
    async with serving(world, admission=Admission(accept_unbound=True)) as axon:
        assert (await world.send(axon, signed(receiver=None))).status == 200


async def test_receiver_cannot_be_stripped(world: World) -> None:
    """A request bound to somebody else, its receiver removed, where unbound ones are served."""
    stripped = with_header(signed(receiver=MALLORY.address), "X-Bittensor-Receiver", None)
    await refused(world, stripped, Code.BAD_SIGNATURE, admission=Admission(accept_unbound=True))


async def test_tampered_body(world: World) -> None:
    request = msgspec.structs.replace(signed(), body=encode(Question(text="other")))
    await refused(world, request, Code.BAD_SIGNATURE, status=401)


async def test_tampered_path(world: World) -> None:
    async with serving(world) as axon:
        axon.attach("other", Question, Answered, None)  # type: ignore[arg-type]
        request = msgspec.structs.replace(signed(), target="/v1/other?budget_ms=5000")
        reply = await world.send(axon, request)
    assert refusal_in(reply, request).code == Code.BAD_SIGNATURE


async def test_tampered_query(world: World) -> None:
    request = msgspec.structs.replace(signed(), target="/v1/echo?budget_ms=5001")
    await refused(world, request, Code.BAD_SIGNATURE, status=401)


async def test_tampered_method(world: World) -> None:
    request = signed(method="PUT")
    await refused(
        world, msgspec.structs.replace(request, method="POST"), Code.BAD_SIGNATURE, status=401
    )


async def test_other_method(world: World) -> None:
    await refused(world, signed(method="PUT"), Code.WRONG_METHOD, status=405)


async def test_tampered_nonce(world: World) -> None:
    request = signed()
    nonce = int(dict(request.headers)[b"X-Bittensor-Nonce"])
    await refused(
        world, with_header(request, "X-Bittensor-Nonce", str(nonce + 1)), Code.BAD_SIGNATURE
    )


@pytest.mark.parametrize("nonce", ["+{}", " {}", "{}_0", "0{}", "{}.0", "-{}", "٣{}", "{}e0"])
async def test_odd_nonce(world: World, nonce: str) -> None:
    """Python's int() reads most of these; one number must have one spelling."""
    trimmed = world.name == "http" and nonce.startswith(" ")  # HTTP itself: another nonce, unsigned
    now = CLOCK.now_ns() + SECOND // 2  # younger than the axon
    request = with_header(signed(), "X-Bittensor-Nonce", nonce.format(now))
    async with serving(world) as axon:
        reply = await world.send(axon, request)
    expected = Code.BAD_SIGNATURE if trimmed else Code.MALFORMED_AUTH
    assert msgspec.msgpack.decode(reply.body)["code"] == expected


async def test_repeated_header(world: World) -> None:
    request = signed()
    twice = msgspec.structs.replace(
        request, headers=(*request.headers, (b"x-bittensor-hotkey", MALLORY.address.encode()))
    )
    async with serving(world) as axon:
        reply = await world.send(axon, twice)
    assert reply.status == 401
    assert msgspec.msgpack.decode(reply.body)["code"] == Code.MALFORMED_AUTH


async def test_oversized(world: World) -> None:
    limits = Limits(request_bytes_max=1_000)
    async with serving(world, limits=limits) as axon:
        fits = signed(message=Question(text="x" * (1_000 - len(encode(Question())) - 2)))
        assert len(fits.body) == 1_000
        assert (await world.send(axon, fits)).status == 200
        above = signed(body=b"\x00" * 1_001)
        reply = await world.send(axon, above)
    assert reply.status == 413
    assert refusal_in(reply, above).code == Code.TOO_LARGE


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "identity"])
async def test_compressed_bomb(world: World, encoding: str) -> None:
    """Nothing is decompressed, so nothing can be a bomb: encodings are refused unread."""
    request = with_header(signed(body=b"\x1f\x8b" + b"\0" * 1_000), "Content-Encoding", encoding)
    await refused(world, request, Code.WRONG_ENCODING, status=415)


async def test_other_content_type(world: World) -> None:
    request = with_header(signed(body=b"{}"), "Content-Type", "application/json")
    await refused(world, request, Code.WRONG_CONTENT_TYPE, status=415)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x80\x80",
        b"\x91" * 100_000,
        msgspec.msgpack.encode([1]),
        msgspec.msgpack.encode({"text": 5}),
        msgspec.msgpack.encode({"text": "a", "more": 1}),
    ],
    ids=["empty", "reserved", "trailing", "deep", "array", "wrong type", "unknown field"],
)
async def test_wrong_message(world: World, body: bytes) -> None:
    """Signed by a registered key and still not a message: 400 in the protocol's form."""
    await refused(world, signed(body=body), Code.BAD_MESSAGE, status=400)


async def test_unknown_synapse(world: World) -> None:
    await refused(world, signed(target="/v1/nothing"), Code.UNKNOWN_SYNAPSE, status=404)
    await refused(world, signed(target="/echo"), Code.UNKNOWN_SYNAPSE, status=404)
    await refused(world, signed(target="/"), Code.UNKNOWN_SYNAPSE, status=404)


# -- who is served


def standing_of(known: dict[str, Standing]) -> Admission:
    return Admission(
        serve=Serve.PERMIT, resolver=lambda address: known.get(address, Standing.UNKNOWN)
    )


async def test_unknown_caller_gets_a_signed_403(world: World) -> None:
    await refused(world, signed(), Code.UNKNOWN_CALLER, status=403, admission=standing_of({}))


async def test_registered_without_permit_is_told_so(world: World) -> None:
    admission = standing_of({ALICE.address: Standing.REGISTERED})
    await refused(world, signed(), Code.NO_PERMIT, status=403, admission=admission)


async def test_permit_holder_is_served(world: World) -> None:
    admission = standing_of({ALICE.address: Standing.PERMIT})
    async with serving(world, admission=admission) as axon:
        assert (await world.send(axon, signed())).status == 200


async def test_the_dendrite_raises_refused_with_a_cure(world: World) -> None:
    dendrite = world.dendrite()
    async with serving(world, admission=standing_of({})) as axon:
        with pytest.raises(PeerRefused, match="Register this hotkey") as caught:
            await dendrite.call(peer_of(axon.port), "echo", Question(), Answered, deadline_s=5)
    await dendrite.close()
    assert isinstance(caught.value, Refused)
    assert (caught.value.code, caught.value.status) == (Code.UNKNOWN_CALLER, 403)


# -- budgets


async def test_victims_bucket_cannot_be_emptied_by_others(world: World) -> None:
    """Unsigned, forged and replayed requests in Alice's name cost Alice nothing."""
    limits = Limits(caller_rate=0.001, caller_burst=2)
    async with serving(world, limits=limits, admission=Admission(limits=limits)) as axon:
        captured = signed()
        assert (await world.send(axon, captured)).status == 200
        forged = with_header(signed(), "X-Bittensor-Signature", "0x" + "ab" * 64)
        for _ in range(20):
            assert (await world.send(axon, captured)).status == 401
            assert (await world.send(axon, forged)).status == 401
        assert (await world.send(axon, signed())).status == 200
        mine = signed()
        reply = await world.send(axon, mine)
    assert refusal_in(reply, mine).code == Code.CALLER_LIMITED
    assert reply.status == 429


async def test_a_flooding_source_is_refused_before_cryptography(world: World) -> None:
    limits = Limits(source_rate=0.001, source_burst=3)
    async with serving(world, limits=limits, admission=Admission(limits=limits)) as axon:
        forged = with_header(signed(), "X-Bittensor-Signature", "0x" + "ab" * 64)
        statuses = [(await world.send(axon, forged)).status for _ in range(4)]
        reply = await world.send(axon, forged)
    assert statuses == [401, 401, 401, 429]
    assert refusal_in(reply, forged).code == Code.SOURCE_LIMITED


async def test_a_flood_cannot_buy_signatures(world: World) -> None:
    """Beyond the budget for refusals the connection is cut without a word."""
    limits = Limits(refusals_rate=0.001, refusals_burst=2)
    async with serving(world, limits=limits, admission=Admission(limits=limits)) as axon:
        for _ in range(2):
            assert (await world.send(axon, signed(target="/v1/nothing"))).status == 404
        with pytest.raises(ConnectionError):
            await world.send(axon, signed(target="/v1/nothing"))
        assert (await world.send(axon, signed())).status == 200


async def test_the_queue_is_bounded_and_says_when_to_come_back(world: World) -> None:
    release = asyncio.Event()

    async def waits(question: Question, _: Caller) -> Answered:
        await release.wait()
        return Answered(text=question.text)

    limits = Limits(running_max=1, waiting_max=1)
    dendrite = world.dendrite()
    async with serving(world, waits, limits=limits) as axon:
        peer = peer_of(axon.port)
        calls = [
            asyncio.ensure_future(dendrite.call(peer, "echo", Question(), Answered, deadline_s=5))
            for _ in range(3)
        ]
        done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED, timeout=5)
        (first,) = done
        with pytest.raises(PeerBusy) as caught:
            first.result()
        release.set()
        await asyncio.gather(*(call for call in calls if call is not first))
    await dendrite.close()
    assert (caught.value.code, caught.value.status) == (Code.OVERLOADED, 503)
    assert caught.value.retry_after_s == 1.0


# -- time


async def test_a_callers_budget_ends_the_handler(world: World) -> None:
    cancelled = asyncio.Event()

    async def forever(question: Question, _: Caller) -> Answered:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return Answered(text=question.text)

    async with serving(world, forever) as axon:
        request = signed(target="/v1/echo?budget_ms=50")
        reply = await world.send(axon, request)
        assert refusal_in(reply, request).code == Code.OUT_OF_TIME
        assert cancelled.is_set()


async def test_a_deadline_ends_the_call(world: World) -> None:
    async def forever(question: Question, _: Caller) -> Answered:
        await asyncio.sleep(30)
        return Answered(text=question.text)

    dendrite = world.dendrite()
    async with serving(world, forever, limits=Limits(drain_s_max=0.5)) as axon:
        with pytest.raises(DeadlineExceeded):
            await dendrite.call(peer_of(axon.port), "echo", Question(), Answered, deadline_s=0.1)
    await dendrite.close()


async def test_stop_lets_the_running_finish_and_refuses_the_new(world: World) -> None:
    started = asyncio.Event()
    release = asyncio.Event()

    async def handler(question: Question, _: Caller) -> Answered:
        started.set()
        await release.wait()
        return Answered(text=question.text)

    dendrite = world.dendrite()
    axon = await world.axon()
    axon.attach("echo", Question, Answered, handler)
    await axon.start()
    peer = peer_of(axon.port)
    call = asyncio.ensure_future(
        dendrite.call(peer, "echo", Question(text="late"), Answered, deadline_s=5)
    )
    await started.wait()
    stop = asyncio.ensure_future(axon.stop())
    await asyncio.sleep(0.02)
    other = world.dendrite()
    with pytest.raises((PeerUnreachable, PeerBusy)):
        await other.call(peer, "echo", Question(), Answered, deadline_s=5)
    release.set()
    assert (await call).message.text == "late"
    await stop
    await other.close()
    await dendrite.close()


# -- handlers


async def test_a_broken_handler_is_a_signed_500_without_its_words(world: World) -> None:
    async def broken(question: Question, _: Caller) -> Answered:
        raise RuntimeError(f"the prompt was {question.text}")

    dendrite = world.dendrite()
    async with serving(world, broken) as axon:
        with pytest.raises(PeerFailed) as caught:
            await dendrite.call(
                peer_of(axon.port), "echo", Question(text="secret"), Answered, deadline_s=5
            )
    await dendrite.close()
    assert caught.value.code == Code.HANDLER_FAILED
    assert "secret" not in str(caught.value)


async def test_a_handlers_own_timeout_is_not_the_callers(world: World) -> None:
    async def impatient(_: Question, __: Caller) -> Answered:
        raise TimeoutError

    async with serving(world, impatient) as axon:
        request = signed()
        reply = await world.send(axon, request)
    assert refusal_in(reply, request).code == Code.HANDLER_FAILED


async def test_a_handler_may_refuse(world: World) -> None:
    async def picky(_: Question, __: Caller) -> Answered:
        raise RequestRefused(Code.REFUSED_BY_TASK, "the prompt is longer than the model")

    dendrite = world.dendrite()
    async with serving(world, picky) as axon:
        with pytest.raises(PeerRefused, match="longer than the model"):
            await dendrite.call(peer_of(axon.port), "echo", Question(), Answered, deadline_s=5)
    await dendrite.close()


async def test_a_handler_that_answers_another_type_is_our_fault(world: World) -> None:
    async def confused(question: Question, _: Caller) -> Synapse:
        return question

    async with serving(world, confused) as axon:
        request = signed()
        reply = await world.send(axon, request)
    assert refusal_in(reply, request).code == Code.HANDLER_FAILED


async def test_an_answer_of_another_type_is_malformed(world: World) -> None:
    class Wanted(Synapse):
        number: int

    dendrite = world.dendrite()
    async with serving(world) as axon:
        with pytest.raises(ReplyMalformed):
            await dendrite.call(peer_of(axon.port), "echo", Question(), Wanted, deadline_s=5)
    await dendrite.close()


async def test_an_answer_beyond_the_limit_is_not_read(world: World) -> None:
    dendrite = world.dendrite(limits=Limits(reply_bytes_max=1_000))
    async with serving(world) as axon:
        peer = peer_of(axon.port)
        fits = "x" * (1_000 - len(encode(Answered(text=""))) - 2)
        await dendrite.call(peer, "echo", Question(text=fits), Answered, deadline_s=5)
        with pytest.raises(ReplyMalformed, match="more than 1000 bytes"):
            await dendrite.call(peer, "echo", Question(text=fits + "x"), Answered, deadline_s=5)
    await dendrite.close()


# -- replies that are not what they seem


async def tampered(world: World, change: object) -> None:
    dendrite = world.dendrite()
    async with serving(world) as axon, world.between(axon, change) as peer:  # type: ignore[arg-type]
        try:
            await dendrite.call(peer, "echo", Question(text="hi"), Answered, deadline_s=5)
        finally:
            await dendrite.close()


async def test_untampered_passes_the_middle(world: World) -> None:
    await tampered(world, lambda _, reply: reply)


async def test_tampered_reply_body(world: World) -> None:
    def change(_: RawRequest, reply: RawReply) -> RawReply:
        return msgspec.structs.replace(reply, body=encode(Answered(text="no")))

    with pytest.raises(ReplyForged):
        await tampered(world, change)


async def test_tampered_reply_status(world: World) -> None:
    """An answer cannot be passed off as a refusal."""
    with pytest.raises(ReplyForged):
        await tampered(world, lambda _, reply: msgspec.structs.replace(reply, status=503))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"Content-Encoding", b"gzip"),
        (b"Retry-After", b"9"),
        (b"Location", b"/elsewhere"),
        (b"X-Assay-Later", b"1"),
        (b"Content-Type", b"text/html"),
    ],
)
async def test_tampered_reply_header(world: World, name: bytes, value: bytes) -> None:
    def change(_: RawRequest, reply: RawReply) -> RawReply:
        return msgspec.structs.replace(reply, headers=(*reply.headers, (name, value)))

    with pytest.raises(ReplyForged):
        await tampered(world, change)


async def test_reply_without_a_signature(world: World) -> None:
    def change(_: RawRequest, reply: RawReply) -> RawReply:
        kept = tuple(h for h in reply.headers if h[0] != b"X-Assay-Signature")
        return msgspec.structs.replace(reply, headers=kept)

    with pytest.raises(ReplyUnsigned):
        await tampered(world, change)


async def test_reply_to_another_request(world: World) -> None:
    """The first answer, kept and served again to the same question."""
    kept: list[RawReply] = []

    def change(_: RawRequest, reply: RawReply) -> RawReply:
        kept.append(reply)
        return kept[0]

    dendrite = world.dendrite()
    async with serving(world) as axon, world.between(axon, change) as peer:
        await dendrite.call(peer, "echo", Question(text="hi"), Answered, deadline_s=5)
        with pytest.raises(ReplyForged):
            await dendrite.call(peer, "echo", Question(text="hi"), Answered, deadline_s=5)
    await dendrite.close()


async def test_reply_by_somebody_else(world: World) -> None:
    """Bob listens where Mallory was expected: the request is not for him, and his refusal, though
    signed, is not Mallory's."""
    dendrite = world.dendrite()
    async with serving(world) as axon:
        with pytest.raises(ReplyForged, match="not who signed"):
            await dendrite.call(
                peer_of(axon.port, MALLORY.address), "echo", Question(), Answered, deadline_s=5
            )
    await dendrite.close()


async def test_a_forged_refusal_does_not_make_a_peer_look_busy(world: World) -> None:
    def change(_: RawRequest, reply: RawReply) -> RawReply:
        return RawReply(status=429, headers=((b"Retry-After", b"3600"),), body=b"")

    with pytest.raises(ReplyUnsigned):
        await tampered(world, change)


async def test_a_redirect_is_not_followed(world: World) -> None:
    def change(_: RawRequest, reply: RawReply) -> RawReply:
        return RawReply(status=307, headers=((b"Location", b"http://127.0.0.1:1/"),), body=b"")

    with pytest.raises(ReplyUnsigned):
        await tampered(world, change)


async def test_a_peer_that_is_no_address(world: World) -> None:
    dendrite = world.dendrite()
    with pytest.raises(CallError):
        await dendrite.call(
            Peer(Ss58("nobody"), "127.0.0.1", 20_000), "echo", Question(), Answered, deadline_s=1
        )
    await dendrite.close()


# -- replay across restarts and disorder


async def test_concurrent_shuffled_nonces(world: World) -> None:
    """64 requests whose nonces arrive in any order are all served; their copies are not."""
    now = CLOCK.now_ns()
    async with serving(world) as axon:
        # All are younger than the axon, as requests in flight from many tasks are.
        requests = [signed(nonce_ns=now + SECOND + n * 1_000_000) for n in range(64)]
        random.Random(7).shuffle(requests)
        replies = await asyncio.gather(*(world.send(axon, r) for r in requests))
        again = await asyncio.gather(*(world.send(axon, r) for r in requests))
    assert {reply.status for reply in replies} == {200}
    assert {reply.status for reply in again} == {401}


async def test_restart_after_a_crash_refuses_what_was_accepted(world: World) -> None:
    """Kill -9: the axon is not stopped, only forgotten. Its ceiling survives."""
    disk = MemoryCeiling()
    crashed = await world.axon(nonces=disk)
    crashed.attach("echo", Question, Answered, _echo)
    await crashed.start()
    request = signed()
    assert (await world.send(crashed, request)).status == 200
    ceiling = disk.value

    after = MemoryCeiling()
    after.value = ceiling
    async with serving(world, nonces=after) as axon:
        reply = await world.send(axon, request)
        refusal = refusal_in(reply, request)
        assert refusal.code == Code.BEFORE_RESTART
        assert reply.status == 503
        # An honest caller is let in again as soon as its clock passes the ceiling.
        assert ceiling is not None
        later = signed(nonce_ns=ceiling + 1)
        assert (await world.send(axon, later)).status == 200
    await crashed.stop()


async def test_restart_after_a_clean_stop_serves_at_once(world: World) -> None:
    disk = MemoryCeiling()
    async with serving(world, nonces=disk) as axon:
        request = signed()
        assert (await world.send(axon, request)).status == 200
    async with serving(world, nonces=disk) as axon:
        reply = await world.send(axon, request)
        assert refusal_in(reply, request).code == Code.BEFORE_RESTART
        assert (await world.send(axon, signed())).status == 200


async def _echo(question: Question, _: Caller) -> Answered:
    return Answered(text=question.text)
