"""Frames and parameters: what is taken, what is answered with which standard error."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from assay.localnet.rpc.envelope import failure, id_of, read_frame, read_request, success
from assay.localnet.rpc.errors import (
    BATCH_TOO_BIG,
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    RpcError,
)
from assay.localnet.rpc.params import AccountId32, Hash, Hex, ParamsOf
from assay.types import ss58_encode


def code_of(frame: bytes) -> int:
    try:
        for call in read_frame(frame, batch_calls_max=2, values_max=1_000).calls:
            read_request(call)
    except RpcError as error:
        return error.code
    raise AssertionError("taken")


GOOD = b'{"jsonrpc":"2.0","id":1,"method":"a"}'


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"", PARSE_ERROR),
        (b"{", PARSE_ERROR),
        (b"nonsense", PARSE_ERROR),
        (b"\xff\xfe", PARSE_ERROR),
        (b"[" + GOOD, PARSE_ERROR),
        (b"[" * 100_000, PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"a","params":' + b"[" * 100_000, PARSE_ERROR),
        (b"[]", INVALID_REQUEST),
        (b"1", INVALID_REQUEST),
        (b"[1]", INVALID_REQUEST),
        (b'{"id":1,"method":"a"}', INVALID_REQUEST),
        (b'{"jsonrpc":"1.0","id":1,"method":"a"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":[1],"method":"a"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"a"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":99999999999999999999,"method":"a"}', INVALID_REQUEST),
        (b"[" + b",".join([GOOD] * 3) + b"]", BATCH_TOO_BIG),
    ],
)
def test_malformed_frames_get_the_standard_code(frame: bytes, code: int) -> None:
    assert code_of(frame) == code


def test_a_frame_is_one_call_or_a_batch() -> None:
    assert read_frame(b" " + GOOD + b"\n", batch_calls_max=2, values_max=1_000).calls == (GOOD,)
    batch = read_frame(b"[" + GOOD + b" , " + GOOD + b"]", batch_calls_max=2, values_max=1_000)
    assert batch.batch
    assert batch.calls == (GOOD, GOOD)


@pytest.mark.parametrize("call_id", [None, 0, -5, 2**63 - 1, "abc", ""])
def test_ids_are_echoed_as_they_were(call_id: int | str | None) -> None:
    request = read_request(json.dumps({"jsonrpc": "2.0", "id": call_id, "method": "m"}).encode())
    assert request.id == call_id
    assert json.loads(success(call_id, {"x": 1})) == {
        "jsonrpc": "2.0",
        "id": call_id,
        "result": {"x": 1},
    }


def test_a_call_without_an_id_is_a_notification() -> None:
    assert read_request(b'{"jsonrpc":"2.0","method":"m"}').id is msgspec.UNSET


def test_an_invalid_call_is_answered_under_its_id_if_it_has_one() -> None:
    assert id_of(b'{"id":7}') == 7
    assert id_of(b'{"id":[7]}') is None
    assert id_of(b"{") is None


def test_a_failure_holds_code_message_and_data() -> None:
    told = json.loads(failure(3, RpcError(1010, "Invalid Transaction", "Custom error: 6")))
    assert told["error"] == {
        "code": 1010,
        "message": "Invalid Transaction",
        "data": "Custom error: 6",
    }
    assert "data" not in json.loads(failure(3, RpcError(-32601, "Method not found")))["error"]


# -- parameters


def sample(
    node: Any, key: Hex, count: int = 5, at: Hash | None = None, who: AccountId32 | None = None
) -> None: ...


DECODER = ParamsOf(sample, skip=1)
HASH = "0x" + "ab" * 32


def decode(text: str | None) -> tuple[Any, ...]:
    return DECODER.decode(None if text is None else msgspec.Raw(text.encode()))


def test_positional_and_named_and_defaults() -> None:
    assert decode('["0x0102"]') == (b"\x01\x02", 5, None, None)
    assert decode(f'["0102", 7, "{HASH}", null]') == (b"\x01\x02", 7, b"\xab" * 32, None)
    assert decode('{"count": 2, "key": "0x"}') == (b"", 2, None, None)
    assert decode('["0x", 1, null, null, "surplus"]') == (b"", 1, None, None)


def test_an_account_is_ss58_of_any_network_or_hex() -> None:
    key = bytes(range(32))
    for written in (ss58_encode(key), ss58_encode(key, prefix=0), "0x" + key.hex()):
        assert decode(f'["0x", 1, null, "{written}"]')[3] == key


@pytest.mark.parametrize(
    "text",
    [
        None,
        "null",
        "[]",
        "5",
        '"0x"',
        "[5]",
        '["0x1"]',
        '["0xzz"]',
        '["0x 1 2"]',
        '["0x", "1"]',
        '["0x", null]',
        '["0x", 1, "0xab"]',
        '["0x", 1, null, "5Grw"]',
        '["0x", 1, null, "0xab"]',
        '{"key": "0x", "nope": 1}',
        '["0x\udcff"]',
    ],
)
def test_wrong_parameters_get_the_standard_code(text: str | None) -> None:
    raw = None if text is None else msgspec.Raw(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RpcError) as caught:
        DECODER.decode(raw)
    assert caught.value.code == INVALID_PARAMS
    assert caught.value.data
