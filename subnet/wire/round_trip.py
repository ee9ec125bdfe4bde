"""How far away a peer is: the network's part of a call's latency, as the kernel measured it.

In comes the transport of a connection; out come the seconds that the network took of the latency of
one call. Linux keeps the shortest round trip of each connection (``tcpi_min_rtt`` of ``TCP_INFO``,
in the kernel since 4.6), so nothing is sent to find it. A peer whose kernel holds back each packet
seems farther than it is: whoever uses the figure must bound it. Where the system does not tell, a
peer is as near as can be.

This module knows no calls.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Final

_MIN_RTT_AT: Final = 148
"""Where ``tcpi_min_rtt`` stands in Linux's ``struct tcp_info``, whose fields never move: eight
bytes, 24 words of four, four of eight, and three words before it. Microseconds."""
_UNKNOWN: Final = 2**32 - 1
"""What Linux says before it has measured a round trip."""


def network_s(transport: asyncio.BaseTransport | None, *, is_first_call: bool) -> float:
    """Return the seconds that the network took of a call over ``transport``: one round trip, and
    one more where ``is_first_call`` and the connection was made for it; 0 where nobody knows."""
    connected = transport.get_extra_info("socket") if transport is not None else None
    which = getattr(socket, "TCP_INFO", None)
    if connected is None or which is None:
        return 0.0
    try:
        info = connected.getsockopt(socket.IPPROTO_TCP, which, _MIN_RTT_AT + 4)
    except OSError:  # closed meanwhile, or no TCP
        return 0.0
    if len(info) < _MIN_RTT_AT + 4:
        return 0.0
    (micros,) = struct.unpack_from("=I", info, _MIN_RTT_AT)
    if micros == _UNKNOWN:
        return 0.0
    return float(micros) * 1e-6 * (2 if is_first_call else 1)
