"""A neuron's trainer, with its process: the same bits as in one process, and every fault told."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
import pytest_asyncio
from loguru import logger

from assay.clock import SystemClock
from assay.models.root import model_root
from assay.objects.tree import object_root
from assay.scoring.training.codec import compress, extract
from assay.training.fold import OpenedMessage, fold, skip
from assay.training.inner import Moments
from assay.training.lineage import read_lineage
from assay.training.messages import Counted, OpenedFile, StepDone, Weighed
from assay.training.network import FlatNetwork
from assay.training.run_folder import RunFolder
from assay.training.sealed import message_hash
from assay.training.state import TrainingState, array_root
from assay.training.stored import pack_carried, parse_carried, parse_state
from assay.training.trainer import Trainer
from assay.training.work import CarriedOver, WindowWork
from assay.workers import WorkerFailed, Workers, WorkerTimedOut
from tests.unit.subnet.training.runs import MACHINE, small_run

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return small_run(tmp_path_factory.mktemp("run"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trainer(
    run: RunFolder, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Trainer]:
    """One process for all tests, because torch takes seconds to load."""
    workers = Workers(tmp_path_factory.mktemp("workers"), SystemClock(), random.Random(0))
    try:
        yield await Trainer.start(workers, run)
    finally:
        await workers.close()


def held(path: Path | str) -> bytes:
    return Path(path).read_bytes()


def own_work(run: RunFolder) -> tuple[WindowWork, FlatNetwork]:
    network = FlatNetwork.load(run.model)
    return WindowWork(run.manifest, network, run.corpus), network


async def test_a_window_in_the_process_has_the_bits_of_one_here(
    run: RunFolder, trainer: Trainer, tmp_path: Path
) -> None:
    work, network = own_work(run)
    first = TrainingState.first(network.shape, network.take())
    state = await trainer.first(tmp_path / "state-0")
    assert (state.root, state.window, state.cursor) == (first.root, 0, 0)
    told: list[StepDone] = []
    done = await trainer.compute(Path(state.path), None, 1, tmp_path / "w0", told.append)
    own = work.compute(first, CarriedOver.none(network.shape.size), 1)
    message = held(done.message)
    assert message == own.message
    assert held(done.carried) == pack_carried(own.after)
    assert done.end == array_root("model", own.steps.end)
    assert done.boundaries == list(own.steps.boundaries)
    assert done.opened == message_hash(message)
    assert (done.state, done.window, done.cursor, done.steps) == (first.root, 0, 0, 6)
    assert done.loss == pytest.approx(np.mean(own.steps.losses))
    assert [each.step for each in told] == [1, 2, 3, 4, 5, 6]
    assert all(each.steps == 6 and each.tokens_per_s > 0 for each in told)
    assert trainer.facts.numbers == network.shape.size
    assert trainer.facts.read == work.read
    assert len(message) <= trainer.facts.message_bytes_max
    assert len(held(done.carried)) <= trainer.facts.carried_bytes_max
    assert len(held(state.path)) <= trainer.facts.state_bytes_max

    folded = await trainer.fold(
        Path(state.path), [Counted(3, done.message, 5, "5Three")], work.read, tmp_path / "state-1"
    )
    expected = fold(first, run.manifest, {3: OpenedMessage(message, 5, "5Three")}, read=work.read)
    assert folded.state.root == expected.state.root
    assert (folded.state.window, folded.state.cursor) == (1, work.read)
    assert (folded.factors, folded.refused) == (expected.factors, {})
    kept = parse_state((tmp_path / "state-1").read_bytes(), network.shape)
    assert kept.root == expected.state.root
    assert await trainer.read_state(tmp_path / "state-1") == folded.state
    void = await trainer.skip(Path(folded.state.path), tmp_path / "state-2")
    assert void.root == skip(expected.state).root

    second = await trainer.compute(Path(folded.state.path), Path(done.carried), 0, tmp_path / "w1")
    check = await trainer.check(
        Path(folded.state.path), Path(done.carried), 0, Path(second.message)
    )
    assert check.right
    assert check.distance == 0.0
    assert check.seconds > 0
    await trainer.newcomer(tmp_path / "zero")
    zero = parse_carried((tmp_path / "zero").read_bytes(), network.shape)
    assert zero.moments.steps == 0
    assert not zero.feedback.any()


async def test_a_window_that_was_ended_early_is_right_for_the_steps_that_it_names(
    trainer: Trainer, tmp_path: Path
) -> None:
    state = Path((await trainer.first(tmp_path / "state")).path)
    (tmp_path / "w").mkdir()
    trainer.finish(tmp_path / "w")
    done = await trainer.compute(state, None, 0, tmp_path / "w")
    tokens = trainer.run.manifest.data.batch * trainer.run.manifest.data.context
    assert (done.steps, done.tokens) == (1, tokens)
    root = object_root(held(done.carried))
    for steps, right in ((1, True), (2, False), (None, False)):
        found = await trainer.check(
            state, None, 0, Path(done.message), after_root=root, steps=steps
        )
        assert found.right is right


async def test_an_audit_looks_at_what_is_carried_on(
    run: RunFolder, trainer: Trainer, tmp_path: Path
) -> None:
    """Else a right message would hide moments that nobody computed, and the next window's audit
    would begin from them."""
    state = Path((await trainer.first(tmp_path / "state")).path)
    done = await trainer.compute(state, None, 0, tmp_path / "w")
    message, root = Path(done.message), object_root(held(done.carried))
    right = await trainer.check(state, None, 0, message, after_root=root)
    assert right.right
    forged = await trainer.check(state, None, 0, message, after_root=b"f" * 32)
    assert not forged.right
    assert "carries on" in forged.reason
    # On a machine of another profile the bits differ, and the arrays are compared.
    work, network = own_work(run)
    audit = msgspec.structs.replace(run.manifest.audit, distance=0.1)
    loose = WindowWork(msgspec.structs.replace(run.manifest, audit=audit), network, run.corpus)
    first = parse_state(held(state), network.shape)
    none = CarriedOver.none(network.shape.size)
    own = work.compute(first, none, 0)
    nearly = own.steps.end + 1e-7 * np.sign(own.steps.end - first.model)
    policy = run.manifest.codec.policy
    sent, feedback = compress(
        (nearly - first.model).astype(np.float32), first.shape, policy, none.feedback, first.past,
        own.after.moments.gradients,
    )  # fmt: skip
    assert not np.array_equal(feedback, own.after.feedback)
    after = CarriedOver(own.after.moments, feedback)
    assert loose.check(first, none, 0, sent, after=after).right
    for harmed in (
        dataclasses.replace(after, feedback=feedback * np.float32(2)),
        dataclasses.replace(after, moments=Moments.none(network.shape.size)),
        dataclasses.replace(
            after, moments=dataclasses.replace(after.moments, second=after.moments.second * 2)
        ),
    ):
        assert not loose.check(first, none, 0, sent, after=harmed).right


async def test_two_values_that_change_places_with_the_bits_are_no_cheat(run: RunFolder) -> None:
    """One of them is sent in the other's place, which is a hundredth of a message; what is sent
    and kept together is the same."""
    network = FlatNetwork.load(run.model)
    manifest = msgspec.structs.replace(
        run.manifest,
        codec=msgspec.structs.replace(run.manifest.codec, sent_ppm=200_000),
        audit=msgspec.structs.replace(run.manifest.audit, distance=5e-3),
    )
    work = WindowWork(manifest, network, run.corpus)
    first = TrainingState.first(network.shape, network.take())
    none, policy = CarriedOver.none(network.shape.size), manifest.codec.policy
    own = work.compute(first, none, 0)
    change = own.steps.end - first.model
    said = extract(own.message, first.shape, policy, first.past)
    gradients = own.after.moments.gradients
    kept = np.setdiff1d(np.arange(change.size), said.places)
    goes_in = kept[np.argmax(np.abs(change[kept]) * gradients[kept])]
    least = (np.abs(change[said.places]) * gradients[said.places]).min()
    just_more = least * np.float32(1.001) / gradients[goes_in]
    change[goes_in] = np.copysign(just_more, change[goes_in])
    sent, feedback = compress(change, first.shape, policy, none.feedback, first.past, gradients)
    places = extract(sent, first.shape, policy, first.past).places
    assert np.setxor1d(places, said.places).size == 2
    after = CarriedOver(own.after.moments, feedback)
    assert not work.check(first, none, 0, sent).right
    found = work.check(first, none, 0, sent, after=after)
    assert found.right
    assert found.distance > manifest.audit.distance
    moved = dataclasses.replace(after, feedback=feedback * np.float32(1.1))
    assert not work.check(first, none, 0, sent, after=moved).right
    exact = msgspec.structs.replace(manifest.audit, distance=0.0)
    strict = WindowWork(msgspec.structs.replace(manifest, audit=exact), network, run.corpus)
    assert not strict.check(first, none, 0, sent, after=after).right


async def test_copies_are_found_whoever_was_first(trainer: Trainer, tmp_path: Path) -> None:
    state = Path((await trainer.first(tmp_path / "state")).path)
    done = [await trainer.compute(state, None, at, tmp_path / f"w{at}") for at in range(3)]
    (tmp_path / "none").write_bytes(b"no message")
    paths = [done[0].message, done[1].message, str(tmp_path / "none"), done[0].message]
    given = [OpenedFile(uid, path) for uid, path in zip((7, 2, 5, 1), paths, strict=True)]
    (found,) = await trainer.copies(state, given, key=9)
    assert (found.later, found.earlier, found.overlap) == (1, 7, 1.0)


async def test_what_a_peer_made_wrong_is_a_finding(trainer: Trainer, tmp_path: Path) -> None:
    state = Path((await trainer.first(tmp_path / "state")).path)
    done = await trainer.compute(state, None, 0, tmp_path / "w")
    message, carried = Path(done.message), Path(done.carried)
    bomb = tmp_path / "bomb"
    bomb.write_bytes(held(message) + bytes(2**20))
    half = tmp_path / "half"
    half.write_bytes(held(carried)[:-4])
    wild = tmp_path / "wild"
    size = trainer.facts.numbers
    moments = np.full(size, -1e30, np.float32)
    zeros = CarriedOver.none(size)
    forged = CarriedOver(type(zeros.moments)(moments, moments, 7), np.full(size, 3e38, np.float32))
    wild.write_bytes(pack_carried(forged))
    for carry, place, given, word in (
        (None, 1, message, "lies"),
        (None, 0, bomb, "no message"),
        (half, 0, message, "carried"),
        (wild, 0, message, "carried"),
        (bomb, 0, message, "carried"),
    ):
        found = await trainer.check(state, carry, place, given)
        assert not found.right, word
        assert word in found.reason
        assert found.distance > 1e-3
    folded = await trainer.fold(
        state,
        [
            Counted(1, str(bomb), 1, "5One"),
            Counted(2, str(message), 0, "5Two"),
            Counted(4, str(message), 1, "5Four"),
        ],
        0,
        tmp_path / "next",
    )
    assert set(folded.refused) == {1}
    assert set(folded.factors) == {4}


async def test_what_is_missing_or_damaged_here_fails_the_call_alone(
    trainer: Trainer, tmp_path: Path
) -> None:
    state = Path((await trainer.first(tmp_path / "state")).path)
    torn = tmp_path / "torn"
    data = bytearray(held(state))
    data[len(data) // 2] ^= 1
    torn.write_bytes(data)
    for harmed in (tmp_path / "nothing", torn):
        with pytest.raises(WorkerFailed):
            await trainer.read_state(harmed)
    with pytest.raises(WorkerFailed):
        await trainer.compute(state, torn, 0, tmp_path / "w")
    assert not (tmp_path / "w").exists()
    assert await trainer.held_out(state) > 0


async def test_a_window_that_is_given_up_ends_and_the_next_call_is_answered(
    trainer: Trainer, tmp_path: Path
) -> None:
    state = Path((await trainer.first(tmp_path / "state")).path)
    heard = asyncio.Event()
    computing = asyncio.create_task(
        trainer.compute(state, None, 0, tmp_path / "w", lambda done: heard.set())
    )
    await heard.wait()
    computing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await computing
    assert not (tmp_path / "w" / "message").exists()
    with pytest.raises(WorkerTimedOut):
        await trainer.compute(state, None, 0, tmp_path / "w", deadline_s=1e-3)
    assert (await trainer.compute(state, None, 0, tmp_path / "w")).window == 0


async def test_honest_work_is_worth_more_than_work_of_the_other_sign(
    trainer: Trainer, tmp_path: Path
) -> None:
    state = await trainer.first(tmp_path / "state-0")
    done = await trainer.compute(Path(state.path), None, 0, tmp_path / "w")
    before = await trainer.held_out(Path(state.path))
    (tmp_path / "noise").write_bytes(b"\x02noise")
    worth = await trainer.worth(
        Path(state.path),
        [Weighed(2, done.message, 0, 1), Weighed(5, str(tmp_path / "noise"), 1, 0)],
        sequences=20,
        seed=7,
    )
    assert [each.uid for each in worth] == [2, 5]
    assert min(worth[0].held, worth[0].own, worth[0].other) > 0.01
    assert worth[0].refused is None
    assert worth[1].refused is not None
    again = await trainer.worth(
        Path(state.path), [Weighed(2, done.message, 0, 1)], sequences=20, seed=7
    )
    folded = await trainer.fold(
        Path(state.path), [Counted(2, done.message, 1, "5Two")], 1, tmp_path / "state-1"
    )
    assert again[0].held == pytest.approx(worth[0].held, abs=1e-6)
    assert await trainer.held_out(Path(folded.state.path)) < before


async def test_the_model_is_published_as_a_folder_that_loads(
    run: RunFolder, trainer: Trainer, tmp_path: Path
) -> None:
    state = await trainer.first(tmp_path / "state-0")
    done = await trainer.compute(Path(state.path), None, 0, tmp_path / "w")
    folded = await trainer.fold(
        Path(state.path), [Counted(2, done.message, 1, "5Two")], 1, tmp_path / "state-1"
    )
    exported = await trainer.export(Path(folded.state.path), tmp_path / "out")
    root, lineage = exported.root, exported.lineage
    assert [(each.hotkey, each.windows, each.share) for each in lineage.contributors] == [
        ("5Two", 1, 1.0)
    ]
    assert lineage.state == folded.state.root.hex()
    assert root == model_root(tmp_path / "out")
    network = FlatNetwork.load(tmp_path / "out")
    kept = parse_state((tmp_path / "state-1").read_bytes(), network.shape)
    assert np.array_equal(network.take(), kept.model)
    assert read_lineage(tmp_path / "out") == lineage
    assert await trainer.export(Path(folded.state.path), tmp_path / "again") == exported
    with pytest.raises(WorkerFailed, match="there already"):
        await trainer.export(Path(folded.state.path), tmp_path / "out")


async def test_another_machine_than_the_run_s_is_told(tmp_path: Path) -> None:
    run = small_run(tmp_path, machine=msgspec.structs.replace(MACHINE, torch="0.0.1"))
    workers = Workers(tmp_path / "workers", SystemClock(), random.Random(0))
    told: list[str] = []
    sink = logger.add(lambda message: told.append(str(message)), level="WARNING")
    try:
        await Trainer.start(workers, run)
    finally:
        logger.remove(sink)
        await workers.close()
    assert any("instead of 0.0.1" in each for each in told)
