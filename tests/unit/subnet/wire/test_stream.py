"""The frames of a stream: their bytes, what may follow what, and one clear error for each fault."""

from __future__ import annotations

import itertools
import struct
from hashlib import sha256

import pytest

from assay.wire import keys
from assay.wire.stream import (
    NEXT,
    UNSEALED_BYTES_MAX,
    UNSEALED_FRAMES_MAX,
    FrameError,
    FrameReader,
    FrameWriter,
    SealBroken,
    StreamBinding,
    StreamState,
    running_hash,
)
from tests.unit.subnet.wire.world import ALICE, BOB, MALLORY

HASH = bytes(range(32))
FRAME_MAX = 1_000
FRAMES_MAX = 500


def binding(**changes: object) -> StreamBinding:
    given: dict[str, object] = {
        "request_hash": HASH,
        "status": 200,
        "headers": (("content-type", "application/vnd.assay.stream"), ("x-assay-scope", "stream")),
        "sender": BOB.address,
        "receiver": ALICE.address,
    }
    return StreamBinding(**(given | changes))  # type: ignore[arg-type]


def writer(frames_max: int = FRAMES_MAX, **changes: object) -> FrameWriter:
    return FrameWriter(
        binding(**changes), BOB.sign, frame_bytes_max=FRAME_MAX, frames_max=frames_max
    )


def reader(**changes: object) -> FrameReader:
    return FrameReader(
        binding(**changes), BOB.public_key, frame_bytes_max=FRAME_MAX, frames_max=FRAMES_MAX
    )


def frame(kind: bytes, number: int, payload: bytes) -> bytes:
    return kind + struct.pack(">II", number, len(payload)) + payload


def read(data: bytes, **changes: object) -> tuple[list[bytes], FrameReader]:
    """Everything that is handed out, and then the error if there is one."""
    receiving = reader(**changes)
    receiving.feed(data)
    taken = receiving.take()
    while more := receiving.take():
        taken += more
    return taken, receiving


# -- the bytes


def test_the_bytes_are_those_of_the_documentation() -> None:
    """Hashes and signed lines are made here by hand, from docs/wire.md."""
    sender = writer()
    said = sender.data(b"one") + sender.seal() + sender.data(b"two") + sender.end()
    one, two = frame(b"d", 1, b"one"), frame(b"d", 2, b"two")
    running = sha256(HASH + one)
    digest = sha256(
        b"content-type:application/vnd.assay.stream\nx-assay-scope:stream\n"
    ).hexdigest()

    def lines(word: str, count: int) -> bytes:
        return "\n".join(
            [
                "assay-stream/1", word, HASH.hex(), "200", digest, str(count), running.hexdigest(),
                BOB.address, ALICE.address,
            ]
        ).encode()  # fmt: skip

    seal, rest = said[len(one) : len(one) + 9 + 64], said[len(one) + 9 + 64 :]
    assert said.startswith(one)
    assert seal[:9] == struct.pack(">cII", b"s", 1, 64)
    assert keys.verify(seal[9:], lines("part", 1), BOB.public_key)
    running = sha256(HASH + one + two)
    assert rest.startswith(two + struct.pack(">cII", b"e", 2, 64))
    assert keys.verify(rest[-64:], lines("whole", 2), BOB.public_key)
    assert running.digest() == running_hash(HASH, [b"one", b"two"], failed=False)


def test_a_failure_is_under_the_last_signature() -> None:
    sender = writer()
    said = sender.data(b"one") + sender.fail(b"no more")
    taken, receiving = read(said)
    assert taken == [b"one"]
    assert receiving.state is StreamState.ENDED
    assert receiving.failure == b"no more"
    assert receiving.sealed is not None
    assert (receiving.sealed.word, receiving.sealed.frames) == ("failed", 2)
    assert receiving.sealed.running_hash == running_hash(HASH, [b"one", b"no more"], failed=True)


def test_nothing_is_handed_out_before_it_is_signed_for() -> None:
    sender, receiving = writer(), reader()
    receiving.feed(sender.data(b"one"))
    assert receiving.take() == []
    receiving.feed(sender.seal())
    assert receiving.take() == [b"one"]
    assert sender.seal() == b"", "there is nothing new to sign"


