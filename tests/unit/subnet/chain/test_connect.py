"""Addresses of chains, and a client's start without the SDK's weight."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from assay.chain.connect import LOCAL_URL, connect, is_loopback, resolve, shown
from assay.chain.errors import ChainUnavailable
from assay.errors import UserError


def test_names_and_addresses() -> None:
    assert resolve("local") == LOCAL_URL
    assert resolve("wss://chain.example:443") == "wss://chain.example:443"
    assert resolve("finney").startswith("wss://")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "nonsense",
        "http://127.0.0.1:9944",
        "ws://",
        "9944",
        "ws://127.0.0.1:65536",
        "ws://127.0.0.1:0",
        "ws://127.0.0.1:x",
        "ws://[::1",
    ],
)
def test_what_is_neither_is_the_users_mistake(wrong: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve(wrong)
    assert caught.value.exit_code == 2


def test_loopback() -> None:
    assert all(is_loopback(u) for u in ("ws://127.0.0.1:1", "ws://localhost", "ws://[::1]:9"))
    assert not any(is_loopback(u) for u in ("wss://127.example", "ws://10.0.0.1", "wss://a.b"))


def test_an_access_token_is_not_shown() -> None:
    assert shown("wss://user:pass@chain.example:443/token?key=1") == "wss://chain.example:443"
    assert shown("ws://[::1]:9944/x") == "ws://[::1]:9944"


def test_the_sdk_is_not_imported_until_a_chain_is_opened() -> None:
    code = (
        "import sys, assay.chain.connect, assay.chain.wallets, assay.chain.fake, "
        "assay.chain.weights; sys.exit('bittensor' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


async def test_nobody_at_the_address(tmp_path: Path) -> None:
    with pytest.raises(ChainUnavailable) as caught:
        await connect("ws://127.0.0.1:9", cache_dir=tmp_path, patience_s=0.5)
    assert "ws://127.0.0.1:9" in caught.value.cause
    assert "`assay up`" in caught.value.cure
    assert caught.value.exit_code == 2
