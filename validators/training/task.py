"""The training validator: mirrors, attests, audits and pays the miners of one run.

It serves what it mirrors, tells other validators whom it convicted, and a miner what its window was
found worth. How a run is opened, or fetched by its root, and what is told of it, is
``training.run_task``'s; the judging itself is ``judge``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from loguru import logger

from assay.errors import UserError
from assay.neuron import (
    Caller,
    Looked,
    Method,
    Pace,
    Role,
    TaskContext,
    Turn,
    ValidatorTask,
    Verdict,
)
from assay.protocol.training.asking import NAME
from assay.protocol.training.judging import (
    FINDINGS,
    VERDICT,
    FindingsTold,
    VerdictTold,
    WhichFindings,
    WhichVerdict,
)
from assay.training.run_folder import RunFolder
from assay.training.run_parts import RunParts
from assay.training.run_task import RunTask
from assay.training.trainer import Trainer
from assay.validators.training.judge import RunJudge
from assay.validators.training.settings import TrainingValidatorSettings
from assay.validators.training.terms import odds_of, told_cost, told_odds
from assay.wire.interface import Membership

HELPER: Final = "auditor"
"""The process that audits and measures, beside the one that folds: a fold should not wait for an
audit, which takes as long as a window's training."""


class TrainingValidator(RunTask, ValidatorTask):
    """Judges the miners of one run."""

    name = NAME
    settings = TrainingValidatorSettings
    pace = Pace.blocks(1)

    def __init__(self) -> None:
        super().__init__()
        self.judge: RunJudge | None = None
        """What judges, once the run is open."""

    async def run(self) -> None:
        """Judge beside the turns until cancelled."""
        await self.opened()
        assert self.judge is not None, "a run is open by now"
        await self.judge.run()

    async def turn(self, turn: Turn) -> Sequence[Verdict] | Looked:
        return Looked() if self.judge is None else await self.judge.turn(turn)

    def methods(self) -> Sequence[Method[Any, Any]]:
        return (
            *super().methods(),
            Method(FINDINGS, WhichFindings, FindingsTold, self.findings, admits=Membership.PERMIT),
            Method(VERDICT, WhichVerdict, VerdictTold, self.verdict),
        )

    async def findings(self, request: WhichFindings, caller: Caller) -> FindingsTold:
        """Tell another validator whom this one has convicted."""
        return FindingsTold(wrong=()) if self.judge is None else self.judge.findings(request.window)

    async def verdict(self, request: WhichVerdict, caller: Caller) -> VerdictTold:
        """Tell the caller what its own window was found worth, and why."""
        if self.judge is None:
            return VerdictTold(value=None)
        return self.judge.verdict(request.window, caller.address)

    async def open_run(self, context: TaskContext, run: RunFolder) -> RunParts:
        settings = context.settings
        assert isinstance(settings, TrainingValidatorSettings)
        manifest = run.manifest
        share = manifest.audit.share if settings.audit_share is None else settings.audit_share
        parts = await RunParts.open(
            context, run, niceness=settings.niceness, bucket=settings.bucket
        )
        difference = parts.trainer.facts.machine.difference(manifest.machine)
        if share and difference is not None and not manifest.audit.distance:
            raise UserError(
                f"{difference} This run allows none: audits here would find every miner wrong.",
                "Validate on a machine of the run's profile, or with --audit-share 0.",
            )
        _tell_terms(context, settings, share, parts)
        helper = None
        if share or settings.worth_sequences or settings.copies:
            helper = parts.trainer
            if settings.auditor:
                helper = await Trainer.start(
                    context.workers, run, name=HELPER, niceness=settings.niceness
                )
        self.judge = RunJudge(context, parts, helper, settings, share)
        return parts


def _tell_terms(
    context: TaskContext, settings: TrainingValidatorSettings, share: float, parts: RunParts
) -> None:
    """Tell the operator whether honesty pays here, and what audits cost."""
    others = len(context.peers.of_role(Role.VALIDATOR)) if settings.listen else 0
    validators = others + 1
    odds = odds_of(share, validators, settings.sentence)
    for sentence in told_odds(share, validators, odds):
        (logger.info if odds.is_enough else logger.warning)("{}", sentence)
    logger.info("{}", told_cost(share, parts.trainer.facts, parts.run.manifest))
