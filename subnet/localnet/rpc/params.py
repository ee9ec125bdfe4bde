"""Decodes a call's parameters from JSON to typed arguments, before any logic runs.

A method's Python signature is its schema. ``ParamsOf`` makes a decoder of a signature, for the
positional form (a JSON array) and the named form (an object). Parameters that do not fit raise
``RpcError`` -32602, which names the place. Absent trailing parameters and nulls take the default;
surplus parameters are ignored, as Substrate's nodes do. This module calls no method.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, get_type_hints

import msgspec

from assay.localnet.rpc.errors import invalid_params
from assay.types import ss58_decode

_HASH_BYTES: Final = 32


class Hex(bytes):
    """Bytes that a client writes in hex, with ``0x`` or, as some clients do, without."""


class Hash(bytes):
    """A block's hash: 32 bytes that a client writes in hex."""


class AccountId32(bytes):
    """A 32-byte account id that a client writes as SS58 of any network, or in hex."""


def _decode_custom(kind: type, value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError(f"a string is expected, not {type(value).__name__}")
    if kind is Hex:
        return Hex(_from_hex(value))
    if kind is Hash:
        raw = _from_hex(value)
        if len(raw) != _HASH_BYTES:
            raise ValueError(f"a hash has {_HASH_BYTES} bytes, not {len(raw)}")
        return Hash(raw)
    if kind is AccountId32:
        if value.startswith("0x"):
            raw = _from_hex(value)
            if len(raw) != _HASH_BYTES:
                raise ValueError(f"an account id has {_HASH_BYTES} bytes, not {len(raw)}")
            return AccountId32(raw)
        return AccountId32(ss58_decode(value, prefix=None))
    raise NotImplementedError(kind)


def _from_hex(text: str) -> bytes:
    digits = text[2:] if text.startswith("0x") else text
    if not digits.isalnum() and digits:  # ``bytes.fromhex`` would skip blanks
        raise ValueError("not hexadecimal")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise ValueError("not hexadecimal, or an odd number of digits") from None


class ParamsOf:
    """The decoder of one function's parameters after the first ``skip``."""

    def __init__(self, function: Callable[..., Any], *, skip: int) -> None:
        hints = get_type_hints(function)
        parameters = list(inspect.signature(function).parameters.values())[skip:]
        fields: list[Any] = []
        for parameter in parameters:
            field = (parameter.name, hints[parameter.name])
            if parameter.default is inspect.Parameter.empty:
                fields.append(field)
            else:
                fields.append((*field, parameter.default))
        name = f"{function.__name__}_params"
        positional = msgspec.defstruct(name, fields, array_like=True)
        named = msgspec.defstruct(name, fields, forbid_unknown_fields=True)
        self._positional = msgspec.json.Decoder(positional, dec_hook=_decode_custom)
        self._named = msgspec.json.Decoder(named, dec_hook=_decode_custom)
        self._names = tuple(parameter.name for parameter in parameters)

    def decode(self, raw: msgspec.Raw | None) -> tuple[Any, ...]:
        """Decode ``raw``, the call's ``params``, into the arguments in the function's order."""
        text = b"[]" if raw is None else bytes(raw)
        if text == b"null":
            text = b"[]"
        decoder = self._named if text.startswith(b"{") else self._positional
        try:
            values = decoder.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise invalid_params(str(error)) from None
        return tuple(getattr(values, name) for name in self._names)
