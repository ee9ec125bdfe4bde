"""`assay up` under what people's machines and tasks do to it: told soon, by cause and line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from assay.neuron.checkpoint import Checkpoint, CheckpointFile
from assay.neuron.folder import checkpoints
from tests.e2e.runs import ASSAY, ROOT, Run, assay, free_ports, up

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

REVERSE = ("--task", "examples/reverse.py")
SMALL = ("--validators", "1", "--miners", "2", "--until-first-reward")
BUILDERS = """
import reverse

class Faulty(reverse.ReverseTask):
    {body}
"""


def run_up(state: Path, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`assay up ARGV` to its end."""
    return subprocess.run(
        [str(ASSAY), "up", "--base-port", str(free_ports(8)), "--state-dir", str(state), *argv],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        check=False,
    )


def faulty(folder: Path, *body: str) -> Path:
    """A task that differs from the example, which stands beside it, by ``body``."""
    shutil.copy(ROOT / "examples" / "reverse.py", folder)
    path = folder / "faulty.py"
    path.write_text(BUILDERS.format(body="\n    ".join(body)))
    return path


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("raise ValueError('not mine')", "ValueError: not mine."),
        ("time.sleep(2.5)", "the event loop has stood still for over 1 s."),
    ],
)
def test_a_slip_in_serve_is_said_once_by_its_file_and_line(
    body: str, what: str, tmp_path: Path
) -> None:
    """It ends no neuron, so nothing but the screen of the run brings it to the builder."""
    task = faulty(
        tmp_path,
        "async def serve(self, request, caller):",
        f"    {'import time; ' if 'time' in body else ''}{body}",
        "    return await super().serve(request, caller)",
    )
    with up(tmp_path / "run", "--task", str(task), "--validators", "1", "--miners", "2") as run:
        place = f"{task}:6 in serve(): {what}"
        run.wait(lambda: place in run.log(), "the slip is said")
        rounds = memory(run, 0).round
        run.wait(lambda: memory(run, 0).round >= rounds + 3, "rounds go on")
        assert run.log().count(f"{task}:6 in serve()") == 1, "two miners, many rounds, one line"


@pytest.mark.parametrize(
    ("body", "what", "colour"),
    [
        (("async def score(self, rng, answers):", "    return {}['oops']"), "KeyError", {}),
        (("def challenge(self, rng, target):", "    return [][7]"), "IndexError", {}),
        (
            ("async def start(self, context):", "    raise RuntimeError('no GPU')"),
            "no GPU",
            {"FORCE_COLOR": "1"},
        ),
        (
            ("", r"def challenge(self, rng, target): return reverse.Reverse(text='\ud800')"),
            "The challenge cannot be sent: a Reverse cannot be written as bytes",
            {},
        ),
    ],
    ids=["score", "challenge", "start, in colour", "challenge that cannot be sent"],
)
def test_a_builders_fault_ends_the_run_by_its_file_and_line(
    tmp_path: Path, body: tuple[str, str], what: str, colour: dict[str, str]
) -> None:
    task = faulty(tmp_path, *body)
    at = 1 + task.read_text().splitlines().index(f"    {body[1]}")
    done = run_up(tmp_path / "state", "--task", str(task), *SMALL, **colour)
    told = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr)
    assert done.returncode == 2
    assert f"error  {task}:{at} in " in told
    assert what in told
    assert "is started again" not in told, "once is enough where nothing can change"
    assert "Traceback" not in told


@pytest.mark.parametrize("what", [pytest.param("long", marks=pytest.mark.slow), "missing"])
def test_any_temporary_folder_will_do(tmp_path: Path, what: str) -> None:
    """The fork server's socket needs a folder with a short path; that need not be this one."""
    folder = tmp_path / ("x" * 90)
    if what == "long":
        folder.mkdir()
    done = run_up(tmp_path / "state", *REVERSE, *SMALL, "--json", TMPDIR=str(folder))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["netuid"] == 1


def test_what_a_task_lacks_is_told_before_anything_is_made(tmp_path: Path) -> None:
    task = tmp_path / "needy.py"
    lines = ("# /// script", '# dependencies = ["nosuch-distribution"]', "# ///")
    task.write_text("\n".join((*lines, (ROOT / "examples" / "reverse.py").read_text())))
    done = run_up(tmp_path / "state", "--task", str(task))
    assert done.returncode == 2
    assert "needs nosuch-distribution" in done.stderr
    assert "pip install nosuch-distribution" in done.stderr
    assert not (tmp_path / "state").exists()


def memory(run: Run, validator: int) -> Checkpoint:
    """What the validator with that place among the folders wrote down last."""
    (folder,) = (run.state_dir / "neurons").iterdir()
    found = CheckpointFile(
        list(checkpoints(run.state_dir, f"0x{folder.name}", 1))[validator]
    ).read()
    assert found is not None
    return found


def wait_for_rounds(run: Run, more: int) -> None:
    """Until each of two validators has played so many more rounds than now."""
    before = [memory(run, index).round for index in range(2)]

    def played() -> bool:
        return all(memory(run, index).round >= before[index] + more for index in range(2))

    run.wait(played, f"{more} more rounds")


def test_a_run_that_is_taken_up_again_punishes_nobody(tmp_path: Path) -> None:
    """Its miners' addresses stand on chain before the miners listen there."""
    state = tmp_path / "state"
    done = run_up(state, *REVERSE, "--until-first-reward", "--json")
    assert done.returncode == 0, done.stderr
    honest = {
        row["hotkey"]
        for row in json.loads(done.stdout)["neurons"]
        if row["role"] == "miner" and row["behaviour"] == "honest"
    }
    assert len(honest) == 3
    for _ in range(2):
        # Another port each time: what the chain shows then is wrong until it is told anew.
        with up(state, *REVERSE) as run:
            wait_for_rounds(run, 6)
            for index in range(2):
                opinions = memory(run, index).opinions
                assert {opinions[hotkey].average for hotkey in honest} == {1.0}, opinions
            log = run.log()
    assert max(map(len, log.splitlines())) < 120, "no sermon about the owner's stake"


def test_who_joins_by_hand_is_in_the_table(tmp_path: Path) -> None:
    """README's own second step."""
    with up(tmp_path / "state", *REVERSE) as run:
        run.wait(lambda: "Starting the neurons" in run.log(), "the neurons are started")
        state = ("--state-dir", str(run.state_dir))
        assert assay("wallet", "create", "mine", "--no-password", *state).returncode == 0
        run.assay("fund", "mine", "10")
        join = ["miner", "run", "--netuid", "1", "--wallet", "mine", "--register", "--port", "0"]
        with subprocess.Popen(
            [str(ASSAY), *join, *REVERSE, *run.options],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as miner:
            try:
                record = run.state_dir / "up.json"
                run.wait(lambda: len(json.loads(record.read_text())["paid"]) == 8, "it is seen")
                code, table = run.stop()
            finally:
                miner.terminate()
        assert code == 0
    assert "mine joined" in table
