"""The end of a process: it waits for what can end, and for nothing else."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from assay.child import OUTCOME
from assay.cli.process import run_async, settle_memory
from assay.outcome import Kind, read_outcome

HUNG = """
import asyncio, sys
from assay.cli import main, process
from assay.errors import UserError

async def swallows():
    while True:
        try:
            await asyncio.sleep(3600)  # HERE
        except BaseException:
            continue

async def run():
    asyncio.ensure_future(swallows())
    await asyncio.sleep(0.01)
    raise UserError("It hangs.", "Mend it.")

main._run = lambda _: process.run_async(run)
sys.exit(main.main(sys.argv[1:]))
"""


@pytest.mark.e2e
def test_a_process_ends_with_its_outcome_whatever_swallows_its_cancellation(tmp_path: Path) -> None:
    script, outcome = tmp_path / "hung.py", tmp_path / "outcome.json"
    script.write_text(HUNG)
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, OUTCOME: str(outcome)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    told = read_outcome(outcome)
    assert told is not None
    assert (told.kind, told.cause) == (Kind.USER, "It hangs.")
    line = 1 + [text.endswith("# HERE") for text in HUNG.splitlines()].index(True)
    assert f"What waits at {script}:{line} in swallows() goes on" in done.stderr
    assert "Traceback" not in done.stderr
    assert "destroyed" not in done.stderr


def test_what_ends_when_it_is_cancelled_is_waited_for() -> None:
    ended: list[str] = []

    async def tidies() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("tidied up")

    async def run() -> str:
        task = asyncio.ensure_future(tidies())
        await asyncio.sleep(0)
        assert not task.done()
        return "done"

    assert run_async(run) == "done"
    assert ended == ["tidied up"]


def test_what_a_neuron_begins_with_is_not_looked_through_again() -> None:
    kept = [[] for _ in range(1_000)]  # type: ignore[var-annotated]
    before = gc.get_freeze_count()
    try:
        settle_memory()
        assert gc.get_freeze_count() >= before + len(kept)
        assert not any(each is kept for each in gc.get_objects())
    finally:
        gc.unfreeze()
