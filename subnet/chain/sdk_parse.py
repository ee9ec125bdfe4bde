"""Decoded answers of a chain, parsed once into the interface's types.

The SDK decodes SCALE into plain dicts, lists and numbers. Each function here takes such a value and
the name of the question that it answers, and returns a typed value, or raises ``BadAnswer``: for a
number out of range, a list of the wrong length, or an address that is none. So a runtime that this
client was not made for ends a read, and not a score later.

Pure: no request is made here, and no pallet is known but by the name in an error.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from assay.chain.errors import BadAnswer
from assay.chain.interface import COMMITMENT_BYTES_MAX, Commitment, Endpoint, Neuron, WeightRow
from assay.types import (
    U16_MAX,
    U64_MAX,
    AlphaRao,
    BlockNumber,
    Ss58,
    U16Weight,
    Uid,
    ss58_decode,
)

_ADDRESSES_KEPT: Final = 4_096
"""Addresses whose checksum is not computed again each block: sixteen full subnets of them."""

_QUICKNET: Final = (
    "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c"
    "8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb"
    "5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
)
"""The public key of drand's quicknet. The SDK has it built in and seals to it alone."""


def uint(value: Any, question: str, most: int = U64_MAX) -> int:
    """``value``, if it is a number from 0 to ``most``."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise BadAnswer.to(question, f"{value!r:.60} is not a number from 0 to {most}")
    return value


def address(value: Any, question: str) -> Ss58:
    """``value``, if it is an address whose checksum is right."""
    try:
        return _checked(str(value))
    except ValueError as error:
        raise BadAnswer.to(question, f"{error}") from error


@lru_cache(_ADDRESSES_KEPT)
def _checked(address: str) -> Ss58:
    ss58_decode(address)
    return Ss58(address)


def listed(value: Any, question: str, length: int | None = None) -> list[Any]:
    """``value``, if it is a list, and one of ``length`` entries where that is given."""
    if not isinstance(value, (list, tuple)) or (length is not None and len(value) != length):
        size = "" if length is None else f" of {length}"
        raise BadAnswer.to(question, f"a list{size} was expected")
    return list(value)


def flags(value: Any, question: str) -> list[bool]:
    """``value``, if it is a list of truth values."""
    found = listed(value, question)
    if not all(isinstance(flag, bool) for flag in found):
        raise BadAnswer.to(question, "a list of truth values was expected")
    return found


def neurons_of(graph: Mapping[str, Any], trust: list[Any]) -> tuple[Neuron, ...]:
    """The rows of a decoded metagraph. ``trust`` is the vector ``ValidatorTrust``."""
    question = "get_metagraph"
    hotkeys = listed(graph.get("hotkeys"), question)
    n = len(hotkeys)

    def column(name: str) -> list[Any]:
        return listed(graph.get(name), f"{question} ({name})", n)

    def numbers(name: str, most: int = U64_MAX) -> list[int]:
        return [uint(value, f"{question} ({name})", most) for value in column(name)]

    coldkeys, axons = column("coldkeys"), column("axons")
    permits, active = column("validator_permit"), column("active")
    alpha, total = numbers("alpha_stake"), numbers("total_stake")
    updated, registered = numbers("last_update"), numbers("block_at_registration")
    incentive, dividends = numbers("incentives", U16_MAX), numbers("dividends", U16_MAX)
    consensus, emission = numbers("consensus", U16_MAX), numbers("emission")
    # Written by the epoch, so it is shorter than the rest until the next one has run.
    trusted = [uint(value, "ValidatorTrust", U16_MAX) for value in trust[:n]]
    trusted += [0] * (n - len(trusted))
    return tuple(
        Neuron(
            uid=Uid(uid),
            hotkey=address(hotkeys[uid], question),
            coldkey=address(coldkeys[uid], question),
            alpha_stake=AlphaRao(alpha[uid]),
            total_stake=total[uid],
            validator_permit=bool(permits[uid]),
            active=bool(active[uid]),
            last_update=BlockNumber(updated[uid]),
            block_at_registration=BlockNumber(registered[uid]),
            axon=endpoint_of(axons[uid]),
            incentive=U16Weight(incentive[uid]),
            dividends=U16Weight(dividends[uid]),
            consensus=U16Weight(consensus[uid]),
            validator_trust=U16Weight(trusted[uid]),
            emission=AlphaRao(emission[uid]),
        )
        for uid in range(n)
    )


def endpoint_of(axon: Any) -> Endpoint | None:
    """Where a decoded ``AxonInfo`` says that an axon listens; None where it says nothing usable."""
    if not isinstance(axon, dict) or not axon.get("ip") or not axon.get("port"):
        return None
    number = uint(axon["ip"], "an axon's address", 2**128 - 1)
    port = uint(axon["port"], "an axon's port", U16_MAX)
    try:
        # Anyone may publish nonsense here; one such axon must not hide the others.
        host = ipaddress.IPv6Address(number) if axon.get("ip_type") == 6 else _ipv4(number)
    except ipaddress.AddressValueError:
        return None
    return Endpoint(str(host), port)


def _ipv4(number: int) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(number)


def row_of(stored: Any) -> WeightRow:
    """A decoded row of weights, in ascending order of uid and without zeros."""
    pairs = []
    for pair in listed(stored or [], "Weights"):
        uid, weight = listed(pair, "Weights", 2)
        pairs.append((Uid(uint(uid, "Weights", U16_MAX)), uint(weight, "Weights", U16_MAX)))
    return tuple((uid, U16Weight(weight)) for uid, weight in sorted(pairs) if weight)


def commits_of(held: Any) -> dict[str, int]:
    """The epoch of each hash in a decoded ``WeightCommits``; the newest where a hash is twice."""
    found = {}
    for entry in listed(held or [], "WeightCommits"):
        hash_, epoch, _, _ = listed(entry, "WeightCommits", 4)
        found["0x" + _bytes(hash_, "WeightCommits").hex()] = uint(epoch, "WeightCommits")
    return found


def follows_quicknet(config: Any) -> bool:
    """Whether a chain with the ``BeaconConfig`` ``config`` follows quicknet.

    None, of a state or a runtime without that item, is the public chain's default: it does.
    """
    if config is None:
        return True
    if not isinstance(config, Mapping):
        raise BadAnswer.to("BeaconConfig", "a configuration was expected")
    return _bytes(config.get("public_key"), "BeaconConfig").hex() == _QUICKNET


def commitment_of(held: Any) -> Commitment | None:
    """The raw fields of a decoded commitment, joined; None where it has none (sealed, a hash)."""
    if not isinstance(held, dict):
        raise BadAnswer.to("CommitmentOf", "a record was expected")
    data, raw = b"", False
    for field in listed((held.get("info") or {}).get("fields"), "CommitmentOf"):
        for variant, value in field.items() if isinstance(field, dict) else [(field, "")]:
            if isinstance(variant, str) and variant.startswith("Raw"):
                raw = True
                data += _bytes(value)
    if not raw or len(data) > 3 * COMMITMENT_BYTES_MAX:  # a record has at most three fields
        return None
    return Commitment(data, BlockNumber(uint(held.get("block"), "CommitmentOf")))


def _bytes(value: Any, question: str = "CommitmentOf") -> bytes:
    """A decoded ``[u8; N]``: 0x and hex digits by the SDK's rule, and a list where N is 0."""
    try:
        if isinstance(value, str):
            return bytes.fromhex(value.removeprefix("0x"))
        return bytes(listed(value, question))  # of a number, bytes() would be so many zeros
    except (TypeError, ValueError) as error:
        raise BadAnswer.to(question, "a field that should holds no bytes") from error
