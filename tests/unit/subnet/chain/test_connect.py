"""Addresses of chains, and a client's start without the SDK's weight."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from loguru import logger

from assay.chain.address import LOCAL_URL, is_loopback, redacted, resolve, shown
from assay.chain.connect import connect
from assay.chain.errors import ChainUnavailable
from assay.chain.sdk_errors import sentence
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


SECRET = "s3cret"
"""Stands in each address below where an access token or a password may stand."""
WITH_SECRETS = [
    f"wss://user:{SECRET}@chain.example:443",
    f"wss://{SECRET}@chain.example",
    f"wss://chain.example/{SECRET}",
    f"wss://chain.example/rpc?key={SECRET}",
    f"wss://chain.example/rpc#{SECRET}",
    f"wss://user:{SECRET}@chain.example:99999",
    f"wss://user:{SECRET}@[::1",
    f"https://user:{SECRET}@chain.example",
    f"user:{SECRET}@chain.example",
    f"://{SECRET}",
]


@pytest.mark.parametrize("url", WITH_SECRETS)
def test_no_secret_of_an_address_is_shown(url: str, tmp_path: Path) -> None:
    assert SECRET not in shown(url)
    if "://" in url[1:]:
        assert SECRET not in redacted(f"could not connect to {url}: refused ('{url}')")
        assert SECRET not in sentence(f"{url} isn't a valid URI: no port")
    told = ""
    try:
        told = shown(resolve(url))
    except UserError as error:
        told = str(error)
    assert SECRET not in told


@pytest.mark.parametrize(
    "where", ["user:s3cret@127.0.0.1:9", "127.0.0.1:9/s3cret", "127.0.0.1:9/?key=s3cret"]
)
async def test_an_address_that_nobody_answers_at_is_told_without_its_secret(
    where: str, tmp_path: Path
) -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, level="TRACE")
    try:
        with pytest.raises(ChainUnavailable) as caught:
            await connect(f"ws://{where}", cache_dir=tmp_path, patience_s=0.5)
    finally:
        logger.remove(sink)
    assert "ws://127.0.0.1:9" in caught.value.cause
    assert lines
    assert SECRET not in "".join([str(caught.value), *lines])


def test_a_text_without_addresses_stays_as_it_is() -> None:
    for text in ("", "a:b", "no address: 5", "http//x", "SubtensorModule.Tempo"):
        assert redacted(text) == text


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
    assert caught.value.exit_code == 4
