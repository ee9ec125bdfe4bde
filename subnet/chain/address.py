"""Addresses of chains: their names, what is on this machine, and how they may be shown.

An address may hold a secret: a user part, or an access token in its path or query. Whoever prints
one, in a log line, an error or a table, prints ``shown(url)``; a text that somebody else wrote goes
through ``redacted(text)`` first.

Text comes in and goes out. Nothing here opens a connection or knows the SDK.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from assay.chain.errors import WAIT_CURE
from assay.errors import UserError

LOCAL_URL: Final = "ws://127.0.0.1:9944"
NETWORKS: Final[Mapping[str, str]] = {
    "local": LOCAL_URL,
    "finney": "wss://entrypoint-finney.opentensor.ai:443",
    "test": "wss://test.finney.opentensor.ai:443",
}
"""The names the SDK's users know. Addresses as in ``bittensor.settings`` of SDK 11.3."""

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>`|\\^{}]+")
_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What may be repeated to a person as it is: a name, or a number of a port."""


def resolve(network: str) -> str:
    """The address of the network named ``network``, or ``network`` itself if it is an address;
    ``UserError`` if it is neither."""
    url = NETWORKS.get(network, network)
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, a port beyond 65535
        whole = False
    if not whole:
        raise UserError(
            f"{_quoted(network)} is neither a network's name nor a ws:// or wss:// address.",
            f"Give one of {', '.join(NETWORKS)}, or an address such as {LOCAL_URL}.",
        )
    return url


def _quoted(network: str) -> str:
    if "://" in network:
        return shown(network)
    return repr(network) if _PLAIN.fullmatch(network) else "What was given"


def is_loopback(url: str) -> bool:
    """Whether the chain at ``url`` is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


STRANGER_CURE: Final = "Give the port of the chain itself with --chain: `assay up` names it."
"""What a person can do where something else than a chain answers."""


def absence_cure(url: str) -> str:
    """What a person can do about a chain that does not answer at ``url``."""
    if is_loopback(url):
        return (
            "Start one with `assay up` or `assay chain start`, or name another chain with --chain."
        )
    return WAIT_CURE


def shown(url: str) -> str:
    """``url`` as it may be shown: scheme, host and port, without user part, path and query.

    An address that cannot be taken apart is not shown at all.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or not parts.scheme:
        return "an address"
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")


def redacted(text: str) -> str:
    """``text`` with every address in it as ``shown`` shows it."""
    return _URL.sub(lambda found: shown(found.group()), text)
