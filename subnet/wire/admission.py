"""Rate limits by source and by hotkey, and which hotkeys an axon serves. Pure.

In come network addresses, hotkeys and the time; out comes nothing, or a ``RequestRefused``. Three
checks follow each other, the cheapest first:

1. ``knock`` takes a request from the budget of its source, and from the budget of all strangers or
   of all proven sources, before anything is parsed;
2. ``admit`` asks the resolver what the claimed hotkey is, before any cryptography, because the
   resolver's answer costs less than checking a signature;
3. ``debit`` takes a request from the hotkey's own budget. It may be called only when the signature
   holds and the nonce is new: earlier, anybody could use up another hotkey's budget.

Time is an argument, in seconds of a monotonic clock. The tables are bounded, and forget the entry
that was used longest ago. This module knows no chain: the resolver is passed in.
"""

from __future__ import annotations

import enum
import ipaddress
from collections import OrderedDict
from functools import lru_cache
from typing import Final, Generic, TypeVar

from assay.types import Ss58
from assay.wire.errors import Code, RequestRefused
from assay.wire.interface import Membership, Resolver
from assay.wire.limits import DEFAULT, Limits

_IPV6_SITE_BITS: Final = 64  # one customer gets at least a /64: finer would be free addresses
_SOURCES_CACHED: Final = 4_096  # parsing an address costs 3 µs


class Serve(enum.IntEnum):
    """The least membership that a hotkey needs to be served."""

    ANYBODY = Membership.UNKNOWN
    REGISTERED = Membership.REGISTERED
    PERMIT = Membership.PERMIT


def everyone(_: Ss58) -> Membership:
    """Return UNKNOWN for each hotkey: the resolver of an axon that follows no chain."""
    return Membership.UNKNOWN


