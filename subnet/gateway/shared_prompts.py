"""What clients have asked whose keys share their prompts, kept for whoever sends canaries.

In come the requests of such keys, with the miners that have seen them; out comes each
conversation once (``take``), after it has been silent for a while, with no key and no name. A
canary is then what a client has asked, and goes to a miner that has not seen it. A conversation is
what one key asks with one beginning: its newest request holds those before it.

All is in memory, within bounds, and gone with the process. One key has a bounded part of it, so
that a miner that is a client as well cannot make most canaries be its own words. This module knows
no HTTP and no chain.
"""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from assay.gateway.openai.meaning import ClientRequest
from assay.protocol.shared_prompts import (
    CHAT,
    PAUSE_S_MAX,
    PLAIN,
    SEEN_BY_MAX,
    SHARED_BODY_BYTES_MAX,
    SHOWN_MAX,
    STEPS_MAX,
    SharedRequest,
)
from assay.types import Ss58

SETTLED_S: Final = PAUSE_S_MAX
"""How long a conversation is silent before it is shown. If the client went on with it afterwards, a
miner could see the same beginning twice and know that one of the two was no client's."""
PER_KEY_MAX: Final = 64
"""Conversations of one key; its oldest go first."""
ALL_MAX: Final = 1_024
"""Conversations of all keys: hundreds of canaries ahead, and 32 MiB at most."""


@dataclass(slots=True)
class _Conversation:
    key: str
    path: Any
    body: dict[str, Any]
    seen_by: set[Ss58] = field(default_factory=set)
    pauses_s: deque[float] = field(default_factory=lambda: deque(maxlen=STEPS_MAX))
    last_s: float = 0.0


class SharedPrompts:
    """The conversations of one gateway's clients that agreed. ``rng`` draws what is shown."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._kept: OrderedDict[bytes, _Conversation] = OrderedDict()
        """By what marks a conversation in miners' caches, the one asked last at the end."""

    def __len__(self) -> int:
        return len(self._kept)

    def note(
        self, key: str, mark: bytes, wanted: ClientRequest, miners: Iterable[Ss58], now_s: float
    ) -> None:
        """Keep what the key with the id ``key`` ``wanted`` at ``now_s``, a monotonic time in
        seconds. ``mark`` names the conversation, and ``miners`` have seen the request."""
        path, body = (CHAT if wanted.is_chat else PLAIN), body_of(wanted)
        known = self._kept.pop(mark, None)
        if known is None:
            known = _Conversation(key, path, body)
        else:
            known.pauses_s.append(min(max(0.0, now_s - known.last_s), PAUSE_S_MAX))
        known.seen_by.update(miners)
        known.path, known.body, known.last_s = path, body, now_s
        if len(msgspec.json.encode(body)) > SHARED_BODY_BYTES_MAX or (
            len(known.seen_by) > SEEN_BY_MAX
        ):
            return
        self._kept[mark] = known
        own = [other for other, each in self._kept.items() if each.key == key]
        for oldest in own[: max(0, len(own) - PER_KEY_MAX)]:
            del self._kept[oldest]
        while len(self._kept) > ALL_MAX:
            self._kept.popitem(last=False)

    def take(self, now_s: float, count: int = SHOWN_MAX) -> list[SharedRequest]:
        """Return up to ``count`` conversations that are over at ``now_s``, drawn from all; they are
        not kept any longer."""
        settled = [mark for mark, c in self._kept.items() if now_s - c.last_s >= SETTLED_S]
        drawn = self._rng.sample(settled, min(count, len(settled)))
        taken = [self._kept.pop(mark) for mark in drawn]
        return [
            SharedRequest(
                path=each.path,
                body=each.body,
                seen_by=sorted(each.seen_by),
                pauses_s=list(each.pauses_s),
            )
            for each in taken
        ]


def body_of(wanted: ClientRequest) -> dict[str, Any]:
    """Return a body of OpenAI's interface that asks for what is ``wanted``, without the model's
    name. What a client has said of itself (``user``, ``metadata``) is not in it."""
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
        body["messages"] = [dict(message) for message in wanted.messages]
        if wanted.tools:
            body["tools"] = [dict(tool) for tool in wanted.tools]
        if options.logprobs is not None:
            body |= {"logprobs": True, "top_logprobs": options.logprobs}
        return body
    body["prompt"] = wanted.prompts[0] if len(wanted.prompts) == 1 else list(wanted.prompts)
    if options.logprobs is not None:
        body["logprobs"] = options.logprobs
    return body
