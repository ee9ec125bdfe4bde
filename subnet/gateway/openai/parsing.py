"""From the bytes of a body to one of the structs in ``schemas``, or to an error that says where.

msgspec says where a value is wrong and what was expected; ``ApiError`` says the same in OpenAI's
words and codes. The value itself is never repeated: it may be a prompt. Pure.
"""

from __future__ import annotations

import re
from typing import Final, TypeVar

import msgspec

from assay.gateway.openai.errors import ApiError, invalid_value, named, unreadable_body

Body = TypeVar("Body", bound=msgspec.Struct)

_PLACE: Final = re.compile(r"(.*) - at (?:`(?:key|value)` in )?`\$\.?(.*)`", re.DOTALL)
"""What is wrong, and the field; a key of an object is one of the field's values."""
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_BOUND: Final = re.compile(r"Expected `(\w+)[^`]*` (<=|>=|<|>) (\S+)")
_LENGTH: Final = re.compile(r"Expected `(\w+)[^`]*` of length (<=|>=) (\d+)")
_TYPE: Final = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_WORDS: Final = {"int": "integer", "float": "decimal", "str": "string", "bool": "boolean"}
"""What OpenAI's messages call the types that msgspec names as Python does."""


def parse_body(kind: type[Body], data: bytes) -> Body:
    """Return the ``kind`` in ``data``; ApiError if it is not JSON, or not a whole ``kind``."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise _told(str(error)) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise unreadable_body() from None


def _told(said: str) -> ApiError:
    """What msgspec ``said``, as OpenAI would say it."""
    place = _PLACE.fullmatch(said)
    what, where = place.groups() if place is not None else (said, "")
    if found := _UNKNOWN.fullmatch(what):
        param = named(_inside(where, found[1]))
        return invalid_value(f"Unknown parameter: '{param}'.", param, "unknown_parameter")
    if found := _MISSING.fullmatch(what):
        param = _inside(where, found[1])
        return invalid_value(
            f"Missing required parameter: '{param}'.", param, "missing_required_parameter"
        )
    if not where:
        return invalid_value("The request's body must be a JSON object.", None, "invalid_type")
    if found := _LENGTH.fullmatch(what):
        return _wrong_length(where, *found.groups())
    if found := _BOUND.fullmatch(what):
        return _out_of_bounds(where, *found.groups())
    if found := _TYPE.fullmatch(what):
        wanted, got = (_named_types(part) for part in found.groups())
        return invalid_value(
            f"Invalid type for '{where}': expected {wanted}, but got {got} instead.",
            where,
            "invalid_type",
        )
    return invalid_value(f"Invalid value for '{where}'.", where)


def _inside(where: str, field: str) -> str:
    return f"{where}.{field}" if where else field


def _named_types(shown: str) -> str:
    return " or ".join(_WORDS.get(part, part) for part in shown.split(" | "))


def _out_of_bounds(where: str, kind: str, sign: str, bound: str) -> ApiError:
    word = _WORDS.get(kind, kind)
    above = sign in ("<=", "<")
    side, code = ("above maximum", "above_max") if above else ("below minimum", "below_min")
    return invalid_value(
        f"Invalid '{where}': {word} {side} value. Expected a value {sign} {bound}.",
        where,
        f"{word}_{code}_value",
    )


def _wrong_length(where: str, kind: str, sign: str, length: str) -> ApiError:
    word = _WORDS.get(kind, kind)
    long = sign == "<="
    side, code = ("too long", "above_max") if long else ("too short", "below_min")
    bound = "maximum" if long else "minimum"
    return invalid_value(
        f"Invalid '{where}': {word} {side}. Expected {word} with {bound} length {length}.",
        where,
        f"{word}_{code}_length",
    )
