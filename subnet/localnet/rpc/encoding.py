"""Writes blocks and versions as JSON values, in Substrate's own shapes. Pure.

Bytes are lower-case hex with ``0x``; a header's number is hex without leading zeros; amounts are
decimal texts, because JSON numbers end at 2^53 for many clients.
"""

from __future__ import annotations

from typing import Any

from assay.localnet.primitives.header import Block, Header
from assay.localnet.primitives.runtime_version import RuntimeVersion


def hex_of(data: bytes) -> str:
    """``data`` in hex, with ``0x``."""
    return "0x" + data.hex()


def hex_or_none(data: bytes | None) -> str | None:
    """``data`` in hex, with ``0x``; None for None."""
    return None if data is None else "0x" + data.hex()


def header_json(header: Header) -> dict[str, Any]:
    """``header`` as ``chain_getHeader`` answers it."""
    return {
        "parentHash": hex_of(header.parent),
        "number": hex(header.number),
        "stateRoot": hex_of(header.state_root),
        "extrinsicsRoot": hex_of(header.extrinsics_root),
        "digest": {"logs": [hex_of(item) for item in header.digest]},
    }


def signed_block_json(block: Block) -> dict[str, Any]:
    """``block`` as ``chain_getBlock`` answers it; there are no justifications."""
    return {
        "block": {
            "header": header_json(block.header),
            "extrinsics": [hex_of(extrinsic) for extrinsic in block.extrinsics],
        },
        "justifications": None,
    }


def runtime_version_json(version: RuntimeVersion) -> dict[str, Any]:
    """``version`` as ``state_getRuntimeVersion`` answers it."""
    return {
        "specName": version.spec_name,
        "implName": version.impl_name,
        "authoringVersion": version.authoring_version,
        "specVersion": version.spec_version,
        "implVersion": version.impl_version,
        "apis": [[hex_of(api), number] for api, number in version.apis],
        "transactionVersion": version.transaction_version,
        "stateVersion": version.state_version,
    }
