"""Who made a run's model: the lineage of a state, read from the chain window by window.

In come what the chain says of each window, and the state; out comes the ``Lineage`` that a
published model carries. Windows that the chain no longer knows cannot be told: how many they are is
returned beside the lineage, and whoever publishes says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from assay.chain.errors import UnknownBlock
from assay.training.chain_records import ChainRecords
from assay.training.lineage import Contributor, Lineage
from assay.training.messages import StateRef

VERSION: Final = 1


async def lineage_of(
    records: ChainRecords,
    run: bytes,
    name: str,
    state: StateRef,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Lineage, int]:
    """Return the lineage of ``state`` of the run ``name``, whose manifest has the root ``run``, and
    how many windows the chain no longer knows. ``told(done, total)`` counts windows."""
    closed = unknown = total = 0
    windows: dict[str, int] = {}
    weights: dict[str, int] = {}
    for window in range(state.window):
        told(window, state.window)
        try:
            closing = await records.closing(window)
        except UnknownBlock:
            unknown += 1
            continue
        closed += not closing.is_void
        for counted in closing.counted.values():
            hotkey = counted.peer.hotkey
            windows[hotkey] = windows.get(hotkey, 0) + 1
            weights[hotkey] = weights.get(hotkey, 0) + counted.weight
            total += counted.weight
    told(state.window, state.window)
    contributors = [
        Contributor(hotkey, count, weights[hotkey] / total if total else 0.0)
        for hotkey, count in sorted(windows.items())
    ]
    lineage = Lineage(
        version=VERSION,
        run=run.hex(),
        name=name,
        state=state.root.hex(),
        windows=state.window,
        closed=closed,
        contributors=contributors,
    )
    return lineage, unknown
