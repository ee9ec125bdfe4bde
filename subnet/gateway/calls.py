"""One call of a miner: its pieces as they come, checked, and what shows others that it said so.

A ``MinerCall`` runs a streamed call in a task of its own, so that two miners can be asked at once
and the slower one given up. Pieces wait in a short queue: a client that does not read makes the
miner wait. Each piece is held to what was asked (``PieceCheck``); a miner that sends another thing
has failed, as if its stream had been cut.

What the miner signed is kept as a ``CallRecord``: the request, the frames, and the evidence that
covers exactly these frames. This module chooses no miner and knows no client.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from assay.aio import bounded
from assay.clock import Clock
from assay.gateway.candidates import Candidate
from assay.gateway.health import WHOLE_S, WHOLE_TOKENS
from assay.neuron.peers import wire_path
from assay.protocol.client_receipts import CallRecord
from assay.protocol.inference import NAME, STREAM, Complete, Piece
from assay.wire.errors import CallError
from assay.wire.evidence import pack
from assay.wire.interface import AnyDendrite, AnyStream
from assay.wire.synapse import encode

PATH: Final = wire_path(NAME, STREAM)
IDLE_S: Final = 30.0
"""How long a miner may be silent within an answer. A slow machine makes a token in a second; a
client that waits longer than this takes the stream for dead."""
PIECES_AHEAD: Final = 32
"""Pieces that wait for a slow client. More would let a miner run on for a client that has gone."""
EMPTY_MAX: Final = 64
"""Pieces without a token in one answer: text that was held back comes in a few of them."""
FIXED_BYTES_MAX: Final = 2**16
"""Of the pieces of one answer, beside what grows with its tokens: their frames and the ending."""
TOKEN_BYTES_MAX: Final = 2**10
"""Of one token: its id, 64 characters of text, and twenty alternatives with a number each take 650
bytes. More is not an answer, and would fill the receipts of a gateway."""
CLOSE_S: Final = 1.0
"""How long the signed end may take after the last piece. Both are sent together."""


class PiecesInvalid(Exception):
    """A miner's pieces are not an answer to what was asked. ``args[0]`` is a sentence."""


class PieceCheck:
    """Holds the pieces of one call to the request."""

    def __init__(self, ask: Complete) -> None:
        self._ask = ask
        self._tokens = 0
        self._empty = 0
        self._bytes_max = FIXED_BYTES_MAX + ask.max_tokens * TOKEN_BYTES_MAX
        self.is_over = False

    def add(self, piece: Piece, payload_bytes: int) -> None:
        """PiecesInvalid unless ``piece`` may come next; all pieces so far have ``payload_bytes``
        bytes."""
        most = self._ask.max_tokens
        if self.is_over:
            raise PiecesInvalid("it goes on after its end")
        if payload_bytes > self._bytes_max:
            raise PiecesInvalid("it has more bytes than its tokens can need")
        self._tokens += len(piece.tokens)
        self._empty += not piece.tokens
        if self._tokens > most:
            raise PiecesInvalid(f"it has more than the {most} tokens that were asked for")
        if self._empty > EMPTY_MAX:
            raise PiecesInvalid("too many of its pieces are empty")
        wanted = len(piece.tokens) if self._ask.logprobs is not None else 0
        if len(piece.logprobs) != wanted:
            raise PiecesInvalid(f"a piece has {len(piece.logprobs)} logprobs, not {wanted}")
        if piece.end is not None:
            self.is_over = True
            if piece.end.finish == "length" and self._tokens < most:
                raise PiecesInvalid("it says that it is as long as was asked for, and is not")

    def end(self) -> None:
        """PiecesInvalid unless the answer is whole."""
        if not self.is_over:
            raise PiecesInvalid("it ended without saying how")


Failure = CallError | PiecesInvalid


