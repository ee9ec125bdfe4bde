"""Notices a task that pays nobody: every honest miner without a score, epoch after epoch.

Adds to successive views of a run a count of whole epochs in which validators asked all honest
miners and none did any good, so that whoever waits for a first reward is told the reason and the
log instead of waiting for it in vain. A miner that publishes no address yet has not failed.
It reads nothing and ends nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from subnet.cli.output import printable
from subnet.cli.up.plan import HONEST, SLOW, Plan, Role
from subnet.cli.up.watch import Row, View
from subnet.errors import UserError
from subnet.neuron.standings import ABSENT_REASON

FAILING_EPOCHS: Final = 3
"""A miner that has just come up may miss an answer or two; not all of dozens."""


@dataclass
class Failing:
    """``see`` every view; UserError once nothing is to be hoped for."""

    plan: Plan
    _since: int | None = None

    def see(self, view: View) -> None:
        honest = [
            row for row in view.rows if row.role is Role.MINER and row.behaviour in (HONEST, SLOW)
        ]
        if not all(_fails(row) for row in honest):
            self._since = None
            return
        if self._since is None:
            self._since = view.epoch
        # The epoch in which it began was not a whole one.
        if view.epoch - self._since > FAILING_EPOCHS:
            first = honest[0]
            raise UserError(
                f"No honest miner got a score for {FAILING_EPOCHS} epochs; of {first.name} the"
                f" validators say: {printable('; '.join(first.reasons)).rstrip('.')}.",
                f"Its log, {self.plan.log(first.name).absolute()}, may say why.",
            )


def _fails(row: Row) -> bool:
    return row.score == 0.0 and bool(row.reasons) and ABSENT_REASON not in row.reasons
