"""Who is audited: drawn so that others can draw it again, and compared before anything is
computed."""

from __future__ import annotations

import random
from hashlib import sha256

import pytest

from assay.neuron.seeds import follows, turn_rng, turn_seed
from assay.protocol.training.judging import PeerFound
from assay.protocol.training.seal import NOTHING, PeerSeal
from assay.types import Ss58
from assay.validators.training.audits import breaks_off, drawn

HOTKEYS = [Ss58(f"5Peer{n}") for n in range(40)]


def test_a_third_party_draws_the_same_from_what_the_chain_shows() -> None:
    """The validator's link is published with the epoch after; its block and its hash are on chain,
    and the turn's number is the block's."""
    link, block, block_hash = b"l" * 32, 1_234, b"h" * 32
    tip = sha256(link).digest()
    own = drawn(turn_rng(turn_seed(link, block_hash, block)), set(HOTKEYS), 0.3)
    assert follows(link, tip)
    theirs = drawn(turn_rng(turn_seed(link, block_hash, block)), list(reversed(HOTKEYS)), 0.3)
    assert own == theirs
    assert drawn(turn_rng(turn_seed(link, block_hash, block + 1)), HOTKEYS, 0.3) != own


@pytest.mark.parametrize("share", [0.0, 0.26, 1.0])
def test_each_peer_is_drawn_as_often_as_the_run_says(share: float) -> None:
    rng, count = random.Random(3), 0
    for _ in range(500):
        chosen = drawn(rng, HOTKEYS, share)
        assert len(chosen) == len(set(chosen))
        count += len(chosen)
    assert count / (500 * len(HOTKEYS)) == pytest.approx(share, abs=0.01)


def seal(before: bytes) -> PeerSeal:
    h = b"h" * 32
    return PeerSeal(h, 3, "5Hot", h, 0, 5, before, b"a" * 32, h, [], h, 100, h)


def test_what_is_carried_in_is_what_was_carried_out() -> None:
    last = b"l" * 32
    assert not breaks_off(seal(last), last)
    assert not breaks_off(seal(NOTHING), last)  # begins anew, as one does that lost its disk
    assert not breaks_off(seal(b"x" * 32), None)  # not known here
    assert breaks_off(seal(b"x" * 32), last)


def test_a_finding_names_a_peer() -> None:
    assert PeerFound(3, "5Hot") == PeerFound(uid=3, hotkey="5Hot")
