"""The engine that computes in this process: all open answers step together.

In come requests with their callers; out come answers, whole or in pieces. A thread of its own
computes, so that the event loop stays free, and another one cuts long prompts into tokens, so that
nobody's next token waits for them. The first one takes the answers under way from ``fair_queue``,
lets ``schedule`` share the rows of a step, computes them by ``rows`` in one pass, and draws a token
of each answer that is ready. Which token that is depends on no other answer (``rows`` says why). An
answer that is given up is left out from the next step on.

A model that cannot be computed by rows is worked on token by token, in turns.

This module knows no chain and no messages; of a caller it knows a name and whether it goes first.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from assay.models.answer import GrowingAnswer, check_length
from assay.models.engine import Closed, EngineAnswer, EngineEnd, EnginePiece, EngineRequest
from assay.models.fair_queue import (
    BURSTS_MAX,
    OPEN_MAX,
    OTHERS_MAX,
    SHARING_MAX,
    AnswerQueue,
    Asker,
    first_sharing,
    first_together,
)
from assay.models.prompt_reader import PromptReader
from assay.models.schedule import Open, share_rows
from assay.models.slots import CacheSlots, Span

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence

    from assay.models.drawing import Drawing
    from assay.models.language import LanguageModel
    from assay.models.rows import Rows

Made = TypeVar("Made")
SHORT_CHARS: Final = 1_024
"""A prompt of up to so many characters is cut into tokens where it is computed: that takes a
millisecond at most, a tenth of a step, and the change of threads takes a good part of it. With
more, a few prompts at once would make everybody's step longer."""
PIECE_S: Final = 0.02
"""Seconds from one piece of an answer to the next, and one step more, while few are under way; the
first and the last leave at once. Each piece costs a signature, a frame, a check and an event of the
client's stream, which together take longer than drawing a token of a small model. A screen shows no
more pictures a second either."""
FEW: Final = 6
"""Answers under way from which on pieces are as much rarer as there are more of them: some 300 in a
second for all readers together, whose signatures and checks take a fifth of a core."""
RARER_MAX: Final = 2.5
"""Times ``PIECE_S`` at most: a twentieth of a second, which readers do not see, and a validator's
window of a second misses a fortieth of what was drawn in it at most."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """Somebody who sees an answer grow."""

    loop: asyncio.AbstractEventLoop
    told: asyncio.Queue[EnginePiece | None] = field(default_factory=asyncio.Queue)


@dataclass(eq=False, slots=True)
class _Job:
    """One answer that is being made."""

    ask: EngineRequest
    caller: str
    asked_s: float
    prompt: Sequence[int] | None
    """The prompt's tokens, if they are known already."""
    reader: _Reader | None = None
    made: Future[EngineAnswer] = field(default_factory=Future)
    answer: GrowingAnswer | None = None
    steps: Generator[Drawing, int, None] | None = None
    slot: int = 0
    done: int = 0
    """Tokens in the cache."""
    begun_s: float = 0.0
    first_s: float = 0.0
    told_s: float = -math.inf
    """When the reader was given a piece."""


