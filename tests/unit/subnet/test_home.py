"""The home folder and the cache folder, for users who have one and for those who have none."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from assay.home import a_home_is_named, cache_folder, home_folder
from assay.localnet.node import default_module_cache


@pytest.fixture
def unknown_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whose number stands in no list, and for whom nothing is set."""

    def unknown(number: int) -> pwd.struct_passwd:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)


def test_home_is_what_home_says_or_else_the_list_of_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home_folder() == tmp_path
    monkeypatch.delenv("HOME")
    assert home_folder() == Path(pwd.getpwuid(os.getuid()).pw_dir)


def test_caches_go_where_they_are_told_or_else_into_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == tmp_path / ".cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    assert cache_folder() == tmp_path / "c"
    assert default_module_cache() == tmp_path / "c" / "assay" / "modules"


@pytest.mark.parametrize("home", ["", "relative", "./home"])
def test_a_home_that_is_no_absolute_path_is_none(
    home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The empty one would put caches into the root's folder, a relative one into the current."""
    monkeypatch.setenv("HOME", home)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert (home_folder(), cache_folder(), default_module_cache()) == (None, None, None)


@pytest.mark.usefixtures("unknown_user")
def test_a_user_whom_no_list_knows_has_no_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (home_folder(), cache_folder(), default_module_cache()) == (None, None, None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path


@pytest.mark.usefixtures("unknown_user")
def test_a_library_is_told_of_a_home_for_a_moment() -> None:
    with a_home_is_named():
        assert Path.home().is_absolute()
        assert not Path.home().exists()
    assert "HOME" not in os.environ


def test_a_home_that_there_is_stays_and_an_empty_one_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with a_home_is_named():
        assert Path.home() == tmp_path
    monkeypatch.setenv("HOME", "")
    with a_home_is_named():
        assert Path.home() != Path("/")
    assert os.environ["HOME"] == ""