class TokenBucket:
    """A token bucket: ``rate`` new tokens a second, of which it keeps at most ``burst``."""

    __slots__ = ("_burst", "_rate", "_tokens", "_updated_s")

    def __init__(self, rate: float, burst: float, now_s: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._updated_s = now_s

    def _refill(self, now_s: float) -> None:
        if now_s > self._updated_s:
            grown = self._tokens + (now_s - self._updated_s) * self._rate
            self._tokens = grown if grown < self._burst else self._burst
            self._updated_s = now_s

    def take(self, now_s: float) -> bool:
        """Take one token and return True, or return False if the bucket is empty."""
        self._refill(now_s)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def wait_s(self) -> float:
        """Return the seconds from the last ``take`` until there is a token."""
        return max(0.0, (1.0 - self._tokens) / self._rate)


_Key = TypeVar("_Key")
_Entry = TypeVar("_Entry")


class _Recent(OrderedDict[_Key, _Entry], Generic[_Key, _Entry]):
    """A table of at most ``entries_max`` entries: the entry used longest ago is forgotten."""

    def __init__(self, entries_max: int) -> None:
        super().__init__()
        self._entries_max = entries_max

    def recall(self, key: _Key) -> _Entry | None:
        entry = self.get(key)
        if entry is not None:
            self.move_to_end(key)
        return entry

    def keep(self, key: _Key, entry: _Entry) -> None:
        self[key] = entry
        self.move_to_end(key)
        if len(self) > self._entries_max:
            self.popitem(last=False)


class _Source:
    __slots__ = ("bucket", "proven_until_s")

    def __init__(self, bucket: TokenBucket) -> None:
        self.bucket = bucket
        self.proven_until_s = float("-inf")


@lru_cache(maxsize=_SOURCES_CACHED)
def source_of(address: str) -> str:
    """Return the key under which the network ``address`` has its budget.

    An IPv4 address and a name stand for themselves, an IPv6 address for its /64.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, _IPV6_SITE_BITS), strict=False))
    return str(parsed)


class Admission:
    """The rate limits of one axon, and its rule of which hotkeys it serves."""

    def __init__(
        self,
        *,
        serve: Serve = Serve.ANYBODY,
        resolver: Resolver = everyone,
        accept_unbound: bool = False,
        limits: Limits = DEFAULT,
        now_s: float = 0.0,
    ) -> None:
        self.accept_unbound = accept_unbound
        self.knows_permits = resolver is not everyone
        """Whether the resolver can tell permit holders from other hotkeys."""
        self._serve = serve
        self._resolver = resolver
        self._limits = limits
        self._strangers = TokenBucket(limits.strangers_rate, limits.strangers_burst, now_s)
        self._proven = TokenBucket(limits.proven_rate, limits.proven_burst, now_s)
        self._refusals = TokenBucket(limits.refusals_rate, limits.refusals_burst, now_s)
        # Two tables, so that a crowd of new addresses cannot make a proven one a stranger again.
        self._sources: _Recent[str, _Source] = _Recent(limits.sources_max)
        self._proven_sources: _Recent[str, _Source] = _Recent(limits.sources_max)
        self._callers: _Recent[bytes, TokenBucket] = _Recent(limits.callers_max)

    def knock(self, address: str, now_s: float) -> None:
        """Take one request from the budget of ``address`` and from that of all addresses like it.

        RequestRefused if either budget is used up. "Like it" means: with a recent good signature,
        or without.
        """
        key = source_of(address)
        source = self._proven_sources.recall(key) or self._sources.recall(key)
        if source is None:
            limits = self._limits
            source = _Source(TokenBucket(limits.source_rate, limits.source_burst, now_s))
            self._sources.keep(key, source)
        if not source.bucket.take(now_s):
            raise RequestRefused(
                Code.SOURCE_LIMITED,
                "too many requests from this address",
                retry_after_s=source.bucket.wait_s(),
            )
        common = self._proven if source.proven_until_s > now_s else self._strangers
        if not common.take(now_s):
            raise RequestRefused(
                Code.OVERLOADED, "too many requests", retry_after_s=max(1.0, common.wait_s())
            )

    def is_proven(self, address: str, now_s: float) -> bool:
        """Return whether a good signature came from ``address`` within ``proven_s``."""
        source = self._proven_sources.get(source_of(address))
        return source is not None and source.proven_until_s > now_s

    def admit(self, address: Ss58, least: Membership | None = None) -> Membership:
        """Return the membership of the hotkey ``address``; RequestRefused if it is below ``least``.

        ``least`` None stands for the axon's own rule.
        """
        membership = self._resolver(address)
        if membership < (self._serve if least is None else least):
            if membership == Membership.UNKNOWN:
                raise RequestRefused(Code.UNKNOWN_CALLER, "the hotkey is not registered here")
            raise RequestRefused(Code.NO_PERMIT, "only validators with a permit are served")
        return membership

    def debit(self, public_key: bytes, address: str, now_s: float) -> None:
        """Take one request from the budget of the hotkey ``public_key``, and call ``address``
        proven for ``proven_s``; RequestRefused if the budget is used up.

        The caller has verified the request's signature and found its nonce new.
        """
        limits = self._limits
        key = source_of(address)
        source = self._sources.pop(key, None) or self._proven_sources.get(key)
        if source is None:  # forgotten while the body was on its way
            source = _Source(TokenBucket(limits.source_rate, limits.source_burst, now_s))
        source.proven_until_s = now_s + limits.proven_s
        self._proven_sources.keep(key, source)
        bucket = self._callers.recall(public_key)
        if bucket is None:
            bucket = TokenBucket(limits.caller_rate, limits.caller_burst, now_s)
            self._callers.keep(public_key, bucket)
        if not bucket.take(now_s):
            raise RequestRefused(
                Code.CALLER_LIMITED,
                "too many requests from this hotkey",
                retry_after_s=bucket.wait_s(),
            )

    def may_refuse(self, now_s: float) -> bool:
        """Return whether one more refusal may be signed, and count that refusal."""
        return self._refusals.take(now_s)
