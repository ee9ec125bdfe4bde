"""Another node's JSON-RPC, asked over HTTP: one POST a question, for a follower and a beacon.

What the node answers is a stranger's word: ``RpcClient`` reads it once, with limits on size and
time. ``NodeGone`` says that the node does not answer, or not as a node does; ``NodeRefused`` that
the node does not take an extrinsic. What an answer means is left to whoever asks.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from assay.errors import AssayError, Unavailable

ANSWER_S_MAX: Final = 10.0
"""A node on the same machine answers within milliseconds; a busy one, in a second."""
REPLY_BYTES_MAX: Final = 32 * 2**20
"""The runtime's limit on a block's length is 5 MiB, which hexadecimal doubles; and some room."""
KNOWN_THERE: Final = frozenset((1012, 1013))
"""An extrinsic that is in its pool already, or was there lately: nothing is lost."""


class NodeGone(Unavailable):
    """The other node does not answer, or its answers are not a node's."""


class NodeRefused(AssayError):
    """The other node does not take an extrinsic."""


class RpcClient:
    """A client of the node at ``url``, a ``ws://`` or ``wss://`` address, asked over HTTP at the
    same port. Errors call the node ``who`` and name ``option``, by which it was given."""

    def __init__(self, url: str, who: str, option: str) -> None:
        parts = urlsplit(url)
        scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
        self._url = urlunsplit((scheme, parts.netloc, parts.path or "/", parts.query, ""))
        self._who = who
        self._option = option
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, method: str, *params: Any) -> Any:
        """The result of ``method``. NodeGone for an error, too."""
        reply = await self._reply(method, *params)
        if "result" not in reply:
            raise self.unlike(method)
        return reply["result"]

    async def ask_bytes(self, method: str, *params: Any) -> bytes | None:
        """A result in hexadecimal, as bytes; None if the node answers with none."""
        told = await self.ask(method, *params)
        if told is None:
            return None
        try:
            return bytes_of(told)
        except (TypeError, ValueError):
            raise self.unlike(method) from None

    async def submit(self, extrinsic: bytes) -> None:
        """Hand on ``extrinsic``, with its length prefix. NodeRefused if the node does not take
        it."""
        reply = await self._reply("author_submitExtrinsic", f"0x{extrinsic.hex()}")
        if (error := reply.get("error")) is None:
            return
        code, message = (
            (error.get("code"), str(error.get("data") or error.get("message")))
            if isinstance(error, dict)
            else (None, "no reason")
        )
        if code not in KNOWN_THERE:
            raise NodeRefused(f"{message[:200]} ({code})")

    async def close(self) -> None:
        """Close the connections. The next question opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def unlike(self, method: str) -> NodeGone:
        """The error for an answer to ``method`` that no node gives."""
        return NodeGone(
            f"{self._who} answers {method} as no Substrate node does.",
            f"Name the address of a node's RPC with {self._option}.",
        )

    async def _reply(self, method: str, *params: Any) -> dict[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S_MAX))
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            async with self._session.post(self._url, json=request) as response:
                data = await read_body(response, REPLY_BYTES_MAX)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise NodeGone(
                f"{self._who} does not answer ({type(error).__name__}).",
                f"Wait for it to come back, or name another with {self._option}.",
            ) from error
        try:
            reply = json.loads(data)
        except (ValueError, RecursionError):
            raise self.unlike(method) from None
        if not isinstance(reply, dict):
            raise self.unlike(method)
        return reply


async def read_body(response: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    """The body of ``response``; nothing of one that is above ``bytes_max``."""
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > bytes_max:
            return b""
        parts.append(part)
    return b"".join(parts)


def bytes_of(told: Any) -> bytes:
    """The bytes of ``told``, hexadecimal behind ``0x``. ValueError if it is something else."""
    if not isinstance(told, str) or not told.startswith("0x"):
        raise ValueError("no hexadecimal")
    return bytes.fromhex(told[2:])
