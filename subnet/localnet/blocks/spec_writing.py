"""Writes a chain's recipe as a Substrate chain spec, so that Parity's node begins the same chain.

In comes a ``Genesis``; out come the JSON document and what the chain is that begins with it. A
*plain* spec holds the runtime and the whole configuration, so that another host's runtime call
builds the first state; a *raw* one holds that state. Whoever reads either gets the genesis hash
that stands in ``WrittenSpec``: the configuration is merged here, once.

Two fields are Cumulus's, whose node reads no spec without them: ``relay_chain`` and ``para_id``. A
chain that makes its blocks alone uses neither. No file is written here, and no network is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from assay.localnet.blocks.genesis import Genesis, cook, is_raw
from assay.localnet.blocks.slots import slots_of
from assay.localnet.errors import BadRuntime, MissingExport, RuntimeTrap
from assay.localnet.executor.call import Executor
from assay.localnet.executor.machine.module_cache import ModuleCache
from assay.localnet.executor.runtimes import Runtimes
from assay.localnet.limits import CoreLimits
from assay.localnet.state.overlay import Committed

CHAIN_ID: Final = "assay_local"
"""By it a node names the folder of a chain's database."""
CHAIN_TYPE: Final = "Development"
"""As the presets' keys are public. Wallets show it."""
PARA_ID: Final = 2_000
"""The first number that is anybody's: those below belong to relay chains' own."""
RELAY_CHAIN: Final = "rococo-local"
"""A name that every build of the node knows; nothing of that chain is run."""


@dataclass(frozen=True, slots=True)
class SpecFields:
    """What a spec says beside how the chain begins."""

    chain_id: str = CHAIN_ID
    para_id: int = PARA_ID
    relay_chain: str = RELAY_CHAIN
    raw: bool = False
    """Whether the first state is written in place of the configuration."""


@dataclass(frozen=True, slots=True)
class WrittenSpec:
    """A spec, and what it begins."""

    document: Mapping[str, Any]
    genesis_hash: bytes
    block_time_ms: int
    """The slots' length at the beginning: the pace that a node's blocks should have."""
    raw: bool


def write_spec(
    recipe: Genesis, fields: SpecFields, *, module_cache: ModuleCache | None = None
) -> WrittenSpec:
    """The spec of the chain that ``recipe`` begins, with ``fields``.

    Raw if that is asked for, or if the recipe is a first state itself. BadRuntime if its code is no
    runtime that a node of Aura's could run, BadGenesis if no first state can be made of it.
    """
    runtimes = Runtimes(CoreLimits(), module_cache)
    try:
        executor = runtimes.of_code(recipe.code, None)
        cooked = cook(executor, recipe)
        try:
            raw = fields.raw or is_raw(cooked.config)
            state = dict(cooked.state.items())
            genesis = (
                {"raw": {"top": _hexed(state), "childrenDefault": {}}}
                if raw
                else {"runtimeGenesis": {"code": _hex(recipe.code), "config": cooked.config}}
            )
            return WrittenSpec(
                _document(recipe, fields, genesis),
                cooked.block.hash,
                _block_time_ms(executor, cooked.state),
                raw,
            )
        finally:
            cooked.state.close()
    finally:
        runtimes.close()


def _document(recipe: Genesis, fields: SpecFields, genesis: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "name": recipe.chain_name,
        "id": fields.chain_id,
        "chainType": CHAIN_TYPE,
        "bootNodes": [],
        "telemetryEndpoints": None,
        "protocolId": None,
        "properties": dict(recipe.properties),
        "relay_chain": fields.relay_chain,
        "para_id": fields.para_id,
        "codeSubstitutes": {},
        "genesis": genesis,
    }


def _block_time_ms(executor: Executor, state: Committed) -> int:
    """The runtime's slots; a runtime without Aura is refused, since the node would panic at it."""
    try:
        return slots_of(executor, state).duration_ms
    except (MissingExport, RuntimeTrap) as error:
        raise BadRuntime(
            f"The runtime does not tell how long Aura's slots are ({error}).",
            "Give a runtime with the API AuraApi, which Parity's node asks for.",
        ) from error


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"


def _hexed(state: Mapping[bytes, bytes]) -> dict[str, str]:
    return {_hex(key): _hex(value) for key, value in sorted(state.items())}
