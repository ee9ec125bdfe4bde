"""What a validator tells its operator at the start: whether honesty pays, and what audits cost.

In come a run's terms and what is known of its size; out come sentences. The inequality itself is
``assay.scoring.training.payment``'s.
"""

from __future__ import annotations

from typing import Final

from assay.protocol.training.manifest import Manifest
from assay.scoring.training.payment import (
    CAUGHT_WITHIN,
    AuditOdds,
    audited_min,
    joint_share,
)
from assay.training.messages import RunFacts

MB: Final = 1e6


def odds_of(share: float, validators: int, sentence: int) -> AuditOdds:
    """Return whether a cheat pays where so many ``validators`` audit a ``share`` each."""
    return AuditOdds(joint_share(share, validators), sentence=sentence)


def told_odds(share: float, validators: int, odds: AuditOdds) -> list[str]:
    """Return the sentences on whether honesty pays, the last one a warning if it does not
    enough."""
    if not share:
        return [
            "Nobody is audited here: a message that is worth something is paid, computed or not."
        ]
    sign = ">" if odds.honest_pays else "<="
    told = [
        f"{validators} validators audit a window of a miner with probability {odds.audited:.2f}"
        f" ({share:g} each). A cheat gains at most {odds.gain:g} of a window's pay, and loses"
        f" {odds.audited:.2f} x (1 + {odds.sentence}) = {odds.loss:.2g}: {odds.loss:.2g} {sign}"
        f" {odds.gain:g}.",
        f"It is found within {CAUGHT_WITHIN} windows with probability {odds.caught_within():.1%},"
        f" and earns {odds.cheat_income:.1%} of an honest miner's pay. A new hotkey must cost more"
        f" than {odds.identity_worth:.1f} windows' pay.",
    ]
    if not odds.is_enough:
        told.append(
            f"That is too little: let validators audit with probability {audited_min():.2f}"
            " together (--audit-share), or more of them."
        )
    return told


def told_cost(share: float, facts: RunFacts, manifest: Manifest) -> str:
    """Return the sentence on what audits cost for each peer and window."""
    tokens = facts.read * manifest.data.context
    training = facts.message_bytes
    fetched = share * facts.carried_bytes_max
    return (
        f"An audit computes {manifest.inner.steps} steps on {tokens:,} tokens, and fetches"
        f" {facts.carried_bytes_max / MB:.2f} MB. For each miner and window that is"
        f" {share:.2f} of a miner's own work, and {fetched / MB:.2f} MB beside a message of"
        f" {training / MB:.4f} MB."
    )
