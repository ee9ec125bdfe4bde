"""The wheel, as whoever installs it has it: in an environment of its own, far from this checkout,
beside folders that are called like this project's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.e2e.runs import ROOT, free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

FOREIGN = 'raise RuntimeError("somebody else\'s module was imported")\n'
NEIGHBOURS = ("subnet/__init__.py", "scoring/__init__.py", "validators.py", "assay.py")
"""Whoever writes a subnet has such names in the same folder."""


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command to its end, in an environment that does not lead to this checkout."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, as `make wheel` builds it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def bin_folder(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment that holds the wheel. What the wheel needs is this
    environment's: a path file lends its packages, without their own path files, by one of which
    this checkout is installed here."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False)
    own = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (own / "lent.pth").write_text("\n".join(paths))
    uv = Path(sys.executable).with_name("uv")
    python = home / "bin" / "python"
    run(uv, "pip", "install", "--offline", "--no-deps", "--python", python, wheel, cwd=home)
    return home / "bin"


def test_it_holds_what_runs_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top.split("-")[0] for top in tops} == {"assay"}
    for needed in ("assay/localnet/runtime/assay.wasm", "assay/models/demo/model.safetensors"):
        assert needed in names
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


def test_a_subnet_runs_to_its_first_reward_beside_folders_of_our_names(
    bin_folder: Path, tmp_path: Path
) -> None:
    for name in NEIGHBOURS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(FOREIGN)
    shutil.copy(ROOT / "examples" / "reverse.py", tmp_path / "mine.py")
    where = run(bin_folder / "python", "-P", "-c", "import assay; print(assay.__file__)", cwd=ROOT)
    assert Path(where.stdout.strip()).is_relative_to(bin_folder.parent)
    done = run(
        bin_folder / "assay", "up", "--task", "mine.py", "--validators", "1", "--miners", "2",
        "--until-first-reward", "--json", "--base-port", str(free_ports(8)), cwd=tmp_path,
    )  # fmt: skip
    rows = json.loads(done.stdout)["neurons"]
    paid = [row for row in rows if row["role"] == "miner" and row["behaviour"] == "honest"]
    assert paid
    assert (tmp_path / ".assay").is_dir()
