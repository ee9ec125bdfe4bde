"""How much each key has asked for, and whether it may ask for more. Pure.

Two quotas hold for each key: requests a minute, as a token bucket that starts full, and tokens a
day, by the day of UTC. Tokens are reserved when a request begins, as many as it may take, and
settled when it has ended: else a key could open a thousand streams before the first one counts.

In come keys and times, out comes nothing or an ``ApiError``. Days survive a restart by ``used`` and
``restore``; a minute is not worth keeping. This module knows neither files nor HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from assay.gateway.keys import ClientKey
from assay.gateway.openai.errors import too_many
from assay.wire.admission import TokenBucket

DAY_S: Final = 86_400


@dataclass(slots=True)
class _Used:
    bucket: TokenBucket | None = None
    rate: int | None = None
    """What the bucket was made for; a key's quota may change."""
    tokens: int = 0
    reserved: int = 0


class Quotas:
    """What the keys of one gateway have used."""

    def __init__(self) -> None:
        self._day = 0
        self._used: dict[str, _Used] = {}
        """By the key's id. As many entries as there are keys: nobody else gets here."""

    def ask(self, key: ClientKey, now_s: float) -> None:
        """Count one request; ApiError if the key has no more in this minute. ``now_s`` is a
        monotonic clock's."""
        limit = key.requests_per_minute
        if limit is None:
            return
        used = self._of(key)
        if used.bucket is None or used.rate != limit:
            used.bucket, used.rate = TokenBucket(limit / 60, limit, now_s), limit
        if not used.bucket.take(now_s):
            raise too_many("requests", limit, "min", used.bucket.wait_s())

    def reserve(self, key: ClientKey, tokens: int, unix_s: float) -> None:
        """Set ``tokens`` aside for a request that begins; ApiError if the day's rest is less."""
        self.check(key, tokens, unix_s)
        self._of(key).reserved += tokens

    def check(self, key: ClientKey, tokens: int, unix_s: float) -> None:
        """ApiError if ``key`` has fewer than ``tokens`` left of the day."""
        self._turn(unix_s)
        used, limit = self._of(key), key.tokens_per_day
        if limit is not None and used.tokens + used.reserved + tokens > limit:
            raise too_many("tokens", limit, "day", (self._day + 1) * DAY_S - unix_s)

    def settle(self, key: ClientKey, reserved: int, spent: int, unix_s: float) -> None:
        """Give back what was reserved and count what was ``spent``, when a request has ended."""
        self._turn(unix_s)
        used = self._of(key)
        used.reserved = max(0, used.reserved - reserved)
        used.tokens += spent

    def used(self) -> dict[str, int]:
        """The tokens of the day so far, by the key's id."""
        return {id_: used.tokens for id_, used in self._used.items() if used.tokens}

    @property
    def day(self) -> int:
        """The day that ``used`` is about, counted from 1970."""
        return self._day

    def restore(self, day: int, tokens: Mapping[str, int]) -> None:
        """Begin with what was ``used`` on ``day`` before a restart."""
        self._day = day
        for id_, count in tokens.items():
            self._used.setdefault(id_, _Used()).tokens = count

    def _of(self, key: ClientKey) -> _Used:
        return self._used.setdefault(key.id, _Used())

    def _turn(self, unix_s: float) -> None:
        """Forget the last day's tokens once a later one has begun. A clock that is set back begins
        no day: the quota of a day would be given twice, once for each time that it comes."""
        day = int(unix_s // DAY_S)
        if day > self._day:
            self._day = day
            for used in self._used.values():
                used.tokens = 0
