"""Who has power over a chain is told, and a chain that anybody rules is served to nobody else."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from bittensor_core import Keypair
from loguru import logger

from assay.clock import ManualClock
from assay.errors import UserError
from assay.localnet.backend import Backend
from assay.localnet.blocks.genesis import Genesis
from assay.localnet.holders import DEVELOPMENT, holders_of
from assay.localnet.node import Node, NodeOptions, genesis_of, read_runtime
from assay.localnet.rpc.server import bind
from assay.localnet.sealing import SealingMode
from assay.types import RAO_PER_TAO, Ss58
from tests.unit.subnet.localnet.core_chain import module_cache

MINE = Ss58(str(Keypair.create_from_uri("//mine//and//nobody//else").ss58_address))


def recipe(**changes: Any) -> Genesis:
    return genesis_of(code=read_runtime(), **changes)


def holders(genesis: Genesis) -> Any:
    chain = Backend.open(None, genesis, module_cache=module_cache())
    try:
        return holders_of(chain.state())
    finally:
        chain.close()


def test_the_addresses_are_those_of_the_public_keys() -> None:
    for uri, address in DEVELOPMENT.items():
        assert Keypair.create_from_uri(uri).ss58_address == address


@pytest.mark.parametrize("preset", ["local", "upstream"])
def test_a_preset_gives_all_power_to_public_keys(preset: str) -> None:
    found = holders(recipe(preset=preset))
    assert (found.sudo, found.sudo_uri) == (DEVELOPMENT["//Alice"], "//Alice")
    assert len(found.funded) == 9, "every account that the preset funds is known"
    assert found.funded[0].free_rao == 1_000_000 * RAO_PER_TAO
    assert "//Alice" in found.public_power


def test_a_chain_of_ones_own_gives_none_to_them() -> None:
    found = holders(recipe(sudo=MINE))
    assert (found.sudo, found.sudo_uri, found.funded) == (MINE, None, ())
    assert found.public_power is None


def test_money_of_public_keys_is_power_as_well() -> None:
    genesis = recipe(sudo=MINE)
    bob = [[DEVELOPMENT["//Bob"], 10**9]]
    overrides = {**genesis.overrides, "balances": {"balances": bob}}
    found = holders(Genesis(code=genesis.code, overrides=overrides))
    assert [each.uri for each in found.funded] == ["//Bob"]
    assert "//Bob" in found.public_power


def options(**changes: Any) -> NodeOptions:
    given = {"genesis": recipe(), "module_cache": module_cache(), "sealing": SealingMode.MANUAL}
    return NodeOptions(**{**given, **changes})


@pytest.mark.parametrize(
    "exposed", [{"host": "0.0.0.0"}, {"host": "::"}, {"origins": ("*",)}], ids=str
)
async def test_a_chain_that_anybody_rules_is_not_served_to_others(
    exposed: dict[str, Any], tmp_path: Path
) -> None:
    port = free_port()
    refused = options(**exposed, port=port, state_dir=tmp_path / "chain")
    with pytest.raises(UserError, match="//Alice, whose key is public") as caught:
        await Node.start(refused, ManualClock())
    assert "--expose-development-keys" in caught.value.cure
    assert "--sudo" in caught.value.cure
    bind("127.0.0.1", port).close()
    mine = options(**exposed, state_dir=tmp_path / "chain", genesis=recipe(sudo=MINE))
    node = await Node.start(mine, ManualClock())
    assert node.backend.head.number == 0, "the refused start left no chain there"
    await node.stop()


async def test_who_says_it_twice_is_served_and_warned() -> None:
    told: list[str] = []
    sink = logger.add(told.append, level="WARNING", format="{message}")
    try:
        said = options(host="0.0.0.0", expose_development_keys=True)
        node = await Node.start(said, ManualClock())
        await node.stop()
    finally:
        logger.remove(sink)
    (line,) = told
    assert "can do anything" in line


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
async def test_loopback_is_nobody_else(host: str) -> None:
    node = await Node.start(options(host=host, origins=("https://mine.example",)), ManualClock())
    await node.stop()


async def test_a_stored_chain_is_looked_at_as_well(tmp_path: Path) -> None:
    node = await Node.start(options(state_dir=tmp_path), ManualClock())
    await node.stop()
    again = options(state_dir=tmp_path, host="0.0.0.0", continue_any=True)
    with pytest.raises(UserError, match="//Alice"):
        await Node.start(again, ManualClock())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
