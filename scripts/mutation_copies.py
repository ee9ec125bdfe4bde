"""Forked copies of this process in which functions have other code, each with a deadline.

It knows no tests, and of a change only the code that it brings.
"""

from __future__ import annotations

import functools
import gc
import os
import select
import signal
import struct
import time
from collections import defaultdict
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Final

from scripts.mutation_changes import CodeKey

START_S: Final = 60.0
"""Until a copy first asks for time. It has to exchange some code before."""
DIED: Final = 1
LATE: Final = -1

FileKey = tuple[str, CodeKey]
Allow = Callable[[float], object]


def exchange(
    functions: dict[FileKey, list[FunctionType]], path: str, codes: dict[CodeKey, CodeType]
) -> None:
    """Give the functions of the file ``path`` this code; ValueError where one cannot take it."""
    for key, code in codes.items():
        for function in functions.get((path, key), ()):
            function.__code__ = code


def live_functions(names: dict[str, str]) -> dict[FileKey, list[FunctionType]]:
    """Every function of these files that exists in this process, wrapped or not."""
    found: dict[FileKey, list[FunctionType]] = defaultdict(list)
    real = functools.cache(os.path.realpath)
    for thing in gc.get_objects():
        if type(thing) is FunctionType:
            code = thing.__code__
            name = names.get(real(code.co_filename))
            if name is not None:
                found[name, (code.co_qualname, code.co_firstlineno)].append(thing)
    return found


def live_caches(names: dict[str, str]) -> list[functools._lru_cache_wrapper[object]]:
    """The caches (``functools.cache``) around functions of these files."""
    kind = functools._lru_cache_wrapper
    found = [thing for thing in gc.get_objects() if type(thing) is kind]
    files = (getattr(getattr(cache, "__wrapped__", None), "__code__", None) for cache in found)
    return [
        cache
        for cache, code in zip(found, files, strict=True)
        if code is not None and os.path.realpath(code.co_filename) in names
    ]


def in_copy(work: Callable[[Allow], int]) -> int:
    """What ``work`` returns in a forked copy of this process; LATE if the copy takes longer than it
    was last allowed to (``work`` is handed the means to ask), DIED if it dies."""
    asked, asks = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        code = DIED
        try:
            code = work(lambda allowed_s: os.write(asks, struct.pack("d", allowed_s)))
        finally:
            os._exit(code)
    os.close(asks)
    try:
        return awaited(pid, asked)
    finally:
        os.close(asked)


def awaited(pid: int, asked: int) -> int:
    until_s = time.monotonic() + START_S
    pause_s = 0.001
    while True:
        if select.select([asked], [], [], pause_s)[0]:
            if message := os.read(asked, 8):
                until_s = time.monotonic() + struct.unpack("d", message)[0]
                continue
            time.sleep(pause_s)  # the copy has closed it, and ends
        ended, status = os.waitpid(pid, os.WNOHANG)
        late = not ended and time.monotonic() > until_s
        if ended or late:
            kill_all(pid)
            if late:
                os.waitpid(pid, 0)
                return LATE
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else DIED
        pause_s = min(pause_s * 1.5, 0.05)


def kill_all(group: int) -> None:
    """End the copy and whatever it started."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
