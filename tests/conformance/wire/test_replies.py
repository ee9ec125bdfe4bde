"""Replies that are not what they seem: every transport refuses to believe them."""

from __future__ import annotations

import msgspec
import pytest

from assay.types import Ss58
from assay.wire.errors import CallError, ReplyForged, ReplyUnsigned
from assay.wire.evidence import verify
from assay.wire.interface import Caller, Method, Peer
from assay.wire.memory import RawReply, RawRequest
from assay.wire.synapse import encode
from tests.conformance.wire.expect import peer_of
from tests.unit.subnet.wire.world import MALLORY, Answered, Question, World, serving


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


async def test_a_large_reply_is_under_the_signature_whatever_hashes_it(world: World) -> None:
    """``large`` says that BLAKE3 does; neither the body nor that word can be changed."""

    async def large(_: Question, __: Caller) -> Answered:
        return Answered(text="x" * 3_000_000)

    method = Method("large", Question, Answered, large, large=True)

    def flipped(_: RawRequest, reply: RawReply) -> RawReply:
        body = reply.body[:-1] + b"y"
        return msgspec.structs.replace(reply, body=body)

    def renamed(_: RawRequest, reply: RawReply) -> RawReply:
        kept = tuple(h for h in reply.headers if h[0] != b"X-Assay-Digest")
        assert len(kept) == len(reply.headers) - 1
        return msgspec.structs.replace(reply, headers=kept)

    dendrite = world.dendrite()
    async with serving(world) as axon:
        axon.attach(method)
        reply = await dendrite.call(peer_of(axon.port), "large", Question(), Answered, deadline_s=5)
        assert reply.message == Answered(text="x" * 3_000_000)
        verify(reply.evidence, reply=reply.body)
        for change in (flipped, renamed):
            async with world.between(axon, change) as peer:
                with pytest.raises(ReplyForged):
                    await dendrite.call(peer, "large", Question(), Answered, deadline_s=5)
    await dendrite.close()


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
