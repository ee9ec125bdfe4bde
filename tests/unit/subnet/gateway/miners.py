"""A subnet of small honest miners in one process, for a gateway's tests.

A miner's tokens are bytes, drawn from the request's noise key and the position alone, as the real
sampler's are: so an answer that another miner goes on with must be the one that the first would
have made.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.chain.interface import (
    BlockRef,
    Commitment,
    Endpoint,
    EpochTiming,
    Hyperparameters,
    Metagraph,
    Moment,
    Neuron,
)
from assay.clock import Clock, SystemClock
from assay.gateway.router import Router
from assay.protocol.inference import (
    NAME,
    STREAM,
    Complete,
    Ending,
    ModelCommitment,
    NumericPath,
    Piece,
    TokenLogprob,
    noise_key,
)
from assay.types import AlphaRao, BlockNumber, NetUid, Rao, Uid
from assay.wire.errors import Code, RequestRefused
from assay.wire.interface import Caller, Method
from assay.wire.keys import SeedSigner
from assay.wire.memory import MemoryAxon, MemoryDendrite, MemoryNetwork

ROOT = bytes(range(32))
GENESIS = "0x" + "ab" * 32
END = 256


def key(number: int) -> SeedSigner:
    return SeedSigner(bytes([number]) * 32)


GATEWAY = key(250)


class ByteSpelling:
    """A tokenizer whose tokens are bytes, and one that ends the text."""

    ends = frozenset({END})

    def decode(self, tokens: Sequence[int]) -> str:
        return bytes(token for token in tokens if token < END).decode(errors="replace")

    def token_bytes(self, token: int) -> bytes:
        return bytes([token]) if token < END else b""


def drawn(noise: bytes, position: int) -> int:
    """The token at ``position``: any byte of ASCII letters and spaces, and of a two-byte letter."""
    number = hashlib.blake2b(noise + position.to_bytes(4, "little")).digest()[0]
    return b"abcdefgh ijklmnop\n\xc3\xa9"[number % 19]


def whole(ask: Complete, miner: str, count: int) -> list[int]:
    """The first ``count`` tokens of the one right answer to ``ask`` by ``miner``."""
    noise = noise_key(ask.seed, ask.model, miner)
    return [drawn(noise, position) for position in range(count)]


@dataclass
class FakeMiner:
    """One miner; what it does wrong is set from outside."""

    signer: SeedSigner
    incentive: int = 1000
    path: NumericPath = NumericPath.SEEDED_FP32
    root: bytes = ROOT
    dies_at: int | None = None
    """The position before whose token it fails."""
    refuses: RequestRefused | None = None
    changes: Callable[[Piece], Piece] = lambda piece: piece
    waits: asyncio.Event | None = None
    """Before the first token."""
    clock: Clock | None = None
    first_s: float = 0.0
    token_s: float = 0.0
    """By the clock, if there is one: before the first token, and before each further one."""
    ends_at: int | None = None
    """The position at which its model ends the text."""
    says: bytes | None = None
    """What its model answers to everything, if it is no honest sampler."""
    places: int | None = None
    """How many answers it makes at one time; it refuses what goes beyond."""
    open_now: int = 0
    open_most: int = 0
    asked: list[Complete] = field(default_factory=list)
    noticed: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    """Has one place for each request that came."""
    cancelled: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a caller has left."""
    port: int = 0

    @property
    def hotkey(self) -> str:
        return self.signer.address

    async def stream(self, ask: Complete, caller: Caller) -> AsyncIterator[Piece]:
        self.asked.append(ask)
        self.noticed.release()
        if self.refuses is not None:
            raise self.refuses
        if not ask.begun and ask.miner != self.hotkey:
            raise RequestRefused("the request names another miner")
        if self.places is not None and self.open_now >= self.places:
            raise RequestRefused(Code.CALLER_LIMITED, "too many", retry_after_s=1.0)
        self.open_now += 1
        self.open_most = max(self.open_most, self.open_now)
        try:
            if self.waits is not None:
                await self.waits.wait()
            noise = noise_key(ask.seed, ask.model, ask.miner)
            before = len(ask.begun)
            for position in range(before, before + ask.max_tokens):
                if position == self.dies_at:
                    raise RuntimeError("killed")
                if self.clock is not None:
                    await self.clock.sleep(self.token_s if position > before else self.first_s)
                ended = position == (self.ends_at if self.says is None else len(self.says))
                token = END if ended else self._token(noise, position)
                last = ended or position == before + ask.max_tokens - 1
                yield self.changes(
                    Piece(
                        tokens=[token],
                        text="",
                        logprobs=[] if ask.logprobs is None else [_logprob(token, ask.logprobs)],
                        end=_ending("stop" if ended else "length") if last else None,
                    )
                )
                if last:
                    return
                await asyncio.sleep(0)
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            self.left.set()
            raise
        finally:
            self.open_now -= 1

    def _token(self, noise: bytes, position: int) -> int:
        return drawn(noise, position) if self.says is None else self.says[position]


