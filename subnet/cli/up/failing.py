"""Notices a task that pays nobody: every honest miner without a score, look after look.

Adds to successive views of a run a memory of how long no honest miner did any good. After a few
looks whoever is there is told why and where more stands; and whoever waits for a first reward is
told after some whole epochs that the wait is in vain. A miner that publishes no address yet has not
failed. It reads nothing, prints nothing and ends nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assay.cli.output import printable
from assay.cli.up.plan import HONEST, SLOW, Plan, Role
from assay.cli.up.watch import Row, View
from assay.errors import UserError
from assay.neuron.opinions import ABSENT

FAILING_EPOCHS: Final = 3
"""A miner that has just come up may miss an answer or two; not all of dozens."""
TOLD_LOOKS: Final = 4
"""Two seconds and as many rounds: no miner that has just come up misses all of them."""


@dataclass
class Failing:
    """``see`` every view; ``check`` where a first reward is waited for."""

    plan: Plan
    _looks: int = 0
    _since: int | None = None
    _epoch: int = 0
    _why: str = ""
    _log: Path | None = None

    def see(self, view: View) -> str | None:
        """What to tell of it, the first time that it has lasted; None otherwise."""
        honest = [
            row for row in view.rows if row.role is Role.MINER and row.behaviour in (HONEST, SLOW)
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
        """UserError once nothing is to be hoped for."""
        # The epoch in which it began was not a whole one.
        if self._since is not None and self._epoch - self._since > FAILING_EPOCHS:
            raise UserError(
                f"No honest miner got a score for {FAILING_EPOCHS} epochs; {self._why}",
                f"Its log, {self._log}, may say why.",
            )


def _fails(row: Row) -> bool:
    return row.score == 0.0 and bool(row.reasons) and ABSENT.code not in row.codes
