"""Block 0: from a runtime's preset, and a user's overrides, to the first state.

The runtime's own GenesisBuilder API makes the state; the host merges the JSON before (RFC 7396, as
Substrate's chain specs do): the default configuration, then the preset's patch, then the overrides.
``Genesis`` is the recipe, ``build_genesis`` cooks it. The recipe's fingerprint is stored with the
chain, so that a database is never continued under another genesis.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from subnet.localnet.blocks.header import blake2_256

DEFAULT_PROPERTIES: Mapping[str, Any] = {
    "ss58Format": 42,
    "tokenDecimals": 9,
    "tokenSymbol": "TAO",
}
"""What ``system_properties`` answers: the public network's own values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Genesis:
    """The recipe of a chain's first block."""

    code: bytes
    """The runtime's Wasm, plain or compressed; it becomes ``:code``."""
    preset: str = "local"
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """A JSON merge patch over the preset."""
    chain_name: str = "Assay Local"
    properties: Mapping[str, Any] = field(default_factory=lambda: dict(DEFAULT_PROPERTIES))

    def fingerprint(self) -> bytes:
        """Equal for equal recipes: the hash of the code and of the rest as canonical JSON."""
        rest = json.dumps(
            [self.preset, self.overrides, self.chain_name, self.properties],
            sort_keys=True,
            separators=(",", ":"),
        )
        return blake2_256(blake2_256(self.code) + rest.encode())