class TokenPace:
    """How long a miner lets us wait for the tokens behind its first piece. The time in which a slow
    client keeps us from reading is not the miner's, and is left out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since_s: float | None = None
        self._tokens = 0
        self._seconds = 0.0

    def wait(self) -> None:
        """From now on the next piece is waited for."""
        self._since_s = self._clock.monotonic()

    def came(self, tokens: int) -> None:
        """A piece of so many ``tokens`` has come."""
        if self._since_s is not None:
            self._seconds += self._clock.monotonic() - self._since_s
            self._tokens += tokens
            self._since_s = None

    def taken(self, *, whole: bool) -> tuple[int, float] | None:
        """Tokens and seconds since they were last taken. None while these are too few for a whole
        measurement, unless ``whole`` says that there will be no more; or if there are none."""
        if whole:
            self.came(0)
        elif self._tokens < WHOLE_TOKENS and self._seconds < WHOLE_S:
            return None
        found = (self._tokens, self._seconds)
        self._tokens, self._seconds = 0, 0.0
        return found if found != (0, 0.0) else None


class MinerCall:
    """One call that is under way."""

    def __init__(
        self,
        candidate: Candidate,
        ask: Complete,
        choice: int,
        dendrite: AnyDendrite,
        clock: Clock,
        *,
        deadline_s: float,
    ) -> None:
        """Begin at once. ``choice`` is noted in the record."""
        self.candidate = candidate
        self.ask = ask
        self.ready = asyncio.Event()
        """Set once there is a piece, or a failure."""
        self.failure: Failure | None = None
        self.first_s: float | None = None
        """From signing the request to the first piece."""
        self.pace = TokenPace(clock)
        self._choice = choice
        self._dendrite = dendrite
        self._began_s = clock.monotonic()
        self._clock = clock
        self._deadline_s = deadline_s
        self._pieces: list[Piece] = []
        """Those that nobody has taken yet."""
        self._is_over = False
        self._room = asyncio.Event()
        self._frames: list[bytes] = []
        self._replies: AnyStream[Piece] | None = None
        self._task = asyncio.create_task(self._run())

    @property
    def age_s(self) -> float:
        """For how long this call has been under way."""
        return self._clock.monotonic() - self._began_s

    async def next(self) -> list[Piece]:
        """All pieces that have come and were not taken, at least one; none after the last. Raises
        the failure if the call has failed. One piece is not held back for the next; where this
        process lags behind the miner, several together cost little more than one."""
        while not self._pieces:
            if self.failure is not None:
                raise self.failure
            if self._is_over:
                return []
            self.ready.clear()
            await self.ready.wait()
        taken, self._pieces = self._pieces, []
        self._room.set()
        return taken

    async def finished(self, last: Piece) -> None:
        """Wait for the signed end of an answer whose text is whole, for a short time. ``last`` is
        the piece that made it whole; the ending may come in the next one, and in no later one."""
        with contextlib.suppress(TimeoutError, CallError, PiecesInvalid):
            await bounded(self._clock, CLOSE_S, self._ended(last))

    async def _ended(self, last: Piece) -> None:
        pieces = [last] if last.end is not None else await self.next()
        if any(piece.end is not None for piece in pieces):
            await asyncio.shield(self._task)

    async def close(self) -> None:
        """End the call; the miner is told if it is still at work."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    @property
    def record(self) -> CallRecord | None:
        """What the miner has signed so far; None if no piece is among it."""
        if self._replies is None or self.first_s is None:
            return None
        evidence = self._replies.evidence
        if evidence is None or evidence.frames != len(self._frames):
            return None
        return CallRecord(
            miner=self.candidate.hotkey,
            uid=self.candidate.uid,
            choice=self._choice,
            verified=self.candidate.verified,
            path=self.candidate.path,
            request=encode(self.ask),
            evidence=pack(evidence),
            frames=list(self._frames),
        )

    async def _run(self) -> None:
        try:
            await self._read()
        except (CallError, PiecesInvalid) as error:
            self.failure = error
        finally:
            self._is_over = True
            self.ready.set()

    async def _read(self) -> None:
        check = PieceCheck(self.ask)
        async with self._dendrite.stream(
            self.candidate.peer,
            PATH,
            self.ask,
            Piece,
            deadline_s=self._deadline_s,
            idle_s=min(IDLE_S, self._deadline_s),
        ) as replies:
            try:
                async for piece in replies:
                    self._keep(replies)
                    self.pace.came(len(piece.tokens))
                    if self.first_s is None:
                        self.first_s = replies.latency_s
                    check.add(piece, replies.payload_bytes)
                    self._pieces.append(piece)
                    self.ready.set()
                    while len(self._pieces) >= PIECES_AHEAD:
                        self._room.clear()
                        await self._room.wait()
                    if piece.end is None:
                        self.pace.wait()
            finally:
                self._keep(replies)
        check.end()

    def _keep(self, replies: AnyStream[Piece]) -> None:
        """Keep all that the miner has signed by now: also what is behind a piece that cannot be
        read, and a failure. Else a miner could sign nothing that a client may show of it."""
        self._replies = replies
        if replies.frames == len(self._frames) + len(replies.signed):
            self._frames += replies.signed
