"""Shell completion: what is installed where, and what a real bash, zsh and fish then complete.

A shell that is not on the machine skips its test. The shells run in a terminal of their own, with a
home folder of their own, and read what was installed as a person's shell does.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from assay.chain.wallets import create_wallet
from assay.cli import completion, main, output
from assay.cli.app import app
from assay.errors import Unavailable, UserError

PATIENCE_S = 60.0
SLOW = {"numpy", "torch", "transformers", "bittensor", "aiohttp", "assay.neuron", "rich"}
"""Each of these takes longer to import than all of an answer (``scripts/bench/cli`` times it)."""
BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")
TASK = """
raise SystemExit("a shell that completes a wallet's name runs no task")
"""


class Terminal:
    """An interactive program at a terminal: it is typed to, and what it shows is awaited."""

    def __init__(self, command: list[str], environ: Mapping[str, str]) -> None:
        self._master, slave = os.openpty()
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=dict(environ),
            start_new_session=True, cwd=environ["HOME"],
        )  # fmt: skip
        os.close(slave)
        self._shown = ""

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def await_shown(self, pattern: str) -> str:
        """What was shown up to the first fit of ``pattern``; it is not looked at again."""
        deadline = time.monotonic() + PATIENCE_S
        while (found := re.search(pattern, self._shown)) is None:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self._master], [], [], left)[0], self._shown
            self._shown += os.read(self._master, 65_536).decode(errors="replace")
        before, self._shown = self._shown[: found.end()], self._shown[found.end() :]
        return before

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)


@pytest.fixture(autouse=True)
def _fresh_consoles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("out", "err"):
        monkeypatch.delitem(vars(output), name, raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder, with the command on the path and a state folder that holds one wallet."""
    program = tmp_path / "bin" / "assay"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m assay.cli.main "$@"\n')
    program.chmod(0o755)
    create_wallet(tmp_path / ".assay" / "wallets", "goldfinch")
    return tmp_path


@pytest.fixture
def environ(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "PATH": f"{home / 'bin'}:/usr/bin:/bin",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
    }


def needed(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"there is no {shell} on this machine")
    return found


def installed(shell: str, environ: Mapping[str, str]) -> completion.Installed:
    return completion.install(app, shell, environ)


def completes(shell: Terminal) -> None:
    """Try a command, an option, a task's name and a wallet's."""
    for typed, whole in [
        ("assay sub", "assay subnet"),
        ("assay status --net", "assay status --netuid"),
        ("assay miner run --task inf", "assay miner run --task inference"),
        ("assay wallet show gold", "assay wallet show goldfinch"),
        ("assay --show-completion fi", "assay --show-completion fish"),
    ]:
        shell.type(f"{typed}\t")
        shell.await_shown(re.escape(whole.removeprefix(typed)))
        shell.type("\x01echo 'got' \x05\n")  # to the line's start, then to its end
        shell.await_shown(rf"\ngot {re.escape(whole)} *\r?\n")


@pytest.mark.e2e
@pytest.mark.parametrize("through", ["package", "bashrc"])
def test_a_real_bash_completes(through: str, environ: dict[str, str], home: Path) -> None:
    bash = needed("bash")
    path = installed("bash", environ).script
    if through == "package":
        if not BASH_COMPLETION.exists():
            pytest.skip("the package bash-completion is not on this machine")
        path = BASH_COMPLETION
    rc = home / "rc"
    rc.write_text(f"PS1='> '; source {path}\n")
    shell = Terminal([bash, "--noprofile", "--rcfile", str(rc), "-i"], environ)
    try:
        shell.await_shown("> ")
        completes(shell)
    finally:
        shell.end()


@pytest.mark.e2e
@pytest.mark.parametrize("own", ["", "autoload -Uz compinit && compinit -u\n"])
def test_a_real_zsh_completes(environ: dict[str, str], home: Path, own: str) -> None:
    zsh = needed("zsh")
    (home / ".zshrc").write_text(f"PS1='> '\n{own}")
    installed("zsh", environ)
    shell = Terminal([zsh, "-i"], environ)
    try:
        shell.await_shown("> ")
        completes(shell)
    finally:
        shell.end()


@pytest.mark.e2e
def test_a_real_fish_completes(environ: dict[str, str]) -> None:
    fish = needed("fish")
    installed("fish", environ)
    done = subprocess.run(
        [fish, "-c", "complete -C 'assay sub'; complete -C 'assay wallet show g'"],
        env=environ, cwd=environ["HOME"], capture_output=True, text=True, timeout=PATIENCE_S,
        check=True,
    )  # fmt: skip
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["subnet", "goldfinch"]


