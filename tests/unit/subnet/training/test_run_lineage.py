"""Who made a state, as the chain says: windows and shares add up, and what is gone is counted."""

from __future__ import annotations

from assay.chain.errors import UnknownBlock
from assay.protocol.training.records import PeerRecord
from assay.training.chain_records import (
    ChainRecords,
    CountedPeer,
    WindowClosing,
    WindowPeer,
    WindowPeers,
)
from assay.training.messages import StateRef
from assay.training.run_lineage import lineage_of
from assay.types import Ss58
from tests.unit.subnet.training.moments import Past
from tests.unit.subnet.training.test_chain_records import SCHEDULE

FIRST = StateRef("unread", b"f" * 32, 0, 0)
STATE = StateRef("unread", b"s" * 32, 4, 96)


class Told(ChainRecords):
    """What a chain says of windows, by their numbers: weights by hotkey, or None where it no longer
    knows."""

    def __init__(self, windows: dict[int, dict[str, int] | None]) -> None:
        super().__init__(Past({}), SCHEDULE)
        self._windows = windows

    async def closing(self, window: int) -> WindowClosing:
        weights = self._windows[window]
        if weights is None:
            raise UnknownBlock.of(window, 10**6)
        peers = {
            uid: WindowPeer(uid, Ss58(hotkey), uid, 0) for uid, hotkey in enumerate(sorted(weights))
        }
        counted = {
            uid: CountedPeer(
                peer, PeerRecord(window, b"s" * 16, b"x" * 32), b"k" * 32, weights[peer.hotkey], ()
            )
            for uid, peer in peers.items()
        }
        return WindowClosing(
            window, b"s" * 16, WindowPeers(window, peers), counted, {}, frozenset()
        )


async def test_shares_are_of_all_weights_and_void_windows_have_none() -> None:
    records = Told({0: {"a": 1, "b": 3}, 1: {}, 2: {"b": 4}, 3: {"c": 0, "a": 2}})
    seen: list[tuple[int, int]] = []
    lineage, unknown = await lineage_of(
        records, b"r" * 32, "small", STATE, lambda done, total: seen.append((done, total))
    )
    assert unknown == 0
    assert (lineage.windows, lineage.closed) == (4, 3)
    assert {each.hotkey: (each.windows, each.share) for each in lineage.contributors} == {
        "a": (2, 0.3),
        "b": (2, 0.7),
        "c": (1, 0.0),
    }
    assert (lineage.run, lineage.state) == ((b"r" * 32).hex(), STATE.root.hex())
    assert seen[-1] == (4, 4)


async def test_windows_that_the_chain_no_longer_knows_are_counted() -> None:
    records = Told({0: None, 1: None, 2: {"b": 4}, 3: {"b": 0}})
    lineage, unknown = await lineage_of(records, b"r" * 32, "small", STATE)
    assert unknown == 2
    assert lineage.closed == 2
    assert [each.hotkey for each in lineage.contributors] == ["b"]
    none, unknown = await lineage_of(records, b"r" * 32, "small", FIRST)
    assert none.contributors == []
    assert unknown == 0
