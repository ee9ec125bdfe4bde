"""Whose word leads where: a table of addresses, and what each reach makes of them."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.types import Ss58
from assay.wire.address_check import Address, check_target
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


SPECIAL = [
    ("0.0.0.0/8", "RFC 791"),  # This network
    ("0.0.0.0/32", "RFC 1122"),  # This host on this network
    ("10.0.0.0/8", "RFC 1918"),  # Private-Use
    ("100.64.0.0/10", "RFC 6598"),  # Shared Address Space
    ("127.0.0.0/8", "RFC 1122"),  # Loopback
    ("169.254.0.0/16", "RFC 3927"),  # Link Local
    ("172.16.0.0/12", "RFC 1918"),  # Private-Use
    ("192.0.0.0/24", "RFC 6890"),  # IETF Protocol Assignments
    ("192.0.0.0/29", "RFC 7335"),  # IPv4 Service Continuity Prefix
    ("192.0.0.8/32", "RFC 7600"),  # IPv4 dummy address
    ("192.0.0.9/32", "RFC 7723"),  # Port Control Protocol Anycast
    ("192.0.0.10/32", "RFC 8155"),  # Traversal Using Relays around NAT Anycast
    ("192.0.0.170/32", "RFC 8880"),  # NAT64/DNS64 Discovery
    ("192.0.0.171/32", "RFC 8880"),  # NAT64/DNS64 Discovery
    ("192.0.2.0/24", "RFC 5737"),  # Documentation (TEST-NET-1)
    ("192.31.196.0/24", "RFC 7535"),  # AS112-v4
    ("192.52.193.0/24", "RFC 7450"),  # AMT
    ("192.88.99.0/24", "RFC 7526"),  # Deprecated (6to4 Relay Anycast)
    ("192.88.99.2/32", "RFC 6751"),  # 6a44-relay anycast address
    ("192.168.0.0/16", "RFC 1918"),  # Private-Use
    ("192.175.48.0/24", "RFC 7534"),  # Direct Delegation AS112 Service
    ("198.18.0.0/15", "RFC 2544"),  # Benchmarking
    ("198.51.100.0/24", "RFC 5737"),  # Documentation (TEST-NET-2)
    ("203.0.113.0/24", "RFC 5737"),  # Documentation (TEST-NET-3)
    ("240.0.0.0/4", "RFC 1112"),  # Reserved
    ("255.255.255.255/32", "RFC 8190"),  # Limited Broadcast
    ("::1/128", "RFC 4291"),  # Loopback Address
    ("::/128", "RFC 4291"),  # Unspecified Address
    ("::ffff:0:0/96", "RFC 4291"),  # IPv4-mapped Address
    ("64:ff9b::/96", "RFC 6052"),  # IPv4-IPv6 Translat.
    ("64:ff9b:1::/48", "RFC 8215"),  # IPv4-IPv6 Translat.
    ("100::/64", "RFC 6666"),  # Discard-Only Address Block
    ("100:0:0:1::/64", "RFC 9780"),  # Dummy IPv6 Prefix
    ("2001::/23", "RFC 2928"),  # IETF Protocol Assignments
    ("2001::/32", "RFC 4380"),  # TEREDO
    ("2001:1::1/128", "RFC 7723"),  # Port Control Protocol Anycast
    ("2001:1::2/128", "RFC 8155"),  # Traversal Using Relays around NAT Anycast
    ("2001:1::3/128", "RFC 9665"),  # DNS-SD Service Registration Protocol Anycast
    ("2001:2::/48", "RFC 5180"),  # Benchmarking
    ("2001:3::/32", "RFC 7450"),  # AMT
    ("2001:4:112::/48", "RFC 7535"),  # AS112-v6
    ("2001:10::/28", "RFC 4843"),  # Deprecated (previously ORCHID)
    ("2001:20::/28", "RFC 7343"),  # ORCHIDv2
    ("2001:30::/28", "RFC 9374"),  # Drone Remote ID Protocol Entity Tags (DETs) Prefix
    ("2001:db8::/32", "RFC 3849"),  # Documentation
    ("2002::/16", "RFC 3056"),  # 6to4
    ("2620:4f:8000::/48", "RFC 7534"),  # Direct Delegation AS112 Service
    ("3fff::/20", "RFC 9637"),  # Documentation
    ("5f00::/16", "RFC 9602"),  # Segment Routing (SRv6) SIDs
    ("fc00::/7", "RFC 4193"),  # Unique-Local
    ("fe80::/10", "RFC 4291"),  # Link-Local Unicast
]
"""Both registries of special-purpose addresses, row by row and in their order, each with the RFC
that it rests on. From the files that IANA itself publishes, iana-ipv4-special-registry-1.csv and
iana-ipv6-special-registry-1.csv under https://www.iana.org/assignments/, as of 2026-07-18."""
METADATA = [
    "169.254.169.254",  # most clouds
    "169.254.170.2",  # Amazon's containers
    "169.254.42.42",  # Scaleway
    "169.254.0.23",  # Tencent
    "100.100.100.200",  # Alibaba
    "192.0.0.192",  # Oracle's older cloud
    "168.63.129.16",  # Azure
    "fd00:ec2::254",  # Amazon
    "fd00:ec2::23",  # Amazon's containers
    "fd20:ce::254",  # Google
    "fd00:42::42",  # Scaleway
    "fd00:c1::a9fe:a9fe",  # Oracle
    "fd00:a9fe:a9fe::1",  # Akamai
    "fd00:100::100:200",  # Alibaba
    "fe80::a9fe:a9fe",  # OpenStack
]
"""Where clouds serve a machine's credentials, from the vendors' documentation and the sources of
cloud-init, which asks each of them."""


