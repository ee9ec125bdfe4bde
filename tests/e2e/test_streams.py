"""Whatever the standard streams are (closed, of another encoding, wished in colour), a command does
its work, says what it can, leaks nothing and shows no traceback."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.runs import ASSAY
from tests.unit.subnet.cli.commands import NEEDS, commands

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

CLOSINGS = (
    pytest.param("<&-", marks=pytest.mark.slow),
    pytest.param(">&-", marks=pytest.mark.slow),
    pytest.param("2>&-", marks=pytest.mark.slow),
    "<&- >&- 2>&-",
)
"""Each is tried with every command, some forty processes: all three together here, each alone by
`make test-long`."""
ENDS = {0, 1, 2, 3, 4}


def run(
    argv: Sequence[str],
    folder: Path,
    *,
    redirected: str = "</dev/null",
    env: Mapping[str, str] = {},
) -> subprocess.CompletedProcess[bytes]:
    """A command of the shell's, in a home and a state folder of its own."""
    return subprocess.run(
        ["bash", "-c", f'exec "$@" {redirected}', "bash", str(ASSAY), *argv],
        cwd=folder,
        env={"HOME": str(folder), "PATH": os.environ["PATH"], "PYTHONPATH": _source()} | dict(env),
        capture_output=True,
        timeout=120,
        check=False,
    )


def _source() -> str:
    return os.environ.get("PYTHONPATH", "")


def test_every_command_has_its_words() -> None:
    assert set(NEEDS) == set(commands())


@pytest.mark.parametrize("closing", CLOSINGS)
def test_no_command_minds_a_closed_stream(closing: str, tmp_path: Path) -> None:
    def done(command: str) -> str:
        folder = tmp_path / command.replace(" ", "-")
        folder.mkdir()
        found = run((*command.split(), *NEEDS[command]), folder, redirected=closing)
        told = found.stdout + found.stderr
        wrong = b"Traceback" in told or b"Bad file descriptor" in told
        # Where there is something to print and nobody to read it, it ends like a broken pipe.
        fits = found.returncode in (ENDS | {141} if ">&-" in closing.split() else ENDS)
        return "" if fits and not wrong else f"{command}: {found.returncode} {told!r}"

    with ThreadPoolExecutor(2) as pool:
        trouble = [each for each in pool.map(done, NEEDS) if each]
    assert not trouble, "\n".join(trouble)


def test_a_closed_stdout_is_a_broken_pipe_and_what_was_done_is_done(tmp_path: Path) -> None:
    found = run(("wallet", "create", "w"), tmp_path, redirected="</dev/null >&-")
    assert found.returncode == 141
    assert (tmp_path / ".assay" / "wallets" / "w" / "hotkeys" / "default").is_file()
    assert run(("--help",), tmp_path, redirected=">&-").returncode == 141


def test_what_is_opened_later_does_not_take_a_closed_streams_number(tmp_path: Path) -> None:
    """Else a warning would be written into the chain's database."""
    code = (
        "from assay.cli.streams import repair; repair(); import os, sys\n"
        "opened = os.open('/dev/null', os.O_RDONLY)\n"
        "os.write(int(os.environ['TELL']), repr((opened, sys.stdin.read())).encode())\n"
    )
    reader, writer = os.pipe()
    subprocess.run(
        ["bash", "-c", 'exec "$@" <&- >&- 2>&-', "bash", sys.executable, "-c", code],
        env={**os.environ, "TELL": str(writer)},
        pass_fds=[writer],
        timeout=60,
        check=True,
    )
    os.close(writer)
    opened, said = eval(os.read(reader, 100))
    os.close(reader)
    assert opened > 2
    assert said == ""


@pytest.mark.parametrize(
    "word", ["FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "CLICOLOR_FORCE"]
)
def test_a_wish_for_colour_is_no_person(word: str, tmp_path: Path) -> None:
    argv = ("wallet", "create", "leak", "--wallet-path", str(tmp_path / "w"), "--no-password")
    found = run(argv, tmp_path, env={word: "1"})
    assert found.returncode == 0, found.stderr
    assert b"phrase" not in found.stderr
    asked = ("wallet", "create", "leak", "--wallet-path", str(tmp_path / "v"))
    found = run(asked, tmp_path, env={word: "1"})
    assert found.returncode == 2
    assert b"Nobody is here" in found.stderr


def test_a_person_at_a_terminal_sees_the_phrase_once(tmp_path: Path) -> None:
    """The same command, where somebody sits."""
    parent, child = pty.openpty()
    subprocess.run(
        [
            str(ASSAY),
            "wallet",
            "create",
            "w",
            "--wallet-path",
            str(tmp_path / "w"),
            "--no-password",
        ],
        cwd=tmp_path,
        stdin=child,
        stdout=subprocess.DEVNULL,
        stderr=child,
        timeout=60,
        check=True,
    )
    os.close(child)
    seen = b""
    while b"hotkey, shown" not in seen:
        seen += os.read(parent, 4_096)
    os.close(parent)
    assert seen.count(b"Recovery phrase of the coldkey") == 1


ODD = os.fsdecode(b"\xff\xe4")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("name", ["ä", "状態", ODD], ids=["umlaut", "chinese", "not-utf-8"])
def test_no_character_costs_a_result(encoding: str, name: str, tmp_path: Path) -> None:
    """The path is told at the end, when the keys are made: a failure there would hide both."""
    env = {"PYTHONIOENCODING": encoding, "ASSAY_STATE_DIR": name, "PYTHONUTF8": "0"}
    for more in ((), ("--json",)):
        found = run(("wallet", "create", "w", *more), tmp_path, env=env)
        assert found.returncode == 0, found.stderr
        assert b"Traceback" not in found.stderr
        assert b"coldkey" in found.stdout
    told = json.loads(run(("wallet", "create", "w", "--json"), tmp_path, env=env).stdout)
    assert told["path"].startswith(str(tmp_path))
    found = run(("wallet", "create", f"w{name}"), tmp_path, env=env)
    assert found.returncode == 2
    assert b"cannot be a wallet's" in found.stderr
    found = run(("up", "--task", f"{name}.py", "--json"), tmp_path, env=env)
    assert found.returncode == 2
    assert "There is no task file" in json.loads(found.stdout)["error"]["cause"]
