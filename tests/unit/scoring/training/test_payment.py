"""What a window is worth, and that the formulas say what a cheat really earns."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.scoring.training.payment import (
    AUDITS_OWED,
    INCOME_MAX,
    LAPSES_FORGOTTEN,
    SENTENCE,
    AuditOdds,
    OwedWindows,
    WindowFacts,
    after_conviction,
    after_lapse,
    after_right,
    audited_min,
    joint_share,
    newcomer,
    pay,
)

ENTRANCE = 1


def income(audited: float, *, windows: int, always: bool, away: bool = False) -> float:
    """Play a cheat against the rules, and return its pay a window. It cheats ``always``, or only
    when it is paid; one that goes ``away`` when it is audited is back three windows later."""
    rng, owed, earned, gone = random.Random(7), newcomer(ENTRANCE), 0.0, 0
    for window in range(windows):
        if gone:
            gone -= 1
            continue
        paid = owed.settled(window)
        cheats = always or paid
        is_new = owed.audits > 0 and owed.until <= window
        if not (is_new or rng.random() < audited):
            earned += pay(WindowFacts(counted=True, settled=paid)).value
        elif not cheats:
            earned += pay(WindowFacts(counted=True, settled=paid)).value
            owed = after_right(owed)
        elif away:
            gone, owed = 3, after_lapse(owed, window + 3, audits=ENTRANCE)
        else:
            owed = after_conviction(owed, window)
    return earned / windows


@pytest.mark.parametrize("audited", [0.3, 0.45, 0.7])
def test_the_formula_says_what_a_cheat_earns(audited: float) -> None:
    odds = AuditOdds(audited)
    played = income(audited, windows=400_000, always=False)
    # The formula leaves out the windows that are worked for the last of the owed audits.
    assert odds.cheat_income * 0.85 < played <= odds.cheat_income * 1.05


def test_at_the_wanted_share_every_cheat_earns_next_to_nothing() -> None:
    wanted = audited_min()
    assert 0.45 < wanted < 0.451
    assert AuditOdds(wanted).is_enough
    assert not AuditOdds(wanted - 0.001).is_enough
    for ways in ({"always": True}, {"always": False}, {"always": False, "away": True}):
        assert income(0.45, windows=20_000, **ways) <= INCOME_MAX  # type: ignore[arg-type]
    assert income(0.45, windows=20_000, always=True) == 0.0


def test_an_honest_trainer_is_paid_for_all_but_its_entrance() -> None:
    owed = newcomer(ENTRANCE)
    assert not owed.settled(0)
    assert after_right(owed).settled(0)
    assert pay(WindowFacts(counted=True)).value == 1.0


def test_two_validators_that_audit_a_quarter_each_are_nearly_enough() -> None:
    assert joint_share(0.25, 2) == pytest.approx(0.4375)
    assert joint_share(0.2590, 2) >= audited_min()
    assert joint_share(0.3, 0) == 0.0


def test_a_cheat_that_nobody_finds_is_not_deterred() -> None:
    odds = AuditOdds(0.9, found=0.0)
    assert odds.cheat_income == 1.0
    assert odds.identity_worth == float("inf")
    assert not odds.honest_pays
    assert not odds.is_enough
    assert audited_min(0.0) == float("inf")


def test_a_short_sentence_lets_a_cheat_earn_more_than_is_allowed() -> None:
    assert AuditOdds(0.46, sentence=SENTENCE).is_enough
    assert AuditOdds(0.46, sentence=10).honest_pays
    assert not AuditOdds(0.46, sentence=10).is_enough


@given(st.integers(0, 10), st.integers(0, 500), st.integers(0, 500))
def test_a_convict_is_unpaid_for_its_sentence_and_until_it_is_found_right(
    audits: int, until: int, window: int
) -> None:
    owed = after_conviction(OwedWindows(audits, until), window)
    last = max(window + SENTENCE, until - 1)
    for _ in range(AUDITS_OWED):
        assert not owed.settled(last + 1)
        owed = after_right(owed)
    assert owed.settled(last + 1)
    assert not owed.settled(last)


def test_whoever_is_away_from_its_audits_again_and_again_owes_what_a_convict_does() -> None:
    once = after_lapse(OwedWindows(), 10, audits=ENTRANCE)
    assert after_right(once).settled(11)
    assert not once.settled(11)
    again = after_lapse(after_right(once), 10 + LAPSES_FORGOTTEN, audits=ENTRANCE)
    assert again.until == 10 + LAPSES_FORGOTTEN + 1 + SENTENCE
    assert again.audits == AUDITS_OWED
    later = after_lapse(after_right(once), 11 + LAPSES_FORGOTTEN, audits=ENTRANCE)
    assert after_right(later).settled(12 + LAPSES_FORGOTTEN)


def test_only_a_conviction_takes_what_was_earned_before() -> None:
    whole = {"counted": True}
    for facts, value, forfeits in (
        (WindowFacts(counted=False), 0.0, False),
        (WindowFacts(counted=True, settled=False), 0.0, False),
        (WindowFacts(counted=True, copied=True), 0.0, False),
        (WindowFacts(counted=True, convicted=True), 0.0, True),
        (WindowFacts(counted=False, convicted=True), 0.0, True),
        (WindowFacts(**whole, stands=(3.0, -2.0)), 1.0, False),
        (WindowFacts(**whole, stands=(3.0, -4.5)), 0.5, False),
        (WindowFacts(**whole, stands=(-9.0, 5.0)), 0.0, False),
    ):
        assert (pay(facts).value, pay(facts).forfeits) == (value, forfeits), facts
