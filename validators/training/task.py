"""The training validator: mirrors, attests, audits and pays the miners of one run.

With a run's folder everything is opened before anything is paid; with a run's root the files come
from the run's miners once this validator is registered. It serves what it mirrors, tells other
validators whom it convicted, and a miner what its window was found worth. The judging itself is
``judge``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
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
from assay.objects import parse_root
from assay.protocol.training.asking import (
    NAME,
    SOURCE,
    STATE,
    RunFiles,
    StateHeld,
    WhichFiles,
    WhichState,
)
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
from assay.training.source import fetch_run
from assay.training.trainer import Trainer
from assay.validators.training.judge import RunJudge
from assay.validators.training.settings import TrainingValidatorSettings
from assay.validators.training.terms import odds_of, told_cost, told_odds
from assay.wire.interface import Membership

OBJECTS_BYTES_MAX: Final = 2**38
"""As of a miner: three windows' states, messages, and what audited peers carried."""
HELPER: Final = "auditor"
"""The process that audits and measures, beside the one that folds: a fold must not wait for an
audit, which takes as long as a window's training."""


class TrainingValidator(ValidatorTask):
    """Judges the miners of one run."""

    name = NAME
    settings = TrainingValidatorSettings
    pace = Pace.blocks(1)
    objects_bytes_max = OBJECTS_BYTES_MAX

    def __init__(self) -> None:
        self._context: TaskContext | None = None
        self._parts: RunParts | None = None
        self.judge: RunJudge | None = None
        """What judges, once the run is open."""

    async def start(self, context: TaskContext) -> None:
        assert isinstance(context.settings, TrainingValidatorSettings)
        self._context = context
        if _wanted_root(context.settings.run) is None:
            await self._open(await asyncio.to_thread(_open_folder, context.settings.run))

    async def run(self) -> None:
        """Judge beside the turns until cancelled."""
        context = self._context
        assert context is not None, "run comes after start"
        assert isinstance(context.settings, TrainingValidatorSettings)
        root = _wanted_root(context.settings.run)
        if self.judge is None and root is not None:
            into = context.state_dir / "runs" / root.hex()
            logger.info("Fetching the run {} from its miners", root.hex())
            await self._open(
                await fetch_run(root, context.objects, context.peers, into, context.rng)
            )
        assert self.judge is not None, "a run is open by now"
        await self.judge.run()

    async def turn(self, turn: Turn) -> Sequence[Verdict] | Looked:
        return Looked() if self.judge is None else await self.judge.turn(turn)

    def methods(self) -> Sequence[Method[Any, Any]]:
        return (
            Method(STATE, WhichState, StateHeld, self.which_state),
            Method(SOURCE, WhichFiles, RunFiles, self.which_files),
            Method(FINDINGS, WhichFindings, FindingsTold, self.findings, admits=Membership.PERMIT),
            Method(VERDICT, WhichVerdict, VerdictTold, self.verdict),
        )

    async def which_state(self, request: WhichState, caller: Caller) -> StateHeld:
        """Say which object holds a state; none until the run is here."""
        parts = self._parts
        return StateHeld(root=None) if parts is None else await parts.follower.which(request)

    async def which_files(self, request: WhichFiles, caller: Caller) -> RunFiles:
        """Say which objects hold the run's files; none until the run is here."""
        parts = self._parts
        return RunFiles(files=()) if parts is None else await parts.source.which(request)

    async def findings(self, request: WhichFindings, caller: Caller) -> FindingsTold:
        """Tell another validator whom this one has convicted."""
        return FindingsTold(wrong=()) if self.judge is None else self.judge.findings(request.window)

    async def verdict(self, request: WhichVerdict, caller: Caller) -> VerdictTold:
        """Tell the caller what its own window was found worth, and why."""
        if self.judge is None:
            return VerdictTold(value=None)
        return self.judge.verdict(request.window, caller.address)

    async def _open(self, run: RunFolder) -> None:
        context = self._context
        assert context is not None and isinstance(context.settings, TrainingValidatorSettings)
        settings = context.settings
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
            helper = await Trainer.start(
                context.workers, run, name=HELPER, niceness=settings.niceness
            )
        self._parts = parts
        self.judge = RunJudge(context, parts, helper, settings, share)
        logger.info("Judging the run {}, which is {}", manifest.name, run.root.hex())


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


def _open_folder(path: str) -> RunFolder:
    return RunFolder.open(Path(path).expanduser())


def _wanted_root(run: str) -> bytes | None:
    """Return the root that ``run`` is written as, or None for a folder's path."""
    try:
        return parse_root(run)
    except ValueError:
        return None
