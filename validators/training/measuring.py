"""What messages do for the model, and which are copies: measured in a process of its own.

In come a closed window's messages, as files; out come each peer's standings and the copies. What is
measured is drawn by a seed that comes after the messages. Two measures are rated by ranks
(``assay.scoring.training.ranks``): by how much a message lowers the loss on data that nobody trains
on, and by how much more on its own peer's data than on another peer's.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assay.scoring.training.ranks import PeerRating, rated, standing
from assay.training.messages import CopyFound, OpenedFile, StateRef, Weighed
from assay.training.trainer import Trainer
from assay.types import Ss58

HELD: Final = "held"
OWN: Final = "own"
"""The two tables of ratings."""


@dataclass(frozen=True, slots=True)
class MeasuredPeer:
    """A counted peer, its opened ``message``, and the block at which it ``committed`` to it."""

    uid: int
    hotkey: Ss58
    place: int
    message: Path
    committed: int


@dataclass(frozen=True, slots=True)
class WindowMeasured:
    """What was found: copies by the uid of the later one, and ratings by table."""

    copies: Mapping[int, CopyFound]
    ratings: Mapping[str, Mapping[str, PeerRating]]

    def stands(self, hotkey: Ss58) -> tuple[float, ...]:
        """Return how ``hotkey`` stands, by each measure that has rated it."""
        tables = (self.ratings.get(table, {}) for table in (HELD, OWN))
        return tuple(standing(ratings, hotkey) for ratings in tables if hotkey in ratings)


async def measure(
    trainer: Trainer,
    state: StateRef,
    peers: Sequence[MeasuredPeer],
    ratings: Mapping[str, Mapping[str, PeerRating]],
    *,
    sequences: int,
    look_for_copies: bool,
    seed: int,
) -> WindowMeasured:
    """Return what the messages of ``peers`` are worth on so many ``sequences`` of each kind, and
    the copies among them. With 0 sequences worth is not measured. ``ratings`` are those before."""
    path = Path(state.path)
    rng = random.Random(seed)
    copies: dict[int, CopyFound] = {}
    key, data_seed = rng.getrandbits(63), rng.getrandbits(63)
    if look_for_copies and len(peers) > 1:
        first = sorted(peers, key=lambda each: (each.committed, each.uid))
        files = [OpenedFile(each.uid, str(each.message)) for each in first]
        copies = {each.later: each for each in await trainer.copies(path, files, key=key)}
    if not sequences or not peers:
        return WindowMeasured(copies, ratings)
    order = list(peers)
    rng.shuffle(order)
    asked = [
        # Each is compared on the data of the next one, in a circle that is drawn.
        Weighed(each.uid, str(each.message), each.place, order[(at + 1) % len(order)].place)
        for at, each in enumerate(order)
    ]
    hotkeys: dict[int, str] = {each.uid: each.hotkey for each in peers}
    found = await trainer.worth(path, asked, sequences=sequences, seed=data_seed)
    nothing = float("-inf")
    held = {hotkeys[w.uid]: nothing if w.refused else w.held for w in found}
    own = {hotkeys[w.uid]: nothing if w.refused else w.own - w.other for w in found}
    errors = {hotkeys[w.uid]: (w.held_error, w.own_error) for w in found}
    after = {HELD: rated(ratings.get(HELD, {}), held, {h: e for h, (e, _) in errors.items()})}
    if len(peers) > 1:
        after[OWN] = rated(ratings.get(OWN, {}), own, {h: e for h, (_, e) in errors.items()})
    return WindowMeasured(copies, {**ratings, **after})
