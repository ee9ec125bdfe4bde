"""Shell completion: the script of each shell, the file that the shell reads it from, its answers.

Adds to click's own completion where its script belongs: bash and fish read a file when the command
is first completed; zsh needs one line in the file that it reads at its start. A second installation
changes nothing. Comes in: a shell's name and the environment variables. Goes out: what was written,
and how that is undone. No command is known here; what may stand where is said by each parameter's
type.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem, get_completion_class, shell_complete

from assay.errors import Unavailable, UserError
from assay.files import write_atomic

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

PROGRAM: Final = "assay"
VARIABLE: Final = "_ASSAY_COMPLETE"
"""The script sets it to say what the shell wants to know; ``main`` looks at it before all else."""
SHELLS: Final = ("bash", "zsh", "fish")
FROM_ENVIRONMENT: Final = "that of SHELL"
"""Stands for the shell where a person names none."""
_ZSH_SYSTEM: Final = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }\n"
"""zsh completes nothing before ``compinit`` ran. -i: unsafe folders are left out unasked."""
_MARK: Final = "  # completion of assay"
"""Ends the line that is added to a person's own file, so that the person knows whose it is."""


class ShellName(click.ParamType[str]):
    """A shell's name."""

    name = "shell"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(shell) for shell in SHELLS if shell.startswith(incomplete)]


def shell_option(name: str, *, help: str) -> Callable[[Decorated], Decorated]:
    """The option ``name``, which a shell's name may follow; without one, SHELL names the shell."""
    return click.option(
        name, type=ShellName(), is_flag=False, flag_value=FROM_ENVIRONMENT, metavar="[SHELL]",
        help=help,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Installed:
    """What the completion of ``shell`` consists of now."""

    shell: str
    script: Path
    changed: bool
    """Whether anything was written; False: all stood there already."""
    startup: Path | None = None
    """The file of the person's own that holds ``line``; None where the shell needs no line."""
    line: str = ""


def answer(app: click.Command, instruction: str) -> int:
    """Answer the question that a shell's script asks through ``VARIABLE``; the exit code.

    Whatever goes wrong, nothing is said: it would stand in the middle of what a person types.
    """
    try:
        return shell_complete(app, {}, PROGRAM, VARIABLE, instruction)
    except Exception:
        return 1


def chosen_shell(name: str, environ: Mapping[str, str]) -> str:
    """The shell called ``name``; for ``FROM_ENVIRONMENT`` the one that SHELL names."""
    shell = Path(environ.get("SHELL", "")).name if name == FROM_ENVIRONMENT else name
    if shell in SHELLS:
        return shell
    known = f"{', '.join(SHELLS[:-1])} or {SHELLS[-1]}"
    if name == FROM_ENVIRONMENT:
        cause = f"SHELL names no shell that there is a completion for: {shell or 'it is not set'}."
    else:
        cause = f"There is no completion for the shell {name!r:.80}."
    raise UserError(cause, f"Name the shell behind the option: {known}.")


def script(app: click.Command, shell: str) -> str:
    """The script of ``shell``, which that shell evaluates."""
    made = get_completion_class(shell)
    assert made is not None
    text = made(app, {}, PROGRAM, VARIABLE).source()
    first, _, rest = text.partition("\n")
    return f"{first}\n{_ZSH_SYSTEM}{rest}" if shell == "zsh" else text


def install(app: click.Command, shell: str, environ: Mapping[str, str]) -> Installed:
    """Write the script of ``shell`` to the place that this shell reads, as ``environ`` says.

    What stands there already stays. UserError where no home folder is known, Unavailable where a
    file cannot be written.
    """
    path = _script_path(shell, environ)
    startup = _folder(environ, "ZDOTDIR", "~") / ".zshrc" if shell == "zsh" else None
    line = f"source {shlex.quote(str(path))}{_MARK}"
    try:
        changed = _write(path, script(app, shell))
        changed = (startup is not None and _add_line(startup, line)) or changed
    except OSError as error:
        where = error.filename or path
        raise Unavailable(
            f"The completion cannot be written to {where}: {error.strerror}.",
            f"Add the output of `{PROGRAM} --show-completion {shell}` to your shell yourself.",
        ) from None
    return Installed(shell, path, changed, startup, line if startup else "")


def told(made: Installed) -> list[str]:
    """What a person is told of an installation: what stands where, and how it is undone."""
    verb = "Written" if made.changed else "Nothing was written; there already"
    lines = [f"{verb}: {made.script}"]
    undo = f"Undo: rm {shlex.quote(str(made.script))}"
    if made.startup is not None:
        lines.append(f"Last line of {made.startup}: {made.line}")
        undo += f", and remove that line from {made.startup}"
    last = f"It works in each {made.shell} that is started from now on."
    if made.shell == "bash":
        # Whether the person's bash loads the package is known to that bash alone.
        last = (
            "bash reads it only where its package bash-completion is installed and loaded. If TAB"
            f" completes nothing in a new bash, put this line into ~/.bashrc:"
            f" source {shlex.quote(str(made.script))}"
        )
    return [*lines, undo, last]


def _script_path(shell: str, environ: Mapping[str, str]) -> Path:
    match shell:
        case "bash":
            own = environ.get("BASH_COMPLETION_USER_DIR", "").partition(":")[0]
            data = _folder(environ, "XDG_DATA_HOME", "~/.local/share")
            folder = Path(own) if os.path.isabs(own) else data / "bash-completion"
            return folder / "completions" / PROGRAM
        case "zsh":
            return _folder(environ, "XDG_DATA_HOME", "~/.local/share") / PROGRAM / "completion.zsh"
        case _:
            config = _folder(environ, "XDG_CONFIG_HOME", "~/.config")
            return config / "fish" / "completions" / f"{PROGRAM}.fish"


def _folder(environ: Mapping[str, str], variable: str, usual: str) -> Path:
    """The folder that ``variable`` names, or the ``usual`` one under the home folder."""
    if os.path.isabs(environ.get(variable, "")):
        return Path(environ[variable])
    home = environ.get("HOME", "")
    if not os.path.isabs(home):
        raise UserError(
            "HOME names no folder, so that it is not known where your shell reads its files.",
            f"Set HOME or {variable}; `{PROGRAM} --show-completion SHELL` needs neither.",
        )
    return Path(usual.replace("~", home, 1))


def _write(path: Path, text: str) -> bool:
    """Make the file ``path`` hold ``text``; False if it does already."""
    data = text.encode()
    if path.exists() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, data, mode=0o644)
    return True


def _add_line(path: Path, line: str) -> bool:
    """Append ``line`` to a file of the person's own, which may be a link; False if it is there."""
    data = path.read_bytes() if path.exists() else b""
    wanted = os.fsencode(line)
    if wanted in data.splitlines():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    start = b"" if not data or data.endswith(b"\n") else b"\n"
    with path.open("ab", buffering=0) as file:
        file.write(start + wanted + b"\n")
    return True
