"""Which addresses a dendrite calls. Pure: it looks nothing up.

What a chain says of an axon's address is whatever that axon's owner wrote there, and a call leaves
from inside our networks, where addresses lead to routers, databases, and on a cloud's machine to
its own credentials. So a ``Reach`` says which kinds of addresses are called at all. Outside
``ANYWHERE`` a name is refused, because its owner decides what it stands for, at any time anew.

An address that carries another one within (mapped, NAT64, 6to4, Teredo and the like) is never
called as a public one, whatever is inside: a gateway between may unwrap it.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Final

from assay.text import printable
from assay.wire.errors import CallError
from assay.wire.interface import Peer, Reach

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PROBLEMS_CACHED: Final = 1_024  # peers of a round
_HOST_CHARS_SHOWN: Final = 64  # the longest address has 45
_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*", re.ASCII)


def _networks(*texts: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(map(ipaddress.ip_network, texts))


SPECIAL: Final = _networks(
    # IANA's registry of special-purpose IPv4 addresses, every row; and multicast.
    "0.0.0.0/8",  # this network
    "10.0.0.0/8",  # private use
    "100.64.0.0/10",  # shared by a provider's customers
    "127.0.0.0/8",  # loopback
    "169.254.0.0/16",  # link local: most clouds' metadata
    "172.16.0.0/12",  # private use
    "192.0.0.0/24",  # protocol assignments, the globally reachable ones too
    "192.0.2.0/24",  # documentation
    "192.31.196.0/24",  # AS112
    "192.52.193.0/24",  # AMT relays
    "192.88.99.0/24",  # 6to4 relays, deprecated
    "192.168.0.0/16",  # private use
    "192.175.48.0/24",  # AS112
    "198.18.0.0/15",  # benchmarking
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, and the broadcast address
    # The same registry for IPv6, where it lies inside of what is assigned for public use.
    "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking, AMT, AS112, DRIP
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4: the next 32 bits are an IPv4 address
    "2620:4f:8000::/48",  # AS112
    "3fff::/20",  # documentation
    # Where clouds serve a machine's own credentials and settings from a public address.
    "168.63.129.16/32",  # Azure's wire server
)
"""What is nobody's axon, though a packet to some of it would leave for the public network. From
https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry, as of
2026-07-18; the tests hold every row of both, with its RFC. Python's ``is_global`` has its own idea
of them, which changes with its version. Multicast has registries of its own (RFC 5771, RFC 4291).
Azure's address is documented in Microsoft's "What is IP address 168.63.129.16?"."""
_IPV6_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All that is assigned for public use. Outside lie loopback, link-local, unique local, discard and
segment-routing addresses, and the prefixes that carry an IPv4 address within: mapped, compatible,
translated, NAT64 with both its prefixes."""
_LAN: Final = _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
"""What RFC 1918 and RFC 4193 leave to whoever runs a network. Link-local addresses are no part of
it: 169.254.169.254 is where clouds keep a machine's credentials."""
_NOT_LAN: Final = _networks(
    "fd00:ec2::/32",  # Amazon: fd00:ec2::254, and ::23 for containers
    "fd00:42::/32",  # Scaleway: fd00:42::42
    "fd00:c1::/32",  # Oracle: fd00:c1::a9fe:a9fe
    "fd00:a9fe:a9fe::/48",  # Akamai: fd00:a9fe:a9fe::1
    "fd00:100::/32",  # Alibaba: fd00:100::100:200
    "fd20:ce::/32",  # Google: fd20:ce::254
)
"""The same service of clouds that chose a private address for it: from the vendors' documentation,
Oracle's SDK (``DEFAULT_METADATA_URL_BASE_IPV6``) and the data sources of cloud-init."""


def check_target(peer: Peer, reach: Reach = Reach.ANYWHERE) -> None:
    """CallError unless the host and port of ``peer`` can be called, and ``reach`` allows it."""
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
    if reach is Reach.ANYWHERE or is_public(address):
        return None
    if reach is Reach.HERE_AND_PUBLIC and address.is_loopback:
        return None
    if reach is Reach.LAN_AND_PUBLIC and is_lan(address):
        return None
    return f"has an address in a private network, or of special use ({host})."


def is_lan(address: Address) -> bool:
    """Whether ``address`` is one that a private network gives to its machines."""
    return _within(address, _LAN) and not _within(address, _NOT_LAN)


def is_public(address: Address) -> bool:
    """Whether ``address`` can be a stranger's machine on the public network."""
    if isinstance(address, ipaddress.IPv6Address) and address not in _IPV6_UNICAST:
        return False
    return not _within(address, SPECIAL)


def _within(
    address: Address, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
) -> bool:
    return any(address in network for network in networks)
