"""Everything that this project takes from the SDK's private modules, in one file.

The bittensor SDK 11.3 has no public way to keep one connection apart from the next, to decode a
block's state by the runtime that wrote it, or to sign for a chosen nonce. So the adapter reaches
into modules whose names begin with an underscore. ``PRIVATE`` names each such thing and what it is
for; a test compares the list with the installed SDK, so that an update of the SDK says what it took
away instead of failing somewhere else.

Names and small functions go out. This module knows no pallet and keeps no connection.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bittensor._generated import calls
from bittensor._substrate import RpcSubstrate
from bittensor._transport import SubstrateConnection
from bittensor._transport.codec import RuntimeCodec, StorageEntry
from bittensor._transport.contract import SignedExtrinsic
from bittensor._transport.errors import StorageFunctionNotFound, SubstrateRequestException
from bittensor._transport.rpc import _default_connect as dial
from bittensor._transport.runtime_api import decode_runtime_api_result, encode_runtime_api_params
from bittensor._transport.storage import decode_storage_values
from loguru import logger

from assay.chain.address import redacted

__all__ = [
    "PRIVATE",
    "RpcSubstrate",
    "RuntimeCodec",
    "SignedExtrinsic",
    "StorageEntry",
    "StorageFunctionNotFound",
    "SubstrateConnection",
    "calls",
    "codec_after",
    "decode_runtime_api_result",
    "decode_storage_values",
    "dial",
    "encode_runtime_api_params",
    "forget_head_runtime",
    "head_codec",
    "prepare_process",
]

PRIVATE: Final[Mapping[str, str]] = {
    "_generated.calls:SubtensorModule.set_mechanism_weights": "typed calls to be signed",
    "_generated.calls:Commitments.set_commitment": "typed calls to be signed",
    "_substrate:RpcSubstrate._interface": "a session opens its one connection there",
    "_substrate:RpcSubstrate._read": "errors of the transport become the SDK's public ones",
    "_substrate:RpcSubstrate.raw": "the connection of a session",
    "_transport:SubstrateConnection.rpc_request": "one request of any method",
    "_transport.codec:RuntimeCodec.storage_key": "a storage key from its parts",
    "_transport.codec:RuntimeCodec.storage_entry": "what the metadata says of a storage item",
    "_transport.codec:RuntimeCodec.decode_map_changes": "keys and values of a storage map",
    "_transport.codec:RuntimeCodec.compose_call": "the bytes of a call",
    "_transport.contract:SignedExtrinsic": "a signed extrinsic that is sent again as it is",
    "_transport.errors:StorageFunctionNotFound": "an item that a runtime does not have",
    "_transport.rpc:_default_connect": "the SDK's own way to dial",
    "_transport.runtime:RuntimeManager._fetch_codec": "the codec of a block's own runtime",
    "_transport.runtime:RuntimeManager.codec_at": "the codec of the head's runtime",
    "_transport.runtime_api:decode_runtime_api_result": "the answer of a runtime API",
    "_transport.runtime_api:encode_runtime_api_params": "the question to a runtime API",
    "_transport.storage:decode_storage_values": "values, or their defaults where none is stored",
}
"""``module:name.attribute`` below ``bittensor``, and what the adapter needs it for."""

INSTANCE_PRIVATE: Final[Mapping[str, str]] = {
    "connection:_runtimes": "where a connection keeps its codecs",
    "runtimes:_codecs": "codecs by spec version",
    "runtimes:_head_checked_at": "when the head's runtime version was last asked for",
}
"""Attributes that exist on an instance alone: of a connection, and of what keeps its codecs."""


async def head_codec(connection: SubstrateConnection) -> RuntimeCodec:
    """The codec of the head's runtime: no request where it was asked for within 12 s."""
    return await connection._runtimes.codec_at(None)


async def codec_after(connection: SubstrateConnection, block_hash: str) -> RuntimeCodec:
    """The codec of the runtime in force after the block: the one its runtime APIs run with.

    One request, and the download of the metadata for a version that the connection has not met.
    """
    version = await connection.rpc_request("state_getRuntimeVersion", [block_hash])
    if not isinstance(version, dict) or "transactionVersion" not in version:
        raise SubstrateRequestException(f"no runtime version for block {block_hash}")
    runtimes = connection._runtimes
    spec = int(version["specVersion"])
    return runtimes._codecs.get(spec) or await runtimes._fetch_codec(
        spec,
        int(version["transactionVersion"]),
        block_hash,
        spec_name=str(version.get("specName") or ""),
    )


def forget_head_runtime(connection: SubstrateConnection) -> None:
    """Let the connection ask for the head's runtime version before it signs the next time.

    By itself it trusts what it last heard for 12 s, and signs for the old runtime that long.
    """
    connection._runtimes._head_checked_at = float("-inf")


class _ToLoguru(logging.Handler):
    """The SDK's log records as debug lines of ours, so that nothing else prints them."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.debug("sdk: {}", redacted(record.getMessage()))


def prepare_process(cache_dir: Path) -> None:
    """Point the SDK's metadata cache to ``cache_dir`` and its log at ours.

    Both are settings of the whole process in the SDK: an environment variable and a named logger.
    The cache is keyed by genesis and spec version, so clients of several chains may share it.
    """
    os.environ["BITTENSOR_RUNTIME_CACHE_DIR"] = str(cache_dir)
    sdk_log = logging.getLogger("bittensor")
    if not any(isinstance(handler, _ToLoguru) for handler in sdk_log.handlers):
        sdk_log.handlers = [_ToLoguru()]
        sdk_log.propagate = False