@pytest.mark.parametrize(
    ("shell", "variables", "path"),
    [
        ("bash", {}, ".local/share/bash-completion/completions/assay"),
        ("bash", {"XDG_DATA_HOME": "{}/d"}, "d/bash-completion/completions/assay"),
        ("bash", {"BASH_COMPLETION_USER_DIR": "{}/b:/other"}, "b/completions/assay"),
        ("zsh", {}, ".local/share/assay/completion.zsh"),
        ("fish", {}, ".config/fish/completions/assay.fish"),
        ("fish", {"XDG_CONFIG_HOME": "{}/c"}, "c/fish/completions/assay.fish"),
    ],
)
def test_a_second_installation_changes_nothing(
    shell: str, variables: dict[str, str], path: str, tmp_path: Path
) -> None:
    environ = {"HOME": str(tmp_path)} | {k: v.format(tmp_path) for k, v in variables.items()}
    first = installed(shell, environ)
    assert (first.script, first.changed) == (tmp_path / path, True)
    before = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}
    assert not installed(shell, environ).changed
    assert {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()} == before


def test_the_line_for_zsh_is_added_to_what_stands_there(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles"
    real.write_bytes(b"alias \xff=ls")  # no line end, no UTF-8
    (tmp_path / ".zshrc").symlink_to(real)
    made = installed("zsh", {"HOME": str(tmp_path)})
    assert (tmp_path / ".zshrc").is_symlink()
    assert real.read_bytes() == b"alias \xff=ls\n" + made.line.encode() + b"\n"
    assert any("remove that line" in line for line in completion.told(made))


def test_the_condition_of_bash_is_told_last_and_nothing_is_promised(tmp_path: Path) -> None:
    """In a bare home a new bash completes nothing until the line is there."""
    made = installed("bash", {"HOME": str(tmp_path)})
    *before, last = completion.told(made)
    assert "only where its package bash-completion is installed and loaded" in last
    assert last.endswith(f"put this line into ~/.bashrc: source {made.script}")
    assert not any("It works" in line for line in (*before, last))


@pytest.mark.parametrize("home", [None, "", "relative"])
def test_without_a_home_folder_the_way_out_is_named(home: str | None) -> None:
    with pytest.raises(UserError) as told:
        installed("fish", {} if home is None else {"HOME": home})
    assert "HOME" in told.value.cause
    assert "XDG_CONFIG_HOME" in told.value.cure


def test_what_cannot_be_written_is_told_with_what_can_be_done(tmp_path: Path) -> None:
    (tmp_path / ".config").write_text("no folder")
    with pytest.raises(Unavailable, match="--show-completion fish"):
        installed("fish", {"HOME": str(tmp_path)})


def test_the_command_says_what_it_wrote_and_how_it_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    script = tmp_path / ".config" / "fish" / "completions" / "assay.fish"
    assert main.main(["--install-completion"]) == 0
    said = capsys.readouterr().out
    assert f"Written: {script}" in said
    assert f"rm {script}" in said
    assert main.main(["--install-completion", "fish"]) == 0
    assert "Nothing was written" in capsys.readouterr().out
    assert main.main(["--show-completion"]) == 0
    assert capsys.readouterr().out.strip() == script.read_text().strip()
    assert main.main(["--show-completion", "tcsh"]) == 2
    assert "bash, zsh or fish" in capsys.readouterr().err
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert main.main(["--install-completion"]) == 2
    assert "SHELL" in capsys.readouterr().err


def answered(words: str, environ: Mapping[str, str]) -> tuple[list[str], set[str]]:
    """What a shell is offered behind ``words``, and the modules that were imported for it."""
    done = subprocess.run(
        [str(Path(environ["HOME"]) / "bin" / "assay")],
        env=environ
        | {
            completion.VARIABLE: "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
            "PYTHONPROFILEIMPORTTIME": "1",
        },
        cwd=environ["HOME"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    told = done.stderr.splitlines()
    assert all(line.startswith("import time:") for line in told), done.stderr
    imported = {line.rpartition("|")[2].strip() for line in told}
    return [line.partition(",")[2] for line in done.stdout.split()], imported


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("assay ch", ["chain"]),
        ("assay wallet show ", ["goldfinch"]),
        ("assay miner run --wallet ", ["goldfinch"]),
        ("assay miner run --task t.py --wallet g", ["goldfinch"]),
        ("assay miner run --wallet goldfinch --hotkey ", ["default"]),
        ("assay miner run --model x --wallet goldfinch --hotkey ", ["default"]),
        ("assay miner run --log-level E", ["ERROR"]),
        ("assay up --task inf", ["inference"]),
    ],
)
def test_what_a_shell_is_offered_comes_without_a_slow_import(
    words: str, offered: list[str], environ: dict[str, str], home: Path
) -> None:
    (home / "t.py").write_text(TASK)
    found, imported = answered(words, environ)
    assert found == offered
    assert "assay.cli.app" in imported
    assert not imported & SLOW, "a shell waits for this with every Tab"


def test_a_tasks_own_options_are_offered(environ: dict[str, str], home: Path) -> None:
    assert answered("assay miner run --mod", environ)[0] == ["--model"]
    assert answered("assay miner run --backend o", environ)[0] == ["openai"]


@pytest.mark.parametrize(
    "variables", [{"ASSAY_STATE_DIR": "~nobody-here/x"}, {completion.VARIABLE: "tcsh_complete"}]
)
def test_a_completion_that_fails_says_nothing(
    variables: dict[str, str], environ: dict[str, str]
) -> None:
    assert answered("assay wallet show ", environ | variables)[0] in ([], ["goldfinch"])
