"""What an axon and a dendrite count, by outcome; a peer chooses no label of these."""

from __future__ import annotations

import pytest

from assay.metrics import PrometheusMetrics
from assay.wire.axon import Axon
from assay.wire.dendrite import Dendrite
from assay.wire.errors import Code, PeerFailed, PeerRefused, PeerUnreachable, RequestRefused
from assay.wire.interface import Caller, Peer
from tests.support.scraping import samples
from tests.unit.subnet.wire.world import (
    ALICE,
    BOB,
    Answered,
    Count,
    Counted,
    HttpWorld,
    Question,
    counting,
    serving,
)

REQUESTS, CALLS = "assay_axon_requests_total", "assay_dendrite_calls_total"


async def moody(question: Question, _: Caller) -> Answered:
    """Answers the first, refuses the second, breaks at the third."""
    if question.number == 1:
        raise RequestRefused("not this one")
    if question.number == 2:
        raise ValueError("broken")
    return Answered(text="")


async def test_both_ends_count_what_became_of_a_call() -> None:
    theirs, ours = PrometheusMetrics(), PrometheusMetrics()
    dendrite = Dendrite(ALICE, metrics=ours)
    async with serving(HttpWorld(), moody, metrics=theirs) as axon:
        assert isinstance(axon, Axon)
        axon.attach(counting())
        peer = Peer(BOB.address, "127.0.0.1", axon.port)

        async def ask(name: str, n: int) -> None:
            await dendrite.call(peer, name, Question(number=n), Answered, deadline_s=5)

        await ask("echo", 0)
        with pytest.raises(PeerRefused):
            await ask("echo", 1)
        with pytest.raises(PeerFailed):
            await ask("echo", 2)
        with pytest.raises(PeerRefused):
            await ask("nothing", 0)  # its head is refused
        async with dendrite.stream(peer, "count", Count(), Counted, deadline_s=5) as replies:
            assert [reply async for reply in replies]
        assert samples(theirs)["assay_axon_open_connections",] == 1
        await dendrite.close()
    with pytest.raises(PeerUnreachable):
        await ask("echo", 0)
    await dendrite.close()
    served, called = samples(theirs), samples(ours)
    refused = (Code.REFUSED_BY_TASK, Code.HANDLER_FAILED, Code.UNKNOWN_SYNAPSE)
    assert {key: value for key, value in served.items() if key[0] == REQUESTS} == {
        (REQUESTS, outcome): 1 for outcome in ("reply", "stream", *refused)
    }
    assert served["assay_axon_answer_seconds_count",] == 1
    assert served["assay_axon_connections_total", "kept"] >= 1
    assert served["assay_axon_open_connections",] == 0
    assert {key: value for key, value in called.items() if key[0] == CALLS} == {
        (CALLS, "reply"): 2,  # and the stream's head
        (CALLS, "peer_unreachable"): 1,
        **{(CALLS, code): 1 for code in refused},
    }


def test_a_code_that_a_peer_made_up_is_no_label() -> None:
    """A peer could make up another one each time, until the memory is full."""
    for code, kind in ((Code.OVERLOADED.value, "overloaded"), ("made up 17", "peer_refused")):
        assert PeerRefused("5G", "refused", "Call another.", code, 400).kind == kind
