"""One window under a validator's eyes: what is known of it so far, and the verdicts that follow.

Facts come in from the chain, the mirror, the audits and the measurements, in any order, some of
them never; out come one verdict a peer, with reasons, and later ones where an audit ends later.
Pay is ``assay.scoring.training.payment``'s; what is fetched, computed and remembered is not known
here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from assay.neuron import Reason, Verdict
from assay.protocol.training.records import PeerRecord
from assay.protocol.training.seal import PeerSeal
from assay.scoring.training.payment import OwedWindows, WindowFacts, pay
from assay.scoring.training.ranks import FULL
from assay.training.chain_records import WindowClosing, WindowPeers
from assay.training.messages import CopyFound
from assay.types import Ss58
from assay.validators.training.audits import AuditOutcome, PeerAudit

UNSURE_WINDOWS: Final = 4
"""After a start all trainers send the same large changes; copies are not told from them
(``assay.scoring.training.overlap``)."""


@dataclass(slots=True)
class WindowReview:
    """What is known of one window."""

    peers: WindowPeers
    opened: Mapping[int, PeerRecord]
    """What the chain shows opened in time."""
    seals: Mapping[int, PeerSeal]
    """Of those whose messages are held here."""
    wrong: Mapping[int, str]
    """Why what a peer has put there is nothing."""
    steps: int = 1
    """Of a whole window."""
    audits: dict[Ss58, PeerAudit] = field(default_factory=dict)
    pays_by_standing: bool = True
    """Whether standings take pay. Where peers are audited they only say whom to audit: a
    recomputation is right about single windows, and a standing about the last ones together."""
    closing: WindowClosing | None = None
    refused: Mapping[int, str] = field(default_factory=dict)
    """Why a counted message was left out by everybody."""
    copies: Mapping[int, CopyFound] = field(default_factory=dict)
    """By the uid of the later one."""
    stands: Mapping[Ss58, tuple[float, ...]] = field(default_factory=dict)
    is_measured: bool = False
    """Whether copies and worth are known, or never will be."""
    is_judged: bool = False
    waiting: set[Ss58] = field(default_factory=set)
    """Whoever was not paid because its audit was open when the window was judged."""

    @property
    def window(self) -> int:
        """The window's number."""
        return self.peers.window

    @property
    def is_decided(self) -> bool:
        """Whether nothing that may change the verdicts is under way."""
        outcomes = {audit.outcome for audit in self.audits.values()}
        return self.closing is not None and self.is_measured and AuditOutcome.OPEN not in outcomes

    def verdicts(self, owed: Mapping[Ss58, OwedWindows]) -> list[Verdict]:
        """Return a verdict on each peer of the window, where each owes what ``owed`` says; after a
        void window on those alone whose work was found wrong."""
        closing = self.closing
        assert closing is not None, "a window is judged once it is closed"
        found = []
        for uid, peer in sorted(self.peers.by_uid.items()):
            facts, reasons = self._facts(uid, peer.hotkey, owed[peer.hotkey], closing)
            if closing.is_void and not facts.convicted:
                continue
            worth = pay(facts)
            audit = self.audits.get(peer.hotkey)
            if audit is not None and audit.outcome is AuditOutcome.OPEN and not worth.value:
                self.waiting.add(peer.hotkey)
            found.append(
                Verdict(peer.hotkey, worth.value, reasons=reasons, forfeits=worth.forfeits)
            )
        return found

    def later_verdict(self, audit: PeerAudit, owed: OwedWindows) -> Verdict | None:
        """Return what follows from an ``audit`` that ended after the window was judged; None where
        nothing does."""
        reasons = (self._audit_reason(audit),)
        if audit.outcome is AuditOutcome.WRONG:
            return Verdict(audit.peer.hotkey, 0.0, reasons=reasons, forfeits=True)
        closing = self.closing
        counts = closing is not None and audit.peer.uid in closing.counted
        was_unpaid = audit.peer.hotkey in self.waiting
        if audit.outcome is AuditOutcome.RIGHT and counts and was_unpaid:
            value = self._part(audit.peer.uid) if owed.settled(self.window) else 0.0
            return Verdict(audit.peer.hotkey, value, reasons=reasons)
        return None

    def summary(self, verdicts: Sequence[Verdict]) -> str:
        """Return one line on the window and its ``verdicts``."""
        counted = len(self.closing.counted) if self.closing is not None else 0
        outcomes = [audit.outcome for audit in self.audits.values()]
        audits = ", ".join(
            f"{outcomes.count(each)} {each.value}" for each in AuditOutcome if each in outcomes
        )
        paid = sum(verdict.value > 0 for verdict in verdicts)
        return (
            f"Window {self.window}: {counted} of {len(self.peers.by_uid)} peers counted, {paid}"
            f" paid; audits: {audits or 'none'}"
        )

    def _facts(
        self, uid: int, hotkey: Ss58, owed: OwedWindows, closing: WindowClosing
    ) -> tuple[WindowFacts, Sequence[Reason]]:
        audit, copy = self.audits.get(hotkey), self.copies.get(uid)
        is_wrong = audit is not None and audit.outcome is AuditOutcome.WRONG
        is_unsure = audit is not None and (
            audit.outcome is AuditOutcome.AWAY
            # What only waits for this validator's machine is paid as if it were not audited.
            or (audit.outcome is AuditOutcome.OPEN and audit.tries > 0)
        )
        is_right = audit is not None and audit.outcome is AuditOutcome.RIGHT
        counted = uid in closing.counted and uid not in self.refused
        # What a recomputation has found right is no copy, whatever it looks like.
        copied = copy is not None and self.window >= UNSURE_WINDOWS and not is_right
        stands = self.stands.get(hotkey, ()) if self.pays_by_standing else ()
        facts = WindowFacts(
            counted=counted,
            settled=owed.settled(self.window) and not is_unsure,
            convicted=is_wrong,
            copied=copied,
            part=self._part(uid),
            stands=stands,
        )
        reasons = [self._counted_reason(uid, closing)]
        if audit is not None:
            reasons.append(self._audit_reason(audit))
        if not owed.settled(self.window):
            reasons.append(_owed_reason(owed))
        if copy is not None and copied:
            told = f"{copy.overlap:.0%} of its message is that of uid {copy.earlier}"
            reasons.append(Reason("copy", told))
        if stands and min(stands) < FULL:
            told = f"its messages do less than half as much as others' ({min(stands):.1f})"
            reasons.append(Reason("worth_little", told))
        return facts, reasons

    def _part(self, uid: int) -> float:
        """Which part of a whole window's steps the peer has taken, by its seal."""
        seal = self.seals.get(uid)
        return 1.0 if seal is None else min(1.0, seal.steps / self.steps)

    def _counted_reason(self, uid: int, closing: WindowClosing) -> Reason:
        if closing.is_void:
            return Reason("void", f"window {self.window} is void: no majority of validators")
        if uid in self.refused:
            return Reason("refused", self.refused[uid])
        if uid in closing.counted:
            told = f"window {self.window} counts its message"
            if (part := self._part(uid)) < 1.0:
                told += f", of {part:.0%} of the steps"
            return Reason("counted", told)
        if uid in self.wrong:
            return Reason("not_accepted", self.wrong[uid])
        if uid in self.opened:
            return Reason("not_held", "more than half of the validators do not hold its message")
        return Reason("not_in_time", f"no sealed and opened message in window {self.window}")

    def _audit_reason(self, audit: PeerAudit) -> Reason:
        told = audit.reason or "not done yet"
        return Reason(f"audit_{audit.outcome.value}", f"{audit.why}: {told}")


def _owed_reason(owed: OwedWindows) -> Reason:
    parts = []
    if owed.audits:
        parts.append(f"{owed.audits} audits that find it right")
    if owed.until:
        parts.append(f"paid from window {owed.until} on")
    return Reason("owes", f"owes {', '.join(parts)}")
