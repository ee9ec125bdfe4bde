"""One block's emission on its way to the subnets: their parts, what goes into pools, and the split.

The rules are those of ``coinbase/subnet_emissions.rs`` (a subnet's part of the block's TAO),
``coinbase/run_coinbase.rs`` (what goes into the pool, how the alpha is split, and
``get_network_root_sell_flag``) and ``update_moving_price`` in ``staking/stake_utils.rs``: only
emitting subnets count for root's flag; alpha that the chain buys stays issued; the block's alpha is
divided by root's proportion of what is issued after it, root's part rounding down and validators
keeping what is left over. Prices and burned parts have 32 fractional bits, as the chain stores
them; all else are exact quotients rounded down.

Ours, where the source leaves it open: a subnet's TAO is the block's TAO times the subnet's weight
over the sum of weights, the weight being moving price times (1 - burned) cut to 32 bits; with equal
pool weights the alpha that goes with TAO is ``floor(tao * alpha / reserve)`` and the other way
round; miners get the smaller half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from assay.scoring.reference.issuance import block_emission

PRICE_ONE = 2**32
OWNER_CUT_ONE = 65535
TAO_WEIGHT_ONE = 2**64


@dataclass(frozen=True, slots=True, kw_only=True)
class EmittingSubnet:
    """What decides a subnet's part of a block's emission. Its pool has equal weights."""

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
    """TAO that buys alpha instead. The pool decides: what would buy none is not minted."""
    alpha_out: int
    """Alpha for participants: the sum of the four that follow, if root's is kept."""
    owner: int
    server: int
    validator: int
    root: int


def tao_parts(emission: int, subnets: Sequence[EmittingSubnet]) -> list[int]:
    """Return each subnet's part of ``emission`` TAO, in proportion to moving price times the part
    of its miners' pay that was not burned.

    A subnet that does not emit gets nothing, and its part goes to the others in proportion to
    theirs. Where all miners' pay was burned everywhere, the moving price alone counts.
    """
    plain = [subnet.moving_price for subnet in subnets]
    kept = [subnet.moving_price * (PRICE_ONE - subnet.burned) >> 32 for subnet in subnets]
    shares = kept if any(kept) else plain
    weights = [
        share if subnet.enabled else 0 for share, subnet in zip(shares, subnets, strict=True)
    ]
    total = sum(weights)
    return [emission * weight // total if total else 0 for weight in weights]


def root_is_paid(subnets: Sequence[EmittingSubnet]) -> bool:
    """Return whether root stake is paid: the moving prices of ``subnets``, which are the emitting
    ones, add up to more than one TAO."""
    return sum(subnet.moving_price for subnet in subnets) > PRICE_ONE


def root_proportion(issued: int, root_tao: int, tao_weight: int) -> Fraction:
    """Return the part of a subnet's rewards that ``root_tao`` earns beside ``issued`` alpha."""
    weighted = root_tao * tao_weight // TAO_WEIGHT_ONE
    whole = weighted + issued
    return Fraction(weighted, whole) if whole else Fraction(0)


def emission_of(
    subnet: EmittingSubnet,
    tao: int,
    root_tao: int,
    tao_weight: int,
    owner_cut: int,
    *,
    keeps_root: bool,
) -> Emission:
    """Return how ``tao``, a subnet's part of the block's emission, and its own alpha are
    divided."""
    issued = subnet.alpha_in + subnet.alpha_out
    alpha = block_emission(issued)
    cap = floor(alpha * root_proportion(issued, root_tao, tao_weight))
    alpha_in, tao_in = tao * subnet.alpha_in // subnet.tao, tao
    if alpha_in > cap:
        alpha_in = cap
        tao_in = cap * subnet.tao // subnet.alpha_in
    owner = alpha * owner_cut // OWNER_CUT_ONE
    rest = alpha - owner
    server = rest // 2
    root = root_proportion(issued + alpha_in + alpha, root_tao, tao_weight)
    of_root = floor(rest * root / 2)
    return Emission(
        tao_in=tao_in,
        alpha_in=alpha_in,
        excess_tao=tao - tao_in,
        alpha_out=alpha,
        owner=owner,
        server=server,
        validator=rest - server - of_root,
        root=of_root if keeps_root else 0,
    )


def moving_price(old: int, price: int, speed: int, blocks: int, halving: int) -> int:
    """Return the moving price after ``old``, rounded down as the chain stores it.

    ``blocks`` is how long the subnet runs; after ``halving`` blocks half of ``speed`` counts.
    """
    alpha = Fraction(speed, PRICE_ONE) * Fraction(blocks, blocks + halving)
    return floor(alpha * min(price, PRICE_ONE) + (1 - alpha) * old)
