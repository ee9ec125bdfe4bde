"""No limit contradicts another: what one promises, no other takes back."""

from __future__ import annotations

import dataclasses

import pytest

from assay.wire.errors import DETAIL_CHARS_MAX
from assay.wire.limits import DEFAULT
from assay.wire.replay import MemoryCeiling, ReplayGuard
from assay.wire.stream import UNSEALED_BYTES_MAX
from assay.wire.stream_client import IDLE_S

L = DEFAULT
SECOND = 1_000_000_000
NOW = 1_800_000_000 * SECOND

AT_MOST = {
    "a body that is allowed fits into what all may hold": (L.request_bytes_max, L.bodies_bytes_max),
    "so does a reply": (L.reply_bytes_max, L.replies_bytes_max),
    "a frame fits under one signature": (L.frame_bytes_max, UNSEALED_BYTES_MAX),
    "a frame is no larger than a reply": (L.frame_bytes_max, L.reply_bytes_max),
    "a head has room for a refusal's sentence": (DETAIL_CHARS_MAX, L.head_bytes_max),
    "a dendrite gives a connection up before an axon does": (L.reuse_s_max + 1, L.idle_s_max),
    "a body may take its time within the longest budget": (L.body_s_max, L.handler_s_max),
    "who waits for a place has time left to run": (L.wait_s_max, L.handler_s_max),
    "a silent stream ends before its budget": (L.stream_idle_s_max, L.stream_s_max),
    "a caller waits less long than an axon for silence": (IDLE_S, L.stream_idle_s_max),
    "draining ends before a supervisor kills": (L.drain_s_max, 15.0 - 1.0),
    "one source does not fill an axon": (L.connections_per_source_max * 4, L.connections_max),
    "a stranger's share is smaller": (
        L.connections_per_stranger_max * 4,
        L.connections_per_source_max,
    ),
    "one hotkey takes half of the places": (L.per_caller_max * 2, L.running_max),
    "one without a permit a quarter of their half": (L.per_other_max * 8, L.running_max),
    "one peer does not fill a dendrite": (L.pool_per_peer_max * 4, L.pool_max),
    "a source's burst fits into what all strangers have": (L.source_burst, L.strangers_burst),
    "a hotkey's rate is within its source's": (L.caller_rate, L.source_rate),
    "strangers get less than the proven": (L.strangers_rate, L.proven_rate),
    "every nonce of the fastest hotkey is remembered": (
        L.caller_rate * (L.max_age_s + L.skew_s + L.body_s_max),
        L.nonces_max,
    ),
    "a crash costs no more than the age of a request": (L.reserve_s + L.skew_s, L.max_age_s),
}


@pytest.mark.parametrize("why", AT_MOST)
def test_no_limit_contradicts_another(why: str) -> None:
    lower, upper = AT_MOST[why]
    assert lower <= upper, why


def test_all_are_numbers_above_nothing() -> None:
    assert all(value > 0 for value in dataclasses.asdict(DEFAULT).values())


def test_whatever_head_and_body_may_take_is_accepted() -> None:
    """The oldest head that is let in, and the slowest body behind it, with others in between."""
    guard = ReplayGuard(MemoryCeiling(), now_ns=NOW - SECOND)
    arrived = NOW + int(L.max_age_s * SECOND)
    guard.check(b"k", NOW, arrived)
    whole = arrived + int(L.body_s_max * SECOND)
    for second in range(1, int(L.max_age_s + L.body_s_max) + 1):
        quick = NOW + second * SECOND
        guard.accept(b"q", quick, quick)
    guard.accept(b"k", NOW, whole, arrived_ns=arrived)
