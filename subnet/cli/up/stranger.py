"""Whether the chain at a run's port is the run's own.

Adds to the line that ``assay chain start --json`` prints a question to whoever listens there: which
genesis do you have? A run funds, creates and registers, so it must never join a stranger's chain by
mistake. It asks by one plain HTTP request, because the SDK would take a second to be imported. It
does not know how a chain is started or kept alive.
"""

from __future__ import annotations

import http.client
from typing import Final

import msgspec

from assay.errors import Unavailable

_ANSWER_BYTES_MAX: Final = 4_096
"""A hash takes a hundred."""
_ANSWER_S_MAX: Final = 5.0
_QUESTION: Final = b'{"jsonrpc":"2.0","id":1,"method":"chain_getBlockHash","params":[0]}'


class Ready(msgspec.Struct):
    """What a chain says of itself when it is up; other fields are not of interest here."""

    genesis_hash: str


class _Answer(msgspec.Struct):
    result: str


def check_own_chain(port: int, ready: bytes) -> None:
    """Unavailable if another chain than the one that said ``ready`` answers at ``port``."""
    own = msgspec.json.decode(ready, type=Ready).genesis_hash
    found = _genesis_at(port)
    if found != own:
        raise Unavailable(
            f"Port {port} is in use: "
            + ("another chain answers there." if found else "what answers there is no chain."),
            "Stop what listens there, or give another --base-port.",
        )


def _genesis_at(port: int) -> str | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_S_MAX)
    try:
        connection.request("POST", "/", _QUESTION, {"Content-Type": "application/json"})
        answer = connection.getresponse().read(_ANSWER_BYTES_MAX)
        return msgspec.json.decode(answer, type=_Answer).result
    except (OSError, http.client.HTTPException, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    finally:
        connection.close()
