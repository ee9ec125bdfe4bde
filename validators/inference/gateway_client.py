"""A client of a gateway, as anybody with a key: asks, reads to the end, and fetches the receipt.

In come bodies of OpenAI's interface; out come receipts. Whatever the gateway sends is read under
limits of size and time, and parsed once here. A key is sent to its gateway and stands nowhere else.

This module knows no validator and no canaries.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from yarl import URL

from assay.clock import Clock
from assay.errors import UserError
from assay.files import read_limited
from assay.protocol.client_receipts import ClientReceipt, parse_receipt
from assay.protocol.gateway_headers import NOT_MINERS, RECEIPT
from assay.protocol.shared_prompts import PATH, SharedSession, SharedSessions
from assay.types import Ss58

ANSWER_S_MAX: Final = 600.0
"""For one reply: what OpenAI's own client waits for by default."""
CONNECT_S_MAX: Final = 10.0
REPLY_BYTES_MAX: Final = 32 * 2**20
"""Of one reply. Sixteen answers of 4,096 tokens with logprobs have fewer."""
SHARED_BYTES_MAX: Final = 2**21
"""Sixteen shared sessions have one megabyte at most."""
UNAUTHORIZED: Final = 401
RECEIPT_TRIES: Final = 3
RECEIPT_PAUSE_S: Final = 0.5
"""A receipt is written when its answer has been sent, a moment after its client has read it."""
KEYS_MAX: Final = 64
KEY_FILE_BYTES_MAX: Final = 2**14
_KEY_CHARS: Final = frozenset(map(chr, range(0x21, 0x7F)))


class GatewayFailed(Exception):
    """A gateway gave no answer that a receipt tells of. ``args[0]`` says why, in few words that
    hold nothing of what it sent; ``status`` is that of a reply that refuses."""

    def __init__(self, why: str, status: int | None = None) -> None:
        super().__init__(why)
        self.status = status


def parse_gateway(text: str) -> URL:
    """Return the address of a gateway in ``text``; ValueError if it is none. The error does not
    repeat ``text``."""
    url = URL(text)
    if url.scheme not in {"http", "https"} or not url.host or url.user or url.query_string:
        raise ValueError("give it as http://HOST:PORT")
    return url.with_path(url.path.rstrip("/").removesuffix("/v1"))


def read_keys(path: Path) -> list[str]:
    """Return the keys in the file ``path``, one a line. UserError if there is none."""
    lines = (read_limited(path, KEY_FILE_BYTES_MAX) or b"").decode("utf-8", "replace").split()
    if not lines or len(lines) > KEYS_MAX or not all(set(line) <= _KEY_CHARS for line in lines):
        raise UserError(
            f"{path} holds no keys of a gateway.",
            f"Write 1 to {KEYS_MAX} keys into the file, each on a line of its own.",
        )
    return lines


class _Said(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    text: str = ""
    message: _Said | None = None
    delta: _Said | None = None


class _Part(msgspec.Struct):
    choices: list[_Choice] = []


def text_of(reply: bytes) -> str:
    """Return what the first answer of ``reply`` says, which came whole or as a stream's events;
    GatewayFailed if that cannot be read."""
    events = [line[6:] for line in reply.split(b"\n\n") if line.startswith(b"data: {")]
    text = ""
    try:
        for part in events or [reply]:
            for choice in msgspec.json.decode(part, type=_Part).choices:
                said = choice.message or choice.delta or _Said()
                text += (said.content or choice.text) if choice.index == 0 else ""
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise GatewayFailed("its reply cannot be read") from None
    return text


class GatewayClient:
    """One gateway, asked with ordinary keys. Made inside a running event loop."""

    def __init__(self, address: URL, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWER_S_MAX, connect=CONNECT_S_MAX),
            # A cookie would name what is of one validator, whichever of its keys asks.
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    @property
    def shown(self) -> str:
        """Scheme, host and port: all that a log may have of the address."""
        return str(self._address.origin())

    async def close(self) -> None:
        """Give back the connections."""
        await self._session.close()

    async def ask(
        self, key: str, path: str, body: Mapping[str, Any], avoid: Collection[Ss58] = ()
    ) -> tuple[ClientReceipt, str]:
        """Ask what ``body`` asks at ``path``, with ``key``, of whichever miner the gateway chooses
        but those of ``avoid``; return the receipt of the answer once all of it was read, and the
        answer as the gateway spells it. GatewayFailed if there is none."""
        headers = {NOT_MINERS: ", ".join(sorted(avoid))} if avoid else {}
        named, said = await self._read("POST", f"/v1/{path}", key, REPLY_BYTES_MAX, body, headers)
        if named is None:
            raise GatewayFailed("it names no receipt")
        for left in reversed(range(RECEIPT_TRIES)):
            try:
                _, data = await self._read("GET", f"/v1/receipts/{named}", key, REPLY_BYTES_MAX)
                break
            except GatewayFailed:
                if not left:
                    raise
                await self._clock.sleep(RECEIPT_PAUSE_S)
        receipt = parse_receipt(data)
        if receipt is None:
            raise GatewayFailed("its receipt is none")
        return receipt, text_of(said)

    async def shared(self, key: str) -> list[SharedSession]:
        """Return what clients share there, as far as ``key`` may read it; each is shown once."""
        _, data = await self._read("GET", PATH, key, SHARED_BYTES_MAX)
        try:
            return msgspec.json.decode(data, type=SharedSessions).data
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise GatewayFailed("what its clients share cannot be read") from None

    async def _read(
        self,
        method: str,
        path: str,
        key: str,
        bytes_max: int,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[str | None, bytes]:
        """The receipt that a reply names, and the reply; GatewayFailed for any but a good one."""
        sent = {"Authorization": f"Bearer {key}", **(headers or {})}
        url = self._address.joinpath(path.lstrip("/"))
        try:
            async with self._session.request(
                method, url, json=body, headers=sent, allow_redirects=False
            ) as reply:
                if reply.status == UNAUTHORIZED:
                    raise GatewayFailed(
                        "it does not take the key: write one that it has made into the file of "
                        "--canary-key-file, and start again",
                        reply.status,
                    )
                if reply.status != 200:
                    raise GatewayFailed(f"it says {reply.status}", reply.status)
                data = bytearray()
                async for chunk in reply.content.iter_any():
                    data += chunk
                    if len(data) > bytes_max:
                        raise GatewayFailed("its reply is too long")
                return reply.headers.get(RECEIPT), bytes(data)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise GatewayFailed(type(error).__name__) from None
