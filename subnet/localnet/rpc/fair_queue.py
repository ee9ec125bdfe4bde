"""Whose call is next: the least indebted payer's, one call in each turn of the event loop.

All calls run on one thread, each without a pause. A cheap call of a payer that owes nothing runs at
once. Every other call waits here, and ``turn`` returns when it may run. Between two of them the
event loop has a turn for everything else, and a block that is due is built first. So a client that
asks little waits for one call at the most, however many connections others ask on, and dear calls
hold up no block by more than one call.

In come a payer's account and an estimate of seconds; times come from a clock. It knows neither
sockets nor methods, and makes no block: it only leaves the loop to whoever does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from assay.clock import Clock
from assay.localnet.rpc.call_budget import Account
from assay.localnet.rpc.errors import waited_too_long
from assay.localnet.rpc.limits import RpcLimits

_TURNS_FOR_A_BLOCK_MAX: Final = 32
"""Turns of the event loop that are left to a block which is due: its maker needs six to get from
its timer to its block. Bounded, so that clients are answered whatever keeps it."""


@dataclass(slots=True, eq=False)
class _Waiter:
    payer: Account
    price_s: float
    until_s: float
    may_run: asyncio.Future[None]


class FairQueue:
    """The queue of one server."""

    def __init__(
        self, limits: RpcLimits, clock: Clock, *, block_is_due: Callable[[], bool]
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._block_is_due = block_is_due
        self._waiting: list[_Waiter] = []
        self._granting: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many calls wait."""
        return len(self._waiting)

    def close(self) -> None:
        """Grant no more turns."""
        if self._granting is not None:
            self._granting.cancel()

    async def turn(self, payer: Account, price_s: float) -> None:
        """Return once ``payer`` may run a call that is estimated to take ``price_s``.

        The call must follow without a pause, and be charged. RpcError if its turn does not come.
        """
        now_s = self._clock.monotonic()
        if price_s <= self._limits.cheap_s and (now_s < payer.turn_until_s or payer.is_free(now_s)):
            return
        until_s = now_s + self._limits.turn_wait_s
        waiter = _Waiter(payer, price_s, until_s, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        if self._granting is None:
            self._granting = asyncio.ensure_future(self._grant())
        try:
            await waiter.may_run
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
        payer.turn_until_s = self._clock.monotonic() + self._limits.slice_s

    async def _grant(self) -> None:
        """Let one waiter after the other run, until none is left."""
        try:
            while True:
                await asyncio.sleep(0)  # whoever asks in this turn of the loop is in the queue now
                await self._leave_to_block()
                now_s = self._clock.monotonic()
                self._refuse_late(now_s)
                if not self._waiting:
                    return
                waiter = min(self._waiting, key=lambda one: one.payer.debts_s(now_s) + one.price_s)
                self._waiting.remove(waiter)
                if not waiter.may_run.done():
                    waiter.may_run.set_result(None)  # it runs before this task goes on
        finally:
            self._granting = None

    def _refuse_late(self, now_s: float) -> None:
        """End the waiting of those who have waited too long."""
        late = [waiter for waiter in self._waiting if waiter.until_s <= now_s]
        for waiter in late:
            self._waiting.remove(waiter)
            if not waiter.may_run.done():
                waiter.may_run.set_exception(waited_too_long(self._limits.turn_wait_s))

    async def _leave_to_block(self) -> None:
        for _ in range(_TURNS_FOR_A_BLOCK_MAX):
            if not self._block_is_due():
                return
            await asyncio.sleep(0)
