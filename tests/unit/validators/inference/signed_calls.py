"""Any pieces, truly signed in reply to any request, as a liar on either side would have them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from assay.clock import SystemClock
from assay.gateway.calls import PATH, MinerCall, PiecesInvalid
from assay.gateway.candidates import Candidate
from assay.neuron import Caller
from assay.protocol.client_receipts import CallRecord
from assay.protocol.inference import Complete, NumericPath, Piece
from assay.types import Ss58, Uid
from assay.wire.errors import CallError
from assay.wire.interface import Method, Peer
from assay.wire.keys import SeedSigner
from assay.wire.memory import MemoryAxon, MemoryDendrite, MemoryNetwork
from assay.wire.synapse import Synapse
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
