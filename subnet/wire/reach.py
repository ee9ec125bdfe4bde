"""Where a dendrite calls. Pure: it looks nothing up.

Adds to ``ipaddress`` the question that a stranger's word raises. What a chain says of an axon's
address is whatever that axon's owner wrote there, and a call leaves from inside our networks, where
addresses lead to routers, databases, and on a cloud's machine to its own credentials. So a
``Reach`` says which kinds of addresses are called at all. Outside ``ANYWHERE`` a name is refused,
because what it stands for is its owner's word once more, at another time.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Final

from assay.wire.errors import CallError, printable
from assay.wire.interface import Peer, Reach

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PROBLEMS_CACHED: Final = 1_024  # peers of a round
_HOST_CHARS_SHOWN: Final = 64  # the longest address has 45
_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*", re.ASCII)
_IPV6_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All that is assigned for public use. Outside lie prefixes that carry an IPv4 address within, and
so lead anywhere: mapped, compatible, NAT64."""


def _networks(*texts: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(map(ipaddress.ip_network, texts))


_NOT_PUBLIC: Final = _networks(
    "192.0.0.0/24",  # protocol assignments, of which Python takes some for public
    "192.88.99.0/24",  # relays to 6to4
    "2002::/16",  # 6to4: the next 32 bits are an IPv4 address
)
_LAN: Final = _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
"""What RFC 1918 and RFC 4193 leave to whoever runs a network. Link-local addresses are no part of
it: 169.254.169.254 is where clouds keep a machine's credentials."""
_NOT_LAN: Final = _networks("fd00:ec2::/32", "fd20:ce::/32")
"""The same service of two clouds, inside RFC 4193's range."""


def check_target(peer: Peer, reach: Reach = Reach.ANYWHERE) -> None:
    """CallError unless host and port are such, and within reach."""
    wrong = None
    if not 0 < peer.port < 65_536:
        wrong = f"has no usable port ({peer.port})."
    else:
        wrong = _host_problem(peer.host, reach)
    if wrong is not None:
        raise CallError(peer.address, wrong, "It must publish an address that can be called.")


@lru_cache(maxsize=PROBLEMS_CACHED)
def _host_problem(host: str, reach: Reach) -> str | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if _HOST_NAME.fullmatch(host) is None:
            return "has no usable host."
        return None if reach is Reach.ANYWHERE else "is known by a name, not an address."
    if address.is_unspecified or address.is_multicast or "%" in host:
        # A zone (after %) names a device of this machine, and may hold any character.
        return f"has an address nobody can call ({printable(host[:_HOST_CHARS_SHOWN])})."
    if reach is Reach.ANYWHERE or _is_public(address):
        return None
    if reach is Reach.HERE_AND_PUBLIC and address.is_loopback:
        return None
    if reach is Reach.LAN_AND_PUBLIC and is_lan(address):
        return None
    return f"has an address in a private network ({host})."


def is_lan(address: Address) -> bool:
    """Whether it is one that a private network gives to its machines."""
    return _within(address, _LAN) and not _within(address, _NOT_LAN)


def _is_public(address: Address) -> bool:
    """Whether a packet to it leaves for the public network, whatever gateways stand between."""
    if isinstance(address, ipaddress.IPv6Address) and address not in _IPV6_UNICAST:
        return False
    return address.is_global and not _within(address, _NOT_PUBLIC)


def _within(
    address: Address, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
) -> bool:
    return any(address in network for network in networks)
