"""``kill -9`` at each line of the store's code while it writes: a transaction is all or nothing.

A forked child opens the chain, writes, and kills itself when it comes to the n-th line, for each n
until it gets through. Afterwards the chain is as it was before or as it was meant to be, and as it
was meant to be if the call had returned. SQLite's own steps are SQLite's to guard; that nothing of
ours stands between them at the wrong place is what this is for.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from assay.localnet.limits import CoreLimits
from assay.localnet.state import store as store_module
from assay.localnet.state.store import ChainStore
from tests.unit.subnet.localnet.state.test_store import block, fill, states

RETURNED = 3
LINES_MAX = 400

Picture = tuple[int | None, int, tuple[dict[bytes, bytes], ...]]


def picture(folder: Path) -> Picture:
    """The head, the oldest kept state, and the states from there on."""
    chain = ChainStore(folder, CoreLimits(), create=True)
    try:
        head, oldest = chain.head_number(), chain.oldest_state
        kept = range(oldest, -1 if head is None else head + 1)
        return head, oldest, tuple({r.key: r.value for r in chain.pairs_at(n)} for n in kept)
    finally:
        chain.close()


def killed_at(line: int, folder: Path, write: Callable[[ChainStore], None]) -> bool:
    """Run ``write`` in a child that dies at the n-th line of the store; whether it returned."""
    child = os.fork()
    if child == 0:
        _die_at(line, folder, write)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == RETURNED
    return True


def _die_at(line: int, folder: Path, write: Callable[[ChainStore], None]) -> None:
    left = line

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename != store_module.__file__:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    try:
        chain = ChainStore(folder, CoreLimits(), create=True)
        sys.settrace(trace)
        write(chain)
        sys.settrace(None)
        os._exit(RETURNED)
    except BaseException:
        os._exit(1)


def begin(chain: ChainStore) -> None:
    genesis = block(0, None)
    chain.begin_chain({"genesis_config": b"{}"}, genesis, states()[0], 1)


def append(chain: ChainStore) -> None:
    chain.append(block(5, chain.block(4)), {b"a": b"a5", b"b": None, b"new": bytes(9_000)}, 1)


def prune(chain: ChainStore) -> None:
    chain.prune(3)


# The child makes no use of what threads of the test's process may hold.
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("write", [begin, append, prune], ids=lambda write: write.__name__)
def test_a_crash_at_any_line_leaves_the_old_or_the_new(
    tmp_path: Path, write: Callable[[ChainStore], None]
) -> None:
    def fresh(name: str) -> Path:
        folder = tmp_path / name
        chain = ChainStore(folder, CoreLimits(), create=True)
        if write is not begin:
            fill(chain)
        chain.close()
        return folder

    before = picture(fresh("before"))
    assert killed_at(10_000, fresh("after"), write)
    after = picture(tmp_path / "after")
    assert before != after
    seen = []
    for line in range(1, LINES_MAX):
        folder = fresh(str(line))
        returned = killed_at(line, folder, write)
        found = picture(folder)
        seen.append(found)
        assert found in ((after,) if returned else (before, after)), line
        if returned:
            break
    else:
        raise AssertionError("it never got through")
    assert before in seen[:-1], "no kill came before the commit"
    assert len(seen) > 3
