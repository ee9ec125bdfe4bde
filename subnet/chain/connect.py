"""Open a chain by its address. Adds to the SDK adapter a start that costs nothing until used.

Importing the SDK takes 0.8 s of CPU and 60 MB, so this file imports it inside the function. It
knows the names of networks that have one; everything else is a ``ws://`` or ``wss://`` address.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from assay.chain.errors import WAIT_CURE
from assay.chain.interface import Chain, Deadlines
from assay.clock import Clock, SystemClock
from assay.errors import UserError

LOCAL_URL: Final = "ws://127.0.0.1:9944"
NETWORKS: Final[Mapping[str, str]] = {
    "local": LOCAL_URL,
    "finney": "wss://entrypoint-finney.opentensor.ai:443",
    "test": "wss://test.finney.opentensor.ai:443",
}
"""The names the SDK's users know. Addresses as in SDK 11.3's settings."""


def resolve(network: str) -> str:
    """The address of a named network, or the address itself; ``UserError`` if it is neither."""
    url = NETWORKS.get(network, network)
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, a port beyond 65535
        whole = False
    if not whole:
        raise UserError(
            f"{network!r} is neither a network's name nor a ws:// or wss:// address.",
            f"Give one of {', '.join(NETWORKS)}, or an address such as {LOCAL_URL}.",
        )
    return url


def is_loopback(url: str) -> bool:
    """True for a chain on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def absence_cure(url: str) -> str:
    """What a person can do about a chain that does not answer there."""
    if is_loopback(url):
        return "Start it with `assay up`, or name another chain with --chain."
    return WAIT_CURE


def shown(url: str) -> str:
    """The address as it may be shown: a path or a user part can hold an access token."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


async def connect(
    network: str,
    *,
    cache_dir: Path,
    clock: Clock | None = None,
    rng: random.Random | None = None,
    deadlines: Deadlines | None = None,
    patience_s: float | None = None,
) -> Chain:
    """A connected chain; ``ChainUnavailable`` if none answers within ``patience_s``
    (by default the deadline of a read).

    The SDK's caches go to ``cache_dir``. Close what you get.
    """
    from assay.chain.sdk import SdkChain

    limits = deadlines or Deadlines()
    chain = SdkChain(
        resolve(network), cache_dir, clock or SystemClock(), rng or random.Random(), limits
    )
    try:
        await chain.open(patience_s or limits.read_s)
    except BaseException:
        await chain.close()
        raise
    return chain
