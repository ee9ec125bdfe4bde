"""The live table of a run, and the same facts as one JSON document.

Adds to ``watch.View`` what eyes and machines need: columns, colours and units for the one, plain
integers in rao for the other. It reads nothing itself.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from rich import box
from rich.table import Table
from rich.text import Text

from assay.cli.output import printable
from assay.cli.up.plan import HONEST, SLOW, Role
from assay.cli.up.watch import Row, View
from assay.types import RAO_PER_TAO, U16_MAX

REASONS_SHOWN: Final = 2
COLUMNS: Final = ("uid", "who", "score", "inc.", "div.", "reward α", "≈ TAO", "why")
NARROW_COLUMNS: Final = ("uid", "who", "score", "inc.", "reward α")
"""What is left where not all fit; the rest is in `assay status` and in the result's JSON."""
WIDE: Final = 72
"""Below it there would be no room for a reason."""
_ROLE_STYLE: Final = {Role.OWNER: "magenta", Role.VALIDATOR: "cyan", Role.MINER: "white"}


def render(view: View, seconds: float, width: int = WIDE) -> Table:
    """The table for a terminal of so many columns."""
    shown = COLUMNS if width >= WIDE else NARROW_COLUMNS
    title = (
        f"subnet {view.netuid} · block {view.at.number} · epoch {view.epoch} "
        f"(next at block {view.next_epoch_block}) · {seconds:.0f} s"
    )
    # Lean enough for 80 columns; the last column takes what a wider terminal has to give.
    grid = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), expand=True
    )
    for name in shown:
        justify: Literal["left", "right"] = "left" if name in ("who", "why") else "right"
        grid.add_column(name, justify=justify, no_wrap=True, ratio=1 if name == shown[-1] else None)
    for row in view.rows:
        cells = dict(zip(COLUMNS, _cells(row), strict=True))
        grid.add_row(*(cells[name] for name in shown), style=_ROLE_STYLE[row.role])
    return grid


def _cells(row: Row) -> tuple[str | Text, ...]:
    shown = row.behaviour if row.role is Role.MINER else ""
    colour = "" if shown in ("", HONEST) else "red" if row.behaviour != SLOW else "yellow"
    return (
        str(row.uid),
        Text.assemble(f"{row.name} ", (shown, colour)) if shown else row.name,
        "" if row.score is None else f"{row.score:.3f}",
        _share(row.incentive),
        _share(row.dividends),
        f"{row.reward_alpha / RAO_PER_TAO:.3f}",
        f"{row.reward_tao / RAO_PER_TAO:.3f}",
        # They may hold a miner's words.
        Text(printable("; ".join(row.reasons[:REASONS_SHOWN]))),
    )


def _share(value: int) -> str:
    return f"{value / U16_MAX:.1%}" if value else ""


def document(view: View, seconds: float) -> dict[str, Any]:
    """The report: what `assay up --json` prints when it ends."""
    return {
        "seconds": round(seconds, 3),
        "netuid": view.netuid,
        "epoch": view.epoch,
        "block": view.at.number,
        "neurons": [
            {
                "uid": row.uid,
                "hotkey": row.hotkey,
                "role": row.role.value,
                "behaviour": row.behaviour,
                "score": row.score,
                "incentive": row.incentive,
                "dividends": row.dividends,
                "reward_alpha_rao": row.reward_alpha,
                "reward_tao_rao": row.reward_tao,
                "reasons": list(row.reasons),
            }
            for row in view.rows
        ],
    }