def test_a_seal_comes_by_itself_after_so_many_frames_or_bytes() -> None:
    sender = writer()
    said = b"".join(sender.data(b"x") for _ in range(UNSEALED_FRAMES_MAX + 1))
    assert len(read(said)[0]) == UNSEALED_FRAMES_MAX
    sender = writer()
    fit = UNSEALED_BYTES_MAX // FRAME_MAX
    assert fit > UNSEALED_FRAMES_MAX, "or the next line would test the same as the last"
    large = FrameWriter(
        binding(), BOB.sign, frame_bytes_max=UNSEALED_BYTES_MAX, frames_max=FRAMES_MAX
    )
    taking = FrameReader(
        binding(), BOB.public_key, frame_bytes_max=UNSEALED_BYTES_MAX, frames_max=FRAMES_MAX
    )
    taking.feed(large.data(bytes(UNSEALED_BYTES_MAX)))
    taking.feed(large.data(b"x"))
    assert taking.take() == [bytes(UNSEALED_BYTES_MAX)]


def test_a_stream_of_nothing() -> None:
    taken, receiving = read(writer().end())
    assert (taken, receiving.state, receiving.frames) == ([], StreamState.ENDED, 0)


# -- the sender's own mistakes


def test_the_sender_is_held_to_the_limits() -> None:
    sender = writer(frames_max=1)
    with pytest.raises(FrameError, match="at most 1000 bytes"):
        sender.data(bytes(FRAME_MAX + 1))
    sender.data(bytes(FRAME_MAX))
    with pytest.raises(FrameError, match="at most 1 frames"):
        sender.data(b"")
    sender.end()
    with pytest.raises(FrameError, match="no e frame may be sent any more"):
        sender.end()
    with pytest.raises(FrameError, match="no f frame may be sent any more"):
        sender.fail(b"")


def test_the_table_of_states_is_whole() -> None:
    assert set(NEXT) == set(StreamState)
    assert {following for row in NEXT.values() for following in row.values()} <= set(StreamState)
    assert NEXT[StreamState.ENDED] == NEXT[StreamState.BROKEN] == {}


# -- each fault of what arrives

SENDER = writer()
ONE, TWO, THREE = (SENDER.data(name) for name in (b"one", b"two", b"three"))
END = SENDER.end()
OTHER = writer(request_hash=bytes(32))
FOREIGN = OTHER.data(b"uno")
FOREIGN_TWO = OTHER.data(b"two")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (ONE + THREE + TWO + END, "frame 3 came where frame 2 is missing"),
        (ONE + ONE + TWO + THREE + END, "frame 1 came twice"),
        (TWO + THREE + END, "frame 2 came where frame 1 is missing"),
        (ONE + END, "a signature over 3 frames came after 1"),
        (frame(b"d", 900, b""), "frame 900 came where frame 1 to 899 is missing"),
        (frame(b"d", 0, b""), "a frame without a number came"),
        (frame(b"x", 1, b""), "a frame of an unknown kind came"),
        (ONE + TWO + THREE + END + b"x", "more came after the end"),
        (ONE + TWO + THREE + END + ONE, "more came after the end"),
        (frame(b"f", 1, b"no") + frame(b"d", 2, b""), "more came after the failure"),
        (frame(b"f", 1, b"no") + frame(b"s", 1, bytes(64)), "more came after the failure"),
        (frame(b"d", 1, bytes(FRAME_MAX + 1))[:9], "a frame of more than 1000 bytes came"),
        (frame(b"f", 1, bytes(FRAME_MAX + 1))[:9], "a frame of more than 1000 bytes came"),
        (ONE + frame(b"s", 1, bytes(63)), "a signature of 63 bytes came"),
        (
            b"".join(frame(b"d", number, b"") for number in range(1, 66)),
            "more than 64 frames or 262144 bytes came without a signature",
        ),
    ],
    ids=itertools.count(),  # signatures differ from run to run, and so would names made of them
)
def test_what_is_no_stream_is_told_in_one_sentence(data: bytes, said: str) -> None:
    with pytest.raises(FrameError, match=said) as caught:
        read(data)
    assert not isinstance(caught.value, SealBroken)


