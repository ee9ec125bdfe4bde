"""The node that is followed, as far as its follower asks it: heads, blocks, and what it refuses.

``HttpFollowed`` reads what the node answers into headers and blocks, over an ``RpcClient``. Blocks
are not judged here.
"""

from __future__ import annotations

from typing import Any, Protocol

from assay.localnet.primitives.header import HASH_BYTES, Block, Header
from assay.localnet.primitives.scale import Reader, ScaleError
from assay.localnet.rpc_client import RpcClient, bytes_of


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
        """Hand on an extrinsic, with its length prefix. NodeRefused if it is not taken."""
        ...


class HttpFollowed:
    """A ``Followed`` at a ``ws://`` or ``wss://`` address, asked over HTTP at the same port."""

    def __init__(self, url: str) -> None:
        self._rpc = RpcClient(url, "The node that is followed", "--follow")
        self.submit = self._rpc.submit
        self.close = self._rpc.close

    async def finalized(self) -> int:
        final = await self._rpc.ask("chain_getFinalizedHead")
        header = await self._rpc.ask("chain_getHeader", final)
        try:
            return int(header["number"], 16)
        except (KeyError, TypeError, ValueError):
            raise self._rpc.unlike("chain_getHeader") from None

    async def hash_of(self, number: int) -> bytes | None:
        found = await self._rpc.ask_bytes("chain_getBlockHash", number)
        if found is not None and len(found) != HASH_BYTES:
            raise self._rpc.unlike("chain_getBlockHash")
        return found

    async def block(self, block_hash: bytes) -> Block:
        told = await self._rpc.ask("chain_getBlock", f"0x{block_hash.hex()}")
        try:
            block = _block(told["block"])
        except (KeyError, TypeError, ValueError, ScaleError):
            raise self._rpc.unlike("chain_getBlock") from None
        if block.hash != block_hash:
            raise self._rpc.unlike("chain_getBlock")
        return block


def _block(told: Any) -> Block:
    header = told["header"]
    hashes = [bytes_of(header[name]) for name in ("parentHash", "stateRoot", "extrinsicsRoot")]
    if any(len(each) != HASH_BYTES for each in hashes):
        raise ValueError("a hash has 32 bytes")
    parent, state_root, extrinsics_root = hashes
    logs = tuple(map(bytes_of, header["digest"]["logs"]))
    made = Header(parent, int(header["number"], 16), state_root, extrinsics_root, logs)
    extrinsics = tuple(map(bytes_of, told["extrinsics"]))
    for extrinsic in extrinsics:
        reader = Reader(extrinsic)  # each begins with its length, which has to be right
        reader.bytes()
        reader.end()
    return Block(Header.decode(made.encode()), extrinsics)
