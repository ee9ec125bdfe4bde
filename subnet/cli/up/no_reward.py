"""Notices that no honest miner of a run earns anything, and says why.

``NoReward.see`` is shown every view of the run. It returns a sentence once, after a few views in
which no honest miner had a score. ``check`` raises after some whole epochs of that, for whoever
waits for a first reward. A miner that has not published an address yet has not failed.

This module reads nothing, prints nothing and ends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assay.cli.up.plan import HONEST, SLOW, MemberRole, Plan
from assay.cli.up.watch import Row, View
from assay.errors import UserError
from assay.neuron.opinions import ABSENT
from assay.text import printable

FAILING_EPOCHS: Final = 3
"""A miner that has just come up may miss an answer or two; it does not miss dozens."""
TOLD_LOOKS: Final = 4
"""Two seconds, and about as many rounds: a miner that has just come up does not miss them all."""


@dataclass
class NoReward:
    """For how long no honest miner of ``plan`` has had a score."""

    plan: Plan
    _looks: int = 0
    _since: int | None = None
    _epoch: int = 0
    _why: str = ""
    _log: Path | None = None

    def see(self, view: View) -> str | None:
        """Look at the run in ``view``. The sentence to tell, once, when no honest miner has had a
        score for ``TOLD_LOOKS`` views; None otherwise."""
        honest = [
            row
            for row in view.rows
            if row.role is MemberRole.MINER and row.behaviour in (HONEST, SLOW)
        ]
        if not all(_fails(row) for row in honest):
            self._looks, self._since = 0, None
            return None
        first = honest[0]
        self._looks += 1
        self._since = view.epoch if self._since is None else self._since
        self._epoch = view.epoch
        said = printable("; ".join(first.reasons)).rstrip(".")
        self._why = f"of {first.name} the validators say: {said}."
        self._log = self.plan.log(first.name).absolute()
        if self._looks != TOLD_LOOKS:
            return None
        return f"No honest miner has a score yet; {self._why} Its log is {self._log}"

    def check(self) -> None:
        """UserError after ``FAILING_EPOCHS`` whole epochs in which no honest miner had a score."""
        # The epoch in which it began was not a whole one.
        if self._since is not None and self._epoch - self._since > FAILING_EPOCHS:
            raise UserError(
                f"No honest miner got a score for {FAILING_EPOCHS} epochs; {self._why}",
                f"Its log, {self._log}, may say why.",
            )


def _fails(row: Row) -> bool:
    """Whether the miner was asked and judged, and got nothing."""
    return row.score == 0.0 and bool(row.reasons) and ABSENT.code not in row.codes
