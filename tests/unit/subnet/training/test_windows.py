"""Some windows of a run: peers that compute apart hold the same state, and learn."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.protocol.training.manifest import Manifest
from assay.scoring.training.codec import extract
from assay.scoring.training.shapes import ModelShape, TensorRole, TensorShape
from assay.training.corpus import TrainingCorpus, make_corpus
from assay.training.fold import OpenedMessage, fold, skip
from assay.training.sealed import NotOpened, seal, unseal
from assay.training.state import TrainingState
from assay.training.stored import (
    NotStored,
    pack_carried,
    pack_state,
    parse_carried,
    parse_state,
)
from assay.training.work import CarriedOver, WindowWork, WorkDone
from tests.unit.subnet.training.runs import END, small_corpus, small_manifest, small_network

PEERS = 3
RUN = b"r" * 32
EIGHT = "".join(map(chr, range(8)))


class SmallRun:
    """A run in one process: one network computes for all peers in turn."""

    def __init__(self, folder: Path, **changes: object) -> None:
        self.corpus: TrainingCorpus = small_corpus(folder)
        self.manifest: Manifest = small_manifest(self.corpus, **changes)
        network = small_network()
        self.work = WindowWork(self.manifest, network, self.corpus)
        self.state = TrainingState.first(network.shape, network.take())
        self.carried = [CarriedOver.none(network.shape.size) for _ in range(PEERS)]

    def window(self) -> list[WorkDone]:
        """All peers compute, and the state goes on to the next window."""
        done = [
            self.work.compute(self.state, carried, place)
            for place, carried in enumerate(self.carried)
        ]
        opened = {uid: OpenedMessage(each.message, 1 + uid) for uid, each in enumerate(done)}
        folded = fold(self.state, self.manifest, opened, read=PEERS * self.work.read)
        assert not folded.refused
        self.state = folded.state
        self.carried = [each.after for each in done]
        return done


def test_peers_learn_together(tmp_path: Path) -> None:
    run = SmallRun(tmp_path)
    losses = [np.mean([each.steps.losses[0] for each in run.window()]) for _ in range(6)]
    assert losses[-1] < losses[0] - 0.3
    assert run.state.window == 6
    assert run.state.cursor == 6 * PEERS * 6 * 4


def test_a_message_is_not_filled_with_tokens_that_never_occur(tmp_path: Path) -> None:
    """AdamW moves the embeddings of such tokens as far as any other, for gradients near zero. When
    a value's size alone decided, whole messages went to them, and runs with a real vocabulary
    learned nothing."""
    rng = random.Random(6)
    texts = [(f"text-{n}", "".join(rng.choices(EIGHT, k=400))) for n in range(48)]
    corpus = make_corpus(
        tmp_path, texts, lambda text: [ord(char) for char in text], end=END, vocabulary=64
    )
    network = small_network()
    work = WindowWork(small_manifest(corpus), network, corpus)
    state = TrainingState.first(network.shape, network.take())
    message = work.compute(state, CarriedOver.none(network.shape.size), 0).message
    said = extract(message, state.shape, small_manifest(corpus).codec.policy, state.past)
    (table,) = (n for n, t in enumerate(state.shape.tensors) if t.role is TensorRole.EMBEDDING)
    of_table = said.places[state.shape.tensors_at(said.places) == table]
    rows = (of_table - state.shape.starts[table]) // state.shape.tensors[table].columns
    absent = np.count_nonzero((rows >= 8) & (rows < END))
    assert absent < 0.55 * said.places.size  # 0.38; by size alone 0.76


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_a_late_peer_that_folds_the_same_messages_holds_the_same_bits(
    tmp_path: Path, momentum: float
) -> None:
    base = SmallRun(tmp_path)
    outer = msgspec.structs.replace(base.manifest.outer, momentum=momentum, mean_of="all", rate=0.7)
    run = SmallRun(tmp_path, outer=outer)
    late, messages = run.state, []
    for _ in range(3):
        messages.append([each.message for each in run.window()])
    for each in messages:
        uids = list(enumerate(each))
        random.Random(5).shuffle(uids)
        opened = {uid: OpenedMessage(message, 1 + uid) for uid, message in uids}
        late = fold(late, run.manifest, opened, read=PEERS * run.work.read).state
    assert late.root == run.state.root


def test_what_is_no_message_is_left_out_for_everybody(tmp_path: Path) -> None:
    run = SmallRun(tmp_path)
    good = run.work.compute(run.state, run.carried[0], 0).message
    whole = fold(run.state, run.manifest, {4: OpenedMessage(good, 1)}, read=1)
    harmed = fold(
        run.state,
        run.manifest,
        {
            4: OpenedMessage(good, 1),
            5: OpenedMessage(good[:-1], 1),
            6: OpenedMessage(b"", 9),
            7: OpenedMessage(b"\x00" * 99, 1),
        },
        read=1,
    )
    assert set(harmed.refused) == {5, 6, 7}
    assert harmed.state.root == whole.state.root


def test_a_void_window_changes_nothing_but_its_number(tmp_path: Path) -> None:
    run = SmallRun(tmp_path)
    following = skip(run.state)
    assert following.root != run.state.root
    assert (
        dataclasses.replace(following, window=0, lineage=run.state.lineage).root == run.state.root
    )


def test_an_audit_finds_what_was_not_computed(tmp_path: Path) -> None:
    run = SmallRun(tmp_path)
    run.window()
    state, carried = run.state, run.carried[1]
    honest = run.work.compute(state, carried, 1)
    assert run.work.check(state, carried, 1, honest.message).right
    fewer = msgspec.structs.replace(run.manifest.inner, steps=5)
    lazy = WindowWork(
        msgspec.structs.replace(run.manifest, inner=fewer), small_network(), run.corpus
    )
    for cheat, message in (
        ("another's data", run.work.compute(state, carried, 2).message),
        (
            "another's window",
            run.work.compute(skip(state), CarriedOver.none(len(state.model)), 1).message,
        ),
        ("a step less", lazy.compute(state, carried, 1).message),
        ("nothing carried", run.work.compute(state, run.carried[0], 1).message),
        ("noise", honest.message[:-1] + b"\x55"),
    ):
        found = run.work.check(state, carried, 1, message)
        assert not found.right, cheat
        assert found.distance > 1e-3, cheat


def test_a_distance_that_the_run_allows_is_right(tmp_path: Path) -> None:
    """On a machine of another profile the bits differ; the distance stays small."""
    run = SmallRun(tmp_path)
    audit = msgspec.structs.replace(run.manifest.audit, distance=0.1)
    loose = WindowWork(
        msgspec.structs.replace(run.manifest, audit=audit), small_network(), run.corpus
    )
    other = run.work.compute(run.state, run.carried[0], 1).message
    found = loose.check(run.state, run.carried[0], 0, other)
    assert found.right == (found.distance <= 0.1)
    assert not run.work.check(run.state, run.carried[0], 0, other).right


def test_a_corpus_of_another_run_is_refused(tmp_path: Path) -> None:
    run = SmallRun(tmp_path)
    data = msgspec.structs.replace(run.manifest.data, corpus=b"x" * 32)
    with pytest.raises(ValueError, match="corpus"):
        WindowWork(msgspec.structs.replace(run.manifest, data=data), small_network(), run.corpus)


def test_a_sealed_message_opens_with_its_key_for_its_window_alone() -> None:
    key, other = b"k" * 32, b"o" * 32
    sealed = seal(b"message", key, run=RUN, window=3, hotkey="5Hot")
    assert b"message" not in sealed
    assert unseal(sealed, key, run=RUN, window=3, hotkey="5Hot") == b"message"
    for wrong in (
        {"key": other}, {"key": b"short"}, {"window": 4}, {"hotkey": "5Other"}, {"run": other},
        {"sealed": sealed[:-1]}, {"sealed": b""},
    ):  # fmt: skip
        given = {"sealed": sealed, "key": key, "run": RUN, "window": 3, "hotkey": "5Hot"}
        with pytest.raises(NotOpened):
            unseal(**{**given, **wrong})  # type: ignore[arg-type]


def test_a_peer_goes_on_from_what_is_stored_with_the_same_bits(tmp_path: Path) -> None:
    run = SmallRun(tmp_path)
    run.window()
    state = parse_state(pack_state(run.state), run.state.shape)
    carried = parse_carried(pack_carried(run.carried[0]), run.state.shape)
    assert state.root == run.state.root
    before = run.work.compute(run.state, run.carried[0], 0)
    after = run.work.compute(state, carried, 0)
    assert after.message == before.message
    assert pack_carried(after.after) == pack_carried(before.after)


def test_whatever_is_not_what_it_should_be_is_refused(tmp_path: Path) -> None:
    run = SmallRun(tmp_path)
    shape = run.state.shape
    state, carried = pack_state(run.state), pack_carried(run.carried[0])
    flipped = bytearray(state)
    flipped[state.index(run.state.model.tobytes()[:64]) + 2] ^= 1
    for harmed in (b"", state[:40], state[:-9], bytes(flipped), b"\xff" * len(state), carried):
        with pytest.raises(NotStored):
            parse_state(harmed, shape)
    broken = dataclasses.replace(run.carried[0], feedback=np.full(shape.size, np.inf, np.float32))
    newer = carried.replace(b'\\"version\\":2', b'\\"version\\":3')
    assert newer != carried
    for harmed in (b"", carried[:-1], carried + b"\x00", pack_carried(broken), newer, state):
        with pytest.raises(NotStored):
            parse_carried(harmed, shape)


@given(st.binary(max_size=400), st.integers(0, 400))
def test_no_bytes_do_more_than_be_refused(data: bytes, place: int) -> None:
    shape = ModelShape((TensorShape("a", 4, 5, TensorRole.MATRIX),))
    whole = bytearray(pack_carried(CarriedOver.none(shape.size)))
    whole[place : place + len(data)] = data
    for tried in (data, bytes(whole)):
        try:
            found = parse_carried(tried, shape)
        except NotStored:
            continue
        assert pack_carried(found) == tried