def _logprob(token: int, alternatives: int) -> TokenLogprob:
    return TokenLogprob(-0.5, [(token + i, -0.5 - i) for i in range(alternatives)])


def _ending(finish: Any) -> Ending:
    return Ending(finish=finish, queued_s=0.0, first_token_s=0.0, total_s=0.0, prompt_tokens=3)


class Subnet:
    """Miners that listen in one memory network, and the moment of the chain that shows them."""

    def __init__(
        self,
        *miners: FakeMiner,
        permit: bool = True,
        clock: Clock | None = None,
        network: MemoryNetwork | None = None,
    ) -> None:
        self.miners = miners
        self.permit = permit
        self.clock = clock or SystemClock()
        self.network = network or MemoryNetwork()
        self.dendrite = MemoryDendrite(GATEWAY, self.network, clock=self.clock)
        self._axons: list[MemoryAxon] = []

    async def __aenter__(self) -> Subnet:
        for miner in self.miners:
            axon = MemoryAxon(
                miner.signer, self.network, clock=self.clock, on_fault=lambda *_: None
            )
            axon.attach(Method(f"{NAME}.{STREAM}", Complete, Piece, miner.stream, stream=True))
            await axon.start()
            miner.port = axon.port
            self._axons.append(axon)
        return self

    async def __aexit__(self, *_: object) -> None:
        for axon in self._axons:
            await axon.stop()

    def now(self) -> Moment:
        """The chain's newest moment."""
        gateway = _neuron(0, GATEWAY.address, None, 0, permit=self.permit)
        miners = [
            _neuron(uid, m.hotkey, Endpoint("127.0.0.1", m.port), m.incentive, permit=False)
            for uid, m in enumerate(self.miners, 1)
        ]
        return _moment([gateway, *miners], {
            m.hotkey: Commitment(ModelCommitment(m.root, m.path).pack(), BlockNumber(1))
            for m in self.miners
        })  # fmt: skip

    def router(self, **changes: Any) -> Router:
        fields: dict[str, Any] = {
            "spelling": ByteSpelling(),
            "root": ROOT,
            "paths": frozenset(NumericPath) - {NumericPath.ENGINE},
            "own": GATEWAY.address,
            "now": self.now,
            "clock": self.clock,
            "rng": random.Random(7),
        }
        return Router(self.dendrite, **(fields | changes))


def _neuron(
    uid: int, hotkey: str, axon: Endpoint | None, incentive: int, *, permit: bool
) -> Neuron:
    return Neuron(
        uid=Uid(uid),
        hotkey=hotkey,
        coldkey=hotkey,
        alpha_stake=AlphaRao(0),
        total_stake=0,
        validator_permit=permit,
        active=True,
        last_update=BlockNumber(0),
        block_at_registration=BlockNumber(0),
        axon=axon,
        incentive=incentive,
        dividends=0,
        consensus=0,
        validator_trust=0,
        emission=AlphaRao(0),
    )  # type: ignore[arg-type]


def _moment(neurons: list[Neuron], commitments: Mapping[Any, Commitment]) -> Moment:
    at = BlockRef(BlockNumber(7), "0x" + "00" * 32)
    settings = Hyperparameters(
        tempo=20,
        weights_version=0,
        min_allowed_weights=1,
        max_weight_limit=65_535,
        weights_rate_limit_blocks=0,
        commit_reveal=False,
        max_uids=256,
        immunity_blocks=0,
        serving_rate_limit_blocks=0,
        registration_allowed=True,
        registration_price=Rao(0),
        stake_threshold=0,
    )  # type: ignore[arg-type]
    owner = key(251).address
    metagraph = Metagraph(
        netuid=NetUid(1),
        at=at,
        owner_coldkey=owner,
        owner_hotkey=owner,
        max_uids=256,
        neurons=tuple(neurons),
        epoch=EpochTiming(0, BlockNumber(0), BlockNumber(20), 20),
        settings=settings,
        alpha_price=Rao(0),
    )
    return Moment(at, metagraph, commitments)
