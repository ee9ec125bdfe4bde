"""From judged answers to standings, and from standings to weights. Pure.

Adds to ``assay.scoring.averages`` the question of whom a score belongs to. Standings are kept by
hotkey: a uid that changes hands starts from nothing, and a hotkey that left is forgotten. It reads
no clock, sends nothing and draws nothing at random.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from assay.chain.interface import Metagraph
from assay.neuron.checkpoint import Standing
from assay.neuron.rounds import Judged
from assay.scoring.averages import moving_average, proportional_weights
from assay.types import Ss58, Uid

ABSENT_REASON = "publishes no address"
REASONS_MAX = 8
REASON_CHARS_MAX = 200
"""Reasons are kept for people, and a checkpoint of 4,096 uids stays below its size limit."""


def update(
    standings: Mapping[Ss58, Standing],
    judged: Sequence[Judged],
    metagraph: Metagraph,
    *,
    alpha: float,
) -> dict[Ss58, Standing]:
    """The standings after one round, for hotkeys that are registered now, and for no others.

    Who was asked gets its score blended in. Who has a standing but could no longer be asked counts
    as a zero: silence must not preserve a good average. Who has never answered yet is noted and not
    counted: a miner that is still starting owes nothing, and is paid nothing either.
    """
    by_hotkey = {item.answer.target.hotkey: item for item in judged}
    hotkeys = [
        neuron.hotkey
        for neuron in metagraph.neurons
        if neuron.hotkey in by_hotkey or neuron.hotkey in standings
    ]
    uids = {neuron.hotkey: neuron.uid for neuron in metagraph.neurons}
    previous = np.array(
        [standings[h].average if h in standings else 0.0 for h in hotkeys], dtype=np.float64
    )
    seen = np.array([standings[h].rounds if h in standings else 0 for h in hotkeys], dtype=np.int64)
    scores = np.array(
        [by_hotkey[h].score.value if h in by_hotkey else 0.0 for h in hotkeys], dtype=np.float64
    )
    averages = moving_average(previous, scores, alpha, seen)
    updated = {}
    for hotkey, score, average in zip(hotkeys, scores, averages, strict=True):
        item = by_hotkey.get(hotkey)
        reasons = item.score.reasons if item else (ABSENT_REASON,)
        if item and item.answer.failure:
            reasons = (item.answer.failure, *reasons)
        before = standings.get(hotkey)
        rounds = before.rounds if before else 0
        begun = rounds > 0 or (item is not None and item.answer.reply is not None)
        updated[hotkey] = Standing(
            uid=uids[hotkey],
            average=float(average) if begun else 0.0,
            rounds=rounds + begun,
            score=float(score) if begun else 0.0,
            latency_s=item.answer.latency_s if item else 0.0,
            reasons=tuple(reason[:REASON_CHARS_MAX] for reason in reasons[:REASONS_MAX]),
        )
    return updated


def weights(standings: Mapping[Ss58, Standing], metagraph: Metagraph) -> dict[Uid, float]:
    """Relative weights by uid for those who hold their uid *now*; empty if nobody earned any."""
    held = [
        (neuron.uid, standings[neuron.hotkey].average)
        for neuron in metagraph.neurons
        if neuron.hotkey in standings
    ]
    if not held:
        return {}
    shares = proportional_weights(np.array([average for _, average in held], dtype=np.float64))
    return {uid: float(share) for (uid, _), share in zip(held, shares, strict=True) if share > 0.0}
