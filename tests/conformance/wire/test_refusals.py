"""Which requests every transport refuses, each by a signed answer with its code."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from assay.wire.admission import Admission
from assay.wire.errors import Code
from assay.wire.interface import Caller, Method
from assay.wire.limits import DEFAULT, Limits
from assay.wire.synapse import encode
from tests.conformance.wire.expect import SECOND, refused
from tests.unit.subnet.wire.world import (
    ALICE,
    CLOCK,
    MALLORY,
    Answered,
    Question,
    World,
    echo,
    refusal_in,
    serving,
    signed,
    with_header,
)


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
        axon.attach(Method(name="other", request=Question, reply=Answered, handler=echo))
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
