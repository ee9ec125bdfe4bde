"""A gateway shows validators what miners answered to its clients, as far as they draw it.

In come receipts; out go offers to every validator that the chain shows, and then the calls that a
validator has drawn. Nothing is waited for by clients: what has no room is left out, and a validator
that does not answer misses it. Who asks most makes room, and keys take turns in an offer: a client
could else hide what a miner answers to others behind answers of its own. No prompt and no key of a
client is in a log.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, zip_longest
from typing import Final

from assay.chain.view import Moment
from assay.clock import Clock
from assay.metrics import NO_METRICS, Metrics
from assay.neuron.peers import targets_of, wire_path
from assay.neuron.record import Role
from assay.protocol.client_receipts import ClientReceipt, SignedCall
from assay.protocol.handing_on import (
    OFFER,
    OFFERED_MAX,
    SHOW,
    SHOWN_BYTES_MAX,
    CallTaken,
    Offer,
    ShownCall,
    Wanted,
    digest,
    size,
)
from assay.protocol.inference import NAME
from assay.types import Ss58
from assay.wire.errors import CallError
from assay.wire.interface import AnyDendrite, Peer

EVERY_S: Final = 5.0
"""Between two offers: seconds after an answer a validator may know of it, and a busy gateway asks
each validator twelve times a minute."""
HELD_BYTES_MAX: Final = 16 * 2**20
"""Of calls that wait for the next offer: a thousand ordinary ones."""
CALL_S: Final = 10.0
"""How long a validator may take for one message."""
VALIDATORS_MAX: Final = 64
"""Validators that are offered calls: as many as a public subnet has places for."""


class HandingOn:
    """Offers the calls of one gateway's receipts to validators, and shows what they draw."""

    def __init__(
        self,
        dendrite: AnyDendrite,
        *,
        own: Ss58,
        now: Callable[[], Moment],
        clock: Clock,
        rng: random.Random,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        """``own`` is the gateway's hotkey, ``now()`` the chain's newest moment."""
        self._dendrite = dendrite
        self._own = own
        self._now = now
        self._clock = clock
        self._rng = rng
        self._metrics = metrics
        self._held: dict[str, deque[SignedCall]] = {}
        """By the id of a client's key, the oldest first. No entry is empty."""
        self._bytes: Counter[str] = Counter()
        """Of what is held, by the same."""

    def note(self, receipt: ClientReceipt) -> None:
        """Keep the calls of ``receipt`` for the next offer, as far as there is room."""
        for record in receipt.calls:
            call = SignedCall(
                request=record.request, evidence=record.evidence, frames=record.frames
            )
            if size(call) <= SHOWN_BYTES_MAX:
                self._held.setdefault(receipt.key, deque()).append(call)
                self._bytes[receipt.key] += size(call)
                self._make_room()

    def _make_room(self) -> None:
        """Leave out calls of the keys that have most, until what is held is within its bounds."""
        while sum(map(len, self._held.values())) > OFFERED_MAX:
            self._leave_out(max(self._held, key=lambda key: len(self._held[key])))
        while self._bytes.total() > HELD_BYTES_MAX:
            self._leave_out(max(self._held, key=lambda key: self._bytes[key]))

    def _leave_out(self, key: str) -> None:
        """Forget the oldest call of ``key``."""
        self._bytes[key] -= size(self._held[key].popleft())
        if not self._held[key]:
            del self._held[key], self._bytes[key]

    def _in_turns(self) -> Iterator[SignedCall]:
        """What is held, a call of each key after the other: a validator may have room for few."""
        rounds = zip_longest(*self._held.values())
        return (call for call in chain.from_iterable(rounds) if call is not None)

    async def run(self) -> None:
        """Offer what is held every few seconds, until cancelled."""
        while True:
            await self._clock.sleep(self._rng.uniform(0.5, 1.0) * EVERY_S)
            await self.offer_held()

    async def offer_held(self) -> None:
        """Offer what is held to all validators, once, and show what they draw."""
        calls = list(self._in_turns())
        self._held.clear()
        self._bytes.clear()
        if not calls:
            return
        validators = targets_of(self._now(), self._own, Role.VALIDATOR)[:VALIDATORS_MAX]
        await asyncio.gather(*(self._hand(target.hotkey, calls) for target in validators))

    async def _hand(self, hotkey: Ss58, calls: Sequence[SignedCall]) -> None:
        neuron = self._now().metagraph.by_hotkey(hotkey)
        if neuron is None or neuron.axon is None:
            return
        peer = Peer(hotkey, neuron.axon.host, neuron.axon.port)
        offer = Offer(calls=[digest(call) for call in calls])
        outcome = "failed"
        with contextlib.suppress(CallError):
            reply = await self._dendrite.call(
                peer, wire_path(NAME, OFFER), offer, Wanted, deadline_s=CALL_S
            )
            for place in sorted(set(reply.message.places)):
                if place < len(calls):
                    shown = ShownCall(call=calls[place])
                    await self._dendrite.call(
                        peer, wire_path(NAME, SHOW), shown, CallTaken, deadline_s=CALL_S
                    )
                    self._metrics.count("assay_gateway_shown_total", outcome="shown")
            outcome = "offered"
        self._metrics.count("assay_gateway_shown_total", outcome=outcome)
