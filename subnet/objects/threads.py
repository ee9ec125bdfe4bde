"""Worker threads for disk and hashing, so that the event loop never waits for either.

In goes a blocking function, out comes its result. The number of threads is fixed: it bounds the
memory that reads and writes hold. A function that was begun runs to its end even if its caller is
cancelled, and the caller waits for that end: files are then not in use when their owner goes on.
It knows nothing of objects.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DiskThreads:
    """``count`` threads; give each function at most seconds of work."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="objects")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of ``function``, run in a thread."""
        work = asyncio.wrap_future(self._pool.submit(function, *args, **kwargs))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait({work})
            if not work.cancelled():
                work.exception()  # nobody is left to raise it to
            raise

    @asynccontextmanager
    async def holding(self, manager: AbstractContextManager[T]) -> AsyncIterator[T]:
        """``manager``'s block, entered in a thread; leaving it must be quick."""
        entering = asyncio.ensure_future(self.run(manager.__enter__))
        try:
            value = await asyncio.shield(entering)
        except asyncio.CancelledError:
            await asyncio.wait({entering})
            if entering.exception() is None:
                manager.__exit__(None, None, None)
            raise
        try:
            yield value
        finally:
            manager.__exit__(None, None, None)

    async def steps(self, generator: Generator[T, None, None]) -> AsyncGenerator[T, None]:
        """What ``generator`` yields, each step run in a thread."""
        try:
            while True:
                stepped = await self.run(_step, generator)
                if not stepped:
                    return
                yield stepped[0]
        finally:
            await self.run(generator.close)

    def close(self) -> None:
        """End the threads; what was begun is finished first."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _step(generator: Generator[T, None, None]) -> tuple[T, ...]:
    """The next value as a tuple of one, or an empty one at the end: StopIteration cannot cross."""
    try:
        return (next(generator),)
    except StopIteration:
        return ()
