"""Builds block 0 and the first state from a runtime's preset and a user's overrides.

The host merges three JSON documents (RFC 7396, as Substrate's chain specs do): the default
configuration, the preset's patch, the overrides. The runtime's own GenesisBuilder API makes the
state of the result. A recipe may also hold the whole configuration, or in its place the first
state itself (``spec.py`` reads both from a chain spec). ``Genesis`` is the recipe, ``cook`` follows
it. The recipe's fingerprint is stored with the chain, so that a database is never continued under
another genesis. This module stores nothing itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from assay.localnet.errors import BadGenesis, MissingExport, RuntimeTrap
from assay.localnet.executor.call import Executor
from assay.localnet.primitives.hashing import blake2_256
from assay.localnet.primitives.header import ZERO_HASH, Block, Header
from assay.localnet.primitives.scale import Reader, ScaleError, encode_bytes
from assay.localnet.primitives.well_known_keys import CODE_KEY
from assay.localnet.state.head import HeadState
from assay.localnet.state.overlay import Overlay
from assay.localnet.state.trie import EMPTY_ROOT

DEFAULT_PROPERTIES: Final[Mapping[str, Any]] = {
    "ss58Format": 42,
    "tokenDecimals": 9,
    "tokenSymbol": "TAO",
}
"""What ``system_properties`` answers: the public network's own values."""

DEFAULT_PRESET: Final = "default"
"""The name for a runtime's default configuration without any patch, unless the runtime itself has a
preset of that name."""

_RAW: Final = "raw"
"""The one member of a configuration that is the first state itself."""

_NESTING_MAX: Final = 64
"""JSON deeper than this is no genesis configuration; merging recurses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Genesis:
    """The recipe of a chain's first block."""

    code: bytes
    """The runtime's Wasm, plain or compressed; it becomes ``:code``."""
    preset: str = "local"
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """A JSON merge patch over the preset."""
    config: Mapping[str, Any] | None = None
    """The whole configuration, or as ``{"raw": {"top": {key: value}}}`` the first state in hex.
    None: preset and overrides make the configuration."""
    chain_name: str = "Assay Local"
    properties: Mapping[str, Any] = field(default_factory=lambda: dict(DEFAULT_PROPERTIES))

    def fingerprint(self) -> bytes:
        """A hash of all fields: equal recipes have equal fingerprints."""
        rest = [self.preset, self.overrides, self.chain_name, self.properties]
        if self.config is not None:  # chains of before there was one keep their fingerprint
            rest.append(self.config)
        return blake2_256(blake2_256(self.code) + canonical_json(rest))


@dataclass(frozen=True, slots=True)
class Cooked:
    """A genesis that was built: the merged configuration, the state, and block 0."""

    config: Mapping[str, Any]
    state: HeadState
    block: Block


