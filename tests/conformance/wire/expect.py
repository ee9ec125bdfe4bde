"""What the tests of transports share: a peer, and a refusal that must come."""

from __future__ import annotations

from assay.types import Ss58
from assay.wire.errors import Code
from assay.wire.interface import Peer
from assay.wire.memory import RawRequest
from tests.unit.subnet.wire.world import BOB, World, refusal_in, serving

SECOND = 1_000_000_000


def peer_of(port: int, address: Ss58 = BOB.address) -> Peer:
    return Peer(address, "127.0.0.1", port)


async def refused(
    world: World, request: RawRequest, code: Code, *, status: int | None = None, **options: object
) -> None:
    """Bob's axon answers ``request`` with a signed refusal of this code."""
    async with serving(world, **options) as axon:
        reply = await world.send(axon, request)
    assert refusal_in(reply, request).code == code
    if status is not None:
        assert reply.status == status