@pytest.mark.parametrize(
    "data",
    [
        FOREIGN + TWO + THREE + END,
        ONE + FOREIGN_TWO + THREE + END[:-1] + bytes([END[-1] ^ 1]),
        ONE + frame(b"d", 2, b"TWO") + THREE + END,
        ONE + TWO + frame(b"d", 3, b"thre") + END,
        ONE + TWO + THREE + frame(b"s", 3, END[9:]),
        ONE + TWO + THREE + frame(b"e", 3, MALLORY.sign(b"")),
    ],
    ids=["foreign", "bit", "changed", "shortened", "end as seal", "another's"],
)
def test_what_was_not_signed_is_not_handed_out(data: bytes) -> None:
    receiving = reader()
    receiving.feed(data)
    with pytest.raises(SealBroken, match="does not hold for this call"):
        receiving.take()
    assert receiving.sealed is None


def test_a_foreign_frame_of_the_same_words_would_be_the_same_frame() -> None:
    """Frames carry no secret of their stream: only the chain tells two requests apart."""
    assert writer(request_hash=bytes(32)).data(b"one") == ONE
    with pytest.raises(SealBroken):
        read(ONE + TWO + THREE + END, request_hash=bytes(32))


@pytest.mark.parametrize(
    "changes",
    [
        {"request_hash": bytes(32)},
        {"status": 201},
        {"headers": ()},
        {"sender": MALLORY.address},
        {"receiver": MALLORY.address},
    ],
)
def test_a_stream_is_bound_to_all_of_its_call(changes: dict[str, object]) -> None:
    with pytest.raises(SealBroken):
        read(ONE + TWO + THREE + END, **changes)


def test_a_seal_cannot_pass_for_an_end() -> None:
    sender = writer()
    data, seal = sender.data(b"one"), sender.seal()
    with pytest.raises(SealBroken):
        read(data + b"e" + seal[1:])


def test_too_many_frames() -> None:
    sender = writer(frames_max=FRAMES_MAX + 1)
    receiving = reader()
    for _ in range(FRAMES_MAX + 1):
        receiving.feed(sender.data(b"") + sender.seal())
    assert receiving.take() == [b""] * FRAMES_MAX
    with pytest.raises(FrameError, match="more than 500 frames came"):
        receiving.take()


def test_a_reader_that_lags_checks_the_newest_signature_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked: list[bytes] = []
    true = keys.verify

    def verify(signature: bytes, message: bytes, public_key: bytes) -> bool:
        checked.append(signature)
        return true(signature, message, public_key)

    monkeypatch.setattr(keys, "verify", verify)
    sender, receiving = writer(), reader()
    words = [str(number).encode() for number in range(10)]
    arrived = [sender.data(word) + sender.seal() for word in words]
    receiving.feed(b"".join(arrived[:9]))
    assert receiving.take() == words[:9]
    assert (len(checked), receiving.sealed.frames if receiving.sealed else None) == (1, 9)
    receiving.feed(arrived[9] + sender.end())
    assert receiving.take() == words[9:]
    assert (len(checked), receiving.state) == (2, StreamState.ENDED)


@pytest.mark.parametrize("good", range(4))
def test_if_the_newest_does_not_hold_what_an_earlier_one_covers_is_handed_out(good: int) -> None:
    sender, receiving = writer(), reader()
    words = [b"one", b"two", b"three"]
    arrived = [sender.data(word) + sender.seal() for word in words]
    false = [data[:-1] + bytes([data[-1] ^ 1]) for data in arrived]
    receiving.feed(b"".join(arrived[:good] + false[good:]) + frame(b"e", 3, MALLORY.sign(b"")))
    if good:
        assert receiving.take() == words[:good]
        assert receiving.sealed is not None and receiving.sealed.frames == good
    with pytest.raises(SealBroken, match=f"over its first {min(good + 1, 3)} frames"):
        receiving.take()
    with pytest.raises(SealBroken):
        receiving.take()


