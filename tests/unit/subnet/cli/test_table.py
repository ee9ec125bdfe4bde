"""The table fits a terminal of 80 columns, and the document says the same as the table."""

from __future__ import annotations

import io

from rich.console import Console

from assay.chain.interface import BlockRef
from assay.cli.up.plan import Role
from assay.cli.up.table import document, render
from assay.cli.up.watch import Row, View
from assay.types import AlphaRao, BlockNumber, NetUid, Rao, Ss58


def row(uid: int, name: str, role: Role, behaviour: str, score: float | None) -> Row:
    return Row(
        uid=uid,
        name=name,
        hotkey=Ss58(f"5Hotkey{uid}"),
        role=role,
        behaviour=behaviour,
        score=score,
        reasons=("48/48 tokens agree", "latency 0.93 s (median 0.93 s)", "52 tokens/s"),
        incentive=21_844,
        dividends=65_535,
        reward_alpha=AlphaRao(123_456_789_012),
        reward_tao=Rao(1_234_567_890_123),
        permit=True,
    )


VIEW = View(
    at=BlockRef(BlockNumber(1_234_567), "0x00"),
    netuid=NetUid(1),
    epoch=6,
    next_epoch_block=1_234_580,
    rows=(
        row(0, "owner", Role.OWNER, "honest", None),
        row(1, "validator-1", Role.VALIDATOR, "honest", None),
        row(2, "miner-1", Role.MINER, "perturbed", 0.0),
    ),
    rewarded=True,
)


def test_it_fits_eighty_columns_and_cuts_only_the_reasons() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=False)
    console.print(render(VIEW, 12.0))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    for whole in ("miner-1 perturbed", "33.3%", "100.0%", "123.457", "1234.568", "1234567"):
        assert whole in text, text


def test_a_narrow_terminal_gets_fewer_columns_and_whole_numbers() -> None:
    console = Console(file=io.StringIO(), width=50, force_terminal=False)
    console.print(render(VIEW, 12.0, 50))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= 50
    for whole in ("miner-1 perturbed", "33.3%", "123.457"):
        assert whole in text, text
    assert "…" not in text


def test_the_document_has_whole_rao_and_every_reason() -> None:
    told = document(VIEW, 12.3456)
    assert told["seconds"] == 12.346
    assert told["neurons"][2]["reward_alpha_rao"] == 123_456_789_012
    assert told["neurons"][2]["behaviour"] == "perturbed"
    assert len(told["neurons"][2]["reasons"]) == 3
    assert [n["role"] for n in told["neurons"]] == ["owner", "validator", "miner"]
