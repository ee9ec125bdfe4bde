"""Which addresses a neuron calls, by where its chain stands."""

from __future__ import annotations

import pytest

from assay.neuron.reach import reach_for
from assay.wire.interface import Reach


@pytest.mark.parametrize(
    ("url", "reach"),
    [
        ("ws://127.0.0.1:9944", Reach.HERE_AND_PUBLIC),
        ("ws://localhost:9944", Reach.HERE_AND_PUBLIC),
        ("ws://[::1]:9944", Reach.HERE_AND_PUBLIC),
        ("ws://10.1.2.3:9944", Reach.LAN_AND_PUBLIC),
        ("wss://user:secret@172.20.0.2/token", Reach.LAN_AND_PUBLIC),
        ("ws://192.168.0.9", Reach.LAN_AND_PUBLIC),
        ("ws://[fd12:3456::1]:9944", Reach.LAN_AND_PUBLIC),
        ("ws://169.254.10.1:9944", Reach.PUBLIC),
        ("ws://100.64.0.1:9944", Reach.PUBLIC),
        ("ws://203.0.113.7:9944", Reach.PUBLIC),
        ("ws://8.8.8.8:9944", Reach.PUBLIC),
        ("ws://[2001:4860::1]:9944", Reach.PUBLIC),
        ("ws://chain.lan:9944", Reach.PUBLIC),  # whatever that may stand for
        ("wss://entrypoint-finney.opentensor.ai:443", Reach.PUBLIC),
    ],
)
def test_where_a_chain_stands_says_which_miners_are_called(url: str, reach: Reach) -> None:
    assert reach_for(url, public=False) is reach
    assert reach_for(url, public=True) is Reach.PUBLIC
