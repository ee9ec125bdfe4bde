"""This user's home folder and the folder for caches under it, or None where nothing names them.

A service's user, and a container's, may have no home folder: HOME is not set, and the system's list
of users does not know the user's number. HOME may also be empty or relative; the standard library
then takes the root, or the current folder. Whoever wants to write into the home folder asks here,
and does without where the answer is None.

This module creates no folder and knows nothing of what is kept there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_NO_HOME: Final = "/nonexistent"
"""The home folder that Debian gives to an account without one. No package creates this folder."""


def home_folder() -> Path | None:
    """The home folder of this user, or None where neither HOME nor the list of users names one."""
    if "HOME" in os.environ and not os.path.isabs(os.environ["HOME"]):
        return None
    try:
        return Path.home()
    except RuntimeError:
        return None


def cache_folder() -> Path | None:
    """The folder in which this user's programs keep caches: XDG_CACHE_HOME, else ``.cache`` in the
    home folder. None where there is no home folder either."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(named):
        return Path(named)
    home = home_folder()
    return None if home is None else home / ".cache"


@contextlib.contextmanager
def a_home_is_named() -> Iterator[None]:
    """Let HOME name a folder inside the ``with`` block, for a library that only asks for the path.

    Nothing changes where there is a home folder. HOME belongs to the whole process: the block must
    be short and must start no process.
    """
    if home_folder() is not None:
        yield
        return
    before = os.environ.get("HOME")
    os.environ["HOME"] = _NO_HOME
    try:
        yield
    finally:
        if before is None:
            del os.environ["HOME"]
        else:
            os.environ["HOME"] = before
