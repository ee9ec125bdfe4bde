"""The receipts' log: whole after any crash, bounded, and proved by one hash on chain."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from assay.errors import UserError
from assay.neuron import receipts as module
from assay.neuron.receipts import START, Proof, ReceiptRecord, Receipts, prove, running
from assay.types import BlockNumber, Uid
from tests.unit.subnet.neuron.worlds import GENESIS, key

TARGET = key(2).address


def record(period: int, turn: int, text: bytes = b"evidence") -> ReceiptRecord:
    return ReceiptRecord(
        period=period,
        turn=turn,
        block=BlockNumber(100 + turn),
        block_hash=bytes([turn % 256]) * 32,
        target=TARGET,
        uid=Uid(2),
        commitment=None,
        method="",
        origin="synthetic",
        failure=None,
        evidence=text,
    )


def filled(folder: Path, periods: int = 3, records: int = 5) -> Receipts:
    log = Receipts(folder)
    for period in range(periods):
        for turn in range(records):
            log.append(record(period, turn))
        log.close_period(period, tip=bytes([period]) * 32, link=bytes([period + 1]) * 32)
    return log


def proof_of(log: Receipts, period: int, index: int) -> Proof:
    return prove(log, period, index, genesis=GENESIS, netuid=1, validator=key(1).address)


def test_every_record_leads_to_the_newest_running_hash(tmp_path: Path) -> None:
    log = filled(tmp_path)
    assert log.root != START
    for period in range(3):
        for index in range(5):
            proof = proof_of(log, period, index)
            assert proof.running() == log.root
            stored = msgspec.json.decode(msgspec.json.encode(proof), type=Proof)
            assert stored.running() == log.root
            assert msgspec.msgpack.decode(proof.record, type=ReceiptRecord) == record(period, index)


def test_no_byte_of_a_record_can_be_changed(tmp_path: Path) -> None:
    log = filled(tmp_path)
    proof = proof_of(log, 1, 3)
    for at in range(len(proof.record)):
        changed = bytearray(proof.record)
        changed[at] ^= 1
        with pytest.raises(ValueError, match="not among"):
            msgspec.structs.replace(proof, record=bytes(changed)).running()


def test_a_log_that_was_cut_anywhere_is_whole_again(tmp_path: Path) -> None:
    """As after ``kill -9`` or a loss of power in the middle of a write."""
    log = Receipts(tmp_path / "whole")
    for turn in range(3):
        log.append(record(0, turn))
    data = (tmp_path / "whole" / "00000000.log").read_bytes()
    size = len(data) // 3
    for cut in range(len(data)):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        (folder / "00000000.log").write_bytes(data[:cut])
        again = Receipts(folder)
        assert again.open_periods() == [0]
        again.append(record(0, 9))
        kept = [msgspec.msgpack.decode(r, type=ReceiptRecord).turn for r in again.records(0)]
        assert kept == [*range(cut // size), 9]
        again.close()


def test_a_flipped_bit_costs_what_comes_after_it_and_nothing_before(tmp_path: Path) -> None:
    log = Receipts(tmp_path)
    for turn in range(3):
        log.append(record(0, turn))
    path = tmp_path / "00000000.log"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    assert len(Receipts(tmp_path).records(0)) == 1


def test_closing_twice_changes_nothing(tmp_path: Path) -> None:
    log = filled(tmp_path)
    before = log.root
    log.close_period(2, tip=bytes(32), link=bytes(32))
    assert log.root == before
    assert Receipts(tmp_path).root == before


def test_an_open_period_is_found_after_a_restart_and_closed_whole(tmp_path: Path) -> None:
    log = Receipts(tmp_path)
    for turn in range(4):
        log.append(record(7, turn))
    log.close()
    again = Receipts(tmp_path)
    assert again.open_periods() == [7]
    again.close_period(7, tip=bytes(32), link=bytes(32))
    assert again.summary(7).records == 4
    assert again.root == running(START, again.summary(7).digest)


def test_the_log_is_bounded_and_the_oldest_records_go_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PERIOD_BYTES_MAX", 2_000)
    monkeypatch.setattr(module, "LOG_BYTES_MAX", 5_000)
    log = filled(tmp_path, periods=8, records=40)
    assert sum(path.stat().st_size for path in tmp_path.glob("*.log")) <= 5_000
    assert log.records(0) == []
    monkeypatch.setattr(module, "PERIODS_MAX", 2)
    log.close_period(8, tip=bytes(32), link=bytes(32))
    assert [period.number for period in log.periods()] == [7, 8]
    assert log.summary(7).left_out > 0
    proof = proof_of(log, 7, 0)
    assert proof.running() == log.root, "what is kept is proved, whatever is gone"


def test_what_is_not_kept_is_refused_with_a_sentence(tmp_path: Path) -> None:
    log = filled(tmp_path, periods=1)
    with pytest.raises(ValueError, match="keeps 5 records"):
        proof_of(log, 0, 5)
    with pytest.raises(UserError, match="no closed period 4"):
        proof_of(log, 4, 0)