class LocalEngine:
    """A model in this process, on the numeric path that validators replay."""

    seeded = True

    def __init__(
        self,
        model: LanguageModel,
        root: bytes,
        *,
        monotonic: Callable[[], float],
        piece_s: float = PIECE_S,
    ) -> None:
        self.root = root
        self._model = model
        self._monotonic = monotonic
        self._piece_s = piece_s
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._lock = threading.Lock()
        """Guards the three fields below: the event loop adds and removes answers, and the thread
        works on them."""
        sharing = first_sharing(model.cache_bytes)
        self.together = together = first_together(model.cache_bytes)
        self._queue: AnswerQueue[_Job] = AnswerQueue(
            first_open_max=max(OPEN_MAX, together),
            first_max=BURSTS_MAX * together,
            first_sharing_max=sharing,
            together_max=together,
        )
        self._working = False
        self._closed = False
        # Of the thread alone:
        self._slots = CacheSlots(sharing + together + min(OTHERS_MAX, SHARING_MAX + together))
        self._placed: set[_Job] = set()
        """The answers that have a slot."""
        self._untold: dict[_Job, None] = {}
        """The answers that have tokens of which their readers were not told."""
        self._prompts = PromptReader(model.tokens.encode)
        # Before any answer, because it takes about sixty passes.
        self._by_rows = self._thread.submit(model.by_rows)

    async def complete(self, ask: EngineRequest, asker: Asker) -> EngineAnswer:
        job = await self._job(ask, asker)
        self._open(job, asker)
        try:
            return await self._awaited(asyncio.wrap_future(job.made))
        finally:
            # Also when the caller has gone: nobody waits for the rest.
            with self._lock:
                self._queue.remove(job)

    async def stream(self, ask: EngineRequest, asker: Asker) -> AsyncGenerator[EnginePiece, None]:
        reader = _Reader(asyncio.get_running_loop())
        job = await self._job(ask, asker, reader)

        def failed(made: Future[EngineAnswer]) -> None:
            if made.cancelled() or made.exception() is not None:
                _tell(reader.loop, [(reader, None)])

        job.made.add_done_callback(failed)
        self._open(job, asker)
        try:
            while (piece := await reader.told.get()) is not None:
                yield piece
                if piece.end is not None:
                    return
            await self._awaited(asyncio.wrap_future(job.made))  # which has failed
        finally:
            with self._lock:
                self._queue.remove(job)

    async def close(self) -> None:
        with self._lock:
            self._closed = True
            abandoned = self._queue.clear()
        self._prompts.stop()
        for job in abandoned:
            job.made.cancel()
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)

    async def _job(self, ask: EngineRequest, asker: Asker, reader: _Reader | None = None) -> _Job:
        """The answer to ``ask`` before it is begun, its prompt cut into tokens if it is long."""
        asked_s = self._monotonic()
        if self._closed:
            raise Closed
        prompt: list[int] | None = None
        check_length(ask, self._model)
        if len(ask.prompt) > SHORT_CHARS:
            prompt = await self._awaited(self._prompts.read(ask.prompt, asker))
        return _Job(ask, asker.name, asked_s, prompt, reader)

    def _open(self, job: _Job, asker: Asker) -> None:
        with self._lock:
            if self._closed:
                raise Closed
            self._queue.add(job, asker)
            if not self._working:
                self._working = True
                self._thread.submit(self._work)

    async def _awaited(self, made: Awaitable[Made]) -> Made:
        """Return what is ``made``; Closed where it was given up."""
        try:
            return await made
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and not caller.cancelling():
                raise Closed from None  # it was the answer that was given up, not the caller
            raise

    def _work(self) -> None:
        """Work on open answers, one step after the other, until none is left. Runs in the
        thread, as all that follows."""
        rows = self._by_rows.result()
        while True:
            with self._lock:
                jobs: tuple[list[_Job], list[_Job]]
                if rows is not None:
                    jobs = self._queue.under_way()
                else:
                    job = self._queue.next()
                    jobs = ([] if job is None else [job], [])
                if not any(jobs):
                    self._working = False
            if rows is not None:
                self._leave(self._placed.difference(*jobs))
            if not any(jobs):
                self._untold.clear()  # answers that were given up
                return
            if rows is not None:
                self._step(rows, *jobs)
            else:
                self._step_alone(jobs[0][0])

    def _step(self, rows: Rows, firsts: Sequence[_Job], others: Sequence[_Job]) -> None:
        """Compute one step of the answers under way, and draw the tokens that are ready."""
        firsts, others = (
            [job for job in jobs if job.answer is not None or self._begin(job, rows)]
            for jobs in (firsts, others)
        )
        shared = share_rows(
            [_open(job) for job in firsts], [_open(job) for job in others], rows.counts
        )
        if not shared:
            return
        spans = [_span(job, count) for job, count in shared]
        try:
            drawings = iter(rows.run(spans))
        except Exception as error:  # a broken model: whose answer broke it cannot be told
            for job, _ in shared:
                self._fail(job, error)
            return
        ready = []
        for (job, count), span in zip(shared, spans, strict=True):
            job.done += count
            if span.drawn_from:
                ready.append((job, next(drawings)))
        going_first = set(firsts)
        for kind in (True, False):  # who goes first does not wait for what others draw
            for job, drawing in ready:
                if (job in going_first) is kind:
                    self._draw(job, drawing)
            self._tell_readers(len(firsts) + len(others))

    def _begin(self, job: _Job, rows: Rows) -> bool:
        """Begin the answer of ``job``; return whether it can be made."""
        job.begun_s = self._monotonic()
        try:
            job.answer = GrowingAnswer(job.ask, self._model, self.root, job.prompt)
            taken = self._slots.take((job.caller, job.ask.cache), job.answer.ids)
            job.slot = taken.slot
            self._placed.add(job)
        except Exception as error:  # a request that is too long
            self._fail(job, error)
            return False
        try:
            rows.reserve(max(taken.slot, taken.moved_to or 0), job.answer.tokens_max)
            if taken.moved_to is not None:
                rows.move(taken.slot, taken.moved_to)
            rows.copy(taken.source, taken.slot, taken.reused)
        except Exception as error:  # such as no memory for a larger cache
            self._slots.spoil(taken)
            self._fail(job, error)
            return False
        job.done = taken.reused
        return True

    def _step_alone(self, job: _Job) -> None:
        """Draw one token of ``job``."""
        try:
            if job.steps is None or job.answer is None:
                job.begun_s = self._monotonic()
                job.answer = GrowingAnswer(job.ask, self._model, self.root, job.prompt)
                job.steps = self._model.steps(job.answer.ids)
                drawing = next(job.steps)
            else:
                drawing = job.steps.send(job.answer.ids[-1])
        except Exception as error:  # a request that is too long, or a broken model
            self._fail(job, error)
        else:
            self._draw(job, drawing)
            self._tell_readers(1)

    def _draw(self, job: _Job, drawing: Drawing) -> None:
        answer = job.answer
        assert answer is not None
        try:
            answer.draw(drawing)
        except Exception as error:
            self._fail(job, error)
            return
        if len(answer.drawn) == 1:
            job.first_s = self._monotonic()
            if self._placed:
                self._slots.holds(job.slot, answer.ids[: job.done])
        if job.reader is not None:
            self._untold[job] = None
        if answer.finish is not None and self._ends(job):
            job.made.set_result(self._whole(job, answer))

    def _tell_readers(self, under_way: int) -> None:
        """Give readers what was drawn for them, if it is time for that with so many answers
        ``under_way``. One wake-up of the event loop is for all of them."""
        now_s = self._monotonic()
        wait_s = self._piece_s * min(max(under_way / FEW, 1.0), RARER_MAX)
        loops = defaultdict(list)
        for job in list(self._untold):
            answer, reader = job.answer, job.reader
            assert answer is not None and reader is not None
            if answer.finish is None and now_s - job.told_s < wait_s:
                continue
            job.told_s = now_s
            del self._untold[job]
            drawn, text = answer.tell()
            loops[reader.loop].append((reader, EnginePiece(drawn, text, self._end(job, answer))))
        for loop, pieces in loops.items():
            _tell(loop, pieces)

    def _end(self, job: _Job, answer: GrowingAnswer) -> EngineEnd | None:
        if answer.finish is None:
            return None
        return EngineEnd(
            answer.finish,
            answer.prompt_tokens,
            queued_s=job.begun_s - job.asked_s,
            first_token_s=job.first_s - job.asked_s,
            total_s=self._monotonic() - job.asked_s,
        )

    def _whole(self, job: _Job, answer: GrowingAnswer) -> EngineAnswer:
        end = self._end(job, answer)
        assert end is not None
        return EngineAnswer(
            "" if job.reader is not None else answer.tell()[1],
            tuple(drawn.token for drawn in answer.drawn),
            end.finish,
            end.queued_s,
            end.first_token_s,
            end.total_s,
            end.prompt_tokens,
            tuple(answer.drawn),
        )

    def _ends(self, job: _Job) -> bool:
        """Forget ``job``; return whether anybody still waits for its answer."""
        with self._lock:
            self._queue.remove(job)
        return job.made.set_running_or_notify_cancel()

    def _fail(self, job: _Job, error: Exception) -> None:
        self._untold.pop(job, None)
        if self._ends(job):
            job.made.set_exception(error)

    def _leave(self, jobs: set[_Job]) -> None:
        """Free the slots of answers that have ended or were given up."""
        for job in jobs:
            if job.answer is not None:
                self._slots.holds(job.slot, job.answer.ids[: job.done])
            self._slots.give_back(job.slot)
        self._placed -= jobs


def _tell(
    loop: asyncio.AbstractEventLoop, pieces: Sequence[tuple[_Reader, EnginePiece | None]]
) -> None:
    """Give each reader its piece, in ``loop``; from any thread."""

    def give() -> None:
        for reader, piece in pieces:
            reader.told.put_nowait(piece)

    with contextlib.suppress(RuntimeError):  # the loop has ended, and its readers with it
        loop.call_soon_threadsafe(give)


def _open(job: _Job) -> Open[_Job]:
    assert job.answer is not None
    return Open(job, job.done, len(job.answer.ids) - job.done, job.answer.effort)


def _span(job: _Job, count: int) -> Span:
    assert job.answer is not None
    tokens = job.answer.ids[job.done : job.done + count]
    ready = job.done + count == len(job.answer.ids)
    return Span(job.slot, job.done, tuple(tokens), drawn_from=ready)
