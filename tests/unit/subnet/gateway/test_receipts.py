"""Receipts show what was signed, and nothing that was not; the store keeps as many as fit."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.gateway.openai.meaning import AnswerOptions
from assay.gateway.openai.schemas import CHOICES_MAX
from assay.gateway.receipts import ReceiptStore, read_client_receipt
from assay.gateway.router import MINERS_MAX, TextWish, Trail
from assay.protocol.client_receipts import (
    CALLS_MAX,
    CallRecord,
    ClientReceipt,
    parse_receipt,
    receipt_fault,
)
from assay.protocol.inference import Piece
from assay.types import Ss58
from assay.wire.synapse import decode, encode
from tests.unit.subnet.gateway.miners import GATEWAY, GENESIS, ROOT, FakeMiner, Subnet, key


def receipt(number: int, calls: list[CallRecord], **changes: object) -> ClientReceipt:
    fields: dict[str, object] = {
        "id": f"rcpt-{number:032x}",
        "created": 1_700_000_000,
        "genesis": GENESIS,
        "netuid": 1,
        "gateway": GATEWAY.address,
        "model": ROOT,
        "key": "0badcafe",
        "calls": calls,
    }
    return ClientReceipt(**(fields | changes))  # type: ignore[arg-type]


async def calls() -> list[CallRecord]:
    """Two calls: one miner broke off, another went on."""
    first, second = FakeMiner(key(1), incentive=2000, dies_at=4), FakeMiner(key(2))
    async with Subnet(first, second) as subnet:
        trail = Trail()
        async for _ in subnet.router().answer(TextWish("say", 9, 1, AnswerOptions()), trail):
            pass
    return trail.records


async def test_a_true_receipt_holds_and_survives_its_way() -> None:
    true = receipt(1, await calls())
    assert receipt_fault(true) is None
    assert parse_receipt(msgspec.json.encode(true)) == true
    assert len(true.calls) == 2


def swapped(made: list[CallRecord]) -> list[CallRecord]:
    return made[::-1]


def another_miner(made: list[CallRecord]) -> list[CallRecord]:
    return [msgspec.structs.replace(made[0], miner=Ss58(key(9).address)), made[1]]


def shorter(made: list[CallRecord]) -> list[CallRecord]:
    return [msgspec.structs.replace(made[0], frames=made[0].frames[:-1]), made[1]]


def other_tokens(made: list[CallRecord]) -> list[CallRecord]:
    piece = msgspec.structs.replace(decode(Piece, made[0].frames[0]), tokens=[7])
    frames = [encode(piece), *made[0].frames[1:]]
    return [msgspec.structs.replace(made[0], frames=frames), made[1]]


def another_request(made: list[CallRecord]) -> list[CallRecord]:
    return [msgspec.structs.replace(made[0], request=made[1].request), made[1]]


def no_evidence(made: list[CallRecord]) -> list[CallRecord]:
    return [msgspec.structs.replace(made[0], evidence=b""), made[1]]


def without_the_first(made: list[CallRecord]) -> list[CallRecord]:
    return made[1:]


def under_another_choice(made: list[CallRecord]) -> list[CallRecord]:
    return [made[0], msgspec.structs.replace(made[1], choice=1)]


@pytest.mark.parametrize(
    "forge",
    [
        swapped, another_miner, shorter, other_tokens, another_request, no_evidence,
        without_the_first, under_another_choice,
    ],
)  # fmt: skip
async def test_a_forged_receipt_does_not_hold(
    forge: Callable[[list[CallRecord]], list[CallRecord]],
) -> None:
    assert receipt_fault(receipt(1, forge(await calls()))) is not None


async def test_a_receipt_of_another_gateway_or_model_does_not_hold() -> None:
    made = await calls()
    assert receipt_fault(receipt(1, made, gateway=key(9).address)) is not None
    assert receipt_fault(receipt(1, made, model=bytes(32))) is not None


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"object": "assay.receipt"}'])
def test_what_is_no_receipt_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    assert read_client_receipt(tmp_path / "file") is None


def test_the_oldest_go_first(tmp_path: Path) -> None:
    store = ReceiptStore(tmp_path / "answers", count_max=3)
    for number in range(5):
        store.put(receipt(number, []))
    assert [store.get(f"rcpt-{n:032x}") is not None for n in range(5)] == [False] * 2 + [True] * 3
    for age, path in enumerate(sorted((tmp_path / "answers").iterdir())):
        os.utime(path, ns=(age, age))
    again = ReceiptStore(tmp_path / "answers", count_max=3)
    assert len(again) == 3
    again.put(receipt(9, []))
    assert again.get(f"rcpt-{2:032x}") is None
    assert again.get(f"rcpt-{3:032x}") is not None


def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    ReceiptStore(folder).put(receipt(1, []))
    (folder / f"rcpt-{2:032x}.tmp").write_bytes(b"{")
    assert len(ReceiptStore(folder)) == 1
    [left] = folder.iterdir()
    assert left.name.startswith(f"rcpt-{1:032x}.")
    assert left.suffix == ".json"


def test_bytes_are_bounded_and_the_newest_stays(tmp_path: Path) -> None:
    store = ReceiptStore(tmp_path / "answers", bytes_max=700)
    for number in range(4):
        store.put(receipt(number, []))
    size = sum(path.stat().st_size for path in (tmp_path / "answers").iterdir())
    assert size <= 700
    assert store.get(f"rcpt-{3:032x}") == receipt(3, [])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=40))
def test_whoever_has_most_loses_its_own(puts: list[tuple[int, int]]) -> None:
    """Whatever one key asks for, another keeps its newest up to an even share of the room."""
    with tempfile.TemporaryDirectory() as folder:
        store = ReceiptStore(Path(folder), count_max=12)
        made: dict[int, list[str]] = {}
        for number, (whose, again) in enumerate(puts):
            for part in range(again):
                id_ = 100 * number + part
                store.put(receipt(id_, [], key=f"key {whose}"))
                made.setdefault(whose, []).append(f"rcpt-{id_:032x}")
        opened = ReceiptStore(Path(folder), count_max=12)
        for kept in (store, opened):
            assert len(kept) == min(sum(map(len, made.values())), 12)
            for ids in made.values():
                there = [kept.get(id_) is not None for id_ in ids]
                assert sum(there) >= min(len(ids), 12 // 4)
                assert there == sorted(there), "the oldest of a key go first"


def test_a_key_that_fills_the_disk_pushes_out_its_own(tmp_path: Path) -> None:
    store = ReceiptStore(tmp_path / "answers", bytes_max=2_000)
    store.put(receipt(1, [], key="quiet"))
    for number in range(2, 40):
        store.put(receipt(number, [], key="loud"))
    assert store.get(f"rcpt-{1:032x}") is not None
    assert store.get(f"rcpt-{2:032x}") is None
    assert store.get(f"rcpt-{39:032x}") is not None


def test_the_files_are_their_owners_alone(tmp_path: Path) -> None:
    store = ReceiptStore(tmp_path / "answers")
    store.put(receipt(1, []))
    [path] = (tmp_path / "answers").iterdir()
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("id_", ["", "rcpt-", "../x", f"rcpt-{1:031x}", f"rcpt-{1:032x}/../y"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, id_: str) -> None:
    assert ReceiptStore(tmp_path / "answers").get(id_) is None


def test_a_receipt_has_room_for_all_calls_that_a_gateway_may_make() -> None:
    assert CALLS_MAX == CHOICES_MAX * (MINERS_MAX + 1)
