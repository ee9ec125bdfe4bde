"""Miners that train one run together, through the chain and each other's objects."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from loguru import logger

from assay.errors import Unavailable
from assay.files import write_atomic
from assay.miners.training.work import PeerWork
from assay.neuron import Caller
from assay.protocol.training.asking import RunFiles, StateHeld, WhichFiles, WhichState
from assay.protocol.training.peer import PeerState
from assay.protocol.training.records import ValidatorRecord
from assay.protocol.training.schedule import Phase
from assay.protocol.training.seal import NOTHING
from assay.training.messages import Computed, Counted
from assay.workers import WorkerDied
from tests.unit.miners.training.net import WAIT_S, LocalMiner, Net, Seat, training_net

PEERS = 4


@pytest.fixture
def told() -> Any:
    """The lines of the log from warnings on."""
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level="WARNING", format="{message}")
    yield lines
    logger.remove(sink)


async def test_four_peers_hold_one_state_after_six_windows(tmp_path: Path) -> None:
    async with training_net(tmp_path, PEERS) as net:
        roots = set()
        for window in range(6):
            await net.to_window(window + 1)
            assert len(net.roots) == 1
            assert len(await net.counted(window)) == PEERS
            roots |= net.roots
        assert len(roots) == 6
        for seat in net.seats:
            seals = [await net.seal_of(seat, window) for window in (4, 5)]
            assert seals[1].before == seals[0].after
        state = net.alive[0].follower.newest
        assert state is not None
        assert (state.window, state.cursor) == (6, 6 * PEERS * 6 * 4)


async def test_a_void_window_changes_no_number_and_what_it_made_is_not_carried_on(
    tmp_path: Path,
) -> None:
    async with training_net(tmp_path, 2) as net:
        await net.to_window(1)
        net.speaking = 0
        await net.to_window(2)
        states = [net.alive[0].follower.state_of(window) for window in (1, 2)]
        assert states[0] is not None and states[1] is not None
        assert states[0].cursor == states[1].cursor
        assert not await net.counted(1)
        net.speaking = 2
        await net.to_window(3)
        assert len(net.roots) == 1
        assert len(await net.counted(2)) == 2
        for seat in net.seats:
            first, void, third = [await net.seal_of(seat, window) for window in range(3)]
            assert first.before == NOTHING
            assert third.before == void.before == first.after


async def test_a_validator_without_a_majority_brings_nobody_in(tmp_path: Path) -> None:
    async with training_net(tmp_path, 2) as net:
        await net.to_phase(0, Phase.ATTEST)
        state = net.alive[0].follower.newest
        assert state is not None
        opened = await net.records.opened(0)
        assert len(opened) == 2
        first, second = sorted(opened)
        said = {0: {first, second}, 1: {second}}
        for number, held in said.items():
            record = ValidatorRecord(0, state.root[:16], frozenset(held))
            await net.publish(record, [net.validators[number]])
        await net.to_phase(1, Phase.TRAIN)
        assert set((await net.records.closing(0)).counted) == {first, second}
        assert len(net.roots) == 1


@pytest.mark.parametrize(
    ("phase", "blocks"),
    [(Phase.TRAIN, 0), (Phase.TRAIN, 2), (Phase.UPLOAD, 0), (Phase.REVEAL, 0), (Phase.REVEAL, 2)],
)
async def test_a_killed_peer_goes_on_with_what_it_has_sealed(
    tmp_path: Path, phase: Phase, blocks: int
) -> None:
    """It is killed and started again in the middle of a window, which counts its work."""
    async with training_net(tmp_path, 2) as net:
        await net.to_window(1)
        await net.to_block(net.schedule.blocks(1, phase)[0] + blocks)
        before = await net.records.sealed(1) if phase is Phase.REVEAL else {}
        await net.kill(net.seats[0])
        await net.start(net.seats[0])
        await net.quiet()
        await net.to_window(2)
        assert net.seats[0].address in await net.counted(1)
        sealed = await net.records.sealed(1)
        assert {uid: each.seal for uid, each in before.items()}.items() <= {
            uid: each.seal for uid, each in sealed.items()
        }.items()
        assert len(net.roots) == 1
        await net.to_window(3)
        assert len(await net.counted(2)) == 2
        assert len(net.roots) == 1


async def test_a_peer_that_was_away_for_five_windows_comes_back_to_the_same_state(
    tmp_path: Path,
) -> None:
    async with training_net(tmp_path, 3) as net:
        await net.to_window(1)
        away = net.seats[2]
        await net.kill(away)
        await net.to_window(6)
        assert away.address not in await net.counted(4)
        await net.start(away)
        await net.quiet()
        assert len(net.roots) == 1
        await net.to_window(8)
        assert len(net.roots) == 1
        assert away.address in await net.counted(7)
        seal = await net.seal_of(away, 7)
        assert seal.before != NOTHING  # what it carried was not lost


async def test_a_newcomer_joins_from_the_runs_root_alone(tmp_path: Path) -> None:
    async with training_net(tmp_path, 2) as net:
        await net.to_window(3)
        newcomer = await net.add(7, run=net.run.root.hex())
        await net.to_window(5)
        assert len(net.roots) == 1
        await net.to_window(6)
        assert newcomer.address in await net.counted(5)
        assert len(net.roots) == 1


class Liar(LocalMiner):
    """A miner that hands other files to newcomers than the run has, and other states."""

    async def which_files(self, request: WhichFiles, caller: Caller) -> RunFiles:
        told = await super().which_files(request, caller)
        roots = [file.root for file in told.files]
        swapped = [
            msgspec.structs.replace(file, root=root, size_bytes=2**30)
            if file.name != "manifest"
            else file
            for file, root in zip(told.files, roots[1:] + roots[:1], strict=True)
        ]
        return RunFiles(files=tuple(swapped))

    async def which_state(self, request: WhichState, caller: Caller) -> StateHeld:
        newest = self.follower.newest
        assert newest is not None
        return StateHeld(root=await self.exchange.put(bytes(2_000), newest.window))


async def test_a_newcomer_passes_liars_by(tmp_path: Path, told: list[str]) -> None:
    async with training_net(tmp_path, 1) as net:
        for number in (7, 8):
            await net.add(number, miner=Liar())
        await net.to_window(3)
        newcomer = await net.add(9, run=net.run.root.hex())
        await net.to_window(6)
        assert newcomer.address in await net.counted(5)
        assert len(net.roots) == 1
        assert any("was not taken" in line for line in told)


async def test_a_state_that_is_damaged_or_of_another_past_is_fetched_anew(
    tmp_path: Path, told: list[str]
) -> None:
    async with training_net(tmp_path, 3) as net:
        await net.to_window(2)
        damaged, other = net.seats[1], net.seats[2]
        assert damaged.miner is not None and other.miner is not None
        newest, wrong = damaged.miner.follower.newest, other.miner.follower.newest
        older = other.miner.follower.state_of(1)
        assert newest is not None and wrong is not None and older is not None
        for seat in (damaged, other):
            await net.kill(seat)
        cut_short(newest.path)
        # A whole state of window 2 that skipped window 1, as after a void window.
        await net.alive[0].trainer.skip(Path(older.path), Path(wrong.path))
        for seat in (damaged, other):
            await net.start(seat)
        await net.quiet()
        assert len(net.roots) == 3
        await net.to_window(4)
        assert len(net.roots) == 1
        assert any("damaged" in line for line in told)
        assert any("another state" in line for line in told)


class TwistedWork(PeerWork):
    async def compute(self, state: Any, carried: Path | None, place: int, folder: Path) -> Computed:
        done = await super().compute(state, carried, place, folder)
        bent = [b"no message at all", b"", None][state.window % 3]
        if bent is not None:  # else the seal names another message than there is
            write_atomic(Path(done.message), bent)
        else:
            turn_round(done.message)
        return done


class Twisted(LocalMiner):
    """A miner whose messages are bent before they are sealed."""

    work_type = TwistedWork


async def test_what_opens_to_no_message_is_left_out_by_all_with_its_reason(
    tmp_path: Path, told: list[str]
) -> None:
    async with training_net(tmp_path, 2) as net:
        bent = await net.add(7, miner=Twisted())
        await net.to_window(4)
        for window in (1, 2, 3):
            peer = (await net.records.peers(window)).of(bent.address)
            assert peer is not None
            assert bent.address in await net.counted(window)
            reasons = {
                miner.follower.folded(window).refused[peer.uid]  # type: ignore[union-attr]
                for miner in net.alive
            }
            assert len(reasons) == 1
        assert len(net.roots) == 1


class FullDiskWork(PeerWork):
    async def compute(self, state: Any, carried: Path | None, place: int, folder: Path) -> Computed:
        if state.window == 1:
            raise Unavailable("The disk is full: /somewhere.", "Free some space.")
        return await super().compute(state, carried, place, folder)


class FullDisk(LocalMiner):
    """A miner whose disk is full in window 1."""

    work_type = FullDiskWork


async def test_a_full_disk_is_told_once_and_costs_one_window(
    tmp_path: Path, told: list[str]
) -> None:
    async with training_net(tmp_path, 2) as net:
        full = await net.add(7, miner=FullDisk())
        await net.to_window(1)
        await net.to_phase(1, Phase.REVEAL)
        assert full.miner is not None and full.miner.peer is not None
        assert full.miner.peer.state is PeerState.MISSED
        await net.to_window(4)
        assert full.address not in await net.counted(1)
        assert full.address in await net.counted(3)
        assert len(net.roots) == 1
        assert len([line for line in told if "disk is full" in line]) == 1


async def test_a_chain_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    async with training_net(tmp_path, 2) as net:
        await net.to_window(1)
        net.ledger.down = True
        net.ledger.advance()
        for _ in range(50):
            await asyncio.sleep(0)
        net.ledger.down = False
        net.ledger.advance()
        await net.to_window(3)
        assert len(net.roots) == 1
        assert len(await net.counted(2)) == 2


async def test_a_slow_peer_misses_the_window_and_takes_part_in_the_next(tmp_path: Path) -> None:
    """Its steps are given up at the deadline: nobody waits for it, and it waits for nobody."""
    async with training_net(tmp_path, 2) as net:
        slow = await net.add(7, miner=Slow())
        net.not_waited_for = slow
        await net.to_window(1)
        await net.to_phase(1, Phase.REVEAL)
        net.not_waited_for = None
        await net.to_window(2)
        assert slow.address not in await net.counted(1)
        assert len(await net.counted(1)) == 2
        await net.to_window(3)
        assert slow.address in await net.counted(2)
        assert len(net.roots) == 1


async def test_a_peer_that_runs_out_of_time_sends_the_steps_that_it_has_taken(
    tmp_path: Path,
) -> None:
    """Its message counts by its part, an audit finds it right, and nothing of it is lost."""
    async with training_net(tmp_path, 2) as net:
        HaltedWork.stands = asyncio.Event()
        slow = await net.add(7, miner=Halted())
        await net.to_phase(0, Phase.ATTEST)
        await net.speak(0)
        await net.to_phase(0, Phase.ADVANCE)
        net.not_waited_for = slow
        await net.to_phase(1, Phase.TRAIN)
        await asyncio.wait_for(HaltedWork.stands.wait(), WAIT_S)
        await net.to_phase(1, Phase.UPLOAD)
        net.not_waited_for = None
        await net.to_window(2)
        assert len(await net.counted(1)) == 3
        assert len(net.roots) == 1
        seal = await net.seal_of(slow, 1)
        assert seal.steps == 1
        await _refold(net, slow, tmp_path / "again")
        await net.to_window(3)
        assert (await net.seal_of(slow, 2)).before == seal.after
        assert len(await net.counted(2)) == 3
        assert len(net.roots) == 1


async def _refold(net: Net, slow: Seat, into: Path) -> None:
    """Fold window 1 again, the message of ``slow`` with a sixth of the others' weight."""
    miner = net.alive[0]
    begun, ended = miner.follower.state_of(1), miner.follower.state_of(2)
    assert begun is not None and ended is not None
    whole = 65_535 // 3
    messages = [
        Counted(
            uid,
            str(miner.follower.message_path(1, uid)),
            whole // 6 if peer.hotkey == slow.address else whole,
            peer.hotkey,
        )
        for uid, peer in (await net.records.peers(1)).by_uid.items()
    ]
    read = 3 * miner.trainer.facts.read
    folded = await miner.trainer.fold(Path(begun.path), messages, read, into)
    assert folded.state.root == ended.root


