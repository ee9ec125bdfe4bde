"""Settings of the public chain that no rule reads here: refused by name, and nothing is written.

A client that is told "success" must be able to rely on it. What only root has publicly is refused
to anybody else before that; what a subnet's owner has, to strangers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from assay.localnet.primitives.hashing import twox
from tests.conformance.runtime.started import started
from tests.conformance.runtime.world import NETUID, World, account, address
from tests.tidy.test_settings import REFUSED

BAD_ORIGIN: Final = "dispatch:0x02"
CHAIN: Final = twox(b"SubtensorModule", 128)
HALF: Final = {"bits": 1 << 63}

OF_ROOT: Final[dict[str, dict[str, Any]]] = {
    "schedule_grandpa_change": {"next_authorities": [], "in_blocks": 7, "forced": None},
    "sudo_set_basket_claim_dust": {
        "row_cap_rao": 7,
        "row_bps": 7,
        "slice_rao": 7,
        "forfeit_cap_rao": 7,
    },
    "sudo_set_basket_concentration_cap": {"cap": 7},
    "sudo_set_basket_daily_turnover_cap": {"cap": 7},
    "sudo_set_basket_liquidity_cap": {"cap": 7},
    "sudo_set_basket_min_trade_tao": {"min_trade_rao": 7},
    "sudo_set_basket_trading_enabled": {"enabled": True},
    "sudo_set_basket_trading_frozen": {"hotkey": address("miner hot"), "frozen": True},
    "sudo_set_ck_burn": {"burn": 7},
    "sudo_set_commit_reveal_version": {"version": 7},
    "sudo_set_dissolve_network_schedule_duration": {"duration": 7},
    "sudo_set_emission_bar_quantile": {"quantile": HALF},
    "sudo_set_emission_bar_rank": {"rank": 7},
    "sudo_set_emission_gate_exponent": {"exponent": HALF},
    "sudo_set_evm_chain_id": {"chain_id": 945},
    "sudo_set_net_tao_flow_enabled": {"enabled": True},
    "sudo_set_tao_flow_cutoff": {"flow_cutoff": HALF},
    "sudo_set_tao_flow_normalization_exponent": {"exponent": HALF},
    "sudo_set_tao_flow_smoothing_factor": {"smoothing_factor": 7},
    "sudo_set_total_issuance": {"total_issuance": 7},
    "sudo_toggle_evm_precompile": {"precompile_id": "Staking", "enabled": False},
    "swap_authorities": {"new_authorities": [f"0x{account('stranger').hex()}"]},
}
OF_OWNER: Final[dict[str, dict[str, Any]]] = {
    "sudo_set_activity_cutoff": {"netuid": NETUID, "activity_cutoff": 7_000},
    "sudo_set_collateral_drain_ratio": {"netuid": NETUID, "drain_ratio": HALF},
    "sudo_set_collateral_lock_share": {"netuid": NETUID, "lock_share": 7},
    "sudo_set_liquid_alpha_consensus_mode": {"netuid": NETUID, "mode": "Previous"},
    "sudo_set_rho": {"netuid": NETUID, "rho": 7},
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One subnet for all: what is refused changes nothing."""
    made = started()
    before = kept(made)
    yield made
    assert kept(made) == before
    assert made.get("Authorities", pallet="Aura") == World().get("Authorities", pallet="Aura")


def kept(world: World) -> dict[bytes, bytes | None]:
    """What the pallet holds that every one of these calls would have written to."""
    changes = world.overlay.changes()
    return {key: value for key, value in changes.items() if key.startswith(CHAIN)}


@pytest.mark.parametrize("call", OF_ROOT)
def test_what_is_roots_publicly(world: World, call: str) -> None:
    assert world.as_root(call, OF_ROOT[call]) == "Deprecated"
    for signer in ("owner", "stranger"):
        assert world.submit(signer, call, OF_ROOT[call], pallet="AdminUtils") == BAD_ORIGIN


@pytest.mark.parametrize("call", OF_OWNER)
def test_what_is_an_owners_publicly(world: World, call: str) -> None:
    arguments = OF_OWNER[call]
    assert world.as_root(call, arguments) == "Deprecated"
    assert world.submit("owner", call, arguments, pallet="AdminUtils") == "Deprecated"
    assert world.submit("stranger", call, arguments, pallet="AdminUtils") == BAD_ORIGIN
    nowhere = {**arguments, "netuid": 9}
    assert world.as_root(call, nowhere) == "SubnetDoesNotExist"


def test_all_that_is_refused_is_here() -> None:
    assert OF_ROOT.keys() | OF_OWNER.keys() == REFUSED


@pytest.mark.parametrize(
    ("item", "told"), [("ActivityCutoff", 5_000), ("Rho", 10), ("CollateralLockShare", 0)]
)
def test_clients_go_on_reading_the_default(world: World, item: str, told: int) -> None:
    """Items that clients read with every subnet: as publicly; of collateral, that there is none."""
    assert world.get(item, NETUID) == told
