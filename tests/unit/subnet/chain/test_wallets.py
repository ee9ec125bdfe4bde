"""Wallets on disk: what the SDK reads back, what is refused, and what must never be seen."""

from __future__ import annotations

import copy
import json
import os
import shutil
import stat
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from bittensor.sp_core import verify
from bittensor.wallet import Wallet

from assay.chain.errors import WalletError, WrongPasswordError
from assay.chain.wallet_addresses import wallet_info
from assay.chain.wallets import (
    Secret,
    create_wallet,
    dev_signer,
    open_coldkey,
    open_hotkey,
)
from assay.errors import Unavailable, UserError

LOCAL = "ws://127.0.0.1:9944"
PASSWORD = "correct horse battery"
KEPT = Path(__file__).parents[3] / "vectors" / "wallets"
"""Keys of no value, made for these tests."""


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one wallet whose coldkey is encrypted, as SDK 11.3.0 wrote it.

    Stretching a password takes the SDK seconds, so it is kept and each test opens it once at most.
    """
    root = tmp_path_factory.mktemp("wallets")
    shutil.copytree(KEPT / "locked", root / "locked")
    return root


def test_the_sdk_reads_what_was_made(tmp_path: Path) -> None:
    made = create_wallet(tmp_path, "w", "h")
    theirs = Wallet("w", "h", str(tmp_path))
    assert theirs.coldkey.ss58_address == made.coldkey
    assert theirs.coldkeypub.ss58_address == made.coldkey
    assert theirs.hotkey.ss58_address == made.hotkeys["h"]
    assert theirs.hotkeypub.ss58_address == made.hotkeys["h"]


def test_we_read_what_the_sdk_made(tmp_path: Path) -> None:
    theirs = Wallet("w", "h", str(tmp_path))
    theirs.create_new_coldkey(use_password=False, suppress=True)
    theirs.create_new_hotkey(use_password=False, suppress=True)
    ours = open_hotkey(tmp_path, "w", "h")
    assert ours.address == theirs.hotkey.ss58_address
    message = b"\x00\x01 any bytes"
    assert verify(message, ours.sign(message), ours.address)
    assert open_coldkey(tmp_path, "w").public_key == bytes(theirs.coldkey.public_key)


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    create_wallet(tmp_path / "new", "w")
    for path in (tmp_path / "new" / "w").rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_making_it_again_changes_nothing(tmp_path: Path) -> None:
    first = create_wallet(tmp_path, "w", "h")
    phrases: list[tuple[str, str]] = []
    again = create_wallet(tmp_path, "w", "h", show_phrase=lambda *each: phrases.append(each))
    assert again == first
    assert phrases == []
    more = create_wallet(tmp_path, "w", "h2", show_phrase=lambda *each: phrases.append(each))
    assert more.coldkey == first.coldkey
    assert set(more.hotkeys) == {"h", "h2"}
    assert [role for role, _ in phrases] == ["hotkey"]
    assert len(phrases[0][1].split()) == 12


def test_equal_seeds_give_equal_keys(tmp_path: Path) -> None:
    keys = [
        create_wallet(tmp_path / name, "w", coldkey_seed=b"c" * 32, hotkey_seed=b"h" * 32)
        for name in ("one", "two")
    ]
    assert keys[0] == keys[1]
    with pytest.raises(ValueError, match="32"):
        create_wallet(tmp_path, "w", coldkey_seed=b"short")


def test_nothing_is_left_half_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="32"):
        create_wallet(tmp_path, "w", hotkey_seed=b"short")  # after the coldkey was written
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(WalletError, match="There is no wallet"):
        wallet_info(tmp_path, "w")


def test_making_keys_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    create_wallet(tmp_path, "w")
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_the_password_opens_it(locked: Path) -> None:
    opened = open_coldkey(locked, "locked", Secret(PASSWORD))
    assert opened.address == wallet_info(locked, "locked").coldkey
    assert open_hotkey(locked, "locked")  # hotkeys are not locked


def test_a_wrong_password_is_the_users_mistake(locked: Path) -> None:
    guess = Secret("wrong " + "guess")  # the words must not be in this file's own lines
    with pytest.raises(WrongPasswordError) as caught:
        open_coldkey(locked, "locked", guess)
    assert caught.value.exit_code == 2
    shown = "".join(traceback.format_exception(caught.value))
    assert "wrong guess" not in shown


def test_no_password_is_not_asked_for(locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_: object) -> str:
        raise AssertionError("the terminal was asked")

    monkeypatch.setattr("builtins.input", ask)
    monkeypatch.setattr("bittensor.keyfiles.masked_input", ask)
    with pytest.raises(WalletError, match="no password was given"):
        open_coldkey(locked, "locked")


@pytest.mark.slow
def test_a_coldkey_is_locked_with_the_password_given(tmp_path: Path) -> None:
    made = create_wallet(tmp_path, "w", password=Secret("another"))
    assert open_coldkey(tmp_path, "w", Secret("another")).address == made.coldkey
    with pytest.raises(WrongPasswordError):
        open_coldkey(tmp_path, "w", Secret(PASSWORD))


@pytest.mark.slow
def test_the_sdks_own_variable_is_honoured(locked: Path) -> None:
    keyfile = Wallet("locked", path=str(locked)).coldkey_file
    name = keyfile.save_password_to_env(PASSWORD)
    try:
        assert open_coldkey(locked, "locked").address == wallet_info(locked, "locked").coldkey
    finally:
        os.environ.pop(name, None)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\x00", b'{"secretSeed": 5}', b"[" * 9_999])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    create_wallet(tmp_path, "w", "h")
    (tmp_path / "w" / "hotkeys" / "h").write_bytes(content)
    with pytest.raises(WalletError) as caught:
        open_hotkey(tmp_path, "w", "h")
    assert "damaged" in caught.value.cause


def test_a_missing_wallet_is_named(tmp_path: Path) -> None:
    with pytest.raises(WalletError, match="Create it"):
        open_coldkey(tmp_path, "nobody")
    with pytest.raises(WalletError, match="There is no wallet"):
        wallet_info(tmp_path / "nowhere", "nobody")


def test_a_public_file_signs_nothing(tmp_path: Path) -> None:
    create_wallet(tmp_path, "w", "h")
    folder = tmp_path / "w"
    (folder / "coldkey").write_bytes((folder / "coldkeypub.txt").read_bytes())
    with pytest.raises(WalletError, match="cannot sign"):
        open_coldkey(tmp_path, "w")


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "x" * 65, "a\n", "a\x00"])
def test_a_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(WalletError):
        create_wallet(tmp_path, name)
    with pytest.raises(WalletError):
        open_hotkey(tmp_path, "w", name)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(WalletError) as caught:
        create_wallet(blocked, "w")
    assert caught.value.cure


def test_secrets_are_not_seen(tmp_path: Path) -> None:
    secret = Secret("hush")
    create_wallet(tmp_path, "w", hotkey_seed=b"s" * 32)
    key = open_hotkey(tmp_path, "w")
    held = json.loads((tmp_path / "w" / "hotkeys" / "default").read_text())
    words = [str(value).removeprefix("0x") for name, value in held.items() if "ecret" in name]
    for shown in (repr(secret), str(secret), repr(key), str(key), f"{key}"):
        assert "hush" not in shown
        assert not any(word in shown for word in words)
    for thing in (secret, key):
        with pytest.raises(TypeError):  # as any serialiser would ask it
            copy.copy(thing)


def test_development_keys_stay_on_this_machine() -> None:
    alice = dev_signer("//Alice", chain_url=LOCAL)
    assert alice.address == "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
    with pytest.raises(UserError, match="not on this machine"):
        dev_signer("//Alice", chain_url="wss://chain.example:443/secret-token")
    with pytest.raises(UserError) as caught:
        dev_signer("some words that could be a phrase", chain_url=LOCAL)
    assert "phrase" not in str(caught.value)


@pytest.mark.parametrize("kept", [0, 5, 15, 100])
def test_a_cut_file_is_damaged_whatever_the_password(locked: Path, kept: int) -> None:
    path = locked / "locked" / "coldkey"
    whole = path.read_bytes()
    path.write_bytes(whole[:kept])
    try:
        for password in (None, Secret(PASSWORD)):
            with pytest.raises(WalletError, match="damaged") as caught:
                open_coldkey(locked, "locked", password)
            assert not isinstance(caught.value, WrongPasswordError)
            assert "recovery phrase" in caught.value.cure
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b"\n", lambda b: b[:300]])
def test_what_does_not_open_may_be_damaged(locked: Path, change: Callable[[bytes], bytes]) -> None:
    path = locked / "locked" / "coldkey"
    whole = path.read_bytes()
    path.write_bytes(change(whole))
    try:
        with pytest.raises(WalletError, match=r"another one, or .* is damaged") as caught:
            open_coldkey(locked, "locked", Secret(PASSWORD))
        assert "recovery phrase" in caught.value.cure
    finally:
        path.write_bytes(whole)


def test_a_key_of_another_address_is_damaged(tmp_path: Path) -> None:
    for name in ("w", "other"):
        create_wallet(tmp_path, name)
    for key in ("coldkey", "hotkeys/default"):
        (tmp_path / "w" / key).write_bytes((tmp_path / "other" / key).read_bytes())
    for opened in (open_coldkey, open_hotkey):
        with pytest.raises(WalletError, match=r"is damaged: it is the key of 5\w+, and .* names 5"):
            opened(tmp_path, "w")


def test_one_changed_letter_of_a_secret_is_damage(tmp_path: Path) -> None:
    create_wallet(tmp_path, "w")
    path = tmp_path / "w" / "hotkeys" / "default"
    held = json.loads(path.read_text())
    ends = set()
    for field in ("secretSeed", "privateKey", "secretPhrase"):
        text = held[field]
        changed = text[:-1] + ("0" if text[-1] != "0" else "1")
        path.write_text(json.dumps(held | {field: changed}))
        try:
            opened = open_hotkey(tmp_path, "w")
        except WalletError as error:
            ends.add("damaged" if "damaged" in error.cause else error.cause)
        else:  # the field was not needed
            same = opened.address == held["ss58Address"] and opened.owns(opened.sign(b""))
            ends.add("the same key" if same else "another key")
    assert "damaged" in ends
    assert ends <= {"damaged", "the same key"}


@pytest.mark.parametrize("root", ["absolute", "relative"])
def test_the_variable_may_hold_the_password_in_plain_letters(
    locked: Path, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(locked.parent)
    folder = locked if root == "absolute" else Path(locked.name)
    variable = Wallet("locked", path=str(locked)).coldkey_file.env_var_name()
    monkeypatch.setenv(variable, PASSWORD)
    assert open_coldkey(folder, "locked").address == wallet_info(locked, "locked").coldkey
    monkeypatch.setenv(variable, "another")
    with pytest.raises(WrongPasswordError):
        open_coldkey(folder, "locked")


def test_a_hotkey_is_added_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_wallet(tmp_path, "w")
    before = sorted(tmp_path.rglob("*"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", full)
        with pytest.raises(Unavailable, match="No space left"):
            create_wallet(tmp_path, "w", "second")
    assert sorted(tmp_path.rglob("*")) == before
    assert "second" in create_wallet(tmp_path, "w", "second").hotkeys
    assert open_hotkey(tmp_path, "w", "second")


def test_what_a_killed_process_left_is_removed_once_it_is_old(tmp_path: Path) -> None:
    old, young, other = (tmp_path / name for name in (".w.0123abcd", ".w.89abcdef", ".w.notes"))
    for draft in (old, young, other):
        (draft / "hotkeys").mkdir(parents=True)
        (draft / "coldkey").write_text("a secret")
    hour_ago = young.stat().st_mtime - 3_600
    os.utime(old, (hour_ago, hour_ago))
    os.utime(other, (hour_ago, hour_ago))
    create_wallet(tmp_path, "w")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".w.89abcdef", ".w.notes", "w"]
