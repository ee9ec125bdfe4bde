"""What a terminal is left with by a run: every step, every warning, and the table once."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
from loguru import logger
from rich.console import Console

from assay.chain.interface import BlockRef
from assay.cli import output
from assay.cli.log import configure_log
from assay.cli.up.plan import MemberRole
from assay.cli.up.screen import RunScreen
from assay.cli.up.watch import View
from assay.clock import ManualClock
from assay.types import BlockNumber, NetUid
from tests.unit.subnet.cli.test_table import row

WIDTH = 80
MINERS = 12
CONTROL = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|\r|\n|[^\x00-\x1f]")


class Terminal(io.StringIO):
    """Does with what is written what a terminal of some lines does: nothing above them moves."""

    def __init__(self, height: int) -> None:
        super().__init__()
        self.height = height

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        """The screen, and what has scrolled out of it."""
        lines, x, y, top = [""], 0, 0, 0
        for found in CONTROL.finditer(self.getvalue()):
            match found.group(0), found.group(2), found.group(1):
                case "\r", _, _:
                    x = 0
                case _, "A", count:
                    y = max(top, y - int(count or 1))
                case _, "K", "2":
                    lines[y] = ""
                case char, None, _:
                    if char == "\n" or x == WIDTH:  # what is longer goes on in the next line
                        x, y = 0, y + 1
                        lines += [""] * (y == len(lines))
                        top = max(top, y - self.height + 1)
                    if char != "\n":
                        lines[y] = f"{lines[y]:{x}}"[:x] + char + lines[y][x + 1 :]
                        x += 1
        return [line.rstrip() for line in lines if line.strip()]


@pytest.fixture(params=[40, 8], ids=["a-tall-terminal", "lower-than-the-table"])
def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    made = Terminal(request.param)
    console = Console(
        file=made, width=WIDTH, height=made.height, force_terminal=True, highlight=False
    )
    for name in ("out", "err"):
        monkeypatch.setitem(vars(output), name, console)
    configure_log("WARNING")
    yield made
    logger.remove()


def view(block: int) -> View:
    rows = tuple(row(uid, f"miner-{uid}", MemberRole.MINER, "honest", 0.5) for uid in range(MINERS))
    return View(BlockRef(BlockNumber(block), "0x00"), NetUid(1), 6, 99, rows, rewarded=False)


def test_the_table_is_left_once_however_low_the_terminal_is(terminal: Terminal) -> None:
    screen = RunScreen(ManualClock(), 0.0)
    with screen:
        screen.say("Starting the chain")
        for block in range(1, 4):
            screen.show(view(block))
            screen._live.refresh()  # type: ignore[union-attr]
            logger.warning("child {} was started again", block)
    screen.finish(view(4), json=False)
    left = terminal.lines()
    assert [line for line in left if line.startswith("subnet 1")] == [
        "subnet 1 · block 4 · epoch 6 (next at block 99) · 0 s"
    ]
    assert sum("uid" in line and "who" in line for line in left) == 1
    assert sum("miner-" in line for line in left) == MINERS
    assert sum("Starting the chain" in line for line in left) == 1
    for block in range(1, 4):
        assert " ".join(left).count(f"child {block} was started again") == 1


@pytest.mark.parametrize("forced", ["FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"])
def test_a_wish_for_colour_makes_no_terminal_of_a_log(
    forced: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A live table in a file is a heap of control codes."""
    monkeypatch.setenv(forced, "1")
    log = io.StringIO()
    console = Console(file=log, width=WIDTH, highlight=False)
    for name in ("out", "err"):
        monkeypatch.setitem(vars(output), name, console)
    with RunScreen(ManualClock(), 0.0) as screen:
        screen.show(view(1))
    assert "block 1, epoch 6" in log.getvalue()
    assert "miner-" not in log.getvalue()
    assert "\x1b[?25l" not in log.getvalue(), "the cursor was hidden"
