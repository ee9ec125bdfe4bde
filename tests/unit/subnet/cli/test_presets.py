"""A preset: other defaults for the same options, and what is made before neurons start."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click
import pytest

from assay import needs
from assay.cli import main
from assay.cli.train.run import run as train_run
from assay.cli.up.command import up
from assay.cli.up.presets import PRESETS, Preset, chosen_preset, prepare
from assay.cli.up.record import _FRESH
from assay.errors import UserError


def parsed(*words: str) -> dict[str, object]:
    with click.Command("up", params=list(up.params)).make_context("up", list(words)) as context:
        return context.params


def test_a_preset_gives_defaults_and_words_go_before_them() -> None:
    assert parsed()["task"] == "inference"
    assert parsed()["cheat"] == "cached"
    for name, preset in PRESETS.items():
        for words in (("--preset", name), (f"--preset={name}", "--seed", "3")):
            found = parsed(*words)
            assert found["task"] == preset.task
            assert {key: found[key] for key in preset.defaults} == dict(preset.defaults)
    assert parsed("--cheat", "garbage", "--preset", "training")["cheat"] == "garbage"
    assert set(PRESETS["training"].defaults) <= set(parsed())


def test_a_run_of_training_is_up_with_its_preset() -> None:
    for words, cheat in (((), "skip-10"), (("--cheat", "none"), "none")):
        with train_run.make_context("run", list(words)) as context:
            found = context.params
            assert (found["preset"], found["task"], found["cheat"]) == (
                "training", "training", cheat,
            )  # fmt: skip
    with up.make_context("up", []) as context:
        assert set(found) == set(context.params)


def test_a_preset_needs_the_environment_of_its_task() -> None:
    for name in PRESETS:
        assert needs._task_of(["--preset", name]) == PRESETS[name].task


def test_a_preset_with_another_task_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert chosen_preset(None, "examples/reverse.py") is None
    assert chosen_preset(None, "training") is PRESETS["training"]
    assert chosen_preset("training", "training") is PRESETS["training"]
    words = ["up", "--preset", "inference", "--task", "examples/reverse.py"]
    assert main.main(words) == 2
    assert "runs the task inference, not examples/reverse.py" in capsys.readouterr().err


def test_what_a_preset_makes_is_removed_by_a_fresh_start() -> None:
    for preset in PRESETS.values():
        if preset.folder is not None:
            assert _FRESH[preset.folder].fullmatch(preset.written_last)


def wallet(folder: Path, block: int) -> tuple[str, ...]:
    """The words of a command that makes something."""
    return (
        "wallet",
        "create",
        f"w{block}",
        "--wallet-path",
        str(folder),
        "--json",
        "--no-password",
    )


def made_by_wallet(last: str) -> Preset:
    return Preset("p", folder="made", written_last=last, making=wallet, setting="keys")


async def test_it_is_made_once(tmp_path: Path) -> None:
    preset = made_by_wallet("w7/hotkeys/default")
    await prepare(preset, tmp_path, 7)
    assert preset.settings(tmp_path) == {"keys": str(tmp_path / "made")}
    made = tmp_path / "made" / "w7" / "hotkeys" / "default"
    before = made.stat()
    await prepare(preset, tmp_path, 8)
    assert made.stat() == before
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["w7"]
    await prepare(Preset("q"), tmp_path, 7)
    assert Preset("q").settings(tmp_path) == {}


async def test_why_it_cannot_be_made_is_told(tmp_path: Path) -> None:
    fails = Preset(
        "p",
        folder="made",
        written_last="never",
        making=lambda folder, block: ("receipt", "verify", str(folder / f"{block}"), "--json"),
        setting="run",
    )
    with pytest.raises(UserError, match=r"made/7"):
        await prepare(fails, tmp_path, 7)


@pytest.mark.timeout(60)
async def test_whoever_gives_up_leaves_no_process(tmp_path: Path) -> None:
    os.mkfifo(fifo := tmp_path / "receipt.json")
    waits = Preset(
        "p",
        folder="made",
        written_last="never",
        making=lambda folder, block: ("receipt", "verify", str(fifo)),
        setting="run",
    )
    making = asyncio.create_task(prepare(waits, tmp_path, 1))
    opened = await asyncio.to_thread(os.open, fifo, os.O_WRONLY)  # once the command reads there
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    with pytest.raises(BrokenPipeError):
        os.write(opened, b"nobody reads this any more")
    os.close(opened)
