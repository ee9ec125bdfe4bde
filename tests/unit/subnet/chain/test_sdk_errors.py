"""The SDK's errors as ours: class, reason, and two clean sentences."""

from __future__ import annotations

import re

import click
import pytest
from bittensor._transport.errors import SubstrateRequestException
from bittensor.result import (
    _NAME_HELP_OVERRIDES,
    _NAME_TO_CODE,
    ChainError,
    chain_error_from_substrate_request,
)

from assay.chain.errors import (
    AlreadyRegistered,
    ChainRefused,
    NotRegistered,
    NotStarted,
    RateLimited,
    TooLittleBalance,
    UnknownBlock,
    UnknownSubnet,
)
from assay.chain.sdk_errors import refusal_of, sentence


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("NotEnoughBalanceToStake", TooLittleBalance),
        ("InsufficientBalance", TooLittleBalance),
        ("HotKeyAlreadyRegisteredInSubNet", AlreadyRegistered),
        ("HotKeyNotRegisteredInSubNet", NotRegistered),
        ("ServingRateLimitExceeded", RateLimited),
        ("SubnetNotExists", UnknownSubnet),
        ("SubtokenDisabled", NotStarted),
        ("AccountNotAllowedCommit", NotRegistered),
        ("CannotAffordLockCost", TooLittleBalance),
    ],
)
def test_names_of_the_chain(name: str, kind: type[ChainRefused]) -> None:
    refusal = refusal_of(ChainError("docs of the error", name), "do it")
    assert type(refusal) is kind
    assert refusal.reason == name
    assert name in refusal.cause
    for text in (refusal.cause, refusal.cure):
        assert text.endswith(".")
        assert ".." not in text
    assert "btcli wallet" not in refusal.cure
    assert ("assay wallet show" in refusal.cure) is (kind is TooLittleBalance)


@pytest.mark.parametrize("name", [*_NAME_HELP_OVERRIDES, *_NAME_TO_CODE, "NobodyKnowsThis"])
def test_no_cure_names_another_program(name: str) -> None:
    """Whoever has only Assay can do what is advised; and what `assay` is said to have is there."""
    from assay.cli.app import app

    cure = refusal_of(ChainError("docs of the error", name), "do it").cure
    assert "btcli" not in cure
    assert len(cure.split()) >= 3, cure
    assert cure.count("(") == cure.count(")"), cure
    for words in re.findall(r"`assay ([^`]+)`", cure):
        context, group = click.Context(app), app
        for word in words.split(" --")[0].split():
            found = group.get_command(context, word)
            assert found is not None, words
            group = found  # type: ignore[assignment]


def test_who_is_not_registered_is_told_our_command() -> None:
    cure = refusal_of(ChainError("docs", "HotKeyNotRegisteredInSubNet"), "stake").cure
    assert "`assay register --netuid N --wallet NAME`" in cure


def rejected(data: str) -> ChainError:
    payload = {"error": {"code": 1010, "message": "Invalid Transaction", "data": data}}
    return chain_error_from_substrate_request(SubstrateRequestException(payload))


@pytest.mark.parametrize(
    ("data", "kind", "reason"),
    [
        ("Custom error: 3", UnknownSubnet, "SubnetNotExists"),
        ("Custom error: 19", NotRegistered, "HotKeyNotRegisteredInSubNet"),
        ("Custom error: 12", RateLimited, "ServingRateLimitExceeded"),
        (
            "Inability to pay some fees (e.g. account balance too low)",
            TooLittleBalance,
            "Payment",
        ),
    ],
)
def test_rejections_by_the_pool(data: str, kind: type[ChainRefused], reason: str) -> None:
    refusal = refusal_of(rejected(data), "do it")
    assert (type(refusal), refusal.reason) == (kind, reason)


def test_a_state_that_is_gone() -> None:
    from bittensor._transport.rpc import classify_rpc_error

    error = classify_rpc_error({"code": -32000, "message": "State already discarded for 0xab"})
    refusal = refusal_of(chain_error_from_substrate_request(error), "x")
    assert isinstance(refusal, UnknownBlock)
    assert refusal.reason == "StateDiscarded"


def test_a_sentence_is_one_and_clean() -> None:
    assert sentence("hello there.  And more. And more") == "Hello there."
    assert sentence("a\x1b[31m red\nthing") == "A [31m red thing."
    assert sentence("") == "No reason was given."
    assert len(sentence("x" * 10_000)) < 400
