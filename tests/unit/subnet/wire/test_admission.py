"""Budgets: who pays, when, and that tables stay small."""

from __future__ import annotations

import pytest

from assay.types import Ss58
from assay.wire.admission import Admission, Serve, TokenBucket, source_of
from assay.wire.errors import Code, RequestRefused
from assay.wire.interface import Membership
from assay.wire.limits import Limits
from tests.unit.subnet.wire.world import ALICE, BOB


def knocks(admission: Admission, address: str, count: int, now_s: float = 0.0) -> list[Code | None]:
    seen: list[Code | None] = []
    for _ in range(count):
        try:
            admission.knock(address, now_s)
            seen.append(None)
        except RequestRefused as refusal:
            seen.append(refusal.code if refusal.retry_after_s is not None else None)
    return seen


def test_a_bucket_saves_up_to_its_burst() -> None:
    bucket = TokenBucket(rate=2.0, burst=3.0, now_s=0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.wait_s() == pytest.approx(0.5)
    assert bucket.take(0.5)
    assert not bucket.take(0.5)
    assert [bucket.take(1_000.0) for _ in range(4)] == [True, True, True, False]


def test_a_bucket_says_when_its_next_token_comes() -> None:
    bucket = TokenBucket(rate=2.0, burst=1.0, now_s=0.0)
    assert bucket.take(0.0)
    assert not bucket.take(0.25)
    assert bucket.wait_s() == pytest.approx(0.25)


def test_a_bucket_ignores_a_clock_that_goes_back() -> None:
    bucket = TokenBucket(rate=1.0, burst=1.0, now_s=10.0)
    assert bucket.take(10.0)
    assert not bucket.take(0.0)
    assert not bucket.take(10.5)
    assert bucket.take(11.0)


def test_one_source_does_not_pay_for_another() -> None:
    admission = Admission(limits=Limits(source_rate=1.0, source_burst=2.0))
    assert knocks(admission, "10.0.0.1", 3) == [None, None, Code.SOURCE_LIMITED]
    assert knocks(admission, "10.0.0.2", 2) == [None, None]


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("fe80::1%eth0", "fe80::/64"),
        ("local", "local"),
    ],
)
def test_a_source_is_an_ipv4_address_or_an_ipv6_site(address: str, source: str) -> None:
    assert source_of(address) == source


def test_a_whole_ipv6_site_is_one_source() -> None:
    admission = Admission(limits=Limits(source_rate=1.0, source_burst=2.0))
    seen = [knocks(admission, f"2001:db8::{n:x}", 1)[0] for n in range(1, 4)]
    assert seen == [None, None, Code.SOURCE_LIMITED]


def test_a_flood_from_new_addresses_does_not_shut_out_a_proven_one() -> None:
    admission = Admission(limits=Limits(strangers_rate=1.0, strangers_burst=3.0))
    assert knocks(admission, "10.0.0.1", 1) == [None]
    admission.debit(ALICE.public_key, "10.0.0.1", 0.0)
    flood = [knocks(admission, f"10.9.0.{n}", 1)[0] for n in range(10)]
    assert flood == [None, None] + [Code.OVERLOADED] * 8
    assert knocks(admission, "10.0.0.1", 5) == [None] * 5


def test_a_crowd_of_new_addresses_does_not_make_a_proven_one_be_forgotten() -> None:
    """One customer's /48 holds 65,536 sources, as many as are remembered."""
    admission = Admission(limits=Limits(sources_max=3, strangers_rate=0.001, strangers_burst=100.0))
    knocks(admission, "10.0.0.1", 1)
    admission.debit(ALICE.public_key, "10.0.0.1", 0.0)
    for n in range(1_000):
        knocks(admission, f"2001:db8:0:{n:x}::1", 1)
    assert admission.is_proven("10.0.0.1", 1.0)
    assert knocks(admission, "10.0.0.1", 5) == [None] * 5


def test_a_source_forgotten_while_its_body_came_is_proven_nevertheless() -> None:
    admission = Admission(limits=Limits(sources_max=1))
    knocks(admission, "10.0.0.1", 1)
    knocks(admission, "10.0.0.2", 1)
    admission.debit(ALICE.public_key, "10.0.0.1", 0.0)
    assert admission.is_proven("10.0.0.1", 1.0)
    assert not admission.is_proven("10.0.0.2", 1.0)


def test_proof_expires() -> None:
    limits = Limits(strangers_rate=0.001, strangers_burst=1.0, proven_s=10.0)
    admission = Admission(limits=limits)
    knocks(admission, "10.0.0.1", 1)
    admission.debit(ALICE.public_key, "10.0.0.1", 0.0)
    assert knocks(admission, "10.0.0.1", 1, now_s=9.0) == [None]
    assert admission.is_proven("10.0.0.1", 9.0)
    assert not admission.is_proven("10.0.0.1", 10.0)
    assert knocks(admission, "10.0.0.1", 1, now_s=10.0) == [Code.OVERLOADED]
    assert knocks(admission, "10.0.0.1", 1, now_s=11.0) == [Code.OVERLOADED]


