"""How commands end: a cause, a cure and a code; a quiet 130 or 141; a traceback for our fault."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import pytest

from assay.child import OUTCOME
from assay.cli import main, output
from assay.cli.chain_start import start
from assay.errors import AssayError, Refused, Unavailable, UserError
from assay.localnet.errors import ChainDamaged
from assay.outcome import INTERRUPTED, TASK_FAILED, Kind, Outcome, read_outcome
from tests.unit.subnet.cli.commands import commands

ASSAY = [sys.executable, "-m", "assay.cli.main"]
REVERSE = ["--task", "examples/reverse.py"]


def takes_json(command: click.Command) -> bool:
    return any(param.name == "json" for param in command.params)


def ended(error: BaseException, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    # As if the product's own code raised it: a line of this file would be a builder's.
    space: dict[str, Any] = {"__name__": main.__name__, "error": error}
    exec(compile("def run(_): raise error", main.__file__, "exec"), space)
    monkeypatch.setattr(main, "_run", space["run"])
    return main.main([*words])


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (UserError("It is so.", "Do so."), 2, ("error  It is so.", "cure   Do so.")),
        (AssayError("It broke."), 1, ("error  It broke.", "report it")),
        (KeyboardInterrupt(), 130, ("Interrupted.",)),
        (SystemExit(7), 7, ()),
        (output.NobodyReads(), 141, ()),
        (ValueError("odd"), 1, ("Traceback", "ValueError: odd", "error  This should not happen")),
    ],
)
def test_each_end_has_its_code_and_its_words(
    error: BaseException,
    code: int,
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delitem(vars(output), "err", raising=False)
    assert ended(error, monkeypatch) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert all(word in err for word in words)
    assert bool(words) == bool(err)


def test_a_fault_of_the_builders_code_is_told_by_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def score() -> None:
        raise KeyError("oops")

    monkeypatch.delitem(vars(output), "err", raising=False)
    monkeypatch.setattr(main, "_run", lambda _: score())
    assert main.main([]) == 5
    err = capsys.readouterr().err
    line = 1 + Path(__file__).read_text().splitlines().index('        raise KeyError("oops")')
    assert f"error  {__file__}:{line} in score(): KeyError: 'oops'." in err
    assert "in _ended" not in err, "the product's frames do not help the builder"


def test_a_supervised_command_leaves_its_outcome(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "outcome.json"
    monkeypatch.setenv(OUTCOME, str(path))
    assert ended(ChainDamaged("It is so.", "Do so."), monkeypatch) == 2
    assert read_outcome(path) == Outcome(
        code=2, kind=Kind.USER, cause="It is so.", cure="Do so.", needs_fresh=True
    )
    assert OUTCOME not in os.environ


@pytest.mark.e2e
@pytest.mark.parametrize(
    "argv",
    [
        ["nosuch"],
        ["status", "--nosuch"],
        ["status", "--netuid", "abc"],
        ["status", "--netuid", "-1"],
        ["status", "--chain", "garbage"],
        ["status", "--chain", "ws://127.0.0.1:99999"],
        ["status", "--chain", "[/red]"],
        ["status", "--state-dir", "README.md"],
        ["fund", "w", "-5"],
        ["fund", "w", "1e999999999"],
        ["fund", "w", "5", "--chain", "wss://chain.example"],
        ["wallet", "create", "../w"],
        ["wallet", "create", "w", "--password"],
        ["miner", "run", "--netuid", "1", "--task", "nosuch"],
        ["miner", "run", "--netuid", "1", "--task", "./nosuch.py"],
        ["miner", "run", "--netuid", "1", *REVERSE, "--host", "0.0.0.0"],
        ["miner", "run", "--netuid", "1", *REVERSE, "--announce", "here:1"],
        ["miner", "run", "--netuid", "1", *REVERSE, "--serve", "friends"],
        ["miner", "run", "--netuid", "1", *REVERSE, "--model", "x"],
        ["validator", "run", "--netuid", "1", *REVERSE, "--stake", "-1"],
        ["validator", "run", "--netuid", "1", *REVERSE, "--round-interval", "nan"],
        ["up", *REVERSE, "--cheat", "nosuch"],
        ["up", *REVERSE, "--cheat", "perturbed"],
        ["up", *REVERSE, "--miners", "0"],
        ["up", *REVERSE, "--base-port", "65535"],
        ["chain", "start", "--block-time", "x"],
        ["chain", "verify"],
    ],
    ids=" ".join,
)
def test_a_mistake_is_told_in_two_sentences_and_leaves_nothing(
    argv: list[str], tmp_path: Path
) -> None:
    state = tmp_path / "state"
    done = subprocess.run(
        [*ASSAY, *argv],
        capture_output=True,
        text=True,
        timeout=60,
        env={
            "ASSAY_STATE_DIR": str(state),
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        },
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["error", "cure"]
    assert all(line.endswith(".") for line in done.stderr.splitlines())
    assert not state.exists()


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["status", "--chian", "x"], "Was --chain meant?"),
        (["walet"], "Was wallet meant?"),
        (["status", "--model", "x"], ""),
    ],
)
def test_a_mistyped_word_is_told_with_the_one_that_was_meant(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(words) == 2
    _, cure = capsys.readouterr().err.splitlines()
    assert cure.removeprefix("cure").strip().startswith(f"{meant} See assay".strip())


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (UserError("It is so.", "Do so."), "user", 2),
        (Refused("It is so.", "Do so."), "refused", 3),
        (Unavailable("It is so.", "Do so."), "unavailable", 4),
        (ValueError("odd"), "internal", 1),
    ],
)
def test_with_json_an_error_is_a_document(
    error: Exception,
    kind: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delitem(vars(output), "err", raising=False)
    assert ended(error, monkeypatch, "--json") == code
    out, err = capfd.readouterr()
    told = json.loads(out)["error"]
    assert (told["kind"], told["code"]) == (kind, code)
    assert told["cause"] in err
    assert told["cure"] in err
    assert ended(error, monkeypatch) == code
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("path", [path for path, each in commands().items() if takes_json(each)])
def test_every_command_with_json_says_so_when_it_is_misread(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main([*path.split(), "--json", "--nosuch"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "user"


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--version"], ["-V"], ["version"]):
        assert main.main(words) == 0
        assert re.fullmatch(r"assay \d+\.\S+\n", capsys.readouterr().out)
    for words in (["--version", "--json"], ["--json", "-V"], ["version", "--json"]):
        assert main.main(words) == 0
        assert json.loads(capsys.readouterr().out)["assay"][0].isdigit()


def test_help_says_what_each_exit_code_means(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--help"]) == 0
    codes = capsys.readouterr().out.partition("Exit codes:")[2].split("\n")
    assert [int(line.split()[0]) for line in codes if line.strip()] == [0, 1, 2, 3, 4, 5, 130, 141]
    assert (UserError.exit_code, Refused.exit_code, Unavailable.exit_code) == (2, 3, 4)
    assert (AssayError.exit_code, TASK_FAILED, INTERRUPTED) == (1, 5, 130)
    assert output.NobodyReads.exit_code == 141


@pytest.mark.e2e
@pytest.mark.parametrize("text", ["import sys\nsys.exit(3)\n", "raise RuntimeError('[/x]')\n"])
def test_a_task_file_that_ends_its_process_does_not(text: str, tmp_path: Path) -> None:
    (tmp_path / "task.py").write_text(text)
    done = subprocess.run(
        [*ASSAY, "up", "--task", str(tmp_path / "task.py"), "--state-dir", str(tmp_path / "s")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "failed while it was loaded" in done.stderr


@pytest.mark.e2e
def test_ctrl_c_while_a_chain_is_waited_for_is_no_traceback(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.settimeout(30)
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        with subprocess.Popen(
            [*ASSAY, "status", "--chain", url, "--state-dir", str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            held, _ = silent.accept()
            time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
            held.close()
    assert (process.returncode, out, err.strip()) == (130, "", "Interrupted.")


WRITES = (
    "import sys; from assay.cli import main, output;"
    " main._run = lambda _: {}; sys.exit(main.main([]))"
)
RESULTS = {
    "text": "output.text('x' * 100_000)",
    "document": "output.document(['x' * 100_000])",
    "line": "output.line('x' * 100_000)",
    "table": "output.table('t', ('a', 'b'), [('1', 'x' * 100_000)])",
}


@pytest.mark.e2e
@pytest.mark.parametrize("kind", RESULTS)
def test_a_result_that_cannot_be_written(kind: str) -> None:
    code = WRITES.format(RESULTS[kind])
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 4, done.stderr
    assert "could not be written (No space left on device)" in done.stderr
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr.read() == b""


@pytest.mark.e2e
def test_completion_knows_commands_and_options() -> None:
    def completed(words: str) -> str:
        done = subprocess.run(
            [*ASSAY],
            capture_output=True,
            text=True,
            timeout=60,
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
                "_ASSAY_COMPLETE": "bash_complete",
                "COMP_WORDS": words,
                "COMP_CWORD": str(len(words.split(" ")) - 1),
            },
            check=False,
        )
        return done.stdout

    assert {"plain,up", "plain,chain", "plain,miner"} <= set(completed("assay ").split())
    assert "plain,--announce" in completed("assay miner run --an").split()


def test_a_json_document_is_one(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    output.document({"a": "\x1b[2J"})
    out, _ = capsysbinary.readouterr()
    assert json.loads(out) == {"a": "\x1b[2J"}
    assert b"\x1b" not in out


def test_a_wallet_in_clear_is_not_taken_for_a_locked_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["wallet", "create", "w", "--state-dir", str(tmp_path)]
    assert main.main(argv) == 0
    assert main.main([*argv, "--password"]) == 2
    assert "stays as it is" in capsys.readouterr().err
    assert main.main([*argv, "--hotkey", "second"]) == 0


def test_the_chains_start_has_the_help_of_all_commands_and_all_its_options(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    for option in ("--help", "-h"):
        assert main.main(["chain", "start", "--port", "1", option]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert "Usage: assay chain start [OPTIONS]" in out
        for each in start.params:
            assert isinstance(each, click.Option)
            assert each.opts[0] in out
            assert " ".join(str(each.help).split()[:4]) in out
        assert "[default: 9944; 0<=x<=65535]" in out


@pytest.mark.parametrize("words", [[], ["chain"], ["wallet"]])
def test_nothing_asked_is_help_and_a_mistake(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Commands:" in err


HEAVY = {
    "aiohttp", "argparse", "asyncio", "bittensor", "loguru", "numpy", "pydantic", "rich",
    "torch", "typer", "uvloop", "wasmtime",
}  # fmt: skip
"""What takes long to import, and what the one command-line stack took the place of."""


@pytest.mark.e2e
def test_help_costs_next_to_nothing() -> None:
    """What it may not import; how long it takes is measured by ``scripts/bench/cli``."""
    code = (
        "import sys; from assay.cli.main import main; code = main(['--help']);"
        " print(*sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr);"
        " sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "Build and run a Bittensor-style subnet" in done.stdout
    assert "click" in done.stderr.split()
    assert HEAVY.isdisjoint(done.stderr.split())


@pytest.mark.e2e
def test_a_commands_own_help_imports_no_other_command() -> None:
    code = (
        "import sys; from assay.cli.main import main; main(['wallet', 'create', '--help']);"
        " print(*(name for name in sys.modules if name.startswith('assay.')), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    cli = {name.removeprefix("assay.cli.") for name in done.stderr.split() if ".cli." in name}
    assert cli == {
        "main",
        "app",
        "command",
        "completion",
        "output",
        "wallet",
        "arguments",
        "param_types",
        "streams",
    }
