"""The table of a run, and the same facts as one JSON document.

A ``View`` comes in. ``render`` gives a person columns, colours and units, and below the columns, on
lines of their own, why each neuron has the score that it has; ``document`` gives a program whole
integers in rao. This module reads nothing itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from assay.cli.scores import best_of, said_of_best, share_of_best
from assay.cli.up.plan import HONEST, SLOW, MemberRole
from assay.cli.up.watch import GUEST, SEPARATOR, Row, View
from assay.text import printable
from assay.types import RAO_PER_TAO, U16_MAX

COLUMNS: Final = ("uid", "who", "score", "inc.", "div.", "reward α", "≈ TAO")
NARROW_COLUMNS: Final = ("uid", "who", "score", "inc.", "reward α")
"""What fits a narrow terminal; the rest is in `assay status` and in the result's JSON."""
SPOT: Final = "≈ TAO: at the spot price, without what a sale of so much would lower it by"
WIDE: Final = 66
"""All columns fit a terminal of so many."""
_ROLE_STYLE: Final = {
    MemberRole.OWNER: "magenta",
    MemberRole.VALIDATOR: "cyan",
    MemberRole.MINER: "white",
}
_BEHAVIOUR_STYLE: Final = {"": "", HONEST: "", SLOW: "yellow", GUEST: "blue"}
"""Any other behaviour is a cheat's name."""
_CHEAT_STYLE: Final = "red"


def render(view: View, seconds: float, width: int = WIDE, beside: View | None = None) -> Group:
    """The table for a terminal of ``width`` columns, ``seconds`` after the run's start; below it
    that of the subnet ``beside`` the run's own, if there is one."""
    own = _table(view, seconds, width)
    return own if beside is None else Group(own, Text(), _table(beside, seconds, width))


def _table(view: View, seconds: float, width: int) -> Group:
    shown = COLUMNS if width >= WIDE else NARROW_COLUMNS
    title = (
        f"subnet {view.netuid} · block {view.at.number} · epoch {view.epoch} "
        f"(next at block {view.next_epoch_block}) · {seconds:.0f} s"
    )
    grid = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in shown:
        justify: Literal["left", "right"] = "left" if name == "who" else "right"
        grid.add_column(name, justify=justify, no_wrap=True)
    best = best_of(row.score for row in view.rows)
    for row in view.rows:
        cells = dict(zip(COLUMNS, _cells(row, best), strict=True))
        grid.add_row(*(cells[name] for name in shown), style=_ROLE_STYLE[row.role])
    notes = [Text(SPOT, style="dim")] if shown is COLUMNS else []
    if best > 0.0:
        notes.append(Text(f"score: of the best miner's, which is {said_of_best(best)}", "dim"))
    if notes:
        notes.append(Text())
    clients = [Text.assemble(("clients  ", "dim"), f"{view.gateway}/v1")] if view.gateway else []
    return Group(grid, *notes, *clients, _reasons(view.rows))


def _reasons(rows: Sequence[Row]) -> Table:
    """Why, by uid; neurons of which the same is said share a line, and what each validator says
    begins one. Wrapped, never cut."""
    uids: dict[str, list[int]] = {}
    for row in rows:
        if row.why:
            uids.setdefault(printable(row.why), []).append(row.uid)  # it may hold a miner's words
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for why, of in uids.items():
        grid.add_row(
            f"uid{'s' if of[1:] else ''} {', '.join(map(str, of))}",
            Text(why.replace(SEPARATOR, "\n")),
        )
    return grid


def _cells(row: Row, best: float) -> tuple[str | Text, ...]:
    shown = row.behaviour if row.role is MemberRole.MINER or row.behaviour == GUEST else ""
    style = _BEHAVIOUR_STYLE.get(shown, _CHEAT_STYLE)
    return (
        str(row.uid),
        Text.assemble(f"{printable(row.name)} ", (shown, style)) if shown else row.name,
        share_of_best(row.score, best),
        _share(row.incentive),
        _share(row.dividends),
        f"{row.reward_alpha / RAO_PER_TAO:.3f}",
        f"{row.reward_tao / RAO_PER_TAO:.3f}",
    )


def _share(value: int) -> str:
    return f"{value / U16_MAX:.1%}" if value else ""


def document(view: View, seconds: float, beside: View | None = None) -> dict[str, Any]:
    """What `assay up --json` prints at the end, ``seconds`` after the run's start."""
    return {
        "seconds": round(seconds, 3),
        **_facts(view),
        "beside": None if beside is None else _facts(beside),
    }


def _facts(view: View) -> dict[str, Any]:
    return {
        "netuid": view.netuid,
        "epoch": view.epoch,
        "block": view.at.number,
        "gateway": None if view.gateway is None else f"{view.gateway}/v1",
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
