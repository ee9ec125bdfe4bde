"""Any pieces, truly signed in reply to any request, as a liar on either side would have them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from assay.clock import SystemClock
from assay.gateway.calls import PATH, MinerCall, PiecesInvalid
from assay.gateway.candidates import Candidate
from assay.neuron import Caller
from assay.protocol.client_receipts import CallRecord, SignedCall
from assay.protocol.inference import Complete, NumericPath, Piece
from assay.types import Ss58, Uid
from assay.wire.errors import CallError
from assay.wire.evidence import pack, unpack
from assay.wire.interface import Method, Peer
from assay.wire.keys import SeedSigner
from assay.wire.memory import MemoryAxon, MemoryDendrite, MemoryNetwork
from assay.wire.stream import StreamBinding, running_hash
from assay.wire.synapse import Synapse, encode
from tests.unit.subnet.gateway.miners import GATEWAY, key


async def signed(
    ask: Complete,
    said: Sequence[Synapse],
    *,
    miner: SeedSigner | None = None,
    gateway: SeedSigner = GATEWAY,
    clock: Any = None,
) -> CallRecord:
    """``said`` in reply to ``ask``, signed by both."""
    miner, clock, network = miner or key(1), clock or SystemClock(), MemoryNetwork()

    async def handler(_: Complete, __: Caller) -> AsyncIterator[Any]:
        for piece in said:
            yield piece

    axon = MemoryAxon(miner, network, clock=clock, on_fault=lambda *_: None)
    axon.attach(Method(PATH, Complete, Piece, handler, stream=True))
    await axon.start()
    dendrite = MemoryDendrite(gateway, network, clock=clock)
    candidate = Candidate(
        Uid(1), Peer(Ss58(miner.address), "127.0.0.1", axon.port), NumericPath.SEEDED_FP32, 0
    )
    call = MinerCall(candidate, ask, 0, dendrite, clock, deadline_s=9.0)
    with contextlib.suppress(CallError, PiecesInvalid):
        while await call.next():
            pass
    await call.close()
    assert call.record is not None
    await axon.stop()
    return call.record


def answered_again(
    call: SignedCall, said: Sequence[Synapse], word: str, *, miner: SeedSigner | None = None
) -> SignedCall:
    """``said`` in another reply to the request of ``call``, as a miner that has it can sign at any
    time; ``word`` says how it ends."""
    miner, evidence, frames = miner or key(1), unpack(call.evidence), list(map(encode, said))
    binding = StreamBinding(
        request_hash=evidence.request_hash, status=evidence.status, headers=evidence.headers,
        sender=evidence.peer, receiver=evidence.caller,
    )  # fmt: skip
    digest = running_hash(evidence.request_hash, frames, failed=False)
    signature = miner.sign(binding.payload(word, len(frames), digest))
    forged = msgspec.structs.replace(
        evidence, frames=len(frames), word=word, reply_digest=digest, reply_signature=signature
    )
    return SignedCall(request=call.request, evidence=pack(forged), frames=frames)
