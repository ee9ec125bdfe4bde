"""The oracle of payments against amounts worked out by hand from the rules.

Takes and proportions are fifths, which both scales can express exactly; TAO on root counts half.
"""

from __future__ import annotations

from assay.scoring.reference.distribution import (
    PROPORTION_ONE,
    RATE_BITS,
    Hotkey,
    Landlord,
    Pending,
    distribute,
    stakes,
)
from assay.scoring.reference.share_pool import SharePool

_FIFTH = 13107
_HALF = 2**63
_STRANGER = Landlord(coldkey="landlord")


def _staked(hotkey: Hotkey, **members: int) -> Hotkey:
    for member, amount in members.items():
        hotkey.pool.deposit(member, amount)
    return hotkey


def _society() -> list[Hotkey]:
    """A validator that takes a fifth, a miner that has its pay staked behind it, and a parent."""
    validator = Hotkey(owner="anna", root=400, take=_FIFTH, child_take=_FIFTH)
    miner = Hotkey(owner="miner", pays_into=0)
    parent = Hotkey(owner="paul", root=200, children={0: PROPORTION_ONE // 5})
    return [_staked(validator, anna=100, nora=100), miner, _staked(parent, paul=100)]


def _worth(pool: SharePool) -> dict[str, int]:
    return {member: pool.worth(member) for member in pool.members}


def test_stake_is_lent_of_both_kinds() -> None:
    # Kept 200 + 400 / 2 and borrowed 20 + 40 / 2; the parent keeps 80 + 160 / 2.
    assert stakes(_society(), _HALF) == [440, 0, 160]


def test_a_whole_epoch() -> None:
    society = _society()
    pending = Pending(owner=10, server=500, validator=220, root=110)
    paid = distribute(society, pending, [0, 400, 0], [440, 0, 0], _HALF, _STRANGER)
    # 40 of the 440 are the parent's, less 8; each half alpha's: the claims are 204 and 16 twice.
    # Alpha's 220 follow them; 40 of the 204 are the take. Root's 110: 102 less 20, and 8.
    assert (paid.alpha, paid.root) == ([164, 0, 16], [82, 0, 8])
    # The owner's cut, which has no hotkey to go to, and what the miners left over.
    assert (paid.recycled, paid.burned) == (10 + 100, 0)
    # 200, the miner's 400, the take of 40: 640 shares; 164 for all of them, then root's take.
    pool = society[0].pool
    assert pool.value == 200 + 400 + 40 + 164 + 20
    assert _worth(pool) == {"anna": 195, "nora": 125, "miner": 502}
    assert [hotkey.rate for hotkey in society] == [(82 << RATE_BITS) // 400, 0, (8 << 32) // 200]


def test_of_its_own_coldkeys_parents_a_child_takes_nothing() -> None:
    society = _society()
    society[2].owner = "anna"
    pending = Pending(server=500, validator=220, root=110)
    paid = distribute(society, pending, [0, 400, 0], [440, 0, 0], _HALF, _STRANGER)
    # 40 of 440 claims, not 32: 20 and 200 twice.
    assert (paid.alpha[2], paid.root[2]) == (20, 10)


def test_without_miners_validators_have_both_halves() -> None:
    society = _society()
    pending = Pending(server=500, validator=220, root=110)
    paid = distribute(society, pending, [0, 0, 0], [440, 0, 0], _HALF, _STRANGER)
    # 720 * 204 / 220 = 667, of which 133 are the take; 720 * 16 / 220 = 52.
    assert paid.alpha == [534, 0, 52]
    assert paid.recycled == 720 - 667 - 52


def test_root_comes_before_alpha_where_miners_left_too_little() -> None:
    society = _society()
    pending = Pending(server=500, validator=220, root=110)
    paid = distribute(society, pending, [0, 700, 0], [440, 0, 0], _HALF, _STRANGER)
    # 130 are left: 110 for root, 20 for alpha, of which 18 and 1 can be paid.
    assert paid.root == [82, 0, 8]
    assert (paid.alpha, paid.recycled) == ([15, 0, 1], 1)


def test_where_nobody_has_alpha_its_pot_is_nobodys() -> None:
    society = [Hotkey(owner="anna", root=400)]
    pending = Pending(server=5, validator=220, root=110)
    paid = distribute(society, pending, [0], [335], _HALF, _STRANGER)
    assert (paid.alpha, paid.root, paid.recycled) == ([0], [110], 225)
    assert society[0].pool.value == 0


def test_the_owners_miners_are_paid_to_nobody_and_the_cut_comes_first() -> None:
    for recycles in (False, True):
        society = _society()
        landlord = Landlord(coldkey="miner", uid=0, recycles=recycles)
        pending = Pending(owner=400, server=500)
        paid = distribute(society, pending, [0, 500, 0], [0, 0, 0], _HALF, landlord)
        assert (paid.recycled, paid.burned) == ((500, 0) if recycles else (0, 500))
        assert _worth(society[0].pool) == {"anna": 100, "nora": 100, "miner": 400}


def test_a_cut_that_buys_no_shares_is_recycled() -> None:
    """One share is worth 100 rao, so the owner's cut of 10 buys none."""
    society = [Hotkey(owner="anna", pool=SharePool(value=100, members={"anna": 1}))]
    landlord = Landlord(coldkey="landlord", uid=0)
    paid = distribute(society, Pending(owner=10), [0], [0], _HALF, landlord)
    assert (paid.recycled, _worth(society[0].pool)) == (10, {"anna": 100})


def test_where_a_hotkey_has_no_stakers_its_owner_has_the_dividends() -> None:
    society = [Hotkey(owner="anna", take=0)]
    paid = distribute(society, Pending(validator=220), [0], [220], _HALF, _STRANGER)
    assert (paid.alpha, paid.recycled) == ([220], 0)
    assert _worth(society[0].pool) == {"anna": 220}
