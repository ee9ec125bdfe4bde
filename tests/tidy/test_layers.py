"""The import table of layers.toml is law: no arrow that is not named, one home a dependency.

It reads every file's syntax tree, so imports inside functions count as well.
"""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch
from pathlib import Path

from tests.tidy.sources import PACKAGES, package_sources

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
    catch_all = {"subnet"}
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
        and ("subnet.lab" in source.text or "cheat" in source.text.lower())
    ]
    assert not wrong, f"these know of the lab: {wrong}"


def test_no_code_branches_on_a_tasks_name() -> None:
    names = (
        {path.name for path in Path("miners").iterdir() if path.is_dir()}
        if Path("miners").is_dir()
        else set()
    )
    shared = [
        s
        for s in package_sources()
        if str(s.path).startswith(
            ("subnet/neuron/", "subnet/cli/", "subnet/wire/", "subnet/chain/")
        )
    ]
    import ast

    wrong = []
    for source in shared:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Compare | ast.match_case):
                words = {c.value for c in ast.walk(node) if isinstance(c, ast.Constant)}
                if words & names:
                    wrong.append(f"{source.path}:{getattr(node, 'lineno', '?')}")
    assert not wrong, "\n".join(wrong)
