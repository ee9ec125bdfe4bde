"""Races between awaitables, and waits with a bound, for every room that waits.

In come awaitables, a clock and a bound in seconds; out comes the outcome of the awaitable that
ended first. Whatever loses a race is cancelled and has ended before the race returns, so that no
task outlives the function that started it. All time is the clock's: a test moves it by hand.

This module knows nothing of what is awaited. It retries nothing and starts no process.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Collection
from typing import Any, TypeVar

from assay.clock import Clock, SystemClock

T = TypeVar("T")


async def first(*awaitables: Awaitable[T]) -> T:
    """Return the result, or raise the error, of whichever of ``awaitables`` ends first.

    The others are cancelled and awaited. Of several that end in one turn of the event loop the one
    named first counts, so name the one whose result must not be lost before the one that merely
    says stop. An error that a loser raises after its cancellation is reported to the event loop's
    exception handler. A future that somebody else still needs is passed as
    ``asyncio.shield(future)``.
    """
    racers = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        await asyncio.wait(racers, return_when=asyncio.FIRST_COMPLETED)
        winner = next(racer for racer in racers if racer.done())
    except BaseException:
        await _end(racers)
        raise
    await _end([racer for racer in racers if racer is not winner])
    return winner.result()


async def bounded(clock: Clock, seconds: float, awaitable: Awaitable[T]) -> T:
    """Return the result of ``awaitable``; TimeoutError, and its cancellation, after ``seconds``.

    Under any clock the rules are those of ``asyncio.timeout``: an awaitable that answers its
    cancellation with a result or with another error has that result returned or that error raised.
    """
    if isinstance(clock, SystemClock):  # one timer of the event loop, and no task
        async with asyncio.timeout(seconds):
            return await awaitable
    timer = asyncio.ensure_future(clock.sleep(seconds))
    try:
        async with asyncio.timeout(None) as scope:
            timer.add_done_callback(lambda _: _expire(scope))
            return await awaitable
    finally:
        await _end([timer])


class IdleTimer:
    """Bounds one wait after another, as ``bounded`` does, with one timer of the event loop for all.

    For a loop that waits thousands of times and hardly ever too long: a timer that is made and
    cancelled for each wait costs more than the wait. The timer runs on after a wait, and looks when
    it ends whether the wait of that time is late. One task at a time may wait.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None
        """The task that waits; None between two waits."""
        self._ends_s = 0.0
        """When the wait is late, or the last one would have been, by the event loop's time."""
        self._is_late = False

    async def bounded(self, seconds: float, awaitable: Awaitable[T]) -> T:
        """Return the result of ``awaitable``; TimeoutError, and its cancellation, after
        ``seconds``."""
        if not isinstance(self._clock, SystemClock):
            return await bounded(self._clock, seconds, awaitable)
        task = asyncio.current_task()
        assert task is not None
        cancelling = task.cancelling()
        loop = asyncio.get_running_loop()
        self._ends_s = loop.time() + max(0.0, seconds)
        if self._timer is None or self._timer.when() > self._ends_s:
            self._arm(loop)
        self._task = task
        try:
            result = await awaitable
        except asyncio.CancelledError:
            if self._was_late(task) <= cancelling:
                raise TimeoutError from None
            raise
        except BaseException:
            self._was_late(task)
            raise
        self._was_late(task)
        return result

    def close(self) -> None:
        """Stop the timer, after the last wait."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self.close()
        self._timer = loop.call_at(self._ends_s, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._task is None:
            return
        if loop.time() < self._ends_s:
            self._arm(loop)
            return
        self._is_late = True
        self._task.cancel()

    def _was_late(self, task: asyncio.Task[Any]) -> float:
        """End a wait of ``task``: how many other cancellations it has, if this wait was late and
        its own is taken back; else infinitely many."""
        self._task = None
        if not self._is_late:
            return math.inf
        self._is_late = False
        return task.uncancel()


async def ended(clock: Clock, seconds: float, *futures: asyncio.Future[Any]) -> bool:
    """Wait until each of ``futures`` has ended, for at most ``seconds``; return whether each has.

    Nothing is cancelled, and no result or error is looked at.
    """
    timer = asyncio.ensure_future(clock.sleep(seconds))
    running: set[asyncio.Future[Any]] = {future for future in futures if not future.done()}
    try:
        while running and not timer.done():
            done, _ = await asyncio.wait({*running, timer}, return_when=asyncio.FIRST_COMPLETED)
            running -= done
    finally:
        await _end([timer])
    return not running


async def given_up(clock: Clock, seconds: float, *futures: asyncio.Future[Any]) -> bool:
    """Cancel ``futures`` and wait until each has ended, for at most ``seconds``; return whether
    each has.

    A coroutine may catch its cancellation and go on; nothing in asyncio ends such a coroutine. The
    errors of those that ended are dropped.
    """
    for future in futures:
        future.cancel()
    all_ended = await ended(clock, seconds, *futures)
    for future in futures:
        if future.done() and not future.cancelled():
            future.exception()
    return all_ended


async def until(event: asyncio.Event, clock: Clock, seconds: float) -> bool:
    """Wait for ``event``, for at most ``seconds``; return whether it is set."""
    with contextlib.suppress(TimeoutError):
        await bounded(clock, seconds, event.wait())
    return event.is_set()


def _expire(scope: asyncio.Timeout) -> None:
    """End the block of ``scope`` now, unless it has ended already."""
    with contextlib.suppress(RuntimeError):
        scope.reschedule(asyncio.get_running_loop().time())


async def _end(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Cancel ``tasks`` and wait until each has ended; report the errors they end with."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            asyncio.get_running_loop().call_exception_handler(
                {
                    "message": "an awaitable that lost a race failed",
                    "exception": error,
                    "future": task,
                }
            )
