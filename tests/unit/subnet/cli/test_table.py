"""The table fits a terminal of 80 columns, and the document says the same as the table."""

from __future__ import annotations

import dataclasses
import io

import pytest
from rich.console import Console

from assay.chain.interface import BlockRef
from assay.cli.up.plan import MemberRole
from assay.cli.up.table import document, render
from assay.cli.up.watch import GUEST, Row, View
from assay.types import AlphaRao, BlockNumber, NetUid, Rao, Ss58


def row(uid: int, name: str, role: MemberRole, behaviour: str, score: float | None) -> Row:
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
        row(0, "owner", MemberRole.OWNER, "honest", None),
        row(1, "validator-1", MemberRole.VALIDATOR, "honest", None),
        row(2, "miner-1", MemberRole.MINER, "perturbed", 0.0),
    ),
    rewarded=True,
)


def shown(view: View, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(render(view, 12.0, width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_it_fits_eighty_columns_and_cuts_nothing() -> None:
    lines = shown(VIEW, 80)
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    for whole in ("miner-1 perturbed", "33.3%", "100.0%", "123.457", "1234.568", "1234567"):
        assert whole in text, text
    assert "…" not in text
    assert "≈ TAO: at the spot price" in text, "so much could not be had for all of it"
    assert "spot price" not in "\n".join(shown(VIEW, 60)), "nor its column"


@pytest.mark.parametrize("width", [40, 80, 120])
def test_every_word_of_why_can_be_read(width: int) -> None:
    words = [f"reason{number}" for number in range(40)]
    rows = (
        dataclasses.replace(VIEW.rows[1], why="said of both"),
        dataclasses.replace(VIEW.rows[2], why=" ".join(words)),
        dataclasses.replace(VIEW.rows[2], uid=7, why="said of both"),
    )
    text = "\n".join(shown(dataclasses.replace(VIEW, rows=rows), width))
    assert all(word in text.split() for word in words)
    assert text.count("said of both") == 1
    assert "uids 1, 7" in text


def test_what_each_validator_says_begins_a_line() -> None:
    why = "validator-1: right · validator-2: late · score counts at the next epoch"
    rows = (dataclasses.replace(VIEW.rows[2], why=why),)
    text = shown(dataclasses.replace(VIEW, rows=rows), 80)
    said = [line.strip().removeprefix("uid 2").strip() for line in text]
    assert all(part in said for part in why.split(" · ")), text


def test_a_guest_is_marked_whatever_it_is() -> None:
    rows = tuple(
        row(uid, "mine", role, GUEST, None)
        for uid, role in enumerate((MemberRole.MINER, MemberRole.VALIDATOR), start=7)
    )
    assert "\n".join(shown(dataclasses.replace(VIEW, rows=rows), 80)).count("mine joined") == 2


def test_a_narrow_terminal_gets_fewer_columns_and_whole_numbers() -> None:
    console = Console(file=io.StringIO(), width=50, force_terminal=False)
    console.print(render(VIEW, 12.0, 50))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= 50
    for whole in ("miner-1 perturbed", "33.3%", "123.457"):
        assert whole in text, text
    assert "…" not in text


def test_a_score_is_a_share_of_the_best_however_small_that_is() -> None:
    """2 tokens a second where 4,000 earn the most: a miner that is paid is not shown as 0.000."""
    rows = tuple(
        row(uid, f"miner-{uid}", MemberRole.MINER, "honest", score)
        for uid, score in enumerate((0.0005, 0.00025, 0.000001, 0.0, None))
    )
    view = dataclasses.replace(VIEW, rows=rows)
    lines = shown(view, 80)
    cells = [line.split()[3] for line in lines if "miner-" in line]
    assert cells == ["100%", "50%", "<1%", "0%", "33.3%"]
    assert "score: of the best miner's, which is 0.0005 of 1" in lines
    assert [told["score"] for told in document(view, 1.0)["neurons"]][:2] == [0.0005, 0.00025]
    nobody = shown(dataclasses.replace(VIEW, rows=rows[3:]), 80)
    assert not any("best miner" in line for line in nobody)
    assert max(map(len, shown(view, 50))) <= 50


def test_the_document_has_whole_rao_and_every_reason() -> None:
    told = document(VIEW, 12.3456)
    assert told["seconds"] == 12.346
    assert told["neurons"][2]["reward_alpha_rao"] == 123_456_789_012
    assert told["neurons"][2]["behaviour"] == "perturbed"
    assert len(told["neurons"][2]["reasons"]) == 3
    assert [n["role"] for n in told["neurons"]] == ["owner", "validator", "miner"]


def test_the_subnet_beside_stands_below_the_runs_own_and_in_its_document() -> None:
    beside = dataclasses.replace(VIEW, netuid=NetUid(2))
    console = Console(file=io.StringIO(), width=80, force_terminal=False)
    console.print(render(VIEW, 12.0, 80, beside))
    assert isinstance(console.file, io.StringIO)
    titles = [line for line in console.file.getvalue().splitlines() if line.startswith("subnet")]
    assert [title.split(" · ")[0] for title in titles] == ["subnet 1", "subnet 2"]
    told = document(VIEW, 1.0, beside)
    assert (told["netuid"], told["beside"]["netuid"]) == (1, 2)
    assert len(told["beside"]["neurons"]) == len(told["neurons"])
    assert document(VIEW, 1.0)["beside"] is None


def test_the_gateways_address_stands_below_the_table() -> None:
    served = dataclasses.replace(VIEW, gateway="http://127.0.0.1:9949")
    assert any("clients  http://127.0.0.1:9949/v1" in line for line in shown(served, 60))
    assert document(served, 1.0)["gateway"] == "http://127.0.0.1:9949/v1"
    assert not any("clients" in line for line in shown(VIEW, 60))
    assert document(VIEW, 1.0)["gateway"] is None
