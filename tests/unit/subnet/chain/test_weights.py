"""The rows and the refusals, against what a public runtime was seen to do and against the rules."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.chain.fake_state import LOCAL_SETTINGS
from assay.chain.interface import BlockRef, RefusalReason, Stage, WeightsRefused
from assay.chain.weights import WeightRights, preflight, quantise, refused_by_chain
from assay.types import U16_MAX, BlockNumber, U16Weight, Uid

VECTORS = Path(__file__).parents[3] / "vectors" / "set_weights_spec218.json"
CASES: list[dict[str, Any]] = json.loads(VECTORS.read_text())

REASONS = {
    "WeightVecLengthIsLow": {RefusalReason.TOO_FEW_WEIGHTS, RefusalReason.NOTHING_TO_SET},
    "UidVecContainInvalidOne": {RefusalReason.UNKNOWN_UID},
    "NeuronNoValidatorPermit": {RefusalReason.NO_PERMIT},
    "MaxWeightExceeded": {RefusalReason.BAD_WEIGHT},
    "IncorrectWeightVersionKey": {RefusalReason.STALE_VERSION},
    "SettingWeightsTooFast": {RefusalReason.RATE_LIMITED},
    "NotEnoughStakeToSetWeights": {RefusalReason.TOO_LITTLE_STAKE},
    "CommitRevealEnabled": {RefusalReason.COMMIT_REVEAL_WITHOUT_BEACON},
}
NOT_ASKED = {"dup", "length", "too_many", "max_limit_over"}
"""What uid -> weight cannot express, and a row above the limit: ours is cut to it, see below."""


def rights(**changes: Any) -> WeightRights:
    base = WeightRights(
        netuid=1,
        hotkey="5F",
        at=BlockRef(BlockNumber(4_999), "0x"),
        n=6,
        uid=Uid(0),
        owner=False,
        permit=True,
        total_stake=10**12,
        last_update=0,
        settings=LOCAL_SETTINGS,
        beacon=False,
        next_epoch=5_010,
    )
    return replace(base, **changes)


def rights_of(given: dict[str, Any], block: int) -> WeightRights:
    settings = replace(
        LOCAL_SETTINGS,
        weights_version=given["weights_version_key"],
        min_allowed_weights=given["min_allowed_weights"],
        max_weight_limit=U16Weight(given["max_weights_limit"]),
        weights_rate_limit_blocks=given["rate_limit"],
        commit_reveal=given["commit_reveal"],
        stake_threshold=given["weights_min_stake"],
    )
    return rights(
        at=BlockRef(BlockNumber(block - 1), "0x"),  # it is executed in the block after the head
        n=given["n"],
        uid=Uid(given["uid"]),
        permit=given["permit"],
        total_stake=given["stake"],
        last_update=given["last_update"],
        settings=settings,
    )


@pytest.mark.parametrize(
    "case", [c for c in CASES if c["name"] not in NOT_ASKED], ids=lambda c: c["name"]
)
def test_verdict_and_row_are_the_runtimes(case: dict[str, Any]) -> None:
    given, seen = case["inputs"], case["outputs"]
    weights = {Uid(uid): float(v) for uid, v in zip(given["uids"], given["values"], strict=True)}
    verdict = preflight(rights_of(given, case["block"]), weights, given["version_key"])
    if seen["error"] is not None:
        assert isinstance(verdict, WeightsRefused)
        assert verdict.reason in REASONS[seen["error"]]
        return
    stored = tuple(sorted((uid, value) for uid, value in seen["stored"] if value))
    if not stored:  # the runtime takes a row of zeros; we do not send one
        assert isinstance(verdict, WeightsRefused)
        assert verdict.reason is RefusalReason.NOTHING_TO_SET
    else:
        assert verdict == stored


def test_a_row_above_the_limit_is_cut_to_it() -> None:
    case = next(c for c in CASES if c["name"] == "max_limit_over")
    weights = {Uid(1): 10.0, Uid(2): 10.0, Uid(3): 11.0}
    verdict = preflight(rights_of(case["inputs"], case["block"]), weights, 0)
    assert verdict == ((1, U16_MAX), (2, U16_MAX), (3, U16_MAX))


def test_a_cap_levels_the_largest_and_keeps_the_rest_in_proportion() -> None:
    weights = {Uid(1): 8.0, Uid(2): 1.0, Uid(3): 2.0, Uid(4): 1.0}
    row = dict(quantise(weights, limit=U16_MAX // 2))
    assert row[Uid(1)] == U16_MAX
    assert row[Uid(1)] * 2 <= sum(row.values()) + 2
    assert abs(row[Uid(3)] - 2 * row[Uid(4)]) <= 2
    assert abs(row[Uid(2)] - row[Uid(4)]) <= 2


def test_a_cap_that_so_few_cannot_keep_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs more weights"):
        quantise({Uid(1): 1.0, Uid(2): 1.0}, limit=U16_MAX // 3)
    with pytest.raises(ValueError, match="needs more weights"):
        quantise({Uid(1): 1.0}, limit=U16_MAX - 1)


@pytest.mark.parametrize(
    ("uid", "weight"), [(1, math.nan), (1, math.inf), (1, -0.1), (-1, 1.0), (65_536, 1.0)]
)
def test_what_is_no_weight_is_an_error(uid: int, weight: float) -> None:
    with pytest.raises(ValueError, match="uid"):
        quantise({Uid(uid): weight})


def test_rate_limit_says_how_long_to_wait() -> None:
    settings = replace(LOCAL_SETTINGS, weights_rate_limit_blocks=100)
    verdict = preflight(rights(settings=settings, last_update=4_970), {Uid(1): 1.0}, 0)
    assert isinstance(verdict, WeightsRefused)
    assert verdict.retry_after_blocks == 70


def test_what_only_an_epoch_changes_says_when_the_next_one_runs() -> None:
    poor = replace(LOCAL_SETTINGS, stake_threshold=10**13)
    for changes in ({"permit": False}, {"settings": poor}):
        verdict = preflight(rights(**changes), {Uid(1): 1.0}, 0)
        assert isinstance(verdict, WeightsRefused)
        assert verdict.retry_after_blocks == 11
    overdue = preflight(rights(permit=False, next_epoch=4_999), {Uid(1): 1.0}, 0)
    assert isinstance(overdue, WeightsRefused)
    assert overdue.retry_after_blocks == 1
    in_block = refused_by_chain("NeuronNoValidatorPermit", "No.", Stage.DISPATCH, rights())
    assert in_block.retry_after_blocks == 11
    too_fast = refused_by_chain("SettingWeightsTooFast", "No.", Stage.DISPATCH, rights())
    assert too_fast.retry_after_blocks is None


def test_the_owner_needs_no_permit() -> None:
    assert preflight(rights(permit=False, owner=True), {Uid(1): 1.0}, 0) == ((1, U16_MAX),)


def test_commit_reveal_with_a_beacon_is_let_through() -> None:
    settings = replace(LOCAL_SETTINGS, commit_reveal=True, weights_rate_limit_blocks=100)
    sealed = rights(settings=settings, beacon=True, last_update=4_999)
    assert preflight(sealed, {Uid(1): 1.0}, 0) == ((1, U16_MAX),)


def test_the_chains_own_words_become_ours() -> None:
    known = refused_by_chain("SettingWeightsTooFast", "", Stage.DISPATCH)
    assert (known.reason, known.stage) == (RefusalReason.RATE_LIMITED, Stage.DISPATCH)
    assert "SettingWeightsTooFast" in known.cause
    unknown = refused_by_chain(None, "The priority is too low.", Stage.POOL)
    assert unknown.reason is RefusalReason.OTHER
    assert "priority" in unknown.cause
