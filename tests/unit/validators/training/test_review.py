"""From facts to verdicts: what each fact costs, and that the reasons say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from assay.neuron import Verdict
from assay.protocol.training.records import PeerRecord
from assay.protocol.training.seal import PeerSeal
from assay.scoring.training.payment import OwedWindows
from assay.training.chain_records import (
    CountedPeer,
    WindowClosing,
    WindowPeer,
    WindowPeers,
)
from assay.training.messages import CopyFound
from assay.types import Ss58
from assay.validators.training.audits import AuditOutcome, PeerAudit
from assay.validators.training.review import UNSURE_WINDOWS, WindowReview

WINDOW = UNSURE_WINDOWS
PAID = OwedWindows()


def hot(uid: int) -> Ss58:
    return Ss58(f"5Peer{uid}")


def review(counted: Mapping[int, int], *, peers: int = 3, void: bool = False) -> WindowReview:
    """A closed window with ``counted`` weights by uid."""
    by_uid = {uid: WindowPeer(uid, hot(uid), uid, 1) for uid in range(peers)}
    records = {uid: PeerRecord(WINDOW, b"s" * 16, b"r" * 32, b"k" * 32) for uid in counted}
    each = {
        uid: CountedPeer(by_uid[uid], records[uid], b"k" * 32, weight, ())
        for uid, weight in counted.items()
    }
    whole = WindowPeers(WINDOW, by_uid)
    found = WindowReview(whole, records, {}, {})
    closed = {} if void else each
    found.closing = WindowClosing(WINDOW, b"s" * 16, whole, closed, {}, frozenset())
    found.is_measured = True
    return found


def audit(uid: int, outcome: AuditOutcome, tries: int = 0) -> PeerAudit:
    peer = WindowPeer(uid, hot(uid), uid, 1)
    return PeerAudit(WINDOW, peer, "audited by chance", outcome, "told", tries=tries)


def judged(found: WindowReview, owed: OwedWindows = PAID) -> dict[Ss58, Verdict]:
    owes = {peer.hotkey: owed for peer in found.peers.by_uid.values()}
    return {verdict.hotkey: verdict for verdict in found.verdicts(owes)}


def codes(verdict: Verdict) -> list[str]:
    return [getattr(reason, "code", "") for reason in verdict.reasons]


def test_whoever_is_counted_is_paid_and_whoever_is_not_is_told_why() -> None:
    found = review({0: 1, 1: 1})
    verdicts = judged(found)
    assert [verdicts[hot(uid)].value for uid in range(3)] == [1.0, 1.0, 0.0]
    assert codes(verdicts[hot(2)]) == ["not_in_time"]
    found.refused = {1: "gaps reach beyond the model"}
    assert judged(found)[hot(1)].value == 0.0
    assert codes(judged(found)[hot(1)]) == ["refused"]


@pytest.mark.parametrize(
    ("outcome", "tries", "value", "forfeits"),
    [
        (AuditOutcome.RIGHT, 0, 1.0, False),
        (AuditOutcome.WRONG, 0, 0.0, True),
        (AuditOutcome.OPEN, 3, 0.0, False),
        (AuditOutcome.OPEN, 0, 1.0, False),  # it waits for this validator alone
        (AuditOutcome.UNDECIDED, 0, 1.0, False),
        (AuditOutcome.AWAY, 3, 0.0, False),
    ],
)
def test_what_an_audit_came_to(
    outcome: AuditOutcome, tries: int, value: float, forfeits: bool
) -> None:
    found = review({0: 1, 1: 1})
    found.audits[hot(0)] = audit(0, outcome, tries)
    verdict = judged(found)[hot(0)]
    assert (verdict.value, verdict.forfeits) == (value, forfeits)
    assert f"audit_{outcome.value}" in codes(verdict)
    assert judged(found)[hot(1)].value == 1.0


def test_whoever_owes_is_not_paid_and_told_what() -> None:
    verdict = judged(review({0: 1}), OwedWindows(2, WINDOW + 9))[hot(0)]
    assert verdict.value == 0.0
    assert "owes 2 audits that find it right, paid from window" in str(verdict.reasons[-1])


def test_a_copy_is_not_paid_unless_it_was_computed() -> None:
    found = review({0: 1, 1: 1})
    found.copies = {1: CopyFound(1, 0, 0.97)}
    verdicts = judged(found)
    assert (verdicts[hot(0)].value, verdicts[hot(1)].value) == (1.0, 0.0)
    assert "97% of its message is that of uid 0" in str(verdicts[hot(1)].reasons)
    found.audits[hot(1)] = audit(1, AuditOutcome.RIGHT)
    assert judged(found)[hot(1)].value == 1.0


def test_messages_that_do_little_are_paid_a_part() -> None:
    found = review({0: 1, 1: 1})
    found.stands = {hot(0): (4.0,), hot(1): (-4.5,)}
    verdicts = judged(found)
    assert (verdicts[hot(0)].value, verdicts[hot(1)].value) == (1.0, 0.5)
    assert codes(verdicts[hot(1)]) == ["counted", "worth_little"]
    found.pays_by_standing = False  # where peers are audited
    assert judged(found)[hot(1)].value == 1.0


def test_after_a_void_window_only_the_wrong_are_judged() -> None:
    found = review({0: 1, 1: 1}, void=True)
    assert not judged(found)
    found.audits[hot(1)] = audit(1, AuditOutcome.WRONG)
    assert list(judged(found)) == [hot(1)]
    assert judged(found)[hot(1)].forfeits


def test_an_audit_that_ends_late_still_counts() -> None:
    found = review({0: 1, 1: 1})
    waits: dict[str, Any] = {"tries": 2}
    late = audit(0, AuditOutcome.OPEN, **waits)
    found.audits[hot(0)] = late
    assert judged(found)[hot(0)].value == 0.0
    late.end(AuditOutcome.RIGHT, "right")
    paid = found.later_verdict(late, PAID)
    assert paid is not None
    assert paid.value == 1.0
    late.end(AuditOutcome.WRONG, "wrong")
    convicted = found.later_verdict(late, PAID)
    assert convicted is not None
    assert convicted.forfeits
    other = audit(1, AuditOutcome.RIGHT)
    assert found.later_verdict(other, PAID) is None, "it was paid already"


def test_a_window_is_decided_once_nothing_is_under_way() -> None:
    found = review({0: 1})
    assert found.is_decided
    found.audits[hot(0)] = audit(0, AuditOutcome.OPEN)
    assert not found.is_decided
    found.audits[hot(0)].end(AuditOutcome.RIGHT, "")
    found.is_measured = False
    assert not found.is_decided
    found.is_measured, found.closing = True, None
    assert not found.is_decided


def test_a_peer_is_paid_by_the_steps_behind_its_message() -> None:
    found = review({0: 1, 1: 1, 2: 1})
    found.steps = 15
    found.seals = {0: sealed(15), 1: sealed(6)}
    audits = {hot(1): audit(1, AuditOutcome.OPEN, tries=1)}
    whole, part, unknown = judged(found).values()
    assert (whole.value, part.value, unknown.value) == (1.0, 0.4, 1.0)
    assert "of 40% of the steps" in str(part.reasons[0])
    found.audits = audits
    assert judged(found)[hot(1)].value == 0.0
    later = found.later_verdict(audit(1, AuditOutcome.RIGHT), PAID)
    assert later is not None and later.value == 0.4


def sealed(steps: int) -> PeerSeal:
    hashes = dict.fromkeys(
        ("run", "state", "before", "after", "end", "message", "opened"), b"h" * 32
    )
    return PeerSeal(
        window=WINDOW, hotkey="5Peer", cursor=0, steps=steps, boundaries=[], message_bytes=9,
        **hashes,
    )  # fmt: skip
