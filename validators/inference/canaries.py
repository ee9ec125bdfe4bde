"""Canaries: questions of a validator that reach miners as a client's do, through a gateway.

A miner knows a validator by its hotkey, and could answer it well and clients badly. So a validator
also asks as a client does: with an ordinary key, at a gateway, at moments that nobody can foresee
and that follow no turn, what clients have asked (``canary_requests``). It fetches the receipt and
has each miner's call judged as any other client's answer, at the same price. No answer, or one that
nobody can judge, counts for nothing.

When is asked and what is drawn from the turns' committed randomness; the gateway chooses miners as
it does for clients. The cost is bounded: so many an hour and miner, and so many at one time. This
module knows no judge and no pay.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from loguru import logger

from assay.clock import Clock
from assay.neuron import RequestRefused
from assay.protocol.client_receipts import ClientReceipt, SignedCall
from assay.protocol.shared_prompts import SharedSession
from assay.types import Ss58
from assay.validators.inference.canary_requests import Body, CanaryRequests, Session
from assay.validators.inference.gateway_client import GatewayFailed

OPEN_MAX: Final = 8
"""Sessions at one time. What is drawn beyond them is left out: gateways that answer slowly
would otherwise make a validator hold ever more."""
WAIT_S_MAX: Final = 60.0
"""The longest wait before the next moment is drawn anew, from what is known then. The gaps have no
memory, so that this changes nothing of when canaries come."""
STOCK_MIN: Final = 16
"""Fewer shared sessions than that are left: more are asked for."""
FETCH_S_MIN: Final = 300.0
"""Between two such questions to a gateway."""
FORBIDDEN: Final = 403
"""What a gateway says to a key that may not read what clients share. It is not asked again."""
_SEED: Final = b"assay/canary/1"


class ClientOfGateway(Protocol):
    """What canaries need of a gateway (``gateway_client.GatewayClient``)."""

    @property
    def shown(self) -> str:
        """The gateway's address, as a log may have it."""
        ...

    async def ask(
        self, key: str, path: str, body: Body, avoid: Collection[Ss58]
    ) -> tuple[ClientReceipt, str]:
        """The receipt and the words of one answer by none of ``avoid``; GatewayFailed if there is
        none."""
        ...

    async def shared(self, key: str) -> list[SharedSession]:
        """What clients share; GatewayFailed if that is not shown."""
        ...

    async def close(self) -> None:
        """Give back the connections."""
        ...


@dataclass(slots=True)
class Door:
    """One gateway and the keys for it, of which the first reads what clients share. It asks
    nothing if there are others, so that nobody can tell canaries by what their key may read."""

    client: ClientOfGateway
    keys: Sequence[str]
    requests: CanaryRequests
    fetched_s: float | None = None
    may_read: bool = True
    is_silent: bool = False

    @property
    def asking(self) -> Sequence[str]:
        """The keys that ask."""
        return self.keys[1:] or self.keys


class Canaries:
    """Asks through gateways, until cancelled, ``per_hour`` sessions an hour for each miner."""

    def __init__(
        self,
        doors: Sequence[Door],
        *,
        model: str,
        per_hour: float,
        take: Callable[[SignedCall], None],
        clock: Clock,
    ) -> None:
        """``model`` is the name that gateways know the model by whatever they call it: its root.
        ``take`` is handed each miner's signed call, and raises RequestRefused for one that cannot
        be judged."""
        self._doors = doors
        self._model = model
        self._per_hour = per_hour
        self._take = take
        self._clock = clock
        self._seed = b""
        self._drawn = 0
        self._miners: Sequence[Ss58] = ()
        self._begun = asyncio.Event()
        self._open = 0

    def begin_turn(self, seed: bytes, miners: Sequence[Ss58]) -> None:
        """From now on what is asked is drawn from ``seed``, 32 bytes that only this validator
        knows, for ``miners``, the hotkeys of those that serve the model."""
        self._seed, self._miners, self._drawn = seed, miners, 0
        self._begun.set()

    async def run(self) -> None:
        """Ask at random moments, until cancelled."""
        await self._begun.wait()
        async with asyncio.TaskGroup() as group:
            while True:
                rng = self._rng()
                rate_per_s = self._per_hour * len(self._miners) / 3_600.0
                wait_s = rng.expovariate(rate_per_s) if rate_per_s else WAIT_S_MAX
                await self._clock.sleep(min(wait_s, WAIT_S_MAX))
                if wait_s < WAIT_S_MAX and self._open < OPEN_MAX:
                    group.create_task(self._converse(self._rng()))

    def _rng(self) -> random.Random:
        """A generator for the next decision, which follows from the turn and from how many were
        drawn in it."""
        self._drawn += 1
        drawn = sha256(_SEED + self._seed + self._drawn.to_bytes(8, "little")).digest()
        return random.Random(int.from_bytes(drawn, "big"))

    async def _converse(self, rng: random.Random) -> None:
        self._open += 1
        door = rng.choice(self._doors)
        try:
            await self._stock(door)
            session = door.requests.of_a_client(rng, self._miners)
            if session is None:
                session = await asyncio.to_thread(door.requests.made_up, rng)
            await self.hold(door, session, rng)
            if door.is_silent:
                logger.info("Canaries pass through {} again", door.client.shown)
            door.is_silent = False
        except GatewayFailed as error:
            # A miner that does not answer a client looks the same from here.
            told = logger.debug if door.is_silent else logger.info
            told("No answer to a canary through {}: {}", door.client.shown, error)
            door.is_silent = True
        except Exception as error:  # what a gateway sends must not end the judging of all miners
            logger.error("A canary failed by a fault of ours: {}", type(error).__name__)
        finally:
            self._open -= 1

    async def hold(self, door: Door, session: Session, rng: random.Random) -> None:
        """Ask all of ``session``, as a client asks that goes on with what it was answered;
        GatewayFailed where the gateway gives no answer. The gateway chooses miners as it does for
        clients, but for those that have seen any of the session: a miner that is named where
        clients are sent elsewhere would know what for."""
        key = rng.choice(door.asking)
        answers: list[str] = []
        for number, request in enumerate(session.requests):
            if number:
                await self._clock.sleep(request.pause_s)
            body = session.body(number, answers) | {"model": self._model}
            receipt, said = await door.client.ask(key, request.path, body, session.seen_by)
            for call in receipt.calls:
                self._judge(call)
            answers.append(said)

    def _judge(self, call: SignedCall) -> None:
        try:
            self._take(call)
        except RequestRefused as error:
            logger.debug("A canary's answer cannot be judged: {}", error)

    async def _stock(self, door: Door) -> None:
        """Ask for what clients share, if little is left of it, and not often."""
        now_s = self._clock.monotonic()
        is_soon = door.fetched_s is not None and now_s - door.fetched_s < FETCH_S_MIN
        if is_soon or not door.may_read or len(door.requests) >= STOCK_MIN:
            return
        door.fetched_s = now_s
        try:
            door.requests.add(await door.client.shared(door.keys[0]))
        except GatewayFailed as error:
            door.may_read = error.status != FORBIDDEN
            if door.may_read:
                logger.debug("{} shows no shared prompts: {}", door.client.shown, error)
                return
            logger.info(
                "{} does not show the first key what clients share. Canaries through it are made "
                "up, and miners can tell them from clients' requests. Have a key made with "
                "`assay gateway key add --read-shared-prompts`, write it into the first line of "
                "the file of --canary-key-file, and start again",
                door.client.shown,
            )
