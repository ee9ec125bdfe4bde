"""The import table of layers.toml is law: no arrow that is not named, one home a dependency.

It reads every file's syntax tree, so imports inside functions count as well.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.tidy.sources import PACKAGES, ROOT, package_sources, tracked

TABLE = tomllib.loads((Path(__file__).parent / "layers.toml").read_text(encoding="utf-8"))
ROOMS: dict[str, list[str]] = TABLE["rooms"]


def room_of(module: str) -> str | None:
    fits = [room for room in ROOMS if module == room or module.startswith(f"{room}.")]
    return max(fits, key=len, default=None)


def allowed(room: str, target: str) -> bool:
    if room_of(target) == room:
        return True
    return any(
        arrow == "*" or target == arrow or target.startswith(f"{arrow}.") for arrow in ROOMS[room]
    )


def test_every_import_is_named_in_the_table() -> None:
    wrong = []
    for source in package_sources():
        room = room_of(source.module)
        assert room is not None, f"{source.path} stands in no room of layers.toml"
        for target, line in source.imports():
            if target.split(".")[0] in PACKAGES and not allowed(room, target):
                wrong.append(f"{source.path}:{line}: {room} may not import {target}")
    assert not wrong, "\n".join(wrong)


def test_every_package_has_a_row() -> None:
    catch_all = {"assay"}
    strays = {
        str(source.path)
        for source in package_sources()
        if room_of(source.module) in catch_all and source.module not in catch_all
    }
    assert not strays, f"no row in layers.toml for {sorted(strays)}"


def test_dependencies_stay_in_their_files() -> None:
    wrong = [
        f"{source.path}:{line}: {target}"
        for source in package_sources()
        for target, line in source.imports()
        if (homes := TABLE["confined"].get(target.split(".")[0])) is not None
        and not any(fnmatch(str(source.path), home) for home in homes)
    ]
    assert not wrong, "\n".join(wrong)


def test_pure_cores_touch_no_outside() -> None:
    banned = set(TABLE["pure"]["banned"])
    wrong = [
        f"{source.path}:{line}: {target}"
        for source in package_sources()
        if any(str(source.path).startswith(room) for room in TABLE["pure"]["rooms"])
        for target, line in source.imports()
        if target.split(".")[0] in banned
    ]
    assert not wrong, "\n".join(wrong)


LAB = re.compile(r"\b(assay|subnet)\.lab\b|\blab\.(cheats|faults)\b")


def knows_the_lab(text: str) -> bool:
    """Whether a file names the lab, be it to import it by a text. It may speak of cheats: an audit
    that finds them has to."""
    return LAB.search(text) is not None


def test_only_the_lab_and_the_command_line_know_of_the_lab() -> None:
    wrong = [
        str(source.path)
        for source in package_sources()
        if not str(source.path).startswith(("subnet/lab/", "subnet/cli/"))
        and source.path != Path("subnet/__init__.py")  # the list of the rooms
        and knows_the_lab(source.text)
    ]
    assert not wrong, f"these know of the lab: {wrong}"


def test_an_audit_may_speak_of_cheats_and_may_not_use_the_labs() -> None:
    assert not knows_the_lab('"""Finds a miner that cheats, and says cheat in its reasons."""')
    for line in ("from assay.lab.cheats import Cached", 'import_module("subnet.lab")'):
        assert knows_the_lab(line)


def task_names() -> set[str]:
    """Of every task that ships: registered ones, and the examples'."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {name for group in project["entry-points"].values() for name in group}
    for source in package_sources():
        if source.path.parts[0] == "examples":
            names |= {
                node.value.value
                for node in ast.walk(source.tree)
                if isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Constant)
                and [ast.unparse(target) for target in node.targets] == ["name"]
            }
    return names