def canonical_json(value: Any) -> bytes:
    """``value`` as JSON with sorted keys and no blanks, so that equal values have equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def merge(base: Any, patch: Any, depth: int = 0) -> Any:
    """Apply ``patch`` to ``base`` by RFC 7396.

    Objects are merged, null removes a member, and any other value replaces the old one.
    """
    if depth > _NESTING_MAX:
        raise BadGenesis(
            f"The genesis configuration is nested more than {_NESTING_MAX} deep.",
            "Give overrides in the shape of the runtime's own preset.",
        )
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(base) if isinstance(base, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value, depth + 1)
    return merged


def preset_names(executor: Executor) -> list[str]:
    """The names of the presets that the runtime offers."""
    try:
        reader = Reader(_call(executor, "GenesisBuilder_preset_names", b""))
        return [reader.text() for _ in range(reader.items())]
    except ScaleError as error:
        raise _unreadable(error) from error


def merged_config(executor: Executor, genesis: Genesis) -> Mapping[str, Any]:
    """The whole configuration of ``genesis``: its own, or default, preset and overrides merged."""
    if genesis.config is not None:
        return genesis.config
    default = _preset(executor, None)
    preset = _preset(executor, genesis.preset)
    if preset is None and genesis.preset == DEFAULT_PRESET:
        preset = {}
    if preset is None:
        names = ", ".join([*preset_names(executor), DEFAULT_PRESET])
        raise BadGenesis(
            f"The runtime has no genesis preset named {genesis.preset!r}.",
            f"Choose one of those it has: {names}.",
        )
    merged = merge(merge(default or {}, preset), genesis.overrides)
    assert isinstance(merged, Mapping)
    return merged


def cook(executor: Executor, genesis: Genesis) -> Cooked:
    """Build the first state and block 0 of ``genesis``."""
    return cook_config(executor, genesis, merged_config(executor, genesis))


def cook_config(executor: Executor, genesis: Genesis, config: Mapping[str, Any]) -> Cooked:
    """Build the first state and block 0 from ``config``, which is merged already.

    Of ``genesis`` only the code is used.
    """
    overlay = Overlay(HeadState())
    if is_raw(config):
        for key, value in raw_state(config).items():
            overlay.put(key, value)
    else:
        _build(executor, config, overlay)
    overlay.put(CODE_KEY, genesis.code)
    result = overlay.result(executor.version.state_version)
    state = HeadState()
    state.advance(result)
    header = Header(ZERO_HASH, 0, result.root_hash, EMPTY_ROOT, ())
    return Cooked(config, state, Block(header, ()))


def is_raw(config: Mapping[str, Any]) -> bool:
    """Whether ``config`` is a first state in place of a configuration."""
    return set(config) == {_RAW}


def raw_state(config: Mapping[str, Any]) -> dict[bytes, bytes]:
    """The keys and values of the first state that ``config`` is. BadGenesis if it is none."""
    try:
        top = config[_RAW]["top"]
        return {_hex(key): _hex(value) for key, value in top.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadGenesis(
            "The chain spec's raw state is not made of keys and values in hexadecimal.",
            "Give the JSON that a node's build-spec --raw writes.",
        ) from error


def _hex(text: str) -> bytes:
    if not text.startswith("0x"):
        raise ValueError(text)
    return bytes.fromhex(text[2:])


def _build(executor: Executor, config: Mapping[str, Any], overlay: Overlay) -> None:
    """Have the runtime build the state of ``config`` in ``overlay``."""
    answer = _call(
        executor, "GenesisBuilder_build_state", encode_bytes(canonical_json(config)), overlay
    )
    if answer[:1] != b"\0":
        raise BadGenesis(
            f"The runtime refuses the genesis configuration: {_told(answer)}.",
            "Correct the overrides; their shape is that of the preset.",
        )


def _preset(executor: Executor, name: str | None) -> Any:
    argument = b"\0" if name is None else b"\1" + encode_bytes(name.encode())
    reader = Reader(_call(executor, "GenesisBuilder_get_preset", argument))
    try:
        return json.loads(reader.bytes()) if reader.option() else None
    except (ScaleError, ValueError, RecursionError) as error:
        raise _unreadable(error) from error


def _call(
    executor: Executor, method: str, argument: bytes, overlay: Overlay | None = None
) -> bytes:
    try:
        return executor.call(
            method, argument, overlay or Overlay(HeadState()), executor.block_budget
        )
    except MissingExport as error:
        raise BadGenesis(
            f"The runtime does not offer {method}.",
            "Give a runtime that implements the GenesisBuilder API.",
        ) from error
    except RuntimeTrap as error:
        raise BadGenesis(
            f"The runtime stopped while it built the genesis ({error}).",
            "Correct the overrides; their shape is that of the preset.",
        ) from error


def _told(result: bytes) -> str:
    reader = Reader(result[1:])
    try:
        return reader.text()
    except ScaleError:
        return "it does not say why"


def _unreadable(error: Exception) -> BadGenesis:
    return BadGenesis(
        f"The runtime's genesis presets cannot be read: {error}.",
        "Give a runtime that implements the GenesisBuilder API.",
    )
