"""Whether the chain that answers at a run's port is the run's own.

A run funds, creates and registers, so it must never join somebody else's chain. What goes in is the
line that ``assay chain start --json`` prints, which names the chain's genesis; whoever listens at
the port is asked for the same by one plain HTTP request. The SDK is not used: its import takes a
second.

This module does not know how a chain is started or kept alive.
"""

from __future__ import annotations

import http.client
from typing import Final

import msgspec

from assay.errors import Unavailable

_REPLY_BYTES_MAX: Final = 4_096
"""The reply holds a hash and takes a hundred bytes."""
_REPLY_S_MAX: Final = 5.0
"""A chain that has just started compiles its runtime first; that takes a second or two."""
_QUESTION: Final = b'{"jsonrpc":"2.0","id":1,"method":"chain_getBlockHash","params":[0]}'


class ReadyLine(msgspec.Struct):
    """What a chain prints when it is up, as far as a run needs it."""

    genesis_hash: str


class _Reply(msgspec.Struct):
    result: str


def check_own_chain(port: int, ready: bytes) -> None:
    """Unavailable if the chain at ``port`` is not the one that printed the line ``ready``."""
    own = msgspec.json.decode(ready, type=ReadyLine).genesis_hash
    found = _genesis_at(port)
    if found != own:
        raise Unavailable(
            f"Port {port} is in use: "
            + ("another chain answers there." if found else "what answers there is no chain."),
            "Stop what listens there, or give another --base-port.",
        )


def _genesis_at(port: int) -> str | None:
    """The genesis of the chain at ``port``; None if nothing there answers as a chain does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_REPLY_S_MAX)
    try:
        connection.request("POST", "/", _QUESTION, {"Content-Type": "application/json"})
        reply = connection.getresponse().read(_REPLY_BYTES_MAX)
        return msgspec.json.decode(reply, type=_Reply).result
    except (OSError, http.client.HTTPException, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    finally:
        connection.close()
