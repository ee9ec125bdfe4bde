"""A checkpoint is whole or refused, and survives being interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import UserError
from assay.neuron.checkpoint import Checkpoint, CheckpointFile, ValidatorMemory
from assay.neuron.opinions import CODE_CHARS_MAX, REASON_CHARS_MAX, REASONS_MAX, Opinion, Reason
from assay.types import NetUid, Ss58, Uid

NETUID, HOTKEY = NetUid(3), Ss58("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")

GENESIS = "0x" + "11" * 32

UIDS_MAX = 4_096
"""More than any subnet of the public network has."""


def sample() -> Checkpoint:
    opinion = Opinion(
        uid=Uid(4),
        average=0.1 + 0.2,
        rounds=7,
        score=1.0,
        latency_s=0.25,
        reasons=(Reason("told", "a"),),
    )
    return Checkpoint(
        genesis=GENESIS,
        netuid=NETUID,
        hotkey=HOTKEY,
        round=7,
        opinions={HOTKEY: opinion},
        weights_epoch=9,
    )


def test_what_is_saved_is_loaded_to_the_last_bit(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "very" / "deep" / "checkpoint.json")
    assert file.load(GENESIS, NETUID, HOTKEY) == Checkpoint(
        genesis=GENESIS, netuid=NETUID, hotkey=HOTKEY
    )
    file.save(sample())
    assert file.load(GENESIS, NETUID, HOTKEY) == sample()
    assert [path.name for path in file.path.parent.iterdir()] == ["checkpoint.json"]


def test_the_fullest_checkpoint_that_may_be_saved_is_loaded_again(tmp_path: Path) -> None:
    """Reasons may hold a stranger's words; they must not lock a validator out of its memory."""
    long = Reason("\x01" * CODE_CHARS_MAX, "\x01" * REASON_CHARS_MAX)
    reasons = (long,) * REASONS_MAX
    opinions = {
        Ss58(f"{HOTKEY[:-4]}{uid:04}"): Opinion(
            uid=Uid(uid), average=0.1, rounds=2**40, score=0.1, latency_s=0.1, reasons=reasons
        )
        for uid in range(UIDS_MAX)
    }
    file = CheckpointFile(tmp_path / "checkpoint.json")
    full = Checkpoint(genesis=GENESIS, netuid=NETUID, hotkey=HOTKEY, opinions=opinions)
    file.save(full)
    assert file.load(GENESIS, NETUID, HOTKEY) == full


@pytest.mark.parametrize("keep", [0, 1, 20, -1])
def test_a_cut_file_is_refused_with_its_cure(tmp_path: Path, keep: int) -> None:
    file = CheckpointFile(tmp_path / "checkpoint.json")
    file.save(sample())
    file.path.write_bytes(file.path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"cannot be read: .*(truncated|malformed|byte)") as refused:
        file.load(GENESIS, NETUID, HOTKEY)
    assert "Move it away" in refused.value.cure


def test_another_neurons_file_is_refused(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "checkpoint.json")
    file.save(sample())
    for genesis, netuid in ((GENESIS, NetUid(4)), ("0x" + "22" * 32, NETUID)):
        with pytest.raises(UserError, match="belongs to hotkey"):
            file.load(genesis, netuid, HOTKEY)
    assert file.load(GENESIS, NETUID, HOTKEY) == sample()


def test_an_older_version_is_refused_by_its_number(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "checkpoint.json")
    file.path.write_text('{"version":1,"netuid":3,"hotkey":"5Grw","standings":{}}')
    with pytest.raises(UserError, match="version 1, not 3"):
        file.load(GENESIS, NETUID, HOTKEY)


def test_a_write_that_cannot_finish_leaves_the_old_file(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "checkpoint.json")
    file.save(sample())
    before = file.path.read_bytes()
    blocker = CheckpointFile(tmp_path / "checkpoint.json" / "impossible")
    with pytest.raises((UserError, OSError)):
        blocker.save(sample())
    assert file.path.read_bytes() == before


def test_what_a_validator_remembers_is_on_disk_before_it_is_in_memory(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "checkpoint.json")
    memory = ValidatorMemory(file, sample())
    assert memory.now == sample()
    memory.remember(round=8, earned=True)
    assert (memory.now.round, memory.now.earned, memory.now.weights_epoch) == (8, True, 9)
    assert file.load(GENESIS, NETUID, HOTKEY) == memory.now
    file.path.unlink()
    file.path.mkdir()
    with pytest.raises((UserError, OSError)):
        memory.remember(round=9)
    assert memory.now.round == 8, "what could not be saved did not happen"
