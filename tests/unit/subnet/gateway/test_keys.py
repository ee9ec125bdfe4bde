"""Keys are shown once, kept as hashes, found in one way, and ended at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assay.clock import ManualClock
from assay.errors import UserError
from assay.gateway.keys import KeyFile


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "gateway" / "keys.json", clock=ManualClock())


def test_a_key_is_found_by_itself_alone(keys: KeyFile) -> None:
    made, record = keys.add("ada", requests_per_minute=5, tokens_per_day=7)
    other, _ = keys.add("bob")
    assert made.startswith("sk-assay-")
    assert len(made) == len("sk-assay-") + 8 + 1 + 43
    assert keys.find(made) == record
    assert (record.name, record.requests_per_minute, record.tokens_per_day) == ("ada", 5, 7)
    assert record.created_s == 1_700_000_000
    swapped = f"sk-assay-{record.id}-{other[18:]}"
    for wrong in (
        swapped,
        made[:-1],
        made + "A",
        made.upper(),
        "",
        "sk-x",
        f" {made}",
        f"{made}\n",
    ):
        assert keys.find(wrong) is None


def test_the_file_holds_no_key(keys: KeyFile, tmp_path: Path) -> None:
    made, record = keys.add("ada")
    path = tmp_path / "gateway" / "keys.json"
    data = path.read_text()
    assert record.id in data
    assert made[18:] not in data
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_another_process_changes_counts_at_once(keys: KeyFile, tmp_path: Path) -> None:
    made, record = keys.add("ada")
    other = KeyFile(tmp_path / "gateway" / "keys.json", clock=ManualClock())
    assert other.find(made) == record
    later, _ = other.add("bob")
    assert keys.find(later) is not None
    assert keys.revoke("bob").name == "bob"
    assert other.find(later) is None
    assert other.find(made) == record


def test_a_change_within_one_tick_of_the_file_systems_clock_is_seen(
    keys: KeyFile, tmp_path: Path
) -> None:
    path = tmp_path / "gateway" / "keys.json"
    made, _ = keys.add("ada")
    before = path.stat()
    assert keys.find(made) is not None
    KeyFile(path, clock=ManualClock()).add("ada", replace=True)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert keys.find(made) is None


def test_a_name_is_one_keys_until_it_is_revoked(keys: KeyFile) -> None:
    first, record = keys.add("ada")
    with pytest.raises(UserError, match="called ada already"):
        keys.add("ada")
    assert keys.revoke(record.id).revoked_s == 1_700_000_000
    assert keys.find(first) is None
    with pytest.raises(UserError, match="no key"):
        keys.revoke("ada")
    second, _ = keys.add("ada")
    assert keys.find(second) is not None
    assert [key.name for key in keys.all()] == ["ada", "ada"]


def test_a_replaced_key_leaves_nothing(keys: KeyFile) -> None:
    first, _ = keys.add("local", replace=True)
    second, _ = keys.add("local", replace=True)
    assert keys.find(first) is None
    assert keys.find(second) is not None
    assert len(keys.all()) == 1


@pytest.mark.parametrize("name", ["", "a b", "a\n", "-x", "x" * 65, "é"])
def test_a_name_is_one_plain_word(keys: KeyFile, name: str) -> None:
    with pytest.raises(UserError, match="cannot be a key's name"):
        keys.add(name)


@pytest.mark.parametrize("data", [b"{", b"[1]", b'[{"id": "x"}]', b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_told_and_lets_nobody_in(
    keys: KeyFile, tmp_path: Path, data: bytes
) -> None:
    made, _ = keys.add("ada")
    (tmp_path / "gateway" / "keys.json").write_bytes(data)
    with pytest.raises(UserError, match="does not hold keys"):
        keys.find(made)


def test_without_a_file_there_is_no_key(keys: KeyFile) -> None:
    assert keys.all() == []
    assert keys.find("sk-assay-00000000-" + "A" * 43) is None
