"""A checkpoint is whole or refused, and survives being interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import UserError
from assay.neuron.checkpoint import Checkpoint, CheckpointFile, Standing
from assay.neuron.standings import REASON_CHARS_MAX, REASONS_MAX
from assay.types import NetUid, Ss58, Uid

NETUID, HOTKEY = NetUid(3), Ss58("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")

UIDS_MAX = 4_096
"""More than any subnet of the public network has."""


def sample() -> Checkpoint:
    standing = Standing(
        uid=Uid(4), average=0.1 + 0.2, rounds=7, score=1.0, latency_s=0.25, reasons=("a",)
    )
    return Checkpoint(
        netuid=NETUID, hotkey=HOTKEY, round=7, standings={HOTKEY: standing}, weights_epoch=9
    )


def test_what_is_saved_is_loaded_to_the_last_bit(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "deep" / "checkpoint.json")
    assert file.load(NETUID, HOTKEY) == Checkpoint(netuid=NETUID, hotkey=HOTKEY)
    file.save(sample())
    assert file.load(NETUID, HOTKEY) == sample()
    assert [path.name for path in file.path.parent.iterdir()] == ["checkpoint.json"]


def test_the_fullest_checkpoint_that_may_be_saved_is_loaded_again(tmp_path: Path) -> None:
    """Reasons may hold a stranger's words; they must not lock a validator out of its memory."""
    reasons = ("\x01" * REASON_CHARS_MAX,) * REASONS_MAX
    standings = {
        Ss58(f"{HOTKEY[:-4]}{uid:04}"): Standing(
            uid=Uid(uid), average=0.1, rounds=2**40, score=0.1, latency_s=0.1, reasons=reasons
        )
        for uid in range(UIDS_MAX)
    }
    file = CheckpointFile(tmp_path / "checkpoint.json")
    full = Checkpoint(netuid=NETUID, hotkey=HOTKEY, standings=standings)
    file.save(full)
    assert file.load(NETUID, HOTKEY) == full


@pytest.mark.parametrize("keep", [0, 1, 20, -1])
def test_a_cut_file_is_refused_with_its_cure(tmp_path: Path, keep: int) -> None:
    file = CheckpointFile(tmp_path / "checkpoint.json")
    file.save(sample())
    file.path.write_bytes(file.path.read_bytes()[:keep])
    with pytest.raises(UserError) as refused:
        file.load(NETUID, HOTKEY)
    assert "Move it away" in refused.value.cure


def test_another_neurons_file_is_refused(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "checkpoint.json")
    file.save(sample())
    with pytest.raises(UserError, match="belongs to subnet 3"):
        file.load(NetUid(4), HOTKEY)


def test_a_write_that_cannot_finish_leaves_the_old_file(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "checkpoint.json")
    file.save(sample())
    before = file.path.read_bytes()
    blocker = CheckpointFile(tmp_path / "checkpoint.json" / "impossible")
    with pytest.raises((UserError, OSError)):
        blocker.save(sample())
    assert file.path.read_bytes() == before
