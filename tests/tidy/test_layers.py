"""The import table of layers.toml is law: no arrow that is not named, one home a dependency.

It reads every file's syntax tree, so imports inside functions count as well.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

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


def test_nothing_outside_the_lab_speaks_of_cheats() -> None:
    honest = (
        "miners/",
        "validators/",
        "subnet/neuron/",
        "subnet/protocol/",
        "subnet/models/",
        "scoring/",
    )
    wrong = [
        str(source.path)
        for source in package_sources()
        if str(source.path).startswith(honest)
        and ("assay.lab" in source.text or "cheat" in source.text.lower())
    ]
    assert not wrong, f"these know of the lab: {wrong}"


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


def test_what_all_tasks_share_imports_none() -> None:
    """By name or by type: whoever imports one task can branch on it. Cheats are written for one."""
    wrong = [
        f"{source.path}:{line}: {target}"
        for source in package_sources()
        if source.path.parts[0] == "subnet" and not source.module.startswith("assay.lab.cheats")
        for target, line in source.imports()
        if target.startswith(("assay.miners.", "assay.validators.", "assay.protocol.", "examples."))
    ]
    assert not wrong, "\n".join(wrong)


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
    """Who knows one task finds his way in the next: these files are in every folder."""
    folders = {
        source.path.parent
        for source in package_sources()
        if source.path.parts[0] in ("miners", "validators") and len(source.path.parts) > 2
    }
    tasks = {folder.name for folder in folders}
    assert folders == {Path(half) / task for half in ("miners", "validators") for task in tasks}
    for folder in folders:
        files = {path.name for path in tracked(f"{folder}/*.py")}
        assert {"__init__.py", "answers.py", "settings.py", "task.py"} <= files, folder
