"""`assay status` says how old its scores are: those of a dead validator look like any other."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from assay.chain.fake import FakeChain, FakeLedger
from assay.cli import main, neurons, output
from assay.cli.up.plan import make_plan
from assay.cli.up.record import RecordFile
from assay.clock import ManualClock
from assay.neuron.checkpoint import Checkpoint, CheckpointFile
from assay.neuron.folder import NeuronFolder
from assay.neuron.opinions import Opinion, Reason
from assay.types import BlockNumber, NetUid, Rao, Uid
from tests.unit.subnet.neuron.worlds import GENESIS, key

TAO = 10**9
OWNER, JUDGE, MINER = key(200), key(1), key(2)


@pytest.fixture
async def ledger(monkeypatch: pytest.MonkeyPatch) -> FakeLedger:
    funds = {each.address: Rao(9_000 * TAO) for each in (OWNER, JUDGE, MINER)}
    made = FakeLedger(ManualClock(), balances=funds)  # type: ignore[arg-type]
    chain = FakeChain(made)
    await chain.create_subnet(OWNER, key(201).address)
    for each in (JUDGE, MINER):
        await chain.register(1, each, each.address)

    @contextlib.asynccontextmanager
    async def opened(*_: object, **__: object) -> AsyncIterator[FakeChain]:
        yield FakeChain(made)

    monkeypatch.setattr(neurons, "open_chain", opened)
    for name in ("out", "err"):
        monkeypatch.delitem(vars(output), name, raising=False)
    return made


@pytest.mark.parametrize(
    ("block_time_s", "age", "told"),
    [(0.25, 0, ""), (0.25, 240, ""), (0.25, 241, "are 241 blocks old"), (12.0, 20, ""),
     (12.0, 21, "are 21 blocks old"), (0.25, -5, "of unknown age"), (0.25, None, "of unknown age")],
)  # fmt: skip
def test_scores_have_an_age(
    block_time_s: float,
    age: int | None,
    told: str,
    ledger: FakeLedger,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Those of a round longer than an epoch, which on a local chain takes 5 s, are not yet old."""
    ledger.block_time_s = block_time_s
    ledger.advance(250)
    block = None if age is None else BlockNumber(ledger.finalized.number - age)
    known = age if age is not None and age >= 0 else None
    thinks = Opinion(
        uid=Uid(2), average=0.5, rounds=3, score=0.5, latency_s=0.1, reasons=(Reason("told", "ok"),)
    )
    folder = NeuronFolder.of(tmp_path, GENESIS, 1, JUDGE.address)
    CheckpointFile(folder.checkpoint).save(
        Checkpoint(
            genesis=GENESIS,
            netuid=NetUid(1),
            hotkey=JUDGE.address,
            block=block,
            opinions={MINER.address: thinks},
        )
    )
    command = ["status", "--state-dir", str(tmp_path)]
    assert main.main([*command, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["neurons"]
    (score,) = rows[2]["scores"]
    assert score == {
        "uid": 1, "hotkey": JUDGE.address, "score": 0.5, "age_blocks": known, "reasons": ["ok"],
    }  # fmt: skip
    assert main.main(command) == 0
    out, err = capsys.readouterr()
    assert "by 1" in out
    assert re.search(r"^ +2 .* 100% *$", out, re.MULTILINE), "of the best, whatever 1 stands for"
    assert ("Scores by 1" in err) is bool(told)
    assert told in err


def test_each_reason_says_whose_it_is(
    ledger: FakeLedger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for judge, why in ((JUDGE, "5 tokens/s"), (MINER, "6 tokens/s")):
        thinks = Opinion(
            uid=Uid(2), average=0.5, rounds=3, score=0.5, latency_s=0.1,
            reasons=(Reason("a", why), Reason("b", "late")),
        )  # fmt: skip
        folder = NeuronFolder.of(tmp_path, GENESIS, 1, judge.address)
        CheckpointFile(folder.checkpoint).save(
            Checkpoint(
                genesis=GENESIS,
                netuid=NetUid(1),
                hotkey=judge.address,
                block=BlockNumber(0),
                opinions={MINER.address: thinks},
            )
        )
    keys = tmp_path / "wallets" / "juror" / "hotkeys"
    keys.mkdir(parents=True)
    (keys / "defaultpub.txt").write_text(f'{{"ss58Address": "{JUDGE.address}"}}')
    assert main.main(["status", "--state-dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    other = f"{MINER.address[:8]}…"
    assert "uid 2, by 1 (juror): 5 tokens/s; late" in out
    assert f"uid 2, by 2 ({other}): 6 tokens/s; late" in out
    assert f"by 1 (juror): 0.5 of 1, by 2 ({other}): 0.5 of 1" in " ".join(out.split())
    assert re.search(r"^ +1 +juror ", out, re.MULTILINE), "named as `assay up` names it"
    assert re.search(rf"^ +2 +{other} ", out, re.MULTILINE)


def test_an_empty_faucet_is_named_and_not_advised(
    ledger: FakeLedger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = ["fund", MINER.address, "5", "--state-dir", str(tmp_path)]
    assert main.main(to) == 3
    told = capsys.readouterr().err
    assert "//Alice, the account that a local chain's TAO is given from, has 0 TAO left" in told
    assert "assay fund" not in told
    assert "nothing refills" in told


def test_the_chain_of_the_folders_own_run_is_asked(
    ledger: FakeLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    @contextlib.asynccontextmanager
    async def opened(network: str, *_: object) -> AsyncIterator[FakeChain]:
        asked.append(network)
        yield FakeChain(ledger)

    monkeypatch.setattr(neurons, "open_chain", opened)
    monkeypatch.delenv("ASSAY_CHAIN", raising=False)
    command = ["status", "--state-dir", str(tmp_path), "--json"]
    plan = make_plan(
        seed=1, task="t", task_options=(), base_port=12_345, state_dir=tmp_path, validators=1,
        miners=2, cheat=None, slow=0,
    )  # fmt: skip
    assert main.main(command) == 0
    RecordFile(tmp_path).save(RecordFile(tmp_path).open(plan))
    assert main.main(command) == 0
    assert main.main([*command, "--chain", "local"]) == 0
    monkeypatch.setenv("ASSAY_CHAIN", "ws://127.0.0.1:7")
    assert main.main(command) == 0
    (tmp_path / "up.json").write_text("torn")
    monkeypatch.delenv("ASSAY_CHAIN")
    assert main.main(command) == 0
    assert asked == ["local", "ws://127.0.0.1:12345", "local", "ws://127.0.0.1:7", "local"]
