"""The validator's own life: what it draws and when, what others say, and what a restart keeps."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from assay.errors import UserError
from assay.protocol.training.judging import FindingsTold, PeerFound
from assay.protocol.training.schedule import Phase
from assay.scoring.training.payment import OwedWindows
from assay.training.profile import this_machine
from assay.types import Ss58
from assay.validators.training.audits import AuditOutcome
from tests.unit.validators.training.judged import judged_net, told

QUIET = {"worth_sequences": 0, "copies": False}


async def test_whom_to_audit_is_drawn_when_the_keys_are_shown_and_not_before(
    tmp_path: Path,
) -> None:
    async with judged_net(tmp_path, 2, validators=1, settings=QUIET) as judged:
        (judge,) = judged.judges
        last = judged.net.schedule.deadline(0, Phase.REVEAL)
        await judged.to_block(last)
        assert judge.task.now.memory.draw(0) is None
        assert not judge.task.now.reviews
        assert judge.task.now.findings(0) == FindingsTold(wrong=())
        await judged.to_phase(1, Phase.TRAIN)
        draw = judge.task.now.memory.draw(0)
        assert draw is not None
        assert draw.block > last


async def test_a_restart_draws_nobody_again_and_forgives_no_conviction(tmp_path: Path) -> None:
    settings = {**QUIET, "audit_share": 1.0}
    async with judged_net(tmp_path, 2, validators=1, settings=settings) as judged:
        await judged.net.add(7, cheat="skip-50")
        (judge,) = judged.judges
        await judged.to_phase(2, Phase.EVALUATE)
        cheat = judged.net.seats[-1].hotkey.address
        before = judge.task.now.memory
        assert before.owed(cheat).until > 20
        await judged.stop(judge)
        await judged.start(judge)
        after = judge.task.now.memory
        assert after.draw(1) == before.draw(1)
        assert after.owed(cheat) == before.owed(cheat)
        await judged.to_phase(4, Phase.UPLOAD)
        assert not any(verdict.value for verdict in judge.of(judged.net.seats[-1].hotkey))
        honest = judge.of(judged.net.seats[0].hotkey)
        assert honest
        assert not any(verdict.forfeits for verdict in honest)
        assert honest[-1].value == 1.0


@pytest.mark.slow
async def test_what_one_validator_finds_the_other_audits_itself(tmp_path: Path) -> None:
    """The second draws nobody; once the cheat has passed its entrance there is only the tip."""
    async with judged_net(tmp_path, 2, settings=QUIET) as judged:
        first, second = judged.judges
        await judged.to_phase(2, Phase.TRAIN)
        known = second.task.now
        known._share = 1e-9  # it listens, and draws nobody
        await judged.net.add(7, cheat="skip-10")
        newest = judged.net.seats[-1].hotkey.address
        known.memory.set_owed(newest, OwedWindows())
        await judged.to_phase(5, Phase.UPLOAD)
        wrong = [
            audit
            for review in known.reviews.values()
            for audit in review.audits.values()
            if audit.outcome is AuditOutcome.WRONG
        ]
        assert {audit.peer.hotkey for audit in wrong} == {newest}
        assert any("another validator" in audit.why for audit in wrong)
        assert "audit_wrong" in told(first.of(judged.net.seats[-1].hotkey))


@pytest.mark.slow
async def test_a_false_tip_costs_an_audit_and_its_teller_the_ear(tmp_path: Path) -> None:
    async with judged_net(tmp_path, 2, settings=QUIET) as judged:
        first, second = judged.judges
        liar = second.task.now
        await judged.to_phase(1, Phase.TRAIN)
        honest = judged.net.seats[0].hotkey.address

        def lies(window: int) -> FindingsTold:
            return FindingsTold(wrong=(PeerFound(2, honest), PeerFound(9, "5Nobody")))

        liar.findings = lies  # type: ignore[method-assign]
        await judged.to_phase(6, Phase.UPLOAD)
        verdicts = first.of(judged.net.seats[0].hotkey)
        assert [verdict.value for verdict in verdicts] == [1.0] * len(verdicts)
        tips = [
            audit
            for review in first.task.now.reviews.values()
            for audit in review.audits.values()
            if "another validator" in audit.why
        ]
        assert all(audit.outcome is AuditOutcome.RIGHT for audit in tips)


async def test_each_part_works_without_the_others(tmp_path: Path) -> None:
    settings = {"audit_share": 0.0, "worth_sequences": 8}
    async with judged_net(tmp_path, 3, validators=1, settings=settings) as judged:
        (judge,) = judged.judges
        await judged.to_phase(3, Phase.UPLOAD)
        for seat in judged.net.seats:
            values = [verdict.value for verdict in judge.of(seat.hotkey)]
            assert values == [1.0] * len(values)
            assert values
        assert set(judge.task.now.memory.ratings("held")) >= {
            seat.hotkey.address for seat in judged.net.seats
        }
        assert not {"audit_right", "audit_wrong"} & set(told(judge.task.verdicts))
        hotkey = Ss58(judged.net.seats[0].hotkey.address)
        answer = judge.task.now.verdict(1, hotkey)
        assert answer.value == 1.0
        assert answer.reasons == ("window 1 counts its message",)


async def test_on_another_machine_than_the_run_s_nobody_is_audited_exactly(tmp_path: Path) -> None:
    other = msgspec.structs.replace(this_machine(), torch="0.0.1")
    with pytest.raises(UserError, match="would find every miner wrong"):
        async with judged_net(tmp_path, 1, validators=1, machine=other):
            pass
