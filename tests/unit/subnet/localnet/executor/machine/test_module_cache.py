"""The cache of compiled modules: it is used, and it believes only what this user wrote whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from loguru import logger

from assay.localnet.executor.call import Executor
from assay.localnet.executor.machine.module_cache import _MODULES_MAX, ModuleCache
from assay.localnet.limits import CoreLimits
from tests.unit.subnet.localnet.executor.wat_runtime import assemble, overlay


def _echo(folder: Path) -> bytes:
    return Executor(assemble(), CoreLimits(), ModuleCache(folder)).call("echo", b"hi", overlay())


def test_a_module_is_kept_and_found(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    assert _echo(folder) == b"hi"
    modules = sorted(folder.glob("*.cwasm"))
    assert len(modules) == 2  # the runtime and the helper
    before = [module.stat().st_ino for module in modules]
    assert _echo(folder) == b"hi"
    assert [module.stat().st_ino for module in modules] == before
    assert not list(folder.glob(".new-*"))
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_damaged_module_is_not_run_but_compiled_anew(tmp_path: Path) -> None:
    _echo(tmp_path)
    for module in tmp_path.glob("*.cwasm"):
        content = bytearray(module.read_bytes())
        content[len(content) // 2] ^= 1
        module.write_bytes(content)
    assert _echo(tmp_path) == b"hi"
    for module in tmp_path.glob("*.cwasm"):
        assert ModuleCache(tmp_path).find(module.stem) == module


def test_a_cut_module_and_a_missing_digest_are_absent(tmp_path: Path) -> None:
    cache = ModuleCache(tmp_path)
    cache.keep("a", b"x" * 100)
    assert cache.find("a") is not None
    (tmp_path / "a.cwasm").write_bytes(b"x" * 99)
    assert cache.find("a") is None
    cache.keep("a", b"x" * 100)
    (tmp_path / "a.blake2b").unlink()
    assert cache.find("a") is None


def test_the_modules_used_last_are_kept(tmp_path: Path) -> None:
    cache = ModuleCache(tmp_path)
    for number in range(_MODULES_MAX):
        cache.keep(f"module{number:02d}", b"x")
        for path in tmp_path.glob(f"module{number:02d}.*"):
            os.utime(path, (1_000 + number, 1_000 + number))
    assert cache.find("module00") is not None  # used again
    cache.keep("one.too.many", b"y")
    assert cache.find("one.too.many") is not None
    assert cache.find("module00") is not None
    assert cache.find("module01") is None
    assert cache.find("module02") is not None
    assert len(list(tmp_path.iterdir())) == 2 * _MODULES_MAX


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    old, young = tmp_path / ".new-old", tmp_path / ".new-young"
    for path in (old, young):
        path.write_bytes(b"half a mod")
    os.utime(old, (1_000, 1_000))
    ModuleCache(tmp_path).keep("a", b"x")
    assert (old.exists(), young.exists()) == (False, True)


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_may_write_is_not_used(tmp_path: Path, mode: int) -> None:
    cache = ModuleCache(tmp_path)
    cache.keep("a", b"x")
    tmp_path.chmod(mode)
    assert cache.find("a") is None
    cache.keep("b", b"y")
    assert not (tmp_path / "b.cwasm").exists()


def test_a_file_that_others_may_write_and_a_link_are_not_used(tmp_path: Path) -> None:
    cache = ModuleCache(tmp_path)
    cache.keep("a", b"x")
    module = tmp_path / "a.cwasm"
    module.chmod(0o666)
    assert cache.find("a") is None
    module.chmod(0o600)
    assert cache.find("a") == module
    os.rename(module, tmp_path / "elsewhere")
    module.symlink_to(tmp_path / "elsewhere")
    assert cache.find("a") is None


def test_a_folder_that_cannot_be_made_costs_only_time_and_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    told: list[str] = []
    sink = logger.add(told.append, level="WARNING", format="{message}")
    try:
        assert _echo(tmp_path / "file" / "cache") == b"hi"  # compiles two modules
    finally:
        logger.remove(sink)
    kept = [each for each in told if "was not cached" in each]
    assert len(kept) == 1, told
