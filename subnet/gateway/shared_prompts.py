"""What clients have asked whose keys share their prompts, kept for whoever sends canaries.

In come the requests of such keys, with the miners that have seen them; out comes each session once
(``take``), after it has been silent for a while, with no key and no name. A canary is then what a
client has asked, and goes to a miner that has not seen it. A session is what one key asks without a
long pause: a lone question of several that come within seconds would be no client's.

All is in memory, within bounds, and gone with the process. One key has a bounded part of it, so
that a miner that is a client as well cannot make most canaries be its own words. This module knows
no HTTP and no chain.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from assay.gateway.openai.meaning import ClientRequest
from assay.protocol.shared_prompts import (
    CHAT,
    PAUSE_S_MAX,
    PLAIN,
    REQUESTS_MAX,
    SEEN_BY_MAX,
    SESSION_BYTES_MAX,
    SHOWN_MAX,
    SharedRequest,
    SharedSession,
)
from assay.types import Ss58

SETTLED_S: Final = PAUSE_S_MAX
"""How long a session is over before it is shown. If the client went on with a conversation
afterwards, a miner could see the same beginning twice and know that one of the two was no
client's."""
PER_KEY_MAX: Final = 32
"""Sessions of one key; its oldest go first."""
ALL_MAX: Final = 512
"""Sessions of all keys: hundreds of canaries ahead, and 32 MiB at most."""
MARKS_MAX: Final = 16_384
"""Beginnings of which it is remembered who has seen them. One that was forgotten is asked again of
a miner that knows it, which then can tell this canary."""


@dataclass(slots=True)
class _Session:
    key: str
    requests: list[SharedRequest] = field(default_factory=list)
    marks: set[bytes] = field(default_factory=set)
    bytes: int = 0
    last_s: float = 0.0


class SharedPrompts:
    """The sessions of one gateway's clients that agreed. ``rng`` draws what is shown."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._kept: list[_Session] = []
        """The oldest first."""
        self._newest: dict[str, _Session] = {}
        """Of each key."""
        self._seen_by: OrderedDict[bytes, set[Ss58]] = OrderedDict()
        """By what marks a beginning in miners' caches."""

    def __len__(self) -> int:
        return len(self._kept)

    def note(
        self,
        key: str,
        mark: bytes,
        wanted: ClientRequest,
        miners: Iterable[Ss58],
        asked_s: float,
        now_s: float,
    ) -> None:
        """Keep what the key with the id ``key`` ``wanted`` at ``asked_s`` and was answered at
        ``now_s``, monotonic times in seconds. ``mark`` names how it begins, and ``miners`` have
        seen it."""
        self._seen_by.setdefault(mark, set()).update(miners)
        self._seen_by.move_to_end(mark)
        while len(self._seen_by) > MARKS_MAX:
            self._seen_by.popitem(last=False)
        body = body_of(wanted)
        size = len(msgspec.json.encode(body))
        if size > SESSION_BYTES_MAX:
            return
        session = self._newest.get(key)
        pause_s = max(0.0, asked_s - session.last_s) if session is not None else 0.0
        if session is None or not _fits(session, pause_s, size):
            session = self._begun(key)
            pause_s = 0.0
        path: Any = CHAT if wanted.is_chat else PLAIN
        session.requests.append(SharedRequest(path=path, body=body, pause_s=pause_s))
        session.marks.add(mark)
        session.bytes += size
        session.last_s = now_s

    def take(self, now_s: float, count: int = SHOWN_MAX) -> list[SharedSession]:
        """Return up to ``count`` sessions that are over at ``now_s``, drawn from all; they are not
        kept any longer."""
        settled = [each for each in self._kept if now_s - each.last_s >= SETTLED_S]
        taken = self._rng.sample(settled, min(count, len(settled)))
        for each in taken:
            self._drop(each)
        shown = []
        for each in taken:
            seen_by = {m for mark in each.marks for m in self._seen_by.get(mark, ())}
            if len(seen_by) <= SEEN_BY_MAX:
                shown.append(SharedSession(requests=each.requests, seen_by=sorted(seen_by)))
        return shown

    def _begun(self, key: str) -> _Session:
        """A new session of ``key``, with room made for it."""
        session = self._newest[key] = _Session(key)
        own = [each for each in self._kept if each.key == key]
        for each in own[: max(0, len(own) + 1 - PER_KEY_MAX)]:
            self._drop(each)
        self._kept.append(session)
        while len(self._kept) > ALL_MAX:
            self._drop(self._kept[0])
        return session

    def _drop(self, session: _Session) -> None:
        self._kept.remove(session)
        if self._newest.get(session.key) is session:
            del self._newest[session.key]


def _fits(session: _Session, pause_s: float, size: int) -> bool:
    """Whether a request of so many bytes, so long after the last one, is of the same session."""
    return (
        pause_s < PAUSE_S_MAX
        and len(session.requests) < REQUESTS_MAX
        and session.bytes + size <= SESSION_BYTES_MAX
    )


def _is_tool(message: Mapping[str, Any]) -> bool:
    return message.get("role") in ("tool", "function")


def body_of(wanted: ClientRequest) -> dict[str, Any]:
    """Return a body of OpenAI's interface that asks for what is ``wanted``, without the model's
    name. What a client has said of itself (``user``, ``metadata``) is not in it, nor who has said a
    message; a tool's name is."""
    options = wanted.options
    fields: dict[str, tuple[Any, Any]] = {
        "max_tokens": (options.max_tokens, None),
        "seed": (options.seed, None),
        "temperature": (options.temperature, 1.0),
        "top_p": (options.top_p, 1.0),
        "top_k": (options.top_k, 0),
        "min_p": (options.min_p, 0.0),
        "repetition_penalty": (options.repetition_penalty, 1.0),
        "presence_penalty": (options.presence_penalty, 0.0),
        "frequency_penalty": (options.frequency_penalty, 0.0),
        "logit_bias": (options.bias and {str(k): v for k, v in options.bias.items()}, None),
        "stop": (list(options.stop), []),
        "n": (wanted.n, 1),
        "stream": (wanted.stream, False),
    }
    body = {name: value for name, (value, usual) in fields.items() if value != usual}
    if wanted.include_usage:
        body["stream_options"] = {"include_usage": True}
    if wanted.is_chat:
        body["messages"] = [
            {name: value for name, value in message.items() if name != "name" or _is_tool(message)}
            for message in wanted.messages
        ]
        if wanted.tools:
            body["tools"] = [dict(tool) for tool in wanted.tools]
        if options.logprobs is not None:
            body |= {"logprobs": True, "top_logprobs": options.logprobs}
        return body
    body["prompt"] = wanted.prompts[0] if len(wanted.prompts) == 1 else list(wanted.prompts)
    if options.logprobs is not None:
        body["logprobs"] = options.logprobs
    return body
