"""No setting of the chain is accepted in silence: what a call writes, a rule of the runtime reads.

Read from the runtime's sources. A *setting* is a storage item that a call of AdminUtils writes,
itself or through a function of ``pallet-subtensor`` named ``set_…``. A *rule* is any code that
reads the item and does more than tell of it: not a view, not the check of invariants. A call that
would only write what nothing reads must refuse (``Deprecated``).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2] / "runtime"
CALLS: Final = ROOT / "pallets/admin-utils/src/calls.rs"

TELLING: Final = ("views", "tests", "tests.rs", "mock.rs", "try_state.rs")
"""Folders and files whose reading makes no rule."""

WRITES: Final = r"(?:put|insert|set|mutate)"
NOT_WRITING: Final = r"(?!put\b|insert\b|set\b|kill\b|remove\b)"

REFUSED: Final = {
    "schedule_grandpa_change",
    "sudo_set_activity_cutoff",
    "sudo_set_basket_claim_dust",
    "sudo_set_basket_concentration_cap",
    "sudo_set_basket_daily_turnover_cap",
    "sudo_set_basket_liquidity_cap",
    "sudo_set_basket_min_trade_tao",
    "sudo_set_basket_trading_enabled",
    "sudo_set_basket_trading_frozen",
    "sudo_set_ck_burn",
    "sudo_set_collateral_drain_ratio",
    "sudo_set_collateral_lock_share",
    "sudo_set_commit_reveal_version",
    "sudo_set_dissolve_network_schedule_duration",
    "sudo_set_emission_bar_quantile",
    "sudo_set_emission_bar_rank",
    "sudo_set_emission_gate_exponent",
    "sudo_set_evm_chain_id",
    "sudo_set_liquid_alpha_consensus_mode",
    "sudo_set_net_tao_flow_enabled",
    "sudo_set_rho",
    "sudo_set_tao_flow_cutoff",
    "sudo_set_tao_flow_normalization_exponent",
    "sudo_set_tao_flow_smoothing_factor",
    "sudo_set_total_issuance",
    "sudo_toggle_evm_precompile",
    "swap_authorities",
}
"""Settings of the public chain that are none here. One that gets a rule leaves this list."""


def without_comments(path: Path) -> str:
    return re.sub(r"//.*", "", path.read_text())


def sources() -> dict[Path, str]:
    paths = [*ROOT.glob("pallets/*/src/**/*.rs"), *ROOT.glob("src/*.rs")]
    return {
        path: without_comments(path)
        for path in paths
        if not set(path.relative_to(ROOT).parts) & set(TELLING)
    }


def bodies(text: str, before: str) -> dict[str, str]:
    """The functions of a file by name, each up to the next; ``before`` stands before ``fn``."""
    parts = re.split(rf"\n\s*{before}fn (\w+)", text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def written(body: str) -> set[str]:
    return set(re.findall(rf"\b([A-Z]\w+)::<T>::{WRITES}\b", body))


def settings() -> dict[str, set[str]]:
    """What each call of AdminUtils writes; nothing for one that refuses."""
    chain = "\n".join(
        text for path, text in sources().items() if path.is_relative_to(ROOT / "pallets/subtensor")
    )
    setters = bodies(chain, r"pub ")
    found = {}
    for name, body in bodies(without_comments(CALLS), "pub ").items():
        found[name] = written(body)
        for setter in re.findall(r"Chain::<T>::(set_\w+)", body):
            found[name] |= written(setters[setter].split("\n    }\n")[0])
    return found


def readers(item: str) -> set[str]:
    """The files in which a rule reads ``item``; in AdminUtils, the bounds of other settings."""
    reads = re.compile(rf"\b{item}::<(?:T|Runtime)>::{NOT_WRITING}\w+")
    return {str(path) for path, text in sources().items() if path != CALLS and reads.search(text)}


def test_every_call_sets_something_or_refuses() -> None:
    found = settings()
    assert len(found) > 60, "the calls are found"
    assert {name for name, items in found.items() if not items} == REFUSED
    text = without_comments(CALLS)
    for name in REFUSED:
        body = bodies(text, "pub ")[name].split("\n        }\n")[0]
        assert re.search(r"(root_is_refused|owner_is_refused)", body), name


def test_what_can_be_set_is_read_by_a_rule() -> None:
    items = set().union(*settings().values())
    unread = {item for item in items if not readers(item)}
    assert unread == set()


def test_a_setting_that_nothing_reads_would_be_found() -> None:
    assert not readers("Rho"), "only views tell of it"
    assert readers("NominatorMinRequiredStake")
