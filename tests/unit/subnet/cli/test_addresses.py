"""Addresses as a person types them become what the chain keeps, or one sentence."""

from __future__ import annotations

import pytest

from assay.chain.interface import Endpoint
from assay.cli.addresses import announced, listening
from assay.errors import UserError

LOOPBACK = listening("127.0.0.1", 0)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("203.0.113.7:8091", "203.0.113.7", 8091),
        ("[2001:db8::1]:8091", "2001:db8::1", 8091),
        ("[2001:DB8:0:0::0:0001]:1", "2001:db8::1", 1),
        ("[::1]:65535", "::1", 65_535),
        ("[::ffff:203.0.113.7]:80", "203.0.113.7", 80),
    ],
)
def test_an_announced_address_has_one_spelling(text: str, host: str, port: int) -> None:
    found = announced(text, LOOPBACK)
    assert found == Endpoint(host, port)
    again = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    assert str(found) == again
    assert announced(str(found), LOOPBACK) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "203.0.113.7",
        ":8091",
        "203.0.113.7:",
        "203.0.113.7:0",
        "203.0.113.7:65536",
        "203.0.113.7:080910",
        "203.0.113.7:-1",
        "203.0.113.7:８０",
        "203.0.113:80",
        "203.0.113.07:80",
        "miner.example.org:8091",
        "2001:db8::1:8091",
        "[2001:db8::1]",
        "2001:db8::1]:80",
        "[fe80::1%eth0]:80",
        "0.0.0.0:80",
        "[::]:80",
        "224.0.0.1:80",
        "http://203.0.113.7:80",
    ],
)
def test_what_is_no_address_and_port_is_one_sentence(text: str) -> None:
    with pytest.raises(UserError) as refused:
        announced(text, LOOPBACK)
    assert refused.value.cause.endswith(".")
    assert refused.value.cure.endswith(".")


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_whoever_listens_everywhere_says_where_it_is_reached(host: str) -> None:
    with pytest.raises(UserError, match="no one address") as refused:
        announced(None, listening(host, 0))
    assert "--announce" in refused.value.cure
    assert announced("203.0.113.7:80", listening(host, 0)) == Endpoint("203.0.113.7", 80)


def test_where_it_listens_is_announced_if_nothing_else_is() -> None:
    assert announced(None, LOOPBACK) is None
    assert listening("::0001", 5) == Endpoint("::1", 5)
    with pytest.raises(UserError, match="--host 'localhost'"):
        listening("localhost", 5)
