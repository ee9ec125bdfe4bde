"""A whole life on a chain without a neuron: fund, create, start, register, stake, unstake."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assay.localnet.testing import node_process
from tests.e2e.runs import ASSAY

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

TAO = 10**9


def test_every_trade_on_a_real_chain(tmp_path: Path) -> None:
    with node_process("--in-memory", "--log-level", "WARNING") as node:
        chain = ["--chain", node.url, "--state-dir", str(tmp_path)]

        def ran(*words: str, code: int = 0, at: list[str] = chain) -> Any:
            done = subprocess.run(
                [ASSAY, *words, *at, "--json"], capture_output=True, text=True, timeout=90
            )
            assert done.returncode == code, done.stderr
            return json.loads(done.stdout)

        for name in ("founder", "miner"):
            ran("wallet", "create", name, at=["--state-dir", str(tmp_path)])
            ran("fund", name, "5000")
        made = ran("subnet", "register", "--wallet", "founder", "--no-start")
        on = ["--netuid", str(made["netuid"])]
        refused = ran("stake", "10", *on, "--wallet", "founder", code=3)["error"]
        assert "assay subnet start" in refused["cure"]
        assert (
            ran("subnet", "start", *on, "--wallet", "miner", code=3)["error"]["kind"] == "refused"
        )
        assert ran("subnet", "start", *on, "--wallet", "founder")["new"]
        assert not ran("subnet", "start", *on, "--wallet", "founder")["new"]

        uid = ran("register", *on, "--wallet", "miner")
        assert (uid["uid"], uid["new"]) == (1, True)
        assert uid["paid_rao"] > 0
        assert ran("register", *on, "--wallet", "miner")["uid"] == 1

        added = ran("stake", "10", *on, "--wallet", "miner", "--rate-tolerance", "0.5")
        assert added["got_alpha_rao"] > 0
        assert ran("stake", "100", *on, "--wallet", "miner", "--rate-tolerance", "0", code=3)
        part = ran("unstake", "1", *on, "--wallet", "miner")
        assert part["sold_alpha_rao"] == TAO
        rest = ran("unstake", "all", *on, "--wallet", "miner")
        # What an alpha brings moves with each block; the rest was nearly ten times as many.
        assert 0 < part["got_rao"] < rest["got_rao"]
        assert ran("unstake", "1000000", *on, "--wallet", "miner", code=3)["error"]["reason"] == (
            "NotEnoughStakeToWithdraw"
        )
        listed = ran("wallet", "list", at=["--state-dir", str(tmp_path)])
        assert [each["name"] for each in listed] == ["founder", "miner"]
