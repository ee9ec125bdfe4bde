"""From the text of an answer to the tools that the model calls in it, as far as it is certain.

Models of the Qwen and Hermes families write a call as one object between two tags:

    <tool_call>
    {"name": "weather", "arguments": {"city": "Bern"}}
    </tool_call>

``ToolCallReader`` takes the text as it grows and gives back plain text and whole calls, in order. A
call is one only if it names a tool that the client offered and its arguments are an object, which
are handed on letter by letter. Anything else between the tags stays text, tags included: what is
broken, too long or nested without end, and tags of another kind. Pure.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Annotated, Any, Final, NamedTuple

import msgspec

OPENS: Final = "<tool_call>"
CLOSES: Final = "</tool_call>"
CALL_CHARS_MAX: Final = 32_768
"""Of one call, with its tags: what an answer of 4,096 tokens has as a rule. A text that goes on for
longer behind an opening tag is shown, because a client would wait for it and see nothing."""
CALLS_MAX: Final = 128
"""Of one answer: as many as a client may offer tools. The next ones stay text."""
BLANK: Final = " \t\r\n"
"""What models write between two calls, and before the first: it is no text."""


class ToolCall(NamedTuple):
    """One call that the model has written."""

    name: str
    arguments: str
    """A JSON object, as the model wrote it."""


class _Written(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(max_length=200)]
    arguments: msgspec.Raw


def tool_names(tools: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the names of the functions among ``tools``, as a client offers them."""
    functions = [tool.get("function") for tool in tools]
    names = [each.get("name") for each in functions if isinstance(each, dict)]
    return frozenset(name for name in names if isinstance(name, str))


def with_objects(calls: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the ``calls`` of an earlier answer as chat templates take them: OpenAI's clients send
    the arguments of a function as text, templates want the object. Text that is none is left."""
    made = []
    for call in calls:
        function = call.get("function")
        if isinstance(function, dict) and isinstance(function.get("arguments"), str):
            with contextlib.suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
                found = msgspec.json.decode(function["arguments"], type=dict[str, Any])
                call = {**call, "function": {**function, "arguments": found}}
        made.append(dict(call))
    return made


class ToolCallReader:
    """Reads the text of one answer. ``tools`` are the names of what may be called."""

    def __init__(self, tools: Collection[str]) -> None:
        self._tools = frozenset(tools)
        self._held = ""
        """What is not certain to be text: a blank, a part of a tag, or an open call."""
        self.calls = 0
        """How many calls were read."""

    def add(self, text: str) -> list[str | ToolCall]:
        """Take in more of the text; return what has become certain with it."""
        self._held += text
        return list(self._certain(is_over=False))

    def end(self) -> list[str | ToolCall]:
        """Return the rest; no text follows. A call whose closing tag was not written is one all the
        same if it is whole: models end their answer there."""
        return list(self._certain(is_over=True))

    def _certain(self, *, is_over: bool) -> Iterator[str | ToolCall]:
        while self._held:
            at = self._held.find(OPENS)
            if at < 0:
                yield from self._text(len(self._held) if is_over else self._settled())
                return
            if self._held[:at].strip(BLANK):
                yield from self._text(len(self._held[:at].rstrip(BLANK)))
                continue
            begins = at + len(OPENS)
            ends = self._held.find(CLOSES, begins)
            if ends < 0 and not is_over and len(self._held) - at <= CALL_CHARS_MAX:
                return
            is_whole = ends >= 0 or is_over
            written = self._held[begins : ends if ends >= 0 else len(self._held)]
            call = self._read(written) if is_whole else None
            if call is None:  # its first tag is text; behind it there may be another
                yield from self._text(begins)
                continue
            self.calls += 1
            self._held = self._held[ends + len(CLOSES) :] if ends >= 0 else ""
            yield call

    def _settled(self) -> int:
        """How much of what is held cannot belong to a call: all but the beginning of a tag, and
        the blanks before it."""
        text = self._held
        for length in range(min(len(OPENS) - 1, len(text)), 0, -1):
            if OPENS.startswith(text[-length:]):
                text = text[:-length]
                break
        return len(text.rstrip(BLANK))

    def _text(self, length: int) -> Iterator[str]:
        text, self._held = self._held[:length], self._held[length:]
        if text and not (self.calls and not text.strip(BLANK) and not self._held):
            yield text

    def _read(self, written: str) -> ToolCall | None:
        """The call in what stands between two tags; None if it is none."""
        if len(written) > CALL_CHARS_MAX or self.calls >= CALLS_MAX:
            return None
        try:
            found = msgspec.json.decode(written, type=_Written)
            arguments = msgspec.json.decode(found.arguments, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
        if found.name not in self._tools or not isinstance(arguments, dict):
            return None
        return ToolCall(found.name, bytes(found.arguments).decode())