class HaltedWork(PeerWork):
    """Stands still in window 1 until it is told to finish."""

    stands: ClassVar[asyncio.Event]

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._ended = asyncio.Event()

    def finish(self, window: int) -> None:
        self._ended.set()
        super().finish(window)

    async def compute(self, state: Any, carried: Path | None, place: int, folder: Path) -> Computed:
        if state.window == 1:
            self.stands.set()
            await self._ended.wait()
        return await super().compute(state, carried, place, folder)


class Halted(LocalMiner):
    """A miner that is stopped for the phase in which it should compute."""

    work_type = HaltedWork


class SlowWork(PeerWork):
    slow_in = 1

    async def compute(self, state: Any, carried: Path | None, place: int, folder: Path) -> Computed:
        if state.window == self.slow_in:
            await asyncio.Event().wait()
        return await super().compute(state, carried, place, folder)


class Slow(LocalMiner):
    """A miner whose steps of one window have no end."""

    work_type = SlowWork


class OrphanWork(PeerWork):
    """Loses its trainer's process under each window's steps, once."""

    lost_in = -1

    async def compute(self, state: Any, carried: Path | None, place: int, folder: Path) -> Computed:
        if state.window != self.lost_in:
            self.lost_in = state.window
            raise WorkerDied("The worker trainer was killed by SIGKILL.", "It is started again.")
        return await super().compute(state, carried, place, folder)


class Orphan(LocalMiner):
    """A miner whose trainer is killed again and again."""

    work_type = OrphanWork


async def test_a_window_whose_trainer_was_killed_is_begun_again_and_counts(
    tmp_path: Path, told: list[str]
) -> None:
    async with training_net(tmp_path, 1) as net:
        orphan = await net.add(7, miner=Orphan())
        await net.to_window(2)
        assert orphan.address in await net.counted(1)
        assert any("begun again" in line and "SIGKILL" in line for line in told)


def cut_short(path: str) -> None:
    whole = Path(path).read_bytes()
    Path(path).write_bytes(whole[:-9])


def turn_round(path: str) -> None:
    whole = Path(path).read_bytes()
    Path(path).write_bytes(whole[::-1])
