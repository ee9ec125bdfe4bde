"""Where an axon listens, and where others reach it, out of what a person typed.

Adds to ``ipaddress`` the form that the chain keeps: an address in its one canonical spelling, so
that what was announced and what the chain answers compare equal. Both are parsed before anything is
started; a name is refused, because the chain stores numbers.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from assay.chain.interface import Endpoint
from assay.errors import UserError
from assay.types import PORT_MAX

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_EXAMPLES: Final = "Give for instance 203.0.113.7:8091, or [2001:db8::1]:8091."


def listening(host: str, port: int) -> Endpoint:
    """The address to listen on; port 0 takes a free one."""
    return Endpoint(str(_address(host, "--host")), port)


def announced(text: str | None, bind: Endpoint) -> Endpoint | None:
    """What the chain is told if it differs from ``bind``; UserError if that is nowhere."""
    if text is None:
        if _address(bind.host, "--host").is_unspecified:
            raise UserError(
                f"--host {bind.host} listens everywhere, and no one address is announced.",
                "Give the one that others reach with --announce IP:PORT.",
            )
        return None
    host, colon, port = text.rpartition(":")
    number = int(port) if port.isascii() and port.isdigit() and len(port) <= len("65535") else 0
    bare = ":" in host and not (host.startswith("[") and host.endswith("]"))
    if not colon or bare or not 0 < number <= PORT_MAX:
        raise UserError(f"--announce {text!r} is not an address and a port.", _EXAMPLES)
    address = _address(host.removeprefix("[").removesuffix("]"), "--announce")
    if address.is_unspecified or address.is_multicast:
        raise UserError(f"Nobody is reached at {address}.", _EXAMPLES)
    return Endpoint(str(address), number)


def _address(text: str, option: str) -> Address:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise UserError(
            f"{option} {text!r} is not an IP address.",
            "Give one in numbers, such as 203.0.113.7 or 2001:db8::1; the chain keeps no names.",
        ) from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise UserError(
                f"{option} {text!r} names an interface of this machine.",
                "Give an address that means the same everywhere.",
            )
        # The chain would keep it as IPv6, which a caller without IPv6 cannot call.
        return address.ipv4_mapped or address
    return address
