"""Anything at all, thrown at the axon: always a signed refusal, never an exception, never service.

The whole server half runs (in memory, one event loop per example is too slow, so one axon serves
them all); only requests that Alice really signed, once, may be served.
"""

from __future__ import annotations

import asyncio
import string
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.wire import signing
from assay.wire.admission import Admission
from assay.wire.errors import RequestRefused
from assay.wire.interface import Method
from assay.wire.limits import Limits
from assay.wire.memory import MemoryAxon, MemoryNetwork, RawReply, RawRequest
from assay.wire.replay import MemoryCeiling, ReplayGuard
from assay.wire.synapse import MessageInvalid, decode, encode
from tests.unit.subnet.wire.world import BOB, Answered, Question, echo, refusal_in, signed

PLENTY = 1e9
LIMITS = Limits(
    source_rate=PLENTY, source_burst=PLENTY, strangers_rate=PLENTY, strangers_burst=PLENTY,
    proven_rate=PLENTY, proven_burst=PLENTY, caller_rate=PLENTY, caller_burst=PLENTY,
    refusals_rate=PLENTY, refusals_burst=PLENTY,
)  # fmt: skip


class Served:
    """One axon and one loop for all examples."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.axon = MemoryAxon(
            BOB, MemoryNetwork(), limits=LIMITS, admission=Admission(limits=LIMITS)
        )
        self.axon.attach(Method(name="echo", request=Question, reply=Answered, handler=echo))
        self.loop.run_until_complete(self.axon.start())

    def send(self, request: RawRequest) -> RawReply:
        return self.loop.run_until_complete(self.axon.receive(request))


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    served = Served()
    yield served
    served.loop.run_until_complete(served.axon.stop())
    served.loop.close()


HEADER_NAMES = [name.decode() for name, _ in signed().headers] + [
    "X-Bittensor-Crypto", "Content-Encoding", "Content-Length", "Upgrade", "X-Other",
]  # fmt: skip
values = st.one_of(
    st.sampled_from(["", "1", "0x", "sr25519", "application/msgpack", BOB.address, "9" * 19]),
    st.text(alphabet=string.printable.strip(), max_size=140),
    st.binary(max_size=80).map(lambda raw: raw.decode("latin-1")),
)
headers = st.lists(st.tuples(st.sampled_from(HEADER_NAMES), values), max_size=12)


@settings(max_examples=400, deadline=None)
@given(
    method=st.sampled_from(["POST", "GET", "PUT", "", "post"]),
    target=st.one_of(st.just("/v1/echo"), st.text(max_size=60)),
    lines=headers,
    body=st.binary(max_size=200),
)
def test_whatever_arrives_is_refused_and_signed(
    served: Served, method: str, target: str, lines: list[tuple[str, str]], body: bytes
) -> None:
    request = RawRequest(
        method=method,
        target=target,
        headers=tuple((name.encode(), value.encode("latin-1")) for name, value in lines),
        body=body,
        source="10.0.0.1",
    )
    reply = served.send(request)
    assert 400 <= reply.status < 504
    assert reply.status != 500
    names = {name for name, _ in lines}
    if len(names) == len(lines):  # repeated headers have no one reading to hash
        refusal_in(reply, request)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_one_changed_byte_anywhere_ends_service(served: Served, data: st.DataObject) -> None:
    """An honest request with one byte changed in its body, target or one of its headers."""
    request = signed(message=Question(text="honest", number=7))
    parts = ["body", "target", *range(len(request.headers))]
    part = data.draw(st.sampled_from(parts))
    if part == "body":
        changed = msgspec.structs.replace(request, body=_flip(data, request.body))
    elif part == "target":
        target = _flip(data, request.target.encode()).decode("utf-8", "surrogateescape")
        changed = msgspec.structs.replace(request, target=target)
    else:
        lines = list(request.headers)
        name, value = lines[int(part)]
        lines[int(part)] = (name, _flip(data, value))
        changed = msgspec.structs.replace(request, headers=tuple(lines))
    reply = served.send(changed)
    same = (
        isinstance(part, int)
        and _meaning(changed) == _meaning(request)
        and changed.body == request.body
    )
    if same:
        assert reply.status == 200
    else:
        refusal_in(reply, changed)
        assert served.send(request).status == 200  # and the honest one is not spoiled by it


def _flip(data: st.DataObject, raw: bytes) -> bytes:
    place = data.draw(st.integers(0, len(raw) - 1))
    other = data.draw(st.integers(0x21, 0x7E).filter(lambda value: value != raw[place]))
    return raw[:place] + bytes([other]) + raw[place + 1 :]


def _meaning(request: RawRequest) -> object:
    """What the headers say, spelling of hex apart."""
    head = signing.parse_head(request.method, request.target, request.headers)
    try:
        return signing.read_claim(head, BOB.address), head.content_type
    except RequestRefused:
        return None


@settings(max_examples=300, deadline=None)
@given(body=st.binary(max_size=300))
def test_decoding_gives_a_message_or_one_error(body: bytes) -> None:
    try:
        message = decode(Question, body)
    except MessageInvalid:
        return
    assert decode(Question, encode(message)) == message


SECOND = 1_000_000_000
BASE = 1_800_000_000 * SECOND


@settings(max_examples=200, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["say", "repeat", "crash", "stop", "step"]),
            st.integers(-3 * SECOND, 3 * SECOND),
        ),
        max_size=60,
    ),
    nonces_max=st.sampled_from([1, 3, 1_000]),
)
def test_no_history_lets_a_nonce_in_twice(steps: list[tuple[str, int]], nonces_max: int) -> None:
    """Requests, repetitions, crashes, clean stops and clock steps in any order."""
    limits = Limits(nonces_max=nonces_max)
    store = MemoryCeiling()
    now = BASE
    guard = ReplayGuard(store, now_ns=now, limits=limits)
    accepted: list[int] = []
    for kind, amount in steps:
        if kind == "step":
            now += 10 * amount
        elif kind in ("crash", "stop"):
            if kind == "stop":
                guard.close()
            guard = ReplayGuard(store, now_ns=now, limits=limits)
        else:
            nonce = (
                accepted[amount % len(accepted)] if kind == "repeat" and accepted else now + amount
            )
            try:
                guard.accept(b"k" * 32, nonce, now)
            except RequestRefused:
                continue
            assert nonce not in accepted
            assert store.value is not None
            assert nonce <= store.value
            accepted.append(nonce)
            assert len(guard) <= nonces_max
