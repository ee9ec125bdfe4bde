"""Training cheats on a small subnet: each claims what an honest miner claims, and each shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import UserError
from assay.lab.cheats import TRAINING_CHEATS, wrap_cheat
from assay.lab.cheats.training import AROUND_IT, IN_THE_TRAINER
from assay.miners.training import TrainingMiner
from assay.protocol.training.seal import NOTHING
from assay.training.exchange import check_seal
from examples.reverse import ReverseTask
from tests.unit.miners.training.net import Net, Seat, training_net

WINDOWS = 4


async def audit(net: Net, seat: Seat, window: int) -> str | None:
    """What a whole audit of a peer's closed window finds wrong, as a validator would; None if all
    is right."""
    auditor = net.alive[0]
    peer = (await net.records.peers(window)).of(seat.address)
    state = auditor.follower.state_of(window)
    assert peer is not None and state is not None
    seal = await net.seal_of(seat, window)
    check_seal(seal, auditor.follower.terms(state), seat.address, auditor.exchange.limits)
    if seat.address in await net.counted(window - 1):
        before = await net.seal_of(seat, window - 1)
        if seal.before not in (before.after, NOTHING):
            return "another thing is carried in than was carried out"
    folder = net.folder
    carried = None
    if seal.before != NOTHING:
        carried = folder / "audited-carried"
        await auditor.exchange.carried(seal.before, [seat.address], window, carried)
    found = await auditor.trainer.check(
        Path(state.path), carried, peer.place, auditor.follower.message_path(window, peer.uid),
        after_root=seal.after,
    )  # fmt: skip
    if found.needs_after:
        after = folder / "audited-after"
        await auditor.exchange.carried(seal.after, [seat.address], window, after)
        found = await auditor.trainer.check(
            Path(state.path), carried, peer.place,
            auditor.follower.message_path(window, peer.uid), after_root=seal.after, after=after,
        )  # fmt: skip
    return None if found.right else found.reason


QUICK = ("skip-1", "forged-moments", "swapped-moments", "copier")
"""The least that is skipped, and one of each kind; the others play in the long tests."""
CHEATS = [
    pytest.param(cheat, marks=() if cheat in QUICK else pytest.mark.slow)
    for cheat in sorted({*IN_THE_TRAINER, "swapped-moments"})
]


@pytest.mark.parametrize("cheat", CHEATS)
async def test_what_a_recomputation_can_find_it_finds(tmp_path: Path, cheat: str) -> None:
    async with training_net(tmp_path, 2) as net:
        await net.add(7, cheat=cheat)
        honest, seat = net.seats[0], net.seats[-1]
        found = []
        for window in range(1, WINDOWS):
            await net.to_window(window + 1)
            assert seat.address in await net.counted(window)
            assert await audit(net, honest, window) is None
            found.append(await audit(net, seat, window))
        assert len(net.roots) == 1
    assert any(found), cheat
    if cheat not in ("replayer", "stale", "swapped-moments"):  # honest at first, or now and then
        assert all(found), found


@pytest.mark.parametrize(
    ("cheat", "counted"),
    [("late", []), ("selective-revealer", [2]), ("shape-bomb", []), ("hider", [1, 2, 3])],
)
async def test_what_is_not_shown_in_time_or_not_of_its_form_counts_for_nobody(
    tmp_path: Path, cheat: str, counted: list[int]
) -> None:
    async with training_net(tmp_path, 2) as net:
        await net.add(7, cheat=cheat)
        seat = net.seats[-1]
        await net.to_window(WINDOWS)
        counts = [w for w in range(1, WINDOWS) if seat.address in await net.counted(w)]
        if cheat == "shape-bomb":  # the words of the test's validators hold whatever has a key
            uid = (await net.records.peers(2)).of(seat.address).uid  # type: ignore[union-attr]
            refused = net.alive[0].follower.folded(2).refused  # type: ignore[union-attr]
            assert "bytes" in refused[uid]
        else:
            assert counts == counted
        assert len(net.roots) == 1


async def test_a_hider_hands_over_nothing(tmp_path: Path) -> None:
    async with training_net(tmp_path, 2) as net:
        await net.add(7, cheat="hider")
        seat = net.seats[-1]
        await net.to_window(3)
        seal = await net.seal_of(seat, 2)
        assert not await seat.miner.exchange.has(seal.before)  # type: ignore[union-attr]


def test_a_training_cheat_wraps_a_training_miner_alone() -> None:
    for name in TRAINING_CHEATS:
        with pytest.raises(UserError, match="trains nothing"):
            wrap_cheat(name, ReverseTask())
        assert wrap_cheat(name, TrainingMiner()).name == "training"
    assert set(TRAINING_CHEATS) == {*IN_THE_TRAINER, *AROUND_IT}