def test_a_hotkey_pays_only_when_debited() -> None:
    admission = Admission(limits=Limits(caller_rate=1.0, caller_burst=2.0))
    knocks(admission, "10.0.0.1", 100)
    admission.debit(ALICE.public_key, "10.0.0.1", 0.0)
    admission.debit(ALICE.public_key, "10.0.0.2", 0.0)
    with pytest.raises(RequestRefused) as caught:
        admission.debit(ALICE.public_key, "10.0.0.3", 0.0)
    assert caught.value.code == Code.CALLER_LIMITED
    assert caught.value.retry_after_s == pytest.approx(1.0)
    admission.debit(BOB.public_key, "10.0.0.3", 0.0)
    admission.debit(ALICE.public_key, "10.0.0.3", 1.0)


def test_tables_are_bounded_and_forget_the_longest_unused() -> None:
    admission = Admission(
        limits=Limits(sources_max=3, source_rate=0.001, source_burst=1.0, callers_max=2)
    )
    for n in range(3):
        assert knocks(admission, f"10.0.0.{n}", 1) == [None]
    assert knocks(admission, "10.0.0.0", 1) == [Code.SOURCE_LIMITED]  # used again: kept
    assert knocks(admission, "10.0.0.9", 1) == [None]  # pushes out 10.0.0.1
    assert knocks(admission, "10.0.0.0", 1) == [Code.SOURCE_LIMITED]
    assert knocks(admission, "10.0.0.2", 1) == [Code.SOURCE_LIMITED]
    assert knocks(admission, "10.0.0.1", 1) == [None]


@pytest.mark.parametrize(
    ("serve", "membership", "code"),
    [
        (Serve.ANYBODY, Membership.UNKNOWN, None),
        (Serve.REGISTERED, Membership.UNKNOWN, Code.UNKNOWN_CALLER),
        (Serve.REGISTERED, Membership.REGISTERED, None),
        (Serve.REGISTERED, Membership.PERMIT, None),
        (Serve.PERMIT, Membership.UNKNOWN, Code.UNKNOWN_CALLER),
        (Serve.PERMIT, Membership.REGISTERED, Code.NO_PERMIT),
        (Serve.PERMIT, Membership.PERMIT, None),
    ],
)
def test_the_door(serve: Serve, membership: Membership, code: Code | None) -> None:
    admission = Admission(serve=serve, resolver=lambda _: membership)
    if code is None:
        assert admission.admit(Ss58("x")) == membership
    else:
        with pytest.raises(RequestRefused) as caught:
            admission.admit(Ss58("x"))
        assert caught.value.code == code


def test_refusals_have_a_budget() -> None:
    admission = Admission(limits=Limits(refusals_rate=1.0, refusals_burst=2.0))
    assert [admission.may_refuse(0.0) for _ in range(3)] == [True, True, False]
    assert admission.may_refuse(1.0)


def test_a_good_signature_gives_a_source_no_new_budget() -> None:
    """Else whoever holds any key could knock as often as it likes."""
    admission = Admission(limits=Limits(source_rate=0.001, source_burst=4.0))
    for _ in range(3):
        assert knocks(admission, "10.0.0.1", 1) == [None]
        admission.debit(ALICE.public_key, "10.0.0.1", 0.0)
    assert knocks(admission, "10.0.0.1", 2) == [None, Code.SOURCE_LIMITED]


def test_of_the_proven_the_one_that_called_longest_ago_is_forgotten() -> None:
    admission = Admission(limits=Limits(sources_max=2))
    for address in ("10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.3"):
        admission.debit(ALICE.public_key, address, 0.0)
    assert [admission.is_proven(f"10.0.0.{n}", 0.0) for n in (1, 2, 3)] == [True, False, True]


@pytest.mark.parametrize(("rate", "wait_s"), [(0.1, 10.0), (100.0, 1.0)])
def test_who_meets_a_crowd_is_told_to_wait_for_a_second_at_least(
    rate: float, wait_s: float
) -> None:
    admission = Admission(limits=Limits(strangers_rate=rate, strangers_burst=1.0))
    admission.knock("10.0.0.1", 0.0)
    with pytest.raises(RequestRefused) as caught:
        admission.knock("10.0.0.2", 0.0)
    assert (caught.value.code, caught.value.retry_after_s) == (Code.OVERLOADED, wait_s)


def test_an_axon_without_a_chain_knows_nobody_and_serves_anybody() -> None:
    alone = Admission()
    assert alone.admit(Ss58("x")) is Membership.UNKNOWN
    assert alone.knows_permits is False
    assert alone.accept_unbound is False
    told = Admission(resolver=lambda _: Membership.PERMIT, accept_unbound=True)
    assert (told.knows_permits, told.accept_unbound) == (True, True)


def test_a_method_may_ask_for_more_than_its_axon() -> None:
    admission = Admission(serve=Serve.ANYBODY, resolver=lambda _: Membership.REGISTERED)
    assert admission.admit(Ss58("x"), Membership.REGISTERED) is Membership.REGISTERED
    with pytest.raises(RequestRefused) as caught:
        admission.admit(Ss58("x"), Membership.PERMIT)
    assert caught.value.code == Code.NO_PERMIT
