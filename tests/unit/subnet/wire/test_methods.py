"""A method that could not work is refused when it is attached, with the builder's file and line."""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from assay.wire.interface import Caller, Method
from assay.wire.methods import MethodTable, place_of, smaller
from tests.unit.subnet.wire.world import Answered, Question, echo

HERE = re.escape(__file__)


async def stream(question: Question, _: Caller) -> AsyncIterator[Answered]:
    yield Answered(text=question.text)


def blocking(question: Question, _: Caller) -> Answered:
    return Answered(text=question.text)


class Builder:
    async def serve(self, question: Question, _: Caller) -> Answered:
        return Answered(text=question.text)

    def forgot(self, question: Question, _: Caller) -> Answered:
        return Answered(text=question.text)

    @staticmethod
    async def static(question: Question, _: Caller) -> Answered:
        return Answered(text=question.text)


class Object:
    async def __call__(self, question: Question, _: Caller) -> Answered:
        return Answered(text=question.text)


class Blocking:
    def __call__(self, question: Question, _: Caller) -> Answered:
        return Answered(text=question.text)


def method(handler: Any = echo, **changes: Any) -> Method[Question, Answered]:
    given: dict[str, Any] = {"name": "echo", "request": Question, "reply": Answered}
    return Method(handler=handler, **(given | changes))


@pytest.mark.parametrize(
    "handler",
    [echo, Builder().serve, Builder.static, Object(), functools.partial(echo)],
    ids=["function", "bound", "static", "object", "partial"],
)
def test_every_kind_of_coroutine_function_is_served(handler: Any) -> None:
    table = MethodTable()
    wanted = method(handler)
    table.add(wanted)
    assert table.at("/v1/echo") is wanted
    assert table.at("/v1/other") is None
    assert table.at("echo") is None


def test_a_stream_is_served_as_one() -> None:
    MethodTable().add(method(stream, stream=True))
    MethodTable().add(method(functools.partial(stream), stream=True))


@pytest.mark.parametrize(
    ("handler", "changes", "said"),
    [
        (blocking, {}, r"is not async; write it with `async def` \(" + HERE + r":\d+\)"),
        (blocking, {"stream": True}, "is not async"),
        (Builder().forgot, {}, r"is not async.*\(" + HERE + r":\d+\)"),
        (Blocking(), {}, r"is not async.*\(" + HERE + r":\d+\)"),
        (None, {}, "cannot be called"),
        (len, {}, "is not async"),
        (stream, {}, r"yields; say stream=True \(" + HERE + r":\d+\)"),
        (echo, {"stream": True}, "its handler never yields"),
        (echo, {"name": "no spaces"}, "needs another name"),
        (echo, {"name": ""}, "needs another name"),
        (echo, {"name": "x" * 65}, "needs another name"),
        (echo, {"request": int}, "a request that is no Synapse class"),
        (echo, {"reply": Answered(text="")}, "a reply that is no Synapse class"),
        (echo, {"request_bytes_max": 0}, "request_bytes_max = 0, which lets nothing through"),
        (echo, {"reply_bytes_max": -1}, "reply_bytes_max"),
        (echo, {"budget_s_max": float("nan")}, "budget_s_max"),
    ],
)
def test_what_could_not_work_is_refused(handler: Any, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MethodTable().add(method(handler, **changes))


def test_two_methods_of_one_name_are_both_named() -> None:
    table = MethodTable()
    table.add(method())
    other = Builder().serve
    with pytest.raises(ValueError, match="two methods are named 'echo'") as caught:
        table.add(method(other))
    assert place_of(echo) in str(caught.value)
    assert place_of(other) in str(caught.value)


@pytest.mark.parametrize(
    ("own", "common", "holds"), [(None, 5, 5), (3, 5, 3), (7, 5, 5), (1.5, 2.5, 1.5)]
)
def test_a_methods_own_limit_holds_below_the_axons(
    own: float | None, common: float, holds: float
) -> None:
    assert smaller(own, common) == holds


def test_the_least_limit_is_one_that_lets_something_through() -> None:
    MethodTable().add(method(request_bytes_max=1, reply_bytes_max=1, budget_s_max=0.001))


def test_a_handler_that_is_not_written_in_python_is_named_by_its_type() -> None:
    assert place_of(len) == "a builtin_function_or_method"
    assert place_of(None) == "a NoneType"
    assert re.fullmatch(HERE + r":\d+", place_of(Builder().serve))
