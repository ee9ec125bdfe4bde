"""What each client has spent of the node's time lately, and what its next call may take.

One thread answers everybody and makes the blocks. So time is what clients pay with, and accounts of
it are kept on three levels: a connection's, its *source's* (all connections from one address), and
everybody's. A call is charged what it took. Debts fall by themselves as time goes by.

Two things follow from a debt. ``fair_queue`` lets calls of the least indebted go first. And long
calls shorten the next ones of their source: a call of a quarter of a second is somebody's right now
and then, a row of them is not. The deeper the source is in debt for long calls, the smaller the
share of a call's budget that its next call gets; never less than ``query_least_share``, in which
everything fits that ordinary clients ask for. Other sources keep their whole budget.

Times are passed in. This module knows no socket, no method and no queue.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from assay.localnet.rpc.limits import AccountTerms, RpcLimits

_SOURCES_KEPT_MAX: Final = 1_024
"""Sources without a connection that are remembered for their debts: 0.5 MB. A debt is paid back
within seconds, so who is forgotten because of more than these has gained little."""

_IPV6_PREFIX: Final = 64
"""One customer of a provider has a network of this size: each of its addresses is one source."""


class Account:
    """The debt of one payer, and the account above that pays with it."""

    __slots__ = ("_debt_s", "_settled_s", "above", "terms", "turn_until_s")

    def __init__(self, terms: AccountTerms, above: Account | None = None) -> None:
        self.terms = terms
        self.above = above
        self.turn_until_s = 0.0
        """Until then the payer has its turn and need not queue for cheap calls."""
        self._debt_s = 0.0
        self._settled_s = 0.0

    def debt_s(self, now_s: float) -> float:
        """What this account alone still owes at ``now_s``."""
        self._debt_s = max(self._debt_s - (now_s - self._settled_s) * self.terms.payback, 0.0)
        self._settled_s = now_s
        return self._debt_s

    def debts_s(self, now_s: float) -> float:
        """The debts of this account and of its source, which is what a queue compares."""
        own = self.debt_s(now_s)
        return own if self.above is None else own + self.above.debt_s(now_s)

    def is_free(self, now_s: float) -> bool:
        """Whether no account up to the topmost has a debt with a consequence."""
        account: Account | None = self
        while account is not None:
            if account.debt_s(now_s) > account.terms.free_s:
                return False
            account = account.above
        return True

    def charge(self, now_s: float, taken_s: float) -> None:
        """Add ``taken_s``, which ended at ``now_s``, to this account and those above it."""
        account: Account | None = self
        while account is not None:
            debt_s = account.debt_s(now_s) + taken_s
            account._debt_s = min(debt_s, account.terms.debt_s_max)
            account = account.above


class LongCalls:
    """The debt of a source for long calls, and the share of its budget that its next call gets."""

    __slots__ = ("_debt_s", "_limits", "_settled_s")

    def __init__(self, limits: RpcLimits) -> None:
        self._limits = limits
        self._debt_s = 0.0
        self._settled_s = 0.0

    def share(self, now_s: float) -> float:
        """The share of a call's budget at ``now_s``: from ``query_least_share`` to 1."""
        limits = self._limits
        self._debt_s = max(self._debt_s - (now_s - self._settled_s), 0.0)
        self._settled_s = now_s
        return max(1.0 - self._debt_s / limits.query_debt_s_max, limits.query_least_share)

    def charge(self, now_s: float, taken_s: float) -> None:
        """Charge a call that took ``taken_s`` and ended at ``now_s``, if that was long.

        The debt is capped, so that one slow call is soon paid back.
        """
        if taken_s > self._limits.query_free_s:
            self._settled_s = now_s
            self._debt_s = min(self._debt_s + taken_s, self._limits.query_debt_s_max)


class Source:
    """All connections from one address: what they owe, hold and are."""

    __slots__ = ("account", "connections", "held_bytes", "long_calls", "name")

    def __init__(self, name: str, everybody: Account, limits: RpcLimits) -> None:
        self.name = name
        self.account = Account(limits.source_terms, everybody)
        self.long_calls = LongCalls(limits)
        self.held_bytes = 0
        """What its connections have sent that is not answered yet."""
        self.connections = 0
        """How many are open."""

    def charge(self, account: Account, now_s: float, taken_s: float) -> None:
        """Charge ``taken_s``, which ended at ``now_s``, to a connection's ``account`` and above."""
        account.charge(now_s, taken_s)
        self.long_calls.charge(now_s, taken_s)


class Sources:
    """The sources that have connections, and those that had one lately."""

    def __init__(self, limits: RpcLimits) -> None:
        self._limits = limits
        self._everybody = Account(limits.everybody_terms)
        self._sources: dict[str, Source] = {}

    def __len__(self) -> int:
        """How many sources have a connection."""
        return sum(source.connections > 0 for source in self._sources.values())

    def of(self, address: str | None) -> Source:
        """The source that a connection from ``address`` belongs to."""
        name = source_name(address)
        source = self._sources.pop(name, None) or Source(name, self._everybody, self._limits)
        self._sources[name] = source  # the newest stands last
        if len(self._sources) > _SOURCES_KEPT_MAX:
            for old in list(self._sources.values()):
                if len(self._sources) <= _SOURCES_KEPT_MAX:
                    break
                if not old.connections and old is not source:
                    del self._sources[old.name]
        return source


def source_name(address: str | None) -> str:
    """The name of the source of ``address``: an IPv4 address, or an IPv6 network."""
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return address or "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    if found.is_loopback:
        return str(found)
    return str(ipaddress.ip_network((found, _IPV6_PREFIX), strict=False))
