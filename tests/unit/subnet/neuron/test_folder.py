"""A neuron's folder belongs to one hotkey on one subnet of one chain."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import UserError
from assay.neuron.folder import NeuronFolder, checkpoints, old_folder, read_mark
from tests.unit.subnet.neuron.worlds import key

ONE, TWO = "0x" + "ab" * 32, "0x" + "cd" * 32
HOTKEY = key(1).address


def test_chains_subnets_and_hotkeys_have_folders_of_their_own(tmp_path: Path) -> None:
    cases = [(ONE, 1, HOTKEY), (TWO, 1, HOTKEY), (ONE, 2, HOTKEY), (ONE, 1, key(2).address)]
    folders = [NeuronFolder.of(tmp_path, *case) for case in cases]
    assert len({folder.path for folder in folders}) == len(cases)
    for folder, case in zip(folders, cases, strict=True):
        folder.claim(*case)
        folder.claim(*case)
        assert folder.task.is_dir()


def test_another_chains_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    """Two chains may begin with the same digits; the mark has all of them."""
    alike = ONE[:10] + "00" * 28
    folder = NeuronFolder.of(tmp_path, ONE, 1, HOTKEY)
    folder.claim(ONE, 1, HOTKEY)
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=f"of the chain {ONE}, not to") as refused:
        NeuronFolder.of(tmp_path, alike, 1, HOTKEY).claim(alike, 1, HOTKEY)
    assert "--state-dir" in refused.value.cure
    assert {p: p.read_bytes() for p in folder.path.rglob("*") if p.is_file()} == before


def test_the_old_layout_is_taken_over_once_without_its_averages(tmp_path: Path) -> None:
    old = old_folder(tmp_path, "mine", "default", 1)
    old.mkdir(parents=True)
    for name in ("checkpoint.json", "nonces", "probation.json", "neuron.lock"):
        (old / name).write_text(name)
    folder = NeuronFolder.of(tmp_path, ONE, 1, HOTKEY)
    folder.take_over(old)
    folder.claim(ONE, 1, HOTKEY)
    assert not old.exists()
    assert folder.nonces.read_text() == "nonces"
    assert (folder.task / "probation.json").read_text() == "probation.json"
    assert not folder.checkpoint.exists()
    assert (folder.path / "checkpoint.json.old").read_text() == "checkpoint.json"
    assert folder.lock.read_text() == "neuron.lock", "it is held by whoever runs"
    old.mkdir()
    (old / "nonces").write_text("of another chain")
    folder.take_over(old)
    assert folder.nonces.read_text() == "nonces", "once there is a folder it stays"


def test_all_checkpoints_of_a_subnet_are_found(tmp_path: Path) -> None:
    for hotkey in (key(1).address, key(2).address):
        folder = NeuronFolder.of(tmp_path, ONE, 7, hotkey)
        folder.claim(ONE, 7, hotkey)
        folder.checkpoint.write_text("{}")
    assert len(list(checkpoints(tmp_path, ONE, 7))) == 2
    assert list(checkpoints(tmp_path, TWO, 7)) == []


def test_the_files_have_the_names_that_the_page_gives_them(tmp_path: Path) -> None:
    folder = NeuronFolder.of(tmp_path, ONE, 7, HOTKEY)
    assert folder.path == tmp_path / "neurons" / "abababab" / "7" / HOTKEY
    named = {
        "neuron.lock": folder.lock,
        "checkpoint.json": folder.checkpoint,
        "seeds.json": folder.seeds,
        "nonces": folder.nonces,
        "receipts": folder.receipts,
        "objects": folder.objects,
        "workers": folder.workers,
        "task": folder.task,
    }
    assert named == {name: folder.path / name for name in named}


def test_a_tasks_folder_that_was_removed_is_made_again(tmp_path: Path) -> None:
    folder = NeuronFolder.of(tmp_path, ONE, 1, HOTKEY)
    folder.claim(ONE, 1, HOTKEY)
    folder.task.rmdir()
    folder.claim(ONE, 1, HOTKEY)
    assert folder.task.is_dir()


def test_an_old_folder_is_taken_over_beside_others_and_with_a_task_folder(tmp_path: Path) -> None:
    NeuronFolder.of(tmp_path, ONE, 1, key(2).address).claim(ONE, 1, key(2).address)
    old = old_folder(tmp_path, "mine", "default", 1)
    (old / "task").mkdir(parents=True)
    (old / "task" / "model").write_text("kept")
    folder = NeuronFolder.of(tmp_path, ONE, 1, HOTKEY)
    folder.take_over(old)
    assert (folder.task / "model").read_text() == "kept"


def test_whose_a_folder_is_stands_in_its_mark(tmp_path: Path) -> None:
    folder = NeuronFolder.of(tmp_path, ONE, 1, HOTKEY)
    with pytest.raises(UserError, match="is not a neuron's folder"):
        read_mark(folder.path)
    folder.claim(ONE, 1, HOTKEY)
    mark = read_mark(folder.path)
    assert (mark.genesis, mark.netuid, mark.hotkey) == (ONE, 1, HOTKEY)
    (folder.path / "neuron.json").write_text("{}")
    with pytest.raises(UserError, match="cannot be read"):
        read_mark(folder.path)
