"""How long a window waits, and what a late message is still worth.

Times are whole blocks. A window's deadline follows how long the trainers of the window before took,
by the median and the median absolute deviation, which fewer than half of the trainers cannot move
beyond what the others took:

    deadline = median + max(spread x MAD, slack), within [shortest, longest]

A trainer that sent nothing counts as ``longest``. A late message is taken up in the next window
with a weight that falls evenly to nothing over the grace. Who was late, and what a weight is worth,
are not known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

WEIGHT_SUM: Final = 65_535
"""To which weights are scaled before steps divide them: what incentives on chain sum to, which an
aggregate takes. Scaled to less, a message of few steps would weigh as much as one of none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPace:
    """The bounds of a run's windows, in blocks; ValueError for bounds that leave no window."""

    shortest: int
    longest: int
    spread: int = 4
    """MADs beyond the median: of evenly spread times 2 would lose nobody, of normal ones 4 lose
    0.4 % of the trainers and 3 lose 2 %."""
    slack: int = 1
    """The least that is waited beyond the median: where all take equally long, MAD is zero, and a
    block more or less is chance."""
    grace: int = 0
    """Blocks after the deadline within which a message is still worth something."""

    def __post_init__(self) -> None:
        if not 0 < self.shortest <= self.longest or min(self.spread, self.slack, self.grace) < 0:
            raise ValueError("a window has a block, and no bound is negative")


def deadline_blocks(took: Sequence[int], missing: int, pace: WindowPace) -> int:
    """Return for how many blocks the next window waits, where the trainers of the last one ``took``
    so many blocks each, and ``missing`` more sent nothing; ``pace.longest`` after a window without
    trainers."""
    times = sorted([min(blocks, pace.longest) for blocks in took] + [pace.longest] * missing)
    if not times:
        return pace.longest
    middle = _upper_median(times)
    deviation = _upper_median(sorted(abs(blocks - middle) for blocks in times))
    waited = middle + max(pace.spread * deviation, pace.slack)
    return min(max(waited, pace.shortest), pace.longest)


def _upper_median(rising: Sequence[int]) -> int:
    return rising[len(rising) // 2]


def late_weight(weight: int, late: int, pace: WindowPace) -> int:
    """Return what is left of a whole ``weight`` of a message that came ``late`` blocks after the
    deadline; all of it where it was not late."""
    if late <= 0:
        return weight
    return weight * max(0, pace.grace + 1 - late) // (pace.grace + 1)


def weights_by_steps(
    weights: Mapping[int, int], steps: Mapping[int, int], whole: int
) -> dict[int, int]:
    """Return what messages weigh, by uid, whose senders have taken so many ``steps`` of the
    ``whole`` window: each its part of its positive whole weight in ``weights``. Where all have
    taken all steps, the messages weigh as much beside each other as before."""
    scale = max(1, WEIGHT_SUM // sum(weights.values())) if weights else 1
    return {
        uid: max(1, weight * scale * min(steps[uid], whole) // whole)
        for uid, weight in weights.items()
    }
