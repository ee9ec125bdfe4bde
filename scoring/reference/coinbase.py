"""One block's emission on its way to the subnets (survey 4.3 to 4.5).

Numbers with 32 fractional bits for prices and burned shares, as the chain stores them; the rest are
exact quotients rounded down. Ours, where the survey is silent: a subnet's TAO is the block's times
its weight over the sum of weights, the weight being moving price times (1 - burned) cut to 32 bits;
with equal pool weights the alpha that goes with TAO is ``floor(tao * alpha / reserve)`` and the
other way round; root's alpha is its proportion of what miners leave, miners get the smaller half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from scoring.reference.issuance import block_emission

PRICE_ONE = 2**32
OWNER_CUT_ONE = 65535
TAO_WEIGHT_ONE = 2**64


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """What decides a subnet's part; its pool has equal weights."""

    tao: int
    alpha_in: int
    alpha_out: int
    moving_price: int
    burned: int = 0
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission:
    """What one block gives a subnet."""

    tao_in: int
    alpha_in: int
    excess_tao: int
    """TAO that buys alpha instead."""
    owner: int
    server: int
    validator: int
    root: int


def tao_parts(emission: int, subnets: Sequence[Subnet]) -> list[int]:
    """Each subnet's TAO: by moving price, less where miners' pay was burned."""

    def parts(weights: list[int]) -> list[int]:
        total = sum(weights)
        return [emission * weight // total if total else 0 for weight in weights]

    plain = [subnet.moving_price if subnet.enabled else 0 for subnet in subnets]
    kept = [
        price * (PRICE_ONE - subnet.burned) >> 32
        for price, subnet in zip(plain, subnets, strict=True)
    ]
    return parts(kept if any(kept) else plain)


def root_proportion(subnet: Subnet, root_tao: int, tao_weight: int) -> Fraction:
    """The part of a subnet's rewards that root stake earns."""
    weighted = root_tao * tao_weight // TAO_WEIGHT_ONE
    whole = weighted + subnet.alpha_in + subnet.alpha_out
    return Fraction(weighted, whole) if whole else Fraction(0)


def emission_of(
    subnet: Subnet, tao: int, root: Fraction, owner_cut: int, root_is_paid: bool
) -> Emission:
    """A subnet's part of the block's TAO, and its own alpha, divided."""
    alpha = block_emission(subnet.alpha_in + subnet.alpha_out)
    cap = floor(alpha * root)
    alpha_in, tao_in = tao * subnet.alpha_in // subnet.tao, tao
    if alpha_in > cap:
        alpha_in = cap
        tao_in = cap * subnet.tao // subnet.alpha_in
    owner = alpha * owner_cut // OWNER_CUT_ONE
    rest = alpha - owner
    server = rest // 2
    of_root = floor((rest - server) * root)
    return Emission(
        tao_in=tao_in,
        alpha_in=alpha_in,
        excess_tao=tao - tao_in,
        owner=owner,
        server=server,
        validator=rest - server - of_root,
        root=of_root if root_is_paid else 0,
    )


def moving_price(old: int, price: int, speed: int, blocks: int, halving: int) -> int:
    """The next moving price; every product and quotient rounds down."""
    alpha = speed * blocks // (blocks + halving)
    return (alpha * min(price, PRICE_ONE) >> 32) + ((PRICE_ONE - alpha) * old >> 32)
