"""A key's requests a minute and tokens a day: counted, refused with a time, begun anew."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from assay.gateway.keys import ClientKey
from assay.gateway.openai.errors import ApiError
from assay.gateway.quotas import Quotas

NOON_S = 10 * 86_400 + 43_200.0


def key(**quota: Any) -> ClientKey:
    return ClientKey(id="0badcafe", name="ada", digest=bytes(32), created_s=0, **quota)


def test_requests_of_a_minute() -> None:
    quotas, ada = Quotas(), key(requests_per_minute=2)
    quotas.ask(ada, 0.0)
    quotas.ask(ada, 0.0)
    with pytest.raises(ApiError) as caught:
        quotas.ask(ada, 0.0)
    assert (caught.value.status, caught.value.kind) == (429, "requests")
    assert caught.value.retry_after_s == pytest.approx(30.0)
    quotas.ask(ada, 30.0)
    with pytest.raises(ApiError):
        quotas.ask(ada, 31.0)


def test_a_changed_quota_counts_at_once() -> None:
    quotas = Quotas()
    quotas.ask(key(requests_per_minute=1), 0.0)
    quotas.ask(key(requests_per_minute=2), 0.0)
    quotas.ask(key(), 0.0)


def test_tokens_are_set_aside_until_they_are_counted() -> None:
    quotas, ada = Quotas(), key(tokens_per_day=100)
    quotas.reserve(ada, 60, NOON_S)
    with pytest.raises(ApiError) as caught:
        quotas.reserve(ada, 41, NOON_S)
    assert (caught.value.kind, caught.value.retry_after_s) == ("tokens", 43_200.0)
    quotas.settle(ada, 60, 10, NOON_S)
    quotas.reserve(ada, 90, NOON_S)
    quotas.settle(ada, 90, 90, NOON_S)
    assert quotas.used() == {"0badcafe": 100}
    with pytest.raises(ApiError):
        quotas.reserve(ada, 1, NOON_S)


def test_a_day_begins_anew_and_open_requests_stay_set_aside() -> None:
    quotas, ada = Quotas(), key(tokens_per_day=100)
    quotas.reserve(ada, 60, NOON_S)
    quotas.settle(ada, 0, 30, NOON_S)
    with pytest.raises(ApiError):
        quotas.reserve(ada, 50, NOON_S + 86_400)
    quotas.reserve(ada, 40, NOON_S + 86_400)


def test_a_day_survives_a_restart_and_another_does_not() -> None:
    before, ada = Quotas(), key(tokens_per_day=100)
    before.reserve(ada, 80, NOON_S)
    before.settle(ada, 80, 80, NOON_S)
    after = Quotas()
    after.restore(before.day, before.used())
    with pytest.raises(ApiError):
        after.reserve(ada, 21, NOON_S)
    after.reserve(ada, 100, NOON_S + 86_400)


def test_a_clock_that_is_set_back_renews_no_quota() -> None:
    midnight_s, ada, given = 10 * 86_400.0, key(tokens_per_day=100), 0
    quotas = Quotas()
    for seconds in (-1, 1, -1, 2, -86_400, 3):
        with contextlib.suppress(ApiError):
            quotas.reserve(ada, 100, midnight_s + seconds)
            quotas.settle(ada, 100, 100, midnight_s + seconds)
            given += 100
    assert given == 200, "of two days"


def test_a_restart_on_a_clock_that_was_set_back_forgets_nothing() -> None:
    quotas, ada = Quotas(), key(tokens_per_day=100)
    quotas.restore(int(NOON_S // 86_400) + 1, {ada.id: 100})
    with pytest.raises(ApiError) as caught:
        quotas.reserve(ada, 1, NOON_S)
    assert caught.value.retry_after_s == 43_200 + 86_400, "until the day after the stored one"
    assert quotas.used() == {ada.id: 100}
    quotas.reserve(ada, 100, NOON_S + 2 * 86_400)


def test_a_key_without_a_quota_is_counted_and_never_refused() -> None:
    quotas = Quotas()
    for _ in range(1000):
        quotas.ask(key(), 0.0)
    quotas.reserve(key(), 10**9, NOON_S)
    quotas.settle(key(), 10**9, 10**9, NOON_S)
    assert quotas.used() == {"0badcafe": 10**9}
