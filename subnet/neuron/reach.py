"""Which of the addresses that a chain shows a neuron may call, by where the chain itself stands.

What a chain says about a neuron's address is a stranger's word. On a chain that anybody may write
to only public addresses are called; on a chain of this machine or of a private network also
addresses there, because that is where such a chain's miners are.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from assay.chain.address import is_loopback, resolve
from assay.wire.address_check import is_lan
from assay.wire.interface import Reach


def reach_for(network: str, *, public: bool) -> Reach:
    """What a neuron of the chain ``network`` (a URL or a known name) may call. ``public`` says
    whether anybody may write to that chain."""
    url = resolve(network)
    if public:  # whatever node it is reached through, one here or next door included
        return Reach.PUBLIC
    if is_loopback(url):
        return Reach.HERE_AND_PUBLIC
    try:
        address = ipaddress.ip_address(urlsplit(url).hostname or "")
    except ValueError:  # a name may stand for any place
        return Reach.PUBLIC
    return Reach.LAN_AND_PUBLIC if is_lan(address) else Reach.PUBLIC
