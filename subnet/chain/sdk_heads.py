"""New heads of a chain, named by hashes that are computed here instead of asked for.

A node pushes whole headers to a subscriber and no hashes. A Substrate block's hash is the BLAKE2b
hash of its header's SCALE encoding, so each head costs no request. The first head of a subscription
is compared with the node's own answer; on a chain that hashes its headers otherwise, the node is
asked for each.

Sessions come in, ``BlockRef`` goes out. This module does not reconnect and knows no storage.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping
from hashlib import blake2b
from typing import Any

from assay.chain.errors import BadAnswer
from assay.chain.interface import BlockRef
from assay.chain.sdk_session import Lost, SdkSession
from assay.types import BlockNumber

_HASH_BYTES = 32


def header_hash(header: Mapping[str, Any]) -> str:
    """The hash of a block with this JSON header; ValueError where it is not a header."""
    try:
        logs = [bytes.fromhex(log.removeprefix("0x")) for log in header["digest"]["logs"]]
        number = header["number"]
        parent, state, extrinsics = (
            bytes.fromhex(header[name].removeprefix("0x"))
            for name in ("parentHash", "stateRoot", "extrinsicsRoot")
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a header: {error!r}") from error
    if any(len(part) != _HASH_BYTES for part in (parent, state, extrinsics)):
        raise ValueError("not a header: a hash has 32 bytes")
    height = number if isinstance(number, int) else int(number, 16)
    encoded = parent + _compact(height) + state + extrinsics + _compact(len(logs)) + b"".join(logs)
    return "0x" + blake2b(encoded, digest_size=_HASH_BYTES).hexdigest()


def _compact(value: int) -> bytes:
    """SCALE's compact encoding of a number below 2^30, or of a u32 above."""
    if value < 2**6:
        return bytes((value << 2,))
    if value < 2**14:
        return (value << 2 | 1).to_bytes(2, "little")
    if value < 2**30:
        return (value << 2 | 2).to_bytes(4, "little")
    return b"\x03" + value.to_bytes(4, "little")


async def new_heads(session: SdkSession, *, finalized: bool) -> AsyncGenerator[BlockRef, None]:
    """The current head of one connection, then each head that its node announces."""
    stream = session.blocks(finalized=finalized)
    hashed_here: bool | None = None
    try:
        while True:
            try:
                header = (await anext(stream))["header"]
            except StopAsyncIteration:
                raise Lost("the subscription ended") from None
            try:
                number, hash_ = int(header["number"]), header_hash(header)
            except (ValueError, OverflowError) as error:
                raise BadAnswer.to("a subscription to heads", str(error)) from error
            if not hashed_here:
                told = await session.block_hash(number)
                if hashed_here is None:
                    hashed_here = told == hash_
                hash_ = told
            yield BlockRef(BlockNumber(number), hash_)
    finally:
        # Where the node hangs, the stream is still trying to unsubscribe and cannot be closed
        # twice; it ends when its session is let go.
        with contextlib.suppress(RuntimeError):
            await stream.aclose()