def test_many_signatures_of_which_the_last_is_wrong_cost_a_few_checks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A check takes 44 µs of the event loop: one stream of a stranger would take a fifth of a
    second from everybody."""
    checked = 0
    real = keys.verify

    def verify(*given: bytes) -> bool:
        nonlocal checked
        checked += 1
        return real(*given)

    monkeypatch.setattr(keys, "verify", verify)
    writing, receiving = writer(), reader()
    for _ in range(FRAMES_MAX - 1):
        receiving.feed(writing.data(b"x") + writing.seal())
    last = writing.data(b"y") + writing.seal()
    receiving.feed(last[:-64] + bytes(64))
    assert receiving.take() == [b"x"] * (FRAMES_MAX - 1)
    with pytest.raises(SealBroken, match=f"first {FRAMES_MAX} frames"):
        receiving.take()
    assert checked <= 1 + FRAMES_MAX.bit_length()


def test_a_signature_again_over_the_same_frames_is_no_stream() -> None:
    """It is free for who sends it, and has no bytes that any bound counts."""
    writing = writer()
    frames = writing.data(b"x") + writing.seal()
    with pytest.raises(FrameError, match="no new frames"):
        read(frames + frames[-73:])
    with pytest.raises(FrameError, match="no new frames"):
        read(frame(b"s", 0, frames[-64:]))


def test_what_was_signed_for_before_the_fault_is_handed_out_first() -> None:
    sender = writer()
    good = sender.data(b"one") + sender.seal()
    receiving = reader()
    receiving.feed(good + b"rubbish and more of it")
    assert receiving.take() == [b"one"]
    with pytest.raises(FrameError, match="unknown kind"):
        receiving.take()
    receiving.feed(sender.data(b"two"))
    with pytest.raises(FrameError, match="unknown kind"):
        receiving.take()
    assert receiving.state is StreamState.BROKEN
    assert receiving.held_bytes == 0


def test_a_cut_anywhere_is_no_end() -> None:
    whole = ONE + TWO + THREE + END
    for place in range(len(whole)):
        receiving = reader()
        receiving.feed(whole[:place])
        assert receiving.take() == []
        assert receiving.state is StreamState.OPEN


# -- how much goes without a signature

HALF = UNSEALED_BYTES_MAX // 2


def large_writer() -> FrameWriter:
    return FrameWriter(binding(), BOB.sign, frame_bytes_max=HALF + 1, frames_max=FRAMES_MAX)


def large_reader() -> FrameReader:
    return FrameReader(binding(), BOB.public_key, frame_bytes_max=HALF + 1, frames_max=FRAMES_MAX)


def test_a_writer_signs_before_more_than_may_go_without() -> None:
    sender = large_writer()
    for _ in range(2):  # counted anew behind each signature
        assert sender.data(bytes(HALF)).startswith(b"d")
        assert sender.data(bytes(HALF)).startswith(b"d"), "exactly as much as may be"
        assert sender.seal().startswith(b"s")
    sender.data(bytes(HALF))
    assert sender.data(bytes(HALF + 1)).startswith(b"s")


def test_a_reader_holds_what_may_go_without_a_signature_and_no_byte_more() -> None:
    sender, receiving = large_writer(), large_reader()
    for _ in range(2):
        receiving.feed(sender.data(bytes(HALF)) + sender.data(bytes(HALF))[:-1])
        assert receiving.take() == []
        assert receiving.held_bytes == UNSEALED_BYTES_MAX + 9 - 1, "a frame that is not whole, too"
        receiving.feed(bytes(1))
        assert receiving.take() == []
        assert receiving.held_bytes == UNSEALED_BYTES_MAX
        receiving.feed(sender.seal())
        assert receiving.take() == [bytes(HALF), bytes(HALF)]
        assert receiving.held_bytes == 0
    receiving.feed(frame(b"d", 5, bytes(HALF)))
    assert receiving.take() == []
    receiving.feed(frame(b"d", 6, bytes(HALF + 1)))
    with pytest.raises(FrameError, match="without a signature"):
        receiving.take()
    assert receiving.held_bytes == 0


def test_what_was_signed_for_is_handed_out_before_the_error_behind_the_end() -> None:
    sender, receiving = writer(), reader()
    receiving.feed(sender.data(b"one") + sender.end() + b"x")
    assert receiving.take() == [b"one"]
    with pytest.raises(FrameError, match="more came after the end"):
        receiving.take()
