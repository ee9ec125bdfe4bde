"""Whose word leads where: a table of addresses, and what each reach makes of them."""

from __future__ import annotations

import ipaddress

import pytest

from assay.types import Ss58
from assay.wire.address_check import check_target
from assay.wire.errors import CallError
from assay.wire.interface import Peer, Reach

HERE, LAN, PUBLIC = Reach.HERE_AND_PUBLIC, Reach.LAN_AND_PUBLIC, Reach.PUBLIC


def called(host: str, reach: Reach) -> bool:
    try:
        check_target(Peer(Ss58("x"), host, 80), reach)
    except CallError:
        return False
    return True


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "100.64.0.1", "192.0.0.8", "198.18.0.1", "240.0.0.1", "fe80::1", "fec0::1",
     "2001:db8::1", "h", "2130706433", "fd00:ec2::254", "fd20:ce::254", "172.32.0.1.example",
     # The same inner addresses, wrapped: mapped, compatible, NAT64 (two prefixes), 6to4, Teredo.
     "::ffff:169.254.169.254", "::169.254.169.254", "64:ff9b::169.254.169.254",
     "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
     "::ffff:10.0.0.1", "::ffff:127.0.0.1", "2002:a00:1::"],
)  # fmt: skip
def test_private_targets_can_be_refused(host: str) -> None:
    assert called(host, Reach.ANYWHERE)
    assert not any(called(host, reach) for reach in (HERE, LAN, PUBLIC))


SPECIAL_V4 = [
    "0.0.0.0/8",
    "0.0.0.0/32",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.0.0/29",
    "192.0.0.8/32",
    "192.0.0.9/32",
    "192.0.0.10/32",
    "192.0.0.170/32",
    "192.0.0.171/32",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.88.99.2/32",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "255.255.255.255/32",
]
SPECIAL_V6 = [
    "::1/128",
    "::/128",
    "::ffff:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    "2001::/23",
    "2001::/32",
    "2001:1::1/128",
    "2001:1::2/128",
    "2001:1::3/128",
    "2001:2::/48",
    "2001:3::/32",
    "2001:4:112::/48",
    "2001:10::/28",
    "2001:20::/28",
    "2001:30::/28",
    "2001:db8::/32",
    "2002::/16",
    "2620:4f:8000::/48",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
]
"""Both registries row by row, as IANA prints them (October 2025)."""
METADATA = [
    "169.254.169.254", "169.254.170.2", "169.254.0.23", "100.100.100.200", "192.0.0.192",
    "168.63.129.16", "fd00:ec2::254", "fd20:ce::254", "fd00:42::42", "fe80::a9fe:a9fe",
]  # fmt: skip


@pytest.mark.parametrize("row", SPECIAL_V4 + SPECIAL_V6)
def test_no_row_of_the_special_purpose_registries_is_public(row: str) -> None:
    """First, last and middle address of each."""
    network = ipaddress.ip_network(row)
    first, last = int(network[0]), int(network[-1])
    for number in {first, (first + last) // 2, last}:
        kind = type(network[0])
        assert not called(str(kind(number)), PUBLIC), kind(number)


@pytest.mark.parametrize("host", METADATA)
def test_the_metadata_of_clouds_is_never_called(host: str) -> None:
    assert not any(called(host, reach) for reach in (HERE, LAN, PUBLIC))


@pytest.mark.parametrize("inner", ["169.254.169.254", "10.0.0.1", "127.0.0.1", "168.63.129.16"])
def test_no_wrapping_of_an_inner_address_is_called(inner: str) -> None:
    number = int(ipaddress.IPv4Address(inner))
    high, low = number >> 16, number & 0xFFFF
    flipped = number ^ 0xFFFFFFFF
    wrapped = [
        f"::ffff:{inner}",  # mapped
        f"::ffff:0:{inner}",  # translated (SIIT)
        f"::{inner}",  # compatible
        f"64:ff9b::{inner}",  # NAT64, well known
        f"64:ff9b:1::{inner}",  # NAT64, local
        f"2002:{high:x}:{low:x}::1",  # 6to4
        f"2001:0:{high:x}:{low:x}::1",  # Teredo, as the server
        f"2001:0:4136:e378:8000:63bf:{flipped >> 16:x}:{flipped & 0xFFFF:x}",  # as the client
        f"fe80::5efe:{inner}",  # ISATAP
    ]
    for host in wrapped:
        assert not any(called(host, reach) for reach in (HERE, LAN, PUBLIC)), host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_is_called_for_its_own_chain_alone(host: str) -> None:
    assert [called(host, reach) for reach in (HERE, LAN, PUBLIC)] == [True, False, False]


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", "fc00::1", "fd00::1"]
)
def test_a_private_network_is_called_for_a_chain_in_one_alone(host: str) -> None:
    assert [called(host, reach) for reach in (HERE, LAN, PUBLIC)] == [False, True, False]


@pytest.mark.parametrize("reach", Reach)
@pytest.mark.parametrize(
    "host",
    ["8.8.8.8", "172.32.0.1", "168.63.129.17", "192.0.1.1", "198.20.0.1", "100.128.0.1",
     "2606:4700:4700::1111", "2001:4860:4860::8888", "2001:200::1", "2620:4f:8001::1", "3ffe::1"],
)  # fmt: skip
def test_public_targets_are_called(host: str, reach: Reach) -> None:
    assert called(host, reach)
