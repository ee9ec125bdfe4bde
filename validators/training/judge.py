"""A validator's judgement of a run, window by window, beside the neuron's loop.

In come the chain's moments and the validator's turns; out come the validator's record of each
window on chain, and verdicts. A window goes through here so:

    upload, reveal    seals and messages are mirrored (``mirror``)
    attest            the record of what is held is published; whom to audit is drawn by the first
                      turn after the keys are shown, so that nobody can know it before
    evaluate          the closed window is folded; worth and copies are measured (``measuring``)
    train, upload     of the next window: audits end (``audits``), and the verdicts are given

All that takes long runs in tasks and processes of its own. A part that fails leaves the window to
the other parts. What is paid, and what a conviction costs, is ``assay.scoring.training.payment``'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any, Final

from loguru import logger

from assay.chain.errors import UnknownBlock
from assay.chain.view import Moment
from assay.errors import UserError
from assay.neuron import Looked, TaskContext, Turn, Verdict
from assay.protocol.training.judging import FindingsTold, PeerFound, VerdictTold
from assay.protocol.training.records import STATE_BYTES, ValidatorRecord
from assay.protocol.training.schedule import PHASES, Phase, Place, Schedule
from assay.scoring.training.payment import after_conviction, after_lapse, after_right
from assay.scoring.training.ranks import FULL
from assay.training.follower import NotCaughtUp, windows_decided
from assay.training.run_parts import RunParts
from assay.training.trainer import Trainer
from assay.types import Ss58
from assay.validators.training.audits import (
    AuditMaterial,
    Auditor,
    AuditOutcome,
    PeerAudit,
    breaks_off,
    drawn,
)
from assay.validators.training.listening import OtherValidators
from assay.validators.training.measuring import HELD, OWN, MeasuredPeer, measure
from assay.validators.training.memory import JudgeMemory, WindowDraw
from assay.validators.training.mirror import FetchLanes, WindowMirror
from assay.validators.training.review import UNSURE_WINDOWS, WindowReview
from assay.validators.training.settings import TrainingValidatorSettings
from assay.workers import WorkerError

OPEN_WINDOWS: Final = 2
"""Audits of a window stay open until the second window after it attests: as long as its state and
what its peers carried are kept."""
LISTENS: Final = 8
"""How often in a window others are asked whom they found wrong: a finding should come while the
audit that follows it still fits, and each question is a signed request to each validator."""
VERDICTS_KEPT: Final = 4
"""Windows whose verdicts a peer may ask for."""
REASON_CHARS: Final = 200


class RunJudge:
    """Judges one run."""

    def __init__(
        self,
        context: TaskContext,
        parts: RunParts,
        helper: Trainer | None,
        settings: TrainingValidatorSettings,
        share: float,
    ) -> None:
        """``helper`` audits and measures; None where neither is wanted. ``share`` of all windows
        are audited."""
        self._context, self._parts, self._helper = context, parts, helper
        self._settings, self._share = settings, share
        self._schedule: Schedule = parts.run.manifest.schedule
        self._folder = parts.folder / "judging"
        self.memory = JudgeMemory(
            parts.folder / "judgements.msgpack", entrance=settings.entrance if share else 0
        )
        self._lanes = FetchLanes()
        self._mirrors: dict[int, WindowMirror] = {}
        self.reviews: dict[int, WindowReview] = {}
        self._attested: ValidatorRecord | None = None
        self._late: list[Verdict] = []
        self._told: dict[int, dict[Ss58, Verdict]] = {}
        self._tellers: dict[tuple[int, Ss58], list[Ss58]] = {}
        self._others = OtherValidators(context.peers)
        self._auditor: Auditor | None = None
        if helper is not None:
            self._auditor = Auditor(
                helper, parts.exchange, self._folder / "carried", context.clock, context.rng,
                context.peers,
            )  # fmt: skip
        self._is_dirty = False
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._reasons: dict[str, str] = {}
        self.block = -1
        """The newest block that was taken in."""

    # -- the chain moves on

    async def run(self) -> None:
        """Follow the chain until cancelled."""
        try:
            async with contextlib.aclosing(self._context.chain.blocks()) as moments:
                async for moment in moments:
                    await self.see(moment)
        finally:
            await self.close()

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._jobs.values():
            task.cancel()
        await asyncio.gather(*self._jobs.values(), return_exceptions=True)
        for mirror in self._mirrors.values():
            await mirror.close()
        if self._auditor is not None:
            await self._auditor.close()

    async def see(self, moment: Moment) -> None:
        """Take in a newer block, and begin what it asks for; nothing here takes long."""
        place = self._schedule.place(moment.at.number)
        self._begin("folding", self._advance(moment.at.number))
        if place.phase in PHASES:
            with contextlib.suppress(UnknownBlock):
                await self._mirror(place.window, moment)
                if place.phase is Phase.ATTEST:
                    await self._attest(place.window)
            every = max(1, self._schedule.window_blocks // LISTENS)
            listens = self._settings.listen and moment.at.number % every == 0
            if listens and self._auditor is not None:
                self._begin("listening", self._listen())
        await self._expire(place)
        if self._is_dirty:
            await self._save()
        self.block = moment.at.number

    @property
    def is_busy(self) -> bool:
        """Whether anything is under way, but for audits that wait for their peers."""
        audits = [audit for review in self.reviews.values() for audit in review.audits.values()]
        open_ = any(a.outcome is AuditOutcome.OPEN and not a.waits for a in audits)
        mirrors = any(mirror.is_busy for mirror in self._mirrors.values())
        return bool(self._jobs) or mirrors or open_

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work`` beside the blocks, unless work of this ``name`` is under way."""
        if name in self._jobs:
            work.close()
            return
        task = asyncio.create_task(self._bounded(name, work))
        self._jobs[name] = task
        task.add_done_callback(lambda _: self._jobs.pop(name, None))

    async def _bounded(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (UserError, WorkerError) as error:
            if self._reasons.get(name) != str(error):  # told once
                self._reasons[name] = str(error)
                logger.warning("While {}: {}", name, error)
        else:
            self._reasons.pop(name, None)

    async def _save(self) -> None:
        self._is_dirty = False
        await asyncio.to_thread(self.memory.save)

    # -- what is held

    async def _mirror(self, window: int, moment: Moment) -> None:
        mirror = await self._mirror_of(window)
        if mirror is not None:
            mirror.see(moment)

    async def _mirror_of(self, window: int) -> WindowMirror | None:
        """Return the copies of ``window``; None while its state is not held here."""
        state = self._parts.follower.state_of(window)
        if window not in self._mirrors and state is not None:
            peers = await self._parts.records.peers(window)
            self._mirrors[window] = WindowMirror(
                self._parts.exchange, peers, self._parts.follower.terms(state),
                self._folder / "opened" / str(window), self._context.clock, self._lanes,
            )  # fmt: skip
        return self._mirrors.get(window)

    async def _attest(self, window: int) -> None:
        """Publish what is held of ``window``; again whenever that changes."""
        mirror = self._mirrors.get(window)
        if mirror is None:
            return  # without the state nothing can be said
        held = mirror.held(await self._parts.records.opened(window))
        record = ValidatorRecord(window, mirror.terms.state[:STATE_BYTES], held)
        if record != self._attested:
            self._attested = record
            await self._context.publish(record.pack())

    # -- who is audited

    async def turn(self, turn: Turn) -> Sequence[Verdict] | Looked:
        """Draw whom to audit, and return the verdicts that are ready."""
        place = self._schedule.place(turn.moment.at.number)
        for window in range(max(0, place.window - OPEN_WINDOWS), place.window + 1):
            if window >= self._schedule.windows or window in self.reviews:
                continue
            if turn.moment.at.number > self._schedule.deadline(window, Phase.REVEAL):
                with contextlib.suppress(UnknownBlock):
                    await self._open_review(window, turn, place)
        verdicts, self._late = self._late, []
        for review in sorted(self.reviews.values(), key=lambda each: each.window):
            if not review.is_judged and self._is_due(review, place):
                verdicts += self._judge(review)
        if self._is_dirty:
            await self._save()
        return verdicts or Looked()

    async def _open_review(self, window: int, turn: Turn, place: Place) -> None:
        mirror = await self._mirror_of(window)
        before = self.memory.draw(window)
        if mirror is None or (before is None and place.window > window + 1):
            return
        opened = await self._parts.records.opened(window)
        mirror.take(opened, turn.moment.at.number)
        seals = mirror.seals(opened)
        wrong, steps = mirror.wrong(opened), mirror.terms.steps
        review = WindowReview(mirror.peers, opened, seals, wrong, steps)
        review.is_judged = self.memory.judged >= window
        review.pays_by_standing = not self._share
        hotkeys = {mirror.peers.by_uid[uid].hotkey for uid in opened}
        if before is None:
            chosen = drawn(turn.rng, hotkeys, self._share)
            seed = turn.rng.getrandbits(63)
            before = WindowDraw(window, turn.moment.at.number, tuple(chosen), seed)
            self.memory.set_draw(before)
            self._is_dirty = True
        self.reviews[window] = review
        for hotkey in before.drawn:
            self._audit(review, Ss58(hotkey), "audited by chance")
        for hotkey in sorted(hotkeys):
            owed = self.memory.owed(hotkey)
            if owed.audits and owed.until <= window:
                self._audit(review, hotkey, "audited as long as it owes")
        self._compare_carried(review)

    def _compare_carried(self, review: WindowReview) -> None:
        """Convict whoever says that it carried in something else than it carried out."""
        if self.memory.closed != review.window - 1:
            return  # what is remembered is what was carried out of another window
        for uid, seal in review.seals.items():
            peer = review.peers.by_uid[uid]
            if breaks_off(seal, self.memory.carried(peer.hotkey)):
                audit = PeerAudit(review.window, peer, "compared")
                reason = "it carried something else in than it carried out of its window before"
                audit.end(AuditOutcome.WRONG, reason)
                if self._auditor is not None and peer.hotkey in review.audits:
                    self._auditor.give_up(review.audits[peer.hotkey])
                review.audits[peer.hotkey] = audit
                self._ended(audit)

    def _audit(
        self, review: WindowReview, hotkey: Ss58, why: str, tellers: Sequence[Ss58] = ()
    ) -> None:
        """Begin an audit of ``hotkey``, if it was not begun and the peer has opened a message."""
        peer = review.peers.of(hotkey)
        if (
            self._auditor is None or peer is None
            or hotkey in review.audits or peer.uid not in review.opened or peer.uid in review.wrong
        ):  # fmt: skip
            return
        audit = PeerAudit(review.window, peer, why)
        review.audits[hotkey] = audit
        material = partial(self._material, review, peer.uid)
        self._auditor.begin(audit, material, [hotkey, *tellers], self._ended)

    def _material(self, review: WindowReview, uid: int) -> AuditMaterial | None:
        state = self._parts.follower.state_of(review.window)
        mirror = self._mirrors.get(review.window)
        held = None if mirror is None else mirror.of(uid, review.opened[uid])
        if state is None or held is None or held.seal is None or held.message is None:
            return None
        return AuditMaterial(state, held.seal, held.message)

    def _ended(self, audit: PeerAudit) -> None:
        """Take in what an audit came to."""
        hotkey, window = audit.peer.hotkey, audit.window
        owed = self.memory.owed(hotkey)
        if audit.outcome is AuditOutcome.RIGHT:
            self.memory.set_owed(hotkey, after_right(owed))
            self._others.was_false(self._tellers.pop((window, hotkey), []))
        elif audit.outcome is AuditOutcome.WRONG:
            sentence = self._settings.sentence
            self.memory.set_owed(hotkey, after_conviction(owed, window, sentence=sentence))
            logger.warning("uid {} is convicted: {}: {}", audit.peer.uid, audit.why, audit.reason)
        elif audit.outcome is AuditOutcome.AWAY:
            lapsed = after_lapse(
                owed, window + OPEN_WINDOWS, audits=self._settings.entrance,
                sentence=self._settings.sentence,
            )  # fmt: skip
            self.memory.set_owed(hotkey, lapsed)
            logger.warning("uid {} lapses: {}", audit.peer.uid, audit.reason)
        else:
            return
        self._is_dirty = True
        review = self.reviews.get(window)
        if review is not None and review.is_judged:
            later = review.later_verdict(audit, self.memory.owed(hotkey))
            if later is not None:
                self._late.append(later)
                self._told.setdefault(window, {})[hotkey] = later

    async def _expire(self, place: Place) -> None:
        """End what is open of windows that lie too far back."""
        for window in sorted({*self.reviews, *self._mirrors}):
            last = window + OPEN_WINDOWS
            if not _has_come(place, last, Phase.ATTEST):
                continue
            review = self.reviews.get(window)
            for audit in [] if review is None else list(review.audits.values()):
                if audit.outcome is AuditOutcome.OPEN:
                    self._give_up(audit)
            if _has_come(place, last + 1, Phase.TRAIN):
                self.reviews.pop(window, None)
                mirror = self._mirrors.pop(window, None)
                if mirror is not None:
                    await mirror.close()
                folder = self._folder / "opened" / str(window)
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
                self._told.pop(window - VERDICTS_KEPT, None)
                self._tellers = {at: who for at, who in self._tellers.items() if at[0] > window}

    def _give_up(self, audit: PeerAudit) -> None:
        if self._auditor is not None:
            self._auditor.give_up(audit)
        later = [
            mirror
            for window, mirror in self._mirrors.items()
            if window > audit.window and mirror.was_served_by(audit.peer.hotkey)
        ]
        if not audit.tries:
            audit.end(AuditOutcome.UNDECIDED, "this validator came to nothing")
        elif later:
            audit.end(AuditOutcome.WRONG, f"it goes on, and {audit.reason.removeprefix('it ')}")
        else:
            audit.end(AuditOutcome.AWAY, audit.reason)
        self._ended(audit)

    # -- what a window came to

    async def _advance(self, block: int) -> None:
        """Hold the newest state, and take in the windows that are closed."""
        try:
            held = await self._parts.follower.advance(block)
        except NotCaughtUp:
            if windows_decided(self._schedule, block) > 0:
                raise
            return
        first = max(self.memory.closed + 1, held.window - OPEN_WINDOWS)
        for window in range(first, held.window):
            try:
                await self._close(window)
            except UnknownBlock:
                continue

    async def _close(self, window: int) -> None:
        """Take in the end of ``window``."""
        closing = await self._parts.records.closing(window)
        mirror, review = self._mirrors.get(window), self.reviews.get(window)
        carried: dict[Ss58, bytes | None] = {}
        for uid, counted in closing.counted.items():
            held = None
            if mirror is not None:
                held = await mirror.complete(uid, counted)
            after = None if held is None or held.seal is None else held.seal.after
            carried[counted.peer.hotkey] = after
        self.memory.closed_with(window, carried)
        self._is_dirty = True
        if review is None:
            return
        review.closing = closing
        if mirror is not None:
            review.seals = mirror.seals(review.opened)  # with those that came late
        folded = self._parts.follower.folded(window)
        review.refused = {} if folded is None else folded.refused
        self._begin(f"measuring window {window}", self._measure(review))

    async def _measure(self, review: WindowReview) -> None:
        try:
            await self._measured(review)
        finally:
            review.is_measured = True

    async def _measured(self, review: WindowReview) -> None:
        state = self._parts.follower.state_of(review.window)
        draw, mirror = self.memory.draw(review.window), self._mirrors.get(review.window)
        if self._helper is None or state is None or draw is None or mirror is None:
            return
        committed = await self._commitments(review.window)
        closing = review.closing
        assert closing is not None, "a window is measured once it is closed"
        peers = []
        for uid in sorted(closing.counted):
            held = mirror.of(uid, review.opened[uid])
            if held is not None and held.message is not None and uid not in review.refused:
                peer = held.peer
                at = committed.get(peer.hotkey, 0)
                peers.append(MeasuredPeer(uid, peer.hotkey, peer.place, held.message, at))
        found = await measure(
            self._helper, state, peers,
            {table: self.memory.ratings(table) for table in (HELD, OWN)},
            sequences=self._settings.worth_sequences, look_for_copies=self._settings.copies,
            seed=draw.seed,
        )  # fmt: skip
        review.copies = found.copies
        review.stands = {each.hotkey: found.stands(each.hotkey) for each in peers}
        for table, ratings in found.ratings.items():
            self.memory.set_ratings(table, ratings)
        self._is_dirty = True
        if self._share and review.window >= UNSURE_WINDOWS:
            for uid in found.copies:
                self._audit(review, review.peers.by_uid[uid].hotkey, "audited as a copy")
            for hotkey, stands in review.stands.items():
                if stands and min(stands) < FULL:
                    self._audit(review, hotkey, "audited as one whose messages do little")

    async def _commitments(self, window: int) -> dict[Ss58, int]:
        deadline = self._schedule.deadline(window, Phase.UPLOAD)
        moment = await self._context.chain.moment_at(deadline)
        return {hotkey: each.block for hotkey, each in moment.commitments.items()}

    def _is_due(self, review: WindowReview, place: Place) -> bool:
        """Whether the window is judged now: all is known, or the next window's seals are due."""
        if review.closing is None:
            return False
        return review.is_decided or _has_come(place, review.window + 1, Phase.UPLOAD)

    def _judge(self, review: WindowReview) -> list[Verdict]:
        review.is_judged = True
        owed = {p.hotkey: self.memory.owed(p.hotkey) for p in review.peers.by_uid.values()}
        verdicts = review.verdicts(owed)
        self.memory.judged = max(self.memory.judged, review.window)
        self._is_dirty = True
        self._told[review.window] = {verdict.hotkey: verdict for verdict in verdicts}
        logger.info("{}", review.summary(verdicts))
        return verdicts

    # -- what others ask, and are asked

    def findings(self, window: int) -> FindingsTold:
        """Return whose work of ``window`` was found wrong here."""
        review = self.reviews.get(window)
        wrong = [
            PeerFound(audit.peer.uid, audit.peer.hotkey)
            for audit in ({} if review is None else review.audits).values()
            if audit.outcome is AuditOutcome.WRONG
        ]
        return FindingsTold(wrong=tuple(wrong))

    def verdict(self, window: int, hotkey: Ss58) -> VerdictTold:
        """Return what the window of ``hotkey`` was found worth."""
        verdict = self._told.get(window, {}).get(hotkey)
        if verdict is None:
            return VerdictTold(value=None)
        texts = [r if isinstance(r, str) else r.text for r in verdict.reasons]
        cut = tuple(text[:REASON_CHARS] for text in texts[:8])
        return VerdictTold(value=verdict.value, reasons=cut)

    async def _listen(self) -> None:
        """Audit whom another validator has found wrong."""
        for review in list(self.reviews.values()):
            if set(review.audits) >= {review.peers.by_uid[uid].hotkey for uid in review.opened}:
                continue
            for hotkey, tellers in (await self._others.convicted(review.window)).items():
                if hotkey not in review.audits:
                    self._audit(review, hotkey, "another validator found it wrong", tellers)
                    if hotkey in review.audits:
                        self._tellers[review.window, hotkey] = tellers


def _has_come(place: Place, window: int, phase: Phase) -> bool:
    """Return whether ``phase`` of ``window`` has begun at ``place``; after the run's end all
    have."""
    if place.phase not in PHASES:
        return place.phase is Phase.DONE
    return (place.window, PHASES.index(place.phase)) >= (window, PHASES.index(phase))