@pytest.mark.parametrize(("row", "rfc"), SPECIAL)
def test_no_row_of_the_special_purpose_registries_is_public(row: str, rfc: str) -> None:
    """First, last and middle address of each."""
    network = ipaddress.ip_network(row)
    first, last = int(network[0]), int(network[-1])
    for number in {first, (first + last) // 2, last}:
        kind = type(network[0])
        assert not called(str(kind(number)), PUBLIC), f"{kind(number)}: {rfc}"


@given(address=st.ip_addresses())
def test_what_python_knows_to_be_special_is_not_public(address: Address) -> None:
    """Python's lists are shorter than ours and kept by others: ours must hold all of theirs."""
    if called(str(address), PUBLIC):
        assert address.is_global


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


@pytest.mark.parametrize(("port", "fine"), [(-1, False), (0, False), (1, True), (65_535, True),
                                            (65_536, False)])  # fmt: skip
def test_a_port_is_one_that_can_be_called(port: int, fine: bool) -> None:
    peer = Peer(Ss58("x"), "8.8.8.8", port)
    if fine:
        check_target(peer)
    else:
        with pytest.raises(CallError, match=rf"no usable port \({port}\)"):
            check_target(peer)


@pytest.mark.parametrize("reach", Reach)
@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("0.0.0.0", "nobody can call"),
        ("::", "nobody can call"),
        ("224.0.0.1", "nobody can call"),
        ("ff02::1", "nobody can call"),
        ("fe80::1%eth0", "nobody can call"),
        ("2001:4860:4860::8888%evil", "nobody can call"),
        ("", "no usable host"),
        ("a b", "no usable host"),
        ("-a.example", "no usable host"),
        ("a..example", "no usable host"),
        ("x" * 64 + ".example", "no usable host"),
        ("8.8.8.8:80", "no usable host"),
    ],
)
def test_what_is_nobodys_address_is_called_from_nowhere(host: str, why: str, reach: Reach) -> None:
    with pytest.raises(CallError, match=why):
        check_target(Peer(Ss58("x"), host, 80), reach)
