"""Reads a Substrate chain spec: the JSON file that says how a chain begins.

In comes a file; out comes a ``Genesis``. Two forms are read. A *plain* spec (``runtimeGenesis``)
names the runtime and a configuration, whole or as a patch of the runtime's default, from which the
runtime builds the first state. A *raw* spec (``raw``) is the first state itself. Nothing is run
here: whether the runtime takes the configuration shows when the genesis is cooked. Boot nodes,
telemetry and what else concerns a network of nodes is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from assay.localnet.blocks.genesis import DEFAULT_PRESET, DEFAULT_PROPERTIES, Genesis, raw_state
from assay.localnet.errors import BadGenesis
from assay.localnet.primitives.well_known_keys import CODE_KEY

SPEC_BYTES_MAX: Final = 64 * 2**20
"""A raw spec of the public test network has about one megabyte, most of it the runtime; a file
above this is something else, or a state that would not fit into memory beside its text."""

_NAME_CHARS_MAX: Final = 200
"""The name is told to every client that asks."""


def read_spec(path: Path) -> Genesis:
    """The recipe of the chain that the file ``path`` describes. BadGenesis if it is no spec."""
    try:
        if path.stat().st_size > SPEC_BYTES_MAX:
            raise _bad(path, f"it is larger than {SPEC_BYTES_MAX >> 20} MiB")
        spec = json.loads(path.read_bytes())
    except OSError as error:
        raise _bad(path, f"it cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise _bad(path, "it is no JSON") from error
    try:
        return _genesis(spec)
    except _Unfit as error:
        raise _bad(path, str(error)) from error


class _Unfit(Exception):
    """What is wrong with a spec, as the end of a sentence."""


def _bad(path: Path, why: str) -> BadGenesis:
    return BadGenesis(
        f"{path} is no chain spec that can be used: {why}.",
        "Give the JSON that a node's build-spec or export-chain-spec writes, plain or raw.",
    )


def _genesis(spec: Any) -> Genesis:
    match spec:
        case {"name": str(name), "genesis": dict(genesis)} if 0 < len(name) <= _NAME_CHARS_MAX:
            pass
        case _:
            raise _Unfit("it has no name and genesis")
    properties = spec.get("properties")
    if properties is not None and not isinstance(properties, dict):
        raise _Unfit("its properties are no object")
    return _first_state(genesis, name, properties or dict(DEFAULT_PROPERTIES))


def _first_state(genesis: Mapping[str, Any], name: str, properties: Mapping[str, Any]) -> Genesis:
    match genesis:
        case {"raw": {"top": dict(top), **rest}}:
            if any(rest.values()):
                raise _Unfit("it has child tries, which this node has not")
            config = {"raw": {"top": top}}
            code = raw_state(config).get(CODE_KEY)
            if code is None:
                raise _Unfit("its state holds no runtime")
            return Genesis(code=code, config=config, chain_name=name, properties=properties)
        case {"runtimeGenesis": {"code": str(text), "config": dict(config)}}:
            return Genesis(code=_hex(text), config=config, chain_name=name, properties=properties)
        case {"runtimeGenesis": {"code": str(text), "patch": dict(patch)}}:
            return Genesis(
                code=_hex(text),
                preset=DEFAULT_PRESET,
                overrides=patch,
                chain_name=name,
                properties=properties,
            )
        case {"runtime": _}:
            raise _Unfit("its genesis is of a form that only its own node can build; export it raw")
        case {"stateRootHash": _}:
            raise _Unfit("it holds only the root of its first state")
    raise _Unfit("its genesis is neither raw nor runtimeGenesis")


def _hex(text: str) -> bytes:
    try:
        if text.startswith("0x"):
            return bytes.fromhex(text[2:])
    except ValueError:
        pass
    raise _Unfit("its code is no hexadecimal")
