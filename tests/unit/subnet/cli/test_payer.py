"""A coldkey made for play money spends no other, and none in clear is used without a word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from assay.chain.wallets import Secret, create_wallet
from assay.cli.consent import Payer
from assay.errors import Refused

PUBLIC = "finney"


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(
        lambda message: lines.append(str(message)), level="WARNING", format="{message}"
    )
    yield lines
    logger.remove(sink)


@pytest.mark.parametrize(
    ("network", "money", "place", "password", "outcome"),
    [
        ("local", False, "own", None, "silent"),
        ("local", True, "own", None, "refused"),  # a node of the public chain on this machine
        (PUBLIC, True, "own", None, "refused"),
        (PUBLIC, True, "inside", None, "refused"),
        (PUBLIC, True, "own", "tiger", "silent"),
        (PUBLIC, True, "elsewhere", None, "told"),
        (PUBLIC, True, "elsewhere", "tiger", "silent"),
        ("test", False, "own", None, "told"),
        ("ws://10.0.0.7:9944", False, "own", None, "told"),
        ("local", False, "elsewhere", None, "silent"),
    ],
)
def test_which_keys_pay_where(
    network: str,
    money: bool,
    place: str,
    password: str | None,
    outcome: str,
    tmp_path: Path,
    log: list[str],
) -> None:
    state = tmp_path / "state"
    path = {"own": None, "inside": state / "more", "elsewhere": tmp_path / "real"}[place]
    payer = Payer("w", state, path)
    create_wallet(payer.folder, "w", password=Secret(password) if password else None)
    if outcome == "refused":
        with pytest.raises(Refused, match="lies in clear, as made for a local chain") as refused:
            payer.check(network, money=money)
        assert "assay wallet create" in refused.value.cure
        assert str(payer.folder / "w" / "coldkey") in refused.value.cause
    else:
        payer.check(network, money=money)
    assert bool(log) is (outcome == "told")
