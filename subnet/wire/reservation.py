"""The ceiling of nonces, saved aside: no request waits for a disk that another already waits for.

``replay`` says which ceiling has to be on disk before a nonce may be accepted; this module puts it
there from a thread, once for all requests that need it, and ahead of need where it can. It decides
nothing about requests, and starts no more than one save at a time.
"""

from __future__ import annotations

import asyncio

from loguru import logger

from assay.errors import Unavailable
from assay.wire.errors import Code, RequestRefused
from assay.wire.replay import ReplayGuard


class Reservation:
    """Keeps the ceiling of one ``ReplayGuard`` on disk ahead of its nonces."""

    def __init__(self, guard: ReplayGuard) -> None:
        self._guard = guard
        self._saving: asyncio.Task[None] | None = None

    async def secure(self, nonce_ns: int) -> None:
        """Return when a ceiling above ``nonce_ns`` is on disk; renew an ageing one in passing.

        RequestRefused if it cannot be saved.
        """
        guard = self._guard
        if guard.wanted(nonce_ns) is None:
            return
        while True:
            if self._saving is None:
                wanted = guard.wanted(nonce_ns)
                if wanted is not None:
                    self._saving = asyncio.ensure_future(self._save(wanted))
            if nonce_ns <= guard.ceiling or self._saving is None:
                return
            try:
                await asyncio.shield(self._saving)
            except Unavailable as error:
                logger.error("requests are refused: {}", error.cause)
                raise RequestRefused(
                    Code.OVERLOADED, "the memory of requests cannot be saved", retry_after_s=10.0
                ) from None

    async def finish(self) -> None:
        """Return when no save is under way."""
        if self._saving is not None:
            await asyncio.gather(self._saving, return_exceptions=True)

    async def _save(self, ceiling_ns: int) -> None:
        store = self._guard.store
        try:
            if store.blocking:
                await asyncio.to_thread(store.save, ceiling_ns)
            else:
                store.save(ceiling_ns)
            self._guard.reserved(ceiling_ns)
        finally:
            self._saving = None