def test_no_code_branches_on_a_tasks_name() -> None:
    """What all tasks share may name one as an option's default, and nowhere else."""
    names = task_names()
    assert {"inference", "reverse"} <= names
    wrong = []
    for source in package_sources():
        if source.path.parts[0] != "subnet" or source.module.startswith("assay.protocol"):
            continue
        defaults = {
            id(default)
            for node in ast.walk(source.tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for default in [*node.args.defaults, *node.args.kw_defaults]
        }
        # Fields of a settings class are defaults as well.
        defaults |= {
            id(node.value)
            for owner in ast.walk(source.tree)
            if isinstance(owner, ast.ClassDef)
            for node in owner.body
            if isinstance(node, ast.AnnAssign)
        }
        wrong += [
            f"{source.path}:{node.lineno}: {node.value}"
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Constant) and node.value in names and id(node) not in defaults
        ]
    assert not wrong, "\n".join(wrong)


def takes_a_side(module: str, target: str) -> bool:
    """Whether ``module``, which all tasks share, can branch on a task by what it imports."""
    if module.startswith("assay.lab.cheats"):  # each is written for one task
        return False
    if target.startswith("assay.protocol."):
        # A room whose row names the messages, as the gateway's, translates one task for clients.
        return "assay.protocol" not in ROOMS[room_of(module) or ""]
    return target.startswith(("assay.miners.", "assay.validators.", "examples."))


def test_what_all_tasks_share_imports_none() -> None:
    """By name or by type: whoever imports one task can branch on it."""
    wrong = [
        f"{source.path}:{line}: {target}"
        for source in package_sources()
        if source.path.parts[0] == "subnet" and not source.module.startswith("assay.protocol")
        for target, line in source.imports()
        if takes_a_side(source.module, target)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("module", "target", "wrong"),
    [
        ("assay.neuron.validator", "assay.protocol.inference", True),
        ("assay.cli.up.run", "assay.protocol.inference", True),
        ("assay.cli.train.new", "assay.protocol.training", False),
        ("assay.gateway.server", "assay.protocol.inference", False),
        ("assay.gateway.openai.requests", "assay.protocol.inference", True),
        ("assay.gateway.server", "assay.miners.inference.task", True),
        ("assay.lab.cheats.cached", "assay.protocol.inference", False),
    ],
)
def test_the_gateway_alone_translates_a_tasks_messages(
    module: str, target: str, wrong: bool
) -> None:
    assert takes_a_side(module, target) is wrong


def test_every_arrow_points_at_something() -> None:
    modules = {source.module for source in package_sources()}
    stale = [
        f"{room} -> {arrow}"
        for room, arrows in ROOMS.items()
        for arrow in [room, *arrows]
        if arrow != "*" and not any(m == arrow or m.startswith(f"{arrow}.") for m in modules)
    ]
    assert not stale, "\n".join(stale)


def test_homes_and_cores_are_there() -> None:
    """A rule about a file that was renamed would hold for nothing."""
    paths = [str(source.path) for source in package_sources()]
    homes = [home for homes in TABLE["confined"].values() for home in homes]
    gone = [home for home in homes if not any(fnmatch(path, home) for path in paths)]
    gone += [
        room for room in TABLE["pure"]["rooms"] if not any(path.startswith(room) for path in paths)
    ]
    assert not gone, "\n".join(gone)


def test_the_inner_rooms_stand_on_the_standard_library() -> None:
    wrong = [
        f"{source.path}:{line}: {target}"
        for source in package_sources()
        if (known := TABLE["outside"].get(room_of(source.module))) is not None
        for target, line in source.imports()
        if target.split(".")[0] not in {*PACKAGES, *known, *sys.stdlib_module_names}
    ]
    assert not wrong, "\n".join(wrong)


def test_miners_and_validators_of_a_task_are_laid_out_alike() -> None:
    """Who knows one task finds the way in the next: these files are in every folder. What else a
    task has is its own: one that trains has no answers."""
    folders = {
        source.path.parent
        for source in package_sources()
        if source.path.parts[0] in ("miners", "validators") and len(source.path.parts) > 2
    }
    tasks = {folder.name for folder in folders}
    assert folders == {Path(half) / task for half in ("miners", "validators") for task in tasks}
    for folder in folders:
        files = {path.name for path in tracked(f"{folder}/*.py")}
        assert {"__init__.py", "settings.py", "task.py"} <= files, folder
