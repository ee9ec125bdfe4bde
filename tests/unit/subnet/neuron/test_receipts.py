"""The receipts' log: whole after any crash, bounded, and proved by one hash on chain."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest
from loguru import logger

from assay.chain.interface import BlockRef
from assay.errors import Unavailable, UserError
from assay.neuron import receipts as module
from assay.neuron.peers import Answer, Origin, Target
from assay.neuron.receipts import (
    BODY_BYTES_MAX,
    START,
    Period,
    Proof,
    ReceiptRecord,
    Receipts,
    prove,
    record_of,
    running,
)
from assay.types import BlockNumber, Ss58, Uid
from assay.wire.synapse import Synapse, encode
from tests.unit.subnet.neuron.worlds import GENESIS, key

TARGET = key(2).address


def record(
    period: int, turn: int, text: bytes = b"evidence", target: Ss58 = TARGET
) -> ReceiptRecord:
    return ReceiptRecord(
        period=period,
        turn=turn,
        block=BlockNumber(100 + turn),
        block_hash=bytes([turn % 256]) * 32,
        target=target,
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
    monkeypatch.setattr(module, "TARGETS_MIN", 1)
    monkeypatch.setattr(module, "PERIOD_BYTES_MAX", 1_500)
    monkeypatch.setattr(module, "LEAVES_BYTES_MAX", 500)
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


class Words(Synapse):
    text: str


def answer(**fields: Any) -> Answer[Words, Words]:
    known: dict[str, Any] = {
        "target": Target(Uid(2), TARGET, b"published"),
        "request": Words(text="ask"),
        "reply": Words(text="said"),
        "failure": None,
        "latency_s": 0.5,
        "method": "talk",
        "origin": Origin.ORGANIC,
        "evidence": b"signed",
        "body": b"said",
    }
    return Answer(**{**known, **fields})


def noted(of: Answer[Words, Words]) -> ReceiptRecord:
    return record_of(of, period=4, turn=9, at=BlockRef(BlockNumber(77), "0x" + "ab" * 32))


def test_a_record_says_all_of_an_answer() -> None:
    assert noted(answer()) == ReceiptRecord(
        period=4,
        turn=9,
        block=BlockNumber(77),
        block_hash=b"\xab" * 32,
        target=TARGET,
        uid=Uid(2),
        commitment=b"published",
        method="talk",
        origin="organic",
        failure=None,
        evidence=b"signed",
        request=encode(Words(text="ask")),
        reply=b"said",
    )
    silent = noted(answer(reply=None, failure="no reply", code="unreachable", body=None))
    assert (silent.failure, silent.reply) == ("unreachable", None)


@pytest.mark.parametrize(("over", "kept"), [(0, True), (1, False)])
def test_bodies_are_kept_up_to_their_limit(over: int, kept: bool) -> None:
    fits = BODY_BYTES_MAX - len(encode(Words(text="x" * 2**15))) + 2**15
    request, body = Words(text="x" * (fits + over)), b"y" * (BODY_BYTES_MAX + over)
    record = noted(answer(request=request, body=body))
    assert record.request == (encode(request) if kept else None)
    assert record.reply == (body if kept else None)


def test_a_periods_digest_and_running_hash_are_as_documented() -> None:
    period = Period(
        number=3,
        records=5,
        left_out=258,
        root=b"r" * 32,
        before=b"b" * 32,
        tip=b"t" * 32,
        link=b"l" * 32,
    )
    counts = b"\3" + bytes(7) + b"\5" + bytes(7) + b"\2\1" + bytes(6)
    digest = sha256(b"r" * 32 + b"t" * 32 + b"l" * 32 + counts).digest()
    assert period.digest == digest
    assert period.running == sha256(b"assay/receipts/1" + b"b" * 32 + digest).digest()


def framed_bytes(of: ReceiptRecord) -> int:
    return len(msgspec.msgpack.encode(of)) + 8  # length and checksum


def test_what_fits_exactly_is_kept_and_what_does_not_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = framed_bytes(record(0, 0))
    monkeypatch.setattr(module, "TARGETS_MIN", 1)
    monkeypatch.setattr(module, "PERIOD_BYTES_MAX", 2 * one)
    monkeypatch.setattr(module, "LEAVES_BYTES_MAX", 0)
    log = filled(tmp_path, periods=2, records=5)
    assert [(period.records, period.left_out) for period in log.periods()] == [(2, 3), (2, 3)]
    monkeypatch.setattr(module, "RECORD_BYTES_MAX", one - 8)
    log.append(record(2, 0))
    log.append(record(2, 0, b"evidence!"))
    log.close_period(2, tip=bytes(32), link=bytes(32))
    assert (log.summary(2).records, log.summary(2).left_out) == (2, 0)
    assert len(log.records(2)) == 1, "of the other one the hash is kept"
    log.close_period(3, tip=bytes(32), link=bytes(32))
    assert (log.summary(3).records, log.summary(3).left_out) == (0, 0)


def test_room_is_made_from_the_limit_on_and_the_newest_period_always_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = 3 * 5 * framed_bytes(record(0, 0))
    monkeypatch.setattr(module, "LOG_BYTES_MAX", three)
    log = filled(tmp_path)
    assert [period.number for period in log.periods()] == [0, 1, 2]
    (tmp_path / "00000000.log").unlink()  # by somebody who wanted room, too
    monkeypatch.setattr(module, "LOG_BYTES_MAX", 0)
    log.append(record(3, 0))
    log.close_period(3, tip=bytes(32), link=bytes(32))
    assert [period.number for period in log.periods()] == [3]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["00000003.json", "00000003.log"]


@pytest.fixture
def told() -> Iterator[list[str]]:
    lines: list[str] = []
    handler = logger.add(lambda message: lines.append(str(message)), level="WARNING")
    yield lines
    logger.remove(handler)


def test_only_a_torn_end_is_spoken_of(tmp_path: Path, told: list[str]) -> None:
    log = Receipts(tmp_path / "in" / "no" / "folder" / "yet")
    log.append(record(0, 0))
    log.close()
    path = tmp_path / "in" / "no" / "folder" / "yet" / "00000000.log"
    assert path.stat().st_mode & 0o777 == 0o600
    log.append(record(0, 1))
    log.close()
    assert told == []
    path.write_bytes(path.read_bytes()[:-3])
    log.append(record(0, 2))
    log.close()
    assert len(told) == 1
    assert f"its last {framed_bytes(record(0, 1)) - 3} bytes are cut off" in told[0]


def test_no_file_stays_open_behind_a_period(tmp_path: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    log = Receipts(tmp_path)
    log.append(record(0, 0))
    log.append(record(1, 0))
    assert len(os.listdir("/dev/fd")) == before + 1, "that of the newest period"
    log.close_period(1, tip=bytes(32), link=bytes(32))
    assert len(os.listdir("/dev/fd")) == before
    log.append(record(2, 0))
    log.close()
    assert len(os.listdir("/dev/fd")) == before


def test_records_are_on_disk_before_the_summary_that_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Receipts(tmp_path)
    log.append(record(0, 0))
    (path,) = tmp_path.iterdir()
    synced: list[bool] = []
    fsync = os.fsync

    def noticed(descriptor: int) -> None:
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            synced.append(not (tmp_path / "00000000.json").exists())
        fsync(descriptor)

    monkeypatch.setattr(module.os, "fsync", noticed)
    log.close_period(0, tip=bytes(32), link=bytes(32))
    assert synced == [True]


def test_a_disk_that_fails_is_named_with_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match="file"):
        Receipts(tmp_path / "file")
    log = Receipts(tmp_path / "log")
    (tmp_path / "log" / "00000001.log").mkdir()
    with pytest.raises(Unavailable, match=r"00000001\.log"):
        log.records(1)
    with pytest.raises(Unavailable, match=r"00000001\.log"):
        log.append(record(1, 0))

    def full(*_: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    log.append(record(2, 0))
    monkeypatch.setattr(module.os, "write", full)
    with pytest.raises(Unavailable, match=r"The disk is full: .*00000002\.log"):
        log.append(record(2, 1))


def test_a_damaged_summary_is_refused_with_its_path(tmp_path: Path) -> None:
    log = filled(tmp_path, periods=1)
    (tmp_path / "00000000.json").write_text("{}")
    with pytest.raises(UserError, match=r"00000000\.json cannot be read"):
        log.summary(0)


def test_a_miner_with_long_answers_leaves_the_others_their_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PERIOD_BYTES_MAX", 40_000)
    monkeypatch.setattr(module, "TARGETS_MIN", 1)
    padder, honest = key(3).address, [key(number).address for number in (4, 5, 6)]
    log = Receipts(tmp_path)
    for turn in range(20):
        log.append(record(0, turn, b"short", honest[0]))
        log.append(record(0, turn, bytes(5_000), padder))
        for target in honest[1:]:
            log.append(record(0, turn, b"short", target))
    again = Receipts(tmp_path)
    again.append(record(0, 20, bytes(5_000), padder))
    again.append(record(0, 20, b"short", honest[0]))
    again.close_period(0, tip=bytes(32), link=bytes(32))
    kept = [msgspec.msgpack.decode(raw, type=ReceiptRecord) for raw in again.records(0)]
    of = {target: sum(one.target == target for one in kept) for target in (padder, *honest)}
    assert [of[target] for target in honest] == [21, 20, 20], "also after a restart"
    assert of[padder] < 4
    summary = again.summary(0)
    assert (summary.records, summary.left_out) == (82, 0), "the root stands for all of them"
    whole = [index for index, entry in enumerate(again.entries(0)) if entry.record is not None]
    assert proof_of(again, 0, whole[-1]).running() == again.root
    hidden = next(i for i, entry in enumerate(again.entries(0)) if entry.record is None)
    with pytest.raises(ValueError, match="only the hash was kept"):
        proof_of(again, 0, hidden)


def test_nothing_is_added_to_a_period_whose_root_stands_on_chain(tmp_path: Path) -> None:
    log = filled(tmp_path, periods=2)
    assert log.newest_period == 1
    with pytest.raises(ValueError, match="period 1 is closed"):
        log.append(record(1, 9))
    log.append(record(2, 9))
    assert log.newest_period == 2


def test_a_part_of_a_record_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full takes a part of what is written, without any error."""
    log, write = Receipts(tmp_path), os.write
    log.append(record(0, 0))
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:20]))
    with pytest.raises(Unavailable, match="The disk is full"):
        log.append(record(0, 1))
    monkeypatch.setattr(os, "write", write)
    log.append(record(0, 2))
    kept = [msgspec.msgpack.decode(raw, type=ReceiptRecord).turn for raw in log.records(0)]
    assert kept == [0, 2]
