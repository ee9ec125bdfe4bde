"""The node that is followed, as far as its follower asks it: heads, blocks, and what it refuses.

``HttpFollowed`` is a client of its JSON-RPC, one POST a question; what it answers is a stranger's
word, read here once, with limits on size and time. ``SourceGone`` says that the node does not
answer, or not as a node does; ``SourceRefused`` that it does not take an extrinsic. Blocks are not
judged here.
"""

from __future__ import annotations

import json
from typing import Any, Final, Protocol
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from assay.errors import AssayError, Unavailable
from assay.localnet.primitives.header import HASH_BYTES, Block, Header
from assay.localnet.primitives.scale import Reader, ScaleError

ANSWER_S_MAX: Final = 10.0
"""A node on the same machine answers within milliseconds; a busy one, in a second."""
REPLY_BYTES_MAX: Final = 32 * 2**20
"""The runtime's limit on a block's length is 5 MiB, which hexadecimal doubles; and some room."""
KNOWN_THERE: Final = frozenset((1012, 1013))
"""An extrinsic that is in its pool already, or was there lately: nothing is lost."""


class SourceGone(Unavailable):
    """The node that is followed does not answer, or its answers are not a node's."""


class SourceRefused(AssayError):
    """The node that is followed does not take an extrinsic."""


class Followed(Protocol):
    """What a follower asks."""

    async def finalized(self) -> int:
        """The number of the newest final block."""
        ...

    async def hash_of(self, number: int) -> bytes | None:
        """The hash of the block of that number; None if there is none, or it is not kept."""
        ...

    async def block(self, block_hash: bytes) -> Block:
        """The block of that hash. What comes back has it."""
        ...

    async def submit(self, extrinsic: bytes) -> None:
        """Hand on an extrinsic, with its length prefix. SourceRefused if it is not taken."""
        ...


class HttpFollowed:
    """A ``Followed`` at a ``ws://`` or ``wss://`` address, asked over HTTP at the same port."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
        self._url = urlunsplit((scheme, parts.netloc, parts.path or "/", parts.query, ""))
        self._session: aiohttp.ClientSession | None = None

    async def finalized(self) -> int:
        final = await self._ask("chain_getFinalizedHead")
        header = await self._ask("chain_getHeader", final)
        try:
            return int(header["number"], 16)
        except (KeyError, TypeError, ValueError):
            raise _unlike("chain_getHeader") from None

    async def hash_of(self, number: int) -> bytes | None:
        told = await self._ask("chain_getBlockHash", number)
        return None if told is None else _hash(told, "chain_getBlockHash")

    async def block(self, block_hash: bytes) -> Block:
        told = await self._ask("chain_getBlock", f"0x{block_hash.hex()}")
        try:
            block = _block(told["block"])
        except (KeyError, TypeError, ValueError, ScaleError):
            raise _unlike("chain_getBlock") from None
        if block.hash != block_hash:
            raise _unlike("chain_getBlock")
        return block

    async def submit(self, extrinsic: bytes) -> None:
        reply = await self._reply("author_submitExtrinsic", f"0x{extrinsic.hex()}")
        if (error := reply.get("error")) is None:
            return
        code, message = (
            (error.get("code"), str(error.get("data") or error.get("message")))
            if isinstance(error, dict)
            else (None, "no reason")
        )
        if code not in KNOWN_THERE:
            raise SourceRefused(f"{message[:200]} ({code})")

    async def close(self) -> None:
        """Close the connections. The next question opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, method: str, *params: Any) -> Any:
        reply = await self._reply(method, *params)
        if "result" not in reply:
            raise _unlike(method)
        return reply["result"]

    async def _reply(self, method: str, *params: Any) -> dict[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S_MAX))
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            async with self._session.post(self._url, json=request) as response:
                data = await _read(response)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise SourceGone(
                f"The node that is followed does not answer ({type(error).__name__}).",
                "Wait for it to come back, or name another with --follow.",
            ) from error
        try:
            reply = json.loads(data)
        except (ValueError, RecursionError):
            raise _unlike(method) from None
        if not isinstance(reply, dict):
            raise _unlike(method)
        return reply


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The reply's body; nothing of one that is above the limit."""
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > REPLY_BYTES_MAX:
            return b""
        parts.append(part)
    return b"".join(parts)


def _unlike(method: str) -> SourceGone:
    return SourceGone(
        f"The node that is followed answers {method} as no Substrate node does.",
        "Name the address of a node's RPC with --follow.",
    )


def _hash(told: Any, method: str) -> bytes:
    try:
        found = _hex(told)
    except (TypeError, ValueError):
        found = b""
    if len(found) != HASH_BYTES:
        raise _unlike(method)
    return found


def _hex(told: Any) -> bytes:
    if not isinstance(told, str) or not told.startswith("0x"):
        raise ValueError("no hexadecimal")
    return bytes.fromhex(told[2:])


def _block(told: Any) -> Block:
    header = told["header"]
    hashes = [_hex(header[name]) for name in ("parentHash", "stateRoot", "extrinsicsRoot")]
    if any(len(each) != HASH_BYTES for each in hashes):
        raise ValueError("a hash has 32 bytes")
    parent, state_root, extrinsics_root = hashes
    logs = tuple(map(_hex, header["digest"]["logs"]))
    made = Header(parent, int(header["number"], 16), state_root, extrinsics_root, logs)
    extrinsics = tuple(map(_hex, told["extrinsics"]))
    for extrinsic in extrinsics:
        reader = Reader(extrinsic)  # each begins with its length, which has to be right
        reader.bytes()
        reader.end()
    return Block(Header.decode(made.encode()), extrinsics)
