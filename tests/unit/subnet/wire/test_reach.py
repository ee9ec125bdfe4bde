"""Whose word leads where: a table of addresses, and what each reach makes of them."""

from __future__ import annotations

import pytest

from assay.types import Ss58
from assay.wire.errors import CallError
from assay.wire.interface import Peer, Reach
from assay.wire.reach import check_target

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
    "host", ["8.8.8.8", "172.32.0.1", "2606:4700:4700::1111", "2001:4860:4860::8888"]
)
def test_public_targets_are_called(host: str, reach: Reach) -> None:
    assert called(host, reach)
