"""Which tasks are installed, what each needs besides the base installation, and how to get it.

A task that is registered under a name declares an extra at its entry point (``module:attr
[extra]``, as pyproject.toml has it); a task in a file declares its own dependencies at the top of
the file, as PEP 723 has it. ``lacking`` says what of that is not installed here; ``cure`` says how
it is installed, which differs between a checkout and a wheel.

Run as a program it answers ``make``, before anything is installed: ``needs.py ARGUMENTS`` prints
the environment that ``assay up ARGUMENTS`` needs, ``base`` or an extra's name. So this module
imports the standard library alone. Nothing of a task is executed.
"""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Iterable, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Final

BASE: Final = "base"
MINERS: Final = "assay.miners"
VALIDATORS: Final = "assay.validators"
_FILE_BYTES_MAX: Final = 1 << 20
"""A task file is a program that a person wrote."""
_PEP723: Final = re.compile(
    r"^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$", re.MULTILINE
)
"""The reference expression of PEP 723."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA: Final = re.compile(r"\[([^\]]*)\]\s*$")
_LARGE: Final = "torch"
_LARGE_SIZE: Final = "about 4.5 GB on Linux with an x86-64 processor, where torch brings CUDA"


def task_names(group: str = MINERS) -> list[str]:
    """The names of the tasks that are installed under the entry-point group ``group``, sorted."""
    return sorted(entry.name for entry in metadata.entry_points(group=group))


def declared_in(path: Path) -> list[str]:
    """The requirements that the task file at ``path`` declares; none if it cannot be read."""
    try:
        text = path.read_bytes()[:_FILE_BYTES_MAX].decode("utf-8")
    except (OSError, UnicodeDecodeError, ValueError):
        return []
    for block in _PEP723.finditer(text.replace("\r\n", "\n")):
        if block["type"] == "script":
            lines = [line.removeprefix("#").strip() for line in block["content"].split("\n")]
            try:
                found = tomllib.loads("\n".join(lines)).get("dependencies", [])
            except tomllib.TOMLDecodeError:
                return []
            return [each for each in found if isinstance(each, str)]
    return []


def declared_by(name: str) -> list[str]:
    """The requirements of the extras that the installed task ``name`` declares."""
    found = []
    for entry in metadata.entry_points(group=MINERS):
        if entry.name == name and entry.dist is not None:
            for line in entry.dist.requires or ():
                requirement, _, marker = line.partition(";")
                if any(f'extra == "{extra}"' in marker for extra in entry.extras):
                    found.append(requirement.strip())
    return found


def lacking(task: str, modules: Iterable[str] = ()) -> list[str]:
    """What the task that ``task`` names needs and this interpreter lacks: distributions that the
    task declares, and those of the ``modules`` that it preloads."""
    declared = declared_in(Path(task)) if _is_path(task) else declared_by(task)
    names = [match[0] for line in declared if ";" not in line and (match := _NAME.match(line))]
    missing = [name for name in names if not _installed(name)]
    for module in modules:
        top = module.partition(".")[0]
        if top not in missing and util.find_spec(top) is None:
            missing.append(top)
    return missing


def cure(names: Sequence[str]) -> str:
    """How the distributions ``names`` are installed where this program runs: one sentence."""
    size = f" ({_LARGE_SIZE})" if _LARGE in names else ""
    checkout = Path(__file__).resolve().parents[1]
    if names and (checkout / "Makefile").is_file() and _LARGE in names:
        return f"Run `make up` in {checkout}, which installs what its task needs{size}."
    wanted = shlex.join([sys.executable, "-m", "pip", "install", *names])
    return f"Run {wanted}{size}."


def environment(arguments: Sequence[str], project: Path) -> str:
    """Which of the project's environments ``assay up ARGUMENTS`` needs: an extra, or the base one.

    ``project`` is the checkout; its pyproject.toml names the extras of the tasks that ship with it.
    """
    if {"-h", "--help"}.intersection(arguments):
        return BASE
    task = _task_of(arguments)
    settings = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    extras: dict[str, list[str]] = settings["project"].get("optional-dependencies", {})
    if not _is_path(task):
        registered: str = settings["project"]["entry-points"][MINERS].get(task, "")
        named = _EXTRA.search(registered)
        return named[1].strip() if named else BASE
    wanted = {_canonical(line) for line in declared_in(project / task)}
    for extra, requirements in extras.items():
        if extra != "dev" and wanted.intersection(map(_canonical, requirements)):
            return extra
    return BASE


def _task_of(arguments: Sequence[str], default: str = "inference") -> str:
    """The task that a command line names, itself or by a preset, which is called like its task;
    ``default`` is the command's own."""
    found: dict[str, str] = {}
    for index, word in enumerate(arguments):
        option, is_joined, value = word.partition("=")
        if option in ("--task", "--preset") and (is_joined or index + 1 < len(arguments)):
            found[option] = value if is_joined else arguments[index + 1]
    return found.get("--task") or found.get("--preset") or default


def _is_path(task: str) -> bool:
    return task.endswith(".py") or "/" in task


def _canonical(requirement: str) -> str:
    match = _NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else ""


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except (metadata.PackageNotFoundError, ValueError):
        return False
    return True


if __name__ == "__main__":
    sys.stdout.write(environment(sys.argv[1:], Path(__file__).resolve().parents[1]) + "\n")
